/* A small model for the tests of model files. */
#ifndef LYC_TEST_MODEL_FIXTURE_H
#define LYC_TEST_MODEL_FIXTURE_H

#include "lyceum/model.h"
#include "tests/unit/data/fixture.h"

static const made small = {.rows = 12, .channels = 2, .height = 3, .width = 5, .classes = 3};
static const lyc_network_spec mlp = {.arch = "mlp", .hidden = {7, 4}, .hidden_count = 2, .dropout = 0.25};

static inline lyc_model *make_model(const made *what, const lyc_network_spec *spec) {
    lyc_model *model = NULL;
    lyc_dataset *data = fixture_open("model-data.h5", what);
    assert_ok(lyc_model_create(&model, spec, data, &failure));
    lyc_network_init(model->network, 1, model->params);
    lyc_dataset_close(data);
    return model;
}

static inline void assert_same_model(const lyc_model *a, const lyc_model *b) {
    const lyc_network_spec *left = lyc_network_get_spec(a->network),
                           *right = lyc_network_get_spec(b->network);
    assert_string_equal(left->arch, right->arch);
    assert_int_equal(left->channels, right->channels);
    assert_int_equal(left->height, right->height);
    assert_int_equal(left->width, right->width);
    assert_int_equal(left->classes, right->classes);
    assert_int_equal(left->hidden_count, right->hidden_count);
    assert_int_equal(left->depth, right->depth);
    assert_int_equal(left->shortcut, right->shortcut);
    assert_int_equal(left->block_count, right->block_count);
    for (size_t i = 0; i < left->block_count; i++) {
        const lyc_block *a_block = &left->blocks[i], *b_block = &right->blocks[i];
        assert_int_equal(a_block->channels, b_block->channels);
        assert_int_equal(a_block->kernel, b_block->kernel);
        assert_int_equal(a_block->stride, b_block->stride);
        assert_int_equal(a_block->batch_norm, b_block->batch_norm);
        assert_int_equal(a_block->pool, b_block->pool);
        assert_true(a_block->dropout == b_block->dropout);
    }
    assert_memory_equal(left->hidden, right->hidden, sizeof left->hidden);
    assert_true(left->dropout == right->dropout);
    assert_memory_equal(&a->preprocess, &b->preprocess, sizeof a->preprocess);
    assert_int_equal(a->class_count, b->class_count);
    for (int c = 0; c < a->class_count; c++) assert_string_equal(a->class_names[c], b->class_names[c]);
    assert_string_equal(a->provenance, b->provenance);
    assert_string_equal(a->fingerprint, b->fingerprint);
    assert_int_equal(lyc_network_size(a->network), lyc_network_size(b->network));
    assert_memory_equal(a->params, b->params, lyc_network_size(a->network) * sizeof(float));
}

#endif

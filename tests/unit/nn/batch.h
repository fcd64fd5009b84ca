/* A made-up batch to train on, for tests that look at a whole network. */
#ifndef NN_TEST_BATCH_H
#define NN_TEST_BATCH_H

#include "harness.h"
#include "nn/network.h"

typedef struct batch {
    const lyc_network *net;
    size_t rows, row_size, classes;
    float *images, *targets, *params, *gradient;
    int32_t *labels;
} batch;

static inline void batch_give(void *payload, size_t first, size_t rows, float *out) {
    const batch *b = payload;
    memcpy(out, b->images + first * b->row_size, rows * b->row_size * sizeof *out);
}

static inline void batch_gradient(void *payload, size_t shard, size_t first, size_t rows, const float *logits,
                                  float *gradient) {
    (void)shard;
    const batch *b = payload;
    const float share = 0.5F / (float)b->rows;
    memset(gradient, 0, rows * b->classes * sizeof *gradient);
    lyc_cross_entropy_gradient(logits, b->labels + first, share, rows, b->classes, NULL, gradient);
    lyc_kl_gradient(logits, b->targets + first * b->classes, 4, share, rows, b->classes, NULL, gradient);
}

static inline void batch_open(batch *b, const lyc_network *net, size_t rows, uint32_t seed) {
    *b = (batch){.net = net, .rows = rows, .row_size = lyc__shape_size(&net->graph->input)};
    b->classes = lyc__graph_shape(net->graph, net->graph->output)->dims[0];
    b->images = harness_floats(rows * b->row_size);
    b->targets = harness_floats(rows * b->classes);
    b->params = harness_floats(lyc_network_size(net));
    b->gradient = harness_floats(lyc_network_size(net));
    b->labels = lyc_calloc(rows, sizeof *b->labels);
    assert_non_null(b->labels);
    fill_random(b->images, rows * b->row_size, -1, 1, seed);
    fill_random(b->targets, rows * b->classes, -2, 2, seed + 1);
    lyc_softmax(b->targets, 1, rows, b->classes, b->targets);
    for (size_t r = 0; r < rows; r++) b->labels[r] = (int32_t)(r * 7 % (b->classes + 1)) - 1;
    lyc_network_init(net, seed, b->params);
}

static inline void batch_close(batch *b) {
    lyc_free(b->images);
    lyc_free(b->targets);
    lyc_free(b->params);
    lyc_free(b->gradient);
    lyc_free(b->labels);
}

static inline lyc_workspace *workspace_of(const lyc_network *net, lyc_mode mode, size_t rows) {
    lyc_error err = {0};
    lyc_workspace *workspace = NULL;
    if (lyc_workspace_create(&workspace, net, mode, rows, &err) != LYC_OK) fail_msg("%s", err.message);
    return workspace;
}

/* Forward and backward of the first `rows` rows; the key of random draws moves with `step`. */
static inline void batch_run(batch *b, lyc_workspace *workspace, size_t rows, uint32_t step, lyc_pool *pool) {
    const lyc_pass pass = {
        .rows = rows, .input = batch_give, .input_payload = b, .seed = 4, .epoch = 1, .step = step};
    lyc_workspace_forward(workspace, b->params, &pass, pool);
    lyc_workspace_backward(workspace, b->params, b->gradient, batch_gradient, b, pool);
}

static inline lyc_network *network_create(const lyc_network_spec *spec) {
    lyc_error err = {0};
    lyc_network *net = NULL;
    if (lyc_network_create(&net, spec, &err) != LYC_OK) fail_msg("%s", err.message);
    return net;
}

#endif

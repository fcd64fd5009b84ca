/* Teachers from model files: the network's own answers and preprocessing, the same bits for any number of
 * threads. */
#include "fake.h"
#include "lyceum/model.h"

static lyc_dataset *data;
static const lyc_view_recipe recipe = {.views = 2, .shift = 1, .flip = true, .seed = 4};

static int open_data(void **state) {
    if (scratch_open(state) != 0) return -1;
    data = fake_dataset(scratch_path("data.h5"), 0);
    return 0;
}

static int close_data(void **state) {
    lyc_dataset_close(data);
    return scratch_close(state);
}

static lyc_model *make_model(uint64_t seed) {
    lyc_model *model;
    lyc_error err = {0};
    lyc_network_spec spec = {.arch = "mlp", .hidden = {24}, .hidden_count = 1};
    EXPECT_OK(lyc_model_create(&model, &spec, data, &err));
    lyc_network_init(model->network, seed, model->params);
    return model;
}

static const char *save(lyc_model *model) {
    const char *path = scratch_path("model.h5");
    lyc_error err = {0};
    EXPECT_OK(lyc_model_save(model, path, &err));
    return path;
}

static lyc_status open_model(lyc_teacher **out, const char *path, const lyc_dataset *of, lyc_error *err) {
    lyc_teacher_options options = {.name = "net", .kind = "model", .path = path};
    return lyc_teacher_open(out, &options, of, &recipe, err);
}

static lyc_teacher *open_saved(lyc_model *model) {
    lyc_teacher *teacher;
    lyc_error err = {0};
    EXPECT_OK(open_model(&teacher, save(model), data, &err));
    return teacher;
}

typedef struct direct_input {
    const lyc_model *model;
    const uint32_t *rows;
    int view;
} direct_input;

static void fill_direct(void *payload, size_t first, size_t count, float *out) {
    const direct_input *input = payload;
    lyc_dataset_fill(data, &input->model->preprocess, &recipe, input->view, input->rows + first, count, out);
}

/* The network asked without a teacher in between, in one pass, frozen or as it is. */
static void ask_directly(const lyc_model *model, bool freezes, const uint32_t *rows, size_t count, int view,
                         float *out) {
    lyc_frozen *frozen = NULL;
    lyc_workspace *workspace;
    lyc_error err = {0};
    direct_input input = {.model = model, .rows = rows, .view = view};
    EXPECT_OK(lyc_frozen_create(&frozen, model->network, model->params, LYC_PRECISION_F32, count, &err));
    if (freezes) EXPECT_OK(lyc_workspace_create_frozen(&workspace, frozen, &err));
    else EXPECT_OK(lyc_workspace_create(&workspace, model->network, LYC_MODE_INFER, count, &err));
    lyc_pass pass = {.rows = count, .input = fill_direct, .input_payload = &input};
    lyc_workspace_forward(workspace, freezes ? NULL : model->params, &pass, NULL);
    memcpy(out, lyc_workspace_logits(workspace), count * FAKE_CLASSES * sizeof *out);
    lyc_workspace_destroy(workspace);
    lyc_frozen_destroy(frozen);
}

static void it_answers_as_the_network_does(void **state) {
    (void)state;
    lyc_error err = {0};
    uint32_t rows[200];
    float out[200 * FAKE_CLASSES], wanted[200 * FAKE_CLASSES];
    lyc_model *model = make_model(1);
    model->preprocess.mean[0] = 0.3f; /* its own, not the data set's */
    model->preprocess.std[0] = 0.7f;
    lyc_teacher *teacher = open_saved(model);
    const lyc_teacher_info *info = lyc_teacher_get_info(teacher);
    assert_true(info->knows_all && !info->blocking);
    assert_true(info->flops_per_row == lyc_network_flops_forward(model->network));
    for (uint32_t i = 0; i < 200; i++) rows[i] = (i * 13 + 7) % FAKE_ROWS;
    for (int view = 0; view < 2; view++) {
        ask_directly(model, true, rows, 200, view, wanted);
        EXPECT_OK(lyc_teacher_logits(teacher, rows, 200, view, out, NULL, &err));
        assert_memory_equal(out, wanted, sizeof out);
        lyc_logit_error error;
        ask_directly(model, false, rows, 200, view, wanted);
        lyc_logit_error_measure(&error, out, wanted, 200, FAKE_CLASSES);
        assert_true(error.largest <= 1e-5); /* the logits are about 1 */
    }
    lyc_teacher_close(teacher);
    lyc_model_destroy(model);
}

static void same_bits_for_any_number_of_threads(void **state) {
    (void)state;
    enum { COUNT = 700 }; /* several chunks, the last one short */
    static float first[COUNT * FAKE_CLASSES], out[COUNT * FAKE_CLASSES];
    uint32_t rows[COUNT];
    lyc_error err = {0};
    lyc_model *model = make_model(1);
    lyc_teacher *teacher = open_saved(model);
    for (uint32_t i = 0; i < COUNT; i++) rows[i] = (i * 17) % FAKE_ROWS;
    EXPECT_OK(lyc_teacher_logits(teacher, rows, COUNT, 1, first, NULL, &err));
    for (size_t chunk = 0; chunk < COUNT; chunk += 256)
        ask_directly(model, true, rows + chunk, chunk + 256 < COUNT ? 256 : COUNT - chunk, 1,
                     out + chunk * FAKE_CLASSES);
    assert_memory_equal(out, first, sizeof out);
    static const int threads[] = {1, 2, 3, 8};
    for (size_t i = 0; i < 4; i++) {
        lyc_pool *pool;
        EXPECT_OK(lyc_pool_create(&pool, threads[i], &err));
        EXPECT_OK(lyc_teacher_logits(teacher, rows, COUNT, 1, out, pool, &err));
        assert_memory_equal(out, first, sizeof out);
        lyc_pool_destroy(pool);
    }
    lyc_teacher_close(teacher);
    lyc_model_destroy(model);
}

/* Batches through the look-ahead, with banks and without, as a run gets them. */
static void an_ensemble_of_networks_has_the_same_bits(void **state) {
    (void)state;
    static const int threads[] = {1, 2, 3, 8};
    uint32_t rows[900];
    lyc_model *model = make_model(1);
    char path[SCRATCH_PATH];
    (void)snprintf(path, sizeof path, "%s", save(model));
    lyc_teacher_options teachers[2] = {{.name = "a", .kind = "model", .path = path},
                                       {.name = "b", .kind = "model", .path = path}};
    for (uint32_t i = 0; i < 900; i++) rows[i] = i;
    for (int banked = 0; banked < 2; banked++) {
        float firsts[2 * 19][FAKE_CLASSES];
        for (size_t i = 0; i < 4; i++) {
            lyc_error err = {0};
            lyc_pool *pool;
            lyc_ensemble *ensemble;
            char banks[SCRATCH_PATH];
            (void)snprintf(banks, sizeof banks, "%s/%d", scratch_path("banks"), threads[i]);
            lyc_ensemble_options options = {.teachers = teachers,
                                            .teacher_count = 2,
                                            .bank_directory = banked ? banks : NULL,
                                            .min_ahead = 3};
            EXPECT_OK(lyc_pool_create(&pool, threads[i], &err));
            EXPECT_OK(lyc_ensemble_open(&ensemble, &options, data, &recipe, pool, &err));
            EXPECT_OK(lyc_ensemble_start(ensemble, rows, 900, 48, 2, 3, 2, 0, 0, &err));
            for (size_t step = 0; step < 2 * 19; step++) {
                const lyc_teacher_batch *batch;
                EXPECT_OK(lyc_ensemble_batch(ensemble, 0, &batch, &err));
                assert_memory_equal(batch->logits[0], batch->logits[1],
                                    batch->count * FAKE_CLASSES * sizeof(float));
                if (i == 0) memcpy(firsts[step], batch->logits[0], sizeof firsts[step]);
                assert_memory_equal(batch->logits[0], firsts[step], sizeof firsts[step]);
                lyc_ensemble_advance(ensemble);
            }
            lyc_ensemble_close(ensemble);
            lyc_pool_destroy(pool);
        }
    }
    lyc_model_destroy(model);
}

static void fingerprint_covers_weights_and_preprocessing(void **state) {
    (void)state;
    char prints[4][LYC_FINGERPRINT_SIZE];
    lyc_model *model = make_model(1);
    for (int i = 0; i < 4; i++) {
        if (i == 1) model->params[5] += 1e-6f;
        if (i == 2) model->preprocess.std[0] *= 1.001f;
        if (i == 3) model->preprocess.mean[0] += 1e-4f;
        lyc_teacher *teacher = open_saved(model);
        memcpy(prints[i], lyc_teacher_get_info(teacher)->fingerprint, sizeof prints[i]);
        lyc_teacher_close(teacher);
        for (int j = 0; j < i; j++) assert_string_not_equal(prints[i], prints[j]);
    }
    lyc_model_destroy(model);
}

static void models_for_other_data_are_refused(void **state) {
    (void)state;
    static char *three[] = {"red", "blue", "green"};
    lyc_teacher *teacher;
    lyc_error err = {0};
    lyc_model *model = make_model(1);
    char path[SCRATCH_PATH];
    char **own = model->class_names;
    model->class_names = three;
    (void)snprintf(path, sizeof path, "%s", save(model));
    EXPECT_ERROR(open_model(&teacher, path, data, &err), LYC_EMISMATCH, err, "'net'", path, "[0, 2, 1]");
    model->class_names = own;
    (void)snprintf(path, sizeof path, "%s", save(model));

    static uint8_t x[FAKE_CLASSES * 20] = {1, 2, 3}, parts[3];
    static int32_t labels[3] = {0, 1, 2};
    static uint64_t ids[3] = {1, 2, 3};
    lyc__dataset_content about = {.rows = 3,
                                  .channels = 1,
                                  .height = 4,
                                  .width = 5,
                                  .labels = labels,
                                  .parts = parts,
                                  .ids = ids,
                                  .class_names = own,
                                  .class_count = 3};
    lyc__dataset_writer *writer;
    lyc_dataset *wide;
    EXPECT_OK(lyc__dataset_writer_open(&writer, scratch_path("wide.h5"), &about, NULL, NULL, &err));
    EXPECT_OK(lyc__dataset_writer_rows(writer, x, 3, &err));
    EXPECT_OK(lyc__dataset_writer_finish(writer, &about, &err));
    lyc__dataset_writer_close(writer);
    EXPECT_OK(lyc_dataset_open(&wide, scratch_path("wide.h5"), &err));
    EXPECT_ERROR(open_model(&teacher, path, wide, &err), LYC_EMISMATCH, err, "'net'", path, "1 x 4 x 4",
                 "1 x 4 x 5");
    lyc_dataset_close(wide);
    EXPECT_ERROR(open_model(&teacher, scratch_path("absent.h5"), data, &err), LYC_EIO, err, "'net'",
                 "absent.h5");
    lyc_model_destroy(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_answers_as_the_network_does, open_data, close_data),
        cmocka_unit_test_setup_teardown(same_bits_for_any_number_of_threads, open_data, close_data),
        cmocka_unit_test_setup_teardown(an_ensemble_of_networks_has_the_same_bits, open_data, close_data),
        cmocka_unit_test_setup_teardown(fingerprint_covers_weights_and_preprocessing, open_data, close_data),
        cmocka_unit_test_setup_teardown(models_for_other_data_are_refused, open_data, close_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Model files: saved and loaded, read by others, made by others. */
#include <math.h>
#include <sys/wait.h>

#include "io/hdf5_util.h"
#include "tests/unit/data/model_fixture.h"

static const made images = {.rows = 12, .channels = 1, .height = 28, .width = 28, .classes = 10};

static void check_round_trip(const made *what, const lyc_network_spec *spec) {
    lyc_model *model = make_model(what, spec), *loaded = NULL;
    lyc_free(model->provenance);
    model->provenance = lyc_strdup("{\"seed\": 1}");
    assert_ok(lyc_model_save(model, scratch_path("model.h5"), &failure));
    assert_int_equal(strlen(model->fingerprint), 32);
    assert_ok(lyc_model_load(&loaded, scratch_path("model.h5"), &failure));
    assert_same_model(model, loaded);
    lyc_model_destroy(model);
    lyc_model_destroy(loaded);
    lyc_model_destroy(NULL);
}

static void test_what_was_saved_is_loaded(void **state) {
    (void)state;
    check_round_trip(&small, &mlp);
    check_round_trip(&images, &(lyc_network_spec){.arch = "lenet5"});
    check_round_trip(&images, &(lyc_network_spec){.arch = "mlp"});
    check_round_trip(&images, &(lyc_network_spec){.arch = "resnet"});
    check_round_trip(
        &images,
        &(lyc_network_spec){.arch = "resnet", .depth = 8, .shortcut = LYC_SHORTCUT_PROJECT, .dropout = 0.1});
    check_round_trip(&images,
                     &(lyc_network_spec){
                         .arch = "convnet",
                         .blocks = {{.channels = 5, .kernel = 3, .stride = 2, .batch_norm = true, .pool = 2},
                                    {.channels = 4, .kernel = 5, .stride = 1, .pool = 1, .dropout = 0.25}},
                         .block_count = 2});
}

static void test_a_model_fits_its_data(void **state) {
    (void)state;
    lyc_error err = {0};
    lyc_model *model = NULL;
    lyc_dataset *data = fixture_open("model-data.h5", &small);
    assert_ok(lyc_model_create(&model, &mlp, data, &failure));
    assert_int_equal(lyc_network_get_spec(model->network)->classes, 3);
    assert_string_equal(model->class_names[2], "class 2");
    lyc_preprocess own;
    lyc_preprocess_of(data, &own);
    assert_memory_equal(&model->preprocess, &own, sizeof own);
    for (size_t i = 0; i < lyc_network_size(model->network); i++) assert_true(model->params[i] == 0.0f);
    lyc_model_destroy(model);

    lyc_network_spec spec = mlp;
    spec.width = 6;
    assert_int_equal(lyc_model_create(&model, &spec, data, &err), LYC_EMISMATCH);
    assert_mentions(&err, "has width 5, but the network is made for 6");
    spec = mlp;
    spec.arch = "perceptron";
    assert_int_equal(lyc_model_create(&model, &spec, data, &err), LYC_ECONFIG);
    assert_mentions(&err, "perceptron");
    assert_null(model);
    lyc_dataset_close(data);
}

static void test_the_fingerprint_follows_the_content(void **state) {
    (void)state;
    char first[LYC_FINGERPRINT_SIZE];
    lyc_model *model = make_model(&small, &mlp);
    const char *path = scratch_path("model.h5");
    assert_ok(lyc_model_save(model, path, &failure));
    memcpy(first, model->fingerprint, sizeof first);
    model->provenance[0] = ' '; /* says where it comes from, not what it is */
    assert_ok(lyc_model_save(model, path, &failure));
    assert_string_equal(model->fingerprint, first);
    const float parameter = model->params[9], deviation = model->preprocess.std[1];
    model->params[9] += 0.5f;
    assert_ok(lyc_model_save(model, path, &failure));
    assert_string_not_equal(model->fingerprint, first);
    model->params[9] = parameter;
    model->preprocess.std[1] += 0.5f;
    assert_ok(lyc_model_save(model, path, &failure));
    assert_string_not_equal(model->fingerprint, first);
    model->preprocess.std[1] = deviation;
    model->class_names[1][0] = 'k';
    assert_ok(lyc_model_save(model, path, &failure));
    assert_string_not_equal(model->fingerprint, first);
    model->class_names[1][0] = 'c';
    assert_ok(lyc_model_save(model, path, &failure));
    assert_string_equal(model->fingerprint, first);
    lyc_model_destroy(model);
}

/* A network that diverged is not stored over one that works. */
static void test_numbers_that_are_not_finite_are_not_saved(void **state) {
    (void)state;
    lyc_error err = {0};
    lyc_model *model = make_model(&small, &mlp), *loaded = NULL;
    const char *path = scratch_path("model.h5");
    assert_ok(lyc_model_save(model, path, &failure));
    model->params[lyc_network_size(model->network) - 1] = NAN;
    assert_int_equal(lyc_model_save(model, path, &err), LYC_ENUMERIC);
    assert_mentions(&err, path);
    assert_mentions(&err, "parameter 'fc3.");
    assert_ok(lyc_model_load(&loaded, path, &failure));
    lyc_model_destroy(model);
    lyc_model_destroy(loaded);
}

/* ---- others' files and other readers ------------------------------------------------------------ */

typedef struct source {
    const lyc_dataset *data;
    const lyc_preprocess *preprocess;
} source;

static void take_rows(void *payload, size_t first, size_t rows, float *out) {
    const source *from = payload;
    const lyc_view_recipe clean = {.views = 1};
    int channels, height, width;
    lyc_dataset_shape(from->data, &channels, &height, &width);
    for (size_t i = 0; i < rows; i++) {
        uint32_t row = (uint32_t)(first + i);
        lyc_dataset_fill(from->data, from->preprocess, &clean, 0, &row, 1,
                         out + i * (size_t)(channels * height * width));
    }
}

/* Logits of every row of the data set. */
static void compute_logits(const lyc_model *model, const lyc_dataset *data, float *out) {
    source from = {data, &model->preprocess};
    lyc_workspace *workspace = NULL;
    size_t rows = lyc_dataset_rows(data);
    lyc_pass pass = {.rows = rows, .input = take_rows, .input_payload = &from};
    assert_ok(lyc_workspace_create(&workspace, model->network, LYC_MODE_INFER, rows, &failure));
    lyc_workspace_forward(workspace, model->params, &pass, NULL);
    memcpy(out, lyc_workspace_logits(workspace), rows * (size_t)model->class_count * sizeof *out);
    lyc_workspace_destroy(workspace);
}

static void read_whole(hid_t file, const char *name, float *out, size_t count) {
    lyc__h5_shape shape;
    hid_t dataset;
    hid_t group = H5Gopen2(file, "check", H5P_DEFAULT);
    assert_ok(lyc__h5_open_dataset(&dataset, &shape, group, name, &failure));
    assert_int_equal(shape.count, count);
    assert_ok(lyc__h5_read(dataset, H5T_NATIVE_FLOAT, out, &failure));
    lyc__h5_release(&dataset);
    lyc__h5_release(&group);
}

static void test_a_model_of_pytorch(void **state) {
    (void)state;
    enum { ROWS = 8, VALUES = 24, CLASSES = 3 };
    float x[ROWS * VALUES], wanted[ROWS * CLASSES], logits[ROWS * CLASSES];
    char path[512];
    hid_t file;
    lyc_model *model = NULL;
    (void)snprintf(path, sizeof path, "%s/model_pytorch.h5", LYC_TEST_DATA);
    assert_ok(lyc__h5_open(&file, path, "model", H5F_ACC_RDONLY, H5P_DEFAULT, &failure));
    read_whole(file, "x", x, ROWS * VALUES);
    read_whole(file, "logits", wanted, ROWS * CLASSES);
    lyc__h5_release(&file);
    assert_ok(lyc_model_load(&model, path, &failure));
    assert_string_equal(model->provenance, "{}");
    assert_string_equal(model->class_names[1], "b");
    made what = {.rows = ROWS, .channels = 2, .height = 3, .width = 4, .classes = CLASSES, .floats = x};
    lyc_dataset *data = fixture_open("pytorch-x.h5", &what);
    compute_logits(model, data, logits);
    for (size_t i = 0; i < ROWS * CLASSES; i++) assert_float_equal(logits[i], wanted[i], 1e-6);
    lyc_dataset_close(data);
    lyc_model_destroy(model);
}

static void test_h5py_reads_everything(void **state) {
    (void)state;
    enum { ROWS = 12, CLASSES = 3 };
    char command[4 * SCRATCH_PATH];
    float logits[ROWS * CLASSES];
    size_t size = 0;
    lyc_model *model = make_model(&small, &mlp);
    lyc_free(model->provenance);
    model->provenance = lyc_strdup("{\"made\": \"by a test, with ümlauts\"}");
    assert_ok(lyc_model_save(model, scratch_path("model.h5"), &failure));
    (void)snprintf(command, sizeof command,
                   "/usr/bin/python3 -B '%s/../unit/data/read_with_h5py.py' '%s' '%s' '%s'", LYC_TEST_DATA,
                   scratch_path("model-data.h5"), scratch_path("model.h5"), scratch_path("logits"));
    int result = system(command);
    if (WIFEXITED(result) && (WEXITSTATUS(result) == 77 || WEXITSTATUS(result) == 127)) {
        lyc_model_destroy(model);
        print_message("skipped: python3 with h5py and numpy is not installed\n");
        skip();
    }
    assert_int_equal(result, 0);
    unsigned char *bytes = scratch_read("logits", &size);
    assert_int_equal(size, ROWS * CLASSES * sizeof(double));
    lyc_dataset *data = NULL;
    assert_ok(lyc_dataset_open(&data, scratch_path("model-data.h5"), &failure));
    compute_logits(model, data, logits);
    for (size_t i = 0; i < ROWS * CLASSES; i++) {
        double wanted;
        memcpy(&wanted, bytes + i * sizeof wanted, sizeof wanted);
        assert_float_equal(logits[i], (float)wanted, 1e-5);
    }
    free(bytes);
    lyc_dataset_close(data);
    lyc_model_destroy(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_saved_is_loaded),
        cmocka_unit_test(test_a_model_fits_its_data),
        cmocka_unit_test(test_the_fingerprint_follows_the_content),
        cmocka_unit_test(test_numbers_that_are_not_finite_are_not_saved),
        cmocka_unit_test(test_a_model_of_pytorch),
        cmocka_unit_test(test_h5py_reads_everything),
    };
    return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}

/* Model files that are wrong, damaged, or have no room on the disk. */
#include <math.h>
#include <signal.h>
#include <sys/resource.h>

#include "io/hdf5_util.h"
#include "tests/unit/data/model_fixture.h"

static void replace(hid_t file, const char *name, hid_t type, int rank, const uint64_t *dims,
                    const void *data) {
    assert_true(H5Ldelete(file, name, H5P_DEFAULT) >= 0);
    assert_ok(lyc__h5_write_dataset(file, name, type, type, rank, dims, data, &failure));
}

static void integer(hid_t file, const char *attribute, int64_t value) {
    assert_true(H5Adelete(file, attribute) >= 0);
    assert_ok(lyc__h5_write_attribute(file, attribute, H5T_NATIVE_INT64, &value, 1, true, &failure));
}

static void text(hid_t file, const char *attribute, const char *value) {
    assert_true(H5Adelete(file, attribute) >= 0);
    assert_ok(lyc__h5_write_text_attribute(file, attribute, value, &failure));
}

static void set_bias(hid_t file, float value) {
    hid_t dataset = H5Dopen2(file, "params/fc2.bias", H5P_DEFAULT);
    assert_true(dataset >= 0);
    assert_ok(lyc__h5_write_rows(dataset, H5T_NATIVE_FLOAT, 2, 1, &value, &failure));
    lyc__h5_release(&dataset);
}

static void changed_bias(hid_t file) {
    set_bias(file, 17);
}
static void infinite_bias(hid_t file) {
    set_bias(file, INFINITY);
}
static void no_params(hid_t file) {
    H5Ldelete(file, "params", H5P_DEFAULT);
}
static void no_bias(hid_t file) {
    H5Ldelete(file, "params/fc1.bias", H5P_DEFAULT);
}
static void one_more(hid_t file) {
    assert_ok(lyc__h5_write_dataset(file, "params/fc4.bias", H5T_NATIVE_FLOAT, H5T_NATIVE_FLOAT, 1,
                                    (uint64_t[]){1}, (float[]){0}, &failure));
}
static void transposed(hid_t file) {
    replace(file, "params/fc1.weight", H5T_NATIVE_FLOAT, 2, (uint64_t[]){30, 7}, (float[210]){0});
}
static void flat_weight(hid_t file) {
    replace(file, "params/fc1.weight", H5T_NATIVE_FLOAT, 1, (uint64_t[]){210}, (float[210]){0});
}
static void whole_numbers(hid_t file) {
    replace(file, "params/fc1.bias", H5T_NATIVE_INT32, 1, (uint64_t[]){7}, (int32_t[7]){0});
}
static void other_arch(hid_t file) {
    text(file, "arch", "transformer");
}
static void arch_that_does_not_fit(hid_t file) {
    text(file, "arch", "lenet5");
}
static void no_arch(hid_t file) {
    H5Adelete(file, "arch");
}
static void no_format(hid_t file) {
    H5Adelete(file, "format");
}
static void a_data_set(hid_t file) {
    text(file, "format", "lyceum data 1");
}
static void no_channels(hid_t file) {
    integer(file, "channels", 0);
}
static void negative_height(hid_t file) {
    integer(file, "height", -3);
}
static void no_width(hid_t file) {
    H5Adelete(file, "width");
}
static void fractional_width(hid_t file) {
    H5Adelete(file, "width");
    assert_ok(lyc__h5_write_attribute(file, "width", H5T_NATIVE_DOUBLE, (double[]){5}, 1, true, &failure));
}
static void huge_hidden(hid_t file) {
    integer(file, "hidden", INT64_C(1) << 40);
}
static void large_hidden(hid_t file) {
    integer(file, "hidden", 1 << 20);
}
static void many_layers(hid_t file) {
    H5Adelete(file, "hidden");
    assert_ok(
        lyc__h5_write_attribute(file, "hidden", H5T_NATIVE_INT64, (int64_t[17]){0}, 17, false, &failure));
}
static void certain_dropout(hid_t file) {
    H5Adelete(file, "dropout");
    assert_ok(lyc__h5_write_attribute(file, "dropout", H5T_NATIVE_DOUBLE, (double[]){1}, 1, true, &failure));
}
static void one_mean(hid_t file) {
    H5Adelete(file, "mean");
    assert_ok(lyc__h5_write_attribute(file, "mean", H5T_NATIVE_FLOAT, (float[]){0}, 1, true, &failure));
}
static void no_deviation(hid_t file) {
    H5Adelete(file, "std");
    assert_ok(lyc__h5_write_attribute(file, "std", H5T_NATIVE_FLOAT, (float[]){1, 0}, 2, false, &failure));
}
static void no_class(hid_t file) {
    H5Adelete(file, "classes");
    assert_ok(lyc__h5_write_texts_attribute(file, "classes", NULL, 0, &failure));
}
static void one_class_less(hid_t file) {
    H5Adelete(file, "classes");
    assert_ok(lyc__h5_write_texts_attribute(file, "classes", (const char *const[]){"a", "b"}, 2, &failure));
}
static void other_class_name(hid_t file) {
    H5Adelete(file, "classes");
    assert_ok(
        lyc__h5_write_texts_attribute(file, "classes", (const char *const[]){"a", "b", "c"}, 3, &failure));
}
static void other_dropout(hid_t file) {
    H5Adelete(file, "dropout");
    assert_ok(
        lyc__h5_write_attribute(file, "dropout", H5T_NATIVE_DOUBLE, (double[]){0.5}, 1, true, &failure));
}

typedef struct fault {
    void (*make)(hid_t file);
    lyc_status status;
    const char *says;
    bool same_check; /* another row reaches this message as well */
} fault;

static const fault faults[] = {
    {changed_bias, LYC_EFORMAT, "was changed or damaged after it was made", false},
    {other_class_name, LYC_EFORMAT, "was changed or damaged after it was made", true},
    {other_dropout, LYC_EFORMAT, "was changed or damaged after it was made", true},
    {infinite_bias, LYC_ENUMERIC,
     "parameter 'fc2.bias' holds a number that is not finite (inf at position 2)", false},
    {no_params, LYC_EFORMAT, "has no group 'params'", false},
    {no_bias, LYC_EFORMAT, "has no HDF5 data set 'params/fc1.bias'", false},
    {one_more, LYC_EFORMAT, "group 'params' has 7 entries, but the architecture 'mlp' has 6 parameters",
     false},
    {transposed, LYC_EFORMAT, "/params/fc1.weight: has shape [30, 7]; [7, 30] was expected", false},
    {flat_weight, LYC_EFORMAT, "/params/fc1.weight: has shape [210]; [7, 30] was expected", true},
    {whole_numbers, LYC_EFORMAT, "/params/fc1.bias: holds integers of 4 bytes; floats were expected", false},
    {other_arch, LYC_EFORMAT, "there is no arch \"transformer\"", false},
    {arch_that_does_not_fit, LYC_EFORMAT, "the widths of lenet5 are fixed", false},
    {no_arch, LYC_EFORMAT, "has no attribute 'arch'", false},
    {no_format, LYC_EFORMAT, "has no attribute 'format'", false},
    {a_data_set, LYC_EFORMAT, "is a 'lyceum data 1'; a model ('lyceum model 1') was expected", false},
    {no_channels, LYC_EFORMAT, "attribute 'channels' is 0; 1 to 16 are possible", false},
    {negative_height, LYC_EFORMAT, "attribute 'height' is negative", false},
    {no_width, LYC_EFORMAT, "has no attribute 'width'", false},
    {fractional_width, LYC_EFORMAT, "attribute 'width' does not hold integers", false},
    {huge_hidden, LYC_EFORMAT, "attribute 'hidden' holds 1099511627776", false},
    {large_hidden, LYC_EFORMAT, "[1048576, 30] was expected", false},
    {many_layers, LYC_EFORMAT, "attribute 'hidden' holds 17 numbers; at most 16 make sense", false},
    {certain_dropout, LYC_EFORMAT, "dropout is 1, not in [0, 1)", false},
    {one_mean, LYC_EFORMAT, "attribute 'mean' has 1 value(s); 2 were expected", false},
    {no_deviation, LYC_EFORMAT, "attribute 'std' holds 0, which is not possible", false},
    {no_class, LYC_EFORMAT, "attribute 'classes' names no class", false},
    {one_class_less, LYC_EFORMAT, "/params/fc3.weight: has shape [3, 4]; [2, 4] was expected", true},
};

static void test_each_fault_has_its_own_message(void **state) {
    (void)state;
    lyc_model *model = make_model(&small, &mlp);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        lyc_error err = {0};
        lyc_model *loaded = NULL;
        hid_t file;
        const char *path = scratch_path("fault.h5");
        assert_ok(lyc_model_save(model, path, &failure));
        assert_ok(lyc__h5_open(&file, path, "model", H5F_ACC_RDWR, H5P_DEFAULT, &failure));
        faults[i].make(file);
        assert_ok(lyc__h5_close(&file, &failure));
        lyc_status status = lyc_model_load(&loaded, path, &err);
        assert_mentions(&err, faults[i].says);
        assert_mentions(&err, path);
        assert_int_equal(status, faults[i].status);
        assert_int_equal(err.code, status);
        assert_null(loaded);
        for (size_t j = 0; j < i && !faults[i].same_check; j++)
            assert_string_not_equal(faults[i].says, faults[j].says);
    }
    lyc_model_destroy(model);
}

static void expect_load(const char *path, lyc_status wanted, const char *says) {
    lyc_error err = {0};
    lyc_model *model = NULL;
    assert_int_equal(lyc_model_load(&model, path, &err), wanted);
    assert_mentions(&err, says);
    assert_mentions(&err, path);
}

static void test_what_is_no_model(void **state) {
    (void)state;
    expect_load(scratch_path("absent.h5"), LYC_EIO, "cannot open this model: No such file");
    expect_load(scratch_directory, LYC_EIO, "is a directory; a model is one file");
    assert_true(scratch_write("keras.txt", "not a model", 11));
    expect_load(scratch_path("keras.txt"), LYC_EFORMAT,
                "is not an HDF5 file; a model of Lyceum was expected");
    lyc_model *model = make_model(&small, &mlp);
    lyc_error err = {0};
    assert_int_equal(lyc_model_save(model, scratch_path("no/such/folder.h5"), &err), LYC_EIO);
    assert_mentions(&err, "cannot create this file");
    lyc_model_destroy(model);
}

/* A disk that is full at any point: an error that says so, and the former model intact. */
static void test_full_disk(void **state) {
    (void)state;
    struct rlimit before;
    size_t size = 0;
    lyc_model *model = make_model(&small, &mlp), *loaded = NULL;
    const char *path = scratch_path("model.h5");
    assert_ok(lyc_model_save(model, path, &failure));
    free(scratch_read("model.h5", &size));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    for (size_t room = 0; room < size; room += 1 + size / 50) {
        lyc_error err = {0};
        struct rlimit limit = before;
        limit.rlim_cur = room;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        lyc_status status = lyc_model_save(model, path, &err);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(status, LYC_EIO);
        assert_mentions(&err, "model.h5: cannot be written: File too large");
    }
    assert_ok(lyc_model_load(&loaded, path, &failure));
    assert_same_model(loaded, model);
    lyc_model_destroy(loaded);
    lyc_model_destroy(model);
}

/* Cut anywhere: refused. A flipped byte anywhere: refused, or the same model. */
static void test_damage_is_noticed(void **state) {
    (void)state;
    size_t size = 0;
    lyc_model *model = make_model(&small, &mlp);
    assert_ok(lyc_model_save(model, scratch_path("model.h5"), &failure));
    unsigned char *bytes = scratch_read("model.h5", &size);
    for (size_t at = 0; at < size; at += 11) {
        lyc_error err = {0};
        lyc_model *loaded = NULL;
        assert_true(scratch_write("damaged.h5", bytes, at));
        assert_int_equal(lyc_model_load(&loaded, scratch_path("damaged.h5"), &err), LYC_EFORMAT);
        bytes[at] ^= 0x20;
        assert_true(scratch_write("damaged.h5", bytes, size));
        bytes[at] ^= 0x20;
        if (lyc_model_load(&loaded, scratch_path("damaged.h5"), &err) != LYC_OK) continue;
        assert_same_model(loaded, model);
        lyc_model_destroy(loaded);
    }
    assert_int_equal(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
    free(bytes);
    lyc_model_destroy(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_fault_has_its_own_message),
        cmocka_unit_test(test_what_is_no_model),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_damage_is_noticed),
    };
    return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}

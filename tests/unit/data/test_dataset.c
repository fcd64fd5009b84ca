/* Data-set files: what opens, and how each way of being wrong is named. */
#include <math.h>

#include "base/hash.h"
#include "io/hdf5_util.h"
#include "tests/unit/data/fixture.h"

static const made plain = {.rows = 24, .channels = 2, .height = 3, .width = 5, .classes = 3};

static void test_what_was_written_is_read(void **state) {
    (void)state;
    int channels, height, width;
    lyc_dataset *data = fixture_open("data.h5", &plain);
    lyc_dataset_shape(data, &channels, &height, &width);
    assert_int_equal(channels, 2);
    assert_int_equal(height, 3);
    assert_int_equal(width, 5);
    assert_int_equal(lyc_dataset_rows(data), 24);
    assert_int_equal(lyc_dataset_classes(data), 3);
    assert_string_equal(lyc_dataset_class_name(data, 1), "class 1");
    assert_string_equal(lyc_dataset_path(data), scratch_path("data.h5"));
    for (uint32_t row = 0; row < 24; row++) {
        assert_int_equal(lyc_dataset_labels(data)[row], row % 3);
        assert_int_equal(lyc_dataset_ids(data)[row], 1000 + row);
        assert_int_equal(lyc_dataset_parts(data)[row], row >= 20);
    }
    lyc_dataset_close(data);
    lyc_dataset_close(NULL);
}

/* Mean and deviation of the train part, per channel, by the number of values. */
static void test_moments_are_those_of_the_train_part(void **state) {
    (void)state;
    lyc_dataset *data = fixture_open("data.h5", &plain);
    for (int c = 0; c < 2; c++) {
        double mean = 0, variance = 0;
        for (uint32_t row = 0; row < 20; row++)
            for (size_t i = 0; i < 15; i++) mean += fixture_pixel(row, (size_t)c * 15 + i) / 255.0 / 300;
        for (uint32_t row = 0; row < 20; row++)
            for (size_t i = 0; i < 15; i++)
                variance += pow(fixture_pixel(row, (size_t)c * 15 + i) / 255.0 - mean, 2) / 300;
        assert_float_equal(lyc_dataset_mean(data)[c], (float)mean, 1e-6);
        assert_float_equal(lyc_dataset_std(data)[c], (float)sqrt(variance), 1e-6);
    }
    lyc_preprocess own;
    lyc_preprocess_of(data, &own);
    assert_int_equal(own.channels, 2);
    assert_memory_equal(own.mean, lyc_dataset_mean(data), sizeof(float) * 2);
    assert_memory_equal(own.std, lyc_dataset_std(data), sizeof(float) * 2);
    lyc_dataset_close(data);
}

static void test_checksums_tell_rows_apart(void **state) {
    (void)state;
    uint8_t pixels[30];
    lyc_dataset *data = fixture_open("data.h5", &plain);
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = fixture_pixel(7, i);
    assert_true(lyc_dataset_row_checksum(data, 7) == lyc__hash64(pixels, sizeof pixels));
    for (size_t row = 1; row < 24; row++)
        assert_true(lyc_dataset_row_checksum(data, row) != lyc_dataset_row_checksum(data, 0));
    lyc_dataset_close(data);
}

static void test_a_constant_channel_has_deviation_one(void **state) {
    (void)state;
    const uint8_t x[8] = {51, 51, 51, 51, 51, 51, 51, 51};
    lyc_dataset *data = fixture_open(
        "flat.h5", &(made){.rows = 2, .channels = 1, .height = 2, .width = 2, .classes = 2, .x = x});
    assert_float_equal(lyc_dataset_mean(data)[0], 0.2f, 1e-6);
    assert_true(lyc_dataset_std(data)[0] == 1.0f);
    lyc_dataset_close(data);
}

/* ---- faults ------------------------------------------------------------------------------------- */

static void replace(hid_t file, const char *name, hid_t type, int rank, const uint64_t *dims,
                    const void *data) {
    if (lyc__h5_has(file, name)) assert_true(H5Ldelete(file, name, H5P_DEFAULT) >= 0);
    assert_ok(lyc__h5_write_dataset(file, name, type, type, rank, dims, data, &failure));
}

/* A data set that claims its dimensions and stores nothing. */
static void claim(hid_t file, const char *name, int rank, const hsize_t *dims) {
    hsize_t chunk[4] = {1, 1, 1, 1};
    hid_t space = H5Screate_simple(rank, dims, NULL), list = H5Pcreate(H5P_DATASET_CREATE);
    assert_true(H5Ldelete(file, name, H5P_DEFAULT) >= 0);
    assert_true(H5Pset_chunk(list, rank, chunk) >= 0);
    hid_t dataset = H5Dcreate2(file, name, H5T_STD_U8LE, space, H5P_DEFAULT, list, H5P_DEFAULT);
    assert_true(dataset >= 0);
    H5Dclose(dataset);
    H5Pclose(list);
    H5Sclose(space);
}

static void set(hid_t file, const char *column, hid_t type, uint64_t row, const void *value) {
    lyc__h5_shape shape;
    hid_t dataset;
    assert_ok(lyc__h5_open_dataset(&dataset, &shape, file, column, &failure));
    assert_ok(lyc__h5_write_rows(dataset, type, row, 1, value, &failure));
    lyc__h5_release(&dataset);
}

static void set_label(hid_t file, int64_t label) {
    set(file, "y", H5T_NATIVE_INT64, 7, &label);
}

static void drop(hid_t file, const char *attribute) {
    assert_true(H5Adelete(file, attribute) >= 0);
}

static void numbers(hid_t file, const char *attribute, size_t count, const double *values) {
    drop(file, attribute);
    assert_ok(lyc__h5_write_attribute(file, attribute, H5T_NATIVE_DOUBLE, values, count, false, &failure));
}

static void no_x(hid_t file) {
    H5Ldelete(file, "x", H5P_DEFAULT);
}
static void group_x(hid_t file) {
    no_x(file);
    H5Gclose(H5Gcreate2(file, "x", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
}
static void flat_x(hid_t file) {
    replace(file, "x", H5T_NATIVE_UINT8, 1, (uint64_t[]){24}, (uint8_t[24]){0});
}
static void deep_x(hid_t file) {
    claim(file, "x", 4, (hsize_t[]){24, 17, 1, 1});
}
static void rank_five_x(hid_t file) {
    hid_t space = H5Screate_simple(5, (hsize_t[]){1, 1, 1, 1, 1}, NULL);
    no_x(file);
    H5Dclose(H5Dcreate2(file, "x", H5T_STD_U8LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Sclose(space);
}
static void no_rows(hid_t file) {
    replace(file, "x", H5T_NATIVE_UINT8, 4, (uint64_t[]){0, 2, 3, 5}, (uint8_t[1]){0});
}
static void signed_x(hid_t file) {
    replace(file, "x", H5T_NATIVE_INT8, 2, (uint64_t[]){24, 1}, (int8_t[24]){0});
}
static void huge_x(hid_t file) {
    claim(file, "x", 4, (hsize_t[]){2000000000, 1, 60000, 60000});
}
static void overflowing_x(hid_t file) {
    claim(file, "x", 4, (hsize_t[]){(hsize_t)1 << 40, (hsize_t)1 << 20, 1 << 10, 1});
}
static void infinite_x(hid_t file) {
    static float x[24 * 3];
    x[13 * 3 + 1] = INFINITY;
    replace(file, "x", H5T_NATIVE_FLOAT, 2, (uint64_t[]){24, 3}, x);
}
static void short_y(hid_t file) {
    replace(file, "y", H5T_NATIVE_INT64, 1, (uint64_t[]){23}, (int64_t[24]){0});
}
static void float_y(hid_t file) {
    replace(file, "y", H5T_NATIVE_FLOAT, 1, (uint64_t[]){24}, (float[24]){0});
}
static void one_hot_y(hid_t file) {
    replace(file, "y", H5T_NATIVE_INT64, 2, (uint64_t[]){24, 3}, (int64_t[72]){0});
}
static void negative_y(hid_t file) {
    set_label(file, -2);
}
static void large_y(hid_t file) {
    set_label(file, 3);
}
static void third_part(hid_t file) {
    set(file, "split", H5T_NATIVE_UINT8, 5, (uint8_t[]){2});
}
static void same_ids(hid_t file) {
    set(file, "id", H5T_NATIVE_UINT64, 20, (uint64_t[]){1003});
}
static void other_format(hid_t file) {
    drop(file, "format");
    assert_ok(lyc__h5_write_text_attribute(file, "format", "lyceum model 1", &failure));
}
static void no_labels_no_classes(hid_t file) {
    drop(file, "classes");
    H5Ldelete(file, "y", H5P_DEFAULT);
}
static void numbers_for_classes(hid_t file) {
    numbers(file, "classes", 1, (double[]){10});
}
static void no_class(hid_t file) {
    drop(file, "classes");
    assert_ok(lyc__h5_write_texts_attribute(file, "classes", NULL, 0, &failure));
}
static void mean_alone(hid_t file) {
    drop(file, "std");
}
static void three_means(hid_t file) {
    numbers(file, "mean", 3, (double[]){0, 0, 0});
}
static void mean_of_nan(hid_t file) {
    numbers(file, "mean", 2, (double[]){0, NAN});
}
static void no_deviation(hid_t file) {
    numbers(file, "std", 2, (double[]){0.5, 0});
}
static void text_for_mean(hid_t file) {
    drop(file, "mean");
    assert_ok(lyc__h5_write_text_attribute(file, "mean", "0.5", &failure));
}
static void number_for_fingerprint(hid_t file) {
    numbers(file, "fingerprint", 1, (double[]){1});
}
static void changed_pixel(hid_t file) {
    uint8_t row[30] = {0};
    set(file, "x", H5T_NATIVE_UINT8, 4, row);
}
static void changed_label(hid_t file) {
    set_label(file, 0); /* was 1 */
}
static void changed_part(hid_t file) {
    set(file, "split", H5T_NATIVE_UINT8, 5, (uint8_t[]){1});
}
static void changed_id(hid_t file) {
    set(file, "id", H5T_NATIVE_UINT64, 23, (uint64_t[]){5000});
}
static void changed_mean(hid_t file) {
    numbers(file, "mean", 2, (double[]){0.5, 0.5});
}

typedef struct fault {
    void (*make)(hid_t file);
    const char *says;
    bool same_check; /* another row reaches this message as well */
} fault;

static const fault faults[] = {
    {no_x, "has no HDF5 data set 'x'; docs/files.md says what such a file holds", false},
    {group_x, "'x' is not a data set", false},
    {flat_x, "has 1 dimension(s)", false},
    {deep_x, "has a dimension of 17 (channels); 1 to 16 are possible", false},
    {rank_five_x, "has 5 dimensions; at most 4", false},
    {no_rows, "has a dimension of 0 (rows)", false},
    {signed_x, "neither unsigned bytes (pixels 0 to 255) nor floats", false},
    {huge_x, "claims 7200000000000000000 bytes, which a file of", false},
    {overflowing_x, "claims dimensions whose product overflows", false},
    {infinite_x, "row 13 holds 1 value(s) that are not finite", false},
    {short_y, "/y: has shape [23]; [24] was expected", false},
    {one_hot_y, "/y: has shape [24, 3]; [24] was expected", true},
    {float_y, "/y: holds floats of 4 bytes; integers were expected", false},
    {negative_y, "row 7 has label -2; labels are 0 to", false},
    {large_y, "row 7 has label 3, but 'classes' names only 3 (0 to 2)", false},
    {third_part, "row 5 is in part 2", false},
    {same_ids, "rows 3 and 20 have the same id 1003", false},
    {other_format, "is a 'lyceum model 1'; a data set", false},
    {no_labels_no_classes, "nothing says what to learn", false},
    {numbers_for_classes, "attribute 'classes' does not hold text", false},
    {no_class, "'classes' names no class", false},
    {mean_alone, "has attribute 'mean' but not 'std'", false},
    {three_means, "attribute 'mean' has 3 value(s) for 2 channel(s)", false},
    {mean_of_nan, "attribute 'mean' holds nan", false},
    {no_deviation, "attribute 'std' holds 0, which is not possible", true},
    {text_for_mean, "attribute 'mean' does not hold numbers", false},
    {number_for_fingerprint, "attribute 'fingerprint' does not hold text", true},
    {changed_pixel, "was changed or damaged after it was made", false},
    {changed_label, "was changed or damaged after it was made", true},
    {changed_part, "was changed or damaged after it was made", true},
    {changed_id, "was changed or damaged after it was made", true},
    {changed_mean, "was changed or damaged after it was made", true},
};

static void test_each_fault_has_its_own_message(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        lyc_error err = {0};
        lyc_dataset *data = NULL;
        hid_t file;
        const char *path = fixture_write("fault.h5", &plain);
        assert_ok(lyc__h5_open(&file, path, "data set", H5F_ACC_RDWR, H5P_DEFAULT, &failure));
        faults[i].make(file);
        assert_ok(lyc__h5_close(&file, &failure));
        assert_int_equal(lyc_dataset_open(&data, path, &err), LYC_EFORMAT);
        assert_null(data);
        assert_mentions(&err, faults[i].says);
        assert_mentions(&err, path);
        for (size_t j = 0; j < i && !faults[i].same_check; j++)
            assert_string_not_equal(faults[i].says, faults[j].says);
    }
}

/* Without the attribute the content speaks for itself, and says the same. */
static void test_fingerprint_is_that_of_the_content(void **state) {
    (void)state;
    lyc_dataset *stated = fixture_open("stated.h5", &plain), *silent = NULL, *other = NULL;
    const char *path = fixture_write("silent.h5", &plain);
    hid_t file;
    assert_ok(lyc__h5_open(&file, path, "data set", H5F_ACC_RDWR, H5P_DEFAULT, &failure));
    drop(file, "fingerprint");
    assert_ok(lyc__h5_close(&file, &failure));
    assert_ok(lyc_dataset_open(&silent, path, &failure));
    assert_string_equal(lyc_dataset_fingerprint(stated), lyc_dataset_fingerprint(silent));

    made changed = plain;
    changed.classes = 4; /* the same bytes of x, another meaning */
    other = fixture_open("other.h5", &changed);
    assert_string_not_equal(lyc_dataset_fingerprint(stated), lyc_dataset_fingerprint(other));
    lyc_dataset_close(stated);
    lyc_dataset_close(silent);
    lyc_dataset_close(other);
}

static void expect_open(const char *path, lyc_status status, const char *says) {
    lyc_error err = {0};
    lyc_dataset *data = NULL;
    assert_int_equal(lyc_dataset_open(&data, path, &err), status);
    assert_mentions(&err, says);
    assert_mentions(&err, path);
}

static void test_what_is_no_data_set(void **state) {
    (void)state;
    size_t size = 0;
    expect_open(scratch_path("absent.h5"), LYC_EIO, "No such file");
    expect_open(scratch_directory, LYC_EIO, "is a directory");
    assert_true(scratch_write("empty.h5", "", 0));
    expect_open(scratch_path("empty.h5"), LYC_EFORMAT, "the file is empty");
    assert_true(scratch_write("text.h5", "label,pixel\n", 12));
    expect_open(scratch_path("text.h5"), LYC_EFORMAT, "is not an HDF5 file");
    (void)fixture_write("whole.h5", &plain);
    unsigned char *bytes = scratch_read("whole.h5", &size);
    assert_true(scratch_write("half.h5", bytes, size / 2));
    expect_open(scratch_path("half.h5"), LYC_EFORMAT, "damaged or cut off");
    free(bytes);
}

/* A file without content (a hole of 2 TiB) that claims more than this machine can hold. */
static void test_more_than_memory(void **state) {
    (void)state;
    lyc_error err = {0};
    lyc_dataset *data = NULL;
    hid_t file, dataset;
    const char *path = fixture_write("hole.h5", &plain);
    assert_ok(lyc__h5_open(&file, path, "data set", H5F_ACC_RDWR, H5P_DEFAULT, &failure));
    no_x(file);
    const uint64_t dims[] = {UINT64_C(1) << 30, 2048};
    assert_ok(lyc__h5_create_dataset(&dataset, file, "x", H5T_STD_U8LE, 2, dims, false, &failure));
    lyc__h5_release(&dataset);
    if (lyc__h5_close(&file, &failure) != LYC_OK) {
        print_message("skipped: no files of 2 TiB here (%s)\n", failure.message);
        skip();
    }
    assert_int_equal(lyc_dataset_open(&data, path, &err), LYC_ENOMEM);
    assert_mentions(&err, "/x: needs 2097152 MiB, but this machine has");
    (void)remove(path);
}

/* The last bytes of the largest column: HDF5 itself notices every cut, since it knows where the file ends. */
static void test_every_cut_is_noticed(void **state) {
    (void)state;
    size_t size = 0;
    (void)fixture_write("whole.h5", &plain);
    unsigned char *bytes = scratch_read("whole.h5", &size);
    for (size_t keep = 1; keep < size; keep += 97) {
        lyc_error err = {0};
        lyc_dataset *data = NULL;
        assert_true(scratch_write("cut.h5", bytes, keep));
        assert_int_equal(lyc_dataset_open(&data, scratch_path("cut.h5"), &err), LYC_EFORMAT);
    }
    free(bytes);
}

/* Flipping any byte of the file is refused, or hits what says nothing about the content (HDF5's own padding
 * and unused space, source, class names); it never crashes and never gives other values. */
static void test_flipped_bytes_never_give_other_values(void **state) {
    (void)state;
    size_t size = 0;
    lyc_dataset *whole = fixture_open("whole.h5", &plain), *data;
    unsigned char *bytes = scratch_read("whole.h5", &size);
    for (size_t at = 0; at < size; at += 13) {
        lyc_error err = {0};
        bytes[at] ^= 0x10;
        assert_true(scratch_write("flipped.h5", bytes, size));
        bytes[at] ^= 0x10;
        if (lyc_dataset_open(&data, scratch_path("flipped.h5"), &err) != LYC_OK) continue;
        assert_string_equal(lyc_dataset_fingerprint(data), lyc_dataset_fingerprint(whole));
        lyc_dataset_close(data);
    }
    free(bytes);
    lyc_dataset_close(whole);
}

static void test_no_memory_is_an_error_and_no_leak(void **state) {
    (void)state;
    const char *path = fixture_write("data.h5", &plain);
    failing counter = {0};
    lyc_allocator allocator = {failing_allocate, failing_release, &counter};
    lyc_dataset *data = NULL;
    lyc_error err = {0};
    lyc_allocator_set(&allocator);
    lyc_status status = lyc_dataset_open(&data, path, &err);
    lyc_dataset_close(data);
    size_t requests = counter.count;
    for (size_t n = 1; n <= requests; n++) {
        counter = (failing){.fail_at = n};
        if (lyc_dataset_open(&data, path, &err) != LYC_ENOMEM || data != NULL) break;
    }
    lyc_allocator_set(NULL);
    assert_int_equal(status, LYC_OK);
    assert_true(requests > 5);
    assert_int_equal(counter.fail_at, requests);
    assert_int_equal(err.code, LYC_ENOMEM);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_written_is_read),
        cmocka_unit_test(test_moments_are_those_of_the_train_part),
        cmocka_unit_test(test_checksums_tell_rows_apart),
        cmocka_unit_test(test_a_constant_channel_has_deviation_one),
        cmocka_unit_test(test_each_fault_has_its_own_message),
        cmocka_unit_test(test_fingerprint_is_that_of_the_content),
        cmocka_unit_test(test_what_is_no_data_set),
        cmocka_unit_test(test_more_than_memory),
        cmocka_unit_test(test_every_cut_is_noticed),
        cmocka_unit_test(test_flipped_bytes_never_give_other_values),
        cmocka_unit_test(test_no_memory_is_an_error_and_no_leak),
    };
    return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}

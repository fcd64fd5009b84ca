/* idx files to a data set. */
#include <signal.h>
#include <sys/resource.h>

#include "lyceum/import.h"
#include "tests/unit/data/fixture.h"

enum { HEIGHT = 4, WIDTH = 3, TRAIN = 70, TEST = 11 };

/* Writes an idx file with `count` rows of `row_bytes`, whose values come from `value`. */
static void write_idx(const char *name, int rank, const uint8_t *dims, size_t row_bytes, uint32_t first,
                      uint8_t (*value)(uint32_t row, size_t i)) {
    uint8_t bytes[4096] = {0, 0, 8, (uint8_t)rank};
    size_t size = 4;
    for (int i = 0; i < rank; i++, size += 4) bytes[size + 3] = dims[i];
    for (uint32_t row = 0; row < dims[0]; row++)
        for (size_t i = 0; i < row_bytes; i++) bytes[size++] = value(first + row, i);
    assert_true(size <= sizeof bytes);
    assert_true(scratch_write(name, bytes, size));
}

static uint8_t label_of(uint32_t row, size_t i) {
    (void)i;
    return (uint8_t)(row * 7 % 10);
}

static void write_images(const char *name, uint8_t rows, uint32_t first) {
    write_idx(name, 3, (uint8_t[]){rows, HEIGHT, WIDTH}, (size_t)HEIGHT * WIDTH, first, fixture_pixel);
}

static void write_labels(const char *name, uint8_t rows, uint32_t first) {
    write_idx(name, 1, (uint8_t[]){rows}, 1, first, label_of);
}

static lyc_idx_files write_four(void) {
    static char paths[4][SCRATCH_PATH];
    static const char *const names[] = {"train-images", "train-labels", "test-images", "test-labels"};
    write_images(names[0], TRAIN, 0);
    write_labels(names[1], TRAIN, 0);
    write_images(names[2], TEST, TRAIN);
    write_labels(names[3], TEST, TRAIN);
    for (int i = 0; i < 4; i++) (void)snprintf(paths[i], sizeof paths[i], "%s", scratch_path(names[i]));
    return (lyc_idx_files){paths[0], paths[1], paths[2], paths[3]};
}

static const char *fresh_output(void) {
    const char *path = scratch_path("out.h5");
    (void)remove(path);
    return path;
}

static void test_all_rows_arrive_in_order(void **state) {
    (void)state;
    lyc_idx_files files = write_four();
    lyc_import_summary summary;
    lyc_dataset *data = NULL;
    assert_ok(lyc_data_import_idx(&files, fresh_output(), NULL, &summary, &failure));
    assert_int_equal(summary.train_rows, TRAIN);
    assert_int_equal(summary.test_rows, TEST);
    assert_int_equal(summary.classes, 10);
    assert_ok(lyc_dataset_open(&data, scratch_path("out.h5"), &failure));
    assert_string_equal(summary.fingerprint, lyc_dataset_fingerprint(data));
    assert_true(summary.mean[0] == lyc_dataset_mean(data)[0] && summary.std[0] == lyc_dataset_std(data)[0]);
    assert_int_equal(lyc_dataset_rows(data), TRAIN + TEST);
    assert_string_equal(lyc_dataset_class_name(data, 9), "9");
    lyc_preprocess raw = {.channels = 1, .std = {1.0f / 255}};
    lyc_view_recipe clean = {.views = 1};
    for (uint32_t row = 0; row < TRAIN + TEST; row++) {
        float pixels[HEIGHT * WIDTH];
        assert_int_equal(lyc_dataset_labels(data)[row], label_of(row, 0));
        assert_int_equal(lyc_dataset_parts(data)[row], row >= TRAIN);
        assert_int_equal(lyc_dataset_ids(data)[row], row);
        lyc_dataset_fill(data, &raw, &clean, 0, &row, 1, pixels);
        for (size_t i = 0; i < (size_t)HEIGHT * WIDTH; i++)
            assert_float_equal(pixels[i], (float)fixture_pixel(row, i), 1e-4);
    }
    lyc_dataset_close(data);
}

static void test_names_and_one_part(void **state) {
    (void)state;
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "the last"};
    lyc_idx_files files = write_four();
    files.test_images = files.test_labels = NULL;
    lyc_import_options options = {
        .class_names = names, .class_count = 10, .source = "a test", .licence = "none"};
    lyc_import_summary summary;
    lyc_dataset *data = NULL;
    assert_ok(lyc_data_import_idx(&files, fresh_output(), &options, &summary, &failure));
    assert_int_equal(summary.test_rows, 0);
    assert_ok(lyc_dataset_open(&data, scratch_path("out.h5"), &failure));
    assert_string_equal(lyc_dataset_class_name(data, 9), "the last");
    assert_int_equal(lyc_dataset_rows(data), TRAIN);
    lyc_dataset_close(data);
}

static void test_nothing_is_replaced_unasked(void **state) {
    (void)state;
    lyc_idx_files files = write_four();
    lyc_error err = {0};
    const char *path = fresh_output();
    assert_true(scratch_write("out.h5", "precious", 8));
    assert_int_equal(lyc_data_import_idx(&files, path, NULL, NULL, &err), LYC_EUSAGE);
    assert_mentions(&err, "is there already");
    lyc_import_options options = {.overwrite = true};
    assert_ok(lyc_data_import_idx(&files, path, &options, NULL, &failure));
    lyc_dataset *data = NULL;
    assert_ok(lyc_dataset_open(&data, path, &failure));
    lyc_dataset_close(data);
}

/* ---- faults ------------------------------------------------------------------------------------- */

static void few_labels(lyc_idx_files *files) {
    (void)files;
    write_labels("train-labels", TRAIN - 1, 0);
}
static void other_size(lyc_idx_files *files) {
    (void)files;
    write_idx("test-images", 3, (uint8_t[]){TEST, WIDTH, HEIGHT}, (size_t)HEIGHT * WIDTH, TRAIN,
              fixture_pixel);
}
static void other_rank(lyc_idx_files *files) {
    (void)files;
    write_idx("test-images", 4, (uint8_t[]){TEST, 1, HEIGHT, WIDTH}, (size_t)HEIGHT * WIDTH, TRAIN,
              fixture_pixel);
}
static void exchanged(lyc_idx_files *files) {
    const char *images = files->train_images;
    files->train_images = files->train_labels;
    files->train_labels = images;
}
static void labels_of_rank_two(lyc_idx_files *files) {
    (void)files;
    write_idx("train-labels", 2, (uint8_t[]){TRAIN, 1}, 1, 0, label_of);
}
static uint8_t ten_in_row_five(uint32_t row, size_t i) {
    return row == TRAIN + 5 ? 10 : label_of(row, i);
}
static void label_ten(lyc_idx_files *files) {
    (void)files;
    write_idx("test-labels", 1, (uint8_t[]){TEST}, 1, TRAIN, ten_in_row_five);
}
static void many_channels(lyc_idx_files *files) {
    (void)files;
    write_idx("train-images", 4, (uint8_t[]){TRAIN, 17, 1, 1}, 17, 0, fixture_pixel);
}
static void cut_images(lyc_idx_files *files) {
    (void)files;
    size_t size = 0;
    unsigned char *bytes = scratch_read("train-images", &size);
    assert_true(scratch_write("train-images", bytes, size - 5));
    free(bytes);
}
static void no_labels(lyc_idx_files *files) {
    files->train_labels = NULL;
}
static void half_a_test_part(lyc_idx_files *files) {
    files->test_labels = NULL;
}

typedef struct fault {
    void (*make)(lyc_idx_files *files);
    lyc_status status;
    const char *file, *says;
} fault;

static const fault faults[] = {
    {few_labels, LYC_EFORMAT, "train-labels", "69 labels for the 70 images of"},
    {other_size, LYC_EFORMAT, "test-images", "images are of another size than those of"},
    {other_rank, LYC_EFORMAT, "test-images", "images are of another size than those of"},
    {exchanged, LYC_EFORMAT, "train-labels",
     "has 1 dimension(s), which is not images; are images and labels exchanged?"},
    {labels_of_rank_two, LYC_EFORMAT, "train-labels", "has 2 dimensions, which is not labels"},
    {label_ten, LYC_EFORMAT, "test-labels",
     "row 5 (byte 13) has label 10, but there are 10 class names (0 to 9)"},
    {many_channels, LYC_EFORMAT, "train-images", "images of this size or number are not supported"},
    {cut_images, LYC_EFORMAT, "train-images", "cut off at byte"},
    {no_labels, LYC_EUSAGE, "", "needs a file of train images and one of train labels"},
    {half_a_test_part, LYC_EUSAGE, "test-images", "stands alone"},
};

static bool anything_left(void) {
    char command[SCRATCH_PATH + 64];
    (void)snprintf(command, sizeof command, "ls '%s' | grep -q out.h5", scratch_directory);
    return system(command) == 0;
}

static void test_each_fault_is_named_and_leaves_nothing(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        lyc_error err = {0};
        lyc_idx_files files = write_four();
        faults[i].make(&files);
        assert_int_equal(lyc_data_import_idx(&files, fresh_output(), NULL, NULL, &err), faults[i].status);
        assert_mentions(&err, faults[i].says);
        assert_mentions(&err, faults[i].file);
        assert_false(anything_left());
    }
}

static void limit_file_size(const struct rlimit *before, rlim_t bytes) {
    struct rlimit limit = *before;
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A disk that is full at any point, the last flush included: an error that says so, and nothing left. */
static void test_full_disk(void **state) {
    (void)state;
    struct rlimit before;
    size_t size = 0;
    lyc_idx_files files = write_four();
    const char *path = fresh_output();
    assert_ok(lyc_data_import_idx(&files, path, NULL, NULL, &failure));
    free(scratch_read("out.h5", &size));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    for (size_t room = 0; room < size; room += 1 + size / 40) {
        lyc_error err = {0};
        path = fresh_output();
        limit_file_size(&before, room);
        lyc_status status = lyc_data_import_idx(&files, path, NULL, NULL, &err);
        limit_file_size(&before, before.rlim_cur);
        assert_int_equal(status, LYC_EIO);
        assert_mentions(&err, "out.h5: cannot be written: File too large");
        assert_false(anything_left());
    }
    assert_ok(lyc_data_import_idx(&files, path, NULL, NULL, &failure)); /* and it goes on from there */
}

static void test_no_memory_is_an_error_and_no_leak(void **state) {
    (void)state;
    lyc_idx_files files = write_four();
    failing counter = {0};
    lyc_allocator allocator = {failing_allocate, failing_release, &counter};
    lyc_error err = {0};
    lyc_allocator_set(&allocator);
    lyc_status status = lyc_data_import_idx(&files, fresh_output(), NULL, NULL, &err);
    size_t requests = counter.count, failures = 0, wrong = 0;
    for (size_t n = 1; n <= requests; n++) {
        counter = (failing){.fail_at = n};
        lyc_status outcome = lyc_data_import_idx(&files, fresh_output(), NULL, NULL, &err);
        failures += outcome == LYC_ENOMEM;
        wrong += outcome != LYC_ENOMEM && outcome != LYC_OK; /* HDF5 tries to create a file twice */
    }
    lyc_allocator_set(NULL);
    assert_int_equal(status, LYC_OK);
    assert_int_equal(wrong, 0);
    assert_in_range(failures, requests - 1, requests);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_rows_arrive_in_order),
        cmocka_unit_test(test_names_and_one_part),
        cmocka_unit_test(test_nothing_is_replaced_unasked),
        cmocka_unit_test(test_each_fault_is_named_and_leaves_nothing),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_no_memory_is_an_error_and_no_leak),
    };
    return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}

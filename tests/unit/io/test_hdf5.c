/* What readers and writers of HDF5 files share. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/file.h>

#include <cmocka.h>
#include <pthread.h>

#include "io/hdf5_output.h"
#include "io/hdf5_util.h"
#include "lyceum/memory.h"
#include "tests/unit/io/scratch.h"

static lyc_error failure;
#define assert_ok(call)                                                                                      \
    do {                                                                                                     \
        if ((call) != LYC_OK) fail_msg("%s", failure.message);                                               \
    } while (0)

static void assert_says(const lyc_error *err, const char *what) {
    if (!strstr(err->message, what)) fail_msg("\"%s\" does not mention \"%s\"", err->message, what);
}

static hid_t create(const char *name) {
    hid_t file;
    assert_ok(lyc__h5_create(&file, scratch_path(name), H5P_DEFAULT, &failure));
    return file;
}

/* ---- text --------------------------------------------------------------------------------------- */

/* An attribute of fixed length with the given padding, as other writers make it. */
static void foreign_text(hid_t file, const char *name, H5T_str_t padding, size_t width, const char *bytes) {
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    assert_true(H5Tset_size(type, width) >= 0 && H5Tset_strpad(type, padding) >= 0);
    hid_t attribute = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(attribute >= 0 && H5Awrite(attribute, type, bytes) >= 0);
    H5Aclose(attribute);
    H5Sclose(space);
    H5Tclose(type);
}

static void expect_text(hid_t file, const char *name, const char *wanted) {
    char *text = NULL;
    assert_ok(lyc__h5_read_text_attribute(file, name, 1000, &text, &failure));
    assert_string_equal(text, wanted);
    lyc_free(text);
}

static void test_text_of_any_padding(void **state) {
    (void)state;
    hid_t file = create("text.h5");
    foreign_text(file, "terminated", H5T_STR_NULLTERM, 6, "abc\0xy");
    foreign_text(file, "full", H5T_STR_NULLPAD, 3, "abc");
    foreign_text(file, "spaces", H5T_STR_SPACEPAD, 6, "ab c  ");
    assert_ok(lyc__h5_write_text_attribute(file, "ours", "größer", &failure));
    assert_ok(lyc__h5_write_text_attribute(file, "empty", "", &failure));
    assert_ok(lyc__h5_write_text(file, "text", "a longer text", &failure));
    expect_text(file, "terminated", "abc");
    expect_text(file, "full", "abc");
    expect_text(file, "spaces", "ab c");
    expect_text(file, "ours", "größer");
    expect_text(file, "empty", "");
    char *text = NULL;
    lyc_error err = {0};
    assert_ok(lyc__h5_read_text(file, "text", 13, &text, &failure));
    assert_string_equal(text, "a longer text");
    lyc_free(text);
    assert_int_equal(lyc__h5_read_text(file, "text", 12, &text, &err), LYC_EFORMAT);
    assert_says(&err, "data set 'text' holds 13 bytes of text; at most 12 make sense");
    assert_null(text);
    lyc__h5_release(&file);
}

/* More names than a header of 64 KiB holds. */
static void test_long_lists_of_names(void **state) {
    (void)state;
    enum { COUNT = 20000 };
    static char texts[COUNT][16];
    static const char *names[COUNT];
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "class %d", i);
        names[i] = texts[i];
    }
    hid_t file = create("names.h5");
    assert_ok(lyc__h5_write_texts_attribute(file, "classes", names, COUNT, &failure));
    assert_ok(lyc__h5_close(&file, &failure));
    assert_ok(lyc__h5_open(&file, scratch_path("names.h5"), "test", H5F_ACC_RDONLY, H5P_DEFAULT, &failure));
    char **read = NULL;
    size_t count = 0;
    lyc_error err = {0};
    assert_ok(lyc__h5_read_texts_attribute(file, "classes", COUNT, &read, &count, &failure));
    assert_int_equal(count, COUNT);
    for (int i = 0; i < COUNT; i++) assert_string_equal(read[i], names[i]);
    lyc_free(read);
    assert_int_equal(lyc__h5_read_texts_attribute(file, "classes", COUNT - 1, &read, &count, &err),
                     LYC_EFORMAT);
    assert_says(&err, "holds 20000 texts; at most 19999 make sense");
    lyc__h5_release(&file);
}

/* ---- numbers ------------------------------------------------------------------------------------ */

static void test_numbers_are_what_they_say(void **state) {
    (void)state;
    const uint64_t large = UINT64_MAX - 1;
    const int16_t small[] = {-3, 4};
    const float half = 0.5f;
    uint64_t whole = 0;
    int64_t *integers = NULL;
    double *doubles = NULL;
    size_t count = 0;
    lyc_error err = {0};
    hid_t file = create("numbers.h5");
    assert_ok(lyc__h5_write_attribute(file, "large", H5T_NATIVE_UINT64, &large, 1, true, &failure));
    assert_ok(lyc__h5_write_attribute(file, "small", H5T_NATIVE_INT16, small, 2, false, &failure));
    assert_ok(lyc__h5_write_attribute(file, "half", H5T_NATIVE_FLOAT, &half, 1, true, &failure));

    assert_ok(lyc__h5_read_u64_attribute(file, "large", &whole, &failure));
    assert_true(whole == large);
    assert_int_equal(lyc__h5_read_i64_attribute(file, "large", 1, &integers, &count, &err), LYC_EFORMAT);
    assert_says(&err, "attribute 'large' holds a number beyond 2^63");
    assert_null(integers);

    assert_ok(lyc__h5_read_i64_attribute(file, "small", 2, &integers, &count, &failure));
    assert_int_equal(count, 2);
    assert_int_equal(integers[0], -3);
    lyc_free(integers);
    assert_int_equal(lyc__h5_read_u64_attribute(file, "small", &whole, &err), LYC_EFORMAT);
    assert_says(&err, "attribute 'small' holds 2 numbers; at most 1 make sense");

    assert_ok(lyc__h5_read_f64_attribute(file, "half", 1, &doubles, &count, &failure));
    assert_true(count == 1 && doubles[0] == 0.5);
    lyc_free(doubles);
    assert_int_equal(lyc__h5_read_i64_attribute(file, "half", 1, &integers, &count, &err), LYC_EFORMAT);
    assert_says(&err, "attribute 'half' does not hold integers");
    lyc__h5_release(&file);
}

/* ---- rows --------------------------------------------------------------------------------------- */

static void test_rows_of_a_data_set(void **state) {
    (void)state;
    const float rows[2][3] = {{1, 2, 3}, {4, 5, 6}};
    float read[5][3];
    lyc__h5_shape shape;
    lyc_error err = {0};
    hid_t file = create("rows.h5"), dataset;
    assert_ok(
        lyc__h5_create_dataset(&dataset, file, "a/b", H5T_IEEE_F32LE, 2, (uint64_t[]){5, 3}, true, &failure));
    assert_ok(lyc__h5_write_rows(dataset, H5T_NATIVE_FLOAT, 3, 2, rows, &failure));
    assert_ok(lyc__h5_write_rows(dataset, H5T_NATIVE_FLOAT, 5, 0, rows, &failure));
    assert_int_equal(lyc__h5_write_rows(dataset, H5T_NATIVE_FLOAT, 4, 2, rows, &err), LYC_EIO);
    assert_says(&err, "/a/b: cannot write rows 4 to 5");
    assert_int_equal(lyc__h5_read_rows(dataset, H5T_NATIVE_FLOAT, UINT64_MAX, 2, read, &err), LYC_EIO);
    lyc__h5_release(&dataset);

    assert_ok(lyc__h5_open_dataset(&dataset, &shape, file, "a/b", &failure));
    assert_int_equal(shape.rank, 2);
    assert_int_equal(shape.count, 15);
    assert_int_equal(shape.type, H5T_FLOAT);
    assert_ok(lyc__h5_read(dataset, H5T_NATIVE_FLOAT, read, &failure));
    assert_true(read[0][0] == 0.0f && read[2][2] == 0.0f && read[4][2] == 6.0f);
    assert_ok(lyc__h5_read_rows(dataset, H5T_NATIVE_FLOAT, 3, 1, read, &failure));
    assert_memory_equal(read[0], rows[0], sizeof rows[0]);
    lyc__h5_release(&dataset);
    lyc__h5_release(&file);
}

/* ---- files -------------------------------------------------------------------------------------- */

/* A writer holds HDF5's lock: the same that another process would meet. */
static void test_a_file_that_is_being_written(void **state) {
    (void)state;
    lyc_error err = {0};
    hid_t file = create("busy.h5");
    assert_ok(lyc__h5_close(&file, &failure));
    int writer = open(scratch_path("busy.h5"), O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(writer, LOCK_EX), 0);
    assert_int_equal(lyc__h5_open(&file, scratch_path("busy.h5"), "bank", H5F_ACC_RDONLY, H5P_DEFAULT, &err),
                     LYC_EBUSY);
    assert_says(&err, "busy.h5: another process is using this bank; wait until it has finished");
    close(writer);
    assert_ok(lyc__h5_open(&file, scratch_path("busy.h5"), "bank", H5F_ACC_RDONLY, H5P_DEFAULT, &failure));
    lyc__h5_release(&file);
}

/* HDF5 prints its errors by itself, thread by thread, unless told otherwise. */
static void *open_nonsense(void *payload) {
    hid_t file;
    lyc_status status = lyc__h5_open(&file, payload, "test", H5F_ACC_RDONLY, H5P_DEFAULT, NULL);
    return status == LYC_EFORMAT ? payload : NULL;
}

static void test_nothing_is_printed(void **state) {
    (void)state;
    pthread_t thread;
    char path[SCRATCH_PATH], printed[64] = "";
    assert_true(scratch_write("nonsense.h5", "nonsense", 8));
    (void)snprintf(path, sizeof path, "%s", scratch_path("nonsense.h5"));
    int saved = dup(STDERR_FILENO), pipes[2];
    assert_int_equal(pipe(pipes), 0);
    assert_true(dup2(pipes[1], STDERR_FILENO) >= 0);
    void *here = open_nonsense(path), *there = NULL;
    int failed = pthread_create(&thread, NULL, open_nonsense, path);
    if (!failed) failed = pthread_join(thread, &there);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    close(saved);
    close(pipes[1]);
    assert_int_equal(failed, 0);
    assert_true(here && there);
    ssize_t size = read(pipes[0], printed, sizeof printed - 1);
    close(pipes[0]);
    assert_int_equal(size, 0);
}

static void test_an_output_appears_whole_or_not_at_all(void **state) {
    (void)state;
    lyc__h5_output output;
    char command[SCRATCH_PATH + 64];
    assert_true(scratch_write("whole.h5", "before", 6));
    assert_ok(lyc__h5_output_open(&output, scratch_path("whole.h5"), &failure));
    assert_ok(lyc__h5_write_text(output.file, "text", "new", &failure));
    lyc__h5_output_close(&output); /* given up */
    size_t size = 0;
    unsigned char *bytes = scratch_read("whole.h5", &size);
    assert_memory_equal(bytes, "before", 6);
    free(bytes);

    assert_ok(lyc__h5_output_open(&output, scratch_path("whole.h5"), &failure));
    assert_ok(lyc__h5_write_text(output.file, "text", "new", &failure));
    assert_ok(lyc__h5_output_check(&output, &failure));
    assert_ok(lyc__h5_output_publish(&output, &failure));
    lyc__h5_output_close(&output);
    char *text = NULL;
    hid_t file;
    assert_ok(lyc__h5_open(&file, scratch_path("whole.h5"), "test", H5F_ACC_RDONLY, H5P_DEFAULT, &failure));
    assert_ok(lyc__h5_read_text(file, "text", 3, &text, &failure));
    assert_string_equal(text, "new");
    lyc_free(text);
    lyc__h5_release(&file);
    (void)snprintf(command, sizeof command, "ls '%s' | grep -q part", scratch_directory);
    assert_int_not_equal(system(command), 0);

    lyc_error err = {0};
    assert_int_equal(lyc__h5_output_open(&output, scratch_path("no/such/folder.h5"), &err), LYC_EIO);
    assert_says(&err, "folder.h5: cannot create this file: No such file or directory");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_of_any_padding),
        cmocka_unit_test(test_long_lists_of_names),
        cmocka_unit_test(test_numbers_are_what_they_say),
        cmocka_unit_test(test_rows_of_a_data_set),
        cmocka_unit_test(test_a_file_that_is_being_written),
        cmocka_unit_test(test_nothing_is_printed),
        cmocka_unit_test(test_an_output_appears_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}

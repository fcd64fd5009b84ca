/* Files of recorded logits as such: what is read, what is refused before anybody asks whose rows they are. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "io/hdf5_util.h"
#include "io/recorded_file.h"
#include "scratch.h"

enum { ROWS = 5, CLASSES = 2 };

static const float logits[ROWS * CLASSES] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
static const uint64_t ids[ROWS] = {50, 40, UINT64_MAX, 20, 10}, checks[ROWS] = {1, 2, 3, UINT64_MAX, 5};
static const char *const names[] = {"no", "yes"};

#define EXPECT_OK(call)                                                                                      \
    do {                                                                                                     \
        lyc_status expect_status_ = (call);                                                                  \
        if (expect_status_ != LYC_OK) fail_msg("%s: %s", #call, err.message);                                \
    } while (0)

static void expect_refused(const char *text) {
    lyc__recorded_file file;
    lyc_error err = {0};
    assert_int_equal(lyc__recorded_file_read(&file, scratch_path("rec.h5"), 1, &err), LYC_EFORMAT);
    if (strstr(err.message, text) == NULL) fail_msg("no '%s' in: %s", text, err.message);
    if (strstr(err.message, scratch_path("rec.h5")) == NULL) fail_msg("no path in: %s", err.message);
    assert_null(file.logits);
}

static void what_is_written_comes_back(void **state) {
    (void)state;
    lyc__recorded_file file;
    lyc_error err = {0};
    EXPECT_OK(lyc__recorded_file_write(scratch_path("rec.h5"), logits, ids, checks, ROWS, CLASSES, names,
                                       "f1", &err));
    EXPECT_OK(lyc__recorded_file_read(&file, scratch_path("rec.h5"), 4, &err));
    assert_int_equal(file.rows, ROWS);
    assert_int_equal(file.classes, CLASSES);
    assert_int_equal(file.views, 1);
    assert_memory_equal(file.logits[0], logits, sizeof logits);
    assert_memory_equal(file.ids, ids, sizeof ids);
    assert_memory_equal(file.checks, checks, sizeof checks);
    assert_string_equal(file.class_names[1], "yes");
    assert_string_equal(file.data_fingerprint, "f1");
    assert_null(file.view_key);
    assert_false(file.unrelated_is_fine);
    lyc__recorded_file_release(&file);

    EXPECT_OK(
        lyc__recorded_file_write(scratch_path("rec.h5"), logits, ids, NULL, ROWS, CLASSES, NULL, NULL, &err));
    EXPECT_OK(lyc__recorded_file_read(&file, scratch_path("rec.h5"), 1, &err));
    assert_null(file.checks);
    assert_null(file.class_names);
    assert_null(file.data_fingerprint);
    lyc__recorded_file_release(&file);
    lyc__recorded_file_release(&file); /* an empty one is fine */
}

/* A file with one thing that is not as it should be. */
typedef struct flaw {
    hid_t logits_type;
    int logits_rank;
    uint64_t logits_rows;
    const char *id_name;
    hid_t id_type;
    uint64_t id_rows;
    int64_t first_id;
    hid_t check_type; /* LYC__H5_NONE = no /check */
    size_t name_count;
} flaw;

static void write_flawed(flaw with) {
    hid_t file;
    lyc_error err = {0};
    const uint64_t dims[2] = {with.logits_rows, CLASSES};
    const int64_t numbers[ROWS] = {with.first_id, 1, 2, 3, 4};
    static const char *const texts[3] = {"a", "b", "c"};
    EXPECT_OK(lyc__h5_create(&file, scratch_path("rec.h5"), H5P_DEFAULT, &err));
    EXPECT_OK(lyc__h5_write_dataset(file, "logits", with.logits_type, H5T_NATIVE_FLOAT, with.logits_rank,
                                    dims, logits, &err));
    EXPECT_OK(lyc__h5_write_dataset(file, with.id_name, with.id_type, H5T_NATIVE_INT64, 1, &with.id_rows,
                                    numbers, &err));
    if (with.check_type != LYC__H5_NONE)
        EXPECT_OK(lyc__h5_write_dataset(file, "check", with.check_type, H5T_NATIVE_INT64, 1, &dims[0],
                                        numbers, &err));
    if (with.name_count > 0)
        EXPECT_OK(lyc__h5_write_texts_attribute(file, "classes", texts, with.name_count, &err));
    EXPECT_OK(lyc__h5_close(&file, &err));
}

static void flawed_files_are_refused(void **state) {
    (void)state;
    lyc__recorded_file file;
    lyc_error err = {0};
    const flaw none = {.logits_type = H5T_IEEE_F32LE,
                       .logits_rank = 2,
                       .logits_rows = ROWS,
                       .id_name = "id",
                       .id_type = H5T_STD_I64LE,
                       .id_rows = ROWS,
                       .check_type = LYC__H5_NONE};
    flaw with = none;
    write_flawed(none);
    EXPECT_OK(lyc__recorded_file_read(&file, scratch_path("rec.h5"), 1, &err));
    lyc__recorded_file_release(&file);

    with.logits_type = H5T_STD_I32LE;
    write_flawed(with);
    expect_refused("integers");
    with = none, with.logits_rank = 1;
    write_flawed(with);
    expect_refused("[any, any]");
    with = none, with.logits_rows = 0, with.id_rows = 0;
    write_flawed(with);
    expect_refused("0 rows");
    with = none, with.id_name = "ids";
    write_flawed(with);
    expect_refused("no '/id'");
    with = none, with.id_rows = ROWS - 1;
    write_flawed(with);
    expect_refused("[5] was expected");
    with = none, with.id_type = H5T_IEEE_F64LE;
    write_flawed(with);
    expect_refused("integers were expected");
    with = none, with.first_id = -3;
    write_flawed(with);
    expect_refused("negative in row 0");
    with = none, with.check_type = H5T_STD_I64LE;
    write_flawed(with);
    expect_refused("signed integers of 8 bytes");
    with = none, with.name_count = 3;
    write_flawed(with);
    expect_refused("names 3 classes");
}

static void what_comes_later_and_slowly_comes_back(void **state) {
    (void)state;
    float other[ROWS * CLASSES], *views[2] = {(float *)logits, other}, *later[2] = {other, (float *)logits};
    lyc__recorded_file file, content = {.rows = ROWS,
                                        .classes = CLASSES,
                                        .views = 2,
                                        .logits = views,
                                        .later = later,
                                        .ids = (uint64_t *)ids,
                                        .changes_at = 12,
                                        .delay_seconds = 0.5,
                                        .provenance = "{}",
                                        .unrelated_is_fine = true};
    lyc_error err = {0};
    for (size_t i = 0; i < ROWS * CLASSES; i++) other[i] = -logits[i];
    EXPECT_OK(lyc__recorded_file_store(scratch_path("rec.h5"), &content, &err));
    for (int read = 1; read <= 2; read++) {
        EXPECT_OK(lyc__recorded_file_read(&file, scratch_path("rec.h5"), read, &err));
        assert_int_equal(file.views, read);
        assert_memory_equal(file.later[0], other, sizeof other);
        if (read == 2) assert_memory_equal(file.later[1], logits, sizeof logits);
        assert_int_equal(file.changes_at, 12);
        assert_true(file.delay_seconds == 0.5);
        assert_string_equal(file.provenance, "{}");
        assert_true(file.unrelated_is_fine);
        lyc__recorded_file_release(&file);
    }
}

static void flawed_changes_and_delays_are_refused(void **state) {
    (void)state;
    float *views[1] = {(float *)logits};
    lyc__recorded_file content = {
        .rows = ROWS, .classes = CLASSES, .views = 1, .logits = views, .ids = (uint64_t *)ids};
    lyc_error err = {0};
    content.changes_at = 3;
    EXPECT_OK(lyc__recorded_file_store(scratch_path("rec.h5"), &content, &err));
    expect_refused("'later'");
    content.changes_at = 0;
    content.later = views;
    EXPECT_OK(lyc__recorded_file_store(scratch_path("rec.h5"), &content, &err));
    expect_refused("changes_at_step");
    content.later = NULL;
    content.delay_seconds = 3601.0;
    EXPECT_OK(lyc__recorded_file_store(scratch_path("rec.h5"), &content, &err));
    expect_refused("delay_seconds");
}

static void a_full_disk_leaves_no_file(void **state) {
    (void)state;
    struct rlimit former, tight;
    lyc_error err = {0};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &former), 0);
    tight = former;
    tight.rlim_cur = 1000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    lyc_status status =
        lyc__recorded_file_write(scratch_path("rec.h5"), logits, ids, NULL, ROWS, CLASSES, names, NULL, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &former), 0);
    assert_int_equal(status, LYC_EIO);
    assert_non_null(strstr(err.message, "File too large"));
    assert_int_equal(rmdir(scratch_directory), 0); /* nothing in it */
    assert_int_equal(mkdir(scratch_directory, 0700), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_comes_back, scratch_open, scratch_close),
        cmocka_unit_test_setup_teardown(flawed_files_are_refused, scratch_open, scratch_close),
        cmocka_unit_test_setup_teardown(what_comes_later_and_slowly_comes_back, scratch_open, scratch_close),
        cmocka_unit_test_setup_teardown(flawed_changes_and_delays_are_refused, scratch_open, scratch_close),
        cmocka_unit_test_setup_teardown(a_full_disk_leaves_no_file, scratch_open, scratch_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The run file in one process: rows come back, nothing is created late, full disks and bad files are clear.
 */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "hdf5_leaks.h"
#include "run_sample.h"
#include "scratch.h"

#define ROWS 3000 /* three chunks of the scalar columns, many buffers of rows */

static void create(lyc_runfile **file) {
    lyc_error err = {0};
    if (sample_create(file, scratch_path("run.h5"), &err) != LYC_OK) fail_msg("%s", err.message);
}

static void append(lyc_runfile *file, size_t table, uint64_t first, uint64_t end) {
    lyc_error err = {0};
    for (uint64_t row = first; row < end; row++)
        if (sample_append(file, table, row, &err) != LYC_OK) fail_msg("%s", err.message);
}

static void close_file(lyc_runfile *file) {
    lyc_error err = {0};
    if (lyc_runfile_close(file, &err) != LYC_OK) fail_msg("%s", err.message);
}

static void check_rows(uint64_t wide, uint64_t narrow) {
    lyc_runreader *reader;
    lyc_error err = {0};
    uint64_t rows = 0;
    if (lyc_runreader_open(&reader, scratch_path("run.h5"), &err) != LYC_OK) fail_msg("%s", err.message);
    assert_int_equal(lyc_runreader_rows(reader, "wide", &rows, &err), LYC_OK);
    assert_int_equal(rows, wide);
    assert_int_equal(lyc_runreader_rows(reader, "narrow", &rows, &err), LYC_OK);
    assert_int_equal(rows, narrow);
    assert_string_equal(sample_check(reader, 0, 0, wide), "");
    assert_string_equal(sample_check(reader, 1, 0, narrow), "");
    lyc_runreader_close(reader);
}

static void rows_come_back(void **state) {
    (void)state;
    lyc_runfile *file;
    create(&file);
    append(file, 0, 0, ROWS);
    append(file, 1, 0, 5);
    assert_int_equal(lyc_runfile_rows(file, 0), ROWS);
    assert_int_equal(lyc_runfile_rows(file, 1), 5);
    close_file(file);
    assert_false(scratch_has("run.h5.tmp"));
    check_rows(ROWS, 5);

    lyc_runreader *reader;
    lyc_error err = {0};
    assert_int_equal(lyc_runreader_open(&reader, scratch_path("run.h5"), &err), LYC_OK);
    assert_string_equal(sample_check(reader, 0, 1500, 7), "");
    assert_string_equal(sample_check(reader, 0, ROWS, 0), "");
    char **names;
    double *numbers;
    size_t count;
    assert_int_equal(lyc_runreader_texts(reader, "/teachers/name", &names, &count, &err), LYC_OK);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < 3; i++) assert_string_equal(names[i], sample_names[i]);
    lyc_free(names);
    assert_int_equal(lyc_runreader_texts(reader, "/empty", &names, &count, &err), LYC_OK);
    assert_int_equal(count, 0);
    lyc_free(names);
    assert_int_equal(lyc_runreader_constant(reader, "/teachers/matrix", &numbers, &count, &err), LYC_OK);
    assert_int_equal(count, 6);
    assert_memory_equal(numbers, sample_matrix, sizeof sample_matrix);
    lyc_free(numbers);
    assert_int_equal(lyc_runreader_constant(reader, "/run/total", &numbers, &count, &err), LYC_OK);
    assert_true(count == 1 && numbers[0] == 4000);
    lyc_free(numbers);
    lyc_runreader_close(reader);
}

static void empty_tables(void **state) {
    (void)state;
    lyc_runfile *file;
    create(&file);
    close_file(file);
    check_rows(0, 0);
    lyc_error err = {0};
    assert_int_equal(lyc_runfile_close(NULL, &err), LYC_OK);
}

/* A clean close leaves a file that any HDF5 program opens, without SWMR. */
static void opens_plainly(void **state) {
    (void)state;
    lyc_runfile *file;
    lyc_error err = {0};
    hid_t plain;
    create(&file);
    append(file, 0, 0, 10);
    close_file(file);
    assert_int_equal(
        lyc__h5_open(&plain, scratch_path("run.h5"), "run file", H5F_ACC_RDONLY, H5P_DEFAULT, &err), LYC_OK);
    assert_int_equal(lyc__h5_close(&plain, &err), LYC_OK);
}

/* The process that writes may look at its own file. */
static void read_by_its_writer(void **state) {
    (void)state;
    lyc_runfile *file;
    lyc_error err = {0};
    create(&file);
    append(file, 0, 0, 100);
    assert_int_equal(lyc_runfile_flush(file, &err), LYC_OK);
    check_rows(100, 0);
    append(file, 0, 100, 2500);
    assert_int_equal(lyc_runfile_flush(file, &err), LYC_OK);
    check_rows(2500, 0);
    close_file(file);
    check_rows(2500, 0);
}

static void nothing_is_created_late(void **state) {
    (void)state;
    static const lyc_table_spec late = {"late", sample_narrow, 1, 0};
    static const lyc_constant constant = {
        .path = "/late", .type = LYC_TYPE_F64, .data = sample_matrix, .rank = 1, .dims = {1, 0}};
    lyc_runfile *file;
    lyc_error err = {0};
    create(&file);
    append(file, 0, 0, 10);
    assert_int_equal(lyc__runfile_add_table(file, &late, &err), LYC_EINTERNAL);
    assert_non_null(strstr(err.message, "'late' cannot be created"));
    assert_int_equal(lyc__runfile_add_constant(file, &constant, &err), LYC_EINTERNAL);
    assert_non_null(strstr(err.message, "'/late' cannot be created"));
    append(file, 0, 10, 20);
    close_file(file);
    check_rows(20, 0);
}

/* Bytes of a file with one row in a table that grows by `chunk` rows. */
static size_t size_with_chunk(size_t chunk) {
    const lyc_table_spec table = {"narrow", sample_narrow, 1, chunk};
    const double value = 1.5;
    const void *const row[] = {&value};
    lyc_runfile *file;
    lyc_error err = {0};
    assert_int_equal(lyc_runfile_create(&file, scratch_path("short.h5"), &table, 1, NULL, 0, &err), LYC_OK);
    assert_int_equal(lyc_runfile_append(file, 0, row, &err), LYC_OK);
    close_file(file);
    size_t size = 0;
    free(scratch_read("short.h5", &size));
    assert_int_not_equal(size, 0);
    return size;
}

static void a_short_table_is_a_small_file(void **state) {
    (void)state;
    size_t many = size_with_chunk(0), few = size_with_chunk(8);
    assert_int_equal(many - few, (1024 - 8) * sizeof(double));
    assert_int_equal(size_with_chunk(1), few - 7 * sizeof(double));
    assert_int_equal(size_with_chunk(SIZE_MAX), many);
}

static void bad_specifications(void **state) {
    (void)state;
    static const lyc_column deep[1] = {{"deep", LYC_TYPE_F32, 3, {1, 1}, NULL}};
    static const lyc_column wide[1] = {{"huge", LYC_TYPE_F32, 2, {SIZE_MAX / 2, 3}, NULL}};
    static const lyc_column twice[2] = {{"same", LYC_TYPE_F32, 0, {0, 0}, NULL},
                                        {"same", LYC_TYPE_F32, 0, {0, 0}, NULL}};
    const struct {
        lyc_table_spec spec;
        lyc_status status;
        const char *word;
    } bad[] = {{{"t", deep, 1, 0}, LYC_EINTERNAL, "rank 3"},
               {{"t", wide, 1, 0}, LYC_EINTERNAL, "too wide"},
               {{"t", twice, 0, 0}, LYC_EINTERNAL, "columns"},
               {{"t", twice, 2, 0}, LYC_EIO, "'same'"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        lyc_runfile *file = NULL;
        lyc_error err = {0};
        assert_int_equal(lyc_runfile_create(&file, scratch_path("bad.h5"), &bad[i].spec, 1, NULL, 0, &err),
                         bad[i].status);
        assert_non_null(strstr(err.message, bad[i].word));
        assert_null(file);
        assert_false(scratch_has("bad.h5"));
        assert_false(scratch_has("bad.h5.tmp"));
    }
    lyc_constant missing = {
        .path = "/c", .texts = (const char *const[]){"a", NULL}, .rank = 1, .dims = {2, 0}};
    lyc_runfile *file;
    lyc_error err = {0};
    assert_int_equal(lyc_runfile_create(&file, scratch_path("bad.h5"), sample_tables, 1, &missing, 1, &err),
                     LYC_EINTERNAL);
    assert_non_null(strstr(err.message, "'/c'"));
}

static void missing_value(void **state) {
    (void)state;
    lyc_runfile *file;
    lyc_error err = {0};
    const void *values[1] = {NULL};
    create(&file);
    assert_int_equal(lyc_runfile_append(file, 1, values, &err), LYC_EINTERNAL);
    assert_non_null(strstr(err.message, "'value'"));
    assert_int_equal(lyc_runfile_append(file, 2, values, &err), LYC_EINTERNAL);
    assert_int_equal(lyc_runfile_rows(file, 1), 0);
    append(file, 1, 0, 3); /* a fault of the caller's does not end the file */
    close_file(file);
    check_rows(0, 3);
}

static void no_such_place(void **state) {
    (void)state;
    lyc_runfile *file = NULL;
    lyc_error err = {0};
    assert_int_equal(sample_create(&file, scratch_path("absent/run.h5"), &err), LYC_EIO);
    assert_null(file);
    assert_non_null(strstr(err.message, "absent/run.h5"));
}

/* ---- reading what it should not -------------------------------------------------------------------- */

static void foreign_files(void **state) {
    (void)state;
    lyc_runreader *reader = NULL;
    lyc_error err = {0};
    assert_int_equal(lyc_runreader_open(&reader, scratch_path("absent.h5"), &err), LYC_EIO);
    assert_true(scratch_write("text.h5", "no HDF5 at all, only text", 25));
    assert_int_equal(lyc_runreader_open(&reader, scratch_path("text.h5"), &err), LYC_EFORMAT);
    assert_non_null(strstr(err.message, "text.h5"));
    hid_t file;
    assert_int_equal(lyc__h5_create(&file, scratch_path("other.h5"), H5P_DEFAULT, &err), LYC_OK);
    assert_int_equal(lyc__h5_write_text_attribute(file, "format", "lyceum data 1", &err), LYC_OK);
    assert_int_equal(lyc__h5_close(&file, &err), LYC_OK);
    assert_int_equal(lyc_runreader_open(&reader, scratch_path("other.h5"), &err), LYC_EFORMAT);
    assert_non_null(strstr(err.message, "is a 'lyceum data 1', not a 'lyceum run 1'"));
    assert_null(reader);
}

static void what_is_not_there(void **state) {
    (void)state;
    lyc_runfile *file;
    lyc_runreader *reader;
    lyc_error err = {0};
    double *numbers;
    char **texts;
    uint64_t rows;
    size_t width;
    create(&file);
    append(file, 0, 0, 10);
    close_file(file);
    assert_int_equal(lyc_runreader_open(&reader, scratch_path("run.h5"), &err), LYC_OK);
    assert_int_equal(lyc_runreader_rows(reader, "absent", &rows, &err), LYC_EFORMAT);
    assert_non_null(strstr(err.message, "no table 'absent'"));
    assert_int_equal(lyc_runreader_read(reader, "absent", "x", 0, 1, &numbers, &width, &err), LYC_EFORMAT);
    assert_int_equal(lyc_runreader_read(reader, "wide", "absent", 0, 1, &numbers, &width, &err), LYC_EFORMAT);
    assert_non_null(strstr(err.message, "'absent'"));
    assert_int_equal(lyc_runreader_read(reader, "wide", "step", 5, 6, &numbers, &width, &err), LYC_EFORMAT);
    assert_non_null(strstr(err.message, "holds 10 rows"));
    assert_int_equal(lyc_runreader_read(reader, "wide", "step", UINT64_MAX, 2, &numbers, &width, &err),
                     LYC_EFORMAT);
    assert_int_equal(lyc_runreader_read(reader, "teachers", "name", 0, 1, &numbers, &width, &err),
                     LYC_EFORMAT);
    assert_non_null(strstr(err.message, "not a column of numbers"));
    assert_int_equal(lyc_runreader_constant(reader, "/teachers/name", &numbers, &width, &err), LYC_EFORMAT);
    assert_int_equal(lyc_runreader_constant(reader, "/absent/at/all", &numbers, &width, &err), LYC_EFORMAT);
    assert_int_equal(lyc_runreader_texts(reader, "/run/total", &texts, &width, &err), LYC_EFORMAT);
    assert_null(numbers);
    assert_null(texts);
    lyc_runreader_close(reader);
}

static void cut_files(void **state) {
    (void)state;
    lyc_runfile *file;
    lyc_error err = {0};
    create(&file);
    append(file, 0, 0, ROWS);
    close_file(file);
    size_t size = 0;
    unsigned char *bytes = scratch_read("run.h5", &size);
    assert_non_null(bytes);
    for (size_t length = 0; length < size; length += 1 + size / 40) {
        lyc_runreader *reader = NULL;
        assert_true(scratch_write("cut.h5", bytes, length));
        lyc_status status = lyc_runreader_open(&reader, scratch_path("cut.h5"), &err);
        assert_true(status == LYC_OK || status == LYC_EFORMAT || status == LYC_EIO);
        if (status != LYC_OK) assert_non_null(strstr(err.message, "cut.h5"));
        if (status == LYC_OK) (void)sample_check(reader, 0, 0, ROWS); /* an error or rows, never a crash */
        lyc_runreader_close(reader);
    }
    free(bytes);
}

/* Whatever happened to the metadata: rows or an error, soon, and never a crash. */
static void flipped_files(void **state) {
    (void)state;
    lyc_runfile *file;
    create(&file);
    append(file, 0, 0, 100);
    close_file(file);
    size_t size = 0, refused = 0, tried = 0;
    unsigned char *bytes = scratch_read("run.h5", &size);
    assert_non_null(bytes);
    double started = lyc_seconds();
    for (size_t at = 5; at < 6000; at += 250, tried++) {
        lyc_runreader *reader = NULL;
        lyc_error err = {0};
        bytes[at] ^= 0x24;
        assert_true(scratch_write("flipped.h5", bytes, size));
        bytes[at] ^= 0x24;
        lyc_status status = lyc_runreader_open(&reader, scratch_path("flipped.h5"), &err);
        bool whole = status == LYC_OK && sample_check(reader, 0, 0, 100)[0] == '\0';
        if (!whole) refused++;
        lyc_runreader_close(reader);
        assert_int_equal(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
    }
    assert_true(refused > 0 && refused <= tried);
    assert_true(lyc_seconds() - started < 2.0 * (double)tried);
    free(bytes);
}

/* ---- the disk and the memory ------------------------------------------------------------------------ */

static void limit_files(rlim_t size) {
    struct rlimit limit;
    (void)signal(SIGXFSZ, SIG_IGN);
    (void)getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = size;
    (void)setrlimit(RLIMIT_FSIZE, &limit);
}

/* In a child: what a full disk does to HDF5 must not reach the other tests. Reports how many rows it saw
 * committed before the disk was full. */
static void fill_the_disk(int report) {
    lyc_runfile *file;
    lyc_error err = {0};
    uint64_t committed = 0;
    if (sample_create(&file, scratch_path("run.h5"), NULL) != LYC_OK) _exit(2);
    limit_files(400000);
    for (uint64_t row = 0;; row++) {
        if (sample_append(file, 0, row, &err) != LYC_OK) break;
        if (row % 50 != 49) continue;
        if (lyc_runfile_flush(file, &err) != LYC_OK) break;
        committed = row + 1;
        if (committed > 1000000) _exit(3);
    }
    if (err.code != LYC_EIO || strstr(err.message, "run.h5: cannot write") == NULL ||
        strstr(err.message, "intact") == NULL)
        _exit(4);
    if (sample_append(file, 0, 0, &err) != LYC_EIO || strstr(err.message, "takes no more rows") == NULL)
        _exit(5);
    if (lyc_runfile_flush(file, NULL) != LYC_EIO) _exit(6);
    if (lyc_runfile_close(file, NULL) != LYC_EIO) _exit(7);
    if (write(report, &committed, sizeof committed) != (ssize_t)sizeof committed) _exit(8);
    exit(0); /* with HDF5's own clean-up at exit */
}

static void full_disk(void **state) {
    (void)state;
    int ends[2], how = 0;
    uint64_t committed = 0, rows = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) fill_the_disk(ends[1]);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
    assert_int_equal(read(ends[0], &committed, sizeof committed), sizeof committed);
    (void)close(ends[0]);
    (void)close(ends[1]);
    assert_true(committed > 100);

    lyc_runreader *reader;
    lyc_error err = {0};
    assert_int_equal(lyc_runreader_open(&reader, scratch_path("run.h5"), &err), LYC_OK);
    assert_int_equal(lyc_runreader_rows(reader, "wide", &rows, &err), LYC_OK);
    assert_true(rows >= committed);
    assert_string_equal(sample_check(reader, 0, 0, rows), "");
    lyc_runreader_close(reader);
    lyc_runfile *file;
    if (sample_resume(&file, scratch_path("run.h5"), committed, 0, &err) != LYC_OK)
        fail_msg("%s", err.message);
    append(file, 0, committed, committed + 500);
    close_file(file);
    check_rows(committed + 500, 0);
}

static void create_on_a_full_disk(void) {
    lyc_runfile *file = NULL;
    limit_files(4096);
    if (sample_create(&file, scratch_path("run.h5"), NULL) != LYC_EIO || file != NULL) _exit(2);
    exit(0);
}

static void resume_on_a_full_disk(void) {
    lyc_runfile *file = NULL;
    limit_files(100000);
    if (sample_resume(&file, scratch_path("run.h5"), ROWS, 0, NULL) != LYC_EIO || file != NULL) _exit(2);
    exit(0);
}

static void in_a_child(void (*work)(void)) {
    int how = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) work();
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
}

static void full_disk_at_the_start(void **state) {
    (void)state;
    in_a_child(create_on_a_full_disk);
    assert_false(scratch_has("run.h5"));
    assert_false(scratch_has("run.h5.tmp"));
    lyc_runfile *file;
    create(&file);
    append(file, 0, 0, ROWS);
    close_file(file);
    in_a_child(resume_on_a_full_disk);
    assert_false(scratch_has("run.h5.tmp"));
    check_rows(ROWS, 0);
}

static size_t requests, fail_at, alive;

static void *counting_allocate(void *payload, size_t size, size_t alignment) {
    (void)payload;
    if (requests++ == fail_at) return NULL;
    void *block = aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    if (block != NULL) memset(block, 0, size), alive++;
    return block;
}

static void counting_release(void *payload, void *block) {
    (void)payload;
    if (block != NULL) alive--;
    free(block);
}

static const lyc_allocator counting = {counting_allocate, counting_release, NULL};

static lyc_status read_something(lyc_error *err) {
    lyc_runreader *reader;
    double *values = NULL;
    char **texts = NULL;
    size_t width;
    lyc_status status = lyc_runreader_open(&reader, scratch_path("run.h5"), err);
    if (status == LYC_OK) status = lyc_runreader_read(reader, "wide", "matrix", 0, 10, &values, &width, err);
    if (status == LYC_OK) status = lyc_runreader_texts(reader, "/teachers/name", &texts, &width, err);
    lyc_free(values);
    lyc_free(texts);
    lyc_runreader_close(reader);
    return status;
}

static lyc_status create_something(lyc_error *err) {
    lyc_runfile *file = NULL;
    LYC_TRY(sample_create(&file, scratch_path("run.h5"), err));
    fail_at = SIZE_MAX;
    append(file, 0, 0, 10);
    return lyc_runfile_close(file, err);
}

static lyc_status resume_something(lyc_error *err) {
    lyc_runfile *file = NULL;
    LYC_TRY(sample_resume(&file, scratch_path("run.h5"), 5, 0, err));
    return lyc_runfile_close(file, err);
}

/* Fails the first request of `work`, then the second, ... until there is no such request. HDF5 asks twice for
 * some things, so that a failure may pass unnoticed; leaking or crashing may not. */
static void starve(lyc_status (*work)(lyc_error *err), size_t least) {
    size_t attempt = 0, failures = 0;
    lyc_status status;
    do {
        lyc_error err = {0};
        requests = 0;
        fail_at = attempt++;
        status = work(&err);
        if (status != LYC_OK) failures++;
        assert_true(status == LYC_OK || strstr(err.message, "memory") != NULL);
        assert_int_equal(alive, 0);
    } while (requests >= attempt);
    assert_int_equal(status, LYC_OK);
    assert_true(failures >= least);
    fail_at = SIZE_MAX;
}

static void no_memory(void **state) {
    (void)state;
    lyc_allocator_set(&counting);
    alive = 0;
    starve(create_something, 20);
    starve(read_something, 5);
    check_rows(10, 0);
    starve(resume_something, 20);
    check_rows(5, 0);
    lyc_allocator_set(NULL);
}

static void appending_allocates_nothing(void **state) {
    (void)state;
    lyc_runfile *file;
    lyc_allocator_set(&counting);
    fail_at = SIZE_MAX;
    create(&file);
    append(file, 0, 0, 100);
    requests = 0;
    append(file, 0, 100, ROWS);
    append(file, 1, 0, ROWS);
    lyc_error err = {0};
    assert_int_equal(lyc_runfile_flush(file, &err), LYC_OK);
    assert_int_equal(requests, 0);
    close_file(file);
    assert_int_equal(alive, 0);
    lyc_allocator_set(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_open, scratch_close)
        TEST(rows_come_back),
        TEST(empty_tables),
        TEST(opens_plainly),
        TEST(read_by_its_writer),
        TEST(nothing_is_created_late),
        TEST(a_short_table_is_a_small_file),
        TEST(bad_specifications),
        TEST(missing_value),
        TEST(no_such_place),
        TEST(foreign_files),
        TEST(what_is_not_there),
        TEST(cut_files),
        TEST(flipped_files),
        TEST(full_disk),
        TEST(full_disk_at_the_start),
        TEST(no_memory),
        TEST(appending_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

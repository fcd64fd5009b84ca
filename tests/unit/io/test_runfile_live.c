/* The run file between processes: read while it grows, killed at any moment, gone on with. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "run_sample.h"
#include "scratch.h"

static void pause_ms(long milliseconds) {
    struct timespec span = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    (void)nanosleep(&span, NULL);
}

/* The writer of the test that is running: it ends with the test, however that ends. */
static pid_t writer;

static int close_and_kill(void **state) {
    if (writer > 0 && kill(writer, SIGKILL) == 0) (void)waitpid(writer, NULL, 0);
    writer = 0;
    return scratch_close(state);
}

static pid_t spawn(void (*work)(int command, int answer, uint64_t number), uint64_t number, int *to,
                   int *from) {
    int commands[2], answers[2];
    assert_int_equal(pipe(commands), 0);
    assert_int_equal(pipe(answers), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    writer = child;
    if (child == 0) {
        (void)alarm(120); /* should the test itself be killed */
        (void)close(commands[1]);
        (void)close(answers[0]);
        work(commands[0], answers[1], number);
        _exit(0);
    }
    (void)close(commands[0]);
    (void)close(answers[1]);
    *to = commands[1];
    *from = answers[0];
    return child;
}

static void end(pid_t child, int to, int from, bool killed) {
    int how = 0;
    (void)close(to);
    assert_int_equal(waitpid(child, &how, 0), child);
    writer = 0;
    (void)close(from);
    if (killed) assert_true(WIFSIGNALED(how));
    else assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
}

static void say(int fd, char word) {
    if (write(fd, &word, 1) != 1) _exit(20);
}

static char hear(int fd) {
    char word = 0;
    return read(fd, &word, 1) == 1 ? word : 0;
}

static uint64_t open_rows(lyc_runreader **reader, const char *table) {
    lyc_error err = {0};
    uint64_t rows = 0;
    if (lyc_runreader_open(reader, scratch_path("run.h5"), &err) != LYC_OK) fail_msg("%s", err.message);
    if (lyc_runreader_rows(*reader, table, &rows, &err) != LYC_OK) fail_msg("%s", err.message);
    return rows;
}

static uint64_t committed(void) {
    lyc_runreader *reader;
    uint64_t rows = open_rows(&reader, "wide");
    assert_string_equal(sample_check(reader, 0, 0, rows), "");
    lyc_runreader_close(reader);
    return rows;
}

/* ---- when rows become visible ------------------------------------------------------------------------ */

static void append_on_command(int command, int answer, uint64_t number) {
    (void)number;
    lyc_runfile *file;
    uint64_t row = 0;
    if (sample_create(&file, scratch_path("run.h5"), NULL) != LYC_OK) _exit(1);
    say(answer, 'c');
    for (char word; (word = hear(command)) != 0;) {
        if (word == 'a' && sample_append(file, 0, row++, NULL) != LYC_OK) _exit(2);
        if (word == 'f' && lyc_runfile_flush(file, NULL) != LYC_OK) _exit(3);
        say(answer, word);
    }
    if (lyc_runfile_close(file, NULL) != LYC_OK) _exit(4);
}

static void order(int to, int from, char word) {
    say(to, word);
    assert_int_equal(hear(from), word);
}

static void at_most_once_a_second(void **state) {
    (void)state;
    int to, from;
    pid_t child = spawn(append_on_command, 0, &to, &from);
    assert_int_equal(hear(from), 'c');
    assert_true(scratch_has("run.h5")); /* readable from the moment it has its name */
    assert_int_equal(committed(), 0);
    order(to, from, 'a');
    order(to, from, 'a');
    assert_int_equal(committed(), 0); /* within the second */
    pause_ms(1050);
    assert_int_equal(committed(), 0); /* nothing happens behind the writer's back */
    order(to, from, 'a');
    assert_int_equal(committed(), 3);
    order(to, from, 'a');
    assert_int_equal(committed(), 3);
    order(to, from, 'f');
    assert_int_equal(committed(), 4);
    assert_true(lyc_runfile_is_live(scratch_path("run.h5")));
    order(to, from, 'a');
    end(child, to, from, false);
    assert_int_equal(committed(), 5);
    assert_false(lyc_runfile_is_live(scratch_path("run.h5")));
    assert_false(lyc_runfile_is_live(scratch_path("absent.h5")));
}

/* One reader, open all the time, sees the file grow. */
static void one_reader_follows(void **state) {
    (void)state;
    int to, from;
    pid_t child = spawn(append_on_command, 0, &to, &from);
    assert_int_equal(hear(from), 'c');
    lyc_runreader *reader;
    lyc_error err = {0};
    uint64_t rows = open_rows(&reader, "wide");
    for (uint64_t round = 1; round <= 60; round++) {
        for (int i = 0; i < 37; i++) order(to, from, 'a');
        order(to, from, 'f');
        assert_int_equal(lyc_runreader_rows(reader, "wide", &rows, &err), LYC_OK);
        assert_int_equal(rows, round * 37);
        assert_string_equal(sample_check(reader, 0, 0, rows), "");
    }
    end(child, to, from, false);
    assert_string_equal(sample_check(reader, 0, 0, rows), "");
    lyc_runreader_close(reader);
}

/* ---- no turns taken: written as fast as possible, read at the same time -------------------------------- */

static void append_without_end(int command, int answer, uint64_t first) {
    (void)command;
    lyc_runfile *file;
    lyc_status status = first == 0 ? sample_create(&file, scratch_path("run.h5"), NULL)
                                   : sample_resume(&file, scratch_path("run.h5"), first, first / 16, NULL);
    if (status != LYC_OK) _exit(1);
    say(answer, 'c');
    for (uint64_t row = first;; row++) {
        if (sample_append(file, 0, row, NULL) != LYC_OK) _exit(2);
        if (row % 16 == 15 && sample_append(file, 1, row / 16, NULL) != LYC_OK) _exit(3);
        if (row % 8 == 7 && lyc__runfile_commit(file, false, NULL) != LYC_OK) _exit(4);
    }
}

static void read_while_it_grows(void **state) {
    (void)state;
    int to, from;
    pid_t child = spawn(append_without_end, 0, &to, &from);
    assert_int_equal(hear(from), 'c');
    lyc_runreader *reader;
    lyc_error err = {0};
    uint64_t before = open_rows(&reader, "wide"), grown = 0;
    for (int round = 0; round < 200; round++) {
        uint64_t wide, narrow;
        if (lyc_runreader_rows(reader, "wide", &wide, &err) != LYC_OK) fail_msg("%s", err.message);
        if (lyc_runreader_rows(reader, "narrow", &narrow, &err) != LYC_OK) fail_msg("%s", err.message);
        assert_true(wide >= before);
        assert_true(narrow >= wide / 16);
        uint64_t first = wide > 2000 ? wide - 2000 : 0;
        assert_string_equal(sample_check(reader, 0, first, wide - first), "");
        assert_string_equal(sample_check(reader, 1, 0, narrow), "");
        grown += wide > before;
        before = wide;
    }
    assert_true(grown > 5);
    assert_int_equal(kill(child, SIGKILL), 0);
    end(child, to, from, true);
    lyc_runreader_close(reader);
}

/* ---- killed, read, resumed ----------------------------------------------------------------------------- */

static void killed_at_any_moment(void **state) {
    (void)state;
    unsigned random = 4711;
    uint64_t first = 0, total = 0;
    for (int round = 0; round < 12; round++) {
        int to, from;
        pid_t child = spawn(append_without_end, first, &to, &from);
        random = random * 1103515245u + 12345u;
        bool early = round % 4 == 3; /* now and then while the file is being made or copied */
        if (!early) assert_int_equal(hear(from), 'c');
        pause_ms(early ? random / 65536 % 8 : 2 + random / 65536 % 60);
        assert_int_equal(kill(child, SIGKILL), 0);
        end(child, to, from, true);
        assert_false(lyc_runfile_is_live(scratch_path("run.h5")));
        lyc_runreader *reader;
        lyc_error err = {0};
        uint64_t narrow = 0, wide = open_rows(&reader, "wide");
        assert_int_equal(lyc_runreader_rows(reader, "narrow", &narrow, &err), LYC_OK);
        assert_true(wide >= first);
        assert_true(narrow == wide / 16);
        assert_string_equal(sample_check(reader, 0, 0, wide), "");
        assert_string_equal(sample_check(reader, 1, 0, narrow), "");
        lyc_runreader_close(reader);
        total += wide - first;
        random = random * 1103515245u + 12345u;
        first = wide - (wide - first) * (random / 65536 % 100) / 100; /* what a checkpoint may know */
        if (first == 0) first = 1;
        if (wide == 0) first = 0;
    }
    assert_true(total > 100);
}

static void *raw_column(lyc_runreader *reader, size_t table, size_t column, uint64_t rows, size_t *size) {
    hid_t dataset;
    lyc__h5_shape shape;
    lyc_error err = {0};
    const lyc_column *spec = &sample_tables[table].columns[column];
    *size = (size_t)rows * sample_width(spec) * lyc_type_size(spec->type);
    void *bytes = calloc(1, *size + 1);
    assert_non_null(bytes);
    assert_int_equal(
        lyc__runreader_column(reader, sample_tables[table].name, spec->name, &dataset, &shape, &err), LYC_OK);
    if (*size > 0)
        assert_int_equal(lyc__h5_read_rows(dataset, lyc__type_memory(spec->type), 0, rows, bytes, &err),
                         LYC_OK);
    lyc__h5_release(&dataset);
    return bytes;
}

static void make(const char *name, uint64_t end_row) {
    lyc_runfile *file;
    lyc_error err = {0};
    assert_int_equal(sample_create(&file, scratch_path(name), &err), LYC_OK);
    for (uint64_t row = 0; row < end_row; row++) assert_int_equal(sample_append(file, 0, row, &err), LYC_OK);
    assert_int_equal(lyc_runfile_close(file, &err), LYC_OK);
}

/* Stopped at 3,000 rows, gone on with from 1,234: byte for byte the file that was never stopped. */
static void resumed_is_equal(void **state) {
    (void)state;
    lyc_runfile *file;
    lyc_error err = {0};
    make("whole.h5", 2500);
    make("run.h5", 3000);
    assert_true(scratch_write("run.h5.tmp", "left by a kill", 14));
    assert_int_equal(sample_resume(&file, scratch_path("run.h5"), 1234, 0, &err), LYC_OK);
    assert_false(scratch_has("run.h5.tmp"));
    assert_int_equal(lyc_runfile_rows(file, 0), 1234);
    for (uint64_t row = 1234; row < 2500; row++) assert_int_equal(sample_append(file, 0, row, &err), LYC_OK);
    assert_int_equal(lyc_runfile_close(file, &err), LYC_OK);
    lyc_runreader *a, *b;
    assert_int_equal(lyc_runreader_open(&a, scratch_path("whole.h5"), &err), LYC_OK);
    assert_int_equal(lyc_runreader_open(&b, scratch_path("run.h5"), &err), LYC_OK);
    uint64_t rows;
    assert_int_equal(lyc_runreader_rows(b, "wide", &rows, &err), LYC_OK);
    assert_int_equal(rows, 2500);
    for (size_t k = 0; k < SAMPLE_COLUMNS; k++) {
        size_t size = 0, other = 0;
        void *left = raw_column(a, 0, k, rows, &size), *right = raw_column(b, 0, k, rows, &other);
        assert_int_equal(size, other);
        assert_memory_equal(left, right, size + 1);
        free(left);
        free(right);
    }
    char **names;
    size_t count;
    assert_int_equal(lyc_runreader_texts(b, "/teachers/name", &names, &count, &err), LYC_OK);
    assert_int_equal(count, 3);
    assert_string_equal(names[1], sample_names[1]);
    lyc_free(names);
    lyc_runreader_close(a);
    lyc_runreader_close(b);
}

/* More rows than are copied at a time. */
static void long_tables_are_copied(void **state) {
    (void)state;
    const uint64_t rows = 300000;
    lyc_runfile *file;
    lyc_runreader *reader;
    lyc_error err = {0};
    assert_int_equal(sample_create(&file, scratch_path("run.h5"), &err), LYC_OK);
    for (uint64_t row = 0; row < rows; row++) assert_int_equal(sample_append(file, 1, row, &err), LYC_OK);
    assert_int_equal(lyc_runfile_close(file, &err), LYC_OK);
    assert_int_equal(sample_resume(&file, scratch_path("run.h5"), 0, rows - 1, &err), LYC_OK);
    assert_int_equal(lyc_runfile_close(file, &err), LYC_OK);
    assert_int_equal(open_rows(&reader, "narrow"), rows - 1);
    assert_string_equal(sample_check(reader, 1, 0, rows - 1), "");
    lyc_runreader_close(reader);
}

static void resume_refuses(void **state) {
    (void)state;
    lyc_runfile *file = NULL;
    lyc_error err = {0};
    make("run.h5", 100);
    size_t size = 0, after = 0;
    unsigned char *bytes = scratch_read("run.h5", &size);
    assert_int_equal(sample_resume(&file, scratch_path("run.h5"), 101, 0, &err), LYC_EFORMAT);
    assert_non_null(strstr(err.message, "holds 100 rows of /wide, the checkpoint knows 101"));
    assert_int_equal(sample_resume(&file, scratch_path("absent.h5"), 0, 0, &err), LYC_EIO);

    lyc_column columns[SAMPLE_COLUMNS];
    memcpy(columns, sample_wide, sizeof columns);
    const lyc_table_spec spec = {"wide", columns, SAMPLE_COLUMNS, 0};
    const uint64_t rows[1] = {50};
    columns[2].dims[0] = 4; /* a fourth teacher */
    assert_int_equal(lyc_runfile_resume(&file, scratch_path("run.h5"), &spec, 1, NULL, 0, rows, &err),
                     LYC_EMISMATCH);
    assert_non_null(strstr(err.message, "weight"));
    columns[2].dims[0] = 3;
    columns[2].type = LYC_TYPE_F64;
    assert_int_equal(lyc_runfile_resume(&file, scratch_path("run.h5"), &spec, 1, NULL, 0, rows, &err),
                     LYC_EMISMATCH);
    columns[2] = sample_wide[2];
    columns[2].name = "mass";
    assert_int_equal(lyc_runfile_resume(&file, scratch_path("run.h5"), &spec, 1, NULL, 0, rows, &err),
                     LYC_EFORMAT);
    assert_non_null(strstr(err.message, "'mass'"));
    assert_null(file);
    assert_false(scratch_has("run.h5.tmp"));
    unsigned char *again = scratch_read("run.h5", &after);
    assert_int_equal(size, after);
    assert_memory_equal(bytes, again, size); /* nothing of all this has touched it */
    free(bytes);
    free(again);
}

static void resume_waits_for_the_writer(void **state) {
    (void)state;
    int to, from;
    pid_t child = spawn(append_on_command, 0, &to, &from);
    assert_int_equal(hear(from), 'c');
    lyc_runfile *file = NULL;
    lyc_error err = {0};
    assert_int_equal(sample_resume(&file, scratch_path("run.h5"), 0, 0, &err), LYC_EBUSY);
    assert_non_null(strstr(err.message, "another process is writing"));
    end(child, to, from, false);
    assert_int_equal(sample_resume(&file, scratch_path("run.h5"), 0, 0, &err), LYC_OK);
    assert_int_equal(lyc_runfile_close(file, &err), LYC_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_open, close_and_kill)
        TEST(at_most_once_a_second), TEST(one_reader_follows),
        TEST(read_while_it_grows),   TEST(killed_at_any_moment),
        TEST(resumed_is_equal),      TEST(long_tables_are_copied),
        TEST(resume_refuses),        TEST(resume_waits_for_the_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

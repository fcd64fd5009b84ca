/* Banks and processes: one that is killed, and several at once.
 *
 * Run as "test_bank_processes fill SCRATCH BANKS" this program is the one that the tests kill: it fills the
 * bank of plan 0, slowly. A new program, not a forked copy: nothing of the parent's threads or libraries is
 * in it. */
#include <glob.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "bank_pair.h"

/* As it was started: what the kernel says of this process is valgrind, where that runs it. */
static char *program;

static pid_t start_filler(void) {
    char job[] = "fill";
    char *arguments[] = {program, job, scratch_directory, directory, NULL};
    pid_t child;
    assert_int_equal(posix_spawn(&child, program, NULL, NULL, arguments, environ), 0);
    return child;
}

static int fill_slowly(const char *scratch, const char *banks) {
    lyc_error err = {0};
    char path[SCRATCH_PATH];
    (void)snprintf(path, sizeof path, "%s/data.h5", scratch);
    (void)snprintf(directory, sizeof directory, "%s", banks);
    fake_reset();
    fake_plans[0].sleep_seconds = 0.004;
    if (lyc_dataset_open(&data, path, &err) != LYC_OK) return 2;
    pair both = open_pair();
    uint32_t row[1];
    float out[FAKE_CLASSES];
    for (row[0] = 0; row[0] < FAKE_ROWS; row[0] += 100)
        for (int view = 0; view < VIEWS; view++)
            if (lyc_bank_logits(both.bank, row, 1, view, out, NULL, &err) != LYC_OK) return 3;
    for (;;) pause(); /* with the lock, until it is killed */
}

/* Until the filler has made the file: from then on it holds the lock. */
static void wait_for_file(void) {
    char pattern[SCRATCH_PATH + 8];
    (void)snprintf(pattern, sizeof pattern, "%s/*.h5", directory);
    for (int i = 0; i < 10000; i++) {
        glob_t found;
        int status = glob(pattern, 0, NULL, &found);
        if (status == 0) globfree(&found);
        if (status == 0) return;
        fake_sleep(0.001);
    }
    fail_msg("no %s after ten seconds", pattern);
}

static void stop_filler(pid_t child) {
    int status;
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFSIGNALED(status)) fail_msg("the filler ended by itself with %d", WEXITSTATUS(status));
}

static void killed_at_any_moment_it_keeps_every_whole_block(void **state) {
    (void)state;
    lyc_random random =
        lyc_random_start((lyc_random_key){.seed = (uint64_t)getpid(), .purpose = LYC_PURPOSE_TEST});
    unsigned partly = 0;
    for (int round = 0; round < 8; round++) {
        (void)snprintf(directory, sizeof directory, "%s/%d", scratch_path("banks"), round);
        pid_t child = start_filler();
        if (round % 2 == 1) wait_for_file();
        fake_sleep(0.04 * lyc_random_uniform(&random)); /* even rounds may fall into the making of the file */
        stop_filler(child);
        pair both = open_pair();
        lyc_bank_stats before = stats_of(&both);
        assert_true(before.writable);
        check_all(&both, 1, NULL);
        lyc_bank_stats after = stats_of(&both);
        assert_int_equal(after.computed_now, VIEWS * BLOCKS - before.filled); /* whole blocks are whole */
        assert_int_equal(after.filled, VIEWS * BLOCKS);
        partly += before.filled > 0 && before.filled < VIEWS * BLOCKS;
        close_pair(&both);
    }
    assert_string_equal(scratch_warnings, "");
    if (partly == 0) print_message("note: no kill fell between two blocks\n");
}

static void one_process_fills_the_others_read(void **state) {
    (void)state;
    pid_t child = start_filler();
    wait_for_file();
    pair both = open_pair();
    assert_false(stats_of(&both).writable);
    check_all(&both, 1, NULL); /* while the other one fills */
    stop_filler(child);
    close_pair(&both);
    both = open_pair();
    assert_true(stats_of(&both).writable);
    close_pair(&both);
}

/* In one process as well: the second one computes for itself and stores nothing. */
static void the_second_to_open_does_not_write(void **state) {
    (void)state;
    pair first = open_pair(), second = open_pair();
    assert_true(stats_of(&first).writable);
    assert_false(stats_of(&second).writable);
    check_all(&second, 1, NULL);
    assert_int_equal(stats_of(&second).computed_now, VIEWS * BLOCKS);
    assert_int_equal(stats_of(&second).filled, 0);
    close_pair(&second);
    check_all(&first, 1, NULL);
    assert_int_equal(stats_of(&first).computed_now, VIEWS * BLOCKS);
    second = open_pair(); /* sees what the first has written */
    check_all(&second, 1, NULL);
    assert_int_equal(stats_of(&second).computed_now, 0);
    close_pair(&second);
    close_pair(&first);
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "fill") == 0) return fill_slowly(argv[2], argv[3]);
    program = argv[0];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(killed_at_any_moment_it_keeps_every_whole_block, open_data,
                                        close_data),
        cmocka_unit_test_setup_teardown(one_process_fills_the_others_read, open_data, close_data),
        cmocka_unit_test_setup_teardown(the_second_to_open_does_not_write, open_data, close_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

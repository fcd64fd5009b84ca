/* Checkpoints and run files are read with h5py, without Lyceum: while a run is being written as well. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "run_sample.h"
#include "scratch.h"

#define SCRIPT LYC_TEST_DATA "/../unit/io/read_run.py"

/* Skips the test where Python has no h5py. */
static void python(const char *mode, const char *path, const char *rows) {
    int how = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)execl("/usr/bin/python3", "python3", SCRIPT, mode, path, rows, (char *)NULL);
        _exit(77);
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    if (WEXITSTATUS(how) == 77) {
        print_message("skipped: /usr/bin/python3 with h5py is not there\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(how), 0);
}

static void checkpoint(void **state) {
    (void)state;
    float params[100];
    uint64_t step[1] = {(UINT64_C(1) << 63) + 1};
    lyc_state *list;
    lyc_error err = {0};
    for (int i = 0; i < 100; i++) params[i] = (float)i * 0.5f;
    assert_int_equal(lyc_state_create(&list, &err), LYC_OK);
    assert_int_equal(lyc_state_add(list, "student/params", LYC_TYPE_F32, params, 100, &err), LYC_OK);
    assert_int_equal(lyc_state_add(list, "cursor/step", LYC_TYPE_U64, step, 1, &err), LYC_OK);
    assert_int_equal(lyc_state_require(list, "data/fingerprint",
                                       "\xc3\xa4"
                                       "bc",
                                       "", &err),
                     LYC_OK);
    assert_int_equal(lyc_checkpoint_save(list, scratch_directory, 42, 1, &err), LYC_OK);
    lyc_state_destroy(list);
    python("checkpoint", scratch_path("checkpoints/step-000000042.h5"), "");
}

static void run_file(void **state) {
    (void)state;
    lyc_runfile *file;
    lyc_error err = {0};
    assert_int_equal(sample_create(&file, scratch_path("run.h5"), &err), LYC_OK);
    for (uint64_t row = 0; row < 1500; row++) assert_int_equal(sample_append(file, 0, row, &err), LYC_OK);
    assert_int_equal(lyc_runfile_flush(file, &err), LYC_OK);
    python("live", scratch_path("run.h5"), "1500");
    for (uint64_t row = 1500; row < 1600; row++) assert_int_equal(sample_append(file, 0, row, &err), LYC_OK);
    assert_int_equal(lyc_runfile_close(file, &err), LYC_OK);
    python("closed", scratch_path("run.h5"), "1600");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(checkpoint, scratch_open, scratch_close),
        cmocka_unit_test_setup_teardown(run_file, scratch_open, scratch_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fileio.h"

static char folder[] = "lyceum-fileio-XXXXXX";

static int enter(void **state) {
    (void)state;
    const char *temporary = getenv("TMPDIR");
    if (chdir(temporary != NULL ? temporary : P_tmpdir) != 0 || mkdtemp(folder) == NULL) return -1;
    return chdir(folder);
}

static int leave(void **state) {
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return chdir("..") != 0 ? -1 : system(command);
}

static void assert_mentions(const lyc_error *err, const char *what) {
    if (strstr(err->message, what) == NULL) fail_msg("\"%s\" does not mention \"%s\"", err->message, what);
}

static void assert_holds(const char *path, const char *wanted) {
    char text[256] = {0};
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = '\0';
    assert_string_equal(text, wanted);
}

static int exists(const char *path) {
    struct stat there;
    return stat(path, &there) == 0;
}

static void test_directories_are_made_where_missing(void **state) {
    (void)state;
    lyc_error err = {0};
    assert_int_equal(lyc__make_directories("a/b//c", &err), LYC_OK);
    assert_int_equal(lyc__make_directories("a/b/c/", &err), LYC_OK);
    assert_int_equal(lyc__make_directories("a/b/d", &err), LYC_OK);
    assert_int_equal(lyc__make_directories("/", &err), LYC_OK);
    assert_true(exists("a/b/c") && exists("a/b/d"));
    assert_int_equal(lyc__write_text_atomically("a/file", "x", &err), LYC_OK);
    assert_int_equal(lyc__make_directories("a/file/deeper", &err), LYC_EIO);
    assert_mentions(&err, "a/file");
    assert_mentions(&err, "in the way");
    assert_int_equal(lyc__make_directories("/proc/nothing/here", &err), LYC_EIO);
    assert_mentions(&err, "/proc/nothing");
    assert_mentions(&err, strerror(ENOENT));
}

static void test_text_is_replaced(void **state) {
    (void)state;
    lyc_error err = {0};
    assert_int_equal(lyc__write_text_atomically("text", "first version, longer", &err), LYC_OK);
    assert_int_equal(lyc__write_text_atomically("text", "second", &err), LYC_OK);
    assert_holds("text", "second");
    assert_int_equal(lyc__write_text_atomically("nowhere/text", "x", &err), LYC_EIO);
    assert_mentions(&err, "nowhere/text");
    assert_mentions(&err, strerror(ENOENT));
}

/* Writing beyond the limit fails as a full disk does, half way through the file. */
static void test_failed_write_keeps_the_former_content(void **state) {
    (void)state;
    lyc_error err = {0};
    assert_int_equal(lyc__write_text_atomically("kept", "former", &err), LYC_OK);
    static char large[65536];
    memset(large, 'z', sizeof large - 1);
    struct rlimit former, limit;
    getrlimit(RLIMIT_FSIZE, &former);
    limit = former;
    limit.rlim_cur = 4096;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    lyc_status status = lyc__write_text_atomically("kept", large, &err);
    setrlimit(RLIMIT_FSIZE, &former);
    signal(SIGXFSZ, handler);
    assert_int_equal(status, LYC_EIO);
    assert_mentions(&err, "kept");
    assert_mentions(&err, strerror(EFBIG));
    assert_holds("kept", "former");
    /* No debris. */
    assert_int_equal(system("ls kept.* > leftovers 2>&1"), 2 << 8);
}

static void test_full_disk_is_an_error_with_the_path(void **state) {
    (void)state;
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    lyc_error err = {0};
    assert_int_equal(lyc__write_all(fd, "text", 4, "runs/fashion/run.h5", &err), LYC_EIO);
    close(fd);
    assert_mentions(&err, "runs/fashion/run.h5");
    assert_mentions(&err, strerror(ENOSPC));
    assert_mentions(&err, "free some space");
}

static void test_replace_and_sync_name_what_is_missing(void **state) {
    (void)state;
    lyc_error err = {0};
    assert_int_equal(lyc__write_text_atomically("new", "new", &err), LYC_OK);
    assert_int_equal(lyc__replace_file("new", "old", &err), LYC_OK);
    assert_holds("old", "new");
    assert_false(exists("new"));
    assert_int_equal(lyc__replace_file("missing", "old", &err), LYC_EIO);
    assert_mentions(&err, "missing");
    assert_holds("old", "new");
    assert_int_equal(lyc__make_directories("target/full", &err), LYC_OK);
    assert_int_equal(lyc__replace_file("old", "target", &err), LYC_EIO);
    assert_mentions(&err, "target");
    assert_holds("old", "new");
    assert_int_equal(lyc__sync_directory(".", &err), LYC_OK);
    assert_int_equal(lyc__sync_directory("nowhere", &err), LYC_EIO);
    assert_mentions(&err, "nowhere");
    assert_int_equal(lyc__sync_directory("old", &err), LYC_EIO);
    assert_mentions(&err, strerror(ENOTDIR));
}

static void test_lock_excludes_and_names_the_holder(void **state) {
    (void)state;
    lyc_error err = {0};
    int mine = -1, other = -1;
    assert_int_equal(lyc__lock_file(&mine, "lock", &err), LYC_OK);
    assert_true(mine >= 0);
    assert_int_equal(lyc__lock_file(&other, "lock", &err), LYC_EBUSY);
    assert_int_equal(other, -1);
    char holder[32];
    snprintf(holder, sizeof holder, "process %ld", (long)getpid());
    assert_mentions(&err, "lock");
    assert_mentions(&err, holder);
    lyc__unlock_file(&mine);
    assert_int_equal(mine, -1);
    lyc__unlock_file(&mine);
    assert_holds("lock", "");
    assert_int_equal(lyc__lock_file(&other, "lock", &err), LYC_OK);
    lyc__unlock_file(&other);
    assert_int_equal(lyc__lock_file(&mine, "nowhere/lock", &err), LYC_EIO);
    assert_mentions(&err, "nowhere/lock");
}

static void test_killed_holder_frees_the_lock(void **state) {
    (void)state;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        alarm(60); /* not for ever, should the parent fail */
        int fd = -1;
        char answer = lyc__lock_file(&fd, "shared-lock", NULL) == LYC_OK ? 'y' : 'n';
        if (write(ready[1], &answer, 1) != 1) _exit(1);
        for (;;) pause();
    }
    char answer = 0;
    assert_int_equal(read(ready[0], &answer, 1), 1);
    assert_int_equal(answer, 'y');
    lyc_error err = {0};
    int fd = -1;
    assert_int_equal(lyc__lock_file(&fd, "shared-lock", &err), LYC_EBUSY);
    char holder[32];
    snprintf(holder, sizeof holder, "process %ld", (long)child);
    assert_mentions(&err, holder);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_equal(lyc__lock_file(&fd, "shared-lock", &err), LYC_OK);
    lyc__unlock_file(&fd);
    close(ready[0]);
    close(ready[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_directories_are_made_where_missing),
        cmocka_unit_test(test_text_is_replaced),
        cmocka_unit_test(test_failed_write_keeps_the_former_content),
        cmocka_unit_test(test_full_disk_is_an_error_with_the_path),
        cmocka_unit_test(test_replace_and_sync_name_what_is_missing),
        cmocka_unit_test(test_lock_excludes_and_names_the_holder),
        cmocka_unit_test(test_killed_holder_frees_the_lock),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}

/* The file driver: an ordinary one until the disk is full, then one that keeps HDF5 in peace. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "io/hdf5_disk.h"
#include "io/hdf5_util.h"
#include "lyceum/memory.h"
#include "scratch.h"

#define NUMBERS 20000

static void make_numbers(uint32_t *out, uint32_t first) {
    for (uint32_t i = 0; i < NUMBERS; i++) out[i] = first + i;
}

static bool write_numbers(hid_t file, const char *name, uint32_t first) {
    static uint32_t numbers[NUMBERS];
    const uint64_t dims[1] = {NUMBERS};
    make_numbers(numbers, first);
    return lyc__h5_write_dataset(file, name, H5T_STD_U32LE, H5T_NATIVE_UINT32, 1, dims, numbers, NULL) ==
           LYC_OK;
}

static bool read_numbers(hid_t file, const char *name, uint32_t first) {
    static uint32_t numbers[NUMBERS], wanted[NUMBERS];
    hid_t dataset;
    lyc__h5_shape shape;
    make_numbers(wanted, first);
    memset(numbers, 0, sizeof numbers);
    if (lyc__h5_open_dataset(&dataset, &shape, file, name, NULL) != LYC_OK) return false;
    bool same = shape.count == NUMBERS && lyc__h5_read(dataset, H5T_NATIVE_UINT32, numbers, NULL) == LYC_OK &&
                memcmp(numbers, wanted, sizeof wanted) == 0;
    lyc__h5_release(&dataset);
    return same;
}

static void as_the_default_driver(void **state) {
    (void)state;
    lyc__h5_disk *disk;
    hid_t access, file;
    lyc_error err = {0};
    assert_int_equal(lyc__h5_disk_open(&disk, &access, &err), LYC_OK);
    assert_int_equal(lyc__h5_create(&file, scratch_path("a.h5"), access, &err), LYC_OK);
    assert_true(write_numbers(file, "first", 7));
    assert_int_equal(lyc__h5_disk_sync(disk), 0);
    lyc__h5_release(&file);
    /* The same driver opens it again, to go on. */
    assert_int_equal(lyc__h5_open(&file, scratch_path("a.h5"), "file", H5F_ACC_RDWR, access, &err), LYC_OK);
    assert_true(write_numbers(file, "second", 9));
    lyc__h5_release(&file);
    lyc__h5_release(&access);
    assert_int_equal(lyc__h5_disk_error(disk), 0);
    lyc__h5_disk_close(disk);
    lyc__h5_disk_close(NULL);
    assert_int_equal(lyc__h5_open(&file, scratch_path("a.h5"), "file", H5F_ACC_RDONLY, H5P_DEFAULT, &err),
                     LYC_OK);
    assert_true(read_numbers(file, "first", 7) && read_numbers(file, "second", 9));
    lyc__h5_release(&file);
}

/* Nobody opens a file that is being written in the ordinary way. */
static void locks(void **state) {
    (void)state;
    lyc__h5_disk *disk;
    hid_t access, file, other;
    lyc_error err = {0};
    int how = 0;
    assert_int_equal(lyc__h5_disk_open(&disk, &access, &err), LYC_OK);
    assert_int_equal(lyc__h5_create(&file, scratch_path("a.h5"), access, &err), LYC_OK);
    assert_true(write_numbers(file, "first", 7));
    assert_true(H5Fflush(file, H5F_SCOPE_GLOBAL) >= 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(lyc__h5_open(&other, scratch_path("a.h5"), "file", H5F_ACC_RDONLY, H5P_DEFAULT, NULL) ==
                      LYC_EBUSY
                  ? 0
                  : 1);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    lyc__h5_release(&file);
    lyc__h5_release(&access);
    lyc__h5_disk_close(disk);
}

/* The disk takes the first data set, not the second. HDF5 writes, reads back what it wrote, and closes. */
static void write_beyond_the_limit(void) {
    lyc__h5_disk *disk;
    hid_t access, file;
    struct rlimit limit;
    (void)signal(SIGXFSZ, SIG_IGN);
    if (lyc__h5_disk_open(&disk, &access, NULL) != LYC_OK) _exit(1);
    if (lyc__h5_create(&file, scratch_path("a.h5"), access, NULL) != LYC_OK) _exit(2);
    if (!write_numbers(file, "first", 7) || H5Fflush(file, H5F_SCOPE_GLOBAL) < 0) _exit(3);
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(4);
    limit.rlim_cur = NUMBERS * 4 + 30000;
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(5);
    if (!write_numbers(file, "second", 9) || H5Fflush(file, H5F_SCOPE_GLOBAL) < 0) _exit(6);
    if (lyc__h5_disk_error(disk) != EFBIG || lyc__h5_disk_sync(disk) != EFBIG) _exit(7);
    if (!write_numbers(file, "third", 11)) _exit(8);
    if (!read_numbers(file, "first", 7) || !read_numbers(file, "second", 9) ||
        !read_numbers(file, "third", 11))
        _exit(9);
    lyc__h5_release(&file);
    lyc__h5_release(&access);
    lyc__h5_disk_close(disk);
    exit(H5close() >= 0 ? 0 : 10);
}

static void peace_on_a_full_disk(void **state) {
    (void)state;
    int how = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) write_beyond_the_limit();
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
}

static void no_such_place(void **state) {
    (void)state;
    lyc__h5_disk *disk;
    hid_t access, file;
    lyc_error err = {0};
    assert_int_equal(lyc__h5_disk_open(&disk, &access, &err), LYC_OK);
    assert_int_equal(lyc__h5_create(&file, scratch_path("absent/a.h5"), access, &err), LYC_EIO);
    assert_int_equal(lyc__h5_disk_error(disk), ENOENT);
    lyc__h5_release(&access);
    lyc__h5_disk_close(disk);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(as_the_default_driver, scratch_open, scratch_close),
        cmocka_unit_test_setup_teardown(locks, scratch_open, scratch_close),
        cmocka_unit_test_setup_teardown(peace_on_a_full_disk, scratch_open, scratch_close),
        cmocka_unit_test_setup_teardown(no_such_place, scratch_open, scratch_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

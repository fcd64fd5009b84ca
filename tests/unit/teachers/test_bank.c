/* The bank: one value a row, whoever asks; keys that do not match; damage and full disks. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "bank_pair.h"

/* ---- filling -------------------------------------------------------------------------------------- */

static void a_row_has_one_value_whoever_asks_first(void **state) {
    (void)state;
    lyc_error err = {0};
    pair both = open_pair();
    float one[FAKE_CLASSES];
    const uint32_t last[1] = {FAKE_ROWS - 1};
    EXPECT_OK(lyc_bank_logits(both.bank, last, 1, 1, one, NULL, &err));
    for (int c = 0; c < FAKE_CLASSES; c++) assert_true(one[c] == expected(1, FAKE_ROWS - 1, 1, c));
    lyc_bank_stats stats = stats_of(&both);
    assert_int_equal(stats.blocks, VIEWS * BLOCKS);
    assert_int_equal(stats.filled, 1);
    assert_int_equal(stats.computed_now, 1);
    assert_true(stats.writable);
    check_all(&both, 1, NULL);
    assert_int_equal(stats_of(&both).computed_now, VIEWS * BLOCKS);
    close_pair(&both);
}

static void what_was_computed_is_never_computed_again(void **state) {
    (void)state;
    pair both = open_pair();
    check_all(&both, 1, NULL);
    char path[SCRATCH_PATH];
    (void)snprintf(path, sizeof path, "%s", lyc_bank_path(both.bank));
    assert_non_null(strstr(path, "banks/here/some_one-"));
    close_pair(&both);
    int calls = atomic_load(&fake_plans[0].calls);
    both = open_pair();
    assert_string_equal(lyc_bank_path(both.bank), path);
    assert_int_equal(stats_of(&both).filled, VIEWS * BLOCKS);
    check_all(&both, 1, NULL);
    assert_int_equal(stats_of(&both).computed_now, 0);
    assert_int_equal(atomic_load(&fake_plans[0].calls), calls);
    close_pair(&both);
}

typedef struct caller {
    const pair *both;
    lyc_pool *pool;    /* what it computes with; NULL = alone */
    lyc_pool *waiting; /* where the test waits for it */
    atomic_int *running;
    uint32_t offset;
    bool right;
} caller;

static void call_often(caller *self) {
    lyc_error err = {0};
    self->right = true;
    for (uint32_t i = 0; i < 60; i++) {
        uint32_t rows[40];
        float out[40 * FAKE_CLASSES];
        for (uint32_t j = 0; j < 40; j++) rows[j] = (self->offset + i * 131 + j * 17) % FAKE_ROWS;
        int view = (int)(i % VIEWS);
        if (lyc_bank_logits(self->both->bank, rows, 40, view, out, self->pool, &err) != LYC_OK)
            self->right = false;
        for (uint32_t j = 0; j < 40 && self->right; j++)
            for (int c = 0; c < FAKE_CLASSES; c++)
                self->right =
                    self->right && out[j * FAKE_CLASSES + (uint32_t)c] == expected(1, rows[j], view, c);
    }
}

static void *call_in_thread(void *argument) {
    caller *self = argument;
    lyc_pool *waiting = self->waiting;
    call_often(self);
    atomic_fetch_sub(self->running, 1);
    lyc_pool_notify(waiting);
    return NULL;
}

static bool nobody_runs(void *payload) {
    return atomic_load((atomic_int *)payload) == 0;
}

static void callers_may_come_at_the_same_time(void **state) {
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        lyc_pool *pool;
        lyc_error err = {0};
        atomic_int running = 3;
        caller calls[3];
        pthread_t ids[3];
        (void)snprintf(directory, sizeof directory, "%s/%d", scratch_path("banks"), threads);
        pair both = open_pair();
        EXPECT_OK(lyc_pool_create(&pool, threads, &err));
        for (uint32_t i = 0; i < 3; i++) {
            calls[i] = (caller){.both = &both,
                                .pool = i < 2 ? pool : NULL,
                                .waiting = pool,
                                .running = &running,
                                .offset = i * 400};
            assert_int_equal(pthread_create(&ids[i], NULL, call_in_thread, &calls[i]), 0);
        }
        caller own = {.both = &both, .pool = pool, .offset = 900};
        call_often(&own);
        lyc_pool_wait(pool, nobody_runs, &running);
        for (uint32_t i = 0; i < 3; i++) {
            assert_int_equal(pthread_join(ids[i], NULL), 0);
            assert_true(calls[i].right);
        }
        assert_true(own.right);
        lyc_pool_destroy(pool);
        close_pair(&both);
    }
}

/* Waits in the caller's thread: no thread of the pool sleeps for it. */
static void blocking_teachers_stay_out_of_the_pool(void **state) {
    (void)state;
    lyc_pool *pool;
    lyc_error err = {0};
    double busy[2];
    fake_plans[0].blocking = true;
    fake_plans[0].sleep_seconds = 0.02;
    pair both = open_pair();
    EXPECT_OK(lyc_pool_create(&pool, 2, &err));
    check_all(&both, 1, pool);
    lyc_pool_busy(pool, busy);
    assert_true(busy[0] + busy[1] < 0.2);
    lyc_pool_destroy(pool);
    close_pair(&both);
}

static void a_failing_teacher_leaves_no_block_behind(void **state) {
    (void)state;
    lyc_error err = {0};
    uint32_t rows[FAKE_ROWS];
    float out[FAKE_ROWS * FAKE_CLASSES];
    char id[64];
    for (uint32_t i = 0; i < FAKE_ROWS; i++) rows[i] = i;
    (void)snprintf(id, sizeof id, "id %llu", (unsigned long long)lyc_dataset_ids(data)[300]);
    fake_plans[0].bad_row = 300;
    fake_plans[0].bad_value = NAN;
    pair both = open_pair();
    EXPECT_ERROR(lyc_bank_logits(both.bank, rows, FAKE_ROWS, 0, out, NULL, &err), LYC_ENUMERIC, err,
                 "some/one", id);
    assert_int_equal(stats_of(&both).filled, 1); /* the block before it */
    fake_plans[0].bad_row = -1;
    check_all(&both, 1, NULL);
    close_pair(&both);
}

static void cancelling_stops_between_blocks(void **state) {
    (void)state;
    lyc_error err = {0};
    const uint32_t row[1] = {0};
    float out[FAKE_CLASSES];
    atomic_bool cancel = true;
    pair both = open_pair();
    EXPECT_ERROR(lyc__bank_logits(both.bank, row, 1, 0, out, NULL, &cancel, &err), LYC_ECANCELLED, err,
                 "stopped");
    assert_int_equal(stats_of(&both).computed_now, 0);
    close_pair(&both);
}

/* ---- keys ----------------------------------------------------------------------------------------- */

/* The file that `wanted` would open is the one that was made for plan 0: a renamed or copied file. */
static void refuse(pair *made, const char *plan, const int32_t *map, const lyc_dataset *of,
                   const lyc_view_recipe *views, const char *what) {
    char path[SCRATCH_PATH];
    lyc_error err = {0};
    pair wanted = open_with(plan, map, of, views);
    (void)snprintf(path, sizeof path, "%s", lyc_bank_path(wanted.bank));
    close_pair(&wanted);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(link(lyc_bank_path(made->bank), path), 0);

    lyc_teacher_options options = fake_options("some/one", plan);
    options.class_map = map;
    options.class_map_count = map != NULL ? FAKE_CLASSES : 0;
    lyc_bank *bank;
    EXPECT_OK(lyc__teacher_open_kind(&wanted.teacher, &fake_kind, &options, of, views, &err));
    lyc_status status = lyc_bank_open(&bank, directory, wanted.teacher, of, views, &err);
    EXPECT_ERROR(status, LYC_EMISMATCH, err, "some/one", path, "its key is", "wanted is", what);
    assert_null(bank);
    /* Both keys in full: the name of each file has the first digits of its own. */
    const char *dash = strrchr(path, '-'), *own = strrchr(lyc_bank_path(made->bank), '-');
    char digits[2][13];
    (void)snprintf(digits[0], sizeof digits[0], "%s", dash + 1);
    (void)snprintf(digits[1], sizeof digits[1], "%s", own + 1);
    EXPECT_ERROR(status, LYC_EMISMATCH, err, digits[0], digits[1]);
    lyc_teacher_close(wanted.teacher);
    assert_int_equal(unlink(path), 0);
}

static void banks_of_anything_else_are_refused(void **state) {
    (void)state;
    const int32_t map[FAKE_CLASSES] = {1, 0, 2};
    lyc_view_recipe other_seed = recipe, other_shift = recipe, more_views = recipe;
    other_seed.seed++;
    other_shift.shift++;
    more_views.views++;
    lyc_dataset *other = fake_dataset(scratch_path("other.h5"), 1);
    pair made = open_pair();
    check_all(&made, 1, NULL);
    refuse(&made, "1", NULL, data, &recipe, "teacher_fingerprint");
    refuse(&made, "0", map, data, &recipe, "teacher_fingerprint");
    refuse(&made, "0", NULL, other, &recipe, lyc_dataset_fingerprint(other));
    refuse(&made, "0", NULL, data, &other_seed,
           "'shift=2 flip=1 seed=9', wanted is 'shift=2 flip=1 seed=10'");
    refuse(&made, "0", NULL, data, &other_shift, "'shift=3 flip=1 seed=9'");
    refuse(&made, "0", NULL, data, &more_views, "views: the file has '2', wanted is '3'");
    close_pair(&made);
    lyc_dataset_close(other);
}

static void every_key_has_a_file_of_its_own(void **state) {
    (void)state;
    pair one = open_pair(), two = open_with("1", NULL, data, &recipe);
    assert_string_not_equal(lyc_bank_path(one.bank), lyc_bank_path(two.bank));
    check_all(&two, 2, NULL);
    check_all(&one, 1, NULL);
    close_pair(&one);
    close_pair(&two);
}

/* ---- damage --------------------------------------------------------------------------------------- */

static void write_byte(const char *path, off_t offset) {
    unsigned char byte = 0;
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, offset), 1);
    byte ^= 0x40;
    assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
    assert_int_equal(close(fd), 0);
}

/* Where the value of (row 700, view 1, class 2) lies in the file: a pattern that occurs once. */
static off_t find_value(const char *path, float value) {
    struct stat about;
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &about), 0);
    char *bytes = malloc((size_t)about.st_size);
    assert_non_null(bytes);
    assert_int_equal(read(fd, bytes, (size_t)about.st_size), about.st_size);
    char *found = memmem(bytes, (size_t)about.st_size, &value, sizeof value);
    assert_non_null(found);
    off_t offset = found - bytes;
    free(bytes);
    assert_int_equal(close(fd), 0);
    return offset;
}

static void a_damaged_block_is_computed_again(void **state) {
    (void)state;
    pair both = open_pair();
    check_all(&both, 1, NULL);
    char path[SCRATCH_PATH];
    (void)snprintf(path, sizeof path, "%s", lyc_bank_path(both.bank));
    close_pair(&both);
    write_byte(path, find_value(path, expected(1, 700, 1, 2)));
    both = open_pair();
    assert_string_equal(scratch_warnings, "");
    check_all(&both, 1, NULL);
    assert_non_null(strstr(scratch_warnings, "block 2 of view 1"));
    assert_non_null(strstr(scratch_warnings, path));
    lyc_bank_stats stats = stats_of(&both);
    assert_int_equal(stats.computed_now, 1);
    assert_int_equal(stats.filled, VIEWS * BLOCKS);
    close_pair(&both);
    both = open_pair(); /* repaired in the file */
    check_all(&both, 1, NULL);
    assert_int_equal(stats_of(&both).computed_now, 0);
    close_pair(&both);
}

static void a_full_disk_is_one_clear_error(void **state) {
    (void)state;
    lyc_error err = {0};
    struct rlimit former, tight;
    uint32_t row[1] = {0};
    float out[FAKE_CLASSES];
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &former), 0);
    tight = former;
    tight.rlim_cur = 4096;
    lyc_teacher *teacher;
    lyc_bank *bank;
    lyc_teacher_options options = fake_options("some/one", "0");
    EXPECT_OK(lyc__teacher_open_kind(&teacher, &fake_kind, &options, data, &recipe, &err));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    lyc_status status = lyc_bank_open(&bank, directory, teacher, data, &recipe, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &former), 0);
    EXPECT_ERROR(status, LYC_EIO, err, "some/one", directory, "File too large", "banks.enabled");
    assert_null(bank);
    lyc_teacher_close(teacher);

    pair both = open_pair(); /* nothing is left in the way */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    status = lyc_bank_logits(both.bank, row, 1, 1, out, NULL, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &former), 0);
    EXPECT_ERROR(status, LYC_EIO, err, lyc_bank_path(both.bank), "File too large", "banks.enabled");
    assert_int_equal(stats_of(&both).filled, 0);
    check_all(&both, 1, NULL);
    close_pair(&both);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_row_has_one_value_whoever_asks_first, open_data, close_data),
        cmocka_unit_test_setup_teardown(what_was_computed_is_never_computed_again, open_data, close_data),
        cmocka_unit_test_setup_teardown(callers_may_come_at_the_same_time, open_data, close_data),
        cmocka_unit_test_setup_teardown(blocking_teachers_stay_out_of_the_pool, open_data, close_data),
        cmocka_unit_test_setup_teardown(a_failing_teacher_leaves_no_block_behind, open_data, close_data),
        cmocka_unit_test_setup_teardown(cancelling_stops_between_blocks, open_data, close_data),
        cmocka_unit_test_setup_teardown(banks_of_anything_else_are_refused, open_data, close_data),
        cmocka_unit_test_setup_teardown(every_key_has_a_file_of_its_own, open_data, close_data),
        cmocka_unit_test_setup_teardown(a_damaged_block_is_computed_again, open_data, close_data),
        cmocka_unit_test_setup_teardown(a_full_disk_is_one_clear_error, open_data, close_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

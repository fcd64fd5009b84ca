/* Jobs in the background: what the owner goes on beside. */
#include "pool_testing.h"

enum { ITEMS = 300 };

typedef struct tally {
    atomic_int counts[ITEMS];
    lyc_pool *pool;
} tally;

static lyc_background *new_background(lyc_pool *pool) {
    lyc_background *background = NULL;
    assert_int_equal(lyc_background_create(&background, pool, NULL), LYC_OK);
    return background;
}

static void count_item(void *payload, size_t item, int slot) {
    (void)slot;
    tally *t = payload;
    atomic_fetch_add(&t->counts[item], 1);
}

/* An item with a job of its own in it. */
static void count_nested(void *payload, size_t item, int slot) {
    tally *t = payload;
    lyc_pool_run(t->pool, LYC_PRIORITY_PROBE, 5, nothing, NULL);
    count_item(payload, item, slot);
}

static void assert_each(tally *t, int times) {
    for (int i = 0; i < ITEMS; i++) assert_int_equal(atomic_load(&t->counts[i]), times);
}

static void test_every_item_runs_once_beside_other_jobs(void **state) {
    (void)state;
    FOR_EACH_POOL(pool) {
        static tally behind, front;
        memset(&behind, 0, sizeof behind);
        memset(&front, 0, sizeof front);
        behind.pool = pool;
        lyc_background *background = new_background(pool);
        for (int turn = 1; turn <= 20; turn++) {
            lyc_background_start(background, LYC_PRIORITY_PROBE, ITEMS, turn % 2 ? count_item : count_nested,
                                 &behind);
            lyc_pool_run(pool, LYC_PRIORITY_STUDENT, ITEMS, count_item, &front);
            lyc_pool_run(pool, LYC_PRIORITY_TEACHER, 7, nothing, NULL);
            lyc_background_finish(background);
            assert_each(&behind, turn);
            assert_each(&front, turn);
        }
        lyc_background_destroy(background);
    }
}

typedef struct gate {
    atomic_bool open;
    atomic_int through;
} gate;

static void pass_gate(void *payload, size_t item, int slot) {
    (void)item;
    (void)slot;
    gate *g = payload;
    while (!atomic_load(&g->open)) sleep_for(0.0002);
    atomic_fetch_add(&g->through, 1);
}

/* It would not end if the start, or a run of the owner's, waited for the items. */
static void test_the_owner_goes_on_meanwhile(void **state) {
    (void)state;
    FOR_EACH_POOL(pool) {
        if (lyc_pool_threads(pool) == 1) continue;
        gate g = {.open = false};
        lyc_background *background = new_background(pool);
        lyc_background_start(background, LYC_PRIORITY_PROBE, 3, pass_gate, &g);
        for (int turn = 0; turn < 50; turn++) lyc_pool_run(pool, LYC_PRIORITY_STUDENT, 9, nothing, NULL);
        assert_int_equal(atomic_load(&g.through), 0);
        atomic_store(&g.open, true);
        lyc_background_finish(background);
        assert_int_equal(atomic_load(&g.through), 3);
        lyc_background_destroy(background);
    }
}

/* The owner takes items that nobody has begun. */
static void test_the_finish_helps(void **state) {
    (void)state;
    FOR_EACH_POOL(pool) {
        if (lyc_pool_threads(pool) == 1) continue;
        atomic_int missing = lyc_pool_threads(pool);
        lyc_background *background = new_background(pool);
        lyc_background_start(background, LYC_PRIORITY_PROBE, (size_t)missing, meet, &missing);
        lyc_background_finish(background);
        assert_int_equal(missing, 0);
        lyc_background_destroy(background);
    }
}

static void test_alone_the_start_runs_everything(void **state) {
    (void)state;
    lyc_pool *single = new_pool(1);
    lyc_pool *const pools[] = {single, NULL};
    for (int i = 0; i < 2; i++) {
        static tally t;
        memset(&t, 0, sizeof t);
        lyc_background *background = new_background(pools[i]);
        lyc_background_start(background, LYC_PRIORITY_PROBE, ITEMS, count_item, &t);
        assert_each(&t, 1);
        lyc_background_finish(background);
        lyc_background_destroy(background);
    }
    lyc_pool_destroy(single);
}

static void test_nothing_begun_is_finished_at_once(void **state) {
    (void)state;
    FOR_EACH_POOL(pool) {
        lyc_background *background = new_background(pool);
        lyc_background_finish(background);
        lyc_background_start(background, LYC_PRIORITY_PROBE, 0, nothing, NULL);
        lyc_background_finish(background);
        lyc_background_destroy(background);
    }
    lyc_background_destroy(NULL);
}

static void test_the_end_waits_for_what_runs(void **state) {
    (void)state;
    FOR_EACH_POOL(pool) {
        static tally t;
        memset(&t, 0, sizeof t);
        lyc_background *background = new_background(pool);
        lyc_background_start(background, LYC_PRIORITY_TEACHER, ITEMS, count_item, &t);
        lyc_background_destroy(background);
        assert_each(&t, 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_item_runs_once_beside_other_jobs),
        cmocka_unit_test(test_the_owner_goes_on_meanwhile),
        cmocka_unit_test(test_the_finish_helps),
        cmocka_unit_test(test_alone_the_start_runs_everything),
        cmocka_unit_test(test_nothing_begun_is_finished_at_once),
        cmocka_unit_test(test_the_end_waits_for_what_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

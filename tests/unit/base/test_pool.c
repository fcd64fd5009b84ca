/* The pool used from within: items, nesting, memory, clocks. */
#include "pool_testing.h"

#include "lyceum/memory.h"

/* ---- results ---------------------------------------------------------------------------------- */

typedef struct tally {
    int threads;
    atomic_int bad_slots, overlaps;
    atomic_int in_slot[64];
    int counts[2000]; /* plain: two threads on one item would be a race */
} tally;

static void count_item(void *payload, size_t item, int slot) {
    tally *t = payload;
    if (slot < 0 || slot >= t->threads) {
        atomic_fetch_add(&t->bad_slots, 1);
        return;
    }
    if (atomic_fetch_add(&t->in_slot[slot], 1) != 0) atomic_fetch_add(&t->overlaps, 1);
    t->counts[item]++;
    atomic_fetch_sub(&t->in_slot[slot], 1);
}

static void assert_each_once(const tally *t, size_t count, int times) {
    for (size_t i = 0; i < sizeof t->counts / sizeof *t->counts; i++)
        assert_int_equal(t->counts[i], i < count ? times : 0);
}

static void test_every_item_runs_once(void **state) {
    (void)state;
    static const size_t counts[] = {0, 1, 2, 3, 17, 2000};
    FOR_EACH_POOL(pool) {
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            static tally t;
            memset(&t, 0, sizeof t);
            t.threads = lyc_pool_threads(pool);
            for (int turn = 0; turn < 20; turn++)
                lyc_pool_run(pool, LYC_PRIORITY_STUDENT, counts[c], count_item, &t);
            assert_each_once(&t, counts[c], 20);
            assert_int_equal(t.bad_slots, 0);
            assert_int_equal(t.overlaps, 0); /* a slot's scratch memory has one user */
        }
    }
}

static void note_order(void *payload, size_t item, int slot) {
    size_t *next = payload;
    assert_int_equal(slot, 0);
    assert_int_equal(item, *next);
    ++*next;
}

static void test_no_pool_runs_in_order(void **state) {
    (void)state;
    size_t next = 0;
    lyc_pool_run(NULL, LYC_PRIORITY_TEACHER, 50, note_order, &next);
    assert_int_equal(next, 50);
    assert_int_equal(lyc_pool_threads(NULL), 1);
    lyc_pool_notify(NULL);
    lyc_pool_destroy(NULL);
}

static void test_bad_thread_counts_are_refused(void **state) {
    (void)state;
    lyc_error err = {0};
    lyc_pool *pool = NULL;
    assert_int_equal(lyc_pool_create(&pool, -1, &err), LYC_EUSAGE);
    assert_null(pool);
    assert_non_null(strstr(err.message, "threads: -1"));
    assert_int_equal(lyc_pool_create(&pool, 100000, &err), LYC_EUSAGE);
    assert_int_equal(lyc_pool_create(&pool, 0, &err), LYC_OK);
    assert_true(lyc_pool_threads(pool) >= 1);
    lyc_pool_destroy(pool);
}

static void test_all_threads_take_part(void **state) {
    (void)state;
    FOR_EACH_POOL(pool) {
        for (int turn = 0; turn < 5; turn++) {
            atomic_int missing = lyc_pool_threads(pool);
            lyc_pool_run(pool, LYC_PRIORITY_PROBE, (size_t)missing, meet, &missing);
            assert_int_equal(missing, 0);
            sleep_for(turn == 2 ? 0.005 : 0); /* once with the workers asleep */
        }
    }
}

/* ---- nesting ---------------------------------------------------------------------------------- */

enum { FAN = 6, LEVELS = 3 };

typedef struct nest {
    lyc_pool *pool;
    int level;
    atomic_int *leaves;
} nest;

static void descend(void *payload, size_t item, int slot) {
    (void)item;
    const nest *n = payload;
    assert_true(slot >= 0 && slot < lyc_pool_threads(n->pool));
    if (n->level == LEVELS) {
        atomic_fetch_add(n->leaves, 1);
        return;
    }
    atomic_int below = 0;
    nest deeper = {n->pool, n->level + 1, &below};
    lyc_pool_run(n->pool, (lyc_priority)(n->level % LYC_PRIORITY_COUNT), FAN, descend, &deeper);
    int expected = 1;
    for (int i = n->level + 1; i < LEVELS; i++) expected *= FAN;
    assert_int_equal(below, expected * FAN);
    atomic_fetch_add(n->leaves, below);
}

static void test_items_may_run_jobs(void **state) {
    (void)state;
    FOR_EACH_POOL(pool) {
        for (int turn = 0; turn < 10; turn++) {
            atomic_int leaves = 0;
            nest top = {pool, 0, &leaves};
            lyc_pool_run(pool, LYC_PRIORITY_STUDENT, FAN, descend, &top);
            assert_int_equal(leaves, FAN * FAN * FAN * FAN);
        }
    }
}

/* A nested caller takes nobody else's items, neither between its own nor while it waits for the last. */
typedef struct own_only {
    lyc_pool *pool;
    pthread_t outer;
    bool alone; /* one thread in the pool */
    atomic_bool nested, posting;
    atomic_int missing, strangers, left;
} own_only;

static void nested_item(void *payload, size_t item, int slot) {
    own_only *o = payload;
    while (!atomic_load(&o->posting)) sleep_for(0.001);
    if (o->alone) {
        sleep_for(0.005); /* the stranger's job arrives between two of these */
    } else {
        meet(&o->missing, item, slot);
        if (!pthread_equal(pthread_self(), o->outer)) sleep_for(0.03); /* meanwhile the other one waits */
    }
}

static void stranger(void *payload, size_t item, int slot) {
    (void)item;
    (void)slot;
    own_only *o = payload;
    if (atomic_load(&o->nested) && pthread_equal(pthread_self(), o->outer))
        atomic_fetch_add(&o->strangers, 1);
}

static bool gone(void *payload) {
    return atomic_load(&((own_only *)payload)->left) == 0;
}

static void *offer_strangers(void *argument) {
    own_only *o = argument;
    atomic_store(&o->posting, true);
    lyc_pool_run(o->pool, LYC_PRIORITY_STUDENT, 10, stranger, o);
    lyc_pool *pool = o->pool;
    atomic_store(&o->left, 0);
    lyc_pool_notify(pool);
    return NULL;
}

static void outer_item(void *payload, size_t item, int slot) {
    (void)item;
    (void)slot;
    own_only *o = payload;
    o->outer = pthread_self();
    o->missing = 2;
    atomic_store(&o->nested, true);
    lyc_pool_run(o->pool, LYC_PRIORITY_TEACHER, o->alone ? 6 : 2, nested_item, o);
    atomic_store(&o->nested, false);
}

static void test_nested_callers_take_only_their_own(void **state) {
    (void)state;
    for (int threads = 1; threads <= 2; threads++) {
        lyc_pool *pool = new_pool(threads);
        own_only o = {.pool = pool, .alone = threads == 1, .left = 1};
        pthread_t foreign;
        assert_int_equal(pthread_create(&foreign, NULL, offer_strangers, &o), 0);
        lyc_pool_run(pool, LYC_PRIORITY_PROBE, 1, outer_item, &o);
        assert_int_equal(o.strangers, 0);
        lyc_pool_wait(pool, gone, &o);
        pthread_join(foreign, NULL);
        lyc_pool_destroy(pool);
    }
}

/* ---- memory and clocks ------------------------------------------------------------------------ */

static atomic_int requests;

static void *counted_allocate(void *payload, size_t size, size_t alignment) {
    (void)payload;
    atomic_fetch_add(&requests, 1);
    return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

static void counted_release(void *payload, void *block) {
    (void)payload;
    free(block);
}

static void test_running_allocates_nothing(void **state) {
    (void)state;
    lyc_allocator_set(&(lyc_allocator){counted_allocate, counted_release, NULL});
    FOR_EACH_POOL(pool) {
        int before = requests;
        assert_true(before > 0);
        for (int i = 0; i < 50; i++) lyc_pool_run(pool, LYC_PRIORITY_STUDENT, 20, nothing, NULL);
        assert_int_equal(requests, before);
    }
    lyc_allocator_set(NULL);
}

static void *fail_second(void *payload, size_t size, size_t alignment) {
    return ++*(int *)payload == 2 ? NULL : counted_allocate(NULL, size, alignment);
}

static void release_and_count(void *payload, void *block) {
    *(int *)payload += 100;
    free(block);
}

static void test_creation_without_memory_leaves_nothing(void **state) {
    (void)state;
    int calls = 0;
    lyc_allocator_set(&(lyc_allocator){fail_second, release_and_count, &calls});
    lyc_error err = {0};
    lyc_pool *pool = NULL;
    assert_int_equal(lyc_pool_create(&pool, 2, &err), LYC_ENOMEM);
    lyc_allocator_set(NULL);
    assert_null(pool);
    assert_int_equal(calls, 102); /* two requests, the granted one given back */
}

static void busy_item(void *payload, size_t item, int slot) {
    (void)item;
    (void)slot;
    work_for(*(double *)payload);
}

typedef struct nested_work {
    lyc_pool *pool;
    double seconds;
} nested_work;

static void busy_nested(void *payload, size_t item, int slot) {
    (void)item;
    (void)slot;
    nested_work *n = payload;
    lyc_pool_run(n->pool, LYC_PRIORITY_STUDENT, 4, busy_item, &n->seconds);
}

static void test_busy_counts_nested_time_once(void **state) {
    (void)state;
    lyc_pool *pool = new_pool(1);
    double share = -1;
    sleep_for(0.02);
    lyc_pool_busy_reset(pool);
    double began = lyc_seconds();
    nested_work n = {pool, 0.005};
    lyc_pool_run(pool, LYC_PRIORITY_STUDENT, 2, busy_nested, &n);
    double worked = lyc_seconds() - began;
    sleep_for(worked);
    lyc_pool_busy(pool, &share);
    double expected = worked / (lyc_seconds() - began);
    assert_true(worked >= 0.04);
    assert_true(share > 0.8 * expected && share < 1.02 * expected);
    lyc_pool_busy_reset(pool);
    sleep_for(0.002);
    lyc_pool_busy(pool, &share);
    assert_true(share == 0);
    lyc_pool_destroy(pool);
}

/* The item on the caller's side ends early; its wait for the other is no work, nested or not. Between two
 * looks at the shares that of a slot at work rises and that of any other falls, however long a loaded machine
 * takes for it: so the other item goes on until it has seen the caller's share fall. */
typedef struct uneven {
    lyc_pool *pool;
    atomic_int missing, wrong;
    atomic_bool waits; /* the caller's share has been seen to fall while the other item ran */
} uneven;

/* How the shares of both slots change over a moment: above 0 where they rise. */
static void watch(uneven *u, double change[2]) {
    double before[2] = {-1, -1}, after[2] = {-1, -1};
    lyc_pool_busy(u->pool, before);
    sleep_for(0.002);
    lyc_pool_busy(u->pool, after);
    for (int i = 0; i < 2; i++) {
        change[i] = after[i] - before[i];
        if (!(before[i] >= 0 && after[i] <= 1)) atomic_fetch_add(&u->wrong, 1);
    }
}

static void uneven_item(void *payload, size_t item, int slot) {
    uneven *u = payload;
    meet(&u->missing, item, slot);
    const double deadline = lyc_seconds() + 20;
    double change[2];
    do {
        watch(u, change);
        if (!(change[slot] > 0)) atomic_fetch_add(&u->wrong, 1);
        if (slot == 1 && change[0] < 0) atomic_store(&u->waits, true);
    } while (slot == 1 && !atomic_load(&u->waits) && lyc_seconds() < deadline);
}

static void uneven_nested(void *payload, size_t item, int slot) {
    (void)item;
    (void)slot;
    uneven *u = payload;
    u->missing = 2;
    lyc_pool_run(u->pool, LYC_PRIORITY_STUDENT, 2, uneven_item, u);
    double change[2];
    if (slot < 0) return;
    watch(u, change); /* nested: back at work */
    if (!(change[0] > 0 && change[1] < 0)) atomic_fetch_add(&u->wrong, 1);
}

static void test_waiting_is_no_work(void **state) {
    (void)state;
    lyc_pool *pool = new_pool(2);
    for (int nested = 0; nested < 2; nested++) {
        uneven u = {.pool = pool};
        double change[2];
        lyc_pool_busy_reset(pool);
        if (nested) lyc_pool_run(pool, LYC_PRIORITY_STUDENT, 1, uneven_nested, &u);
        else uneven_nested(&u, 0, -1);
        assert_true(u.waits);
        watch(&u, change);
        assert_true(change[0] < 0 && change[1] < 0);
        assert_int_equal(u.wrong, 0);
    }
    lyc_pool_destroy(pool);
}

static void ask_while_working(void *payload, size_t item, int slot) {
    (void)item;
    (void)slot;
    lyc_pool *pool = payload;
    double share = -1;
    lyc_pool_busy_reset(pool);
    work_for(0.01);
    lyc_pool_busy(pool, &share);
    assert_true(share > 0.9 && share <= 1);
}

static void test_busy_includes_items_under_way(void **state) {
    (void)state;
    lyc_pool *pool = new_pool(1);
    lyc_pool_run(pool, LYC_PRIORITY_STUDENT, 1, ask_while_working, pool);
    lyc_pool_destroy(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_item_runs_once),
        cmocka_unit_test(test_no_pool_runs_in_order),
        cmocka_unit_test(test_bad_thread_counts_are_refused),
        cmocka_unit_test(test_all_threads_take_part),
        cmocka_unit_test(test_items_may_run_jobs),
        cmocka_unit_test(test_nested_callers_take_only_their_own),
        cmocka_unit_test(test_running_allocates_nothing),
        cmocka_unit_test(test_creation_without_memory_leaves_nothing),
        cmocka_unit_test(test_busy_counts_nested_time_once),
        cmocka_unit_test(test_waiting_is_no_work),
        cmocka_unit_test(test_busy_includes_items_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The pool used from several threads at once: foreign jobs, priorities, everything together. */
#include "pool_testing.h"

/* ---- foreign threads -------------------------------------------------------------------------- */

enum { FOREIGNERS = 3, FOREIGN_JOBS = 20 };

typedef struct foreigner {
    lyc_pool *pool;
    pthread_t self;
    int counts[10 + FOREIGN_JOBS]; /* plain: two threads on one item would be a race */
    atomic_int *left;
    atomic_int did_work_itself;
} foreigner;

static _Thread_local foreigner *this_foreigner;

static void foreign_item(void *payload, size_t item, int slot) {
    if (this_foreigner != NULL) atomic_fetch_add(&this_foreigner->did_work_itself, 1);
    foreigner *f = payload;
    assert_true(slot >= 0 && slot < lyc_pool_threads(f->pool));
    f->counts[item]++;
}

static void *be_foreign(void *argument) {
    foreigner *f = argument;
    this_foreigner = f;
    for (int i = 0; i < FOREIGN_JOBS; i++)
        lyc_pool_run(f->pool, (lyc_priority)(i % LYC_PRIORITY_COUNT), (size_t)(10 + i), foreign_item, f);
    atomic_fetch_sub(f->left, 1);
    lyc_pool_notify(f->pool);
    return NULL;
}

static bool none_left(void *payload) {
    return atomic_load((atomic_int *)payload) == 0;
}

typedef struct embassy {
    foreigner foreigners[FOREIGNERS];
    atomic_int left;
} embassy;

static void open_embassy(embassy *e, lyc_pool *pool) {
    memset(e, 0, sizeof *e);
    e->left = FOREIGNERS;
    for (int i = 0; i < FOREIGNERS; i++) {
        e->foreigners[i].pool = pool;
        e->foreigners[i].left = &e->left;
        assert_int_equal(pthread_create(&e->foreigners[i].self, NULL, be_foreign, &e->foreigners[i]), 0);
    }
}

static void close_embassy(embassy *e) {
    for (int i = 0; i < FOREIGNERS; i++) {
        pthread_join(e->foreigners[i].self, NULL);
        assert_int_equal(e->foreigners[i].did_work_itself, 0);
        for (size_t item = 0; item < 10 + FOREIGN_JOBS - 1; item++)
            assert_int_equal(e->foreigners[i].counts[item],
                             item < 10 ? FOREIGN_JOBS : FOREIGN_JOBS - 1 - ((int)item - 10));
    }
}

static void test_foreign_jobs_run_while_the_owner_waits(void **state) {
    (void)state;
    static embassy e;
    FOR_EACH_POOL(pool) {
        open_embassy(&e, pool);
        lyc_pool_wait(pool, none_left, &e.left);
        assert_int_equal(e.left, 0);
        close_embassy(&e);
    }
}

static void test_foreign_jobs_run_while_the_owner_is_away(void **state) {
    (void)state;
    static embassy e;
    FOR_EACH_POOL(pool) {
        if (lyc_pool_threads(pool) == 1) continue; /* nobody there to do it */
        open_embassy(&e, pool);
        close_embassy(&e);
    }
}

/* An owner that only ever runs its own jobs lets foreign threads get on, even alone in the pool. */
static void test_foreign_jobs_run_between_the_owners(void **state) {
    (void)state;
    static embassy e;
    FOR_EACH_POOL(pool) {
        open_embassy(&e, pool);
        while (!none_left(&e.left)) {
            lyc_pool_run(pool, LYC_PRIORITY_STUDENT, 2, nothing, NULL);
            sleep_for(0.00001);
        }
        close_embassy(&e);
    }
}

static void *notify_later(void *argument) {
    foreigner *f = argument;
    sleep_for(0.01); /* the owner has gone to sleep */
    atomic_store(f->left, 0);
    lyc_pool_notify(f->pool);
    return NULL;
}

static void test_notify_wakes_the_waiting_owner(void **state) {
    (void)state;
    FOR_EACH_POOL(pool) {
        atomic_int left = 1;
        foreigner f = {.pool = pool, .left = &left};
        assert_int_equal(pthread_create(&f.self, NULL, notify_later, &f), 0);
        lyc_pool_wait(pool, none_left, &left);
        assert_int_equal(left, 0);
        pthread_join(f.self, NULL);
    }
}

/* ---- priorities ------------------------------------------------------------------------------- */

/* A long teacher job is under way on the only thread when a student job arrives from elsewhere. */
typedef struct rivalry {
    lyc_pool *pool;
    atomic_bool posting;
    atomic_int left;
    char order[400];
    int length;
} rivalry;

enum { TEACHER_ITEMS = 200, STUDENT_ITEMS = 5 };

static void student_item(void *payload, size_t item, int slot) {
    (void)item;
    (void)slot;
    rivalry *r = payload;
    r->order[r->length++] = 's';
    sleep_for(0.001);
}

static void *post_student(void *argument) {
    rivalry *r = argument;
    atomic_store(&r->posting, true);
    lyc_pool_run(r->pool, LYC_PRIORITY_STUDENT, STUDENT_ITEMS, student_item, r);
    atomic_fetch_sub(&r->left, 1);
    lyc_pool_notify(r->pool);
    return NULL;
}

static void teacher_item(void *payload, size_t item, int slot) {
    (void)slot;
    rivalry *r = payload;
    r->order[r->length++] = 't';
    if (item == 3) {
        pthread_t foreign;
        assert_int_equal(pthread_create(&foreign, NULL, post_student, r), 0);
        pthread_detach(foreign);
        while (!atomic_load(&r->posting)) sleep_for(0.001);
    }
    sleep_for(0.001);
}

static void *post_teacher(void *argument) {
    rivalry *r = argument;
    lyc_pool_run(r->pool, LYC_PRIORITY_TEACHER, TEACHER_ITEMS, teacher_item, r);
    atomic_fetch_sub(&r->left, 1);
    lyc_pool_notify(r->pool);
    return NULL;
}

static void assert_student_first(const rivalry *r) {
    assert_int_equal(r->length, TEACHER_ITEMS + STUDENT_ITEMS);
    const char *first = memchr(r->order, 's', (size_t)r->length);
    assert_non_null(first);
    assert_int_equal(strncmp(first, "sssss", STUDENT_ITEMS), 0);
    assert_true(r->order[r->length - 1] == 't'); /* it did not have to wait for the end */
}

static void test_urgent_jobs_overtake_while_the_owner_waits(void **state) {
    (void)state;
    lyc_pool *pool = new_pool(1);
    static rivalry r;
    r = (rivalry){.pool = pool, .left = 2};
    pthread_t foreign;
    assert_int_equal(pthread_create(&foreign, NULL, post_teacher, &r), 0);
    lyc_pool_wait(pool, none_left, &r.left);
    pthread_join(foreign, NULL);
    assert_student_first(&r);
    lyc_pool_destroy(pool);
}

static void test_urgent_jobs_overtake_the_owners_own(void **state) {
    (void)state;
    lyc_pool *pool = new_pool(1);
    static rivalry r;
    r = (rivalry){.pool = pool, .left = 1};
    lyc_pool_run(pool, LYC_PRIORITY_TEACHER, TEACHER_ITEMS, teacher_item, &r);
    lyc_pool_wait(pool, none_left, &r.left);
    assert_student_first(&r);
    lyc_pool_destroy(pool);
}

static void test_urgent_jobs_overtake_on_workers(void **state) {
    (void)state;
    lyc_pool *pool = new_pool(2);
    static rivalry r;
    r = (rivalry){.pool = pool, .left = 2};
    pthread_t foreign;
    assert_int_equal(pthread_create(&foreign, NULL, post_teacher, &r), 0);
    pthread_join(foreign, NULL); /* the owner stays away: one worker does it all */
    lyc_pool_wait(pool, none_left, &r.left);
    assert_student_first(&r);
    lyc_pool_destroy(pool);
}

/* ---- everything at once ----------------------------------------------------------------------- */

typedef struct storm {
    lyc_pool *pool;
    atomic_long sum;
} storm;

static void storm_leaf(void *payload, size_t item, int slot) {
    (void)slot;
    atomic_fetch_add((atomic_long *)payload, (long)item);
}

static void storm_item(void *payload, size_t item, int slot) {
    (void)slot;
    storm *s = payload;
    atomic_long inner = 0;
    lyc_pool_run(s->pool, (lyc_priority)(item % LYC_PRIORITY_COUNT), 3 + item % 5, storm_leaf, &inner);
    long last = (long)(2 + item % 5);
    assert_int_equal(inner, last * (last + 1) / 2);
    atomic_fetch_add(&s->sum, (long)item);
}

enum { STORM_JOBS = 60, STORM_ITEMS = 25 };

static void storm_jobs(lyc_pool *pool, int salt) {
    for (int i = 0; i < STORM_JOBS; i++) {
        storm s = {.pool = pool};
        lyc_pool_run(pool, (lyc_priority)((i + salt) % LYC_PRIORITY_COUNT), STORM_ITEMS, storm_item, &s);
        assert_int_equal(s.sum, STORM_ITEMS * (STORM_ITEMS - 1) / 2);
    }
}

static void *storm_thread(void *argument) {
    foreigner *f = argument;
    storm_jobs(f->pool, 1);
    atomic_fetch_sub(f->left, 1);
    lyc_pool_notify(f->pool);
    return NULL;
}

static void test_storm(void **state) {
    (void)state;
    FOR_EACH_POOL(pool) {
        atomic_int left = FOREIGNERS;
        foreigner f = {.pool = pool, .left = &left};
        pthread_t threads[FOREIGNERS];
        for (int i = 0; i < FOREIGNERS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, storm_thread, &f), 0);
        storm_jobs(pool, 0);
        lyc_pool_wait(pool, none_left, &left);
        for (int i = 0; i < FOREIGNERS; i++) pthread_join(threads[i], NULL);
        double busy[64];
        lyc_pool_busy(pool, busy);
        for (int i = 0; i < lyc_pool_threads(pool); i++) assert_true(busy[i] >= 0 && busy[i] <= 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_foreign_jobs_run_while_the_owner_waits),
        cmocka_unit_test(test_foreign_jobs_run_while_the_owner_is_away),
        cmocka_unit_test(test_foreign_jobs_run_between_the_owners),
        cmocka_unit_test(test_notify_wakes_the_waiting_owner),
        cmocka_unit_test(test_urgent_jobs_overtake_while_the_owner_waits),
        cmocka_unit_test(test_urgent_jobs_overtake_the_owners_own),
        cmocka_unit_test(test_urgent_jobs_overtake_on_workers),
        cmocka_unit_test(test_storm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

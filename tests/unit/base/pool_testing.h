/* What the tests of the pool share. */
#ifndef LYC_TEST_POOL_TESTING_H
#define LYC_TEST_POOL_TESTING_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "lyceum/log.h"
#include "lyceum/pool.h"

static const int thread_counts[] = {1, 2, 3, 8};
enum { THREAD_COUNTS = sizeof thread_counts / sizeof *thread_counts };

#define FOR_EACH_POOL(pool)                                                                                  \
    for (int pool##_index = 0; pool##_index < THREAD_COUNTS; pool##_index++)                                 \
        for (lyc_pool *pool = new_pool(thread_counts[pool##_index]); pool != NULL;                           \
             lyc_pool_destroy(pool), pool = NULL)

static inline lyc_pool *new_pool(int threads) {
    lyc_pool *pool = NULL;
    assert_int_equal(lyc_pool_create(&pool, threads, NULL), LYC_OK);
    assert_int_equal(lyc_pool_threads(pool), threads);
    return pool;
}

static inline void sleep_for(double seconds) {
    nanosleep(&(struct timespec){.tv_nsec = (long)(seconds * 1e9)}, NULL);
}

static inline void work_for(double seconds) {
    double until = lyc_seconds() + seconds;
    while (lyc_seconds() < until) {
    }
}

/* An item that waits for the others: the job ends only if as many threads as items help. */
static inline void meet(void *payload, size_t item, int slot) {
    (void)item;
    (void)slot;
    atomic_int *missing = payload;
    atomic_fetch_sub(missing, 1);
    while (atomic_load(missing) > 0) sleep_for(0.0002);
}

static inline void nothing(void *payload, size_t item, int slot) {
    (void)payload;
    (void)item;
    (void)slot;
}

#endif

/* The thread pool: one for the whole process; work comes as numbered items of a job.
 *
 * A pool of N threads is the thread that created it (slot 0) plus N-1 workers (slots 1..N-1). Items
 * of a job with the more urgent priority go first. What an item computes must not depend on the slot
 * or on the order; slots exist to index scratch memory and time counters. Hence the same bits for any N.
 *
 * lyc_pool_run may be called
 * - by the owner (the thread that created the pool): it takes items of its own job, and between two of them
 *   those of more urgent jobs; alone in the pool it also does one item of some other job a call, so that
 *   foreign threads get on;
 * - from inside an item (nested): the caller takes items of its own job only, idle threads help;
 * - by any other thread: it only waits, the threads of the pool do the work. With N = 1 that is the owner,
 *   whenever it is inside lyc_pool_run or lyc_pool_wait.
 * A thread that leaves a job for a more urgent one does so between two items, so items should be short
 * (a shard, a millisecond). Idle threads spin for 0.1 ms before they sleep, unless there are more threads
 * than cores.
 */
#ifndef LYCEUM_POOL_H
#define LYCEUM_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "lyceum/error.h"

LYC_BEGIN_DECLS

typedef struct lyc_pool lyc_pool;

typedef enum lyc_priority {
    LYC_PRIORITY_STUDENT, /* the step everybody waits for */
    LYC_PRIORITY_PROBE,
    LYC_PRIORITY_TEACHER, /* fills what is idle */
    LYC_PRIORITY_COUNT
} lyc_priority;

typedef void (*lyc_pool_fn)(void *payload, size_t item, int slot);

/* threads >= 1 (at most 1024); 0 means one for each core this process may use. LYC_EUSAGE, LYC_ENOMEM, or
 * LYC_EENVIRONMENT when the system gives no more threads. */
LYC_API LYC_MUST_USE lyc_status lyc_pool_create(lyc_pool **out, int threads, lyc_error *err);
LYC_API void lyc_pool_destroy(lyc_pool *pool); /* waits for running items; NULL is fine */
LYC_API int lyc_pool_threads(const lyc_pool *pool);

/* Runs fn(payload, item, slot) for every item in [0, count) and returns when all are done. A NULL
 * pool runs them in order on the calling thread with slot 0. Allocates nothing. */
LYC_API void lyc_pool_run(lyc_pool *pool, lyc_priority priority, size_t count, lyc_pool_fn fn, void *payload);

/* A job that the owner goes on beside, rather than wait for it: what is idle works on it. The owner makes one,
 * starts it any number of times, each after the former was finished, and destroys it before the pool. In a pool of one
 * thread, or with a NULL pool, nobody is idle: the start runs all items. */
typedef struct lyc_background lyc_background;
LYC_API LYC_MUST_USE lyc_status lyc_background_create(lyc_background **out, lyc_pool *pool, lyc_error *err);
/* Items [0, count) as in lyc_pool_run; `payload` lives until the finish. Allocates nothing. */
LYC_API void lyc_background_start(lyc_background *background, lyc_priority priority, size_t count, lyc_pool_fn fn,
                                  void *payload);
/* Works on whatever jobs there are until all items are done; returns at once where none was started. */
LYC_API void lyc_background_finish(lyc_background *background);
LYC_API void lyc_background_destroy(lyc_background *background); /* finishes first; NULL is fine */

/* Owner only: works on whatever jobs there are until done(payload) is true. `done` is called without
 * locks held; whoever makes it true calls lyc_pool_notify afterwards (from any thread). */
LYC_API void lyc_pool_wait(lyc_pool *pool, bool (*done)(void *payload), void *payload);
LYC_API void lyc_pool_notify(lyc_pool *pool);

/* Share of the wall time since creation or the last reset that each slot spent inside items, 0 to 1, into
 * out[lyc_pool_threads()]. Nested time counts once; waiting for others to finish a nested job counts as
 * idle. Items under way are included. Thread-safe, as is the reset. */
LYC_API void lyc_pool_busy(lyc_pool *pool, double *out);
LYC_API void lyc_pool_busy_reset(lyc_pool *pool);

LYC_END_DECLS

#endif

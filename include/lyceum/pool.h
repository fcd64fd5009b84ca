/* The thread pool: one for the whole process; work comes as numbered items of a job.
 *
 * A pool of N threads is the thread that created it (slot 0) plus N-1 workers (slots 1..N-1). Items
 * of a job with the more urgent priority go first. What an item computes must not depend on the slot
 * or on the order; slots exist to index scratch memory and time counters. Hence the same bits for any N.
 *
 * lyc_pool_run may be called from the owner, from inside an item (nested: the caller then takes items
 * of its own job until that is finished, idle threads help), and from foreign threads (which only
 * wait while pool threads do the work; with N = 1 the owner works whenever it is inside a pool call).
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

/* threads >= 1; 0 means one per online core. */
LYC_API LYC_MUST_USE lyc_status lyc_pool_create(lyc_pool **out, int threads, lyc_error *err);
LYC_API void lyc_pool_destroy(lyc_pool *pool); /* waits for running items; NULL is fine */
LYC_API int lyc_pool_threads(const lyc_pool *pool);

/* Runs fn(payload, item, slot) for every item in [0, count) and returns when all are done. A NULL
 * pool runs them in order on the calling thread with slot 0. Allocates nothing. */
LYC_API void lyc_pool_run(lyc_pool *pool, lyc_priority priority, size_t count, lyc_pool_fn fn, void *payload);

/* Owner only: works on whatever jobs there are until done(payload) is true. `done` is called without
 * locks held; whoever makes it true calls lyc_pool_notify afterwards (from any thread). */
LYC_API void lyc_pool_wait(lyc_pool *pool, bool (*done)(void *payload), void *payload);
LYC_API void lyc_pool_notify(lyc_pool *pool);

/* Share of the wall time since creation or the last reset that each slot spent inside items,
 * out[lyc_pool_threads()]; nested time counts once. */
LYC_API void lyc_pool_busy(lyc_pool *pool, double *out);
LYC_API void lyc_pool_busy_reset(lyc_pool *pool);

LYC_END_DECLS

#endif

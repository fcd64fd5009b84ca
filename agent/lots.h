/* Rows of a batch in lots that threads may take: what a policy computes together, and what is summed apart.
 *
 * The cut depends on the policy and on the number of rows alone, so that no result depends on threads. */
#ifndef LYC_AGENT_LOTS_H
#define LYC_AGENT_LOTS_H

#include "agent/policy.h"
#include "agent/strategy.h"

#define LYC__BLOCK_ROWS 32 /* at most */
#define LYC__MOST_LOTS  8

typedef struct lyc__lots {
    size_t block;      /* rows that are computed together, at most LYC__BLOCK_ROWS */
    size_t count;      /* of lots, at most LYC__MOST_LOTS */
    size_t size;       /* doubles of the policy's workspace for a block */
    double *workspace; /* [count][size] */
} lyc__lots;

/* For batches of up to `rows` rows. */
LYC_MUST_USE lyc_status lyc__lots_create(lyc__lots *self, lyc_strategy *strategy,
                                         const lyc__policy_kind *policy, const lyc__policy_shape *shape,
                                         size_t rows, lyc_error *err);

/* Rows first .. first + count, at most `block` of them; `workspace` is the lot's, which no other thread uses.
 */
typedef void lyc__block_fn(void *payload, size_t lot, size_t first, size_t count, double *workspace);
/* All rows, block by block; the blocks of a lot in order. A NULL pool does the lots in order. */
void lyc__lots_run(const lyc__lots *self, lyc_pool *pool, lyc_priority priority, size_t rows,
                   lyc__block_fn *fn, void *payload);
/* Lots that so many rows come to. */
size_t lyc__lots_used(const lyc__lots *self, size_t rows);

#endif

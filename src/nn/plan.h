/* Plans: in which order the nodes of a graph run on a shard, and where each value lies.
 *
 * Work is cut into segments. Inside a segment a shard runs depth first, on one thread; between segments
 * stands a barrier, where the partial results of all shards are combined. A network without barriers has
 * one segment forward and one backward.
 *
 * Memory is of three kinds. Each *shard* has its own, which lasts from forward to backward: values that
 * backward reads, and what crosses a barrier. Each *lane* (one for every shard that is in work at the same
 * time) has memory for what lives within a segment, where values whose lives do not overlap share a place.
 * The *logits* of all shards lie one after the other. Operators that work in place share the place of their
 * input.
 */
#ifndef NN_PLAN_H
#define NN_PLAN_H

#include "nn/graph.h"

typedef enum lyc__place { LYC__NOWHERE, LYC__IN_SHARD, LYC__IN_LANE, LYC__IN_LOGITS } lyc__place;

typedef struct lyc__slot {
    lyc__place place;
    size_t offset; /* bytes from the start of the shard's or the lane's memory */
} lyc__slot;

typedef struct lyc__node_plan {
    bool relu;          /* forward takes along the ReLU that follows */
    bool skip_forward;  /* nothing to do: the identity in place, or a ReLU taken along */
    bool skip_backward; /* nothing to do: the identity in place */
    bool remake;        /* before backward: forward of the node that makes input 0, which was not kept */
    lyc__slot saved;
    lyc__slot d_in[LYC__MAX_INPUTS]; /* where backward writes */
    bool add[LYC__MAX_INPUTS];       /* ... and whether that is then added to the value's gradient */
    size_t partial; /* barrier: first double of a shard's partial results, forward and then backward */
    void *prepared; /* what the operator made ahead; NULL = nothing */
} lyc__node_plan;

typedef struct lyc__step {
    int node;
    bool gather; /* only the first phase of a barrier */
} lyc__step;

typedef struct lyc__segment {
    int first, count; /* steps */
    int barrier;      /* node whose partial results are combined when all shards are through; -1 = none */
} lyc__segment;

typedef struct lyc__program {
    int step_count, segment_count;
    lyc__step *steps;
    lyc__segment *segments;
    int *segment_of; /* [nodes] in which a node runs; -1 = in none */
} lyc__program;

typedef struct lyc__plan {
    const lyc__graph *graph; /* what runs: `fused` where there is one */
    lyc__graph fused;        /* its nodes are the plan's, their names are the network's */
    lyc_mode mode;
    size_t rows; /* of the largest shard */
    lyc__program forward, backward;
    lyc__slot *values, *gradients; /* [values] */
    lyc__slot *remade;             /* [values] where backward finds those that were not kept; else nowhere */
    lyc__node_plan *nodes;
    size_t shard_bytes, lane_bytes;
    size_t scratch;       /* its offset in a lane */
    size_t partial_count; /* doubles of partial results a shard has */
    size_t prepared_count;
    int *prepared; /* [prepared_count] nodes that have something prepared */
} lyc__plan;

lyc_status lyc__plan_create(lyc__plan **out, const lyc__graph *graph, lyc_mode mode, size_t rows,
                            lyc_error *err);
void lyc__plan_destroy(lyc__plan *plan);

/* plan_prepare.c: has operators make ahead what they can, for so many lanes, and gives scratch its place;
 * *bytes is what that holds. Part of creating a workspace. */
lyc_status lyc__plan_prepare(lyc__plan *plan, size_t lanes, size_t *bytes, lyc_error *err);
/* Before every pass: what depends on the parameters. */
void lyc__plan_refresh(const lyc__plan *plan, const float *params, bool backward, lyc_priority priority,
                       lyc_pool *pool);

/* ---- pieces, in the order in which they are called --------------------------------------------- */

/* Something that needs memory from one moment to another. Moments of a shard: 0 when its input is written,
 * one for each node forward, one when the gradient of the logits is written, one for each node backward. */
typedef struct lyc__interval {
    lyc__slot *slot; /* in which memory it lies; gets its place there */
    int first, last;
    size_t bytes;
    bool placed;
} lyc__interval;

int lyc__plan_forward_moment(int node);                         /* -1: the input */
int lyc__plan_backward_moment(const lyc__plan *plan, int node); /* node count: the gradient of the logits */

/* What is known of a plan while it is made. */
typedef struct lyc__draft {
    lyc__plan *plan;
    int *value_roots, *gradient_roots; /* [values] the value whose place is shared; -1 = no gradient */
    lyc__interval *intervals;          /* of everything that has a place of its own */
    int interval_count;
} lyc__draft;

void lyc__draft_add(lyc__draft *draft, lyc__slot *slot, lyc__place place, int first, int last, size_t bytes);

/* plan_fuse.c: rewrites the graph. */
lyc_status lyc__plan_fuse(lyc__plan *plan, lyc_error *err);
/* plan_order.c: steps and segments. */
lyc_status lyc__plan_order(lyc__plan *plan, lyc_error *err);
/* plan_values.c, plan_gradients.c: who shares a place with whom, in which memory, and for how long. */
lyc_status lyc__plan_values(lyc__draft *draft, lyc_error *err);
lyc_status lyc__plan_gradients(lyc__draft *draft, lyc_error *err);
/* plan_pack.c: lays out what lies in one kind of memory, so that what is needed at the same moment does not
 * overlap; returns the bytes needed. */
size_t lyc__plan_pack(lyc__draft *draft, lyc__place place);

/* Bytes of a value on the largest shard; rounds up to whole cache lines. */
size_t lyc__plan_value_bytes(const lyc__plan *plan, int value);
size_t lyc__plan_round(size_t bytes);

#endif

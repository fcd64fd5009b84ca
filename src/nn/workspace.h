/* What a workspace is inside the engine. */
#ifndef NN_WORKSPACE_H
#define NN_WORKSPACE_H

#include <stdatomic.h>

#include "nn/network.h"
#include "nn/plan.h"

struct lyc_workspace {
    const lyc_network *net;
    lyc_mode mode;
    lyc__plan *plan;
    const lyc_frozen *frozen; /* what it runs; NULL: the network as it is */
    size_t max_rows, bytes;
    size_t max_shards; /* at work at the same time */
    size_t classes;
    unsigned char *shards, *lanes; /* max_shards of each */
    float *logits;                 /* [max_rows, classes], and room for the rest of the last shard */
    float *gradients;              /* [max_shards, parameters that train] */
    double *partials;              /* [max_shards, partial_count] */
    atomic_uint free_lanes;        /* bit i: lane i is free */
    /* Of the last forward: */
    lyc_pass pass;
    size_t shard_rows, shard_count;
    size_t together; /* shards that one item of the pool computes, one after the other; 1 in training */
};

/* LYC_ECONFIG unless a workspace can take a batch of so many rows. */
lyc_status lyc__check_rows(size_t rows, lyc_error *err);

/* What one call of forward or backward hands to every shard. */
typedef struct lyc__job {
    lyc_workspace *workspace;
    const float *params;
    const lyc__segment *segment;
    bool first; /* the segment is the first of its program */
    /* backward only: */
    float *gradient; /* where the only shard writes; NULL: each has its own array */
    lyc_logit_gradient_fn fn;
    void *payload;
} lyc__job;

/* One segment of the program on one shard: items of the pool. */
void lyc__run_forward(void *job, size_t shard, int slot);
void lyc__run_backward(void *job, size_t shard, int slot);

/* Combines the partial results of the shards at a barrier; all shards find the total with the first. */
void lyc__combine(lyc_workspace *workspace, int node, bool backward);
/* Moves the state of a barrier's node by the total of forward. */
void lyc__settle(lyc_workspace *workspace, int node, float *params);

#endif

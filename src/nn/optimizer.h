/* Optimisers: one file a kind, one row of the table. */
#ifndef NN_OPTIMIZER_H
#define NN_OPTIMIZER_H

#include "lyceum/network.h"
#include "nn/vector.h"

typedef struct lyc__update {
    float *params;
    const float *gradient;
    float *moments[2]; /* as many as the kind has */
    size_t count;
    double rate;
    double decay;  /* weight decay of these parameters */
    double clip;   /* what the gradient is multiplied by, at most 1 */
    uint64_t step; /* 1 for the first update */
} lyc__update;

typedef struct lyc__optimizer_kind {
    const char *name;
    const char *doc;
    int (*moments)(const lyc_optimizer_options *options); /* arrays of state, 0 .. 2 */
    lyc_status (*check)(const lyc_optimizer_options *options, lyc_error *err);
    void (*update)(const lyc_optimizer_options *options, const lyc__update *update);
    /* (optional) Divides direction[count] by what an update divides the gradient by; `second` is moment 1. */
    void (*precondition)(const lyc_optimizer_options *options, const float *second, uint64_t step,
                         size_t count, float *direction);
} lyc__optimizer_kind;

extern const lyc__optimizer_kind lyc__optimizer_sgd, lyc__optimizer_adam, lyc__optimizer_adamw;

#endif

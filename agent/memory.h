/* Sampled decisions that wait for their reward: batches of them, one a batch or one for each of its rows.
 *
 * Made from a strategy's arena; what a resumed run needs is kept in its state. */
#ifndef LYC_AGENT_MEMORY_H
#define LYC_AGENT_MEMORY_H

#include "agent/strategy.h"

typedef struct lyc__memory {
    size_t batches, rows, observation_size, teachers; /* what fits */
    uint64_t *count;                                  /* batches held */
    uint64_t *filled;                                 /* [batches]: decisions of each */
    double *observation;                              /* [batches][rows][observation_size] */
    uint8_t *select;                                  /* [batches][rows][teachers] */
    double *score;                                    /* [batches][rows][teachers] */
} lyc__memory;

/* What the arrays are called in a checkpoint; a literal. */
typedef struct lyc__memory_names {
    const char *count, *filled, *observation, *select, *score;
} lyc__memory_names;
#define LYC__MEMORY_NAMES(stem)                                                                              \
    { stem "_count", stem "_filled", stem "_observation", stem "_select", stem "_score" }

/* The sizes are given in `self`, the rest is made. */
LYC_MUST_USE lyc_status lyc__memory_create(lyc__memory *self, lyc_strategy *strategy, lyc_error *err);
void lyc__memory_keep(const lyc__memory *self, const lyc__memory_names *names, lyc_strategy *strategy);

void lyc__memory_clear(lyc__memory *self);
bool lyc__memory_full(const lyc__memory *self);
/* Begins a batch of `rows` decisions, each of which is then put in its place: by any number of threads. */
void lyc__memory_open(lyc__memory *self, size_t rows);
void lyc__memory_put(const lyc__memory *self, size_t row, const double *observation,
                     const lyc_action *action);

/* Decision `row` of batch `at`: its observation, and its selection and scores into `action` (the rest is 0).
 */
const double *lyc__memory_get(const lyc__memory *self, size_t at, size_t row, lyc_action *action);
/* Mean over the decisions of batch `at`, out[observation_size]. */
void lyc__memory_mean(const lyc__memory *self, size_t at, double *out);
size_t lyc__memory_decisions(const lyc__memory *self); /* of all batches */
/* Whether the same was decided, decision by decision. */
bool lyc__memory_equal(const lyc__memory *a, const lyc__memory *b);

#endif

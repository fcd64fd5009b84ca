/* The learned strategy's parts, for its own file and for tests that look inside. */
#ifndef LYC_AGENT_LEARNED_H
#define LYC_AGENT_LEARNED_H

#include "agent/algorithm.h"
#include "agent/observation.h"

/* What a clone that follows the policy per instance has decided so far. */
typedef struct lyc__trial {
    lyc__observation observe; /* as it was when the trial began */
    lyc__memory memory;
    lyc__lots lots;
    double *log_prob;                    /* [max_rows], of one batch */
    double *observation;                 /* [max_rows][observation size], of one batch */
    float *weights;                      /* [max_rows, teachers], of one batch */
    double weight_sum[LYC_MAX_TEACHERS]; /* over all decisions */
    uint64_t selected;                   /* likewise */
    uint32_t epoch, step;                /* where it began */
} lyc__trial;

typedef struct lyc__learned {
    lyc__observation observe;
    lyc__learner learner;
    lyc_teach_mode teach;
    bool by_row;          /* decides per instance */
    bool frozen;          /* decides without learning anything, its statistics included */
    double warmup;        /* share of the run */
    double *observation;  /* of the last decision, normalised; by row [max_rows][observation size] */
    double *mean;         /* by row: its mean over the rows, else NULL */
    uint8_t *select;      /* by row: [max_rows, teachers], else NULL */
    double *log_prob;     /* [max_rows] or [1]: of the last decision */
    double *entropy;      /* likewise */
    lyc__trial trials[2]; /* by row, with probes */
} lyc__learned;

/* trial.c: the life of a trial. */
LYC_MUST_USE lyc_status lyc__trial_create(lyc__trial *trial, lyc_strategy *strategy, const lyc__learned *own,
                                          lyc_error *err);
void lyc__trial_start(lyc__trial *trial, const lyc__observation *observe, const lyc_decision_input *input);
/* lyc_strategy_follow, per instance: changes nothing but the trial, the action and `out`, and of the learner
 * reads nothing that a decision changes. */
LYC_MUST_USE lyc_status lyc__trial_follow(lyc__trial *trial, const lyc__learner *learner,
                                          const lyc_decision_input *input, int draw, lyc_action *action,
                                          lyc_taught *out, lyc_error *err);

lyc__learned *lyc__learned_of(lyc_strategy *strategy);

/* Hooks of the strategy that others are made of. */
LYC_MUST_USE lyc_status lyc__learned_create(lyc_strategy *self, const lyc_agent_options *options,
                                            const char *argument, lyc_error *err);
lyc_status lyc__learned_decide(lyc_strategy *self, const lyc_decision_input *input, lyc_decision *out,
                               lyc_error *err);
size_t lyc__learned_observation_size(const lyc_strategy *self);
const char *lyc__learned_observation_name(const lyc_strategy *self, size_t index);
bool lyc__learned_decides_rows(const lyc_strategy *self);

#endif

/* Rewards: what a student is worth on held-out samples, and what its improvement is (docs/credit.md).
 *
 * One row of the table in reward.c a kind; the configuration's agent.reward.kind picks it.
 */
#ifndef LYCEUM_DISTILL_REWARD_H
#define LYCEUM_DISTILL_REWARD_H

#include "distill/job.h"

/* The samples of one reward. */
typedef struct lyc__held_out {
    const uint32_t *rows;  /* [count] */
    const int32_t *labels; /* [count] */
    uint32_t count;
} lyc__held_out;

bool lyc__reward_needs_logits(lyc_reward_kind kind);
/* What `student` is worth by its parameters (not by their moving average); logits [count, classes] is room where
 * they are needed. */
LYC_MUST_USE lyc_status lyc__reward_measure(lyc__job *job, lyc_student *student, const lyc__held_out *samples,
                                            lyc_priority priority, float *logits, double *out, lyc_error *err);
/* The reward for getting from `before` to `after`, with `selected` of the teachers (a share). */
double lyc__reward_of(const lyc_agent_options *agent, double before, double after, double selected);

#endif

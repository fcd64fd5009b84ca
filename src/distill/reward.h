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

/* Floats of room that a measurement takes. */
size_t lyc__reward_room(lyc_reward_kind kind, size_t samples, size_t classes);
/* What `student` is worth by its parameters (not by their moving average); `room` is what lyc__reward_room asks
 * for. */
LYC_MUST_USE lyc_status lyc__reward_measure(lyc__job *job, lyc_student *student, const lyc__held_out *samples,
                                            lyc_priority priority, float *room, double *out, lyc_error *err);
/* The reward for getting from `before` to `after`, with `selected` of the teachers (a share). */
double lyc__reward_of(const lyc_agent_options *agent, double before, double after, double selected);

#endif

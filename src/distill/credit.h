/* Credit: turning the student's held-out improvement into the agent's reward (formulas in docs/credit.md).
 *
 * `probe`: clones of the student follow two sampled actions for a few virtual steps and are measured on the
 * same held-out samples; the real student never sees a sample of the policy. `on_policy`: the sampled
 * actions teach the real student; its improvement over an interval of batches is the reward.
 */
#ifndef LYCEUM_DISTILL_CREDIT_H
#define LYCEUM_DISTILL_CREDIT_H

#include "distill/job.h"

LYC_MUST_USE lyc_status lyc__credit_open(lyc__job *job, lyc_error *err);
void lyc__credit_close(lyc__credit *credit);

/* Called between the decision and the student's update on the batch; fills reward and advantage of `record`
 * where a probe was made or an interval opened. */
LYC_MUST_USE lyc_status lyc__credit_before_update(lyc__job *job, const lyc_decision_input *input, lyc__step_record *record,
                                                  lyc_error *err);
/* Called after the update, with the cursor still on the batch. */
LYC_MUST_USE lyc_status lyc__credit_after_update(lyc__job *job, lyc__step_record *record, lyc_error *err);

#endif

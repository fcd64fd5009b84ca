/* Credit: turning the student's held-out improvement into the agent's reward (formulas in docs/credit.md).
 *
 * `probe` (probe.h): clones of the student follow two sampled actions. `on_policy`: the sampled actions teach
 * the real student; its improvement over an interval of batches is the reward.
 */
#ifndef LYCEUM_DISTILL_CREDIT_H
#define LYCEUM_DISTILL_CREDIT_H

#include "distill/job.h"

LYC_MUST_USE lyc_status lyc__credit_open(lyc__job *job, lyc_error *err);
void lyc__credit_close(lyc__credit *credit);
/* What a resumed run needs of it, if anything; settle before it is saved. */
LYC_MUST_USE lyc_status lyc__credit_register(lyc__credit *credit, lyc_state *state, lyc_error *err);
LYC_MUST_USE lyc_status lyc__credit_settle(lyc__credit *credit, lyc_error *err);

/* Called between the decision and the student's update on the batch; fills reward and advantage of `record`
 * where the policy learned. */
LYC_MUST_USE lyc_status lyc__credit_before_update(lyc__job *job, const lyc_decision_input *input,
                                                  lyc__step_record *record, lyc_error *err);
/* Called after the update, with the cursor still on the batch. */
LYC_MUST_USE lyc_status lyc__credit_after_update(lyc__job *job, lyc__step_record *record, lyc_error *err);

#endif

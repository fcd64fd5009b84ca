/* Probes: two clones of the student follow two sampled actions for a few virtual steps and are measured on
 * the same held-out samples; the difference teaches the policy (docs/credit.md). The real student never sees
 * a sample of the policy.
 *
 * A probe begins with the student as it is before its update on a batch, and teaches agent.credit.delay
 * batches later. In between it is in flight: idle threads work on it while the student goes on. It touches
 * nothing that the student's own steps change, and what it teaches, and when, does not depend on when it was
 * done. At most one is in flight.
 */
#ifndef LYCEUM_DISTILL_PROBE_H
#define LYCEUM_DISTILL_PROBE_H

#include "distill/job.h"

typedef struct lyc__probe lyc__probe;

LYC_MUST_USE lyc_status lyc__probe_open(lyc__probe **out, lyc__job *job, lyc_error *err);
void lyc__probe_close(lyc__probe *probe); /* abandons what is in flight; NULL is fine */
/* What came of a probe in flight is part of the run's state: settle before it is saved. */
LYC_MUST_USE lyc_status lyc__probe_register(lyc__probe *probe, lyc_state *state, lyc_error *err);
/* Waits until nothing runs, helping; the outcome is kept until it teaches. */
LYC_MUST_USE lyc_status lyc__probe_settle(lyc__probe *probe, lyc_error *err);

/* Between the decision and the student's update on a batch: learns from the probe that is due, into `record`,
 * and begins the one that is. A probe that could not teach before the run ends is not begun. */
LYC_MUST_USE lyc_status lyc__probe_step(lyc__probe *probe, const lyc_decision_input *input,
                                        lyc__step_record *record, lyc_error *err);

#endif

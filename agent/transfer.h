/* A policy from another run: to go on from, or to use as it is. */
#ifndef LYC_AGENT_TRANSFER_H
#define LYC_AGENT_TRANSFER_H

#include "agent/learned.h"

/* What a policy is and looks at, as a text that must be equal where it is used: network, width, features,
 * action, granularity, and the number of teachers where the network depends on it. Lives as long as the
 * strategy. */
LYC_MUST_USE lyc_status lyc__policy_identity(lyc_strategy *self, const lyc_agent_options *options,
                                             const char **out, lyc_error *err);

/* Takes the policy, its statistics of features and its optimiser from a checkpoint file or a run directory;
 * the rest (baseline, size of the rewards, open intervals) belongs to the run that it came from. Sets
 * self->origin. Errors as lyc_state_load_part; LYC_EMISMATCH when identities differ, with both. */
LYC_MUST_USE lyc_status lyc__policy_take(lyc_strategy *self, const char *path, lyc_error *err);

#endif

/* `frozen:<checkpoint>`: a policy that was learned elsewhere, with the statistics of features that it learned
 * with. Nothing of it changes; the student follows its mean or its greedy choice, as agent.teach says. */
#include "agent/transfer.h"

static lyc_status create(lyc_strategy *self, const lyc_agent_options *options, const char *argument,
                         lyc_error *err) {
    lyc_agent_options still = *options;
    still.init = NULL;
    still.credit.kind = LYC_CREDIT_PROBE; /* decides without drawing */
    still.credit.steps = 1;
    still.warmup = 0.0;
    LYC_TRY(lyc__learned_create(self, &still, "", err));
    lyc__learned_of(self)->frozen = true;
    return lyc__policy_take(self, argument, err);
}

const lyc__strategy_kind lyc__strategy_frozen = {
    .name = "frozen:<checkpoint>",
    .doc = "a learned policy from a checkpoint or a run, no longer learning",
    .needs_teachers = true,
    .create = create,
    .decide = lyc__learned_decide,
    .observation_size = lyc__learned_observation_size,
    .observation_name = lyc__learned_observation_name,
    .decides_rows = lyc__learned_decides_rows,
};

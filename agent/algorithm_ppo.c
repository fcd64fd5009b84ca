/* `ppo` (Schulman et al. 2017, arXiv 1707.06347): the advantages of a2c, used for several ascents of
 *     min(ratio A, clip(ratio, 1 - c, 1 + c) A),   ratio = pi(a) / pi_old(a)
 * so that a probability that has moved by more than c in the direction of its credit moves no further. */
#include "agent/on_policy.h"

static void learn_reward(lyc__learner *self, double reward, lyc_feedback *out) {
    lyc__on_policy_learn(self, reward, self->discount, self->lambda, self->epochs, out);
}

const lyc__algorithm_kind lyc__algorithm_ppo = {
    .name = "ppo",
    .doc = "a2c with several passes over an interval, held near the policy that acted",
    .credit = LYC_CREDIT_ON_POLICY,
    .acts = true,
    .create = lyc__on_policy_create,
    .ready = lyc__on_policy_ready,
    .begin = lyc__on_policy_begin,
    .remember = lyc__on_policy_remember,
    .learn_reward = learn_reward,
};

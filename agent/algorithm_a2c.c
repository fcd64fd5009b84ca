/* `a2c`, an actor with the critic's generalised advantages (Mnih et al. 2016, arXiv 1602.01783; Schulman et
 * al. 2016, arXiv 1506.02438): decisions further from the reward are credited with less of it, and with what
 * the baseline says of the batches in between. */
#include "agent/on_policy.h"

static void learn_reward(lyc__learner *self, double reward, lyc_feedback *out) {
    lyc__on_policy_learn(self, reward, self->discount, self->lambda, 1, out);
}

const lyc__algorithm_kind lyc__algorithm_a2c = {
    .name = "a2c",
    .doc = "advantages by discount and lambda over the interval, else as reinforce",
    .credit = LYC_CREDIT_ON_POLICY,
    .acts = true,
    .create = lyc__on_policy_create,
    .ready = lyc__on_policy_ready,
    .begin = lyc__on_policy_begin,
    .remember = lyc__on_policy_remember,
    .learn_reward = learn_reward,
};

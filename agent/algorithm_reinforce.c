/* `reinforce` (Williams 1992): the sampled actions taught the student; the reward of their interval, less a
 * learned baseline and in units of its running size, credits all of them alike. */
#include "agent/on_policy.h"

void lyc__reinforce_credit(const lyc__action_law *law, const lyc__heads *heads, const lyc_action *action,
                           double advantage, lyc__heads *gradient) {
    lyc__action_log_prob_gradient(law, heads, action, advantage, gradient);
}

static void learn_reward(lyc__learner *self, double reward, lyc_feedback *out) {
    lyc__on_policy_learn(self, reward, 1.0, 1.0, 1, out);
}

const lyc__algorithm_kind lyc__algorithm_reinforce = {
    .name = "reinforce",
    .doc = "REINFORCE with a learned baseline, on actions that taught the student",
    .credit = LYC_CREDIT_ON_POLICY,
    .acts = true,
    .create = lyc__on_policy_create,
    .ready = lyc__on_policy_ready,
    .begin = lyc__on_policy_begin,
    .remember = lyc__on_policy_remember,
    .learn_reward = learn_reward,
};

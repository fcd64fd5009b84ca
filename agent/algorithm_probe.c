/* `probe`: two sampled actions were tried on clones of the student and measured on the same held-out samples.
 * The difference of their rewards, in units of its running size, credits one against the other
 * (docs/credit.md). */
#include <string.h>

#include "agent/algorithm.h"

/* self->own: the observation [observation_size] that the pair was drawn at. */

static lyc_status create(lyc__learner *self, lyc_strategy *strategy, lyc_error *err) {
    double *observation;
    LYC_TRY(LYC__STRATEGY_NEW(strategy, observation, self->observation_size, err));
    lyc__strategy_keep(strategy, "agent/probe_observation", LYC_TYPE_F64, observation,
                       self->observation_size);
    self->own = observation;
    return LYC_OK;
}

static void remember(const lyc__learner *self, size_t row, const double *observation,
                     const lyc_action *action) {
    (void)row;
    (void)action;
    memcpy(self->own, observation, self->observation_size * sizeof *observation);
}

void lyc__probe_credit(const lyc__action_law *law, const lyc__heads *heads, const lyc_action *a,
                       const lyc_action *b, double advantage, lyc__heads *gradient) {
    lyc__action_log_prob_gradient(law, heads, a, 0.5 * advantage, gradient);
    lyc__action_log_prob_gradient(law, heads, b, -0.5 * advantage, gradient);
}

static void learn_pair(lyc__learner *self, const lyc_action *a, const lyc_action *b, double reward_a,
                       double reward_b, lyc_feedback *out) {
    double difference = reward_a - reward_b;
    lyc__heads raw, heads, credit = {0};
    if (!lyc__action_equal(&self->law, a, b)) lyc__scale_push(self->scale, difference);
    double advantage = lyc__scale_apply(self->scale, difference, self->clip);
    lyc__learner_forward(self, self->own, &raw, &heads);
    lyc__probe_credit(&self->law, &heads, a, b, advantage, &credit);
    lyc__learner_start(self);
    lyc__learner_add(self, self->own, &raw, &heads, self->entropy, &credit);
    *out = (lyc_feedback){.advantage = advantage, .gradient_norm = lyc__learner_finish(self)};
}

/* The first trial is credited with the advantage, the second with its opposite, half each as in a pair of
 * single actions; each decision at the observation that it was made at, since two clones soon see different
 * things. */
void lyc__probe_learn_trials(lyc__learner *self, const lyc__memory *a, const lyc__memory *b, double reward_a,
                             double reward_b, lyc_feedback *out) {
    double difference = reward_a - reward_b;
    const lyc__memory *const trials[] = {a, b};
    if (!lyc__memory_equal(a, b)) lyc__scale_push(self->scale, difference);
    double advantage = lyc__scale_apply(self->scale, difference, self->clip);
    lyc__learner_start(self);
    for (int i = 0; i < 2; i++) {
        lyc__share share =
            lyc__learner_share(self, i == 0 ? advantage : -advantage, lyc__memory_decisions(trials[i]));
        share.credit *= 0.5;
        share.entropy *= 0.5;
        for (size_t at = 0; at < *trials[i]->count; at++)
            lyc__learner_add_batch(self, trials[i], at, share, NULL);
    }
    *out = (lyc_feedback){.advantage = advantage, .gradient_norm = lyc__learner_finish(self)};
}

const lyc__algorithm_kind lyc__algorithm_probe = {
    .name = "probe",
    .doc = "difference of two sampled actions, each tried on a clone of the student",
    .credit = LYC_CREDIT_PROBE,
    .create = create,
    .remember = remember,
    .learn_pair = learn_pair,
};

/* `reinforce` (Williams 1992): the sampled actions taught the student; the reward of their interval, less a
 * learned baseline and in units of its running size, credits all of them alike. */
#include <string.h>

#include "agent/algorithm.h"
#include "agent/value.h"

/* The open interval: every decision since the last reward. */
typedef struct memory {
    uint64_t *count;
    double *observation; /* [interval][observation_size] */
    uint8_t *select;     /* [interval][teachers] */
    double *score;       /* [interval][teachers] */
    double *w, *scratch; /* the baseline's parameters; [2 size] */
} memory;

static lyc_status create(lyc__learner *self, lyc_strategy *strategy, lyc_error *err) {
    size_t teachers = (size_t)self->shape.teachers, interval = self->interval;
    size_t value_size = lyc__value_size(&self->shape);
    memory *own;
    LYC_TRY(LYC__STRATEGY_NEW(strategy, own, 1, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, own->count, 1, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, own->observation, interval * self->observation_size, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, own->select, interval * teachers, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, own->score, interval * teachers, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, own->w, value_size, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, own->scratch, 2 * value_size, err));
    lyc__strategy_keep(strategy, "agent/interval_count", LYC_TYPE_U64, own->count, 1);
    lyc__strategy_keep(strategy, "agent/interval_observation", LYC_TYPE_F64, own->observation,
                       interval * self->observation_size);
    lyc__strategy_keep(strategy, "agent/interval_select", LYC_TYPE_U8, own->select, interval * teachers);
    lyc__strategy_keep(strategy, "agent/interval_score", LYC_TYPE_F64, own->score, interval * teachers);
    lyc__strategy_keep(strategy, "agent/value", LYC_TYPE_F64, own->w, value_size);
    self->own = own;
    return LYC_OK;
}

static lyc_status ready(const lyc__learner *self, lyc_error *err) {
    const memory *own = self->own;
    if (*own->count < self->interval) return LYC_OK;
    LYC_FAIL(err, LYC_EINTERNAL,
             "decide: %zu decisions wait for a reward, more than agent.credit.steps allows", self->interval);
}

static double remember(lyc__learner *self, const double *observation, const lyc_action *action) {
    memory *own = self->own;
    size_t at = (size_t)*own->count, teachers = (size_t)self->shape.teachers;
    memcpy(own->observation + at * self->observation_size, observation,
           self->observation_size * sizeof *observation);
    memcpy(own->select + at * teachers, action->select, teachers * sizeof action->select[0]);
    memcpy(own->score + at * teachers, action->score, teachers * sizeof action->score[0]);
    *own->count += 1;
    return lyc__value_forward(&self->shape, own->w, observation, own->scratch);
}

void lyc__reinforce_credit(const lyc__action_law *law, const lyc__heads *heads, const lyc_action *action,
                           double advantage, lyc__heads *gradient) {
    lyc__action_log_prob_gradient(law, heads, action, advantage, gradient);
}

/* Adds the gradient of decision `at` of the interval; returns its normalised advantage. */
static double add_decision(lyc__learner *self, size_t at, double reward) {
    const memory *own = self->own;
    size_t teachers = (size_t)self->shape.teachers;
    const double *observation = own->observation + at * self->observation_size;
    lyc_action action = {0};
    lyc__heads raw, heads, credit = {0};
    memcpy(action.select, own->select + at * teachers, teachers * sizeof action.select[0]);
    memcpy(action.score, own->score + at * teachers, teachers * sizeof action.score[0]);
    double value = lyc__value_forward(&self->shape, own->w, observation, own->scratch);
    double advantage = lyc__scale_apply(self->scale, reward - value, self->clip);
    lyc__learner_forward(self, observation, &raw, &heads);
    lyc__reinforce_credit(&self->law, &heads, &action, advantage, &credit);
    lyc__learner_add(self, observation, &raw, &heads, &credit);
    return advantage;
}

/* The policy has not moved since the interval began, so the gradients at today's parameters are on policy. */
static void learn_reward(lyc__learner *self, double reward, lyc_feedback *out) {
    memory *own = self->own;
    size_t count = (size_t)*own->count;
    *out = (lyc_feedback){0};
    if (count == 0) return;
    double value = 0.0;
    for (size_t i = 0; i < count; i++)
        value += lyc__value_forward(&self->shape, own->w, own->observation + i * self->observation_size,
                                    own->scratch);
    lyc__scale_push(self->scale, reward - value / (double)count);
    lyc__learner_start(self);
    for (size_t i = 0; i < count; i++) out->advantage += add_decision(self, i, reward) / (double)count;
    out->gradient_norm = lyc__learner_finish(self);
    lyc__value_learn(&self->shape, own->w, own->observation, count, reward, own->scratch);
    *own->count = 0;
}

const lyc__algorithm_kind lyc__algorithm_reinforce = {
    .name = "reinforce",
    .doc = "REINFORCE with a learned baseline, on actions that taught the student",
    .credit = LYC_CREDIT_ON_POLICY,
    .acts = true,
    .create = create,
    .ready = ready,
    .remember = remember,
    .learn_reward = learn_reward,
};

/* `learned`: observation -> policy -> decision; rewards -> algorithm -> policy. */
#include <math.h>
#include <string.h>

#include "agent/learned.h"
#include "agent/value.h"

lyc__learned *lyc__learned_of(lyc_strategy *strategy) {
    return strategy->own;
}

/* ---- creation ------------------------------------------------------------------------------------ */

static lyc_status check(const lyc_agent_options *options, lyc_error *err) {
    const struct {
        const char *key;
        double value, least, most;
    } bounds[] = {
        {"action", options->action, LYC_ACTION_SELECT, LYC_ACTION_SELECT_WEIGHT},
        {"teach", options->teach, LYC_TEACH_MEAN, LYC_TEACH_GREEDY},
        {"network", options->network, LYC_AGENT_SHARED, LYC_AGENT_LOGITS},
        {"hidden", options->hidden, 1, 4096},
        {"learning_rate", options->learning_rate, 0, 10},
        {"entropy", options->entropy, 0, 1000},
        {"sigma", options->sigma, 1e-3, 1e3},
        {"clip", options->clip, 1e-3, 1e6},
        {"warmup", options->warmup, 0, 1},
        {"credit.kind", options->credit.kind, LYC_CREDIT_PROBE, LYC_CREDIT_ON_POLICY},
        {"credit.steps", options->credit.steps, 1, 1 << 20},
    };
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++)
        if (!(bounds[i].value >= bounds[i].least && bounds[i].value <= bounds[i].most))
            LYC_FAIL(err, LYC_ECONFIG, "agent.%s: %g is out of bounds; use %g to %g", bounds[i].key,
                     bounds[i].value, bounds[i].least, bounds[i].most);
    return LYC_OK;
}

static lyc_status create(lyc_strategy *self, const lyc_agent_options *options, const char *argument,
                         lyc_error *err) {
    (void)argument;
    LYC_TRY(check(options, err));
    lyc__learned *own;
    LYC_TRY(LYC__STRATEGY_NEW(self, own, 1, err));
    self->own = own;
    own->teach = options->teach;
    own->warmup = options->warmup;
    LYC_TRY(LYC__STRATEGY_NEW(self, self->weights, (size_t)self->facts.teachers, err));
    LYC_TRY(lyc__observation_create(&own->observe, self, err));
    size_t size = lyc__observation_size(&own->observe);
    LYC_TRY(LYC__STRATEGY_NEW(self, own->observation, size, err));
    lyc__strategy_keep(self, "agent/observation", LYC_TYPE_F64, own->observation, size);
    lyc__policy_shape shape = {
        .teachers = self->facts.teachers, .own = LYC__OWN, .global = LYC__GLOBAL, .hidden = options->hidden};
    return lyc__learner_create(&own->learner, self, options, shape, err);
}

static size_t observation_size(const lyc_strategy *self) {
    return lyc__observation_size(&((const lyc__learned *)self->own)->observe);
}

static const char *observation_name(const lyc_strategy *self, size_t index) {
    return ((const lyc__learned *)self->own)->observe.names[index];
}

/* ---- deciding ------------------------------------------------------------------------------------ */

static void draw_action(lyc__learned *own, const lyc_decision_input *input, const lyc__heads *heads, int draw,
                        lyc_action *out) {
    lyc_random random = lyc_random_start((lyc_random_key){.seed = input->seed,
                                                          .purpose = LYC_PURPOSE_ACTION,
                                                          .epoch = input->epoch,
                                                          .step = input->step,
                                                          .sample = (uint32_t)draw});
    lyc__action_sample(&own->learner.law, heads, &random, out);
}

/* Everybody, alike. Nothing was drawn, so nothing is remembered that a reward could credit. */
static void choose_all(int teachers, lyc_action *action) {
    *action = (lyc_action){.log_prob = (double)NAN};
    for (int k = 0; k < teachers; k++) {
        action->select[k] = 1;
        action->weight[k] = (float)(1.0 / teachers);
    }
}

/* The action that teaches. With teach = mean its weights are the policy's means over all teachers, while
 * `select` and the log-probability stay those of the greedy set. */
static void choose(lyc_strategy *self, const lyc_decision_input *input, const lyc__heads *heads,
                   lyc_action *action, double *value) {
    lyc__learned *own = self->own;
    lyc__learner *learner = &own->learner;
    if (learner->algorithm->acts && !self->greedy) {
        draw_action(own, input, heads, 0, action);
        *value = learner->algorithm->remember(learner, own->observation, action);
        return;
    }
    lyc__action_greedy(&learner->law, heads, action);
    if (own->teach == LYC_TEACH_GREEDY || self->greedy) return;
    double mean[LYC_MAX_TEACHERS];
    lyc__action_mean_weights(&learner->law, heads, mean);
    for (int k = 0; k < self->facts.teachers; k++) action->weight[k] = (float)mean[k];
}

static lyc_status decide(lyc_strategy *self, const lyc_decision_input *input, lyc_decision *out,
                         lyc_error *err) {
    lyc__learned *own = self->own;
    lyc__learner *learner = &own->learner;
    size_t teachers = (size_t)self->facts.teachers;
    lyc__heads heads;
    lyc_action action;
    if (learner->algorithm->ready != NULL && !self->greedy) LYC_TRY(learner->algorithm->ready(learner, err));
    LYC_TRY(lyc__observation_build(&own->observe, input, !self->greedy, own->observation, err));
    lyc__learner_forward(learner, own->observation, NULL, &heads);
    if (input->progress < own->warmup && !self->greedy) choose_all(self->facts.teachers, &action);
    else choose(self, input, &heads, &action, &out->value);
    memcpy(self->weights, action.weight, teachers * sizeof self->weights[0]);
    memcpy(out->mean_weight, action.weight, teachers * sizeof out->mean_weight[0]);
    memcpy(out->select, action.select, teachers * sizeof out->select[0]);
    out->weights = self->weights;
    out->observation = own->observation;
    out->log_prob = action.log_prob;
    out->entropy = lyc__action_entropy(&learner->law, &heads);
    return LYC_OK;
}

/* ---- learning ------------------------------------------------------------------------------------ */

static void sample(lyc_strategy *self, const lyc_decision_input *input, int draw, lyc_action *out) {
    lyc__learned *own = self->own;
    lyc__heads heads;
    lyc__learner_forward(&own->learner, own->observation, NULL, &heads);
    draw_action(own, input, &heads, draw, out);
    if (!own->learner.algorithm->acts) own->learner.algorithm->remember(&own->learner, own->observation, out);
}

static lyc_status wrong_credit(const lyc__learner *learner, lyc_error *err) {
    LYC_FAIL(err, LYC_EINTERNAL, "credit %s learns %s", learner->algorithm->name,
             learner->algorithm->acts ? "from the reward of an interval, not from a pair"
                                      : "from a pair of rewards, not from one");
}

static lyc_status learn_pair(lyc_strategy *self, const lyc_action *a, const lyc_action *b, double reward_a,
                             double reward_b, lyc_feedback *out, lyc_error *err) {
    lyc__learned *own = self->own;
    if (own->learner.algorithm->learn_pair == NULL) return wrong_credit(&own->learner, err);
    own->learner.algorithm->learn_pair(&own->learner, a, b, reward_a, reward_b, out);
    if (!lyc__action_equal(&own->learner.law, a, b))
        lyc__observation_set_reward(&own->observe, 0.5 * (reward_a + reward_b));
    return LYC_OK;
}

static lyc_status learn_reward(lyc_strategy *self, double reward, lyc_feedback *out, lyc_error *err) {
    lyc__learned *own = self->own;
    if (own->learner.algorithm->learn_reward == NULL) return wrong_credit(&own->learner, err);
    own->learner.algorithm->learn_reward(&own->learner, reward, out);
    lyc__observation_set_reward(&own->observe, reward);
    return LYC_OK;
}

const lyc__strategy_kind lyc__strategy_learned = {
    .name = "learned",
    .doc = "a policy that learns from the student's held-out improvement",
    .learns = true,
    .needs_teachers = true,
    .create = create,
    .decide = decide,
    .observation_size = observation_size,
    .observation_name = observation_name,
    .sample = sample,
    .learn_pair = learn_pair,
    .learn_reward = learn_reward,
};

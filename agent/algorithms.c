#include <math.h>
#include <string.h>

#include "agent/algorithm.h"

const lyc__algorithm_kind *const lyc__algorithm_kinds[] = {&lyc__algorithm_probe, &lyc__algorithm_reinforce,
                                                           &lyc__algorithm_a2c, &lyc__algorithm_ppo, NULL};

/* Those on policy are in the order of lyc_on_policy_algorithm. */
static const lyc__algorithm_kind *algorithm_of(const lyc_agent_options *options) {
    const lyc__algorithm_kind *const *row = lyc__algorithm_kinds;
    while (*row != NULL && (*row)->credit != options->credit.kind) row++;
    return options->credit.kind == LYC_CREDIT_ON_POLICY ? row[options->on_policy.algorithm] : *row;
}

static lyc_status make_optimizer(lyc__learner *self, lyc_strategy *strategy, lyc_error *err) {
    LYC_TRY(LYC__STRATEGY_NEW(strategy, self->adam.m, self->size, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, self->adam.v, self->size, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, self->adam.steps, 1, err));
    lyc__strategy_keep(strategy, "agent/adam_m", LYC_TYPE_F64, self->adam.m, self->size);
    lyc__strategy_keep(strategy, "agent/adam_v", LYC_TYPE_F64, self->adam.v, self->size);
    lyc__strategy_keep(strategy, "agent/adam_steps", LYC_TYPE_U64, self->adam.steps, 1);
    return LYC_OK;
}

lyc_status lyc__learner_create(lyc__learner *self, lyc_strategy *strategy, const lyc_agent_options *options,
                               lyc__policy_shape shape, lyc_error *err) {
    *self = (lyc__learner){.algorithm = algorithm_of(options),
                           .policy = lyc__policy_kinds[options->network],
                           .shape = shape,
                           .law = lyc__action_law_of(options, shape.teachers),
                           .learning_rate = options->learning_rate,
                           .entropy = options->entropy,
                           .clip = options->clip,
                           .discount = options->on_policy.discount,
                           .lambda = options->on_policy.lambda,
                           .ratio_clip = options->on_policy.clip,
                           .epochs = options->on_policy.epochs,
                           .interval = (size_t)options->credit.steps,
                           .rows = options->granularity == LYC_GRANULARITY_INSTANCE ? strategy->max_rows : 1};
    self->size = self->policy->size(&shape);
    self->observation_size = (size_t)shape.teachers * (size_t)shape.own + (size_t)shape.global;
    LYC_TRY(LYC__STRATEGY_NEW(strategy, self->params, self->size, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, self->gradient, self->size, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, self->workspace, self->policy->workspace(&shape), err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, self->scale, 1, err));
    self->policy->init(&shape, strategy->seed, self->params);
    lyc__strategy_keep(strategy, "agent/policy", LYC_TYPE_F64, self->params, self->size);
    lyc__strategy_keep(strategy, "agent/scale", LYC_TYPE_F64, self->scale,
                       sizeof *self->scale / sizeof(double));
    LYC_TRY(make_optimizer(self, strategy, err));
    return self->algorithm->create(self, strategy, err);
}

void lyc__learner_heads(const lyc__learner *self, const double *observation, double *workspace,
                        lyc__heads *raw, lyc__heads *heads) {
    self->policy->forward(&self->shape, self->params, observation, workspace, heads);
    lyc__policy_centre(heads, self->shape.teachers);
    if (raw != NULL) *raw = *heads;
    lyc__policy_floor(heads, self->shape.teachers, heads);
}

void lyc__learner_forward(lyc__learner *self, const double *observation, lyc__heads *raw, lyc__heads *heads) {
    lyc__learner_heads(self, observation, self->workspace, raw, heads);
}

void lyc__learner_start(lyc__learner *self) {
    memset(self->gradient, 0, self->size * sizeof *self->gradient);
}

static void add_heads(lyc__heads *to, const lyc__heads *from, int teachers) {
    for (int k = 0; k < teachers; k++) {
        to->select[k] += from->select[k];
        to->score[k] += from->score[k];
    }
}

void lyc__learner_add(lyc__learner *self, const double *observation, const lyc__heads *raw,
                      const lyc__heads *heads, double entropy, lyc__heads *credit) {
    lyc__heads bonus = {0};
    lyc__action_entropy_gradient(&self->law, heads, entropy, &bonus);
    lyc__policy_floor_backward(raw, self->shape.teachers, credit, &bonus);
    add_heads(credit, &bonus, self->shape.teachers);
    lyc__policy_centre(credit, self->shape.teachers);
    self->policy->backward(&self->shape, self->params, observation, self->workspace, credit, self->gradient);
}

double lyc__learner_finish(lyc__learner *self) {
    double square = 0.0;
    for (size_t i = 0; i < self->size; i++) square += self->gradient[i] * self->gradient[i];
    lyc__policy_adam_ascend(&self->adam, self->params, self->gradient, self->size, self->learning_rate);
    return sqrt(square);
}

lyc__share lyc__learner_share(const lyc__learner *self, double advantage, size_t decisions) {
    double count = (double)decisions;
    return (lyc__share){.credit = advantage / sqrt(count), .entropy = self->entropy / count};
}

/* The slope of ppo's surrogate min(ratio A, clip(ratio) A) in log pi. */
static double surrogate(const lyc__learner *self, const lyc__heads *heads, const lyc_action *action,
                        double credit, double old_log_prob) {
    double ratio = exp(lyc__action_log_prob(&self->law, heads, action) - old_log_prob);
    bool clipped = credit > 0.0 ? ratio > 1.0 + self->ratio_clip : ratio < 1.0 - self->ratio_clip;
    return clipped ? 0.0 : ratio * credit;
}

void lyc__learner_add_batch(lyc__learner *self, const lyc__memory *memory, size_t at, lyc__share share,
                            const double *old_log_prob) {
    for (size_t row = 0; row < memory->filled[at]; row++) {
        lyc_action action;
        lyc__heads raw, heads, gradient = {0};
        double credit = share.credit;
        const double *observation = lyc__memory_get(memory, at, row, &action);
        lyc__learner_forward(self, observation, &raw, &heads);
        if (old_log_prob != NULL) credit = surrogate(self, &heads, &action, credit, old_log_prob[row]);
        lyc__reinforce_credit(&self->law, &heads, &action, credit, &gradient);
        lyc__learner_add(self, observation, &raw, &heads, share.entropy, &gradient);
    }
}

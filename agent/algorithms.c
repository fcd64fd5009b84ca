#include <math.h>
#include <string.h>

#include "agent/algorithm.h"

const lyc__algorithm_kind *const lyc__algorithm_kinds[] = {&lyc__algorithm_probe, &lyc__algorithm_reinforce,
                                                           NULL};

static const lyc__algorithm_kind *algorithm_of(lyc_credit_kind credit) {
    const lyc__algorithm_kind *const *row = lyc__algorithm_kinds;
    while (*row != NULL && (*row)->credit != credit) row++;
    return *row;
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
    *self = (lyc__learner){.algorithm = algorithm_of(options->credit.kind),
                           .policy = lyc__policy_kinds[options->network],
                           .shape = shape,
                           .law = lyc__action_law_of(options, shape.teachers),
                           .learning_rate = options->learning_rate,
                           .entropy = options->entropy,
                           .clip = options->clip,
                           .interval = (size_t)options->credit.steps};
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

void lyc__learner_forward(lyc__learner *self, const double *observation, lyc__heads *raw, lyc__heads *heads) {
    self->policy->forward(&self->shape, self->params, observation, self->workspace, heads);
    lyc__policy_centre(heads, self->shape.teachers);
    if (raw != NULL) *raw = *heads;
    lyc__policy_floor(heads, self->shape.teachers, heads);
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
                      const lyc__heads *heads, lyc__heads *credit) {
    lyc__heads entropy = {0};
    lyc__action_entropy_gradient(&self->law, heads, self->entropy, &entropy);
    lyc__policy_floor_backward(raw, self->shape.teachers, credit, &entropy);
    add_heads(credit, &entropy, self->shape.teachers);
    lyc__policy_centre(credit, self->shape.teachers);
    self->policy->backward(&self->shape, self->params, observation, self->workspace, credit, self->gradient);
}

double lyc__learner_finish(lyc__learner *self) {
    double square = 0.0;
    for (size_t i = 0; i < self->size; i++) square += self->gradient[i] * self->gradient[i];
    lyc__policy_adam_ascend(&self->adam, self->params, self->gradient, self->size, self->learning_rate);
    return sqrt(square);
}

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
                           .limit = lyc__policy_limit(options->exploration_floor),
                           .learning_rate = options->learning_rate,
                           .lr_fraction = 1.0,
                           .entropy = options->entropy,
                           .clip = options->clip,
                           .discount = options->on_policy.discount,
                           .lambda = options->on_policy.lambda,
                           .ratio_clip = options->on_policy.clip,
                           .epochs = options->on_policy.epochs,
                           .interval = (size_t)options->credit.steps,
                           .rows = options->granularity == LYC_GRANULARITY_INSTANCE ? strategy->max_rows : 1};
    self->size = self->policy->size(&shape);
    self->observation_size = lyc__policy_observation_size(&shape);
    LYC_TRY(LYC__STRATEGY_NEW(strategy, self->params, self->size, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, self->gradient, self->size, err));
    LYC_TRY(lyc__lots_create(&self->lots, strategy, self->policy, &shape, self->rows, err));
    self->workspace = self->lots.workspace;
    if (self->lots.count > 1)
        LYC_TRY(LYC__STRATEGY_NEW(strategy, self->lot_gradients, self->lots.count * self->size, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, self->scale, 1, err));
    self->policy->init(&shape, strategy->seed, self->params);
    lyc__strategy_keep(strategy, "agent/policy", LYC_TYPE_F64, self->params, self->size);
    lyc__strategy_keep(strategy, "agent/scale", LYC_TYPE_F64, self->scale,
                       sizeof *self->scale / sizeof(double));
    LYC_TRY(make_optimizer(self, strategy, err));
    return self->algorithm->create(self, strategy, err);
}

void lyc__learner_heads(const lyc__learner *self, const double *observations, size_t rows, double *workspace,
                        lyc__heads *raw, lyc__heads *heads) {
    self->policy->forward(&self->shape, self->params, observations, rows, workspace, heads);
    for (size_t row = 0; row < rows; row++) {
        lyc__policy_centre(&heads[row], self->shape.teachers);
        if (raw != NULL) raw[row] = heads[row];
        lyc__policy_floor(&heads[row], self->shape.teachers, self->limit, &heads[row]);
    }
}

void lyc__learner_forward(lyc__learner *self, const double *observation, lyc__heads *raw, lyc__heads *heads) {
    lyc__learner_heads(self, observation, 1, self->workspace, raw, heads);
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

/* Credit in the heads becomes, with the entropy bonus and through the floor, a gradient in the network's
 * outputs. */
static void complete_slope(const lyc__learner *self, const lyc__heads *raw, const lyc__heads *heads,
                           double entropy, lyc__heads *credit) {
    lyc__heads bonus = {0};
    lyc__action_entropy_gradient(&self->law, heads, entropy, &bonus);
    lyc__policy_floor_backward(raw, self->shape.teachers, self->limit, credit, &bonus);
    add_heads(credit, &bonus, self->shape.teachers);
    lyc__policy_centre(credit, self->shape.teachers);
}

void lyc__learner_add(lyc__learner *self, const double *observation, const lyc__heads *raw,
                      const lyc__heads *heads, double entropy, lyc__heads *credit) {
    complete_slope(self, raw, heads, entropy, credit);
    self->policy->backward(&self->shape, self->params, observation, 1, self->workspace, credit,
                           self->gradient);
}

double lyc__learner_finish(lyc__learner *self) {
    double square = 0.0;
    for (size_t i = 0; i < self->size; i++) square += self->gradient[i] * self->gradient[i];
    lyc__policy_adam_ascend(&self->adam, self->params, self->gradient, self->size,
                            self->learning_rate * self->lr_fraction);
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

typedef struct batch {
    const lyc__learner *self;
    const lyc__memory *memory;
    size_t at;
    lyc__share share;
    const double *old_log_prob;
    double *gradients; /* [lots][size] */
} batch;

static void add_block(void *payload, size_t lot, size_t first, size_t count, double *workspace) {
    const batch *b = payload;
    const lyc__learner *self = b->self;
    lyc__heads raw[LYC__BLOCK_ROWS], heads[LYC__BLOCK_ROWS], slope[LYC__BLOCK_ROWS];
    lyc_action action;
    const double *observations = lyc__memory_get(b->memory, b->at, first, &action);
    lyc__learner_heads(self, observations, count, workspace, raw, heads);
    for (size_t i = 0; i < count; i++) {
        double credit = b->share.credit;
        (void)lyc__memory_get(b->memory, b->at, first + i, &action);
        if (b->old_log_prob != NULL)
            credit = surrogate(self, &heads[i], &action, credit, b->old_log_prob[first + i]);
        slope[i] = (lyc__heads){0};
        lyc__reinforce_credit(&self->law, &heads[i], &action, credit, &slope[i]);
        complete_slope(self, &raw[i], &heads[i], b->share.entropy, &slope[i]);
    }
    self->policy->backward(&self->shape, self->params, observations, count, workspace, slope,
                           b->gradients + lot * self->size);
}

static void add_up(double *to, const double *from, size_t size) {
    for (size_t i = 0; i < size; i++) to[i] += from[i];
}

void lyc__learner_add_batch(lyc__learner *self, const lyc__memory *memory, size_t at, lyc__share share,
                            const double *old_log_prob) {
    const size_t rows = (size_t)memory->filled[at], lots = lyc__lots_used(&self->lots, rows);
    double *gradients = lots > 1 ? self->lot_gradients : self->gradient;
    batch b = {self, memory, at, share, old_log_prob, gradients};
    if (lots > 1) memset(gradients, 0, lots * self->size * sizeof *gradients);
    lyc__lots_run(&self->lots, lots > 1 ? self->pool : NULL, self->priority, rows, add_block, &b);
    if (lots <= 1) return;
    for (size_t width = 1; width < lots; width *= 2)
        for (size_t i = 0; i + width < lots; i += 2 * width)
            add_up(gradients + i * self->size, gradients + (i + width) * self->size, self->size);
    add_up(self->gradient, gradients, self->size);
}

#include "agent/on_policy.h"

#include "agent/observation.h"
#include "agent/value.h"

lyc_status lyc__on_policy_create(lyc__learner *self, lyc_strategy *strategy, lyc_error *err) {
    size_t value_size = lyc__value_size(&self->shape), batches = self->interval;
    lyc__on_policy *own;
    LYC_TRY(LYC__STRATEGY_NEW(strategy, own, 1, err));
    own->memory = (lyc__memory){.batches = batches,
                                .rows = self->rows,
                                .observation_size = self->observation_size,
                                .teachers = (size_t)self->shape.teachers};
    LYC_TRY(lyc__memory_create(&own->memory, strategy, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, own->w, value_size, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, own->scratch, 2 * value_size, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, own->mean, self->observation_size, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, own->value, batches, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, own->advantage, batches, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, own->target, batches, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, own->old_log_prob, batches * self->rows, err));
    static const lyc__memory_names names = LYC__MEMORY_NAMES("agent/interval");
    lyc__memory_keep(&own->memory, &names, strategy);
    lyc__strategy_keep(strategy, "agent/value", LYC_TYPE_F64, own->w, value_size);
    self->own = own;
    return LYC_OK;
}

lyc_status lyc__on_policy_ready(const lyc__learner *self, lyc_error *err) {
    const lyc__on_policy *own = self->own;
    if (!lyc__memory_full(&own->memory)) return LYC_OK;
    LYC_FAIL(err, LYC_EINTERNAL,
             "decide: %zu decisions wait for a reward, more than agent.credit.steps allows", self->interval);
}

double lyc__on_policy_begin(lyc__learner *self, const double *observation, size_t rows) {
    lyc__on_policy *own = self->own;
    lyc__memory_open(&own->memory, rows);
    return lyc__value_forward(&self->shape, own->w, observation, own->scratch);
}

void lyc__on_policy_remember(const lyc__learner *self, size_t row, const double *observation,
                             const lyc_action *action) {
    const lyc__on_policy *own = self->own;
    lyc__memory_put(&own->memory, row, observation, action);
}

void lyc__on_policy_advantages(const lyc__learner *self, double reward, double discount, double lambda) {
    const lyc__on_policy *own = self->own;
    size_t count = (size_t)*own->memory.count;
    for (size_t i = 0; i < count; i++) {
        lyc__memory_mean(&own->memory, i, own->mean);
        own->value[i] = lyc__value_forward(&self->shape, own->w, own->mean, own->scratch);
    }
    double ahead = 0.0,
           next = reward; /* of the batch after this one: its advantage; what this one leads to */
    for (size_t i = count; i-- > 0;) {
        own->advantage[i] = next - own->value[i] + discount * lambda * ahead;
        own->target[i] = own->value[i] + own->advantage[i];
        ahead = own->advantage[i];
        next = discount * own->value[i];
    }
}

/* Into units of the running size, which their mean enters; returns the mean of what is left. */
static double normalise(lyc__learner *self) {
    lyc__on_policy *own = self->own;
    size_t count = (size_t)*own->memory.count;
    double raw = 0.0, mean = 0.0;
    for (size_t i = 0; i < count; i++) raw += own->advantage[i];
    lyc__scale_push(self->scale, raw / (double)count);
    for (size_t i = 0; i < count; i++) {
        own->advantage[i] = lyc__scale_apply(self->scale, own->advantage[i], self->clip);
        mean += own->advantage[i] / (double)count;
    }
    return mean;
}

/* A batch of the interval. */
typedef struct remembered {
    const lyc__learner *self;
    size_t at;
} remembered;

static void remember_block(void *payload, size_t lot, size_t first, size_t count, double *workspace) {
    (void)lot;
    const remembered *task = payload;
    const lyc__on_policy *own = task->self->own;
    lyc__heads heads[LYC__BLOCK_ROWS];
    lyc_action action;
    const double *observations = lyc__memory_get(&own->memory, task->at, first, &action);
    lyc__learner_heads(task->self, observations, count, workspace, NULL, heads);
    for (size_t i = 0; i < count; i++) {
        (void)lyc__memory_get(&own->memory, task->at, first + i, &action);
        own->old_log_prob[task->at * own->memory.rows + first + i] =
            lyc__action_log_prob(&task->self->law, &heads[i], &action);
    }
}

/* The policy has not moved since the interval began, so today's probabilities are those drawn with. */
static void remember_probabilities(const lyc__learner *self) {
    const lyc__on_policy *own = self->own;
    for (size_t at = 0; at < *own->memory.count; at++) {
        remembered task = {self, at};
        lyc__lots_run(&self->lots, own->memory.rows > 1 ? self->pool : NULL, self->priority,
                      (size_t)own->memory.filled[at], remember_block, &task);
    }
}

/* One ascent; old_log_prob [batches][rows] as lyc__learner_add_batch takes it, or NULL. */
static double ascend(lyc__learner *self, const double *old_log_prob) {
    const lyc__on_policy *own = self->own;
    const lyc__memory *memory = &own->memory;
    lyc__learner_start(self);
    for (size_t i = 0; i < *memory->count; i++) {
        lyc__share share = lyc__learner_share(self, own->advantage[i], (size_t)memory->filled[i]);
        lyc__learner_add_batch(self, memory, i, share,
                               old_log_prob == NULL ? NULL : old_log_prob + i * memory->rows);
    }
    return lyc__learner_finish(self);
}

void lyc__on_policy_learn(lyc__learner *self, double reward, double discount, double lambda, int epochs,
                          lyc_feedback *out) {
    lyc__on_policy *own = self->own;
    size_t count = (size_t)*own->memory.count;
    *out = (lyc_feedback){0};
    if (count == 0) return;
    lyc__on_policy_advantages(self, reward, discount, lambda);
    out->advantage = normalise(self);
    if (epochs > 1) remember_probabilities(self);
    out->gradient_norm = ascend(self, NULL);
    for (int epoch = 1; epoch < epochs; epoch++) (void)ascend(self, own->old_log_prob);
    for (size_t i = 0; i < count; i++) {
        lyc__memory_mean(&own->memory, i, own->mean);
        lyc__value_learn(&self->shape, own->w, own->mean, own->target[i], 1.0 / (double)count, own->scratch);
    }
    lyc__memory_clear(&own->memory);
}

/* `learned`: observation -> policy -> decision; rewards -> algorithm -> policy. */
#include <math.h>
#include <string.h>

#include "agent/transfer.h"

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
        {"granularity", options->granularity, LYC_GRANULARITY_BATCH, LYC_GRANULARITY_INSTANCE},
        {"network", options->network, LYC_AGENT_SHARED, LYC_AGENT_LOGITS},
        {"hidden", options->hidden, 1, 4096},
        {"learning_rate", options->learning_rate, 0, 10},
        {"entropy", options->entropy, 0, 1000},
        {"exploration_floor", options->exploration_floor, 1e-4, 0.49},
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

/* What deciding for every row needs beyond deciding for a batch. */
static lyc_status make_rows(lyc_strategy *self, lyc__learned *own, const lyc_agent_options *options,
                            lyc_error *err) {
    static const lyc__memory_names names[] = {LYC__MEMORY_NAMES("agent/trial_a"),
                                              LYC__MEMORY_NAMES("agent/trial_b")};
    size_t teachers = (size_t)self->facts.teachers;
    LYC_TRY(LYC__STRATEGY_NEW(self, own->mean, own->learner.observation_size, err));
    LYC_TRY(LYC__STRATEGY_NEW(self, own->select, self->max_rows * teachers, err));
    for (int draw = 0; draw < 2 && !own->learner.algorithm->acts; draw++) {
        LYC_TRY(lyc__trial_create(&own->trials[draw], self, own, err));
        if (options->credit.delay > 0) lyc__memory_keep(&own->trials[draw].memory, &names[draw], self);
    }
    return LYC_OK;
}

lyc_status lyc__learned_create(lyc_strategy *self, const lyc_agent_options *options, const char *argument,
                               lyc_error *err) {
    (void)argument;
    LYC_TRY(check(options, err));
    lyc__learned *own;
    LYC_TRY(LYC__STRATEGY_NEW(self, own, 1, err));
    self->own = own;
    own->teach = options->teach;
    own->warmup = options->warmup;
    own->by_row = options->granularity == LYC_GRANULARITY_INSTANCE;
    size_t rows = own->by_row ? self->max_rows : 1;
    LYC_TRY(LYC__STRATEGY_NEW(self, self->weights, rows * (size_t)self->facts.teachers, err));
    LYC_TRY(lyc__observation_create(&own->observe, self, err));
    size_t size = lyc__observation_size(&own->observe);
    LYC_TRY(LYC__STRATEGY_NEW(self, own->observation, rows * size, err));
    LYC_TRY(LYC__STRATEGY_NEW(self, own->log_prob, rows, err));
    LYC_TRY(LYC__STRATEGY_NEW(self, own->entropy, rows, err));
    if (!own->by_row) lyc__strategy_keep(self, "agent/observation", LYC_TYPE_F64, own->observation, size);
    lyc__policy_shape shape = {
        .teachers = self->facts.teachers, .own = LYC__OWN, .global = LYC__GLOBAL, .hidden = options->hidden};
    LYC_TRY(lyc__learner_create(&own->learner, self, options, shape, err));
    if (own->by_row) LYC_TRY(make_rows(self, own, options, err));
    LYC_TRY(lyc__policy_identity(self, options, &self->identity, err));
    return options->init == NULL ? LYC_OK : lyc__policy_take(self, options->init, err);
}

bool lyc__learned_decides_rows(const lyc_strategy *self) {
    return ((const lyc__learned *)self->own)->by_row;
}

size_t lyc__learned_observation_size(const lyc_strategy *self) {
    return lyc__observation_size(&((const lyc__learned *)self->own)->observe);
}

const char *lyc__learned_observation_name(const lyc_strategy *self, size_t index) {
    return ((const lyc__learned *)self->own)->observe.names[index];
}

/* ---- deciding ------------------------------------------------------------------------------------ */

/* `number`: of the draw at this batch, or twice that of the row. */
static void draw_action(const lyc__learned *own, const lyc_decision_input *input, const lyc__heads *heads,
                        size_t number, lyc_action *out) {
    lyc_random random = lyc_random_start((lyc_random_key){.seed = input->seed,
                                                          .purpose = LYC_PURPOSE_ACTION,
                                                          .epoch = input->epoch,
                                                          .step = input->step,
                                                          .sample = (uint32_t)number});
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

/* How the decisions of a batch are made. */
typedef enum manner { ALIKE, DRAWN, MEAN, GREEDY } manner;

static manner manner_of(const lyc_strategy *self, const lyc_decision_input *input) {
    const lyc__learned *own = self->own;
    if (self->greedy) return GREEDY;
    if (input->progress < own->warmup) return ALIKE;
    if (own->learner.algorithm->acts) return DRAWN;
    return own->teach == LYC_TEACH_GREEDY ? GREEDY : MEAN;
}

/* The action that teaches, for one row or for the batch, and the entropy there. With teach = mean its weights
 * are the policy's means over all teachers, while `select` and the log-probability stay those of the greedy
 * set. */
static void choose(const lyc_strategy *self, const lyc_decision_input *input, manner how, size_t row,
                   const double *observation, const lyc__heads *heads, double *entropy, lyc_action *action) {
    const lyc__learned *own = self->own;
    const lyc__learner *learner = &own->learner;
    double mean[LYC_MAX_TEACHERS];
    if (how == ALIKE || how == DRAWN) *entropy = lyc__action_entropy(&learner->law, heads);
    if (how == ALIKE) {
        choose_all(self->facts.teachers, action);
        return;
    }
    if (how == DRAWN) {
        draw_action(own, input, heads, 2 * row, action);
        learner->algorithm->remember(learner, row, observation, action);
        return;
    }
    lyc__action_greedy(&learner->law, heads, mean, entropy, action);
    if (how == GREEDY) return;
    for (int k = 0; k < self->facts.teachers; k++) action->weight[k] = (float)mean[k];
}

static lyc_status observe(lyc_strategy *self, const lyc_decision_input *input, lyc_decision *out,
                          lyc_error *err) {
    lyc__learned *own = self->own;
    out->observation = own->by_row ? own->mean : own->observation;
    bool update = !self->greedy && !own->frozen;
    if (!own->by_row) return lyc__observation_build(&own->observe, input, update, own->observation, err);
    LYC_TRY(lyc__observation_build_rows(&own->observe, input, update, own->observation, err));
    lyc__observation_mean(own->observation, input->rows, own->learner.observation_size, own->mean);
    return LYC_OK;
}

/* Per instance: the means over the rows, and whoever is selected on at least half of them, or on the most. */
static void summarise_rows(lyc_strategy *self, size_t rows, lyc_decision *out) {
    const lyc__learned *own = self->own;
    size_t teachers = (size_t)self->facts.teachers, count[LYC_MAX_TEACHERS] = {0}, most = 0;
    lyc__decision_by_row(self, rows, out);
    for (size_t i = 0; i < rows * teachers; i++) count[i % teachers] += own->select[i];
    for (size_t k = 0; k < teachers; k++) most = count[k] > most ? count[k] : most;
    for (size_t k = 0; k < teachers; k++) out->select[k] = 2 * count[k] >= rows || count[k] == most;
    out->row_select = own->select;
    out->entropy /= (double)rows;
}

/* A batch to decide on. */
typedef struct deciding {
    lyc_strategy *self;
    const lyc_decision_input *input;
    manner how;
    uint8_t *select; /* [decisions, teachers] */
} deciding;

static void decide_block(void *payload, size_t lot, size_t first, size_t count, double *workspace) {
    (void)lot;
    const deciding *task = payload;
    const lyc__learned *own = task->self->own;
    const lyc__learner *learner = &own->learner;
    const size_t teachers = (size_t)task->self->facts.teachers;
    lyc__heads heads[LYC__BLOCK_ROWS];
    lyc__learner_heads(learner, own->observation + first * learner->observation_size, count, workspace, NULL,
                       heads);
    for (size_t i = 0; i < count; i++) {
        const size_t row = first + i;
        lyc_action action;
        choose(task->self, task->input, task->how, row, own->observation + row * learner->observation_size,
               &heads[i], &own->entropy[row], &action);
        memcpy(task->self->weights + row * teachers, action.weight, teachers * sizeof action.weight[0]);
        memcpy(task->select + row * teachers, action.select, teachers * sizeof action.select[0]);
        own->log_prob[row] = action.log_prob;
    }
}

lyc_status lyc__learned_decide(lyc_strategy *self, const lyc_decision_input *input, lyc_decision *out,
                               lyc_error *err) {
    lyc__learned *own = self->own;
    lyc__learner *learner = &own->learner;
    size_t decisions = own->by_row ? input->rows : 1;
    if (learner->algorithm->ready != NULL && !self->greedy) LYC_TRY(learner->algorithm->ready(learner, err));
    LYC_TRY(observe(self, input, out, err));
    deciding task = {self, input, manner_of(self, input), own->by_row ? own->select : out->select};
    learner->pool = input->pool;
    learner->priority = input->priority;
    learner->lr_fraction = input->lr_fraction;
    if (task.how == DRAWN) out->value = learner->algorithm->begin(learner, out->observation, decisions);
    lyc__lots_run(&learner->lots, decisions > 1 ? input->pool : NULL, input->priority, decisions,
                  decide_block, &task);
    out->log_prob = out->entropy = 0.0;
    for (size_t row = 0; row < decisions; row++) {
        out->log_prob += own->log_prob[row];
        out->entropy += own->entropy[row];
    }
    out->weights = self->weights;
    if (own->by_row) summarise_rows(self, input->rows, out);
    else memcpy(out->mean_weight, self->weights, (size_t)self->facts.teachers * sizeof out->mean_weight[0]);
    return LYC_OK;
}

/* ---- learning ------------------------------------------------------------------------------------ */

static void sample(lyc_strategy *self, const lyc_decision_input *input, int draw, lyc_action *out) {
    lyc__learned *own = self->own;
    lyc__heads heads;
    if (own->by_row) {
        if (!own->learner.algorithm->acts) lyc__trial_start(&own->trials[draw], &own->observe, input);
        return;
    }
    lyc__learner_forward(&own->learner, own->observation, NULL, &heads);
    draw_action(own, input, &heads, (size_t)draw, out);
    if (!own->learner.algorithm->acts)
        own->learner.algorithm->remember(&own->learner, 0, own->observation, out);
}

static lyc_status follow(lyc_strategy *self, const lyc_decision_input *input, int draw, lyc_action *action,
                         lyc_taught *out, lyc_error *err) {
    lyc__learned *own = self->own;
    if (!own->by_row || own->learner.algorithm->acts) return LYC_OK;
    return lyc__trial_follow(&own->trials[draw], &own->learner, input, draw, action, out, err);
}

static lyc_status wrong_credit(const lyc__learner *learner, lyc_error *err) {
    LYC_FAIL(err, LYC_EINTERNAL, "credit %s learns %s", learner->algorithm->name,
             learner->algorithm->acts ? "from the reward of an interval, not from a pair"
                                      : "from a pair of rewards, not from one");
}

static lyc_status learn_pair(lyc_strategy *self, const lyc_action *a, const lyc_action *b, double reward_a,
                             double reward_b, lyc_feedback *out, lyc_error *err) {
    lyc__learned *own = self->own;
    lyc__learner *learner = &own->learner;
    const lyc__memory *first = &own->trials[0].memory, *second = &own->trials[1].memory;
    if (learner->algorithm->learn_pair == NULL) return wrong_credit(learner, err);
    if (own->by_row && (*first->count == 0 || *second->count == 0))
        LYC_FAIL(err, LYC_EINTERNAL, "learn_pair: a trial was not followed on any batch");
    bool equal = own->by_row ? lyc__memory_equal(first, second) : lyc__action_equal(&learner->law, a, b);
    if (own->by_row) lyc__probe_learn_trials(learner, first, second, reward_a, reward_b, out);
    else learner->algorithm->learn_pair(learner, a, b, reward_a, reward_b, out);
    if (!equal) lyc__observation_set_reward(&own->observe, 0.5 * (reward_a + reward_b));
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
    .create = lyc__learned_create,
    .decide = lyc__learned_decide,
    .observation_size = lyc__learned_observation_size,
    .observation_name = lyc__learned_observation_name,
    .decides_rows = lyc__learned_decides_rows,
    .sample = sample,
    .follow = follow,
    .learn_pair = learn_pair,
    .learn_reward = learn_reward,
};

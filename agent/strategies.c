#include <math.h>
#include <string.h>

#include "agent/strategy.h"
#include "base/suggest.h"

#define ARENA_CHUNK ((size_t)64 * 1024)

const lyc__strategy_kind *const lyc__strategy_kinds[] = {
    &lyc__strategy_none,          &lyc__strategy_single,         &lyc__strategy_best_single,
    &lyc__strategy_uniform,       &lyc__strategy_static,         &lyc__strategy_random_single,
    &lyc__strategy_random_subset, &lyc__strategy_validated,      &lyc__strategy_validated_accuracy,
    &lyc__strategy_logistic,      &lyc__strategy_confidence,     &lyc__strategy_entropy,
    &lyc__strategy_gradient,      &lyc__strategy_influence_full, &lyc__strategy_influence_last,
    &lyc__strategy_learned,       &lyc__strategy_frozen,
};
#define KINDS (sizeof lyc__strategy_kinds / sizeof lyc__strategy_kinds[0])

const char *lyc_strategy_name(size_t index) {
    return index < KINDS ? lyc__strategy_kinds[index]->name : NULL;
}

const char *lyc_strategy_doc(size_t index) {
    return index < KINDS ? lyc__strategy_kinds[index]->doc : NULL;
}

lyc_status lyc__strategy_allocate(lyc_strategy *self, void **out, size_t count, size_t size, const char *what,
                                  lyc_error *err) {
    *out = lyc_arena_alloc(self->arena, count, size);
    if (*out == NULL) LYC_FAIL(err, LYC_ENOMEM, "no memory for %zu x %zu bytes of %s", count, size, what);
    return LYC_OK;
}

void lyc__strategy_keep(lyc_strategy *self, const char *name, lyc_type type, void *data, size_t count) {
    self->kept[self->kept_count++] = (lyc__kept){.name = name, .type = type, .data = data, .count = count};
}

/* ---- creation ------------------------------------------------------------------------------------ */

/* "single:cnn" is a "single:<teacher>" with argument "cnn"; a name without a bracket is itself. */
static const char *argument_of(const lyc__strategy_kind *kind, const char *text) {
    size_t stem = strcspn(kind->name, "<");
    if (kind->name[stem] == '\0') return strcmp(kind->name, text) == 0 ? "" : NULL;
    return strncmp(kind->name, text, stem) == 0 && text[stem] != '\0' ? text + stem : NULL;
}

static lyc_status find_kind(const char *text, const lyc__strategy_kind **kind, const char **argument,
                            lyc_error *err) {
    const char *names[KINDS];
    char list[512] = "";
    for (size_t i = 0; i < KINDS; i++) {
        *kind = lyc__strategy_kinds[i];
        *argument = argument_of(*kind, text);
        if (*argument != NULL) return LYC_OK;
        names[i] = (*kind)->name;
        strcat(list, i == 0 ? "" : ", ");
        strcat(list, names[i]);
    }
    const char *near = lyc__nearest(text, names, KINDS);
    LYC_FAIL(err, LYC_ECONFIG, "agent.strategy: there is no strategy \"%s\"%s%s%s; valid are: %s", text,
             near == NULL ? "" : " (did you mean \"", near == NULL ? "" : near, near == NULL ? "" : "\"?)",
             list);
}

static lyc_status copy_numbers(lyc_strategy *self, const double **field, const double *from, size_t count,
                               lyc_error *err) {
    if (from == NULL) return LYC_OK;
    double *copy;
    LYC_TRY(LYC__STRATEGY_NEW(self, copy, count, err));
    for (size_t i = 0; i < count; i++) copy[i] = from[i];
    *field = copy;
    return LYC_OK;
}

static lyc_status copy_facts(lyc_strategy *self, const lyc_agent_facts *facts, lyc_error *err) {
    self->facts = *facts;
    const char **names;
    LYC_TRY(LYC__STRATEGY_NEW(self, names, (size_t)facts->teachers, err));
    self->facts.names = names;
    for (int k = 0; k < facts->teachers; k++) {
        names[k] = lyc_arena_strdup(self->arena, facts->names[k]);
        if (names[k] == NULL)
            LYC_FAIL(err, LYC_ENOMEM, "no memory for the name of teacher %s", facts->names[k]);
    }
    if (facts->teachers == 0) return LYC_OK;
    const size_t teachers = (size_t)facts->teachers, cells = teachers * (size_t)facts->classes;
    lyc_agent_facts *own = &self->facts;
    LYC_TRY(copy_numbers(self, &own->reward_ce, facts->reward_ce, teachers, err));
    LYC_TRY(copy_numbers(self, &own->reward_accuracy, facts->reward_accuracy, teachers, err));
    LYC_TRY(copy_numbers(self, &own->reward_ce_by_answer, facts->reward_ce_by_answer, cells, err));
    LYC_TRY(
        copy_numbers(self, &own->reward_accuracy_by_answer, facts->reward_accuracy_by_answer, cells, err));
    LYC_TRY(copy_numbers(self, &own->valid_ce, facts->valid_ce, teachers, err));
    return copy_numbers(self, &own->valid_accuracy, facts->valid_accuracy, teachers, err);
}

static lyc_status build(lyc_strategy *self, const lyc_agent_options *options, const char *argument,
                        const lyc_agent_facts *facts, lyc_error *err) {
    if (facts->teachers > LYC_MAX_TEACHERS)
        LYC_FAIL(err, LYC_ECONFIG, "teachers: %d are given, at most %d can be weighed; remove some",
                 facts->teachers, LYC_MAX_TEACHERS);
    if (facts->teachers < 1 && self->kind->needs_teachers)
        LYC_FAIL(err, LYC_ECONFIG,
                 "agent.strategy: %s needs teachers, and there are none; add some or use \"none\"",
                 self->kind->name);
    LYC_TRY(lyc_arena_create(&self->arena, ARENA_CHUNK, err));
    LYC_TRY(copy_facts(self, facts, err));
    LYC_TRY(self->kind->create(self, options, argument, err));
    self->facts.valid_log_prob = NULL; /* the caller's */
    return LYC_OK;
}

lyc_status lyc_strategy_create(lyc_strategy **out, const lyc_agent_options *options,
                               const lyc_agent_facts *facts, uint64_t seed, size_t max_rows, lyc_error *err) {
    *out = NULL;
    const lyc__strategy_kind *kind;
    const char *argument;
    LYC_TRY(find_kind(options->strategy, &kind, &argument, err));
    lyc_strategy *self;
    LYC_TRY(LYC_NEW_ARRAY(self, 1, err));
    *self = (lyc_strategy){.kind = kind, .seed = seed, .max_rows = max_rows};
    lyc_status status = build(self, options, argument, facts, err);
    if (status == LYC_OK) *out = self;
    else lyc_strategy_destroy(self);
    return status;
}

void lyc_strategy_destroy(lyc_strategy *strategy) {
    if (strategy == NULL) return;
    lyc_arena_destroy(strategy->arena);
    lyc_free(strategy);
}

/* ---- questions ------------------------------------------------------------------------------------ */

bool lyc_strategy_learns(const lyc_strategy *strategy) {
    return strategy->kind->learns;
}

lyc_influence lyc_strategy_influence(const lyc_strategy *strategy) {
    return strategy->kind->influence;
}

bool lyc_strategy_needs_teachers(const lyc_strategy *strategy) {
    return strategy->kind->needs_teachers;
}

size_t lyc_strategy_observation_size(const lyc_strategy *strategy) {
    return strategy->kind->observation_size == NULL ? 0 : strategy->kind->observation_size(strategy);
}

const char *lyc_strategy_observation_name(const lyc_strategy *strategy, size_t index) {
    return index < lyc_strategy_observation_size(strategy) ? strategy->kind->observation_name(strategy, index)
                                                           : NULL;
}

bool lyc_strategy_decides_rows(const lyc_strategy *strategy) {
    return strategy->kind->decides_rows != NULL && strategy->kind->decides_rows(strategy);
}

const char *lyc_strategy_origin(const lyc_strategy *strategy) {
    return strategy->origin;
}

/* ---- deciding and learning ------------------------------------------------------------------------ */

lyc_status lyc_strategy_decide(lyc_strategy *strategy, const lyc_decision_input *input, lyc_decision *out,
                               lyc_error *err) {
    if (input->rows == 0 || input->rows > strategy->max_rows)
        LYC_FAIL(err, LYC_EINTERNAL, "decide: a batch of %zu rows, but the strategy was made for 1 to %zu",
                 input->rows, strategy->max_rows);
    *out = (lyc_decision){
        .distils = true, .log_prob = (double)NAN, .entropy = (double)NAN, .value = (double)NAN};
    return strategy->kind->decide(strategy, input, out, err);
}

void lyc_strategy_sample(lyc_strategy *strategy, const lyc_decision_input *input, int draw, lyc_action *out) {
    *out = (lyc_action){0};
    if (strategy->kind->sample != NULL) strategy->kind->sample(strategy, input, draw, out);
}

lyc_status lyc_strategy_follow(lyc_strategy *strategy, const lyc_decision_input *input, int draw,
                               lyc_action *action, lyc_taught *out, lyc_error *err) {
    *out = (lyc_taught){.weights = action->weight};
    if (strategy->kind->follow == NULL) return LYC_OK;
    return strategy->kind->follow(strategy, input, draw, action, out, err);
}

static lyc_status cannot_learn(const lyc_strategy *strategy, lyc_error *err) {
    LYC_FAIL(err, LYC_EINTERNAL, "strategy %s was asked to learn, %s", strategy->kind->name,
             strategy->kind->learns ? "but acts greedily; switch that off first" : "but does not learn");
}

lyc_status lyc_strategy_learn_pair(lyc_strategy *strategy, const lyc_action *a, const lyc_action *b,
                                   double reward_a, double reward_b, lyc_feedback *out, lyc_error *err) {
    if (strategy->kind->learn_pair == NULL || strategy->greedy) return cannot_learn(strategy, err);
    if (!isfinite(reward_a) || !isfinite(reward_b))
        LYC_FAIL(err, LYC_ENUMERIC,
                 "the rewards of a probe are %g and %g; the student's held-out loss is not finite: lower "
                 "optimizer.lr",
                 reward_a, reward_b);
    return strategy->kind->learn_pair(strategy, a, b, reward_a, reward_b, out, err);
}

lyc_status lyc_strategy_learn_reward(lyc_strategy *strategy, double reward, lyc_feedback *out,
                                     lyc_error *err) {
    if (strategy->kind->learn_reward == NULL || strategy->greedy) return cannot_learn(strategy, err);
    if (!isfinite(reward))
        LYC_FAIL(
            err, LYC_ENUMERIC,
            "the reward of an interval is %g; the student's held-out loss is not finite: lower optimizer.lr",
            reward);
    return strategy->kind->learn_reward(strategy, reward, out, err);
}

void lyc_strategy_set_greedy(lyc_strategy *strategy, bool greedy) {
    strategy->greedy = greedy;
}

lyc_status lyc_strategy_register(lyc_strategy *strategy, lyc_state *state, lyc_error *err) {
    if (strategy->identity != NULL)
        LYC_TRY(lyc_state_require(state, "policy", strategy->identity, "resume with the same configuration",
                                  err));
    for (size_t i = 0; i < strategy->kept_count; i++) {
        const lyc__kept *kept = &strategy->kept[i];
        LYC_TRY(lyc_state_add(state, kept->name, kept->type, kept->data, kept->count, err));
    }
    return LYC_OK;
}

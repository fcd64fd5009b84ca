#include "agent/observation.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "agent/figures.h"
#include "base/argmax.h"
#include "lyceum/dataset.h"

_Static_assert((int)LYC__FEATURE_ce == LYC__ANSWER_CE && (int)LYC__FEATURE_kl == LYC__ANSWER_KL &&
                   (int)LYC__FEATURE_entropy == LYC__ANSWER_ENTROPY &&
                   (int)LYC__FEATURE_margin == LYC__ANSWER_MARGIN &&
                   (int)LYC__FEATURE_label == LYC__ANSWER_LABEL &&
                   (int)LYC__FEATURE_student == LYC__ANSWER_STUDENT,
               "a teacher's first features are the figures, in their order");

static const struct {
    const char *name;
    bool plain;
} features[LYC__FEATURES] = {
#define LYC__FEATURE_ROW(name, plain) {#name, plain},
    LYC__OWN_FEATURES(LYC__FEATURE_ROW) LYC__GLOBAL_FEATURES(LYC__FEATURE_ROW)
#undef LYC__FEATURE_ROW
};

size_t lyc__observation_size(const lyc__observation *self) {
    return (size_t)self->facts->teachers * LYC__OWN + LYC__GLOBAL;
}

/* ---- creation ------------------------------------------------------------------------------------ */

static lyc_status make_names(lyc__observation *self, lyc_strategy *strategy, lyc_error *err) {
    size_t size = lyc__observation_size(self), own = size - LYC__GLOBAL;
    LYC_TRY(LYC__STRATEGY_NEW(strategy, self->names, size, err));
    for (size_t i = 0; i < size; i++) {
        const char *whose = i < own ? self->facts->names[i / LYC__OWN] : "global";
        const char *what = features[i < own ? i % LYC__OWN : i - own + LYC__OWN].name;
        int length = snprintf(NULL, 0, "%s.%s", whose, what);
        char *name;
        LYC_TRY(LYC__STRATEGY_NEW(strategy, name, (size_t)length + 1, err));
        snprintf(name, (size_t)length + 1, "%s.%s", whose, what);
        self->names[i] = name;
    }
    return LYC_OK;
}

static double limited(double ce) {
    return ce > (double)LYC__CE_LIMIT ? (double)LYC__CE_LIMIT : ce;
}

static double reward_ce_of(const lyc_agent_facts *facts, int teacher) {
    return limited(facts->reward_ce[teacher]);
}

static lyc_status check_by_answer(const lyc_agent_facts *facts, lyc_error *err) {
    const double *ce = facts->reward_ce_by_answer, *accuracy = facts->reward_accuracy_by_answer;
    if ((ce == NULL) != (accuracy == NULL))
        LYC_FAIL(err, LYC_EUSAGE,
                 "of a teacher's answers cross-entropies and accuracies are given, or neither");
    for (int i = 0; ce != NULL && i < facts->teachers * facts->classes; i++)
        if (!isfinite(limited(ce[i])) || !isfinite(accuracy[i]))
            LYC_FAIL(err, LYC_ENUMERIC,
                     "teacher %s: its accuracy or cross-entropy on the rows of the reward split that it "
                     "answers %d is not a number; check its logits",
                     facts->names[i / facts->classes], i % facts->classes);
    return LYC_OK;
}

static lyc_status check_facts(const lyc_agent_facts *facts, lyc_error *err) {
    for (int k = 0; k < facts->teachers; k++)
        if (!isfinite(reward_ce_of(facts, k)) || !isfinite(facts->reward_accuracy[k]))
            LYC_FAIL(err, LYC_ENUMERIC,
                     "teacher %s: its accuracy or cross-entropy on the reward split is not a number; check "
                     "its logits",
                     facts->names[k]);
    return check_by_answer(facts, err);
}

/* Statistics, last reward and scratch, all empty. */
static lyc_status allocate(lyc__observation *self, lyc_strategy *strategy, lyc_error *err) {
    LYC_TRY(LYC__STRATEGY_NEW(strategy, self->statistics, LYC__STATISTICS, err));
    self->normaliser = (lyc__normaliser){self->statistics, self->statistics + LYC__FEATURES,
                                         self->statistics + 2 * LYC__FEATURES};
    LYC_TRY(LYC__STRATEGY_NEW(strategy, self->reward, 2, err));
    size_t room = lyc__figures_room(strategy->facts.teachers, strategy->max_rows);
    return LYC__STRATEGY_NEW(strategy, self->figures, room, err);
}

lyc_status lyc__observation_create(lyc__observation *self, lyc_strategy *strategy, lyc_error *err) {
    *self = (lyc__observation){.facts = &strategy->facts};
    LYC_TRY(check_facts(self->facts, err));
    LYC_TRY(make_names(self, strategy, err));
    LYC_TRY(allocate(self, strategy, err));
    lyc__strategy_keep(strategy, "agent/normaliser", LYC_TYPE_F64, self->statistics, LYC__STATISTICS);
    lyc__strategy_keep(strategy, "agent/last_reward", LYC_TYPE_F64, self->reward, 2);
    return LYC_OK;
}

lyc_status lyc__observation_create_copy(lyc__observation *self, const lyc__observation *of,
                                        lyc_strategy *strategy, lyc_error *err) {
    *self = (lyc__observation){.facts = of->facts, .names = of->names};
    LYC_TRY(allocate(self, strategy, err));
    lyc__observation_copy(self, of);
    return LYC_OK;
}

void lyc__observation_copy(lyc__observation *self, const lyc__observation *of) {
    memcpy(self->statistics, of->statistics, LYC__STATISTICS * sizeof *self->statistics);
    memcpy(self->reward, of->reward, 2 * sizeof *self->reward);
}

/* ---- what is the same for every row ---------------------------------------------------------------- */

/* Where the global figures begin, so that they can be indexed by feature. */
static double *global_of(const lyc__observation *self, double *observation) {
    return observation + ((size_t)self->facts->teachers - 1) * LYC__OWN;
}

static void situation(const lyc__observation *self, const lyc_decision_input *input, double *global) {
    global[LYC__FEATURE_progress] = input->progress;
    global[LYC__FEATURE_reward] = self->reward[0];
    global[LYC__FEATURE_lr] = input->lr_fraction;
}

static bool needs_label(size_t feature) {
    return feature == LYC__FEATURE_ce || feature == LYC__FEATURE_label || feature == LYC__FEATURE_student_ce;
}

static bool missing(const lyc__observation *self, size_t feature, bool any_label) {
    if (feature == LYC__FEATURE_reward) return self->reward[1] == 0.0;
    return !any_label && needs_label(feature);
}

/* ---- of a batch ------------------------------------------------------------------------------------ */

static void raw_batch(const lyc__observation *self, const lyc_decision_input *input,
                      const lyc__figures *figures, double *out) {
    double rows = (double)figures->rows, known = figures->labelled == 0 ? 1.0 : (double)figures->labelled;
    double *global = global_of(self, out);
    for (int k = 0; k < self->facts->teachers; k++) {
        double *own = out + (size_t)k * LYC__OWN;
        for (int f = 0; f < LYC__ANSWER_FIGURES; f++)
            own[f] = lyc__figures_sum(lyc__figures_of(figures, k, f), figures->rows) /
                     (needs_label((size_t)f) ? known : rows);
        own[LYC__FEATURE_reward_ce] = reward_ce_of(self->facts, k);
        own[LYC__FEATURE_reward_accuracy] = self->facts->reward_accuracy[k];
    }
    situation(self, input, global);
    global[LYC__FEATURE_student_ce] =
        lyc__figures_sum(lyc__figures_student_ce(figures), figures->rows) / known;
    global[LYC__FEATURE_labelled] = (double)figures->labelled / rows;
}

lyc_status lyc__observation_raw(lyc__observation *self, const lyc_decision_input *input, double *out,
                                lyc_error *err) {
    lyc__figures figures;
    LYC_TRY(lyc__figures_take(&figures, self->facts, input, self->figures, err));
    raw_batch(self, input, &figures, out);
    return LYC_OK;
}

static size_t feature_of(size_t i, size_t own) {
    return i < own ? i % LYC__OWN : i - own + LYC__OWN;
}

static bool any_label(const double *observation, size_t own) {
    return observation[own + LYC__FEATURE_labelled - LYC__OWN] > 0.0;
}

static void enter(lyc__observation *self, const double *raw) {
    size_t size = lyc__observation_size(self), own = size - LYC__GLOBAL;
    for (size_t i = 0; i < size; i++) {
        size_t feature = feature_of(i, own);
        if (!features[feature].plain && !missing(self, feature, any_label(raw, own)))
            lyc__normaliser_push(&self->normaliser, feature, raw[i]);
    }
}

static void normalise(const lyc__observation *self, double *observation) {
    size_t size = lyc__observation_size(self), own = size - LYC__GLOBAL;
    bool labelled = any_label(observation, own);
    for (size_t i = 0; i < size; i++) {
        size_t feature = feature_of(i, own);
        if (features[feature].plain) continue;
        observation[i] = missing(self, feature, labelled)
                             ? 0.0
                             : lyc__normaliser_apply(&self->normaliser, feature, observation[i]);
    }
}

lyc_status lyc__observation_build(lyc__observation *self, const lyc_decision_input *input, bool update,
                                  double *out, lyc_error *err) {
    LYC_TRY(lyc__observation_raw(self, input, out, err));
    if (update) enter(self, out);
    normalise(self, out);
    return LYC_OK;
}

/* ---- of each row ----------------------------------------------------------------------------------- */

/* A teacher's figures on the reward split as a row is told them. */
typedef struct reward_figures {
    double ce, accuracy;
} reward_figures;

static bool tells_by_answer(const lyc_agent_facts *facts, const lyc__figures *figures, size_t row) {
    return figures->labels[row] == LYC_UNLABELLED && facts->reward_ce_by_answer != NULL;
}

/* Of the rows there that the teacher answers as it answers this one. */
static reward_figures figures_by_answer(const lyc_agent_facts *facts, const lyc_decision_input *input,
                                        int teacher, size_t row) {
    const size_t classes = (size_t)facts->classes;
    const int answer = lyc__argmax(input->teacher_logits[teacher] + row * classes, facts->classes);
    const size_t cell = (size_t)teacher * classes + (size_t)answer;
    return (reward_figures){limited(facts->reward_ce_by_answer[cell]),
                            facts->reward_accuracy_by_answer[cell]};
}

/* Rows of a figure; with `labels` only those that have one. */
static void enter_figure(lyc__sample *sample, const float *values, size_t rows, const int32_t *labels) {
    for (size_t row = 0; row < rows; row++)
        if (labels == NULL || labels[row] != LYC_UNLABELLED) lyc__sample_add(sample, (double)values[row]);
}

static void enter_reward_figures(const lyc_agent_facts *facts, const lyc_decision_input *input,
                                 const lyc__figures *figures, int teacher,
                                 lyc__sample samples[LYC__FEATURES]) {
    lyc__sample *ce = &samples[LYC__FEATURE_reward_ce], *accuracy = &samples[LYC__FEATURE_reward_accuracy];
    size_t alike = 0;
    for (size_t row = 0; row < figures->rows; row++) alike += !tells_by_answer(facts, figures, row);
    lyc__sample_add_times(ce, reward_ce_of(facts, teacher), (double)alike);
    lyc__sample_add_times(accuracy, facts->reward_accuracy[teacher], (double)alike);
    for (size_t row = 0; row < figures->rows; row++) {
        if (!tells_by_answer(facts, figures, row)) continue;
        const reward_figures told = figures_by_answer(facts, input, teacher, row);
        lyc__sample_add(ce, told.ce);
        lyc__sample_add(accuracy, told.accuracy);
    }
}

static void enter_rows(lyc__observation *self, const lyc_decision_input *input, const lyc__figures *figures) {
    const lyc_agent_facts *facts = self->facts;
    const double rows = (double)figures->rows;
    lyc__sample samples[LYC__FEATURES] = {0};
    for (int k = 0; k < facts->teachers; k++) {
        for (int f = 0; f < LYC__ANSWER_FIGURES; f++)
            enter_figure(&samples[f], lyc__figures_of(figures, k, f), figures->rows,
                         needs_label((size_t)f) ? figures->labels : NULL);
        enter_reward_figures(facts, input, figures, k, samples);
    }
    enter_figure(&samples[LYC__FEATURE_student_ce], lyc__figures_student_ce(figures), figures->rows,
                 figures->labels);
    if (!missing(self, LYC__FEATURE_reward, true))
        lyc__sample_add_times(&samples[LYC__FEATURE_reward], self->reward[0], rows);
    for (size_t f = 0; f < LYC__FEATURES; f++) lyc__normaliser_merge(&self->normaliser, f, &samples[f]);
}

/* One teacher's part of every row's observation, normalised. */
static void score_teacher(const lyc__observation *self, const lyc_decision_input *input,
                          const lyc__figures *figures, const lyc__score *scores, int teacher, double *out) {
    const lyc_agent_facts *facts = self->facts;
    size_t size = lyc__observation_size(self);
    const reward_figures average = {reward_ce_of(facts, teacher), facts->reward_accuracy[teacher]};
    const float *values = lyc__figures_of(figures, teacher, 0);
    for (size_t row = 0; row < figures->rows; row++) {
        double *own = out + row * size + (size_t)teacher * LYC__OWN;
        for (size_t f = 0; f < LYC__ANSWER_FIGURES; f++)
            own[f] = lyc__score_of(&scores[f], (double)values[f * figures->rows + row]);
        if (figures->labels[row] == LYC_UNLABELLED) own[LYC__FEATURE_ce] = own[LYC__FEATURE_label] = 0.0;
        const reward_figures told =
            tells_by_answer(facts, figures, row) ? figures_by_answer(facts, input, teacher, row) : average;
        own[LYC__FEATURE_reward_ce] = lyc__score_of(&scores[LYC__FEATURE_reward_ce], told.ce);
        own[LYC__FEATURE_reward_accuracy] =
            lyc__score_of(&scores[LYC__FEATURE_reward_accuracy], told.accuracy);
    }
}

static void score_rows(const lyc__observation *self, const lyc_decision_input *input,
                       const lyc__figures *figures, double *out) {
    lyc__score scores[LYC__FEATURES];
    size_t size = lyc__observation_size(self);
    for (size_t f = 0; f < LYC__FEATURES; f++) scores[f] = lyc__normaliser_score(&self->normaliser, f);
    for (int k = 0; k < self->facts->teachers; k++) score_teacher(self, input, figures, scores, k, out);
    const double reward = missing(self, LYC__FEATURE_reward, true)
                              ? 0.0
                              : lyc__score_of(&scores[LYC__FEATURE_reward], self->reward[0]);
    const float *student_ce = lyc__figures_student_ce(figures);
    for (size_t row = 0; row < figures->rows; row++) {
        double *global = global_of(self, out + row * size);
        const bool labelled = figures->labels[row] != LYC_UNLABELLED;
        situation(self, input, global);
        global[LYC__FEATURE_reward] = reward;
        global[LYC__FEATURE_labelled] = labelled;
        global[LYC__FEATURE_student_ce] =
            labelled ? lyc__score_of(&scores[LYC__FEATURE_student_ce], (double)student_ce[row]) : 0.0;
    }
}

lyc_status lyc__observation_build_rows(lyc__observation *self, const lyc_decision_input *input, bool update,
                                       double *out, lyc_error *err) {
    lyc__figures figures;
    LYC_TRY(lyc__figures_take(&figures, self->facts, input, self->figures, err));
    if (update) enter_rows(self, input, &figures);
    score_rows(self, input, &figures, out);
    return LYC_OK;
}

lyc_status lyc__observation_look(const lyc__observation *self, const lyc_decision_input *input, double *out,
                                 lyc_error *err) {
    lyc__figures figures;
    LYC_TRY(lyc__figures_take(&figures, self->facts, input, self->figures, err));
    score_rows(self, input, &figures, out);
    return LYC_OK;
}

void lyc__observation_mean(const double *rows, size_t count, size_t size, double *out) {
    for (size_t i = 0; i < size; i++) out[i] = 0.0;
    for (size_t row = 0; row < count; row++)
        for (size_t i = 0; i < size; i++) out[i] += rows[row * size + i];
    for (size_t i = 0; i < size; i++) out[i] /= (double)count;
}

void lyc__observation_set_reward(lyc__observation *self, double reward) {
    self->reward[0] = reward;
    self->reward[1] = 1.0;
}

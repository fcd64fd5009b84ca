#include "agent/observation.h"

#include <math.h>
#include <stdio.h>

#include "agent/rows.h"
#include "lyceum/dataset.h"
#include "lyceum/network.h"

#define BLOCK_ROWS ((size_t)32) /* of an item of the pool; no result depends on it */

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

static lyc_status check_facts(const lyc_agent_facts *facts, lyc_error *err) {
    for (int k = 0; k < facts->teachers; k++)
        if (isnan(facts->reward_ce[k]) || isnan(facts->reward_accuracy[k]))
            LYC_FAIL(err, LYC_ENUMERIC,
                     "teacher %s: its accuracy or cross-entropy on the reward split is not a number; check "
                     "its logits",
                     facts->names[k]);
    return LYC_OK;
}

lyc_status lyc__observation_scratch_create(lyc__observation_scratch *scratch, lyc_strategy *strategy,
                                           lyc_error *err) {
    size_t rows = strategy->max_rows, classes = (size_t)strategy->facts.classes;
    LYC_TRY(LYC__STRATEGY_NEW(strategy, scratch->p, rows * classes, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, scratch->p_soft, rows * classes, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, scratch->q, rows * classes, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, scratch->ce, rows, err));
    LYC_TRY(
        LYC__STRATEGY_NEW(strategy, scratch->rows, rows * (size_t)strategy->facts.teachers * LYC__OWN, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, scratch->log_q_best, rows, err));
    return LYC__STRATEGY_NEW(strategy, scratch->best, rows, err);
}

lyc_status lyc__observation_create(lyc__observation *self, lyc_strategy *strategy, lyc_error *err) {
    *self = (lyc__observation){.facts = &strategy->facts};
    LYC_TRY(check_facts(self->facts, err));
    LYC_TRY(make_names(self, strategy, err));
    double *statistics;
    LYC_TRY(LYC__STRATEGY_NEW(strategy, statistics, (size_t)3 * LYC__FEATURES, err));
    self->normaliser =
        (lyc__normaliser){statistics, statistics + LYC__FEATURES, statistics + 2 * LYC__FEATURES};
    LYC_TRY(LYC__STRATEGY_NEW(strategy, self->reward, 2, err));
    lyc__strategy_keep(strategy, "agent/normaliser", LYC_TYPE_F64, statistics, (size_t)3 * LYC__FEATURES);
    lyc__strategy_keep(strategy, "agent/last_reward", LYC_TYPE_F64, self->reward, 2);
    return lyc__observation_scratch_create(&self->scratch, strategy, err);
}

/* ---- the figures of a batch and of its rows -------------------------------------------------------- */

static float limited(float ce) {
    return ce > LYC__CE_LIMIT ? LYC__CE_LIMIT : ce;
}

/* One batch that is looked at. */
typedef struct look {
    const lyc_agent_facts *facts;
    const lyc__observation_scratch *scratch;
    const lyc_decision_input *input;
    const double *reward;
    double *rows; /* where the figures of each row go, [rows][stride]: the teachers' one after the other */
    size_t stride;
} look;

static look look_at(const lyc__observation *self, const lyc__observation_scratch *scratch,
                    const lyc_decision_input *input) {
    return (look){.facts = self->facts, .scratch = scratch, .input = input, .reward = self->reward};
}

/* Adds the figures of one row of one teacher to of[LYC__OWN], in the order of the features. */
static void add_row(const look *at, const float *logits, size_t row, double *of) {
    const lyc_decision_input *input = at->input;
    size_t classes = (size_t)at->facts->classes, first = row * classes, best = 0;
    const float *z = logits + first, *student = input->student_logits + first;
    const float *p = at->scratch->p + first, *p_soft = at->scratch->p_soft + first;
    size_t students = at->scratch->best[row];
    float most = z[0], top = 0.0F, second = 0.0F, dot = 0.0F, cross = 0.0F;
    for (size_t c = 1; c < classes; c++) { /* without branches: which class is best cannot be foretold */
        best = z[c] > most ? c : best;
        most = z[c] > most ? z[c] : most;
    }
    for (size_t c = 0; c < classes; c++) {
        float below = lyc__row_below(z, best, c), less = p[c] < top ? p[c] : top;
        dot += p[c] * below;
        cross += p_soft[c] * (below - (student[c] - student[students]));
        second = less > second ? less : second;
        top = p[c] > top ? p[c] : top;
    }
    float surprise = -logf(p[best]), entropy = surprise - dot;
    float kl = cross / (float)input->temperature + logf(p_soft[best]) - at->scratch->log_q_best[row];
    of[LYC__FEATURE_kl] += (double)kl;
    of[LYC__FEATURE_entropy] += (double)entropy;
    of[LYC__FEATURE_margin] += (double)(p[best] - second);
    of[LYC__FEATURE_student] += best == students;
    if (input->labels[row] == LYC_UNLABELLED) return;
    size_t label = (size_t)input->labels[row];
    of[LYC__FEATURE_ce] += (double)limited(surprise - (z[label] - z[best]));
    of[LYC__FEATURE_label] += label == best;
}

/* Adds the figures of rows first .. first + count of one teacher to out[count][stride]. */
static void teacher_block(const look *at, int teacher, size_t first, size_t count, size_t stride,
                          double *out) {
    size_t classes = (size_t)at->facts->classes, start = first * classes;
    const float *logits = at->input->teacher_logits[teacher];
    lyc_softmax(logits + start, 1.0F, count, classes, at->scratch->p + start);
    lyc_softmax(logits + start, (float)at->input->temperature, count, classes, at->scratch->p_soft + start);
    for (size_t i = 0; i < count; i++) {
        double *own = out + i * stride;
        for (int f = 0; f < LYC__OWN; f++) own[f] = 0.0;
        add_row(at, logits, first + i, own);
    }
}

/* The student's softmax, best classes and cross-entropies on those rows. */
static void student_block(const look *at, size_t first, size_t count) {
    size_t classes = (size_t)at->facts->classes, start = first * classes;
    const lyc__observation_scratch *scratch = at->scratch;
    const float *logits = at->input->student_logits + start;
    lyc_softmax(logits, (float)at->input->temperature, count, classes, scratch->q + start);
    lyc_cross_entropy(logits, at->input->labels + first, count, classes, scratch->ce + first);
    for (size_t i = 0; i < count; i++) {
        size_t best = lyc__row_best(logits + i * classes, classes);
        scratch->best[first + i] = best;
        scratch->log_q_best[first + i] = logf(scratch->q[start + i * classes + best]);
    }
}

/* An item of the pool: some rows of all teachers. What it writes is these rows' alone. */
static void figure_block(void *payload, size_t item, int slot) {
    (void)slot;
    const look *at = payload;
    size_t first = item * BLOCK_ROWS, rest = at->input->rows - first;
    size_t count = rest < BLOCK_ROWS ? rest : BLOCK_ROWS;
    student_block(at, first, count);
    for (int k = 0; k < at->facts->teachers; k++)
        teacher_block(at, k, first, count, at->stride, at->rows + first * at->stride + (size_t)k * LYC__OWN);
}

static bool all_finite(const float *values, size_t count) {
    float zero = 0.0F;
    for (size_t i = 0; i < count; i++) zero += values[i] * 0.0F;
    return zero == 0.0F;
}

/* Every row's own figures of every teacher into at->rows, before what all rows have in common. */
static lyc_status figure_rows(look *at, lyc_error *err) {
    const lyc_decision_input *input = at->input;
    if (!all_finite(input->student_logits, input->rows * (size_t)at->facts->classes))
        LYC_FAIL(err, LYC_ENUMERIC,
                 "the student's logits are not finite at global step %llu; lower optimizer.lr",
                 (unsigned long long)input->global_step);
    lyc_pool_run(input->pool, input->priority, (input->rows + BLOCK_ROWS - 1) / BLOCK_ROWS, figure_block, at);
    return LYC_OK;
}

/* What does not depend on whether a row or a batch is described; refuses what is not a number. */
static lyc_status complete(const look *at, int teacher, double *out, lyc_error *err) {
    out[LYC__FEATURE_kl] *= at->input->temperature * at->input->temperature;
    out[LYC__FEATURE_reward_ce] = fmin(at->facts->reward_ce[teacher], (double)LYC__CE_LIMIT);
    out[LYC__FEATURE_reward_accuracy] = at->facts->reward_accuracy[teacher];
    for (int f = 0; f < LYC__OWN; f++)
        if (!isfinite(out[f]))
            LYC_FAIL(
                err, LYC_ENUMERIC,
                "teacher %s: its %s on a batch is not a number; its logits hold NaN or infinity, or a row "
                "of them knows no class",
                at->facts->names[teacher], features[f].name);
    return LYC_OK;
}

/* The means over the rows of one teacher. */
static lyc_status teacher_figures(const look *at, int teacher, size_t labelled, double *out, lyc_error *err) {
    double rows = (double)at->input->rows, known = labelled == 0 ? 1.0 : (double)labelled;
    double sum[LYC__OWN] = {0};
    for (size_t row = 0; row < at->input->rows; row++)
        for (int f = 0; f < LYC__OWN; f++)
            sum[f] += at->rows[row * at->stride + (size_t)teacher * LYC__OWN + (size_t)f];
    for (int f = 0; f < LYC__OWN; f++) out[f] = sum[f] / rows;
    out[LYC__FEATURE_ce] = sum[LYC__FEATURE_ce] / known;
    out[LYC__FEATURE_label] = sum[LYC__FEATURE_label] / known;
    return complete(at, teacher, out, err);
}

/* Of `count` rows from `first` on, of which `labelled` have a label; global[] is indexed by feature. */
static void global_figures(const look *at, size_t first, size_t count, size_t *labelled, double *global) {
    double sum = 0.0;
    *labelled = 0;
    for (size_t row = first; row < first + count; row++) {
        if (at->input->labels[row] == LYC_UNLABELLED) continue;
        sum += (double)limited(at->scratch->ce[row]);
        *labelled += 1;
    }
    global[LYC__FEATURE_student_ce] = *labelled == 0 ? 0.0 : sum / (double)*labelled;
    global[LYC__FEATURE_labelled] = (double)*labelled / (double)count;
    global[LYC__FEATURE_progress] = at->input->progress;
    global[LYC__FEATURE_reward] = at->reward[0];
    global[LYC__FEATURE_lr] = at->input->lr_fraction;
}

/* Where the global figures begin, so that they can be indexed by feature. */
static double *global_of(const look *at, double *observation) {
    return observation + ((size_t)at->facts->teachers - 1) * LYC__OWN;
}

static lyc_status raw_batch(look *at, double *out, lyc_error *err) {
    size_t labelled;
    at->rows = at->scratch->rows;
    at->stride = (size_t)at->facts->teachers * LYC__OWN;
    LYC_TRY(figure_rows(at, err));
    global_figures(at, 0, at->input->rows, &labelled, global_of(at, out));
    for (int k = 0; k < at->facts->teachers; k++)
        LYC_TRY(teacher_figures(at, k, labelled, out + (size_t)k * LYC__OWN, err));
    return LYC_OK;
}

static lyc_status raw_rows(look *at, size_t size, double *out, lyc_error *err) {
    size_t labelled;
    at->rows = out;
    at->stride = size;
    LYC_TRY(figure_rows(at, err));
    for (size_t row = 0; row < at->input->rows; row++) {
        double *observation = out + row * size;
        global_figures(at, row, 1, &labelled, global_of(at, observation));
        for (int k = 0; k < at->facts->teachers; k++)
            LYC_TRY(complete(at, k, observation + (size_t)k * LYC__OWN, err));
    }
    return LYC_OK;
}

lyc_status lyc__observation_raw(lyc__observation *self, const lyc_decision_input *input, double *out,
                                lyc_error *err) {
    look at = look_at(self, &self->scratch, input);
    return raw_batch(&at, out, err);
}

/* ---- normalising ---------------------------------------------------------------------------------- */

static bool missing(const lyc__observation *self, size_t feature, bool any_label) {
    if (feature == LYC__FEATURE_reward) return self->reward[1] == 0.0;
    return !any_label && (feature == LYC__FEATURE_ce || feature == LYC__FEATURE_label ||
                          feature == LYC__FEATURE_student_ce);
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

lyc_status lyc__observation_build_rows(lyc__observation *self, const lyc_decision_input *input, bool update,
                                       double *out, lyc_error *err) {
    size_t size = lyc__observation_size(self);
    look at = look_at(self, &self->scratch, input);
    LYC_TRY(raw_rows(&at, size, out, err));
    for (size_t row = 0; row < input->rows && update; row++) enter(self, out + row * size);
    for (size_t row = 0; row < input->rows; row++) normalise(self, out + row * size);
    return LYC_OK;
}

lyc_status lyc__observation_look(const lyc__observation *self, const lyc__observation_scratch *scratch,
                                 const lyc_decision_input *input, double *out, lyc_error *err) {
    size_t size = lyc__observation_size(self);
    look at = look_at(self, scratch, input);
    LYC_TRY(raw_rows(&at, size, out, err));
    for (size_t row = 0; row < input->rows; row++) normalise(self, out + row * size);
    return LYC_OK;
}

void lyc__observation_mean(const double *rows, size_t count, size_t size, double *out) {
    for (size_t i = 0; i < size; i++) {
        double sum = 0.0;
        for (size_t row = 0; row < count; row++) sum += rows[row * size + i];
        out[i] = sum / (double)count;
    }
}

void lyc__observation_set_reward(lyc__observation *self, double reward) {
    self->reward[0] = reward;
    self->reward[1] = 1.0;
}

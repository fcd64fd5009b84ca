#include "agent/observation.h"

#include <math.h>
#include <stdio.h>

#include "agent/rows.h"
#include "lyceum/dataset.h"
#include "lyceum/network.h"

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

lyc_status lyc__observation_create(lyc__observation *self, lyc_strategy *strategy, lyc_error *err) {
    *self = (lyc__observation){.facts = &strategy->facts};
    LYC_TRY(check_facts(self->facts, err));
    LYC_TRY(make_names(self, strategy, err));
    size_t rows = strategy->max_rows, classes = (size_t)self->facts->classes;
    double *statistics;
    LYC_TRY(LYC__STRATEGY_NEW(strategy, statistics, (size_t)3 * LYC__FEATURES, err));
    self->normaliser =
        (lyc__normaliser){statistics, statistics + LYC__FEATURES, statistics + 2 * LYC__FEATURES};
    LYC_TRY(LYC__STRATEGY_NEW(strategy, self->reward, 2, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, self->p, rows * classes, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, self->p_soft, rows * classes, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, self->q, rows * classes, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, self->log_q_best, rows, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, self->best, rows, err));
    lyc__strategy_keep(strategy, "agent/normaliser", LYC_TYPE_F64, statistics, (size_t)3 * LYC__FEATURES);
    lyc__strategy_keep(strategy, "agent/last_reward", LYC_TYPE_F64, self->reward, 2);
    return LYC_OK;
}

/* ---- the figures of one batch --------------------------------------------------------------------- */

static float limited(float ce) {
    return ce > LYC__CE_LIMIT ? LYC__CE_LIMIT : ce;
}

/* Row sums of one teacher, in the order of the features. */
typedef struct sums {
    double of[LYC__OWN];
} sums;

static void add_row(const lyc__observation *self, const lyc_decision_input *input, const float *logits,
                    size_t row, sums *s) {
    size_t classes = (size_t)self->facts->classes, at = row * classes;
    const float *z = logits + at, *student = input->student_logits + at;
    const float *p = self->p + at, *p_soft = self->p_soft + at;
    size_t best = 0;
    float second = 0.0F, dot = 0.0F, cross = 0.0F;
    for (size_t c = 1; c < classes; c++)
        if (z[c] > z[best]) best = c;
    for (size_t c = 0; c < classes; c++) {
        float below = lyc__row_below(z, best, c);
        dot += p[c] * below;
        cross += p_soft[c] * (below - (student[c] - student[self->best[row]]));
        if (c != best && p[c] > second) second = p[c];
    }
    float surprise = -logf(p[best]), entropy = surprise - dot;
    float kl = cross / (float)input->temperature + logf(p_soft[best]) - self->log_q_best[row];
    s->of[LYC__FEATURE_kl] += (double)kl;
    s->of[LYC__FEATURE_entropy] += (double)entropy;
    s->of[LYC__FEATURE_margin] += (double)(p[best] - second);
    s->of[LYC__FEATURE_student] += best == self->best[row];
    if (input->labels[row] == LYC_UNLABELLED) return;
    size_t label = (size_t)input->labels[row];
    s->of[LYC__FEATURE_ce] += (double)limited(surprise - (z[label] - z[best]));
    s->of[LYC__FEATURE_label] += label == best;
}

static lyc_status teacher_figures(lyc__observation *self, const lyc_decision_input *input, int teacher,
                                  size_t labelled, double *out, lyc_error *err) {
    const float *logits = input->teacher_logits[teacher];
    size_t classes = (size_t)self->facts->classes;
    double rows = (double)input->rows, known = labelled == 0 ? 1.0 : (double)labelled;
    sums s = {0};
    lyc_softmax(logits, 1.0F, input->rows, classes, self->p);
    lyc_softmax(logits, (float)input->temperature, input->rows, classes, self->p_soft);
    for (size_t row = 0; row < input->rows; row++) add_row(self, input, logits, row, &s);
    for (int f = 0; f < LYC__OWN; f++) out[f] = s.of[f] / rows;
    out[LYC__FEATURE_ce] = s.of[LYC__FEATURE_ce] / known;
    out[LYC__FEATURE_label] = s.of[LYC__FEATURE_label] / known;
    out[LYC__FEATURE_kl] *= input->temperature * input->temperature;
    out[LYC__FEATURE_reward_ce] = fmin(self->facts->reward_ce[teacher], (double)LYC__CE_LIMIT);
    out[LYC__FEATURE_reward_accuracy] = self->facts->reward_accuracy[teacher];
    for (int f = 0; f < LYC__OWN; f++)
        if (!isfinite(out[f]))
            LYC_FAIL(
                err, LYC_ENUMERIC,
                "teacher %s: its %s on a batch is not a number; its logits hold NaN or infinity, or a row "
                "of them knows no class",
                self->facts->names[teacher], features[f].name);
    return LYC_OK;
}

static bool all_finite(const float *values, size_t count) {
    float zero = 0.0F;
    for (size_t i = 0; i < count; i++) zero += values[i] * 0.0F;
    return zero == 0.0F;
}

/* The student's softmax, best classes and mean cross-entropy on labelled rows. */
static lyc_status student_figures(lyc__observation *self, const lyc_decision_input *input, size_t *labelled,
                                  double *ce, lyc_error *err) {
    size_t classes = (size_t)self->facts->classes;
    double sum = 0.0;
    if (!all_finite(input->student_logits, input->rows * classes))
        LYC_FAIL(err, LYC_ENUMERIC,
                 "the student's logits are not finite at global step %llu; lower optimizer.lr",
                 (unsigned long long)input->global_step);
    *labelled = 0;
    lyc_softmax(input->student_logits, (float)input->temperature, input->rows, classes, self->q);
    lyc_cross_entropy(input->student_logits, input->labels, input->rows, classes, self->p_soft);
    for (size_t row = 0; row < input->rows; row++) {
        size_t best = lyc__row_best(input->student_logits + row * classes, classes);
        self->best[row] = best;
        self->log_q_best[row] = logf(self->q[row * classes + best]);
        if (input->labels[row] == LYC_UNLABELLED) continue;
        sum += (double)limited(self->p_soft[row]);
        *labelled += 1;
    }
    *ce = *labelled == 0 ? 0.0 : sum / (double)*labelled;
    return LYC_OK;
}

lyc_status lyc__observation_raw(lyc__observation *self, const lyc_decision_input *input, double *out,
                                lyc_error *err) {
    size_t labelled = 0;
    double ce = 0.0;
    LYC_TRY(student_figures(self, input, &labelled, &ce, err));
    for (int k = 0; k < self->facts->teachers; k++)
        LYC_TRY(teacher_figures(self, input, k, labelled, out + (size_t)k * LYC__OWN, err));
    double *global = out + (size_t)self->facts->teachers * LYC__OWN - LYC__OWN; /* indexed by feature */
    global[LYC__FEATURE_student_ce] = ce;
    global[LYC__FEATURE_labelled] = (double)labelled / (double)input->rows;
    global[LYC__FEATURE_progress] = input->progress;
    global[LYC__FEATURE_reward] = self->reward[0];
    global[LYC__FEATURE_lr] = input->lr_fraction;
    return LYC_OK;
}

/* ---- normalising ---------------------------------------------------------------------------------- */

static bool missing(const lyc__observation *self, size_t feature, bool any_label) {
    if (feature == LYC__FEATURE_reward) return self->reward[1] == 0.0;
    return !any_label && (feature == LYC__FEATURE_ce || feature == LYC__FEATURE_label ||
                          feature == LYC__FEATURE_student_ce);
}

lyc_status lyc__observation_build(lyc__observation *self, const lyc_decision_input *input, bool update,
                                  double *out, lyc_error *err) {
    LYC_TRY(lyc__observation_raw(self, input, out, err));
    size_t size = lyc__observation_size(self), own = size - LYC__GLOBAL;
    bool any_label = out[own + LYC__FEATURE_labelled - LYC__OWN] > 0.0;
    for (int pass = update ? 0 : 1; pass < 2; pass++) {
        for (size_t i = 0; i < size; i++) {
            size_t feature = i < own ? i % LYC__OWN : i - own + LYC__OWN;
            if (features[feature].plain) continue;
            bool absent = missing(self, feature, any_label);
            if (pass == 0 && !absent) lyc__normaliser_push(&self->normaliser, feature, out[i]);
            if (pass == 1) out[i] = absent ? 0.0 : lyc__normaliser_apply(&self->normaliser, feature, out[i]);
        }
    }
    return LYC_OK;
}

void lyc__observation_set_reward(lyc__observation *self, double reward) {
    self->reward[0] = reward;
    self->reward[1] = 1.0;
}

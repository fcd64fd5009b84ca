/* `influence`: softmax over the teachers of how much following each would lower the held-out loss, to first
 * order (docs/credit.md). What is measured has no scale of its own, so it is normalised: for a batch, the
 * teachers' sums over its rows, less their mean, over their deviation; for each instance, its values, less
 * their mean, over the root mean square of what is left in the whole batch, so that rows at which little is
 * at stake stay near uniform. Uniform where all teachers are alike. */
#include <math.h>

#include "agent/strategy.h"

typedef struct settings {
    bool by_row;
} settings;

static lyc_status create(lyc_strategy *self, const lyc_agent_options *options, const char *argument,
                         lyc_error *err) {
    (void)argument;
    settings *own;
    LYC_TRY(LYC__STRATEGY_NEW(self, own, 1, err));
    own->by_row = options->granularity == LYC_GRANULARITY_INSTANCE;
    self->own = own;
    size_t rows = own->by_row ? self->max_rows : 1;
    return LYC__STRATEGY_NEW(self, self->weights, rows * (size_t)self->facts.teachers, err);
}

static lyc_status check(const lyc_strategy *self, const lyc_decision_input *input, lyc_error *err) {
    size_t teachers = (size_t)self->facts.teachers;
    if (input->influence == NULL)
        LYC_FAIL(err, LYC_EINTERNAL, "%s was asked to decide without a measured influence", self->kind->name);
    for (size_t i = 0; i < input->rows * teachers; i++)
        if (!isfinite(input->influence[i]))
            LYC_FAIL(err, LYC_ENUMERIC,
                     "teacher %s: its influence on row %zu is not a number; its logits, or the student's, "
                     "hold NaN "
                     "or infinity: lower optimizer.lr",
                     self->facts.names[i % teachers], i / teachers);
    return LYC_OK;
}

/* values[teachers] less their mean; the sum of squares of what is left. */
static double centre(double *values, size_t teachers) {
    double mean = 0.0, squares = 0.0;
    for (size_t k = 0; k < teachers; k++) mean += values[k] / (double)teachers;
    for (size_t k = 0; k < teachers; k++) {
        values[k] -= mean;
        squares += values[k] * values[k];
    }
    return squares;
}

static void soften(const double *centred, double scale, size_t teachers, float *weights) {
    double most = -INFINITY, sum = 0.0, e[LYC_MAX_TEACHERS];
    for (size_t k = 0; k < teachers; k++) most = fmax(most, centred[k]);
    for (size_t k = 0; k < teachers; k++) sum += e[k] = scale > 0.0 ? exp((centred[k] - most) / scale) : 1.0;
    for (size_t k = 0; k < teachers; k++) weights[k] = (float)(e[k] / sum);
}

static double take_row(const float *row, size_t teachers, double *values) {
    for (size_t k = 0; k < teachers; k++) values[k] = (double)row[k];
    return centre(values, teachers);
}

static void decide_rows(lyc_strategy *self, const lyc_decision_input *input) {
    size_t teachers = (size_t)self->facts.teachers;
    double values[LYC_MAX_TEACHERS], squares = 0.0;
    for (size_t i = 0; i < input->rows; i++)
        squares += take_row(input->influence + i * teachers, teachers, values);
    double scale = sqrt(squares / (double)(input->rows * teachers));
    for (size_t i = 0; i < input->rows; i++) {
        (void)take_row(input->influence + i * teachers, teachers, values);
        soften(values, scale, teachers, self->weights + i * teachers);
    }
}

static void decide_batch(lyc_strategy *self, const lyc_decision_input *input) {
    size_t teachers = (size_t)self->facts.teachers;
    double values[LYC_MAX_TEACHERS] = {0};
    for (size_t i = 0; i < input->rows * teachers; i++) values[i % teachers] += (double)input->influence[i];
    double squares = centre(values, teachers);
    soften(values, sqrt(squares / (double)teachers), teachers, self->weights);
}

static lyc_status decide(lyc_strategy *self, const lyc_decision_input *input, lyc_decision *out,
                         lyc_error *err) {
    const settings *own = self->own;
    LYC_TRY(check(self, input, err));
    if (!own->by_row) {
        decide_batch(self, input);
        return lyc__decide_constant(self, input, out, err);
    }
    decide_rows(self, input);
    lyc__decision_by_row(self, input->rows, out);
    return LYC_OK;
}

const lyc__strategy_kind lyc__strategy_influence_full = {
    .name = "influence",
    .doc = "softmax of what following each teacher would do to the held-out loss, through the whole student",
    .needs_teachers = true,
    .influence = LYC_INFLUENCE_FULL,
    .create = create,
    .decide = decide,
};

const lyc__strategy_kind lyc__strategy_influence_last = {
    .name = "influence:last",
    .doc = "the same through the student's last layer only",
    .needs_teachers = true,
    .influence = LYC_INFLUENCE_LAST,
    .create = create,
    .decide = decide,
};

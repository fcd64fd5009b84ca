/* `confidence` (CA-MKD, arXiv 2201.00007): per row, (1 - softmax_k(CE_k)) / (K - 1) at T = 1.
 *
 * Rows without a label: uniform. A teacher that does not know a row's label has an infinite CE: it gets no
 * weight on that row, and the formula runs over the others; if none knows it, uniform. */
#include <math.h>

#include "agent/strategy.h"
#include "lyceum/network.h"

/* self->own: cross-entropies, float [teachers][max_rows]. */

static lyc_status create(lyc_strategy *self, const lyc_agent_options *options, const char *argument,
                         lyc_error *err) {
    (void)options;
    (void)argument;
    float *ce;
    size_t teachers = (size_t)self->facts.teachers;
    LYC_TRY(LYC__STRATEGY_NEW(self, ce, teachers * self->max_rows, err));
    self->own = ce;
    return LYC__STRATEGY_NEW(self, self->weights, teachers * self->max_rows, err);
}

static void fill_equal(float *weight, const bool *who, size_t teachers, size_t count) {
    for (size_t k = 0; k < teachers; k++) weight[k] = who[k] ? (float)(1.0 / (double)count) : 0.0F;
}

/* Weights of one row from ce[k * stride]; without a label all of them are 0, and the formula gives 1/K. */
static void weigh_row(const float *ce, size_t stride, size_t teachers, float *weight) {
    double share[LYC_MAX_TEACHERS], most = -INFINITY, sum = 0.0;
    bool knows[LYC_MAX_TEACHERS], everybody[LYC_MAX_TEACHERS];
    size_t count = 0;
    for (size_t k = 0; k < teachers; k++) {
        everybody[k] = true;
        knows[k] = isfinite(ce[k * stride]);
        count += knows[k];
        if (knows[k]) most = fmax(most, (double)ce[k * stride]);
    }
    if (count == 0) {
        fill_equal(weight, everybody, teachers, teachers);
        return;
    }
    if (count == 1) {
        fill_equal(weight, knows, teachers, count);
        return;
    }
    for (size_t k = 0; k < teachers; k++) {
        share[k] = knows[k] ? exp((double)ce[k * stride] - most) : 0.0;
        sum += share[k];
    }
    for (size_t k = 0; k < teachers; k++)
        weight[k] = knows[k] ? (float)((1.0 - share[k] / sum) / (double)(count - 1)) : 0.0F;
}

static lyc_status decide(lyc_strategy *self, const lyc_decision_input *input, lyc_decision *out,
                         lyc_error *err) {
    size_t teachers = (size_t)self->facts.teachers, rows = input->rows;
    float *ce = self->own;
    for (size_t k = 0; k < teachers; k++) {
        lyc_cross_entropy(input->teacher_logits[k], input->labels, rows, (size_t)self->facts.classes,
                          ce + k * rows);
        for (size_t row = 0; row < rows; row++)
            if (isnan(ce[k * rows + row]))
                LYC_FAIL(err, LYC_ENUMERIC,
                         "teacher %s: its cross-entropy on a row is not a number; its logits hold NaN "
                         "or infinity, or know no class",
                         self->facts.names[k]);
    }
    for (size_t row = 0; row < rows; row++)
        weigh_row(ce + row, rows, teachers, self->weights + row * teachers);
    lyc__decision_by_row(self, rows, out);
    return LYC_OK;
}

const lyc__strategy_kind lyc__strategy_confidence = {
    .name = "confidence",
    .doc = "per row, more weight to teachers with a lower cross-entropy; uniform without a label (CA-MKD)",
    .needs_teachers = true,
    .create = create,
    .decide = decide,
};

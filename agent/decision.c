#include <string.h>

#include "agent/strategy.h"

lyc_status lyc__decide_constant(lyc_strategy *self, const lyc_decision_input *input, lyc_decision *out,
                                lyc_error *err) {
    (void)input;
    (void)err;
    out->weights = self->weights;
    for (int k = 0; k < self->facts.teachers; k++) {
        out->mean_weight[k] = self->weights[k];
        out->select[k] = self->weights[k] > 0.0F;
    }
    return LYC_OK;
}

void lyc__decision_by_row(lyc_strategy *self, size_t rows, lyc_decision *out) {
    size_t teachers = (size_t)self->facts.teachers;
    double sum[LYC_MAX_TEACHERS] = {0};
    for (size_t row = 0; row < rows; row++)
        for (size_t k = 0; k < teachers; k++) sum[k] += (double)self->weights[row * teachers + k];
    out->weights = self->weights;
    out->per_row = true;
    for (size_t k = 0; k < teachers; k++) {
        out->mean_weight[k] = (float)(sum[k] / (double)rows);
        out->select[k] = sum[k] > 0.0;
    }
}

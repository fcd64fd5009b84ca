/* Arithmetic mixture of the teachers' probabilities: p = sum_k w_k softmax(z^k / T). */
#include <string.h>

#include "student/fusion.h"

/* Adds scale * softmax(logits / T), taken over the classes that the teacher knows. */
static void add_softmax(const float *logits, int classes, double inverse_temperature, double scale,
                        float *out) {
    double log_sum = lyc__known_log_sum_exp(logits, logits, classes, inverse_temperature);
    for (int c = 0; c < classes; c++)
        if (lyc__class_known(logits, c)) {
            out[c] += (float)(scale * exp((double)logits[c] * inverse_temperature - log_sum));
        }
}

static void all_complete(const lyc__fusion_row *row, float *out) {
    memset(out, 0, (size_t)row->classes * sizeof *out);
    for (int k = 0; k < row->selected; k++)
        add_softmax(row->logits[k], row->classes, row->inverse_temperature, row->weight[k], out);
}

/* A partial teacher k hands out, among its classes S_k, the mass M_k that the complete ones give to S_k, and
 * agrees with them elsewhere. `out` holds first the mixture of the complete ones, then the result, class by
 * class: nothing of another class is read once the masses are known. */
static void some_complete(const lyc__fusion_row *row, float *out) {
    double log_sum[LYC_MAX_TEACHERS], mass[LYC_MAX_TEACHERS];
    memset(out, 0, (size_t)row->classes * sizeof *out);
    for (int k = 0; k < row->selected; k++)
        if (row->complete[k])
            add_softmax(row->logits[k], row->classes, row->inverse_temperature,
                        row->weight[k] / row->complete_weight, out);
    for (int k = 0; k < row->selected; k++) {
        if (row->complete[k]) continue;
        log_sum[k] =
            lyc__known_log_sum_exp(row->logits[k], row->logits[k], row->classes, row->inverse_temperature);
        mass[k] = 0.0;
        for (int c = 0; c < row->classes; c++)
            if (lyc__class_known(row->logits[k], c)) mass[k] += (double)out[c];
    }
    for (int c = 0; c < row->classes; c++) {
        double agreeing = row->complete_weight, own = 0.0;
        for (int k = 0; k < row->selected; k++) {
            if (row->complete[k]) continue;
            if (lyc__class_known(row->logits[k], c))
                own += row->weight[k] * mass[k] *
                       exp((double)row->logits[k][c] * row->inverse_temperature - log_sum[k]);
            else agreeing += row->weight[k];
        }
        out[c] = (float)(agreeing * (double)out[c] + own);
    }
}

/* Divides by the sum; false when that is 0. */
static bool normalise(float *out, int classes) {
    double sum = 0.0;
    for (int c = 0; c < classes; c++) sum += (double)out[c];
    if (sum == 0.0) return false;
    for (int c = 0; c < classes; c++) out[c] = (float)((double)out[c] / sum);
    return true;
}

/* Per class the mean over the teachers that know it, then normalised over the classes. */
static bool none_complete(const lyc__fusion_row *row, float *out) {
    double log_sum[LYC_MAX_TEACHERS];
    for (int k = 0; k < row->selected; k++)
        log_sum[k] =
            lyc__known_log_sum_exp(row->logits[k], row->logits[k], row->classes, row->inverse_temperature);
    for (int c = 0; c < row->classes; c++) {
        double weight = 0.0, sum = 0.0;
        for (int k = 0; k < row->selected; k++)
            if (lyc__class_known(row->logits[k], c)) {
                weight += row->weight[k];
                sum +=
                    row->weight[k] * exp((double)row->logits[k][c] * row->inverse_temperature - log_sum[k]);
            }
        out[c] = weight > 0.0 ? (float)(sum / weight) : 0.0F;
    }
    return normalise(out, row->classes);
}

const lyc__fusion_space lyc__fusion_probability = {
    .name = "probability",
    .doc = "arithmetic mixture: the weighted mean of the teachers' probabilities at the temperature",
    .all_complete = all_complete,
    .some_complete = some_complete,
    .none_complete = none_complete,
};

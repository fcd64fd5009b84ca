/* Arithmetic mixture of the teachers' probabilities: p = sum_k w_k softmax(z^k / T). */
#include <string.h>

#include "student/fusion.h"

/* The probability that selected teacher k gives to class c, which it knows. */
static double probability(const lyc__fusion_row *row, int k, int c) {
    if (row->softmax[k] != NULL) return (double)row->softmax[k][c];
    return exp((double)row->logits[k][c] * row->inverse_temperature - row->log_sum[k]);
}

/* out += scale * the probabilities of a teacher that knows every class */
static void add_teacher(const lyc__fusion_row *row, int k, float scale, float *out) {
    const float *softmax = row->softmax[k];
    if (softmax != NULL)
        for (int c = 0; c < row->classes; c++) out[c] += scale * softmax[c];
    else
        for (int c = 0; c < row->classes; c++) out[c] += scale * (float)probability(row, k, c);
}

static void mean_of_complete(const lyc__fusion_row *row, double divisor, float *out) {
    memset(out, 0, (size_t)row->classes * sizeof *out);
    for (int k = 0; k < row->selected; k++)
        if (row->complete[k]) add_teacher(row, k, (float)(row->weight[k] / divisor), out);
}

static void all_complete(const lyc__fusion_row *row, float *out) {
    mean_of_complete(row, 1.0, out);
}

/* A partial teacher k hands out, among its classes S_k, the mass M_k that the complete ones give to S_k, and
 * agrees with them elsewhere. `out` holds first the mixture of the complete ones, then the result, class by
 * class: nothing of another class is read once the masses are known. */
static void some_complete(const lyc__fusion_row *row, float *out) {
    double mass[LYC_MAX_TEACHERS];
    mean_of_complete(row, row->complete_weight, out);
    for (int k = 0; k < row->selected; k++) {
        mass[k] = 0.0;
        for (int c = 0; c < row->classes; c++)
            if (lyc__class_known(row->logits[k], c)) mass[k] += (double)out[c];
    }
    for (int c = 0; c < row->classes; c++) {
        double agreeing = row->complete_weight, own = 0.0;
        for (int k = 0; k < row->selected; k++) {
            if (row->complete[k]) continue;
            if (lyc__class_known(row->logits[k], c)) own += row->weight[k] * mass[k] * probability(row, k, c);
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
    for (int c = 0; c < row->classes; c++) {
        double weight = 0.0, sum = 0.0;
        for (int k = 0; k < row->selected; k++)
            if (lyc__class_known(row->logits[k], c)) {
                weight += row->weight[k];
                sum += row->weight[k] * probability(row, k, c);
            }
        out[c] = weight > 0.0 ? (float)(sum / weight) : 0.0F;
    }
    return normalise(out, row->classes);
}

const lyc__fusion_space lyc__fusion_probability = {
    .name = "probability",
    .doc = "arithmetic mixture: the weighted mean of the teachers' probabilities at the temperature",
    .mixes_probabilities = true,
    .all_complete = all_complete,
    .some_complete = some_complete,
    .none_complete = none_complete,
};

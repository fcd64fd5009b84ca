/* Geometric mixture of the teachers: p = softmax(sum_k w_k z^k / T), normalised over the classes. */
#include "student/fusion.h"

/* out = softmax(out) over the entries that are not -INFINITY; false when there is none. */
static bool softmax_in_place(float *out, int classes) {
    double log_sum = lyc__known_log_sum_exp(out, out, classes, 1.0);
    if (log_sum == -INFINITY) return false;
    for (int c = 0; c < classes; c++) out[c] = (float)exp((double)out[c] - log_sum);
    return true;
}

/* out = sum of the complete teachers' logits / T, each weight divided by `divisor`. */
static void mean_of_complete(const lyc__fusion_row *row, double divisor, float *out) {
    double scale[LYC_MAX_TEACHERS];
    for (int k = 0; k < row->selected; k++)
        scale[k] = row->complete[k] ? row->weight[k] / divisor * row->inverse_temperature : 0.0;
    for (int c = 0; c < row->classes; c++) {
        double sum = 0.0;
        for (int k = 0; k < row->selected; k++)
            if (row->complete[k]) sum += scale[k] * (double)row->logits[k][c];
        out[c] = (float)sum;
    }
}

static void all_complete(const lyc__fusion_row *row, float *out) {
    mean_of_complete(row, 1.0, out);
    (void)softmax_in_place(out, row->classes);
}

/* As in the probability space, a partial teacher is first completed: log softmax over its classes plus the
 * log of the mass M_k that the complete ones give to them; elsewhere it agrees with the complete ones. */
static void some_complete(const lyc__fusion_row *row, float *out) {
    double shift[LYC_MAX_TEACHERS];
    mean_of_complete(row, row->complete_weight, out);
    double log_total = lyc__known_log_sum_exp(out, out, row->classes, 1.0);
    for (int k = 0; k < row->selected; k++)
        if (!row->complete[k])
            shift[k] = lyc__known_log_sum_exp(out, row->logits[k], row->classes, 1.0) - log_total -
                       lyc__known_log_sum_exp(row->logits[k], row->logits[k], row->classes,
                                              row->inverse_temperature);
    for (int c = 0; c < row->classes; c++) {
        double agreeing = row->complete_weight, own = 0.0;
        for (int k = 0; k < row->selected; k++) {
            if (row->complete[k]) continue;
            if (lyc__class_known(row->logits[k], c))
                own += row->weight[k] * ((double)row->logits[k][c] * row->inverse_temperature + shift[k]);
            else agreeing += row->weight[k];
        }
        out[c] = (float)(agreeing * ((double)out[c] - log_total) + own);
    }
    (void)softmax_in_place(out, row->classes);
}

/* Per class the mean log-probability over the teachers that know it, then normalised over the classes. */
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
                sum += row->weight[k] * ((double)row->logits[k][c] * row->inverse_temperature - log_sum[k]);
            }
        out[c] = weight > 0.0 ? (float)(sum / weight) : -INFINITY;
    }
    return softmax_in_place(out, row->classes);
}

const lyc__fusion_space lyc__fusion_logit = {
    .name = "logit",
    .doc = "geometric mixture: softmax of the weighted mean of the teachers' logits at the temperature",
    .all_complete = all_complete,
    .some_complete = some_complete,
    .none_complete = none_complete,
};

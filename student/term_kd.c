/* Hinton, Vinyals, Dean 2015 (arXiv 1503.02531): T^2 / B * sum_b KL(p_b || q_b), q = softmax(s / T).
 * T^2 multiplies the soft term, so that its gradient, T (q - p) / B, does not shrink as T grows. */
#include <math.h>

#include "student/terms.h"

static double row_divergence(const float *target, const float *log_q, size_t classes) {
    double sum = 0.0;
    for (size_t c = 0; c < classes; c++) {
        double p = (double)target[c];
        if (p != 0.0) sum += p * (log(p) - (double)log_q[c]); /* 0 log 0 = 0; NaN passes through */
    }
    return sum;
}

static double shard(const lyc__term_shard *in, double weight, float *gradient) {
    double temperature = in->temperature, batch_rows = (double)in->batch_rows, sum = 0.0;
    float scale = (float)(weight * temperature / batch_rows);
    for (size_t b = 0; b < in->rows; b++) {
        if (!in->has_target[b]) continue;
        size_t first = b * in->classes;
        sum += row_divergence(in->target + first, in->log_q + first, in->classes);
        for (size_t i = first; i < first + in->classes; i++)
            gradient[i] += scale * (in->q[i] - in->target[i]);
    }
    return temperature * temperature / batch_rows * sum;
}

const lyc__term lyc__term_kd = {
    .name = "kd",
    .doc = "T^2 * KL(soft target || student), mean over the rows of the batch",
    .shard = shard,
};

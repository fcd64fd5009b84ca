/* Statistics of one row of logits z[classes] and its softmax p at T = 1. -INFINITY marks classes that a
 * teacher does not know; NaN in gives NaN out, which the callers check once for a whole batch. */
#ifndef LYC_AGENT_ROWS_H
#define LYC_AGENT_ROWS_H

#include <math.h>
#include <stddef.h>

/* Stands for -INFINITY where it is multiplied by a probability of 0. */
#define LYC__UNKNOWN (-1e30F)

/* z_c below the best logit, finite. */
static inline float lyc__row_below(const float *z, size_t best, size_t c) {
    float below = z[c] - z[best];
    return below < LYC__UNKNOWN ? LYC__UNKNOWN : below;
}

/* -sum p log p = -log p_best - sum_c p_c (z_c - z_best): one logarithm a row, and exactly 0 for a one-hot p.
 */
static inline float lyc__row_entropy(const float *z, const float *p, size_t best, size_t classes) {
    float dot = 0.0F;
    for (size_t c = 0; c < classes; c++) dot += p[c] * lyc__row_below(z, best, c);
    float entropy = -logf(p[best]) - dot;
    return entropy < 0.0F ? 0.0F : entropy;
}

#endif

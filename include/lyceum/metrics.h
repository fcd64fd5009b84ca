/* Measuring a classifier from its logits (formulas: docs/metrics.md). Every mean is weighted by rows. */
#ifndef LYCEUM_METRICS_H
#define LYCEUM_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "lyceum/error.h"

LYC_BEGIN_DECLS

#define LYC_ECE_BINS 15 /* equal-width bins (lo, hi] of the confidence */

typedef struct lyc_metrics {
    uint64_t rows;       /* labelled rows counted */
    double accuracy, nll, brier, ece, f1_macro, matthews; /* f1_macro: over classes that occur as label or prediction */
} lyc_metrics;
LYC_API LYC_MUST_USE lyc_status lyc_metrics_compute(lyc_metrics *out, const float *logits, const int32_t *labels, size_t rows,
                                                    int classes, lyc_error *err);

/* Student against a teacher or a mixture: share of equal argmax, and mean KL(teacher || student) at T = 1. */
typedef struct lyc_agreement { double agreement, kl; } lyc_agreement;
LYC_API void lyc_agreement_compute(lyc_agreement *out, const float *teacher_logits, const float *student_logits, size_t rows, int classes);

/* log of the mean probability of several teachers, in log space, out[rows, classes]. */
LYC_API void lyc_mixture_log_probabilities(const float *const *logits, int teachers, size_t rows, int classes, float *out);

LYC_END_DECLS

#endif

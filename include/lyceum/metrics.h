/* Measuring a classifier from its logits (formulas: docs/metrics.md). Every mean is weighted by rows, natural
 * logs, computed in double precision in the order of the rows. Logits are [rows, classes]; -INFINITY means
 * that the model does not know the class: probability 0. Ties of the argmax go to the lower class.
 * Thread-safe.
 */
#ifndef LYCEUM_METRICS_H
#define LYCEUM_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "lyceum/error.h"

LYC_BEGIN_DECLS

#define LYC_ECE_BINS 15 /* equal-width bins (lo, hi] of the confidence */

typedef struct lyc_metrics {
    uint64_t rows;   /* labelled rows counted; the others are left out of everything */
    double accuracy; /* share of rows whose argmax is the label */
    double nll;      /* mean -log p(label) at T = 1; INFINITY when a label's class is unknown to the model */
    double brier;    /* mean of sum_c (p_c - [c = label])^2, 0..2 */
    double ece;      /* expected calibration error, LYC_ECE_BINS bins */
    double f1_macro; /* mean over the classes that occur as label or prediction */
    double matthews; /* Gorodkin's R_K, -1..1; 0 when labels or predictions are all of one class */
} lyc_metrics;

/* Rows with label < 0 are skipped. With no labelled row, rows is 0 and every other figure NAN. LYC_ENUMERIC
 * names the row whose logits hold NaN or +INFINITY, or know no class; LYC_EMISMATCH the row whose label is no
 * class. */
LYC_API LYC_MUST_USE lyc_status lyc_metrics_compute(lyc_metrics *out, const float *logits,
                                                    const int32_t *labels, size_t rows, int classes,
                                                    lyc_error *err);

/* Student against a teacher or a mixture. Labels play no part: every row counts. */
typedef struct lyc_agreement {
    double agreement; /* share of equal argmax */
    double kl; /* mean KL(teacher || student) at T = 1; INFINITY where the student excludes what the teacher
                  allows */
} lyc_agreement;
/* Log-probabilities do as logits. Both are NAN for 0 rows; a row that holds NaN or +INFINITY makes `kl` NAN.
 */
LYC_API void lyc_agreement_compute(lyc_agreement *out, const float *teacher_logits,
                                   const float *student_logits, size_t rows, int classes);

/* log of the mean probability of several teachers, in log space, out[rows, classes]; -INFINITY where no
 * teacher knows the class. `out` may not overlap the logits. */
LYC_API void lyc_mixture_log_probabilities(const float *const *logits, int teachers, size_t rows, int classes,
                                           float *out);

LYC_END_DECLS

#endif

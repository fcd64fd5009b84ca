/* What an ablation says about differences: Student's t, paired comparisons, Holm's correction.
 *
 * Pure functions, thread-safe; formulas and their sources in docs/ablation.md.
 */
#ifndef LYCEUM_DISTILL_STATISTICS_H
#define LYCEUM_DISTILL_STATISTICS_H

#include <stddef.h>

/* Regularised incomplete beta function I_x(a, b), a and b above 0, x in [0, 1]; NAN outside. Relative error
 * under 1e-12 for a and b up to 100, 1e-8 up to 1e5 (Lentz's continued fraction, DLMF 8.17.22). */
double lyc__incomplete_beta(double a, double b, double x);
/* P(T <= t) of Student's t with `freedom` > 0 degrees of freedom, any real number. */
double lyc__t_distribution(double t, double freedom);
/* P(|T| >= |t|), without the cancellation that 2 * (1 - P(T <= |t|)) has in the tail. */
double lyc__t_two_sided(double t, double freedom);
/* The t with P(T <= t) = p, 0 < p < 1; NAN outside. */
double lyc__t_quantile(double p, double freedom);

/* Mean and sample deviation (n - 1); the deviation is NAN for fewer than 2 values, the mean for none. */
typedef struct lyc__sample {
    size_t count;
    double mean, deviation;
} lyc__sample;
lyc__sample lyc__sample_of(const double *values, size_t count);

/* The mean of paired differences. With fewer than 2 pairs, or where all differences are equal (to within
 * rounding), a t-test has nothing to measure a difference by: interval and p are NAN. */
typedef struct lyc__paired {
    size_t pairs;
    double mean;
    double low, high; /* 95 % interval of the mean difference, Student's t with pairs - 1 degrees */
    double p;         /* two-sided */
} lyc__paired;
lyc__paired lyc__paired_difference(const double *first, const double *second, size_t pairs);

/* Holm's step-down correction: corrected[i] belongs to p[i]. NAN stays NAN and does not count as a test.
 * The arrays may not overlap. O(count^2): tables are short. */
void lyc__holm(const double *p, size_t count, double *corrected);

#endif

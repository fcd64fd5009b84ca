/* Running mean and variance of a few features (Welford 1962), for z-scores.
 *
 * One statistic serves all teachers: normalising each teacher by itself would erase the differences between
 * them. The state is three arrays of plain numbers, kept by the owner and part of a checkpoint.
 */
#ifndef LYC_AGENT_NORMALISER_H
#define LYC_AGENT_NORMALISER_H

#include <stddef.h>

#define LYC__NORMALISER_LIMIT 5.0 /* z-scores are clipped to +- this */

typedef struct lyc__normaliser {
    double *count, *mean, *m2; /* [features]; m2 = sum of squared deviations */
} lyc__normaliser;

void lyc__normaliser_push(lyc__normaliser *normaliser, size_t feature, double value);
/* (value - mean) / deviation, clipped; 0 while the deviation is 0 (nothing seen, or always the same). */
double lyc__normaliser_apply(const lyc__normaliser *normaliser, size_t feature, double value);

#endif

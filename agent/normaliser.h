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

/* Values that belong together, before they enter: sums of their distances from the first of them, so that a
 * sample of equal values has no deviation, not even that of rounding. Zero is an empty one. */
typedef struct lyc__sample {
    double count, first, sum, square;
} lyc__sample;

/* What makes z-scores of a feature's values: 0 while the deviation is 0 (nothing seen, or always the same).
 */
typedef struct lyc__score {
    double mean, inverse;
} lyc__score;

static inline void lyc__sample_add_times(lyc__sample *sample, double value, double times) {
    if (sample->count == 0.0) sample->first = value;
    double distance = value - sample->first;
    sample->count += times;
    sample->sum += times * distance;
    sample->square += times * distance * distance;
}

static inline void lyc__sample_add(lyc__sample *sample, double value) {
    lyc__sample_add_times(sample, value, 1.0);
}

/* (value - mean) / deviation, clipped. */
static inline double lyc__score_of(const lyc__score *score, double value) {
    double z = (value - score->mean) * score->inverse;
    z = z > LYC__NORMALISER_LIMIT ? LYC__NORMALISER_LIMIT : z;
    return z < -LYC__NORMALISER_LIMIT ? -LYC__NORMALISER_LIMIT : z;
}

void lyc__normaliser_push(lyc__normaliser *normaliser, size_t feature, double value);
/* As if the sample's values had been pushed one after the other (Chan, Golub, LeVeque 1979). */
void lyc__normaliser_merge(lyc__normaliser *normaliser, size_t feature, const lyc__sample *sample);
lyc__score lyc__normaliser_score(const lyc__normaliser *normaliser, size_t feature);
double lyc__normaliser_apply(const lyc__normaliser *normaliser, size_t feature, double value);

#endif

#include "agent/normaliser.h"

#include <math.h>

void lyc__normaliser_push(lyc__normaliser *normaliser, size_t feature, double value) {
    normaliser->count[feature] += 1.0;
    double before = value - normaliser->mean[feature];
    normaliser->mean[feature] += before / normaliser->count[feature];
    normaliser->m2[feature] += before * (value - normaliser->mean[feature]);
}

double lyc__normaliser_apply(const lyc__normaliser *normaliser, size_t feature, double value) {
    if (!(normaliser->m2[feature] > 0.0)) return 0.0;
    double mean = normaliser->mean[feature];
    double deviation = sqrt(normaliser->m2[feature] / normaliser->count[feature]);
    /* A feature that never changes has only rounding for a deviation; it must not be blown up to +-1. */
    double rounding = 1e-9 * fabs(mean);
    double z = (value - mean) / (deviation > rounding ? deviation : rounding);
    if (z > LYC__NORMALISER_LIMIT) return LYC__NORMALISER_LIMIT;
    return z < -LYC__NORMALISER_LIMIT ? -LYC__NORMALISER_LIMIT : z;
}

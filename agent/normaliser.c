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
    double z =
        (value - normaliser->mean[feature]) / sqrt(normaliser->m2[feature] / normaliser->count[feature]);
    if (z > LYC__NORMALISER_LIMIT) return LYC__NORMALISER_LIMIT;
    return z < -LYC__NORMALISER_LIMIT ? -LYC__NORMALISER_LIMIT : z;
}

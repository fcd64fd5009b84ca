#include "agent/normaliser.h"

#include <math.h>

void lyc__normaliser_push(lyc__normaliser *normaliser, size_t feature, double value) {
    normaliser->count[feature] += 1.0;
    double before = value - normaliser->mean[feature];
    normaliser->mean[feature] += before / normaliser->count[feature];
    normaliser->m2[feature] += before * (value - normaliser->mean[feature]);
}

void lyc__normaliser_merge(lyc__normaliser *normaliser, size_t feature, const lyc__sample *sample) {
    if (sample->count == 0.0) return;
    double before = normaliser->count[feature], count = before + sample->count;
    double mean = sample->first + sample->sum / sample->count;
    double apart = mean - normaliser->mean[feature], share = sample->count / count;
    normaliser->m2[feature] += fmax(0.0, sample->square - sample->sum * sample->sum / sample->count) +
                               apart * apart * before * share;
    normaliser->mean[feature] += apart * share;
    normaliser->count[feature] = count;
}

lyc__score lyc__normaliser_score(const lyc__normaliser *normaliser, size_t feature) {
    double m2 = normaliser->m2[feature];
    return (lyc__score){normaliser->mean[feature],
                        m2 > 0.0 ? 1.0 / sqrt(m2 / normaliser->count[feature]) : 0.0};
}

double lyc__normaliser_apply(const lyc__normaliser *normaliser, size_t feature, double value) {
    lyc__score score = lyc__normaliser_score(normaliser, feature);
    return lyc__score_of(&score, value);
}

#include "agent/scale.h"

#include <math.h>

void lyc__scale_push(lyc__scale *scale, double value) {
    scale->sum = LYC__SCALE_DECAY * scale->sum + (1.0 - LYC__SCALE_DECAY) * value * value;
    scale->weight = LYC__SCALE_DECAY * scale->weight + (1.0 - LYC__SCALE_DECAY);
}

double lyc__scale_apply(const lyc__scale *scale, double value, double clip) {
    if (!(scale->sum > 0.0)) return 0.0;
    return fmax(-clip, fmin(clip, value / sqrt(scale->sum / scale->weight)));
}

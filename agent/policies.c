#include <math.h>
#include <string.h>

#include "agent/policy.h"

const lyc__policy_kind *const lyc__policy_kinds[] = {&lyc__policy_shared, &lyc__policy_logits, NULL};

size_t lyc__policy_observation_size(const lyc__policy_shape *shape) {
    return (size_t)shape->teachers * (size_t)shape->own + (size_t)shape->global;
}

void lyc__policy_pool(const lyc__policy_shape *shape, const double *observation, double *out) {
    size_t teachers = (size_t)shape->teachers, own = (size_t)shape->own;
    for (size_t f = 0; f < own; f++) {
        double sum = 0.0, most = observation[f];
        for (size_t k = 0; k < teachers; k++) {
            double value = observation[k * own + f];
            sum += value;
            if (value > most) most = value;
        }
        out[f] = sum / (double)teachers;
        out[own + f] = most;
    }
    memcpy(out + 2 * own, observation + teachers * own, (size_t)shape->global * sizeof *out);
}

double lyc__policy_limit(double floor) {
    return log((1.0 - floor) / floor);
}

static void clamp(const double *raw, int teachers, double limit, double *out) {
    for (int k = 0; k < teachers; k++) out[k] = fmax(-limit, fmin(limit, raw[k]));
}

void lyc__policy_centre(lyc__heads *heads, int teachers) {
    double mean = 0.0;
    for (int k = 0; k < teachers; k++) mean += heads->score[k] / teachers;
    for (int k = 0; k < teachers; k++) heads->score[k] -= mean;
}

void lyc__policy_floor(const lyc__heads *raw, int teachers, double limit, lyc__heads *out) {
    clamp(raw->select, teachers, limit, out->select);
    clamp(raw->score, teachers, limit, out->score);
}

static void hold_back(const double *raw, int teachers, double limit, double *credit, double *entropy) {
    const double furthest = limit + LYC__POLICY_SLACK;
    for (int k = 0; k < teachers; k++) {
        if (fabs(raw[k]) >= furthest && raw[k] * credit[k] > 0.0) credit[k] = 0.0;
        if (fabs(raw[k]) >= limit) entropy[k] = 0.0;
    }
}

void lyc__policy_floor_backward(const lyc__heads *raw, int teachers, double limit, lyc__heads *credit,
                                lyc__heads *entropy) {
    hold_back(raw->select, teachers, limit, credit->select, entropy->select);
    hold_back(raw->score, teachers, limit, credit->score, entropy->score);
}

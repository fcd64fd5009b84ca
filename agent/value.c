#include "agent/value.h"

#define CONSTANT_INPUT 4.0

size_t lyc__value_size(const lyc__policy_shape *shape) {
    return 2 * (size_t)shape->own + (size_t)shape->global + 1;
}

double lyc__value_forward(const lyc__policy_shape *shape, const double *w, const double *observation,
                          double *x) {
    size_t size = lyc__value_size(shape);
    lyc__policy_pool(shape, observation, x);
    x[size - 1] = CONSTANT_INPUT;
    double value = 0.0;
    for (size_t i = 0; i < size; i++) value += w[i] * x[i];
    return value;
}

void lyc__value_gradient(size_t size, const double *x, double value, double reward, double *gradient) {
    for (size_t i = 0; i < size; i++) gradient[i] = (value - reward) * x[i];
}

void lyc__value_learn(const lyc__policy_shape *shape, double *w, const double *observation, double target,
                      double share, double *scratch) {
    size_t size = lyc__value_size(shape);
    double *x = scratch, *gradient = scratch + size, power = 1.0;
    double value = lyc__value_forward(shape, w, observation, x);
    lyc__value_gradient(size, x, value, target, gradient);
    for (size_t i = 0; i < size; i++) power += x[i] * x[i];
    for (size_t i = 0; i < size; i++) w[i] -= LYC__VALUE_RATE * share * gradient[i] / power;
}

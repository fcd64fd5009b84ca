#include "agent/adam.h"

#include <math.h>

#define BETA_1  0.9
#define BETA_2  0.999
#define EPSILON 1e-8

void lyc__policy_adam_ascend(lyc__policy_adam *adam, double *params, const double *gradient, size_t size,
                             double rate) {
    *adam->steps += 1;
    double steps = (double)*adam->steps;
    double correct_1 = 1.0 - pow(BETA_1, steps), correct_2 = 1.0 - pow(BETA_2, steps);
    for (size_t i = 0; i < size; i++) {
        adam->m[i] = BETA_1 * adam->m[i] + (1.0 - BETA_1) * gradient[i];
        adam->v[i] = BETA_2 * adam->v[i] + (1.0 - BETA_2) * gradient[i] * gradient[i];
        params[i] += rate * (adam->m[i] / correct_1) / (sqrt(adam->v[i] / correct_2) + EPSILON);
    }
}

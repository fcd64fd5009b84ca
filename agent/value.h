/* The baseline of on-policy credit: a linear estimate of the reward from the pooled observation.
 *
 *     V(o) = w . x,   x = (mean and maximum over teachers, global, 4)
 *
 * Learned by normalised least mean squares (Widrow & Hoff 1960), w += rate (r - V) x / (|x|^2 + 1), which
 * asks for no scale of the reward; rewards shrink a lot over a run. The constant input is 4, so that the mean
 * of the rewards is found within tens of intervals. V looks at nothing that the sampled action changes, so it
 * biases nothing.
 */
#ifndef LYC_AGENT_VALUE_H
#define LYC_AGENT_VALUE_H

#include "agent/policy.h"

#define LYC__VALUE_RATE 0.2

size_t lyc__value_size(const lyc__policy_shape *shape); /* of w and of x */
/* Fills x[size] and returns V. */
double lyc__value_forward(const lyc__policy_shape *shape, const double *w, const double *observation,
                          double *x);
/* gradient[size] of (r - V)^2 / 2 in w. */
void lyc__value_gradient(size_t size, const double *x, double value, double reward, double *gradient);
/* One step, times `share`, towards `target` at an observation; scratch [2 size]. */
void lyc__value_learn(const lyc__policy_shape *shape, double *w, const double *observation, double target,
                      double share, double *scratch);

#endif

/* Weights from scores: w = softmax over the selected of u_k, with u_k ~ Normal(mu_k, sigma^2) where they are
 * drawn.
 *
 * The weights sum to 1 over the selected, whatever their number, and are 0 elsewhere. Allocates nothing;
 * thread-safe. `select` is never empty.
 */
#ifndef LYC_AGENT_SCORES_H
#define LYC_AGENT_SCORES_H

#include <stdint.h>

#include "lyceum/random.h"

void lyc__scores_sample(const double *mu, double sigma, const uint8_t *select, int teachers,
                        lyc_random *random, double *score);
/* sum over the selected of log N(u_k; mu_k, sigma). */
double lyc__scores_log_density(const double *mu, double sigma, const uint8_t *select, const double *score,
                               int teachers);
/* gradient[k] += scale * (u_k - mu_k) / sigma^2 for the selected. */
void lyc__scores_log_density_gradient(const double *mu, double sigma, const uint8_t *select,
                                      const double *score, int teachers, double scale, double *gradient);

void lyc__scores_softmax(const double *score, const uint8_t *select, int teachers, double *weight);

/* mean[k] = E over the non-empty selections of softmax over the selected of mu, by a quadrature that is exact
 * to rounding for any number of teachers (docs/credit.md). `logit` as in agent/subset.h. Sums to 1. */
void lyc__scores_mean_weights(const double *logit, const double *mu, int teachers, double *mean);

#endif

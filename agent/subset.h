/* The distribution over non-empty selections: m_k ~ Bernoulli(sigmoid(l_k)), conditioned on at least one m_k
 * = 1.
 *
 *     log pi(m) = sum_k [m_k log p_k + (1 - m_k) log(1 - p_k)] - log Z,   Z = 1 - P0,   P0 = prod_k (1 - p_k)
 *
 * The same thing as a softmax over the non-empty subsets of sum_k m_k l_k, hence an exponential family: the
 * gradient of log pi in l_k is m_k - E[m_k] with the conditional mean E[m_k] = p_k / Z. Everything here is
 * exact, allocates nothing, and takes any finite logits and 1 to LYC_MAX_TEACHERS teachers. Thread-safe.
 */
#ifndef LYC_AGENT_SUBSET_H
#define LYC_AGENT_SUBSET_H

#include <stdint.h>

#include "lyceum/random.h"

double lyc__sigmoid(double logit);

/* One draw, never empty, without rejection; uses exactly `teachers` uniform numbers. */
void lyc__subset_sample(const double *logit, int teachers, lyc_random *random, uint8_t *select);
/* `select` must not be empty. */
double lyc__subset_log_prob(const double *logit, int teachers, const uint8_t *select);
/* gradient[k] += scale * d log pi(select) / d l_k = scale * (m_k - p_k / Z). */
void lyc__subset_log_prob_gradient(const double *logit, int teachers, const uint8_t *select, double scale,
                                   double *gradient);

/* Conditional entropy in nats: log Z + (sum_k H_k + P0 log P0) / Z, H_k the binary entropies. */
double lyc__subset_entropy(const double *logit, int teachers);
void lyc__subset_entropy_gradient(const double *logit, int teachers, double scale, double *gradient);

/* mean[k] = E[m_k / |S|], by the Poisson-binomial recursion over the other teachers. Sums to 1. */
void lyc__subset_mean_weights(const double *logit, int teachers, double *mean);

/* Mean weights, log-probability of `select` and entropy at once, for little more than one of them. */
void lyc__subset_describe(const double *logit, int teachers, const uint8_t *select, double *mean,
                          double *log_prob, double *entropy);

/* The greedy set: every teacher with p_k > 1/2, else the one with the largest p_k (the first of equals). */
void lyc__subset_greedy(const double *logit, int teachers, uint8_t *select);

#endif

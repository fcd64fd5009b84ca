/* What the algorithms on policy share: the open interval, every decision since the last reward, and the
 * baseline that its reward is compared with. */
#ifndef LYC_AGENT_ON_POLICY_H
#define LYC_AGENT_ON_POLICY_H

#include "agent/algorithm.h"

typedef struct lyc__on_policy {
    lyc__memory memory;
    double *w, *scratch;                /* the baseline's parameters; [2 value size] */
    double *mean;                       /* [observation size] */
    double *value, *advantage, *target; /* [batches]: of the interval that is being learned */
    double *old_log_prob;               /* [batches][rows] */
} lyc__on_policy;

/* The hooks of an algorithm; self->own is the interval. */
LYC_MUST_USE lyc_status lyc__on_policy_create(lyc__learner *self, lyc_strategy *strategy, lyc_error *err);
lyc_status lyc__on_policy_ready(const lyc__learner *self, lyc_error *err);
double lyc__on_policy_begin(lyc__learner *self, const double *observation, size_t rows);
void lyc__on_policy_remember(const lyc__learner *self, size_t row, const double *observation,
                             const lyc_action *action);

/* Fills value[i] = V(o_i), advantage[i] and target[i] = value[i] + advantage[i] with the generalised
 * advantages (Schulman et al. 2016, arXiv 1506.02438) of a reward that comes after the interval's last batch:
 *     delta_i = r_i + discount V(o_{i+1}) - V(o_i),   A_i = delta_i + discount lambda A_{i+1}
 * with r_i = 0 but for the last, and nothing beyond it. With discount = lambda = 1, A_i = r - V(o_i). */
void lyc__on_policy_advantages(const lyc__learner *self, double reward, double discount, double lambda);

/* Learns from the reward of the interval and forgets it: `epochs` passes, each an ascent along
 *     sum over the batches of  clip(A_i / rms) * grad log pi + entropy * grad H
 * where rms is the running size of mean A, and from the second pass on grad log pi carries the ratio of
 * probabilities as ppo clips it; then the baseline moves towards the targets. */
void lyc__on_policy_learn(lyc__learner *self, double reward, double discount, double lambda, int epochs,
                          lyc_feedback *out);

#endif

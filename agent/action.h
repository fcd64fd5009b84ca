/* Actions: a non-empty selection and weights over it, drawn from the two heads of a policy.
 *
 * A mode says which parts are drawn; a part that is not drawn is fixed (everybody selected, equal weights)
 * and has no probability, gradient or entropy. Allocates nothing; thread-safe.
 */
#ifndef LYC_AGENT_ACTION_H
#define LYC_AGENT_ACTION_H

#include "agent/policy.h"
#include "lyceum/agent.h"
#include "lyceum/random.h"

typedef struct lyc__action_law {
    int teachers;
    bool selects; /* draws the selection; else everybody is in it */
    bool weighs;  /* draws the scores of the weights; else they are equal */
    double sigma; /* deviation of the scores */
} lyc__action_law;

lyc__action_law lyc__action_law_of(const lyc_agent_options *options, int teachers);

/* Draws an action and its log-probability. */
void lyc__action_sample(const lyc__action_law *law, const lyc__heads *heads, lyc_random *random,
                        lyc_action *out);
/* log pi: of the selection given that it is not empty, plus the density of the scores of the selected. */
double lyc__action_log_prob(const lyc__action_law *law, const lyc__heads *heads, const lyc_action *action);
/* gradient += scale * d log pi / d heads. */
void lyc__action_log_prob_gradient(const lyc__action_law *law, const lyc__heads *heads,
                                   const lyc_action *action, double scale, lyc__heads *gradient);
/* Entropy of the selection, nats; 0 where none is drawn. The scores' is a constant, since sigma is. */
double lyc__action_entropy(const lyc__action_law *law, const lyc__heads *heads);
void lyc__action_entropy_gradient(const lyc__action_law *law, const lyc__heads *heads, double scale,
                                  lyc__heads *gradient);

/* The policy's mean weights: over selections, with the scores at their means. Sums to 1. */
void lyc__action_mean_weights(const lyc__action_law *law, const lyc__heads *heads, double *weight);
/* The greedy set, with the scores at their means; weight: the policy's mean weights, which come out as
 * mean[teachers], inside the set, sum 1. `entropy` is lyc__action_entropy. */
void lyc__action_greedy(const lyc__action_law *law, const lyc__heads *heads, double *mean, double *entropy,
                        lyc_action *out);

/* Whether two actions would teach the same thing. */
bool lyc__action_equal(const lyc__action_law *law, const lyc_action *a, const lyc_action *b);

#endif

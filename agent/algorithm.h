/* Algorithms: how a reward becomes an update of the policy. One row of the table in algorithms.c, one file
 * algorithm_<name>.c; the configuration's kind of credit picks the row, on policy agent.on_policy.algorithm.
 *
 * The learner is what they share: the policy's parameters, its optimiser, the running size of the rewards.
 */
#ifndef LYC_AGENT_ALGORITHM_H
#define LYC_AGENT_ALGORITHM_H

#include "agent/action.h"
#include "agent/adam.h"
#include "agent/lots.h"
#include "agent/memory.h"
#include "agent/policy.h"
#include "agent/scale.h"
#include "agent/strategy.h"

typedef struct lyc__algorithm_kind lyc__algorithm_kind;

typedef struct lyc__learner {
    const lyc__algorithm_kind *algorithm;
    const lyc__policy_kind *policy;
    lyc__policy_shape shape;
    lyc__action_law law;
    double limit; /* of the policy's outputs: the exploration floor */
    double learning_rate, entropy, clip;
    double discount, lambda; /* on policy: of the generalised advantages */
    double ratio_clip;       /* ppo: how far from 1 a ratio of probabilities is followed */
    int epochs;              /* ppo: passes over an interval */
    size_t interval;         /* on policy: batches to a reward, at most */
    size_t rows;             /* decisions a batch, at most: 1 unless decided per instance */
    size_t size;             /* of params, gradient and the optimiser's moments */
    size_t observation_size;
    double *params, *gradient;
    lyc__lots lots;
    double *workspace;     /* the first lot's, for single decisions */
    double *lot_gradients; /* [lots][size]; NULL with one lot */
    lyc_pool *pool;        /* of the last decision; NULL: none */
    lyc_priority priority;
    double lr_fraction; /* the student's schedule at the last decision, which the policy's own rate follows */
    lyc__policy_adam adam;
    lyc__scale *scale; /* of probe differences, or of rewards around the baseline */
    void *own;         /* of the algorithm */
} lyc__learner;

struct lyc__algorithm_kind {
    const char *name, *doc;
    lyc_credit_kind credit;
    bool acts; /* its sampled actions teach the real student */
    lyc_status (*create)(lyc__learner *self, lyc_strategy *strategy, lyc_error *err);
    /* acts: room for one more batch? Asked before anything else of a decision. */
    lyc_status (*ready)(const lyc__learner *self, lyc_error *err);
    /* acts: a batch of `rows` decisions begins, of which `observation` is the mean; returns the baseline's
     * estimate. */
    double (*begin)(lyc__learner *self, const double *observation, size_t rows);
    /* A sampled action and what it was drawn at. acts: every decision of the batch begun, by any threads. */
    void (*remember)(const lyc__learner *self, size_t row, const double *observation,
                     const lyc_action *action);
    /* One of the two. The rewards are finite. */
    void (*learn_pair)(lyc__learner *self, const lyc_action *a, const lyc_action *b, double reward_a,
                       double reward_b, lyc_feedback *out);
    void (*learn_reward)(lyc__learner *self, double reward, lyc_feedback *out);
};

/* Ended by a NULL. */
extern const lyc__algorithm_kind *const lyc__algorithm_kinds[];
extern const lyc__algorithm_kind lyc__algorithm_probe, lyc__algorithm_reinforce, lyc__algorithm_a2c,
    lyc__algorithm_ppo;

/* Policy, optimiser and scale from the strategy's arena, all of it kept in its state, then the algorithm's
 * own. */
LYC_MUST_USE lyc_status lyc__learner_create(lyc__learner *self, lyc_strategy *strategy,
                                            const lyc_agent_options *options, lyc__policy_shape shape,
                                            lyc_error *err);
/* The heads at an observation, after the floor; raw (may be NULL) gets them before it. */
void lyc__learner_forward(lyc__learner *self, const double *observation, lyc__heads *raw, lyc__heads *heads);
/* The same of observations[rows] with the policy's workspace given, so that several threads may do it at a
 * time. */
void lyc__learner_heads(const lyc__learner *self, const double *observations, size_t rows, double *workspace,
                        lyc__heads *raw, lyc__heads *heads);

/* The credit of one sampled action, added to the gradient in the heads: advantage * grad log pi(a). */
void lyc__reinforce_credit(const lyc__action_law *law, const lyc__heads *heads, const lyc_action *action,
                           double advantage, lyc__heads *gradient);
/* And of a pair: advantage * (grad log pi(a) - grad log pi(b)) / 2. */
void lyc__probe_credit(const lyc__action_law *law, const lyc__heads *heads, const lyc_action *a,
                       const lyc_action *b, double advantage, lyc__heads *gradient);

/* A pair that was tried per instance: reward_a and reward_b of what the two memories hold. */
void lyc__probe_learn_trials(lyc__learner *self, const lyc__memory *a, const lyc__memory *b, double reward_a,
                             double reward_b, lyc_feedback *out);

/* Around the decisions that a reward credits: start clears the parameters' gradient; add carries the credit
 * of one decision and its entropy bonus, times `entropy`, through the floor back to the parameters (the last
 * forward pass must be that decision's; credit is changed); finish ascends and returns the gradient's norm.
 */
void lyc__learner_start(lyc__learner *self);
void lyc__learner_add(lyc__learner *self, const double *observation, const lyc__heads *raw,
                      const lyc__heads *heads, double entropy, lyc__heads *credit);
double lyc__learner_finish(lyc__learner *self);

/* What all decisions of a remembered batch add: credit * grad log pi + entropy * grad H each. */
typedef struct lyc__share {
    double credit, entropy;
} lyc__share;
/* Shares of `decisions` decisions that one advantage credits: advantage / sqrt(decisions), since that is how
 * a sum of independent ones grows, and the mean of the entropies. */
lyc__share lyc__learner_share(const lyc__learner *self, double advantage, size_t decisions);
/* old_log_prob [rows]: the credit is ppo's, times pi / pi_old and 0 where that ratio is clipped; else NULL.
 * The lots' gradients are summed in a fixed tree. */
void lyc__learner_add_batch(lyc__learner *self, const lyc__memory *memory, size_t at, lyc__share share,
                            const double *old_log_prob);

#endif

/* The agent and its rivals: whoever decides, for a batch, which teachers teach and how much.
 *
 * One interface for the learned policy and for every fixed strategy. The agent sees numbers only (logits,
 * labels, statistics); it knows nothing of files, students or teachers' kinds. Formulas: docs/credit.md; Williams
 * 1992 (REINFORCE); Yuan et al. 2021 (arXiv 2012.06048) for the setting.
 *
 *     lyc_strategy_create(&agent, &options, &facts, seed, batch, &err);
 *     for each batch:
 *         lyc_strategy_decide(agent, &input, &decision, &err);           // decision.weights teach the student
 *         if (probe is due) {                                             // options.credit.kind is LYC_CREDIT_PROBE
 *             lyc_action a, b;
 *             lyc_strategy_sample(agent, &input, 0, &a);
 *             lyc_strategy_sample(agent, &input, 1, &b);
 *             ... two clones of the student learn on the next batches what lyc_strategy_follow gives for a and for
 *                 b, giving reward_a and reward_b ...
 *             lyc_strategy_learn_pair(agent, &a, &b, reward_a, reward_b, &feedback, &err);
 *         }
 *     lyc_strategy_destroy(agent);
 *
 * Errors: LYC_ECONFIG for options that are wrong, naming the key; LYC_ENUMERIC for logits or rewards that are not
 * numbers, naming the teacher, with nothing changed; LYC_EINTERNAL for calls in an order that makes no sense.
 * Thread-safety: one strategy is used by one thread at a time; different ones share nothing.
 */
#ifndef LYCEUM_AGENT_H
#define LYCEUM_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lyceum/checkpoint.h"
#include "lyceum/error.h"
#include "lyceum/pool.h"

LYC_BEGIN_DECLS

#define LYC_MAX_TEACHERS 32

typedef enum lyc_action_mode { LYC_ACTION_SELECT, LYC_ACTION_WEIGHT, LYC_ACTION_SELECT_WEIGHT } lyc_action_mode;
typedef enum lyc_agent_network { LYC_AGENT_SHARED, LYC_AGENT_LOGITS } lyc_agent_network;
typedef enum lyc_granularity { LYC_GRANULARITY_BATCH, LYC_GRANULARITY_INSTANCE } lyc_granularity;
typedef enum lyc_teach_mode { LYC_TEACH_MEAN, LYC_TEACH_GREEDY } lyc_teach_mode;
/* What of the student an influence goes through: nothing is asked for, its last layer, all of it. */
typedef enum lyc_influence { LYC_INFLUENCE_NONE, LYC_INFLUENCE_LAST, LYC_INFLUENCE_FULL } lyc_influence;
typedef enum lyc_credit_kind { LYC_CREDIT_PROBE, LYC_CREDIT_ON_POLICY } lyc_credit_kind;

/* How an interval's reward becomes an update, with credit on policy. */
typedef enum lyc_on_policy_algorithm { LYC_ON_POLICY_REINFORCE, LYC_ON_POLICY_A2C, LYC_ON_POLICY_PPO } lyc_on_policy_algorithm;

/* What a student's improvement is measured by: docs/credit.md. */
typedef enum lyc_reward_kind { LYC_REWARD_LOSS, LYC_REWARD_CALIBRATED, LYC_REWARD_ACCURACY, LYC_REWARD_F1 } lyc_reward_kind;

typedef struct lyc_agent_options {
    const char *strategy;       /* "learned", "uniform", "single:<teacher>", ... : a row of the table */
    double *weights;            /* `static`: one per teacher, >= 0, sum > 0 (normalised) */
    size_t weight_count;
    const char *init;           /* `learned`: checkpoint file or run directory whose policy it goes on from; or NULL */
    lyc_action_mode action;
    lyc_teach_mode teach;
    lyc_granularity granularity; /* one decision for a batch, or one for each of its rows */
    lyc_agent_network network;  /* one MLP for all teachers, or free logits that look at nothing */
    int hidden;                 /* width of the shared policy's tanh layer (32) */
    double learning_rate;       /* Adam; 0.02, free logits 0.1 */
    double entropy;             /* weight of the entropy bonus, 0.01 */
    double exploration_floor;   /* least probability p of a teacher's selection, before conditioning; none is over 1 - p
                                   either, and no mean weight score lies more than log((1 - p) / p) from 0
                                   (sigmoid(-3), 0.0474) */
    double sigma;               /* deviation of the Normal of the weight scores, 0.5 */
    double clip;                /* on the normalised probe difference, 4 */
    double warmup;              /* share of the run, 0 .. 1, in which all teachers teach alike whatever the policy says;
                                   it learns from probes meanwhile, and nothing on policy (0) */
    struct {
        lyc_credit_kind kind;
        int every;              /* probe: batches between probes (48; per instance 16) */
        int steps;              /* R: virtual steps of a probe; length of an interval on policy (16; of probes per
                                   instance 4) */
        int samples;            /* n: held-out samples a reward is measured on (2048; capped at the split) */
        int delay;              /* probe: batches between drawing two actions and learning from them, at most `every`;
                                   0: at once. For whoever runs the probes */
    } credit;
    struct {
        lyc_reward_kind kind;
        double cost;            /* subtracted from a reward, times the share of the teachers that were selected (0) */
    } reward;                   /* for whoever measures the student; the strategies only see the result */
    struct {
        lyc_on_policy_algorithm algorithm;
        double discount;        /* a2c, ppo: of a reward, by batches to it (0.99) */
        double lambda;          /* a2c, ppo: 1 trusts the reward, 0 the baseline (0.95) */
        double clip;            /* ppo: how far from 1 a ratio of probabilities is followed (0.2) */
        int epochs;             /* ppo: passes over an interval (4) */
    } on_policy;
} lyc_agent_options;

/* Known before the first batch; constants of the run. Arrays of [teachers], copied on creation. A cross-entropy may be
 * infinite (a teacher that does not know every class); NaN is refused by the strategies that look at it. With no
 * teachers only `none` can be made, and the arrays may be NULL. */
typedef struct lyc_agent_facts {
    int teachers, classes;
    const char *const *names;
    const double *reward_ce, *reward_accuracy; /* of each teacher on the reward split */
    const double *reward_ce_by_answer, *reward_accuracy_by_answer; /* [teachers, classes] the same of the rows there that
                                                  the teacher answers with that class; both NULL: not known.
                                                  LYC_EUSAGE for one without the other, LYC_ENUMERIC for NaN, by
                                                  the strategies that look at them */
    const double *valid_ce, *valid_accuracy;   /* and on the validation split */
    size_t valid_rows;                         /* its labelled rows */
    const float *valid_log_prob;               /* [valid_rows, teachers] each teacher's log-probability of the label, T = 1;
                                                  -INFINITY where it does not know the class. Read on creation, not
                                                  copied; only `logistic` looks at it */
} lyc_agent_facts;

/* What a decision may look at: the current batch, before the student's update on it. */
typedef struct lyc_decision_input {
    uint64_t seed;               /* the training seed */
    uint32_t epoch, step;        /* key of random draws: step within the epoch */
    uint64_t global_step;
    size_t rows;                        /* 1 .. max_rows */
    const float *const *teacher_logits; /* [teachers] -> [rows, classes]; -INFINITY where a class is unknown */
    const float *student_logits;        /* [rows, classes] */
    const int32_t *labels;              /* [rows], LYC_UNLABELLED where withheld */
    double temperature;                 /* of the distillation loss */
    double progress;                    /* global_step / total steps */
    double lr_fraction;                 /* scheduled rate / base rate; the policy's own rate follows it */
    const float *influence;             /* [rows, teachers] for strategies that ask for it (lyc_strategy_influence): to first
                                           order, up to one factor, by how much following the teacher on this row would
                                           lower the held-out loss; NULL otherwise */
    lyc_pool *pool;                     /* whose idle threads help, also to learn from what is decided now: it lives until
                                           then. NULL: none. No result depends on it */
    lyc_priority priority;
} lyc_decision_input;

/* The weights teach; the selection is the 0/1 record of the decision. They agree (weight 0 where not selected) except
 * for the learned strategy with teach = mean: there the weights are the policy's means over its selections, so that
 * every teacher has some, and `select` is the policy's greedy set. */
typedef struct lyc_decision {
    bool distils;                /* false: no KD term for this batch (`none`) */
    bool per_row;                /* weights differ by row */
    const float *weights;        /* [teachers], or [rows, teachers] when per_row; each row sums to 1 (all 0 without
                                    distillation); borrowed until the next decide */
    uint8_t select[LYC_MAX_TEACHERS];    /* never empty where it distils; fixed rules per row: whoever has weight on
                                            any; a policy per instance: whoever is selected on at least half of them,
                                            or on the most */
    const uint8_t *row_select;   /* [rows, teachers], borrowed as the weights are; NULL unless a policy decided per
                                    instance */
    float mean_weight[LYC_MAX_TEACHERS]; /* over the rows */
    double log_prob;             /* of the selection (and of the scores: their means, or as sampled on policy); per
                                    instance the sum over the rows; NAN for fixed strategies and in the warm-up */
    double entropy;              /* of the policy's selection, given that it is not empty, nats; 0 where the action
                                    mode draws none; per instance the mean over the rows; NAN for fixed strategies */
    double value;                /* baseline's estimate of the reward (on policy), else NAN */
    const double *observation;   /* [observation_size], normalised, per instance the mean over the rows; borrowed until
                                    the next decide; NULL for strategies that look at nothing */
} lyc_decision;

/* One sampled action of the learned policy: a set and weights over it, held for a probe or a batch. Per instance it
 * stands for what lyc_strategy_follow drew row by row, and is their summary: empty before. */
typedef struct lyc_action {
    uint8_t select[LYC_MAX_TEACHERS]; /* never empty; per instance whoever was selected on any row */
    float weight[LYC_MAX_TEACHERS];   /* sum 1, 0 outside the selection; per instance the mean over the rows */
    double score[LYC_MAX_TEACHERS];   /* u_k of the selected, 0 elsewhere and where the mode draws none; per instance 0 */
    double log_prob;                  /* per instance the sum over the rows */
    double selected;                  /* share of the teachers selected, mean over the rows */
} lyc_action;

/* What a clone is taught on one batch: as in lyc_decision. */
typedef struct lyc_taught {
    const float *weights; /* [teachers], or [rows, teachers] when per_row; borrowed until the next follow of the draw */
    bool per_row;
} lyc_taught;

typedef struct lyc_strategy lyc_strategy;

/* Table of strategies: name (as written in a config; one that takes an argument as "single:<teacher>"), one-line
 * description, NULL past the end. */
LYC_API const char *lyc_strategy_name(size_t index);
LYC_API const char *lyc_strategy_doc(size_t index);

/* `seed` draws the initial policy; `max_rows` is the largest batch. Nothing of the arguments is kept. A policy that is
 * taken from a checkpoint (options->init, "frozen:<checkpoint>") brings the errors of lyc_state_load_part; LYC_EMISMATCH
 * says where its network, features, action or granularity are others. `shared` takes any number of teachers. */
LYC_API LYC_MUST_USE lyc_status lyc_strategy_create(lyc_strategy **out, const lyc_agent_options *options,
                                                    const lyc_agent_facts *facts, uint64_t seed, size_t max_rows,
                                                    lyc_error *err);
LYC_API void lyc_strategy_destroy(lyc_strategy *strategy); /* NULL is fine */
LYC_API bool lyc_strategy_learns(const lyc_strategy *strategy);
LYC_API lyc_influence lyc_strategy_influence(const lyc_strategy *strategy);
LYC_API bool lyc_strategy_needs_teachers(const lyc_strategy *strategy); /* false for `none` */
LYC_API size_t lyc_strategy_observation_size(const lyc_strategy *strategy); /* 0 for most fixed ones */
/* Names of the observation's entries, "cnn-a.ce", "global.progress"; borrowed. */
LYC_API const char *lyc_strategy_observation_name(const lyc_strategy *strategy, size_t index);

/* Whether decisions carry a selection for each row (row_select): a policy that decides per instance. */
LYC_API bool lyc_strategy_decides_rows(const lyc_strategy *strategy);
/* Where a policy that was not begun afresh came from: the path as given and the XXH3-128 of its parameters as they were
 * taken; borrowed. NULL for every other strategy. */
LYC_API const char *lyc_strategy_origin(const lyc_strategy *strategy);

/* The decision that teaches the real student on this batch. With credit `on_policy` the learned strategy
 * samples here and remembers the decision until lyc_strategy_reward. Call exactly once a batch: it updates
 * the observation's running statistics. */
LYC_API LYC_MUST_USE lyc_status lyc_strategy_decide(lyc_strategy *strategy, const lyc_decision_input *input,
                                                    lyc_decision *out, lyc_error *err);

/* Probe credit: draws action number `draw` (0 or 1) from the policy at the observation of the last decide, keyed by
 * (input->seed, LYC_PURPOSE_ACTION, epoch, step, draw). Per instance nothing is drawn yet: the trial begins.
 * Strategies that do not learn give an empty action. */
LYC_API void lyc_strategy_sample(lyc_strategy *strategy, const lyc_decision_input *input, int draw, lyc_action *out);
/* What the clone that follows `action`, number `draw`, is taught on a batch; `input` holds the clone's own logits.
 * Decided by batch: the action's weights, whatever the batch. Per instance: an action is drawn for each row of this
 * batch from what the policy sees of it, keyed by where the trial began, by the batch's place in it and by the row,
 * and added to `action`. At most credit.steps batches a trial (LYC_EINTERNAL beyond). Both draws may be followed at
 * the same time by different threads, and beside lyc_strategy_decide for further batches, of which a trial sees nothing;
 * every other call waits until they are followed to their end. */
LYC_API LYC_MUST_USE lyc_status lyc_strategy_follow(lyc_strategy *strategy, const lyc_decision_input *input, int draw,
                                                    lyc_action *action, lyc_taught *out, lyc_error *err);

/* advantage: what the update was scaled with, normalised and clipped (on policy: its mean over the interval);
 * gradient_norm: of the estimate in the policy's parameters. */
typedef struct lyc_feedback { double advantage, gradient_norm; } lyc_feedback;
/* Learns from a pair: rewards of the two actions on the same held-out samples, drawn by lyc_strategy_sample (other
 * decisions may lie in between: the observation they were drawn at is remembered; per instance what was followed
 * since is, and with credit.delay 0 is no part of a checkpoint: learn first). A pair of equal actions carries
 * no information: call it all the same, with equal rewards (only entropy acts). LYC_ENUMERIC when a reward is not
 * finite; nothing is changed then. */
LYC_API LYC_MUST_USE lyc_status lyc_strategy_learn_pair(lyc_strategy *strategy, const lyc_action *a, const lyc_action *b,
                                                        double reward_a, double reward_b, lyc_feedback *out, lyc_error *err);
/* On-policy credit: the reward of the interval of decisions since the last call, at most credit.steps of them.
 * LYC_ENUMERIC as above. */
LYC_API LYC_MUST_USE lyc_status lyc_strategy_learn_reward(lyc_strategy *strategy, double reward, lyc_feedback *out, lyc_error *err);

/* Greedy behaviour, for evaluation: from now on decide() takes the greedy set, with the policy's mean weights inside
 * it, and changes nothing: no statistics, no memory; learning is LYC_EINTERNAL. Fixed strategies do as ever. */
LYC_API void lyc_strategy_set_greedy(lyc_strategy *strategy, bool greedy);

/* Registers everything a resumed run needs ("agent/..."): policy, its Adam, normalisers, baseline, open interval; and
 * what kind of policy it is as a requirement. The strategy must outlive the state. */
LYC_API LYC_MUST_USE lyc_status lyc_strategy_register(lyc_strategy *strategy, lyc_state *state, lyc_error *err);

LYC_END_DECLS

#endif

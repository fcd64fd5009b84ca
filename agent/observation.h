/* What the learned policy looks at: numbers about a batch, or about each of its rows, [teachers][LYC__OWN]
 * and then [LYC__GLOBAL].
 *
 * Of each teacher, means over the batch: ce (labelled rows, T = 1, each row's at most LYC__CE_LIMIT), kl
 * (T^2 KL(p^k || q), T the distillation temperature), entropy, margin (first minus second probability), label
 * (share of labelled rows it gets right), student (share of rows where its argmax is the student's), and two
 * constants, reward_ce and reward_accuracy, its figures on the reward split (of a row without a label: on the
 * rows there that the teacher answers as it answers this one, where that is known). Of the situation: student_ce
 * (labelled rows), labelled (share of rows with a label), progress, reward (the last one), lr (fraction of
 * the base rate).
 *
 * Figures without a natural scale become z-scores, with one running statistic for all teachers; shares of
 * time and of rows, already in 0..1, are passed as they are. What is missing (no labelled row, no reward yet)
 * is 0 and stays out of the statistics. No teacher's identity, no selection rate: they would lock a policy
 * in.
 *
 * Of a row the same figures are taken as of a batch of one; the statistics are then those of rows.
 */
#ifndef LYC_AGENT_OBSERVATION_H
#define LYC_AGENT_OBSERVATION_H

#include "agent/figures.h"
#include "agent/normaliser.h"
#include "agent/strategy.h"

/* name, passed as it is (1) or as a z-score (0) */
#define LYC__OWN_FEATURES(X)                                                                                 \
    X(ce, 0)                                                                                                 \
    X(kl, 0) X(entropy, 0) X(margin, 0) X(label, 0) X(student, 0) X(reward_ce, 0) X(reward_accuracy, 0)
#define LYC__GLOBAL_FEATURES(X) X(student_ce, 0) X(labelled, 1) X(progress, 1) X(reward, 0) X(lr, 1)

#define LYC__FEATURE_ENUM(name, plain) LYC__FEATURE_##name,
enum { LYC__OWN_FEATURES(LYC__FEATURE_ENUM) LYC__OWN };
enum { LYC__LAST_OWN = LYC__OWN - 1, LYC__GLOBAL_FEATURES(LYC__FEATURE_ENUM) LYC__FEATURES };
#undef LYC__FEATURE_ENUM
#define LYC__GLOBAL     (LYC__FEATURES - LYC__OWN)
#define LYC__STATISTICS ((size_t)3 * LYC__FEATURES)

typedef struct lyc__observation {
    const lyc_agent_facts *facts;
    double *statistics;         /* [LYC__STATISTICS]: what the normaliser consists of */
    lyc__normaliser normaliser; /* [LYC__FEATURES] each */
    double *reward;             /* [2]: the last one, and 1 once there is one */
    const char **names;         /* [size] */
    float *figures;             /* [lyc__figures_room]: room for the work on one batch */
} lyc__observation;

/* Allocates from the strategy's arena and keeps the statistics in its state. LYC_ENUMERIC when a teacher's
 * figures on the reward split are not numbers. */
LYC_MUST_USE lyc_status lyc__observation_create(lyc__observation *self, lyc_strategy *strategy,
                                                lyc_error *err);
size_t lyc__observation_size(const lyc__observation *self);

/* Fills out[size]; with `update` the batch enters the statistics first. LYC_ENUMERIC, naming the teacher,
 * when logits are not numbers; nothing is changed then. */
LYC_MUST_USE lyc_status lyc__observation_build(lyc__observation *self, const lyc_decision_input *input,
                                               bool update, double *out, lyc_error *err);
/* The figures before normalising, out[size]; what is missing is 0. */
LYC_MUST_USE lyc_status lyc__observation_raw(lyc__observation *self, const lyc_decision_input *input,
                                             double *out, lyc_error *err);
/* Fills out[rows][size], an observation a row; with `update` all rows enter the statistics first. Errors as
 * above. */
LYC_MUST_USE lyc_status lyc__observation_build_rows(lyc__observation *self, const lyc_decision_input *input,
                                                    bool update, double *out, lyc_error *err);
/* The same without a change to anything but the scratch and `out`. */
LYC_MUST_USE lyc_status lyc__observation_look(const lyc__observation *self, const lyc_decision_input *input,
                                              double *out, lyc_error *err);
/* One that looks with the statistics and the last reward that another had when they were copied: for whoever
 * looks while that one goes on. It has a scratch of its own and is no part of a checkpoint. */
LYC_MUST_USE lyc_status lyc__observation_create_copy(lyc__observation *self, const lyc__observation *of,
                                                     lyc_strategy *strategy, lyc_error *err);
void lyc__observation_copy(lyc__observation *self, const lyc__observation *of);
/* out[size] = mean of rows[count][size]. */
void lyc__observation_mean(const double *rows, size_t count, size_t size, double *out);
void lyc__observation_set_reward(lyc__observation *self, double reward);

#endif

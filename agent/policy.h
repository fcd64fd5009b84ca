/* Policy networks: from an observation to two scores a teacher, one for its selection and one for its weight.
 *
 * A network is a row of the table in policies.c and one file policy_<name>.c; its parameters are one block of
 * doubles that the learned strategy owns. Its outputs go through the exploration floor: clamped to a limit on
 * both sides, so that no teacher is ever selected with a probability under agent.exploration_floor or over
 * one less it (before conditioning on a non-empty set).
 */
#ifndef LYC_AGENT_POLICY_H
#define LYC_AGENT_POLICY_H

#include <stdint.h>

#include "lyceum/agent.h"

/* Two numbers a teacher: the network's outputs, or a gradient in them. */
typedef struct lyc__heads {
    double select[LYC_MAX_TEACHERS]; /* l_k: logit of being selected */
    double score[LYC_MAX_TEACHERS];  /* mu_k: mean of the weight's score */
} lyc__heads;

typedef struct lyc__policy_shape {
    int teachers, own, global; /* an observation is [teachers][own] and then [global] */
    int hidden;
} lyc__policy_shape;

typedef struct lyc__policy_kind {
    const char *name, *doc;
    size_t (*size)(const lyc__policy_shape *shape); /* of the parameters */
    /* Doubles that forward leaves for backward, of so many rows. */
    size_t (*workspace)(const lyc__policy_shape *shape, size_t rows);
    void (*init)(const lyc__policy_shape *shape, uint64_t seed, double *params);
    /* Outputs before the floor, out[rows]. What comes out for a row does not depend on those beside it. */
    void (*forward)(const lyc__policy_shape *shape, const double *params, const double *observations,
                    size_t rows, double *workspace, lyc__heads *out);
    /* gradient[size] += of whatever has the gradients heads[rows] in the outputs; after a forward on the same
     * rows, whose workspace it may change. */
    void (*backward)(const lyc__policy_shape *shape, const double *params, const double *observations,
                     size_t rows, double *workspace, const lyc__heads *heads, double *gradient);
} lyc__policy_kind;

size_t lyc__policy_observation_size(const lyc__policy_shape *shape);

/* What the teachers have in common, out[2 own + global]: mean and maximum over teachers of each own feature,
 * then the global features. */
void lyc__policy_pool(const lyc__policy_shape *shape, const double *observation, double *out);

/* Ended by a NULL; in the order of lyc_agent_network. */
extern const lyc__policy_kind *const lyc__policy_kinds[];
extern const lyc__policy_kind lyc__policy_shared, lyc__policy_logits;

/* Subtracts the mean of the scores: weights depend on differences only, and without this all scores together
 * would wander to one end of the clamp, where they are equal. Its own backward pass. */
void lyc__policy_centre(lyc__heads *heads, int teachers);

/* The logit of a probability of 1 - floor: what outputs are clamped to. Exactly 3 for the default. */
double lyc__policy_limit(double floor);
/* out = clamp(raw, +-limit), selections and scores alike; in == out is fine. */
void lyc__policy_floor(const lyc__heads *raw, int teachers, double limit, lyc__heads *out);
/* The floor's backward pass, for ascent (docs/credit.md). Entropy has the clamp's true derivative: none past
 * the limit, so it never pulls on an output that only credit put there. Credit goes straight through in both
 * directions, so that an output past the limit can come back, except that it never pushes one that is
 * LYC__POLICY_SLACK past it further out. The slack is room for noise, in logits, and the same for every
 * limit. Both are changed in place. */
#define LYC__POLICY_SLACK 2.0
void lyc__policy_floor_backward(const lyc__heads *raw, int teachers, double limit, lyc__heads *credit,
                                lyc__heads *entropy);

#endif

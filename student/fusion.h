/* Spaces in which teachers are fused. Private to student/; docs/fusion.md has the formulas.
 *
 * A space sees one row of a batch at a time, and of that row only the teachers that are selected (weight
 * above 0). A teacher *knows* a class unless its logit there is -INFINITY; NaN counts as known, so that it
 * reaches the target and is caught as a loss that is not finite.
 */
#ifndef LYCEUM_STUDENT_FUSION_H
#define LYCEUM_STUDENT_FUSION_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "lyceum/agent.h"
#include "lyceum/student.h"

typedef struct lyc__fusion_row {
    int selected, classes;
    const float *logits[LYC_MAX_TEACHERS]; /* [selected] -> [classes] */
    double weight[LYC_MAX_TEACHERS];       /* [selected], above 0, sum 1 */
    bool complete[LYC_MAX_TEACHERS];       /* [selected]: knows every class */
    int complete_count;
    double complete_weight; /* sum of `weight` over the complete ones */
    double inverse_temperature;
    /* For spaces that mix probabilities: softmax[k] is [classes], or NULL where rows are too long to be kept;
     * then log_sum[k] is what lyc__known_log_sum_exp says of logits[k]. */
    const float *softmax[LYC_MAX_TEACHERS];
    double log_sum[LYC_MAX_TEACHERS];
} lyc__fusion_row;

/* The functions write a row's target, out[classes], sum 1, with `out` as their only scratch. */
typedef struct lyc__fusion_space {
    const char *name, *doc;
    bool mixes_probabilities; /* wants `softmax` of the row */
    /* Every selected teacher knows every class. */
    void (*all_complete)(const lyc__fusion_row *row, float *out);
    /* At least one does. */
    void (*some_complete)(const lyc__fusion_row *row, float *out);
    /* None does; false when no class is known at all. */
    bool (*none_complete)(const lyc__fusion_row *row, float *out);
} lyc__fusion_space;

extern const lyc__fusion_space lyc__fusion_probability, lyc__fusion_logit;

static inline bool lyc__class_known(const float *logits, int class_index) {
    return logits[class_index] != -INFINITY;
}

/* Log of the sum of exp(values * inverse_temperature) over the classes that the logits `known_by` know;
 * -INFINITY when there is none. `known_by` may be `values`. */
double lyc__known_log_sum_exp(const float *values, const float *known_by, int classes,
                              double inverse_temperature);

#endif

/* The student's loss on one batch: fusion, terms and labels, shard by shard. Private to student/.
 *
 * lyc__objective_begin names the lesson, lyc__objective_shard is called once per shard on whatever thread (it
 * has lyc_logit_gradient_fn's signature), lyc__objective_end combines the shards' partial sums in one fixed
 * binary tree. It knows neither data set nor network, so that gradients can be checked on bare logits.
 */
#ifndef LYCEUM_STUDENT_OBJECTIVE_H
#define LYCEUM_STUDENT_OBJECTIVE_H

#include "lyceum/agent.h" /* LYC_MAX_TEACHERS */
#include "lyceum/student.h"
#include "student/terms.h"

/* What one shard adds to the losses. */
typedef struct lyc__partial {
    double ce, terms[LYC_MAX_TERMS];
} lyc__partial;

typedef struct lyc__objective {
    double alpha, label_smoothing, temperature;
    lyc_fusion fusion;
    size_t term_count;
    const lyc__term *terms[LYC_MAX_TERMS];
    double term_weight[LYC_MAX_TERMS];
    size_t classes, max_rows;

    /* Scratch of every shard, indexed by its first row. */
    float *soft;            /* [max_rows, 3, classes]: target, q, log q of a shard's rows */
    uint8_t *has_target;    /* [max_rows] */
    lyc__partial *partials; /* [max_rows]: by shard; a shard has at least one row */

    /* The lesson in progress. */
    const lyc_lesson *lesson;
    const int32_t *labels; /* [rows] */
    size_t rows;
    uint32_t labelled;
    bool distils;
    double ce_weight;
} lyc__objective;

/* Checks the options: LYC_ECONFIG names the key at fault. Call lyc__objective_free also after a failure. */
LYC_MUST_USE lyc_status lyc__objective_init(lyc__objective *objective, const lyc_loss_options *options,
                                            int classes, size_t max_rows, lyc_error *err);
void lyc__objective_free(lyc__objective *objective);

/* Both pointers are borrowed until lyc__objective_end. */
void lyc__objective_begin(lyc__objective *objective, const lyc_lesson *lesson, const int32_t *labels,
                          size_t rows);
void lyc__objective_shard(void *objective, size_t shard, size_t first, size_t rows, const float *logits,
                          float *gradient);
void lyc__objective_end(lyc__objective *objective, lyc_losses *out);

#endif

/* The student: a network that learns from labels and from the teachers' fused soft targets.
 *
 * Total loss = alpha * CE + (1 - alpha) * sum of distillation terms. CE is the mean over the labelled rows
 * of the batch (0 when there are none); KD is the mean over all rows (Hinton, Vinyals, Dean 2015, arXiv
 * 1503.02531): T^2 * KL(p || softmax(s/T)). Without distillation (`distils` false) the total is CE alone.
 */
#ifndef LYCEUM_STUDENT_H
#define LYCEUM_STUDENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lyceum/checkpoint.h"
#include "lyceum/dataset.h"
#include "lyceum/network.h"

LYC_BEGIN_DECLS

#define LYC_MAX_TERMS 8

typedef enum lyc_fusion { LYC_FUSION_PROBABILITY, LYC_FUSION_LOGIT } lyc_fusion;

typedef struct lyc_loss_options {
    double alpha, temperature;
    lyc_fusion fusion;
    size_t term_count;
    struct lyc_loss_term { const char *kind; double weight; } terms[LYC_MAX_TERMS];
} lyc_loss_options;

/* Soft targets: out[rows, classes] from `teachers` logit matrices and weights ([teachers], or [rows,
 * teachers] with per_row). Weights of selected teachers sum to 1. Classes that a teacher does not know
 * (-INFINITY) are handled as docs/fusion.md says; a row for which no selected teacher knows the label
 * (label >= 0) gets has_target[row] = 0. Rows sum to 1. */
LYC_API void lyc_fuse(const float *const *logits, int teachers, size_t rows, int classes, const float *weights, bool per_row,
                      double temperature, lyc_fusion space, const int32_t *labels, float *out, uint8_t *has_target);

typedef struct lyc_student_options {
    lyc_loss_options loss;
    lyc_optimizer_options optimizer;
    double learning_rate;
    const char *schedule;      /* "constant", "cosine" */
    double warmup;
    uint64_t total_steps;
    uint32_t batch;
    uint64_t seed;
} lyc_student_options;

/* Where the student's batches come from. Borrowed; must outlive it. */
typedef struct lyc_student_data {
    const lyc_dataset *data;
    const int32_t *labels;      /* lyc_splits.labels: what it may see */
    lyc_preprocess preprocess;
    lyc_view_recipe recipe;
} lyc_student_data;

typedef struct lyc_losses { double total, ce, kd; uint32_t labelled; } lyc_losses; /* raw terms; total as optimised */

typedef struct lyc_student lyc_student;

LYC_API LYC_MUST_USE lyc_status lyc_student_create(lyc_student **out, const lyc_network *network, const lyc_student_data *data,
                                                   const lyc_student_options *options, lyc_error *err);
LYC_API void lyc_student_destroy(lyc_student *student);
LYC_API float *lyc_student_params(lyc_student *student);
LYC_API uint64_t lyc_student_steps(const lyc_student *student);          /* updates made so far */
LYC_API double lyc_student_lr_fraction(const lyc_student *student);      /* of the coming update */

/* Training-mode forward of a batch; logits [count, classes] are borrowed until the next forward. */
LYC_API const float *lyc_student_forward(lyc_student *student, const lyc_batch *batch, lyc_priority priority, lyc_pool *pool);
/* Backward and update on the batch of the last forward. `logits` are the teachers' for the same rows (ids
 * checked: LYC_EMISMATCH naming the first row that differs); NULL weights = no distillation. LYC_ENUMERIC when
 * the loss is not finite, before anything is updated. */
typedef struct lyc_lesson {
    const uint64_t *ids;               /* [count] ids of the rows that the logits belong to; NULL without teachers */
    const float *const *logits;        /* [teachers] -> [count, classes] */
    int teachers;
    const float *weights;              /* see lyc_fuse; NULL = labels only */
    bool per_row;
} lyc_lesson;
LYC_API LYC_MUST_USE lyc_status lyc_student_learn(lyc_student *student, const lyc_lesson *lesson, lyc_priority priority,
                                                  lyc_pool *pool, lyc_losses *out, lyc_error *err);

/* dst becomes a copy of src: parameters, optimiser, step counter. Same network and options. */
LYC_API void lyc_student_copy(lyc_student *dst, const lyc_student *src);

/* Evaluation-mode logits of rows in the clean view, out[count, classes]. */
LYC_API void lyc_student_logits(lyc_student *student, const uint32_t *rows, size_t count, float *out,
                                lyc_priority priority, lyc_pool *pool);
/* Mean cross-entropy at T = 1 in evaluation mode against the data set's labels of those rows. */
LYC_API double lyc_student_held_out_loss(lyc_student *student, const uint32_t *rows, const int32_t *labels, size_t count,
                                         lyc_priority priority, lyc_pool *pool);

LYC_API LYC_MUST_USE lyc_status lyc_student_register(lyc_student *student, lyc_state *state, lyc_error *err);

LYC_END_DECLS

#endif

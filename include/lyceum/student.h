/* The student: a network that learns from labels and from the teachers' fused soft targets.
 *
 * Total loss = alpha * CE + (1 - alpha) * sum of distillation terms, each times its own weight. CE is the
 * mean over the labelled rows of the batch (0 when there are none); KD is the mean over all rows (Hinton,
 * Vinyals, Dean 2015, arXiv 1503.02531): T^2 * KL(p || softmax(s/T)), p the soft target that the selected
 * teachers give (docs/fusion.md). Without distillation (a lesson without weights) the total is CE alone,
 * weight 1. With label smoothing e, CE is that against (1 - e) * label + e / classes (Szegedy et al. 2016,
 * arXiv 1512.00567; torch.nn.CrossEntropyLoss).
 *
 *     lyc_student *student;
 *     lyc_student_create(&student, network, &data, &options, &err);
 *     for (each batch) {
 *         lyc_student_forward(student, &batch, LYC_PRIORITY_STUDENT, pool);
 *         lyc_lesson lesson = {ids, logits, teachers, weights, per_row};    // what the agent decided
 *         lyc_student_learn(student, &lesson, LYC_PRIORITY_STUDENT, pool, &losses, &err);
 *     }
 *
 * Same bits for any pool: shards are summed in fixed binary trees, random numbers are keyed by seed, epoch,
 * step and row. A step allocates nothing. One student is used by one thread at a time, except that any number
 * of threads may copy it (lyc_student_copy) while another measures it.
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

/* How teachers are fused: rows of the table of fusion spaces, in this order. */
typedef enum lyc_fusion { LYC_FUSION_PROBABILITY, LYC_FUSION_LOGIT } lyc_fusion;

typedef struct lyc_loss_options {
    double alpha;       /* share of the labels' loss where teachers teach, 0..1 */
    double label_smoothing; /* of the labels' loss in training, in [0, 1); 0 = none */
    double temperature; /* above 0; of teachers and student alike, in the soft terms only */
    lyc_fusion fusion;
    size_t term_count;
    struct lyc_loss_term {
        const char *kind; /* a row of the table of loss terms, each at most once */
        double weight;    /* 0 or more */
    } terms[LYC_MAX_TERMS];
} lyc_loss_options;

/* Tables of loss terms and of fusion spaces: name as written in a config, one-line description; NULL past the
 * end. */
LYC_API const char *lyc_loss_term_name(size_t index);
LYC_API const char *lyc_loss_term_doc(size_t index);
LYC_API const char *lyc_fusion_name(size_t index);
LYC_API const char *lyc_fusion_doc(size_t index);

/* Soft targets: out[rows, classes] from `teachers` (at most LYC_MAX_TEACHERS) logit matrices and weights
 * ([teachers], or [rows, teachers] with per_row; above 0 = selected, and those sum to 1). `labels` are
 * [rows], LYC_UNLABELLED where there is none. Classes that a teacher does not know (-INFINITY) are handled as
 * docs/fusion.md says. Each row sums to 1, save the rows with has_target[row] = 0, which are zero: those for
 * which no selected teacher knows the label (label >= 0), and those for which none is selected. NaN and
 * +INFINITY in a selected teacher's row give NaN. Allocates nothing; thread-safe on different `out`. */
LYC_API void lyc_fuse(const float *const *logits, int teachers, size_t rows, int classes,
                      const float *weights, bool per_row, double temperature, lyc_fusion space,
                      const int32_t *labels, float *out, uint8_t *has_target);

typedef struct lyc_student_options {
    lyc_loss_options loss;
    lyc_optimizer_options optimizer;
    double learning_rate;
    lyc_schedule_options schedule;
    double ema_decay;     /* of the parameters' moving average, in [0, 1); 0 = none is kept */
    uint64_t total_steps; /* of the run: the schedule's length */
    uint32_t batch;       /* rows of the largest batch */
    uint64_t seed;        /* initial parameters and dropout */
} lyc_student_options;

/* Where the student's batches come from. Borrowed; must outlive it and its clones. */
typedef struct lyc_student_data {
    const lyc_dataset *data;
    const int32_t *labels; /* [rows of data], lyc_splits.labels: what it may see */
    lyc_preprocess preprocess;
    lyc_view_recipe recipe;
} lyc_student_data;

/* The losses of one batch. `ce` and `terms` are raw; `weighted_*` are what they add to `total`, the value
 * that was optimised. */
typedef struct lyc_losses {
    double total;
    double ce;         /* mean over the labelled rows; 0 when there are none */
    double kd;         /* the raw term "kd"; 0 without distillation, or when it is not among the terms */
    uint32_t labelled; /* rows that `ce` is the mean of */
    double weighted_ce;
    double terms[LYC_MAX_TERMS], weighted_terms[LYC_MAX_TERMS]; /* in the order of lyc_loss_options.terms */
} lyc_losses;

typedef struct lyc_student lyc_student;

/* A fresh student with initial parameters drawn from options->seed. `network` is borrowed and must outlive
 * it; strings and lists of the options are not kept. LYC_ECONFIG names the key at fault, LYC_EMISMATCH says what of
 * network and data set (shape, classes, labels) does not fit. */
LYC_API LYC_MUST_USE lyc_status lyc_student_create(lyc_student **out, const lyc_network *network,
                                                   const lyc_student_data *data,
                                                   const lyc_student_options *options, lyc_error *err);
LYC_API void lyc_student_destroy(lyc_student *student); /* NULL is fine */
/* [lyc_network_size], Lyceum's order, borrowed. May be written between a learn and the next forward. */
LYC_API float *lyc_student_params(lyc_student *student);
/* What is evaluated and handed out: the moving average of the parameters where one is kept (ema_decay), else
 * lyc_student_params. Of the same size, borrowed, and may be written likewise. */
LYC_API float *lyc_student_result(lyc_student *student);
LYC_API uint64_t lyc_student_steps(const lyc_student *student);     /* updates made so far */
LYC_API double lyc_student_lr_fraction(const lyc_student *student); /* of the coming update */

/* Training-mode forward of a batch; logits [count, classes] are borrowed until the next forward. The rows are
 * copied, so the batch may go. NULL when batch->count is 0 or above options.batch (an assertion in debug
 * builds). */
LYC_API const float *lyc_student_forward(lyc_student *student, const lyc_batch *batch, lyc_priority priority,
                                         lyc_pool *pool);

/* What a batch is taught. Everything is borrowed during lyc_student_learn only. */
typedef struct lyc_lesson {
    const uint64_t *ids; /* [count] ids of the samples that the logits belong to; NULL without teachers */
    const float *const *logits; /* [teachers] -> [count, classes] */
    int teachers;
    const float *weights; /* see lyc_fuse; NULL = labels only */
    bool per_row;
} lyc_lesson;

/* Backward pass and one update on the batch of the last forward; one update a forward. On any error nothing
 * is updated: LYC_EMISMATCH names the first row where the lesson's ids are not the student's, with both ids,
 * epoch and step (ids are compared whenever they are given); LYC_ENUMERIC names the logit, weight, loss or
 * gradient that is not finite; LYC_ECONFIG when teachers should teach but loss.terms is empty; LYC_EINTERNAL
 * for a lesson that makes no sense (weights that do not sum to 1, no forward before). */
LYC_API LYC_MUST_USE lyc_status lyc_student_learn(lyc_student *student, const lyc_lesson *lesson,
                                                  lyc_priority priority, lyc_pool *pool, lyc_losses *out,
                                                  lyc_error *err);

/* The gradient of the labels' loss alone (weight 1) on the batch of the last forward, out[lyc_network_trainable], and
 * how many of its rows have a label. Nothing is updated; a forward serves this or lyc_student_learn. Errors as
 * there. */
LYC_API LYC_MUST_USE lyc_status lyc_student_gradient(lyc_student *student, float *out, uint32_t *labelled,
                                                     lyc_priority priority, lyc_pool *pool, lyc_error *err);
/* lyc_optimizer_precondition of the student's optimiser as it stands. */
LYC_API void lyc_student_precondition(const lyc_student *student, float *direction);

/* dst becomes a copy of src: parameters, optimiser, step counter. Created with the same network and options,
 * and independent from then on; given the same batch and lesson it makes the same update, bit for bit. Cheap:
 * one pass over parameters and moments. The moving average is copied where dst keeps one: create clones that
 * are only measured by held-out loss with ema_decay 0. */
LYC_API void lyc_student_copy(lyc_student *dst, const lyc_student *src);

/* Evaluation-mode logits of rows in the clean view, out[count, classes], by lyc_student_result. The network is
 * frozen as it is at the moment (lyceum/network.h): a row's bits depend on its place in the list, never on the rows
 * beside it, the pool, `count` or earlier calls. Does not disturb a forward that is still to be learnt from. */
LYC_API void lyc_student_logits(lyc_student *student, const uint32_t *rows, size_t count, float *out,
                                lyc_priority priority, lyc_pool *pool);
/* Mean cross-entropy at T = 1, without smoothing, in evaluation mode over the labelled ones of `rows`;
 * labels[count] go with rows[count]. NAN when none is labelled. By lyc_student_params, since this measures what
 * the next updates do, which an average would hide. */
LYC_API double lyc_student_held_out_loss(lyc_student *student, const uint32_t *rows, const int32_t *labels,
                                         size_t count, lyc_priority priority, lyc_pool *pool);

/* The logits that this loss is taken of, out[count, classes]. */
LYC_API void lyc_student_held_out_logits(lyc_student *student, const uint32_t *rows, size_t count, float *out,
                                         lyc_priority priority, lyc_pool *pool);

/* Registers "student/params", "student/moments", "student/steps" and, where one is kept, "student/average", and the shard sizes as a requirement. A
 * student restored from them goes on bit for bit. */
LYC_API LYC_MUST_USE lyc_status lyc_student_register(lyc_student *student, lyc_state *state, lyc_error *err);

LYC_END_DECLS

#endif

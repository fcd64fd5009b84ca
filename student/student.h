/* The student's state, shared by the files of this folder: student.c (life and training step), lesson.c
 * (checks of what it is taught), average.c and evaluation.c. Private to student/. */
#ifndef LYCEUM_STUDENT_STUDENT_H
#define LYCEUM_STUDENT_STUDENT_H

#include "lyceum/student.h"
#include "student/objective.h"

/* Rows that are evaluated together; the last chunk may have fewer. */
#define LYC__EVALUATION_ROWS 256

/* Gradients are searched for values that are not finite in blocks of this many floats. */
#define LYC__GRADIENT_BLOCK ((size_t)1 << 16)

struct lyc_student {
    const lyc_network *network;
    lyc_student_data data;
    size_t classes;
    char *schedule_kind;
    lyc_schedule_options schedule; /* its kind is schedule_kind, its milestones are owned */
    double learning_rate, ema_decay;
    uint64_t total_steps, seed;
    uint32_t max_rows;

    float *params, *gradient; /* [lyc_network_size] */
    float *average;           /* [lyc_network_size]; NULL when none is kept */
    uint8_t *bad_blocks;      /* [blocks of the gradient] */
    lyc_optimizer *optimizer;
    uint64_t steps; /* the only count of updates: the optimiser's is set from it */
    lyc__objective objective;

    /* The batch of the last forward; its rows are copied, since the sampler's are borrowed. */
    lyc_workspace *training;
    uint32_t epoch, step, rows; /* rows 0: no forward to learn from */
    int view;
    uint32_t *batch_rows;  /* [max_rows] */
    int32_t *batch_labels; /* [max_rows] */

    /* Measuring must not disturb a forward to be learnt from. The frozen network gets the parameters of the
     * moment whenever something is to be measured. */
    lyc_frozen *frozen;
    lyc_workspace *evaluation;
    float *chunk_loss; /* [LYC__EVALUATION_ROWS] */
};

/* The id of row `index` of the current batch. */
uint64_t lyc__student_batch_id(const lyc_student *student, uint32_t index);

/* lesson.c: before the step: the teachers' rows are the student's, the weights are weights. */
LYC_MUST_USE lyc_status lyc__lesson_check(const lyc_student *student, const lyc_lesson *lesson,
                                          lyc_error *err);
/* lesson.c: after the backward pass, before the update: LYC_ENUMERIC names what is not finite. */
LYC_MUST_USE lyc_status lyc__step_check(lyc_student *student, const lyc_lesson *lesson,
                                        const lyc_losses *losses, lyc_priority priority, lyc_pool *pool,
                                        lyc_error *err);

/* average.c: after an update, `steps` counts it. */
void lyc__average_update(lyc_student *student, lyc_priority priority, lyc_pool *pool);

#endif

/* Teachers running ahead of the student: one driver thread a teacher, one ring of batches for all. */
#ifndef LYC_TEACHERS_LOOK_AHEAD_H
#define LYC_TEACHERS_LOOK_AHEAD_H

#include "teachers/kind.h"

/* Whom a driver asks: the bank if there is one, else the teacher. */
typedef struct lyc__look_ahead_member {
    lyc_teacher *teacher;
    lyc_bank *bank; /* or NULL */
} lyc__look_ahead_member;

typedef struct lyc__look_ahead_options {
    const lyc__look_ahead_member *members; /* borrowed while it runs */
    size_t member_count;
    const lyc_dataset *data;
    lyc_pool *pool;
    size_t bytes, min_ahead, kept_behind; /* as in lyc_ensemble_options */
    const uint32_t *rows;    /* copied */
    uint32_t row_count, batch;
    int views;
    bool clean; /* members are asked for view 0 whatever the view of the batch */
    uint64_t seed;
    uint32_t epochs, first_epoch, first_step;
} lyc__look_ahead_options;

typedef struct lyc__look_ahead lyc__look_ahead;

/* Everything but the drivers' own work happens on the thread that owns the pool. */
LYC_MUST_USE lyc_status lyc__look_ahead_start(lyc__look_ahead **out, const lyc__look_ahead_options *options,
                                              lyc_error *err);
void lyc__look_ahead_stop(lyc__look_ahead *ahead); /* cancels, joins, frees; NULL is fine */
LYC_MUST_USE lyc_status lyc__look_ahead_batch(lyc__look_ahead *ahead, uint32_t offset,
                                              const lyc_teacher_batch **out, lyc_error *err);
void lyc__look_ahead_advance(lyc__look_ahead *ahead);
double lyc__look_ahead_waited(const lyc__look_ahead *ahead);

#endif

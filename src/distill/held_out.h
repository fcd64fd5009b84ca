/* Held-out samples for rewards: drawn anew for each, the same before and after, and after a resume. */
#ifndef LYCEUM_DISTILL_HELD_OUT_H
#define LYCEUM_DISTILL_HELD_OUT_H

#include "distill/reward.h"

typedef struct lyc__held_out_draw {
    lyc__held_out samples; /* agent.credit.samples of them, or all that the reward split has */
    uint32_t *permutation; /* [size of the reward split] */
    uint32_t *rows;        /* [samples.count], as `labels`: what samples point to */
    int32_t *labels;
    size_t room;  /* floats that one measurement takes */
    float *rooms; /* [students measured at a time][room]; NULL where it takes none */
} lyc__held_out_draw;

/* `students`: measured at a time, each in its room. */
LYC_MUST_USE lyc_status lyc__held_out_open(lyc__held_out_draw *draw, const lyc__job *job, size_t students,
                                           lyc_error *err);
void lyc__held_out_close(lyc__held_out_draw *draw);
/* The samples that belong to global step `step`. */
void lyc__held_out_take(lyc__held_out_draw *draw, const lyc__job *job, uint64_t step);
/* What `student` is worth on them, in room `place`; different students in different rooms may be measured at
 * a time. */
LYC_MUST_USE lyc_status lyc__held_out_measure(const lyc__held_out_draw *draw, lyc__job *job,
                                              lyc_student *student, lyc_priority priority, size_t place,
                                              double *out, lyc_error *err);

#endif

/* Distillation loss terms: one file and one row of the table (terms.c) each. Private to student/.
 *
 * A term works on one shard at a time, on a pool thread, and keeps no state. It returns its raw value's share
 * of this shard and adds `weight` times its gradient in the student's logits. Means are over the rows of the
 * whole batch, never over rows times classes; a row without a target contributes nothing but still counts.
 */
#ifndef LYCEUM_STUDENT_TERMS_H
#define LYCEUM_STUDENT_TERMS_H

#include <stddef.h>
#include <stdint.h>

typedef struct lyc__term_shard {
    size_t rows;       /* of this shard */
    size_t batch_rows; /* of the whole batch: the divisor of every mean */
    size_t classes;
    double temperature;
    const float *logits;       /* [rows, classes] the student's, raw */
    const float *q, *log_q;    /* [rows, classes] softmax of logits / T and its log */
    const float *target;       /* [rows, classes] the fused soft target, each row sums to 1 */
    const uint8_t *has_target; /* [rows] */
    const int32_t *labels;     /* [rows] */
} lyc__term_shard;

typedef struct lyc__term {
    const char *name, *doc;
    double (*shard)(const lyc__term_shard *in, double weight, float *gradient);
} lyc__term;

extern const lyc__term lyc__term_kd;

/* The row of the table; NULL when there is no term of that name. */
const lyc__term *lyc__term_find(const char *name);

#endif

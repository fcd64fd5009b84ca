/* Influence: by how much the held-out loss would fall, to first order, were the student to follow a teacher
 * on a row.
 *
 * With u the held-out gradient divided by the optimiser's preconditioner, V_i = J_i u the change of the
 * student's logits on row i along it, and d^k_i = q_i - p^k_i the logit error towards teacher k at the
 * distillation temperature, I_{k,i} = <d^k_i, V_i>; times eta T / (rows of the batch) it is the fall of the
 * held-out loss in one step (docs/credit.md). u is found by one backward pass and kept for some batches, V by
 * a central difference of two forward passes; neither costs more for more teachers. Through the last layer
 * only: u is zero elsewhere, and V = H G^T exactly.
 *
 * Private to src/distill. One thread, the owner of the pool.
 */
#ifndef LYCEUM_DISTILL_INFLUENCE_H
#define LYCEUM_DISTILL_INFLUENCE_H

#include "lyceum/agent.h"
#include "lyceum/student.h"

typedef struct lyc__influence lyc__influence;

typedef struct lyc__influence_options {
    const lyc_network *network;
    lyc_influence form; /* not NONE */
    lyc_student
        *measured;  /* a student of this network that may be overwritten, without smoothing; taken over */
    uint32_t batch; /* its rows at most */
    int teachers, classes;
} lyc__influence_options;

/* Takes over options->measured, whether it succeeds or not. */
LYC_MUST_USE lyc_status lyc__influence_create(lyc__influence **out, const lyc__influence_options *options,
                                              lyc_error *err);
void lyc__influence_destroy(lyc__influence *influence); /* NULL is fine */
/* What a resumed run needs; lives as long as the influence. */
LYC_MUST_USE lyc_status lyc__influence_register(lyc__influence *influence, lyc_state *state, lyc_error *err);

/* Measures u on these held-out rows in the clean view; the labelled ones count. `place` keys what is random.
 */
LYC_MUST_USE lyc_status lyc__influence_renew(lyc__influence *influence, const lyc_student *student,
                                             const uint32_t *rows, uint32_t count, const lyc_batch *place,
                                             lyc_pool *pool, lyc_error *err);
/* *out = I [rows, teachers] of a batch, borrowed until the next call; `logits` are the student's. */
void lyc__influence_measure(lyc__influence *influence, lyc_student *student, const lyc_batch *batch,
                            const float *logits, const float *const *teacher_logits, double temperature,
                            lyc_pool *pool, const float **out);

#endif

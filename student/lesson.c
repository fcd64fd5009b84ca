/* What is checked of a lesson: before the step that the rows and the weights are right, after the backward
 * pass and before the update that all is finite. */
#include <inttypes.h>
#include <math.h>

#include "nn/vector.h"
#include "student/student.h"

#define WEIGHT_SUM_TOLERANCE 1e-4 /* single precision, up to LYC_MAX_TEACHERS terms, with room */

/* ---- before the step ----------------------------------------------------------------------------- */

/* The oldest bug of cached logits: they answer for another sample. */
static lyc_status check_ids(const lyc_student *student, const lyc_lesson *lesson, lyc_error *err) {
    for (uint32_t i = 0; i < student->rows; i++)
        if (lesson->ids[i] != lyc__student_batch_id(student, i))
            LYC_FAIL(
                err, LYC_EMISMATCH,
                "row %u of the batch at epoch %u, step %u: the student sees sample %" PRIu64
                ", the teachers' logits are of sample %" PRIu64
                "; the teachers' batch must hold the student's rows in the same order: delete the bank or "
                "the recorded logits they came from and make them again",
                i, student->epoch, student->step, lyc__student_batch_id(student, i), lesson->ids[i]);
    return LYC_OK;
}

static lyc_status check_weights(const lyc_student *student, const lyc_lesson *lesson, lyc_error *err) {
    uint32_t rows = lesson->per_row ? student->rows : 1;
    for (uint32_t i = 0; i < rows; i++) {
        const float *weights = lesson->weights + (size_t)i * (size_t)lesson->teachers;
        double sum = 0.0;
        for (int k = 0; k < lesson->teachers; k++) {
            if (!isfinite(weights[k]))
                LYC_FAIL(err, LYC_ENUMERIC,
                         "epoch %u, step %u, row %u: the weight of teacher %d is not finite; the strategy "
                         "that chose it has diverged: lower agent.learning_rate",
                         student->epoch, student->step, i, k);
            if (weights[k] < 0.0F)
                LYC_FAIL(err, LYC_EINTERNAL,
                         "epoch %u, step %u, row %u: the weight of teacher %d is %g, below 0", student->epoch,
                         student->step, i, k, (double)weights[k]);
            sum += (double)weights[k];
        }
        if (fabs(sum - 1.0) > WEIGHT_SUM_TOLERANCE)
            LYC_FAIL(err, LYC_EINTERNAL,
                     "epoch %u, step %u, row %u: the teachers' weights sum to %g, not to 1", student->epoch,
                     student->step, i, sum);
    }
    return LYC_OK;
}

lyc_status lyc__lesson_check(const lyc_student *student, const lyc_lesson *lesson, lyc_error *err) {
    if (student->rows == 0)
        LYC_FAIL(err, LYC_EINTERNAL, "lyc_student_learn without a forward since the last update");
    if (lesson->ids != NULL) LYC_TRY(check_ids(student, lesson, err));
    if (lesson->weights == NULL) return LYC_OK;
    if (lesson->ids == NULL || lesson->logits == NULL || lesson->teachers < 1 ||
        lesson->teachers > LYC_MAX_TEACHERS)
        LYC_FAIL(err, LYC_EINTERNAL,
                 "a lesson with weights needs ids, logits and 1 to %d teachers; it has %d", LYC_MAX_TEACHERS,
                 lesson->teachers);
    if (student->objective.term_count == 0)
        LYC_FAIL(err, LYC_ECONFIG,
                 "loss.terms is empty, so the teachers would teach nothing; add {\"kind\": \"kd\"}");
    return check_weights(student, lesson, err);
}

/* ---- before the update --------------------------------------------------------------------------- */

typedef struct gradient_scan {
    const float *gradient;
    size_t size;
    uint8_t *bad;
} gradient_scan;

static void scan_block(void *payload, size_t block, int slot) {
    (void)slot;
    gradient_scan *scan = payload;
    size_t first = block * LYC__GRADIENT_BLOCK;
    size_t last = scan->size - first < LYC__GRADIENT_BLOCK ? scan->size : first + LYC__GRADIENT_BLOCK;
    scan->bad[block] = !lyc__vector()->all_finite(scan->gradient + first, last - first);
}

static lyc_status blame_gradient(const lyc_student *student, lyc_error *err) {
    for (size_t i = 0; i < lyc_network_parameter_count(student->network); i++) {
        const lyc_parameter *parameter = lyc_network_parameter(student->network, i);
        for (size_t j = 0; j < parameter->size; j++)
            if (!isfinite(student->gradient[parameter->offset + j]))
                LYC_FAIL(err, LYC_ENUMERIC,
                         "epoch %u, step %u: the gradient of %s is not finite, nothing was updated; "
                         "lower optimizer.lr",
                         student->epoch, student->step, parameter->name);
    }
    LYC_FAIL(err, LYC_EINTERNAL, "epoch %u, step %u: a gradient outside all parameters is not finite",
             student->epoch, student->step);
}

static lyc_status check_gradient(lyc_student *student, lyc_priority priority, lyc_pool *pool,
                                 lyc_error *err) {
    gradient_scan scan = {student->gradient, lyc_network_size(student->network), student->bad_blocks};
    size_t blocks = (scan.size + LYC__GRADIENT_BLOCK - 1) / LYC__GRADIENT_BLOCK;
    lyc_pool_run(pool, priority, blocks, scan_block, &scan);
    for (size_t i = 0; i < blocks; i++)
        if (scan.bad[i]) return blame_gradient(student, err);
    return LYC_OK;
}

static lyc_status blame_loss(const lyc_student *student, const lyc_lesson *lesson, const lyc_losses *losses,
                             lyc_error *err) {
    const float *logits = lyc_workspace_logits(student->training);
    for (uint32_t i = 0; i < student->rows; i++)
        for (size_t c = 0; c < student->classes; c++)
            if (!isfinite(logits[i * student->classes + c]))
                LYC_FAIL(err, LYC_ENUMERIC,
                         "epoch %u, step %u: the student's logit for class %zu of sample %" PRIu64
                         " is not finite, nothing was updated; lower optimizer.lr",
                         student->epoch, student->step, c, lyc__student_batch_id(student, i));
    for (int k = 0; lesson->weights != NULL && k < lesson->teachers; k++)
        for (uint32_t i = 0; i < student->rows; i++)
            for (size_t c = 0; c < student->classes; c++) {
                float logit = lesson->logits[k][i * student->classes + c];
                if (isnan(logit) || logit == INFINITY)
                    LYC_FAIL(err, LYC_ENUMERIC,
                             "epoch %u, step %u: teacher %d's logit for class %zu of sample %" PRIu64
                             " is %g, nothing was updated; make this teacher's logits again, or leave it out",
                             student->epoch, student->step, k, c, lyc__student_batch_id(student, i),
                             (double)logit);
            }
    LYC_FAIL(err, LYC_ENUMERIC,
             "epoch %u, step %u: the loss is %g (labels %g, terms %g), nothing was updated; lower "
             "optimizer.lr",
             student->epoch, student->step, losses->total, losses->weighted_ce,
             losses->total - losses->weighted_ce);
}

lyc_status lyc__step_check(lyc_student *student, const lyc_lesson *lesson, const lyc_losses *losses,
                           lyc_priority priority, lyc_pool *pool, lyc_error *err) {
    if (!isfinite(losses->total)) return blame_loss(student, lesson, losses, err);
    return check_gradient(student, priority, pool, err);
}

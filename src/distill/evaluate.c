/* Measuring: the student on a split, the teachers on the held-out splits, the greedy policy's mixture. */
#include <math.h>
#include <string.h>

#include "base/argmax.h"
#include "distill/by_answer.h"
#include "distill/job.h"
#include "lyceum/memory.h"

static lyc_status gather(const lyc__job *job, lyc_split split, float **logits, int32_t **labels, lyc_error *err) {
    uint32_t count = job->splits->count[split];
    *logits = NULL;
    *labels = NULL;
    LYC_TRY(LYC_NEW_ARRAY(*logits, (size_t)count * (size_t)job->classes, err));
    lyc_status status = LYC_NEW_ARRAY(*labels, count, err);
    if (status != LYC_OK) {
        lyc_free(*logits);
        *logits = NULL;
        return status;
    }
    for (uint32_t i = 0; i < count; i++) (*labels)[i] = job->splits->labels[job->splits->rows[split][i]];
    return LYC_OK;
}

lyc_status lyc__student_metrics(lyc__job *job, lyc_split split, lyc_metrics *out, lyc_error *err) {
    float *logits;
    int32_t *labels;
    LYC_TRY(gather(job, split, &logits, &labels, err));
    lyc_student_logits(job->student, job->splits->rows[split], job->splits->count[split], logits, LYC_PRIORITY_STUDENT, job->pool);
    lyc_status status = lyc_metrics_compute(out, logits, labels, job->splits->count[split], job->classes, err);
    lyc_free(labels);
    lyc_free(logits);
    return status;
}

/* ---- teachers ---------------------------------------------------------------------------------- */

/* Where a teacher's figures on a split go; what is NULL is not wanted. */
typedef struct teacher_figures {
    double *cross_entropy, *accuracy;
    double *ce_by_answer, *accuracy_by_answer; /* [classes]; with them [classes] of scratch */
    double *scratch;
    float *log_prob; /* [rows, teachers]: this teacher's column of the labels' log-probabilities */
} teacher_figures;

static void fill_figures(const lyc__job *job, const teacher_figures *out, int teacher, const float *logits, const int32_t *labels,
                         const float *loss, double *capped, uint32_t count) {
    double total = 0.0;
    uint32_t right = 0;
    for (uint32_t i = 0; i < count; i++) {
        capped[i] = fmin((double)loss[i], LYC__CROSS_ENTROPY_CAP);
        total += capped[i];
        if (out->log_prob != NULL) out->log_prob[(size_t)i * (size_t)job->teachers + (size_t)teacher] = -loss[i];
        right += lyc__argmax(logits + (size_t)i * (size_t)job->classes, job->classes) == labels[i];
    }
    *out->cross_entropy = total / count;
    *out->accuracy = (double)right / count;
    if (out->ce_by_answer != NULL)
        lyc__by_answer(logits, labels, capped, count, job->classes, out->scratch, out->ce_by_answer, out->accuracy_by_answer);
}

static lyc_status measure_teacher(lyc__job *job, int teacher, lyc_split split, const teacher_figures *out, lyc_error *err) {
    uint32_t count = job->splits->count[split];
    float *logits, *loss = NULL;
    double *capped = NULL;
    int32_t *labels;
    LYC_TRY(gather(job, split, &logits, &labels, err));
    lyc_status status = LYC_NEW_ARRAY(loss, count, err);
    if (status == LYC_OK) status = LYC_NEW_ARRAY(capped, count, err);
    if (status != LYC_OK) goto done;
    LYC_TRY_GOTO(lyc_ensemble_logits(job->ensemble, teacher, job->splits->rows[split], count, logits, err));
    lyc_cross_entropy(logits, labels, count, (size_t)job->classes, loss);
    fill_figures(job, out, teacher, logits, labels, loss, capped, count);
done:
    lyc_free(capped);
    lyc_free(loss);
    lyc_free(labels);
    lyc_free(logits);
    return status;
}

lyc_status lyc__teacher_facts(lyc__job *job, lyc_error *err) {
    lyc__facts *facts = &job->facts;
    const size_t classes = (size_t)job->classes, cells = classes * (size_t)job->teachers;
    LYC_TRY(LYC_NEW_ARRAY(facts->valid_log_prob, (size_t)job->splits->count[LYC_SPLIT_VALID] * (size_t)job->teachers, err));
    LYC_TRY(LYC_NEW_ARRAY(facts->reward_by_answer, 2 * cells + classes, err));
    for (int k = 0; k < job->teachers; k++) {
        double *ce = facts->reward_by_answer + (size_t)k * classes;
        const teacher_figures reward = {.cross_entropy = &facts->reward_ce[k], .accuracy = &facts->reward_accuracy[k],
                                        .ce_by_answer = ce, .accuracy_by_answer = ce + cells,
                                        .scratch = facts->reward_by_answer + 2 * cells};
        const teacher_figures valid = {.cross_entropy = &facts->valid_ce[k], .accuracy = &facts->valid_accuracy[k],
                                       .log_prob = facts->valid_log_prob};
        LYC_TRY(measure_teacher(job, k, LYC_SPLIT_REWARD, &reward, err));
        LYC_TRY(measure_teacher(job, k, LYC_SPLIT_VALID, &valid, err));
    }
    return LYC_OK;
}

/* ---- the policy, acting greedily ------------------------------------------------------------------ */

typedef struct greedy_buffers {
    float *teacher, *student, *target;
    const float *logits[LYC_MAX_TEACHERS];
    int32_t *unlabelled;
    uint8_t *has_target;
} greedy_buffers;

static void free_buffers(greedy_buffers *b) {
    lyc_free(b->teacher);
    lyc_free(b->student);
    lyc_free(b->target);
    lyc_free(b->unlabelled);
    lyc_free(b->has_target);
}

static lyc_status allocate_buffers(const lyc__job *job, greedy_buffers *b, lyc_error *err) {
    size_t batch = job->config->train.batch, matrix = batch * (size_t)job->classes;
    LYC_TRY(LYC_NEW_ARRAY(b->teacher, matrix * (size_t)job->teachers, err));
    LYC_TRY(LYC_NEW_ARRAY(b->student, matrix, err));
    LYC_TRY(LYC_NEW_ARRAY(b->target, matrix, err));
    LYC_TRY(LYC_NEW_ARRAY(b->unlabelled, batch, err));
    LYC_TRY(LYC_NEW_ARRAY(b->has_target, batch, err));
    for (int k = 0; k < job->teachers; k++) b->logits[k] = b->teacher + matrix * (size_t)k;
    for (size_t i = 0; i < batch; i++) b->unlabelled[i] = LYC_UNLABELLED; /* the policy must not see what it is measured on */
    return LYC_OK;
}

static lyc_status greedy_batch(lyc__job *job, greedy_buffers *b, const uint32_t *rows, uint32_t count, uint32_t *right, lyc_error *err) {
    size_t matrix = (size_t)job->config->train.batch * (size_t)job->classes;
    for (int k = 0; k < job->teachers; k++)
        LYC_TRY(lyc_ensemble_logits(job->ensemble, k, rows, count, b->teacher + matrix * (size_t)k, err));
    lyc_student_logits(job->student, rows, count, b->student, LYC_PRIORITY_STUDENT, job->pool);
    lyc_decision_input input = {.seed = job->config->train.seed, .rows = count, .teacher_logits = b->logits,
                                .student_logits = b->student, .labels = b->unlabelled, .progress = 1.0,
                                .temperature = job->config->loss.temperature, .global_step = job->total_steps};
    lyc_decision decision;
    LYC_TRY(lyc_strategy_decide(job->strategy, &input, &decision, err));
    lyc_fuse(b->logits, job->teachers, count, job->classes, decision.weights, decision.per_row, 1.0,
             job->config->loss.fusion, b->unlabelled, b->target, b->has_target);
    for (uint32_t i = 0; i < count; i++)
        *right += lyc__argmax(b->target + (size_t)i * (size_t)job->classes, job->classes) == job->splits->labels[rows[i]];
    return LYC_OK;
}

lyc_status lyc__greedy_accuracy(lyc__job *job, double *accuracy, lyc_error *err) {
    *accuracy = NAN;
    if (!lyc_strategy_learns(job->strategy)) return LYC_OK;
    greedy_buffers buffers = {0};
    uint32_t total = job->splits->count[LYC_SPLIT_VALID], batch = job->config->train.batch, right = 0;
    lyc_status status = allocate_buffers(job, &buffers, err);
    lyc_strategy_set_greedy(job->strategy, true);
    for (uint32_t first = 0; status == LYC_OK && first < total; first += batch) {
        uint32_t count = total - first < batch ? total - first : batch;
        status = greedy_batch(job, &buffers, job->splits->rows[LYC_SPLIT_VALID] + first, count, &right, err);
    }
    lyc_strategy_set_greedy(job->strategy, false);
    free_buffers(&buffers);
    if (status == LYC_OK) *accuracy = (double)right / total;
    return status;
}

/* One batch after the other: the loop of design and docs/architecture.md. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "distill/credit.h"
#include "distill/job.h"
#include "lyceum/log.h"
#include "lyceum/memory.h"

typedef struct clock_marks {
    double start, forwarded, decided, credited, learned;
} clock_marks;

static lyc_status next_batch(lyc__job *job, lyc_batch *batch, const lyc_teacher_batch **taught, lyc_error *err) {
    *taught = NULL;
    if (job->ensemble == NULL) {
        lyc_sampler_batch(job->sampler, (uint32_t)(job->cursor.global_step / job->steps_per_epoch),
                          (uint32_t)(job->cursor.global_step % job->steps_per_epoch), batch);
        return LYC_OK;
    }
    LYC_TRY(lyc_ensemble_batch(job->ensemble, 0, taught, err));
    if (*taught == NULL)
        LYC_FAIL(err, LYC_EINTERNAL, "the teachers ended before the run, at step %llu of %llu",
                 (unsigned long long)job->cursor.global_step, (unsigned long long)job->total_steps);
    *batch = (lyc_batch){.epoch = (*taught)->epoch, .step = (*taught)->step, .view = (*taught)->view,
                         .count = (*taught)->count, .rows = (*taught)->rows};
    return LYC_OK;
}

void lyc__gather_labels(const lyc__job *job, const uint32_t *rows, uint32_t count, int32_t *out) {
    for (uint32_t i = 0; i < count; i++) out[i] = job->splits->labels[rows[i]];
}

static lyc_decision_input decision_input(const lyc__job *job, const lyc_batch *batch, const lyc_teacher_batch *taught,
                                         const float *student_logits) {
    return (lyc_decision_input){
        .seed = job->config->train.seed,
        .epoch = batch->epoch,
        .step = batch->step,
        .global_step = job->cursor.global_step,
        .rows = batch->count,
        .teacher_logits = taught != NULL ? taught->logits : NULL,
        .student_logits = student_logits,
        .labels = job->batch_labels,
        .temperature = job->config->loss.temperature,
        .progress = (double)job->cursor.global_step / (double)job->total_steps,
        .lr_fraction = lyc_student_lr_fraction(job->student),
        .pool = job->pool,
        .priority = LYC_PRIORITY_STUDENT,
    };
}

static void fill_times(lyc__job *job, const clock_marks *marks, lyc__step_record *record) {
    double waited = job->ensemble != NULL ? lyc_ensemble_waited(job->ensemble) : 0.0;
    record->seconds_teacher = waited - job->waited_before;
    job->waited_before = waited;
    record->seconds_decide = marks->decided - marks->forwarded;
    record->seconds_probe = marks->credited - marks->decided;
    record->seconds_student = marks->forwarded - marks->start + marks->learned - marks->credited;
}

/* One update of the real student, with the decision, the credit and the row that belong to it. */
static lyc_status take_step(lyc__job *job, lyc_losses *losses, lyc_error *err) {
    lyc_batch batch;
    const lyc_teacher_batch *taught;
    LYC_TRY(next_batch(job, &batch, &taught, err));
    lyc__gather_labels(job, batch.rows, batch.count, job->batch_labels);

    clock_marks marks = {.start = lyc_seconds()};
    const float *logits = lyc_student_forward(job->student, &batch, LYC_PRIORITY_STUDENT, job->pool);
    marks.forwarded = lyc_seconds();
    lyc_decision_input input = decision_input(job, &batch, taught, logits);
    LYC_TRY(lyc__job_influence(job, &batch, &input, err));
    lyc_decision decision;
    LYC_TRY(lyc_strategy_decide(job->strategy, &input, &decision, err));
    lyc__step_record record = {.epoch = batch.epoch, .batch = &batch, .decision = &decision, .reward = NAN, .advantage = NAN};
    marks.decided = lyc_seconds();

    if (job->credit != NULL) LYC_TRY(lyc__credit_before_update(job, &input, &record, err));
    marks.credited = lyc_seconds();

    lyc_lesson lesson = {0};
    if (taught != NULL)
        lesson = (lyc_lesson){.ids = taught->ids, .logits = taught->logits, .teachers = taught->teachers,
                              .weights = decision.distils ? decision.weights : NULL, .per_row = decision.per_row};
    LYC_TRY(lyc_student_learn(job->student, &lesson, LYC_PRIORITY_STUDENT, job->pool, &record.losses, err));
    marks.learned = lyc_seconds();

    if (job->credit != NULL) LYC_TRY(lyc__credit_after_update(job, &record, err));
    fill_times(job, &marks, &record);
    lyc__tally_step(job, &decision, &record.losses, &batch);
    LYC_TRY(lyc__record_step(job, &record, err));
    if (job->ensemble != NULL) lyc_ensemble_advance(job->ensemble);
    job->cursor.global_step++;
    *losses = record.losses;
    return LYC_OK;
}

static lyc_status stop_requested(lyc__job *job, lyc_error *err) {
    LYC_TRY(lyc__job_checkpoint(job, err));
    LYC_FAIL(err, LYC_ECANCELLED, "stopped after step %llu of %llu; a checkpoint is saved: go on with --resume",
             (unsigned long long)job->cursor.global_step, (unsigned long long)job->total_steps);
}

/* One rule for every strategy: highest accuracy on the validation split, ties to the lower NLL; or the last. */
static void keep_best(lyc__job *job, uint32_t epochs_done, const lyc_metrics *valid) {
    lyc__tally *tally = &job->tally;
    bool better = job->config->train.select == LYC_SELECT_LAST || job->cursor.best_epoch == 0 ||
                  valid->accuracy > tally->best_accuracy ||
                  (valid->accuracy == tally->best_accuracy && valid->nll < tally->best_nll);
    if (!better) return;
    memcpy(job->model->params, lyc_student_result(job->student), lyc_network_size(job->model->network) * sizeof(float));
    tally->best_accuracy = valid->accuracy;
    tally->best_nll = valid->nll;
    job->cursor.best_epoch = epochs_done;
}

/* `epoch` counts from 0, as in every file. */
static lyc_status finish_epoch(lyc__job *job, uint32_t epoch, double seconds, lyc_error *err) {
    lyc_metrics valid, reward;
    LYC_TRY(lyc__student_metrics(job, LYC_SPLIT_VALID, &valid, err));
    LYC_TRY(lyc__student_metrics(job, LYC_SPLIT_REWARD, &reward, err));
    job->tally.last_valid = valid.accuracy;
    keep_best(job, epoch + 1, &valid);
    LYC_TRY(lyc__record_epoch(job, epoch, &valid, &reward, seconds, err));
    lyc__tally_reset(job);
    return LYC_OK;
}

static bool checkpoint_due(const lyc__job *job) {
    uint64_t every = (uint64_t)job->config->train.checkpoint_every;
    return job->cursor.global_step % (every > 0 ? every : job->steps_per_epoch) == 0;
}

static lyc_status measure_threads(lyc__job *job, lyc_error *err) {
    int threads = lyc_pool_threads(job->pool);
    double *busy = NULL;
    LYC_TRY(LYC_NEW_ARRAY(busy, (size_t)threads, err));
    lyc_pool_busy(job->pool, busy);
    job->busy_least = busy[0];
    double sum = 0.0;
    for (int i = 0; i < threads; i++) {
        job->busy_least = fmin(job->busy_least, busy[i]);
        sum += busy[i];
    }
    job->busy_mean = sum / threads;
    lyc_free(busy);
    return LYC_OK;
}

/* What stands behind the bar; the validation accuracy is that of the last complete epoch. */
static void describe_step(const lyc__job *job, uint64_t epoch, double loss, lyc_progress *progress) {
    char valid[32] = "";
    if (job->cursor.best_epoch > 0)
        (void)snprintf(valid, sizeof valid, "  valid %.2f %%", 100.0 * job->tally.last_valid);
    (void)snprintf(progress->detail, sizeof progress->detail, "epoch %llu/%u  loss %.4f%s", (unsigned long long)epoch,
                   job->config->train.epochs, loss, valid);
}

lyc_status lyc__job_loop(lyc__job *job, lyc_error *err) {
    uint64_t first = job->cursor.global_step;
    lyc_pool_busy_reset(job->pool);
    lyc_progress progress;
    lyc_progress_start(&progress, job->config->name, "steps", job->total_steps - first);
    double epoch_started = lyc_seconds();
    while (job->cursor.global_step < job->total_steps) {
        if (job->options->stop != NULL && *job->options->stop) return stop_requested(job, err);
        lyc_losses losses;
        LYC_TRY(take_step(job, &losses, err));
        uint64_t epoch = (job->cursor.global_step - 1) / job->steps_per_epoch + 1;
        describe_step(job, epoch, losses.total, &progress);
        lyc_progress_update(&progress, job->cursor.global_step - first);
        if (job->cursor.global_step % job->steps_per_epoch == 0) {
            LYC_TRY(finish_epoch(job, (uint32_t)epoch - 1, lyc_seconds() - epoch_started, err));
            epoch_started = lyc_seconds();
            describe_step(job, epoch, losses.total, &progress); /* the last epoch is measured now */
        }
        if (checkpoint_due(job)) LYC_TRY(lyc__job_checkpoint(job, err));
    }
    lyc_progress_finish(&progress);
    return measure_threads(job, err);
}

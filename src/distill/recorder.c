/* What a run writes down: rows of run.h5 and lines of log.jsonl. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json_writer.h"
#include "distill/job.h"
#include "lyceum/memory.h"

/* Per instance: ids, selection and weights of the batch's rows; what the last batch of an epoch lacks is filled up. */
static void fill_rows(lyc__job *job, const lyc__step_record *record) {
    size_t teachers = (size_t)job->teachers, count = record->batch->count, batch = job->config->train.batch;
    for (size_t i = 0; i < batch; i++)
        job->row_id[i] = i < count ? lyc_dataset_ids(job->data)[record->batch->rows[i]] : LYC_RUN_NO_ROW;
    memset(job->row_select, 0, batch * teachers);
    memset(job->row_weight, 0, batch * teachers * sizeof *job->row_weight);
    memcpy(job->row_select, record->decision->row_select, count * teachers);
    memcpy(job->row_weight, record->decision->weights, count * teachers * sizeof *job->row_weight);
}

lyc_status lyc__record_step(lyc__job *job, const lyc__step_record *record, lyc_error *err) {
    const lyc_decision *decision = record->decision;
    size_t size = lyc_strategy_observation_size(job->strategy);
    for (size_t i = 0; i < size; i++) job->observation[i] = (float)decision->observation[i];
    if (job->by_row) fill_rows(job, record);
    lyc_trajectory_row row = {
        .step = job->cursor.global_step,
        .epoch = record->epoch,
        .observation = job->observation,
        .select = decision->select,
        .weight = decision->mean_weight,
        .row_id = job->row_id,
        .row_select = job->row_select,
        .row_weight = job->row_weight,
        .log_prob = decision->log_prob,
        .reward = record->reward,
        .baseline = decision->value,
        .advantage = record->advantage,
        .entropy = decision->entropy,
        .loss_total = record->losses.total,
        .loss_ce = record->losses.ce,
        .loss_kd = record->losses.kd,
        .labelled = record->losses.labelled,
        .seconds_teacher = (float)record->seconds_teacher,
        .seconds_decide = (float)record->seconds_decide,
        .seconds_student = (float)record->seconds_student,
        .seconds_probe = (float)record->seconds_probe,
    };
    return lyc_run_append_trajectory(job->runfile, &row, err);
}

lyc_status lyc__record_probe(lyc__job *job, uint64_t step, const lyc_action actions[2], const double reward[2],
                             const lyc_feedback *feedback, lyc_error *err) {
    lyc_probes_row row = {
        .step = step,
        .select_a = actions[0].select,
        .select_b = actions[1].select,
        .weight_a = actions[0].weight,
        .weight_b = actions[1].weight,
        .reward_a = reward[0],
        .reward_b = reward[1],
        .advantage = feedback->advantage,
        .gradient_norm = feedback->gradient_norm,
    };
    return lyc_run_append_probes(job->runfile, &row, err);
}

/* ---- sums over an epoch ------------------------------------------------------------------------- */

void lyc__tally_reset(lyc__job *job) {
    size_t cells = (size_t)job->teachers * (size_t)job->classes;
    job->tally.loss_total = job->tally.loss_ce = job->tally.loss_kd = 0.0;
    job->cursor.epoch_rows = job->cursor.epoch_labelled = 0;
    memset(job->class_weight, 0, cells * sizeof *job->class_weight);
    memset(job->class_select, 0, cells * sizeof *job->class_select);
    memset(job->class_rows, 0, (size_t)job->classes * sizeof *job->class_rows);
}

static void tally_class(lyc__job *job, const lyc_decision *decision, uint32_t row, int32_t label) {
    job->class_rows[label]++;
    for (int k = 0; k < job->teachers; k++) {
        size_t cell = (size_t)k * (size_t)job->classes + (size_t)label;
        size_t at = (size_t)row * (size_t)job->teachers + (size_t)k;
        job->class_weight[cell] += (double)decision->weights[decision->per_row ? at : (size_t)k];
        job->class_select[cell] += decision->row_select != NULL ? decision->row_select[at] : decision->select[k];
    }
}

void lyc__tally_step(lyc__job *job, const lyc_decision *decision, const lyc_losses *losses, const lyc_batch *batch) {
    job->tally.loss_total += losses->total * batch->count;
    job->tally.loss_kd += losses->kd * batch->count;
    job->tally.loss_ce += losses->ce * losses->labelled;
    if (job->cursor.global_step >= job->total_steps - (job->total_steps + 3) / 4)
        for (int k = 0; k < job->teachers; k++) job->late_weight[k] += (double)decision->mean_weight[k];
    job->cursor.epoch_rows += batch->count;
    job->cursor.epoch_labelled += losses->labelled;
    for (uint32_t i = 0; i < batch->count; i++)
        if (job->batch_labels[i] >= 0) tally_class(job, decision, i, job->batch_labels[i]);
}

static double mean(double sum, uint64_t count) {
    return count > 0 ? sum / (double)count : 0.0;
}

/* ---- log.jsonl ------------------------------------------------------------------------------------- */

static lyc_status write_line(lyc__job *job, lyc__json *json, lyc_error *err) {
    char *line = NULL;
    LYC_TRY(lyc__json_finish(json, &line, err));
    lyc_status status = lyc__directory_log(job->directory, line, err);
    lyc_free(line);
    return status;
}

lyc_status lyc__record_event(lyc__job *job, const char *event, lyc_error *err) {
    lyc__json json;
    lyc__json_start(&json, false);
    lyc__json_object(&json, NULL);
    lyc__json_text(&json, "event", event);
    lyc__json_integer(&json, "step", (int64_t)job->cursor.global_step);
    lyc__json_end(&json);
    return write_line(job, &json, err);
}

lyc_status lyc__record_epoch(lyc__job *job, uint32_t epoch, const lyc_metrics *valid, const lyc_metrics *reward,
                             double seconds, lyc_error *err) {
    size_t classes = (size_t)job->classes, cells = (size_t)job->teachers * classes;
    float *weight = job->class_scratch, *select = job->class_scratch + cells;
    for (size_t i = 0; i < cells; i++) {
        weight[i] = (float)mean(job->class_weight[i], job->class_rows[i % classes]);
        select[i] = (float)mean(job->class_select[i], job->class_rows[i % classes]);
    }
    const lyc__tally *tally = &job->tally;
    lyc_epochs_row row = {
        .epoch = epoch,
        .loss_total = mean(tally->loss_total, job->cursor.epoch_rows),
        .loss_ce = mean(tally->loss_ce, job->cursor.epoch_labelled),
        .loss_kd = mean(tally->loss_kd, job->cursor.epoch_rows),
        .valid_accuracy = valid->accuracy,
        .valid_nll = valid->nll,
        .reward_nll = reward->nll,
        .reward_accuracy = reward->accuracy,
        .lr = job->config->learning_rate * lyc_schedule_factor(&job->config->schedule, job->cursor.global_step - 1,
                                                               job->total_steps),
        .seconds = seconds,
        .class_weight = weight,
        .class_select = select,
        .class_rows = job->class_rows,
    };
    LYC_TRY(lyc_run_append_epochs(job->runfile, &row, err));
    lyc__json json;
    lyc__json_start(&json, false);
    lyc__json_object(&json, NULL);
    lyc__json_text(&json, "event", "epoch");
    lyc__json_integer(&json, "epoch", epoch);
    lyc__json_integer(&json, "step", (int64_t)job->cursor.global_step);
    const struct {
        const char *key;
        double value;
    } numbers[] = {{"loss", row.loss_total},      {"ce", row.loss_ce},
                   {"kd", row.loss_kd},           {"valid_accuracy", valid->accuracy},
                   {"valid_nll", valid->nll},     {"reward_accuracy", reward->accuracy},
                   {"reward_nll", reward->nll},   {"seconds", seconds}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) lyc__json_number(&json, numbers[i].key, numbers[i].value);
    lyc__json_end(&json);
    return write_line(job, &json, err);
}

lyc_status lyc__record_evaluation(lyc__job *job, lyc_split split, const lyc_metrics *metrics, lyc_error *err) {
    lyc_evaluation_row row = {
        .split = (uint8_t)split,
        .rows = metrics->rows,
        .accuracy = metrics->accuracy,
        .nll = metrics->nll,
        .brier = metrics->brier,
        .ece = metrics->ece,
        .f1_macro = metrics->f1_macro,
        .matthews = metrics->matthews,
        .epoch = (uint32_t)job->cursor.best_epoch - 1,
        .touched = split == LYC_SPLIT_TEST ? (uint32_t)job->cursor.test_touched : 1,
    };
    return lyc_run_append_evaluation(job->runfile, &row, err);
}

/* Opening a run: directory, data, teachers, student, strategy, in the order in which they need each other. */
#include <string.h>

#include "distill/credit.h"
#include "distill/job.h"
#include "distill/resolved.h"
#include "lyceum/blas.h"
#include "lyceum/log.h"
#include "lyceum/memory.h"

static lyc_status open_data(lyc__job *job, lyc_error *err) {
    const lyc_config *config = job->config;
    LYC_TRY(lyc_dataset_open(&job->data, config->data.path, err));
    LYC_TRY(lyc_view_check(&config->data.view, job->data, err));
    LYC_TRY(lyc_splits_create(&job->splits, job->data, &config->data.split, err));
    job->classes = lyc_dataset_classes(job->data);
    uint32_t rows = job->splits->count[LYC_SPLIT_TRAIN];
    job->steps_per_epoch = (rows + config->train.batch - 1) / config->train.batch;
    job->total_steps = job->steps_per_epoch * config->train.epochs;

    lyc_network_spec spec = config->network;
    spec.classes = job->classes;
    lyc_dataset_shape(job->data, &spec.channels, &spec.height, &spec.width);
    return lyc_model_create(&job->model, &spec, job->data, err);
}

/* Supervised training is distillation by the strategy `none`. */
static bool wants_teachers(lyc__job *job) {
    if (job->command == LYC_CONFIG_TRAIN)
        job->agent = (lyc_agent_options){.strategy = "none"};
    else
        job->agent = job->config->agent;
    return strcmp(job->agent.strategy, "none") != 0;
}

static lyc_status open_teachers(lyc__job *job, lyc_error *err) {
    const lyc_config *config = job->config;
    if (!wants_teachers(job))
        return lyc_sampler_create(&job->sampler, job->splits->rows[LYC_SPLIT_TRAIN], job->splits->count[LYC_SPLIT_TRAIN],
                                  config->train.batch, config->data.view.views, config->train.seed, err);
    lyc_ensemble_options options = {
        .teachers = config->teachers,
        .teacher_count = config->teacher_count,
        .bank_directory = config->banks.enabled ? config->banks.directory : NULL,
        .look_ahead_bytes = (size_t)config->banks.look_ahead_mb << 20,
        .min_ahead = (size_t)config->agent.credit.steps,
        .kept_behind = config->agent.credit.kind == LYC_CREDIT_PROBE ? (size_t)config->agent.credit.delay : 0,
        .view = config->data.teacher_view,
    };
    LYC_TRY(lyc_ensemble_open(&job->ensemble, &options, job->data, &config->data.view, job->pool, err));
    job->teachers = lyc_ensemble_count(job->ensemble);
    for (int k = 0; k < job->teachers; k++) {
        const lyc_teacher_info *info = lyc_ensemble_info(job->ensemble, k);
        job->facts.names[k] = info->name;
        job->facts.kinds[k] = info->kind;
        job->facts.fingerprints[k] = info->fingerprint;
        job->facts.precisions[k] = lyc_precision_name(info->precision);
        job->facts.error_largest[k] = info->error.largest;
        job->facts.error_mean[k] = info->error.mean;
        job->facts.error_changed[k] = info->error.changed;
    }
    return lyc__teacher_facts(job, err);
}

static const double *accuracy_by_answer(const lyc__job *job) {
    return job->teachers == 0 ? NULL : job->facts.reward_by_answer + (size_t)job->teachers * (size_t)job->classes;
}

static lyc_status open_strategy(lyc__job *job, lyc_error *err) {
    const lyc__facts *f = &job->facts;
    lyc_agent_facts facts = {.teachers = job->teachers, .classes = job->classes, .names = f->names,
                             .reward_ce = f->reward_ce, .reward_accuracy = f->reward_accuracy,
                             .reward_ce_by_answer = f->reward_by_answer, .reward_accuracy_by_answer = accuracy_by_answer(job),
                             .valid_ce = f->valid_ce, .valid_accuracy = f->valid_accuracy,
                             .valid_rows = job->splits->count[LYC_SPLIT_VALID], .valid_log_prob = f->valid_log_prob};
    LYC_TRY(lyc_strategy_create(&job->strategy, &job->agent, &facts, job->config->train.seed, job->config->train.batch, err));
    job->by_row = lyc_strategy_decides_rows(job->strategy);
    if (lyc_strategy_origin(job->strategy) != NULL)
        lyc_log(LYC_LOG_INFO, "the policy is that of %s", lyc_strategy_origin(job->strategy));
    LYC_TRY(lyc__job_influence_open(job, err));
    return lyc_strategy_learns(job->strategy) ? lyc__credit_open(job, err) : LYC_OK;
}

static lyc_status allocate_buffers(lyc__job *job, lyc_error *err) {
    size_t cells = (size_t)job->teachers * (size_t)job->classes;
    LYC_TRY(LYC_NEW_ARRAY(job->batch_labels, job->config->train.batch, err));
    size_t rows = job->by_row ? job->config->train.batch : 0;
    LYC_TRY(LYC_NEW_ARRAY(job->row_id, rows, err));
    LYC_TRY(LYC_NEW_ARRAY(job->row_select, rows * (size_t)job->teachers, err));
    LYC_TRY(LYC_NEW_ARRAY(job->row_weight, rows * (size_t)job->teachers, err));
    LYC_TRY(LYC_NEW_ARRAY(job->observation, lyc_strategy_observation_size(job->strategy), err));
    LYC_TRY(LYC_NEW_ARRAY(job->late_weight, (size_t)job->teachers, err));
    LYC_TRY(LYC_NEW_ARRAY(job->class_weight, cells, err));
    LYC_TRY(LYC_NEW_ARRAY(job->class_select, cells, err));
    LYC_TRY(LYC_NEW_ARRAY(job->class_scratch, 2 * cells, err));
    return LYC_NEW_ARRAY(job->class_rows, (size_t)job->classes, err);
}

static lyc_status start_teachers(lyc__job *job, lyc_error *err) {
    if (job->ensemble == NULL || job->cursor.finished) return LYC_OK;
    return lyc_ensemble_start(job->ensemble, job->splits->rows[LYC_SPLIT_TRAIN], job->splits->count[LYC_SPLIT_TRAIN],
                              job->config->train.batch, job->config->data.view.views, job->config->train.seed,
                              job->config->train.epochs, (uint32_t)(job->cursor.global_step / job->steps_per_epoch),
                              (uint32_t)(job->cursor.global_step % job->steps_per_epoch), err);
}

/* A run that goes on keeps the text that it was started with, which its checkpoints hold, as long as it says the same. */
static lyc_status keep_configuration(lyc__job *job, lyc_error *err) {
    char path[LYC__PATH_SIZE], *former = NULL;
    bool same = false;
    lyc__directory_file(job->directory, "config.json", path);
    LYC_TRY(lyc__resolved_compare(path, job->config, &same, &former, err));
    if (former == NULL) return LYC_OK;
    lyc_free(job->resolved);
    job->resolved = former;
    return LYC_OK;
}

lyc_status lyc__job_open(lyc__job *job, lyc_error *err) {
    bool holds_run = false;
    job->started = lyc_seconds();
    LYC_TRY(lyc_blas_check(err));
    LYC_TRY(lyc_config_resolved(job->config, &job->resolved, err));
    LYC_TRY(lyc__directory_open(&job->directory, job->config->output, job->options->resume, &holds_run, err));
    if (holds_run) LYC_TRY(keep_configuration(job, err));
    LYC_TRY(open_data(job, err));
    LYC_TRY(open_teachers(job, err));
    LYC_TRY(lyc__job_student(job, &job->student, err));
    LYC_TRY(open_strategy(job, err));
    LYC_TRY(allocate_buffers(job, err));
    LYC_TRY(lyc__job_register(job, err));
    LYC_TRY(lyc__job_restore(job, holds_run, err));
    return start_teachers(job, err);
}

lyc_status lyc__job_close_files(lyc__job *job, lyc_error *err) {
    lyc_runfile *file = job->runfile;
    job->runfile = NULL;
    return lyc_runfile_close(file, err);
}

void lyc__job_close(lyc__job *job) {
    lyc__credit_close(job->credit); /* before everything that a probe in flight uses */
    lyc_ensemble_close(job->ensemble);
    lyc_error ignored; /* closing after a failure: what was committed is safe already */
    bool told = lyc_runfile_has_failed(job->runfile);
    if (lyc__job_close_files(job, &ignored) != LYC_OK && !told) lyc_log(LYC_LOG_WARNING, "%s", ignored.message);
    lyc_state_destroy(job->state);
    lyc_free(job->facts.reward_by_answer);
    lyc_free(job->facts.valid_log_prob);
    lyc_free(job->class_rows);
    lyc_free(job->class_scratch);
    lyc_free(job->class_select);
    lyc_free(job->class_weight);
    lyc_free(job->late_weight);
    lyc_free(job->observation);
    lyc_free(job->row_weight);
    lyc_free(job->row_select);
    lyc_free(job->row_id);
    lyc_free(job->batch_labels);
    lyc__job_influence_close(job);
    lyc_strategy_destroy(job->strategy);
    lyc_student_destroy(job->student);
    lyc_sampler_destroy(job->sampler);
    lyc_model_destroy(job->model);
    lyc_splits_destroy(job->splits);
    lyc_dataset_close(job->data);
    lyc__directory_close(job->directory);
    lyc_free(job->resolved);
}

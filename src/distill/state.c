/* Checkpoints of a run: what they hold, and going back to one. */
#include <stdio.h>

#include "distill/credit.h"
#include "distill/influence.h"
#include "distill/job.h"
#include "lyceum/blas.h"
#include "lyceum/log.h"
#include "lyceum/memory.h"
#include "lyceum/version.h"

#define WORDS(object) (sizeof(object) / sizeof(uint64_t))

/* A resumed run must be the run that was never stopped: these must be what they were. */
static lyc_status register_requirements(lyc__job *job, lyc_error *err) {
    char text[512];
    LYC_TRY(lyc_state_require(job->state, "config", job->resolved,
                              "resume with the same configuration (the run directory holds it as config.json) and the same version, or start a new "
                              "run in another --output", err));
    LYC_TRY(lyc_state_require(job->state, "data", lyc_dataset_fingerprint(job->data),
                              "the data set has changed since: bring the former file back, or start a new run", err));
    (void)snprintf(text, sizeof text, "lyceum %s, %s", lyc_version(), lyc_kernels());
    LYC_TRY(lyc_state_require(job->state, "kernels", text,
                              "the same bits need the same program, libraries and kind of processor", err));
    (void)snprintf(text, sizeof text, "%zu rows (training), %zu rows (inference)",
                   lyc_shard_rows(job->model->network, LYC_MODE_TRAIN, job->config->train.batch),
                   lyc_shard_rows(job->model->network, LYC_MODE_INFER, job->config->train.batch));
    LYC_TRY(lyc_state_require(job->state, "shard", text, "the same bits need the same shards: use the same version", err));
    for (int k = 0; k < job->teachers; k++) {
        (void)snprintf(text, sizeof text, "teacher/%d", k);
        LYC_TRY(lyc_state_require(job->state, text, job->facts.fingerprints[k],
                                  "the teacher has changed since: bring the former one back, or start a new run", err));
    }
    return LYC_OK;
}

lyc_status lyc__job_register(lyc__job *job, lyc_error *err) {
    size_t cells = (size_t)job->teachers * (size_t)job->classes;
    LYC_TRY(lyc_state_create(&job->state, err));
    LYC_TRY(register_requirements(job, err));
    LYC_TRY(lyc_student_register(job->student, job->state, err));
    LYC_TRY(lyc_strategy_register(job->strategy, job->state, err));
    if (job->credit != NULL) LYC_TRY(lyc__credit_register(job->credit, job->state, err));
    if (job->influence != NULL) LYC_TRY(lyc__influence_register(job->influence, job->state, err));
    LYC_TRY(lyc_state_add(job->state, "best/params", LYC_TYPE_F32, job->model->params, lyc_network_size(job->model->network), err));
    LYC_TRY(lyc_state_add(job->state, "best/fingerprint", LYC_TYPE_U8, job->model->fingerprint,
                          sizeof job->model->fingerprint, err));
    LYC_TRY(lyc_state_add(job->state, "run/cursor", LYC_TYPE_U64, &job->cursor, WORDS(job->cursor), err));
    LYC_TRY(lyc_state_add(job->state, "run/tally", LYC_TYPE_F64, &job->tally, WORDS(job->tally), err));
    LYC_TRY(lyc_state_add(job->state, "run/late_weight", LYC_TYPE_F64, job->late_weight, (size_t)job->teachers, err));
    LYC_TRY(lyc_state_add(job->state, "run/class_weight", LYC_TYPE_F64, job->class_weight, cells, err));
    LYC_TRY(lyc_state_add(job->state, "run/class_select", LYC_TYPE_F64, job->class_select, cells, err));
    return lyc_state_add(job->state, "run/class_rows", LYC_TYPE_U64, job->class_rows, (size_t)job->classes, err);
}

lyc_status lyc__job_checkpoint(lyc__job *job, lyc_error *err) {
    if (job->credit != NULL) LYC_TRY(lyc__credit_settle(job->credit, err));
    LYC_TRY(lyc_runfile_flush(job->runfile, err));
    for (size_t i = 0; i < LYC_RUN_TABLES; i++) job->cursor.table_rows[i] = lyc_runfile_rows(job->runfile, i);
    job->cursor.log_bytes = lyc__directory_log_bytes(job->directory);
    double now = lyc_seconds();
    job->tally.seconds += now - job->started;
    job->started = now;
    return lyc_checkpoint_save(job->state, job->config->output, job->cursor.global_step,
                               (int)job->config->train.keep_checkpoints, err);
}

static lyc_run_facts run_facts(const lyc__job *job, const char **observation_names, const char **class_names) {
    size_t observation = lyc_strategy_observation_size(job->strategy);
    for (size_t i = 0; i < observation; i++) observation_names[i] = lyc_strategy_observation_name(job->strategy, i);
    for (int c = 0; c < job->classes; c++) class_names[c] = lyc_dataset_class_name(job->data, c);
    const lyc__facts *facts = &job->facts;
    return (lyc_run_facts){
        .name = job->config->name,
        .strategy = job->agent.strategy,
        .config = job->resolved,
        .total_steps = job->total_steps,
        .steps_per_epoch = job->steps_per_epoch,
        .teachers = (size_t)job->teachers,
        .classes = (size_t)job->classes,
        .observation = observation,
        .rows = job->by_row ? job->config->train.batch : 0,
        .teacher_names = facts->names,
        .teacher_kinds = facts->kinds,
        .teacher_fingerprints = facts->fingerprints,
        .teacher_precisions = facts->precisions,
        .logit_error_largest = facts->error_largest,
        .logit_error_mean = facts->error_mean,
        .logit_error_changed = facts->error_changed,
        .reward_ce = facts->reward_ce,
        .reward_accuracy = facts->reward_accuracy,
        .valid_ce = facts->valid_ce,
        .valid_accuracy = facts->valid_accuracy,
        .observation_names = observation_names,
        .class_names = class_names,
    };
}

static lyc_status open_runfile(lyc__job *job, bool found, lyc_error *err) {
    char path[LYC__PATH_SIZE];
    lyc__directory_file(job->directory, "run.h5", path);
    const char **observation_names = NULL, **class_names = NULL;
    lyc_status status = LYC_NEW_ARRAY(observation_names, lyc_strategy_observation_size(job->strategy), err);
    if (status == LYC_OK) status = LYC_NEW_ARRAY(class_names, (size_t)job->classes, err);
    if (status != LYC_OK) goto done;
    lyc_run_facts facts = run_facts(job, observation_names, class_names);
    status = found ? lyc_run_resume(&job->runfile, path, &facts, job->cursor.table_rows, err)
                   : lyc_run_create(&job->runfile, path, &facts, err);
done:
    lyc_free(class_names);
    lyc_free(observation_names);
    return status;
}

lyc_status lyc__job_restore(lyc__job *job, bool holds_run, lyc_error *err) {
    int found = 0;
    uint64_t step = 0;
    if (holds_run) LYC_TRY(lyc_checkpoint_load(job->state, job->config->output, &found, &step, err));
    if (!found) LYC_TRY(lyc__directory_begin(job->directory, job->resolved, holds_run, err));
    LYC_TRY(lyc__directory_log_open(job->directory, found == 0, err));
    LYC_TRY(lyc__directory_log_truncate(job->directory, job->cursor.log_bytes, err));
    if (job->cursor.finished && lyc__directory_has(job->directory, "result.json")) {
        lyc_log(LYC_LOG_INFO, "%s: finished already; this is its result", job->config->output);
        return LYC_OK;
    }
    if (holds_run)
        lyc_log(LYC_LOG_INFO, found ? "%s: going on from step %llu" : "%s: no checkpoint yet, starting again from step %llu",
                job->config->output, (unsigned long long)step);
    LYC_TRY(open_runfile(job, found != 0, err));
    return lyc__record_event(job, found ? "resume" : "start", err);
}

/* The two jobs, from an open run to the files it hands out. */
#include "lyceum/distill.h"

#include <math.h>
#include <string.h>

#include "base/fileio.h"
#include "base/json_writer.h"
#include "distill/job.h"
#include "distill/result_json.h"
#include "lyceum/memory.h"

typedef struct job_kind {
    const char *verb;       /* provenance: how the model was made */
    const char *model_file;
} job_kind;

static const job_kind kinds[] = {
    [LYC_CONFIG_TRAIN] = {"train", "model.h5"},
    [LYC_CONFIG_DISTILL] = {"distill", "student.h5"},
};

static lyc_status write_provenance(lyc__job *job, lyc_error *err) {
    lyc__json json;
    lyc__json_start(&json, false);
    lyc__json_object(&json, NULL);
    lyc__json_text(&json, "program", "lyceum " LYC_VERSION);
    lyc__json_text(&json, "command", kinds[job->command].verb);
    lyc__json_text(&json, "data", lyc_dataset_fingerprint(job->data));
    if (lyc_strategy_origin(job->strategy) != NULL) lyc__json_text(&json, "policy", lyc_strategy_origin(job->strategy));
    lyc__json_unsigned(&json, "best_epoch", job->cursor.best_epoch);
    lyc__json_raw(&json, "config", job->resolved);
    lyc__json_end(&json);
    lyc_free(job->model->provenance);
    return lyc__json_finish(&json, &job->model->provenance, err);
}

static lyc_status save_model(lyc__job *job, lyc_error *err) {
    char path[LYC__PATH_SIZE];
    lyc__directory_file(job->directory, kinds[job->command].model_file, path);
    LYC_TRY(write_provenance(job, err));
    return lyc_model_save(job->model, path, err);
}

/* The test split is counted as touched before it is looked at, so that a kill in between cannot hide it. */
static lyc_status measure(lyc__job *job, lyc_error *err) {
    memcpy(lyc_student_result(job->student), job->model->params, lyc_network_size(job->model->network) * sizeof(float));
    LYC_TRY(lyc__greedy_accuracy(job, &job->tally.greedy_accuracy, err));
    static const lyc_split measured[] = {LYC_SPLIT_VALID, LYC_SPLIT_TEST};
    for (size_t i = 0; i < sizeof measured / sizeof measured[0]; i++) {
        lyc_metrics *metrics = &job->tally.result[measured[i]];
        if (job->splits->count[measured[i]] == 0) continue; /* a data set without a test part */
        LYC_TRY(lyc__student_metrics(job, measured[i], metrics, err));
        LYC_TRY(lyc__record_evaluation(job, measured[i], metrics, err));
    }
    return LYC_OK;
}

static lyc_status write_result(lyc__job *job, const lyc_run_result *result, lyc_error *err) {
    lyc__json json;
    char *text = NULL, path[LYC__PATH_SIZE];
    lyc__run_result_json(&json, job->config, result);
    LYC_TRY(lyc__json_finish(&json, &text, err));
    lyc__directory_file(job->directory, "result.json", path);
    lyc_status status = lyc__write_text_atomically(path, text, err);
    lyc_free(text);
    return status;
}

static lyc_run_result summarise(const lyc__job *job) {
    lyc_run_result result = {
        .steps = job->total_steps,
        .best_epoch = (uint32_t)job->cursor.best_epoch,
        .valid = job->tally.result[LYC_SPLIT_VALID],
        .test = job->tally.result[LYC_SPLIT_TEST],
        .test_touched = (uint32_t)job->cursor.test_touched,
        .greedy_valid_accuracy = job->tally.greedy_accuracy,
        .seconds = job->tally.seconds,
        .threads = lyc_pool_threads(job->pool),
        .busy_least = job->busy_least,
        .busy_mean = job->busy_mean,
        .labelled = job->splits->labelled,
    };
    memcpy(result.split_rows, job->splits->count, sizeof result.split_rows);
    memcpy(result.fingerprint, job->model->fingerprint, sizeof result.fingerprint);
    return result;
}

/* From the end of training to a finished run. Everything can be repeated after a kill: `finished` is set by
 * the last checkpoint, after the model file is whole. */
static lyc_status finish(lyc__job *job, lyc_error *err) {
    job->cursor.test_touched++;
    LYC_TRY(lyc__job_checkpoint(job, err));
    LYC_TRY(measure(job, err));
    LYC_TRY(lyc__record_mixtures(job, err));
    LYC_TRY(save_model(job, err));
    LYC_TRY(lyc__record_event(job, "finished", err));
    job->cursor.finished = 1;
    return lyc__job_checkpoint(job, err);
}

/* result.json comes last: its presence says that every other file is closed. */
static lyc_status hand_out(lyc__job *job, lyc_run_result *result, lyc_error *err) {
    *result = summarise(job);
    if (job->runfile == NULL) return LYC_OK;
    LYC_TRY(lyc__job_close_files(job, err));
    return write_result(job, result, err);
}

static lyc_status run(lyc_config_command command, const lyc_config *config, const lyc_run_options *options, lyc_pool *pool,
                      lyc_run_result *result, lyc_error *err) {
    lyc__job *job = NULL;
    LYC_TRY(lyc_allocate((void **)&job, 1, sizeof *job, "run", err));
    job->config = config;
    job->options = options;
    job->command = command;
    job->pool = pool;
    job->busy_least = job->busy_mean = NAN;
    lyc_status status;
    LYC_TRY_GOTO(lyc__job_open(job, err));
    if (!job->cursor.finished) {
        LYC_TRY_GOTO(lyc__job_loop(job, err));
        LYC_TRY_GOTO(finish(job, err));
    }
    LYC_TRY_GOTO(hand_out(job, result, err));
done:
    lyc__job_close(job);
    lyc_free(job);
    return status;
}

lyc_status lyc_distill_run(const lyc_config *config, const lyc_run_options *options, lyc_pool *pool, lyc_run_result *result,
                           lyc_error *err) {
    return run(LYC_CONFIG_DISTILL, config, options, pool, result, err);
}

lyc_status lyc_train_run(const lyc_config *config, const lyc_run_options *options, lyc_pool *pool, lyc_run_result *result,
                         lyc_error *err) {
    return run(LYC_CONFIG_TRAIN, config, options, pool, result, err);
}

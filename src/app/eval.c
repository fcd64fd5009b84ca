/* `lyceum eval MODEL`: how good a model is on a split, and how close to others. */
#include <stdio.h>
#include <string.h>

#include "app/format.h"
#include "app/job.h"
#include "distill/result_json.h"
#include "io/recorded_file.h"
#include "lyceum/log.h"
#include "lyceum/memory.h"
#include "lyceum/model.h"

#define ROWS_AT_ONCE 4096

typedef struct eval_options {
    lyc__common common;
    const char *data, *split, *logits, *precision;
    double reward_fraction, valid_fraction;
    int64_t split_seed;
    lyc__texts against;
} eval_options;

#define AT(member) offsetof(eval_options, member)

static const lyc__option options[] = {
    {"data", 'd', LYC__OPTION_TEXT, AT(data), "FILE", "data-set file (required)", 0, 0},
    {"split", 's', LYC__OPTION_TEXT, AT(split), "NAME",
     "train, reward, valid (default), test, or all: every row of the file", 0, 0},
    {"against", 'a', LYC__OPTION_LIST, AT(against), "MODEL",
     "another model to compare with: agreement and KL; repeatable", 0, 0},
    {"logits", 0, LYC__OPTION_TEXT, AT(logits), "FILE",
     "write /logits [N,C] and /id [N], which serve as a recorded teacher; replaces only such a file", 0, 0},
    {"precision", 0, LYC__OPTION_TEXT, AT(precision), "NAME",
     "f32 (default) or bf16: what MODEL is computed in; bf16 also says what that changes", 0, 0},
    {"reward-fraction", 0, LYC__OPTION_NUMBER, AT(reward_fraction), "X",
     "data.reward_fraction of the config the splits belong to (default 0.05)", 0, 1},
    {"valid-fraction", 0, LYC__OPTION_NUMBER, AT(valid_fraction), "X",
     "data.valid_fraction of that config (default 0.05)", 0, 1},
    {"split-seed", 0, LYC__OPTION_COUNT, AT(split_seed), "N", "data.split_seed of that config (default 0)", 0,
     9007199254740991.0},
    LYC__COMMON_THREADS,
    LYC__COMMON_JSON,
    LYC__COMMON_QUIET,
    LYC__COMMON_HELP,
};

static const lyc__usage usage = {
    .command = "eval",
    .synopsis = "MODEL --data FILE [--split NAME] [options]",
    .summary = "measure a model on a split",
    .about = "Prints accuracy, negative log-likelihood (NLL, nats), Brier score, expected "
             "calibration error (ECE, 15 equal bins), macro F1 and Matthews correlation of MODEL "
             "on one split of a data set, over its labelled rows. With --against also the share "
             "of equal answers and the mean KL(other || MODEL) at temperature 1, over all rows.\n\n"
             "The splits are the ones that a run cuts with the same fractions and seed; a run "
             "with others needs them here too. The test split is for the last word: what is "
             "chosen by looking at it is no longer measured by it.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .least_arguments = 1,
    .most_arguments = 1,
    .argument = "the model file",
    .examples =
        "lyceum eval runs/fashion/student.h5 --data data/fashion.h5\n"
        "lyceum eval runs/fashion/student.h5 --data data/fashion.h5 --against models/lenet5/model.h5\n"
        "lyceum eval models/lenet5/model.h5 --data data/fashion.h5 --split all --logits lenet5-logits.h5",
    .configures = -1,
};

typedef struct comparison {
    const char *path;
    lyc_agreement result;
} comparison;

typedef struct eval_job {
    const eval_options *options;
    lyc_pool *pool;
    lyc_dataset *data;
    size_t count, classes;
    uint32_t *rows;  /* [count] */
    int32_t *labels; /* [count] */
    float *logits;   /* [count, classes] */
    lyc_precision precision;
    lyc_logit_error error; /* of the precision; rows 0 = it is f32 */
    lyc_metrics metrics;
    comparison *others; /* one each, and the mixture of them all where there are several */
    size_t other_count;
} eval_job;

/* ---- rows ----------------------------------------------------------------------------------------- */

static lyc_status find_split(const char *name, int *out, lyc_error *err) {
    const char *names[LYC_SPLIT_COUNT + 1];
    for (int split = 0; split <= LYC_SPLIT_COUNT; split++) {
        names[split] = split < LYC_SPLIT_COUNT ? lyc_split_name((lyc_split)split) : "all";
        *out = split;
        if (strcmp(name, names[split]) == 0) return LYC_OK;
    }
    return lyc__unknown_name("split", name, names, LYC_SPLIT_COUNT + 1, err);
}

/* Rows of the file's test part, or all: they depend on no fraction. */
static lyc_status rows_of_file(eval_job *job, bool only_test, lyc_error *err) {
    size_t rows = lyc_dataset_rows(job->data);
    LYC_TRY(LYC_NEW_ARRAY(job->rows, rows, err));
    for (size_t row = 0; row < rows; row++)
        if (!only_test || lyc_dataset_parts(job->data)[row] == 1) job->rows[job->count++] = (uint32_t)row;
    return LYC_OK;
}

static lyc_status rows_of_split(eval_job *job, lyc_split split, lyc_error *err) {
    lyc_split_options cut = {.reward_fraction = job->options->reward_fraction,
                             .valid_fraction = job->options->valid_fraction,
                             .seed = (uint64_t)job->options->split_seed};
    lyc_splits *splits = NULL;
    LYC_TRY(lyc_splits_create(&splits, job->data, &cut, err));
    lyc_status status = LYC_NEW_ARRAY(job->rows, splits->count[split], err);
    if (status == LYC_OK) {
        job->count = splits->count[split];
        memcpy(job->rows, splits->rows[split], job->count * sizeof *job->rows);
    }
    lyc_splits_destroy(splits);
    return status;
}

static lyc_status choose_rows(eval_job *job, lyc_error *err) {
    int split = 0;
    LYC_TRY(find_split(job->options->split, &split, err));
    if (split >= LYC_SPLIT_TEST) {
        lyc_log(LYC_LOG_INFO, "note: this looks at the test split; do not choose anything by it");
        LYC_TRY(rows_of_file(job, split == LYC_SPLIT_TEST, err));
    } else {
        LYC_TRY(rows_of_split(job, (lyc_split)split, err));
    }
    if (job->count == 0)
        LYC_FAIL(err, LYC_EFORMAT, "%s has no rows in the split %s", job->options->data, job->options->split);
    LYC_TRY(LYC_NEW_ARRAY(job->labels, job->count, err));
    for (size_t i = 0; i < job->count; i++) job->labels[i] = lyc_dataset_labels(job->data)[job->rows[i]];
    return LYC_OK;
}

static lyc_status find_precision(const char *name, lyc_precision *out, lyc_error *err) {
    const char *names[] = {lyc_precision_name(LYC_PRECISION_F32), lyc_precision_name(LYC_PRECISION_BF16)};
    if (lyc_precision_named(out, name, err) == LYC_OK) return LYC_OK;
    return lyc__unknown_name("--precision", name, names, sizeof names / sizeof *names, err);
}

/* ---- logits --------------------------------------------------------------------------------------- */

/* The message speaks of a teacher first, of the file behind it; here nobody teaches. */
static void drop_teacher(lyc_error *err, const char *name) {
    char prefix[512];
    int length = snprintf(prefix, sizeof prefix, "teacher '%s': ", name);
    if (length > 0 && length < (int)sizeof prefix && strncmp(err->message, prefix, (size_t)length) == 0)
        memmove(err->message, err->message + length, strlen(err->message + length) + 1);
}

/* A model is asked as a teacher is: with its own preprocessing, and refused where its classes are others.
 * `error` (may be NULL) is what its precision changes. */
static lyc_status compute_logits(const eval_job *job, const char *path, lyc_precision precision, float **out,
                                 lyc_logit_error *error, lyc_error *err) {
    static const lyc_view_recipe clean = {.views = 1};
    const char *slash = strrchr(path, '/');
    lyc_teacher_options model = {
        .name = slash ? slash + 1 : path, .kind = "model", .path = path, .precision = precision};
    lyc_teacher *teacher = NULL;
    lyc_status status = lyc_teacher_open(&teacher, &model, job->data, &clean, err);
    if (status != LYC_OK) {
        drop_teacher(err, model.name);
        return status;
    }
    if (error != NULL) *error = lyc_teacher_get_info(teacher)->error;
    lyc_progress progress;
    lyc_progress_start(&progress, model.name, "rows", job->count);
    status = LYC_NEW_ARRAY(*out, job->count * job->classes, err);
    for (size_t first = 0; status == LYC_OK && first < job->count; first += ROWS_AT_ONCE) {
        size_t chunk = job->count - first < ROWS_AT_ONCE ? job->count - first : ROWS_AT_ONCE;
        status = lyc_teacher_logits(teacher, job->rows + first, chunk, 0, *out + first * job->classes,
                                    job->pool, err);
        lyc_progress_update(&progress, first + chunk);
    }
    if (status == LYC_OK) lyc_progress_finish(&progress);
    lyc_teacher_close(teacher);
    return status;
}

static lyc_status write_logits(const eval_job *job, lyc_error *err) {
    uint64_t *ids = NULL, *checks = NULL;
    const char **names = NULL;
    lyc_status status;
    LYC_TRY_GOTO(LYC_NEW_ARRAY(ids, job->count, err));
    LYC_TRY_GOTO(LYC_NEW_ARRAY(checks, job->count, err));
    LYC_TRY_GOTO(LYC_NEW_ARRAY(names, job->classes, err));
    for (size_t i = 0; i < job->count; i++) {
        ids[i] = lyc_dataset_ids(job->data)[job->rows[i]];
        checks[i] = lyc_dataset_row_checksum(job->data, job->rows[i]);
    }
    for (size_t c = 0; c < job->classes; c++) names[c] = lyc_dataset_class_name(job->data, (int)c);
    status = lyc__recorded_file_write(job->options->logits, job->logits, ids, checks, job->count,
                                      (int)job->classes, names, lyc_dataset_fingerprint(job->data), err);
done:
    lyc_free(names);
    lyc_free(checks);
    lyc_free(ids);
    return status;
}

/* ---- comparing ------------------------------------------------------------------------------------ */

static lyc_status compare_mixture(eval_job *job, float *const *logits, size_t count, lyc_error *err) {
    float *mixture = NULL;
    LYC_TRY(LYC_NEW_ARRAY(mixture, job->count * job->classes, err));
    lyc_mixture_log_probabilities((const float *const *)logits, (int)count, job->count, (int)job->classes,
                                  mixture);
    comparison *other = &job->others[job->other_count++];
    other->path = "mixture of them";
    lyc_agreement_compute(&other->result, mixture, job->logits, job->count, (int)job->classes);
    lyc_free(mixture);
    return LYC_OK;
}

static lyc_status compare(eval_job *job, lyc_error *err) {
    const lyc__texts *against = &job->options->against;
    float *logits[LYC__TEXTS_MAX] = {NULL};
    lyc_status status;
    LYC_TRY_GOTO(LYC_NEW_ARRAY(job->others, against->count + 1, err));
    for (size_t i = 0; i < against->count; i++) {
        LYC_TRY_GOTO(compute_logits(job, against->items[i], LYC_PRECISION_F32, &logits[i], NULL, err));
        comparison *other = &job->others[job->other_count++];
        other->path = against->items[i];
        lyc_agreement_compute(&other->result, logits[i], job->logits, job->count, (int)job->classes);
    }
    if (against->count > 1) LYC_TRY_GOTO(compare_mixture(job, logits, against->count, err));
done:
    for (size_t i = 0; i < against->count; i++) lyc_free(logits[i]);
    return status;
}

/* ---- results -------------------------------------------------------------------------------------- */

static lyc_status print_json(const eval_job *job, lyc_error *err) {
    const eval_options *o = job->options;
    lyc__json json;
    lyc__json_start(&json, true);
    lyc__json_object(&json, NULL);
    lyc__json_text(&json, "model", o->common.arguments.items[0]);
    lyc__json_text(&json, "data", o->data);
    lyc__json_text(&json, "split", o->split);
    lyc__json_text(&json, "precision", o->precision);
    if (job->error.rows > 0) lyc__logit_error_json(&json, "logit_error", &job->error);
    lyc__metrics_json(&json, "metrics", &job->metrics);
    lyc__json_array(&json, "against");
    for (size_t i = 0; i < job->other_count; i++) {
        lyc__json_object_inline(&json, NULL);
        lyc__json_text(&json, "model", job->others[i].path);
        lyc__json_number(&json, "agreement", job->others[i].result.agreement);
        lyc__json_number(&json, "kl", job->others[i].result.kl);
        lyc__json_end(&json);
    }
    lyc__json_end(&json);
    lyc__json_text(&json, "logits", o->logits);
    lyc__json_end(&json);
    return lyc__print_json(&json, err);
}

static lyc_status print_text(const eval_job *job, lyc_error *err) {
    (void)err;
    const eval_options *o = job->options;
    const lyc__colours *c = lyc__stdout_colours();
    printf("%s%s%s on %s of %s\n", c->bold, o->common.arguments.items[0], c->reset, o->split, o->data);
    lyc__print_metrics_head(0);
    lyc__print_metrics(o->split, 0, &job->metrics);
    if (job->other_count > 0) printf("\n%s%10s %10s  against%s\n", c->dim, "agreement", "KL", c->reset);
    for (size_t i = 0; i < job->other_count; i++) {
        char agreement[LYC__SHORT];
        lyc__format_percent(job->others[i].result.agreement, agreement);
        printf("%10s %10.4f  %s\n", agreement, job->others[i].result.kl, job->others[i].path);
    }
    if (o->logits) printf("\nlogits of %zu rows: %s\n", job->count, o->logits);
    return LYC_OK;
}

static lyc_status evaluate(eval_job *job, lyc_error *err) {
    const eval_options *o = job->options;
    if (!o->data) LYC_FAIL(err, LYC_EUSAGE, "--data FILE, the data set, is missing");
    LYC_TRY(find_precision(o->precision, &job->precision, err));
    if (o->logits) LYC_TRY(lyc__recorded_file_check_target(o->logits, err));
    LYC_TRY(lyc__start_pool(&job->pool, &o->common, err));
    LYC_TRY(lyc_dataset_open(&job->data, o->data, err));
    job->classes = (size_t)lyc_dataset_classes(job->data);
    LYC_TRY(choose_rows(job, err));
    LYC_TRY(
        compute_logits(job, o->common.arguments.items[0], job->precision, &job->logits, &job->error, err));
    LYC_TRY(lyc_metrics_compute(&job->metrics, job->logits, job->labels, job->count, (int)job->classes, err));
    if (o->against.count > 0) LYC_TRY(compare(job, err));
    if (o->logits) LYC_TRY(write_logits(job, err));
    lyc__terminal_stop();
    return (o->common.json ? print_json : print_text)(job, err);
}

int lyc__app_eval(int argc, char **argv) {
    eval_options o = {.split = "valid", .precision = "f32", .reward_fraction = 0.05, .valid_fraction = 0.05};
    int code = LYC__EXIT_DONE;
    if (!lyc__begin(&usage, argc, argv, &o, &code)) return code;
    lyc_error err = {0};
    eval_job job = {.options = &o};
    lyc_status status = evaluate(&job, &err);
    lyc_free(job.others);
    lyc_free(job.logits);
    lyc_free(job.labels);
    lyc_free(job.rows);
    lyc_dataset_close(job.data);
    lyc_pool_destroy(job.pool);
    return status == LYC_OK ? LYC__EXIT_DONE : lyc__failed(&usage, &err);
}

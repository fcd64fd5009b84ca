/* What a finished run says of itself: result.json, run.h5, and the model for its cost. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "distill/ablation.h"
#include "lyceum/memory.h"
#include "lyceum/model.h"
#include "lyceum/runfile.h"

#define PATH_SIZE 4096

typedef struct result {
    double test_rows, test_accuracy, test_nll, test_ece, valid_accuracy, seconds, steps, train, reward, valid;
} result;

static const char *const keys[] = {"test.rows",      "test.accuracy", "test.nll", "test.ece_15_bins",
                                   "valid.accuracy", "seconds",       "steps",    "rows.train",
                                   "rows.reward",    "rows.valid"};
_Static_assert(sizeof(result) == sizeof keys / sizeof *keys * sizeof(double),
               "a member for each key, in their order");

typedef struct measuring {
    lyc_ablation_run *run;
    const lyc__ablation_teachers *teachers;
    result said;
    lyc_runreader *reader;
    double flops_train, flops_forward; /* of one row of the student */
} measuring;

static void path_of(const lyc_ablation_run *run, const char *name, char out[PATH_SIZE]) {
    (void)snprintf(out, PATH_SIZE, "%s/%s", run->output, name);
}

static bool asks_teachers(const lyc_config *config) {
    return strcmp(config->agent.strategy, "none") != 0;
}

/* ---- result.json -------------------------------------------------------------------------------------- */

static lyc_status read_result(measuring *m, lyc_error *err) {
    char path[PATH_SIZE];
    double values[sizeof keys / sizeof *keys];
    path_of(m->run, "result.json", path);
    LYC_TRY(lyc__json_numbers(path, keys, sizeof keys / sizeof *keys, values, err));
    memcpy(&m->said, values, sizeof m->said);
    bool tested = m->said.test_rows > 0; /* a data set without a test part says 0 of everything */
    lyc_ablation_figures *f = &m->run->figures;
    f->test_accuracy = tested ? m->said.test_accuracy : (double)NAN;
    f->test_nll = tested ? m->said.test_nll : (double)NAN;
    f->test_ece = tested ? m->said.test_ece : (double)NAN;
    f->valid_accuracy = m->said.valid_accuracy;
    f->seconds = m->said.seconds;
    return LYC_OK;
}

/* ---- weights ------------------------------------------------------------------------------------------ */

static lyc_status read_names(const measuring *m, lyc_arena *memory, const char *const **out, lyc_error *err) {
    char **texts = NULL;
    size_t count = 0;
    LYC_TRY(lyc_runreader_texts(m->reader, "/teachers/name", &texts, &count, err));
    const char **names = lyc_arena_alloc(memory, count > 0 ? count : 1, sizeof *names);
    bool whole = names != NULL;
    for (size_t k = 0; whole && k < count; k++)
        whole = (names[k] = lyc_arena_strdup(memory, texts[k])) != NULL;
    lyc_free(texts);
    if (!whole) LYC_FAIL(err, LYC_ENOMEM, "no memory for the names of the teachers");
    *out = names;
    return LYC_OK;
}

static lyc_status read_weights(const measuring *m, lyc_error *err) {
    lyc_ablation_figures *f = &m->run->figures;
    uint64_t rows = 0;
    double *weights = NULL;
    size_t width = 0;
    LYC_TRY(lyc_runreader_rows(m->reader, "trajectory", &rows, err));
    uint64_t last = (rows + 3) / 4; /* the quarter of `lyceum inspect` */
    LYC_TRY(lyc_runreader_read(m->reader, "trajectory", "weight", rows - last, last, &weights, &width, err));
    f->weight_count = width < LYC_MAX_TEACHERS ? width : LYC_MAX_TEACHERS;
    for (size_t k = 0; k < f->weight_count; k++) {
        double sum = 0;
        for (uint64_t i = 0; i < last; i++) sum += weights[i * width + k];
        f->weight[k] = last > 0 ? sum / (double)last : (double)NAN;
    }
    lyc_free(weights);
    return LYC_OK;
}

/* ---- cost --------------------------------------------------------------------------------------------- */

static lyc_status read_student(measuring *m, lyc_error *err) {
    char path[PATH_SIZE];
    lyc_model *model = NULL;
    path_of(m->run, "student.h5", path);
    LYC_TRY(lyc_model_load(&model, path, err));
    m->flops_train = lyc_network_flops_train(model->network);
    m->flops_forward = lyc_network_flops_forward(model->network);
    lyc_model_destroy(model);
    return LYC_OK;
}

/* Each teacher answers once for every training row in every view that comes up, and for the held-out rows;
 * without banks it answers anew in every epoch. */
static double teacher_flops(const measuring *m) {
    const lyc_config *config = m->run->config;
    double epochs = (double)config->train.epochs, held_out = m->said.valid, sum = 0;
    if (!config->data.split.train_on_reward) held_out += m->said.reward; /* else among the training rows */
    int views = lyc_teacher_recipe(&config->data.view, config->data.teacher_view).views;
    double passes = config->banks.enabled ? fmin(epochs, (double)views) : epochs;
    if (!asks_teachers(config)) return 0;
    for (size_t k = 0; k < m->teachers->count; k++)
        sum += m->teachers->flops_per_row[k] * (m->said.train * passes + held_out);
    return sum;
}

static double batch_rows(const measuring *m, uint64_t step) {
    uint64_t batch = m->run->config->train.batch, train = (uint64_t)m->said.train;
    uint64_t steps = (train + batch - 1) / batch, at = steps > 0 ? step % steps : 0;
    return (double)(at + 1 == steps ? train - at * batch : batch);
}

static double held_out_samples(const measuring *m) {
    return fmin((double)m->run->config->agent.credit.samples, m->said.reward);
}

/* Two clones take `steps` steps each; they and the student are measured. A pair of equal actions costs
 * nothing. */
static double pair_flops(const measuring *m, uint64_t step) {
    double rows = 0;
    for (uint64_t r = 0; r < (uint64_t)m->run->config->agent.credit.steps; r++)
        rows += batch_rows(m, step + r);
    return 2 * rows * m->flops_train + 3 * held_out_samples(m) * m->flops_forward;
}

static const char *const pair_columns[] = {"step", "select_a", "select_b", "weight_a", "weight_b"};
#define PAIR_COLUMNS (sizeof pair_columns / sizeof *pair_columns)

static bool actions_differ(double *const columns[PAIR_COLUMNS], size_t width, uint64_t row) {
    for (size_t i = 1; i < PAIR_COLUMNS; i += 2)
        if (memcmp(columns[i] + row * width, columns[i + 1] + row * width, width * sizeof(double)) != 0)
            return true;
    return false;
}

static lyc_status count_pairs(const measuring *m, double *flops, lyc_error *err) {
    double *columns[PAIR_COLUMNS] = {NULL};
    uint64_t rows = 0;
    size_t width = 0;
    lyc_status status;
    LYC_TRY_GOTO(lyc_runreader_rows(m->reader, "probes", &rows, err));
    for (size_t i = 0; i < PAIR_COLUMNS; i++)
        LYC_TRY_GOTO(
            lyc_runreader_read(m->reader, "probes", pair_columns[i], 0, rows, &columns[i], &width, err));
    for (uint64_t row = 0; row < rows; row++)
        if (actions_differ(columns, width, row)) *flops += pair_flops(m, (uint64_t)columns[0][row]);
done:
    for (size_t i = 0; i < PAIR_COLUMNS; i++) lyc_free(columns[i]);
    return status;
}

/* Two forward passes of every batch, and a backward pass of the held-out sample every so many. */
static double influence_flops(const measuring *m) {
    double renewals = ceil(m->said.steps / (double)m->run->config->agent.credit.every);
    return 2 * m->said.train * (double)m->run->config->train.epochs * m->flops_forward +
           renewals * held_out_samples(m) * m->flops_train;
}

static lyc_status probe_flops(const measuring *m, double *flops, lyc_error *err) {
    const lyc_config *config = m->run->config;
    bool influence = strncmp(config->agent.strategy, "influence", sizeof "influence" - 1) == 0;
    *flops = influence ? influence_flops(m) : 0;
    if (strcmp(config->agent.strategy, "learned") != 0) return LYC_OK;
    if (config->agent.credit.kind == LYC_CREDIT_PROBE) return count_pairs(m, flops, err);
    uint64_t every = (uint64_t)config->agent.credit.steps, steps = (uint64_t)m->said.steps;
    double measured = (double)(steps / every + (steps + every - 1) / every);
    *flops = measured * held_out_samples(m) * m->flops_forward;
    return LYC_OK;
}

/* ---- the whole ---------------------------------------------------------------------------------------- */

static lyc_status read_trajectory(measuring *m, lyc_arena *memory, const char *const **names,
                                  lyc_error *err) {
    if (asks_teachers(m->run->config)) {
        LYC_TRY(read_names(m, memory, names, err));
        LYC_TRY(read_weights(m, err));
    }
    return probe_flops(m, &m->run->figures.flops_probes, err);
}

lyc_status lyc__ablation_figures(lyc_ablation_run *run, const lyc__ablation_teachers *teachers,
                                 lyc_arena *memory, const char *const **names, lyc_error *err) {
    measuring m = {.run = run, .teachers = teachers};
    char path[PATH_SIZE];
    run->figures = (lyc_ablation_figures){0};
    LYC_TRY(read_result(&m, err));
    LYC_TRY(read_student(&m, err));
    run->figures.flops_student = m.flops_train * m.said.train * (double)run->config->train.epochs;
    run->figures.flops_teachers = teacher_flops(&m);
    path_of(run, "student.h5", path);
    LYC_TRY(lyc__ablation_agreement(teachers, path, &run->figures.agreement, err));
    path_of(run, "run.h5", path);
    LYC_TRY(lyc_runreader_open(&m.reader, path, err));
    lyc_status status = read_trajectory(&m, memory, names, err);
    lyc_runreader_close(m.reader);
    return status;
}

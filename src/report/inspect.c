/* Opens a run file and puts together what is shown of it. */
#include "lyceum/inspect.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lyceum/run_layout.h"
#include "report/inspect.h"

#define MAX_POINTS  100000
#define ARENA_CHUNK ((size_t)64 << 10)
#define RESULT      "result.json"

const char *lyc_phase_name(lyc_phase phase) {
    static const char *const names[] = {"running", "finished", "stopped"};
    return (unsigned)phase < sizeof names / sizeof names[0] ? names[phase] : "unknown";
}

/* ---- memory and constants --------------------------------------------------------------------------- */

lyc_status lyc__inspector_allocate(lyc__inspector *run, void **out, size_t count, size_t size,
                                   lyc_error *err) {
    *out = lyc_arena_alloc(run->arena, count > 0 ? count : 1, size);
    if (*out == NULL) LYC_FAIL(err, LYC_ENOMEM, "no memory for %zu numbers of %s", count, run->shown.path);
    return LYC_OK;
}

static lyc_status check_count(const lyc__inspector *run, const char *path, size_t found, size_t wanted,
                              lyc_error *err) {
    if (found == wanted) return LYC_OK;
    LYC_FAIL(err, LYC_EFORMAT, "%s: %s has %zu entries, %zu were expected: the file is damaged",
             run->shown.path, path, found, wanted);
}

/* The texts of the list; the list itself is thrown away. */
static lyc_status keep_texts(lyc__inspector *run, char *const *texts, size_t count, const char ***out,
                             lyc_error *err) {
    LYC_TRY(lyc__inspector_allocate(run, (void **)out, count, sizeof **out, err));
    for (size_t i = 0; i < count; i++) {
        (*out)[i] = lyc_arena_strdup(run->arena, texts[i]);
        if ((*out)[i] == NULL) LYC_FAIL(err, LYC_ENOMEM, "no memory for the texts of %s", run->shown.path);
    }
    return LYC_OK;
}

static lyc_status read_texts(lyc__inspector *run, const char *path, const char ***out, size_t *count,
                             lyc_error *err) {
    char **texts;
    LYC_TRY(lyc_runreader_texts(run->reader, path, &texts, count, err));
    lyc_status status = keep_texts(run, texts, *count, out, err);
    lyc_free(texts);
    return status;
}

lyc_status lyc__inspector_texts(lyc__inspector *run, const char *path, size_t count, const char *const **out,
                                lyc_error *err) {
    const char **texts;
    size_t found;
    LYC_TRY(read_texts(run, path, &texts, &found, err));
    *out = texts;
    return check_count(run, path, found, count, err);
}

lyc_status lyc__inspector_numbers(lyc__inspector *run, const char *path, size_t count, const double **out,
                                  lyc_error *err) {
    double *numbers, *kept = NULL;
    size_t found;
    LYC_TRY(lyc_runreader_constant(run->reader, path, &numbers, &found, err));
    lyc_status status = check_count(run, path, found, count, err);
    if (status == LYC_OK) status = lyc__inspector_allocate(run, (void **)&kept, count, sizeof *kept, err);
    if (status == LYC_OK && count > 0) memcpy(kept, numbers, count * sizeof *kept);
    lyc_free(numbers);
    *out = kept;
    return status;
}

/* ---- head ------------------------------------------------------------------------------------------- */

static lyc_status read_head(lyc__inspector *run, lyc_error *err) {
    lyc_inspection *shown = &run->shown;
    const char *const *text, **names;
    const double *number;
    LYC_TRY(lyc__inspector_texts(run, "/run/name", 1, &text, err));
    shown->name = text[0];
    LYC_TRY(lyc__inspector_texts(run, "/run/strategy", 1, &text, err));
    shown->strategy = text[0];
    LYC_TRY(lyc__inspector_texts(run, "/run/config", 1, &text, err));
    shown->config = text[0];
    LYC_TRY(lyc__inspector_numbers(run, "/run/total_steps", 1, &number, err));
    shown->total_steps = (uint64_t)number[0];
    LYC_TRY(lyc__inspector_numbers(run, "/run/steps_per_epoch", 1, &number, err));
    shown->steps_per_epoch = (uint64_t)number[0];
    LYC_TRY(read_texts(run, "/class_names", &names, &shown->class_count, err));
    shown->class_names = names;
    return read_texts(run, "/teachers/name", &names, &shown->teacher_count, err);
}

static lyc_status choose_window(lyc__inspector *run, uint64_t window, lyc_error *err) {
    lyc_inspection *shown = &run->shown;
    uint64_t *ends;
    shown->steps = run->rows;
    shown->window = window > 0 ? window : lyc__coarse_window(run->rows);
    shown->points = (size_t)(run->rows / shown->window + (run->rows % shown->window > 0));
    if (shown->points > MAX_POINTS)
        LYC_FAIL(err, LYC_EUSAGE,
                 "windows of %" PRIu64 " batches cut %" PRIu64 " into more than %d: choose larger ones",
                 shown->window, run->rows, MAX_POINTS);
    LYC_TRY(lyc__inspector_allocate(run, (void **)&ends, shown->points, sizeof *ends, err));
    for (size_t i = 0; i < shown->points; i++) {
        uint64_t end = ((uint64_t)i + 1) * shown->window;
        ends[i] = end < run->rows ? end : run->rows;
    }
    shown->window_end = ends;
    return LYC_OK;
}

static lyc_status read_curves(lyc__inspector *run, lyc_error *err) {
    static const char *const names[LYC_INSPECT_CURVES] = {"loss_total", "loss_ce", "loss_kd", "reward",
                                                          "entropy"};
    for (size_t i = 0; i < LYC_INSPECT_CURVES; i++) {
        lyc__column_summary summary;
        LYC_TRY(lyc__summarise_column(run, names[i], 1, &summary, err));
        run->shown.curves[i] = (lyc_inspected_curve){names[i], summary.series};
    }
    return LYC_OK;
}

static lyc_status read_stages(lyc__inspector *run, lyc_error *err) {
    static const struct {
        const char *column, *name;
    } stages[LYC_INSPECT_STAGES] = {{"seconds_student", "student"},
                                    {"seconds_probe", "probes"},
                                    {"seconds_decide", "decisions"},
                                    {"seconds_teacher", "waiting"}};
    for (size_t i = 0; i < LYC_INSPECT_STAGES; i++) {
        lyc__column_summary summary;
        LYC_TRY(lyc__summarise_column(run, stages[i].column, 1, &summary, err));
        run->shown.stages[i] = (lyc_inspected_stage){stages[i].name, summary.mean * (double)run->rows};
    }
    return LYC_OK;
}

/* ---- epochs and evaluations: tables whose rows become structs ----------------------------------------- */

typedef struct field {
    const char *column;
    size_t offset; /* of a double */
} field;

static lyc_status read_fields(lyc__inspector *run, const char *table, const field *fields, size_t field_count,
                              uint64_t rows, char *out, size_t size, lyc_error *err) {
    for (size_t f = 0; f < field_count; f++) {
        const double *values;
        LYC_TRY(lyc__inspector_column(run, table, fields[f].column, 1, rows, &values, err));
        for (uint64_t i = 0; i < rows; i++)
            memcpy(out + i * size + fields[f].offset, &values[i], sizeof values[i]);
    }
    return LYC_OK;
}

static lyc_status read_epochs(lyc__inspector *run, lyc_error *err) {
#define FIELD(name)                                                                                          \
    { #name, offsetof(lyc_inspected_epoch, name) }
    static const field fields[] = {
        FIELD(epoch),     FIELD(loss_total), FIELD(loss_ce),         FIELD(loss_kd), FIELD(valid_accuracy),
        FIELD(valid_nll), FIELD(reward_nll), FIELD(reward_accuracy), FIELD(lr),      FIELD(seconds)};
#undef FIELD
    uint64_t rows;
    lyc_inspected_epoch *epochs;
    LYC_TRY(lyc_runreader_rows(run->reader, "epochs", &rows, err));
    LYC_TRY(lyc__inspector_allocate(run, (void **)&epochs, (size_t)rows, sizeof *epochs, err));
    LYC_TRY(read_fields(run, "epochs", fields, sizeof fields / sizeof fields[0], rows, (char *)epochs,
                        sizeof *epochs, err));
    run->shown.epoch_count = (size_t)rows;
    run->shown.epochs = epochs;
    return LYC_OK;
}

static lyc_status read_evaluations(lyc__inspector *run, lyc_error *err) {
#define FIELD(name)                                                                                          \
    { #name, offsetof(lyc_inspected_evaluation, name) }
    static const field fields[] = {FIELD(rows),     FIELD(accuracy), FIELD(nll),   FIELD(brier),  FIELD(ece),
                                   FIELD(f1_macro), FIELD(matthews), FIELD(epoch), FIELD(touched)};
#undef FIELD
    static const char *const splits[] = {"train", "reward", "valid", "test"};
    uint64_t rows;
    const double *split;
    lyc_inspected_evaluation *list;
    LYC_TRY(lyc_runreader_rows(run->reader, "evaluation", &rows, err));
    LYC_TRY(lyc__inspector_allocate(run, (void **)&list, (size_t)rows, sizeof *list, err));
    LYC_TRY(read_fields(run, "evaluation", fields, sizeof fields / sizeof fields[0], rows, (char *)list,
                        sizeof *list, err));
    LYC_TRY(lyc__inspector_column(run, "evaluation", "split", 1, rows, &split, err));
    for (uint64_t i = 0; i < rows; i++) {
        bool known = split[i] >= 0 && split[i] < (double)(sizeof splits / sizeof splits[0]);
        list[i].split = known ? splits[(size_t)split[i]] : "unknown";
    }
    run->shown.evaluation_count = (size_t)rows;
    run->shown.evaluations = list;
    return LYC_OK;
}

/* ---- opening ---------------------------------------------------------------------------------------- */

lyc_status lyc__run_path(char **out, const char *path, lyc_error *err) {
    static const char name[] = "/run.h5";
    struct stat info;
    *out = NULL;
    if (stat(path, &info) != 0) LYC_FAIL(err, LYC_EIO, "%s: no such run: %s", path, strerror(errno));
    size_t size = strlen(path) + sizeof name;
    LYC_TRY(lyc_allocate((void **)out, size, 1, "a file name", err));
    (void)snprintf(*out, size, "%s%s", path, S_ISDIR(info.st_mode) ? name : "");
    if (access(*out, F_OK) == 0) return LYC_OK;
    lyc_free(*out);
    *out = NULL;
    LYC_FAIL(err, LYC_EIO, "%s: holds no run.h5: give the output directory of a run", path);
}

/* The writer's last file stands beside run.h5. */
static lyc_status find_phase(const char *path, lyc_phase *phase, lyc_error *err) {
    char *result;
    const char *slash = strrchr(path, '/');
    size_t folder = slash != NULL ? (size_t)(slash - path) + 1 : 0, size = folder + sizeof RESULT;
    bool live = lyc_runfile_is_live(path);
    LYC_TRY(lyc_allocate((void **)&result, size, 1, "a file name", err));
    (void)snprintf(result, size, "%.*s%s", (int)folder, path, RESULT);
    bool finished = access(result, F_OK) == 0;
    *phase = live ? LYC_PHASE_RUNNING : finished ? LYC_PHASE_FINISHED : LYC_PHASE_STOPPED;
    lyc_free(result);
    return LYC_OK;
}

static lyc_status read_run(lyc__inspector *run, uint64_t window, lyc_error *err) {
    LYC_TRY(lyc_runreader_rows(run->reader, "trajectory", &run->rows, err));
    LYC_TRY(read_head(run, err));
    LYC_TRY(choose_window(run, window, err));
    LYC_TRY(read_epochs(run, err));
    LYC_TRY(read_evaluations(run, err));
    LYC_TRY(lyc__inspect_teachers(run, err));
    LYC_TRY(lyc__inspect_mixtures(run, err));
    LYC_TRY(read_stages(run, err));
    return read_curves(run, err);
}

lyc_status lyc_inspect_open(lyc_inspection **out, const char *path, uint64_t window, lyc_error *err) {
    lyc__inspector *run = NULL;
    char *file = NULL;
    lyc_status status = LYC_OK;
    *out = NULL;
    LYC_TRY_GOTO(lyc__run_path(&file, path, err));
    LYC_TRY_GOTO(lyc_allocate((void **)&run, 1, sizeof *run, "a run", err));
    LYC_TRY_GOTO(lyc_arena_create(&run->arena, ARENA_CHUNK, err));
    run->shown.path = lyc_arena_strdup(run->arena, file);
    if (run->shown.path == NULL) {
        status = LYC_ERROR(err, LYC_ENOMEM, "no memory for the path %s", file);
        goto done;
    }
    LYC_TRY_GOTO(find_phase(file, &run->shown.phase, err));
    LYC_TRY_GOTO(lyc_runreader_open(&run->reader, file, err));
    LYC_TRY_GOTO(read_run(run, window, err));
    lyc_runreader_close(run->reader);
    run->reader = NULL;
    *out = &run->shown;
    run = NULL;
done:
    if (run != NULL) lyc_inspect_close(&run->shown);
    lyc_free(file);
    return status;
}

void lyc_inspect_close(lyc_inspection *shown) {
    if (shown == NULL) return;
    lyc__inspector *run = (lyc__inspector *)shown; /* its first member */
    lyc_runreader_close(run->reader);
    lyc_arena_destroy(run->arena);
    lyc_free(run);
}

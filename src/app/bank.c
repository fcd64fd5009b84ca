/* `lyceum bank CONFIG`: the teachers' outputs, computed ahead and kept. With --plant: app/plant.c. */
#include <stdio.h>
#include <string.h>

#include "app/format.h"
#include "app/job.h"
#include "app/plant.h"
#include "distill/result_json.h"
#include "lyceum/log.h"
#include "lyceum/memory.h"

#define ROWS_AT_ONCE 4096

static const lyc__option options[] = {
    LYC__COMMON_SET,
    {"all", 0, LYC__OPTION_FLAG, LYC__PLANT_AT(all), NULL,
     "the test rows too, as a recorded teacher needs them", 0, 0},
    LYC__COMMON_THREADS,
    LYC__COMMON_JSON,
    LYC__COMMON_QUIET,
    LYC__COMMON_HELP,
    LYC__PLANT_OPTIONS,
};

static const lyc__usage usage = {
    .command = "bank",
    .synopsis = "CONFIG [options]\n  lyceum bank --plant KIND SOURCE --data FILE -o FILE [options]",
    .summary = "compute the teachers' outputs ahead and keep them; plant bad ones",
    .about = "Fills the bank of every teacher of CONFIG, for every view of the training rows and "
             "the clean view of all rows that are not test rows. `lyceum distill` fills banks as "
             "it goes; doing it ahead pays when several runs are to start at once, or when the "
             "teachers are on this machine only today.\n\n"
             "A bank belongs to a data set, a teacher and a recipe of views, and is refused for "
             "anything else. What is there already is not computed again; a fill that is stopped "
             "goes on where it was. Teachers whose logits are recorded (\"bank\") have nothing to "
             "compute and are skipped.\n\n"
             "With --plant, a teacher that is bad in a known way is made of SOURCE (recorded logits, "
             "or a bank filled with --all), to see what a strategy does about it:\n"
             "  scrambled      every class answered as another one\n"
             "  noisy          a share of its answers replaced by other classes\n"
             "  overconfident  a share of the rows wrong, and sure of every row\n"
             "  specialist     the source on some classes, useless on all others\n"
             "  until          the source up to a step of the run, from there on another\n"
             "  slow           the source, but each answer takes a given time\n"
             "FILE is then a teacher like any other: {\"name\": \"bad\", \"bank\": \"FILE\"} "
             "(docs/banks.md).",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .least_arguments = 1,
    .most_arguments = 1,
    .argument = "the config file (with --plant: the recorded logits)",
    .examples = "lyceum bank configs/fashion/student.json\n"
                "lyceum bank student.json --set banks.directory=cache --json\n"
                "lyceum bank --plant overconfident cnn.h5 --data data/fashion.h5 -o overconfident.h5\n"
                "lyceum bank --plant specialist cnn.h5 --data data/fashion.h5 --classes 0,1,2 -o low.h5\n"
                "lyceum bank --plant until a.h5 --then b.h5 --until 940 --data data/fashion.h5 -o ab.h5",
    .failed = "failed or stopped; what was filled stays",
    .configures = -1,
};

typedef struct bank_job {
    const lyc__common *common;
    bool all; /* test rows too */
    const lyc_config *config;
    const volatile int *stop;
    lyc_pool *pool;
    lyc_dataset *data;
    lyc_splits *splits;
    lyc_view_recipe recipe; /* what the teachers see */
    uint32_t *clean;        /* rows of train, reward and valid; or all */
    size_t clean_count;
    float *logits; /* [ROWS_AT_ONCE, classes], thrown away: the bank keeps its own */
} bank_job;

typedef struct bank_report {
    const char *name, *kind;
    char path[512];
    lyc_bank_stats stats;
    lyc_precision precision;
    lyc_logit_error error;
    double seconds;
    bool recorded;
} bank_report;

/* ---- filling -------------------------------------------------------------------------------------- */

/* Every row of the file, in any split or none (such as those equal to a test row). */
static lyc_status gather_all(bank_job *job, lyc_error *err) {
    job->clean_count = lyc_dataset_rows(job->data);
    LYC_TRY(LYC_NEW_ARRAY(job->clean, job->clean_count, err));
    for (size_t row = 0; row < job->clean_count; row++) job->clean[row] = (uint32_t)row;
    return LYC_OK;
}

static lyc_status gather_rows(bank_job *job, lyc_error *err) {
    static const lyc_split wanted[] = {LYC_SPLIT_TRAIN, LYC_SPLIT_REWARD, LYC_SPLIT_VALID};
    const size_t splits = sizeof wanted / sizeof *wanted;
    size_t count = 0;
    if (job->all) return gather_all(job, err);
    for (size_t i = 0; i < splits; i++) count += job->splits->count[wanted[i]];
    LYC_TRY(LYC_NEW_ARRAY(job->clean, count, err));
    for (size_t i = 0; i < splits; i++) {
        memcpy(job->clean + job->clean_count, job->splits->rows[wanted[i]],
               job->splits->count[wanted[i]] * sizeof *job->clean);
        job->clean_count += job->splits->count[wanted[i]];
    }
    return LYC_OK;
}

static lyc_status fill_view(const bank_job *job, lyc_bank *bank, int view, lyc_progress *progress,
                            lyc_error *err) {
    bool clean = view == 0 || job->all;
    const uint32_t *rows = clean ? job->clean : job->splits->rows[LYC_SPLIT_TRAIN];
    size_t count = clean ? job->clean_count : job->splits->count[LYC_SPLIT_TRAIN];
    for (size_t first = 0; first < count; first += ROWS_AT_ONCE) {
        if (*job->stop)
            LYC_FAIL(err, LYC_ECANCELLED, "stopped; what was filled stays, the same command goes on");
        size_t chunk = count - first < ROWS_AT_ONCE ? count - first : ROWS_AT_ONCE;
        LYC_TRY(lyc_bank_logits(bank, rows + first, chunk, view, job->logits, job->pool, err));
        lyc_progress_update(progress, progress->done + chunk);
    }
    return LYC_OK;
}

static lyc_status fill_bank(const bank_job *job, lyc_teacher *teacher, bank_report *report, lyc_error *err) {
    const lyc_config *config = job->config;
    lyc_bank *bank = NULL;
    LYC_TRY(lyc_bank_open(&bank, config->banks.directory, teacher, job->data, &job->recipe, err));
    lyc_progress progress;
    uint64_t views = (uint64_t)job->recipe.views;
    lyc_progress_start(&progress, report->name, "rows",
                       job->clean_count +
                           (views - 1) * (job->all ? job->clean_count : job->splits->count[LYC_SPLIT_TRAIN]));
    lyc_status status = LYC_OK;
    for (int view = 0; status == LYC_OK && view < job->recipe.views; view++)
        status = fill_view(job, bank, view, &progress, err);
    if (status == LYC_OK) lyc_progress_finish(&progress);
    lyc_bank_get_stats(bank, &report->stats);
    snprintf(report->path, sizeof report->path, "%s", lyc_bank_path(bank));
    report->seconds = lyc_seconds() - progress.started;
    lyc_status closed = lyc_bank_close(bank, status == LYC_OK ? err : NULL);
    if (status == LYC_OK && !report->stats.writable && report->stats.computed_now > 0)
        return LYC_ERROR(err, LYC_EBUSY,
                         "%s: another process fills this bank, or it cannot be written; nothing was kept",
                         report->path);
    return status == LYC_OK ? closed : status;
}

static lyc_status fill_teacher(const bank_job *job, const lyc_teacher_options *source, bank_report *report,
                               lyc_error *err) {
    lyc_teacher *teacher = NULL;
    LYC_TRY(lyc_teacher_open(&teacher, source, job->data, &job->recipe, err));
    const lyc_teacher_info *info = lyc_teacher_get_info(teacher);
    *report = (bank_report){
        .name = source->name, .kind = source->kind, .precision = info->precision, .error = info->error};
    report->recorded = strcmp(source->kind, "bank") == 0;
    lyc_status status = report->recorded ? LYC_OK : fill_bank(job, teacher, report, err);
    lyc_teacher_close(teacher);
    return status;
}

/* ---- reporting ------------------------------------------------------------------------------------ */

static lyc_status print_json(const bank_report *reports, size_t count, lyc_error *err) {
    lyc__json json;
    lyc__json_start(&json, true);
    lyc__json_object(&json, NULL);
    lyc__json_array(&json, "banks");
    for (size_t i = 0; i < count; i++) {
        const bank_report *r = &reports[i];
        lyc__json_object_inline(&json, NULL);
        lyc__json_text(&json, "teacher", r->name);
        lyc__json_text(&json, "kind", r->kind);
        lyc__json_text(&json, "path", r->recorded ? NULL : r->path);
        lyc__json_text(&json, "precision", lyc_precision_name(r->precision));
        if (r->error.rows > 0) lyc__logit_error_json(&json, "logit_error", &r->error);
        lyc__json_unsigned(&json, "blocks", r->stats.blocks);
        lyc__json_unsigned(&json, "filled", r->stats.filled);
        lyc__json_unsigned(&json, "computed_now", r->stats.computed_now);
        lyc__json_number(&json, "seconds", r->seconds);
        lyc__json_end(&json);
    }
    lyc__json_end(&json);
    lyc__json_end(&json);
    return lyc__print_json(&json, err);
}

static lyc_status print_text(const bank_report *reports, size_t count, lyc_error *err) {
    (void)err;
    const lyc__colours *c = lyc__stdout_colours();
    printf("%s%-16s %10s %10s %10s %8s  %s%s\n", c->dim, "teacher", "blocks", "filled", "computed", "time",
           "bank", c->reset);
    for (size_t i = 0; i < count; i++) {
        const bank_report *r = &reports[i];
        if (r->recorded) {
            printf("%-16s %10s %10s %10s %8s  recorded logits: nothing to compute\n", r->name, "-", "-", "-",
                   "-");
            continue;
        }
        char blocks[LYC__SHORT], filled[LYC__SHORT], computed[LYC__SHORT], time[LYC__SHORT];
        lyc__format_count(r->stats.blocks, blocks);
        lyc__format_count(r->stats.filled, filled);
        lyc__format_count(r->stats.computed_now, computed);
        lyc__format_duration(r->seconds, time);
        printf("%-16s %10s %10s %10s %8s  %s\n", r->name, blocks, filled, computed, time, r->path);
    }
    return LYC_OK;
}

/* ---- the command ---------------------------------------------------------------------------------- */

static lyc_status open_job(bank_job *job, lyc_error *err) {
    const lyc_config *config = job->config;
    if (config->teacher_count == 0)
        LYC_FAIL(err, LYC_ECONFIG, "%s: no teachers, so there is no bank to fill",
                 job->common->arguments.items[0]);
    if (!config->banks.enabled)
        LYC_FAIL(err, LYC_ECONFIG, "%s: banks.enabled is false; add --set banks.enabled=true",
                 job->common->arguments.items[0]);
    LYC_TRY(lyc__start_pool(&job->pool, job->common, err));
    job->stop = lyc__catch_stop(job->common->quiet);
    LYC_TRY(lyc_dataset_open(&job->data, config->data.path, err));
    LYC_TRY(lyc_view_check(&config->data.view, job->data, err));
    LYC_TRY(lyc_splits_create(&job->splits, job->data, &config->data.split, err));
    LYC_TRY(gather_rows(job, err));
    return LYC_NEW_ARRAY(job->logits, (size_t)lyc_dataset_classes(job->data) * ROWS_AT_ONCE, err);
}

static void close_job(bank_job *job) {
    lyc_free(job->logits);
    lyc_free(job->clean);
    lyc_splits_destroy(job->splits);
    lyc_dataset_close(job->data);
    lyc_pool_destroy(job->pool);
}

static lyc_status run(const lyc__bank_options *bank_options, const lyc_config *config, lyc_error *err) {
    const lyc__common *common = &bank_options->common;
    bank_job job = {.common = common,
                    .all = bank_options->all,
                    .config = config,
                    .recipe = lyc_teacher_recipe(&config->data.view, config->data.teacher_view)};
    bank_report *reports = NULL;
    lyc_status status;
    LYC_TRY_GOTO(open_job(&job, err));
    LYC_TRY_GOTO(LYC_NEW_ARRAY(reports, config->teacher_count, err));
    for (size_t i = 0; i < config->teacher_count; i++)
        LYC_TRY_GOTO(fill_teacher(&job, &config->teachers[i], &reports[i], err));
    lyc__terminal_stop();
    LYC_TRY_GOTO((common->json ? print_json : print_text)(reports, config->teacher_count, err));
done:
    lyc_free(reports);
    close_job(&job);
    return status;
}

static lyc_status fill(const lyc__bank_options *o, lyc_error *err) {
    lyc_config *config = NULL;
    LYC_TRY(lyc__load_config(&config, LYC_CONFIG_DISTILL, &o->common, err));
    lyc_status status = run(o, config, err);
    lyc_config_destroy(config);
    return status;
}

int lyc__app_bank(int argc, char **argv) {
    lyc__bank_options o = LYC__BANK_DEFAULTS;
    int code = LYC__EXIT_DONE;
    if (!lyc__begin(&usage, argc, argv, &o, &code)) return code;
    lyc_error err = {0};
    lyc_status status = lyc__plant_check(&o, &err);
    if (status == LYC_OK) status = (o.plant != NULL ? lyc__plant_run : fill)(&o, &err);
    return status == LYC_OK ? LYC__EXIT_DONE : lyc__failed(&usage, &err);
}

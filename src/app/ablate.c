/* `lyceum ablate CONFIG`: many runs, one table, tested differences. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/ablate_jobs.h"
#include "app/job.h"
#include "base/fileio.h"
#include "lyceum/ablation.h"
#include "lyceum/log.h"
#include "lyceum/memory.h"

#define PATH_SIZE 4096

typedef struct ablate_options {
    lyc__common common;
    int64_t jobs;
    bool list, table, markdown, csv;
} ablate_options;

#define AT(member) offsetof(ablate_options, member)

static const lyc__option options[] = {
    {"jobs", 'j', LYC__OPTION_COUNT, AT(jobs), "N",
     "runs at once, each with its share of the threads (default 1); as many as cores is fastest for small "
     "students",
     1, 256},
    LYC__COMMON_THREADS,
    {"list", 'l', LYC__OPTION_FLAG, AT(list), NULL,
     "run nothing: check the file, list its runs and their states", 0, 0},
    {"table", 0, LYC__OPTION_FLAG, AT(table), NULL, "run nothing: the table of what is finished", 0, 0},
    LYC__COMMON_RESUME,
    {"markdown", 0, LYC__OPTION_FLAG, AT(markdown), NULL, "print the table as Markdown", 0, 0},
    {"csv", 0, LYC__OPTION_FLAG, AT(csv), NULL, "print the table as CSV", 0, 0},
    LYC__COMMON_JSON,
    LYC__COMMON_QUIET,
    LYC__COMMON_HELP,
};

static const lyc__usage usage = {
    .command = "ablate",
    .synopsis = "ABLATION [options]",
    .summary = "compare settings over several seeds, in one tested table",
    .about =
        "Runs `lyceum distill` for every combination of the values that the file ABLATION gives, and makes "
        "one table of it: test accuracy, NLL, ECE, agreement with the ensemble, weights, time and FLOPs, "
        "mean and deviation over the seeds, and the difference to a reference, paired by seed, with a 95 % "
        "interval and a p-value corrected for the number of comparisons.\n\n"
        "The file is JSON: \"name\" is a title, \"base\" names the configuration that every run starts from, "
        "\"axes\" the keys to vary with a list of values for each, \"output\" a folder; \"set\" (keys with "
        "one "
        "value, for all runs), \"reference\" (the values to compare with) and \"budget\" (fixed rules once more, "
        "with the labels or the FLOPs that the learned strategy uses beside them) may be left out. "
        "docs/ablation.md says more. All combinations are checked before anything runs. Banks are filled "
        "once "
        "and shared.\n\n"
        "Ctrl-C stops after a checkpoint of each run; --resume goes on and repeats nothing that is finished. "
        "A "
        "run that fails is reported and hides none of the others. The folder gets runs/, logs/ and "
        "table.{txt,md,csv,json}.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .least_arguments = 1,
    .most_arguments = 1,
    .argument = "the ablation file",
    .examples = "lyceum ablate configs/fashion/ablation.json --jobs 2\n"
                "lyceum ablate configs/fashion/ablation.json --list\n"
                "lyceum ablate configs/fashion/ablation.json --table     # so far, or once more\n"
                "lyceum ablate ablation.json --resume --json >table.json",
    .failed = "failed or stopped, or one of the runs failed; the reason is on stderr",
    .configures = -1,
};

/* ---- before and after the runs ------------------------------------------------------------------------ */

static lyc_status check_formats(const ablate_options *o, lyc_error *err) {
    if (o->markdown + o->csv + o->common.json > 1)
        LYC_FAIL(err, LYC_EUSAGE,
                 "--markdown, --csv and --json exclude each other; all are written to the output");
    if (o->list && (o->markdown || o->csv || o->common.json || o->table))
        LYC_FAIL(err, LYC_EUSAGE, "--list prints names of runs and makes no table; leave the format out");
    return LYC_OK;
}

static lyc_status check_fresh(const lyc_ablation *ablation, const ablate_options *o, lyc_error *err) {
    char runs[PATH_SIZE];
    (void)snprintf(runs, sizeof runs, "%s/runs", ablation->output);
    if (!o->common.resume && !o->table && access(runs, F_OK) == 0)
        LYC_FAIL(err, LYC_ECONFIG,
                 "output: %s already holds runs: add --resume to go on with them, or choose another output",
                 ablation->output);
    return LYC_OK;
}

static lyc_status run_open(lyc_ablation *ablation, const ablate_options *o, const volatile int *stop,
                           lyc_error *err) {
    lyc__jobs_options jobs = {.jobs = o->jobs > 0 ? (size_t)o->jobs : 1,
                              .threads = o->common.threads > 0 ? (int)o->common.threads : lyc__cores(),
                              .quiet = o->common.quiet,
                              .stop = stop};
    LYC_TRY(lyc__fill_banks(ablation, &jobs, err));
    return lyc__run_jobs(ablation, &jobs, err);
}

static lyc_status print_table(lyc_ablation *ablation, const ablate_options *o, lyc_error *err) {
    lyc_table_format format = o->common.json ? LYC_TABLE_JSON
                              : o->csv       ? LYC_TABLE_CSV
                              : o->markdown  ? LYC_TABLE_MARKDOWN
                                             : LYC_TABLE_TEXT;
    lyc_pool *pool = NULL;
    char *text = NULL;
    LYC_TRY(lyc__start_pool(&pool, &o->common, err));
    lyc_status status = lyc_ablation_measure(ablation, pool, err);
    lyc_pool_destroy(pool);
    LYC_TRY(status);
    LYC_TRY(lyc_ablation_write(ablation, err));
    LYC_TRY(lyc_ablation_table(ablation, format, &text, err));
    lyc__terminal_stop();
    fputs(text, stdout);
    lyc_free(text);
    return LYC_OK;
}

static lyc_status print_list(lyc_ablation *ablation, lyc_error *err) {
    static const char *const states[] = {
        [LYC_ABLATION_OPEN] = "open", [LYC_ABLATION_FINISHED] = "finished", [LYC_ABLATION_FAILED] = "failed"};
    LYC_TRY(lyc_ablation_scan(ablation, err));
    for (size_t i = 0; i < ablation->run_count; i++)
        printf("%-8s  %s\n", states[ablation->runs[i].state], ablation->runs[i].name);
    return LYC_OK;
}

/* ---- the command -------------------------------------------------------------------------------------- */

static size_t count_failed(const lyc_ablation *ablation) {
    size_t failed = 0;
    for (size_t i = 0; i < ablation->run_count; i++) failed += ablation->runs[i].state == LYC_ABLATION_FAILED;
    return failed;
}

static lyc_status run(lyc_ablation *ablation, const ablate_options *o, lyc_error *err) {
    char lock_path[PATH_SIZE];
    int lock = -1;
    if (o->list) return print_list(ablation, err);
    LYC_TRY(check_fresh(ablation, o, err));
    LYC_TRY(lyc__make_directories(ablation->output, err));
    (void)snprintf(lock_path, sizeof lock_path, "%s/lock", ablation->output);
    lyc_status status = o->table ? LYC_OK : lyc__lock_file(&lock, lock_path, err);
    if (status == LYC_OK) status = lyc_ablation_scan(ablation, err);
    if (status == LYC_OK && !o->table) status = run_open(ablation, o, lyc__catch_stop(o->common.quiet), err);
    if (status == LYC_OK) status = print_table(ablation, o, err);
    lyc__unlock_file(&lock);
    return status;
}

int lyc__app_ablate(int argc, char **argv) {
    ablate_options o = {.jobs = 1};
    int code = LYC__EXIT_DONE;
    if (!lyc__begin(&usage, argc, argv, &o, &code)) return code;
    lyc_error err = {0};
    lyc_ablation *ablation = NULL;
    lyc_status status = check_formats(&o, &err);
    if (status == LYC_OK) status = lyc_ablation_load(&ablation, o.common.arguments.items[0], &err);
    if (status == LYC_OK) status = run(ablation, &o, &err);
    if (status != LYC_OK) {
        code = lyc__failed(&usage, &err);
        if (status == LYC_ECANCELLED) lyc__say_how_to_resume(&o.common, argc, argv);
    } else if (count_failed(ablation) > 0) {
        lyc_log(LYC_LOG_ERROR, "%zu of %zu runs failed; --resume tries them again", count_failed(ablation),
                ablation->run_count);
        code = LYC__EXIT_FAILED;
    }
    lyc_ablation_destroy(ablation);
    return code;
}

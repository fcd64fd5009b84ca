/* Which runs of an ablation are there, and what they say together. */
#include "lyceum/ablation.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fileio.h"
#include "base/text.h"
#include "distill/ablation.h"
#include "distill/resolved.h"
#include "lyceum/log.h"
#include "lyceum/memory.h"

#define PATH_SIZE 4096

/* ---- what is there ------------------------------------------------------------------------------------ */

static lyc_status scan_run(lyc_ablation_run *run, lyc_error *err) {
    char path[PATH_SIZE], *former = NULL;
    bool same = false;
    (void)snprintf(path, sizeof path, "%s/config.json", run->output);
    LYC_TRY(lyc__resolved_compare(path, run->config, &same, &former, err));
    lyc_free(former);
    if (!same)
        LYC_FAIL(
            err, LYC_EMISMATCH,
            "%s was made with another configuration than the ablation asks for now (see config.json there); "
            "remove that folder to repeat the run, or choose another output",
            run->output);
    (void)snprintf(path, sizeof path, "%s/result.json", run->output);
    if (access(path, F_OK) == 0) run->state = LYC_ABLATION_FINISHED;
    return LYC_OK;
}

lyc_status lyc_ablation_scan(lyc_ablation *ablation, lyc_error *err) {
    for (size_t i = 0; i < ablation->run_count; i++) LYC_TRY(scan_run(&ablation->runs[i], err));
    return LYC_OK;
}

lyc_status lyc_ablation_fail(lyc_ablation *ablation, size_t run, const char *error, lyc_error *err) {
    const char *kept = lyc_arena_strdup(ablation->memory, error);
    if (!kept) LYC_FAIL(err, LYC_ENOMEM, "no memory for the error of a run");
    ablation->runs[run].state = LYC_ABLATION_FAILED;
    ablation->runs[run].error = kept;
    return LYC_OK;
}

/* ---- measuring ---------------------------------------------------------------------------------------- */

static lyc_status measure_run(lyc_ablation *ablation, lyc_ablation_run *run,
                              const lyc__ablation_teachers *teachers, lyc_error *err) {
    const char *const *names = NULL;
    lyc_error fault = {0};
    lyc_status status = lyc__ablation_figures(run, teachers, ablation->memory, &names, &fault);
    if (names) ablation->settings[run->setting].teachers = names;
    if (status == LYC_OK || status == LYC_ENOMEM) {
        if (status != LYC_OK) LYC_FAIL(err, status, "%s", fault.message);
        return LYC_OK;
    }
    /* One damaged run does not hide the others. */
    return lyc_ablation_fail(ablation, (size_t)(run - ablation->runs), fault.message, err);
}

static const lyc_ablation_run *first_finished(const lyc_ablation *ablation, size_t ensemble) {
    for (size_t i = 0; i < ablation->run_count; i++)
        if (ablation->runs[i].ensemble == ensemble && ablation->runs[i].state == LYC_ABLATION_FINISHED)
            return &ablation->runs[i];
    return NULL;
}

static lyc_status measure_ensemble(lyc_ablation *ablation, size_t ensemble, lyc_pool *pool,
                                   lyc_progress *progress, lyc_error *err) {
    const lyc_ablation_run *first = first_finished(ablation, ensemble);
    if (!first) return LYC_OK;
    lyc__ablation_teachers teachers;
    lyc_status status = lyc__ablation_teachers_open(&teachers, first->config, pool, err);
    for (size_t i = 0; status == LYC_OK && i < ablation->run_count; i++) {
        lyc_ablation_run *run = &ablation->runs[i];
        if (run->ensemble != ensemble || run->state != LYC_ABLATION_FINISHED) continue;
        status = measure_run(ablation, run, &teachers, err);
        lyc_progress_update(progress, progress->done + 1);
    }
    lyc__ablation_teachers_close(&teachers);
    return status;
}

lyc_status lyc_ablation_measure(lyc_ablation *ablation, lyc_pool *pool, lyc_error *err) {
    uint64_t finished = 0;
    for (size_t i = 0; i < ablation->run_count; i++)
        finished += ablation->runs[i].state == LYC_ABLATION_FINISHED;
    lyc_progress progress;
    lyc_progress_start(&progress, "measure", "runs", finished);
    for (size_t e = 0; e < ablation->ensemble_count; e++)
        LYC_TRY(measure_ensemble(ablation, e, pool, &progress, err));
    lyc_progress_finish(&progress);
    return lyc__ablation_compare(ablation, err);
}

/* ---- tables ------------------------------------------------------------------------------------------- */

static const struct format {
    const char *file;
    lyc_status (*render)(const lyc_ablation *, char **, lyc_error *);
} formats[LYC_TABLE_FORMATS] = {
    [LYC_TABLE_TEXT] = {"table.txt", lyc__ablation_text},
    [LYC_TABLE_MARKDOWN] = {"table.md", lyc__ablation_markdown},
    [LYC_TABLE_CSV] = {"table.csv", lyc__ablation_csv},
    [LYC_TABLE_JSON] = {"table.json", lyc__ablation_json},
};

lyc_status lyc_ablation_table(const lyc_ablation *ablation, lyc_table_format format, char **out,
                              lyc_error *err) {
    *out = NULL;
    if ((unsigned)format >= LYC_TABLE_FORMATS)
        LYC_FAIL(err, LYC_EINTERNAL, "no table format %d", (int)format);
    return formats[format].render(ablation, out, err);
}

lyc_status lyc_ablation_write(const lyc_ablation *ablation, lyc_error *err) {
    LYC_TRY(lyc__make_directories(ablation->output, err));
    for (size_t i = 0; i < LYC_TABLE_FORMATS; i++) {
        char path[PATH_SIZE], *text = NULL;
        LYC_TRY(formats[i].render(ablation, &text, err));
        (void)snprintf(path, sizeof path, "%s/%s", ablation->output, formats[i].file);
        lyc_status status = lyc__write_text_atomically(path, text, err);
        lyc_free(text);
        LYC_TRY(status);
    }
    return LYC_OK;
}

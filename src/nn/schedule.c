/* Learning-rate schedules: one row of the table each, after a linear warm-up that they share. */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "lyceum/network.h"

typedef struct place {
    double progress; /* in [0, 1) since the warm-up */
    uint64_t step, total;
} place;

typedef struct schedule {
    const char *name, *doc;
    double (*factor)(const lyc_schedule_options *options, const place *at);
} schedule;

static double constant(const lyc_schedule_options *options, const place *at) {
    (void)options;
    (void)at;
    return 1;
}

/* Loshchilov and Hutter 2017 (arXiv 1608.03983), one period, no restarts. */
static double cosine(const lyc_schedule_options *options, const place *at) {
    return options->final + (1 - options->final) * 0.5 * (1 + cos(3.14159265358979323846 * at->progress));
}

static double linear(const lyc_schedule_options *options, const place *at) {
    return options->final + (1 - options->final) * (1 - at->progress);
}

/* Products, not pow: exact for the first milestone, and the same everywhere. */
static double step(const lyc_schedule_options *options, const place *at) {
    double factor = 1;
    for (size_t i = 0; i < options->milestone_count; i++)
        if ((double)at->step >= round(options->milestones[i] * (double)at->total)) factor *= options->gamma;
    return factor;
}

static const schedule table[] = {
    {"constant", "the same rate throughout", constant},
    {"cosine", "falls along half a cosine towards `final`", cosine},
    {"linear", "falls along a line towards `final`", linear},
    {"step", "is multiplied by `gamma` at each milestone", step},
};

const char *lyc_schedule_name(size_t index) {
    return index < sizeof table / sizeof *table ? table[index].name : NULL;
}

const char *lyc_schedule_doc(size_t index) {
    return index < sizeof table / sizeof *table ? table[index].doc : NULL;
}

static const schedule *find(const char *kind) {
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (kind != NULL && strcmp(table[i].name, kind) == 0) return &table[i];
    return NULL;
}

double lyc_schedule_factor(const lyc_schedule_options *options, uint64_t step_index, uint64_t total) {
    const schedule *kind = find(options->kind);
    if (kind == NULL) return NAN;
    const double rising = floor(options->warmup * (double)total), now = (double)step_index;
    if (now < rising) return (now + 1) / rising;
    const double rest = (double)total - rising;
    if (rest < 1) return 1; /* all of it is warm-up */
    const place at = {step_index < total ? (now - rising) / rest : (rest - 1) / rest, step_index, total};
    return kind->factor(options, &at);
}

static lyc_status check_milestones(const lyc_schedule_options *options, lyc_error *err) {
    if (options->milestone_count == 0)
        LYC_FAIL(err, LYC_ECONFIG, "schedule.milestones is empty; schedule \"step\" needs one or more");
    if (!(options->gamma > 0 && options->gamma <= 1))
        LYC_FAIL(err, LYC_ECONFIG, "schedule.gamma is %g; it is above 0 and at most 1", options->gamma);
    double before = options->warmup;
    for (size_t i = 0; i < options->milestone_count; i++) {
        const double milestone = options->milestones[i];
        if (!(milestone > 0 && milestone < 1))
            LYC_FAIL(err, LYC_ECONFIG,
                     "schedule.milestones[%zu] is %g; it is a share of the run, between 0 and 1", i,
                     milestone);
        if (i == 0 ? milestone < before : milestone <= before)
            LYC_FAIL(err, LYC_ECONFIG,
                     "schedule.milestones[%zu] is %g; milestones ascend, and follow the warm-up", i,
                     milestone);
        before = milestone;
    }
    return LYC_OK;
}

lyc_status lyc_schedule_check(const lyc_schedule_options *options, lyc_error *err) {
    const schedule *kind = find(options->kind);
    if (kind == NULL) {
        char known[256] = "";
        size_t used = 0;
        for (size_t i = 0; i < sizeof table / sizeof *table && used < sizeof known; i++)
            used +=
                (size_t)snprintf(known + used, sizeof known - used, "%s%s", i > 0 ? ", " : "", table[i].name);
        LYC_FAIL(err, LYC_ECONFIG, "schedule.kind: there is no schedule \"%s\"; choose one of: %s",
                 options->kind != NULL ? options->kind : "", known);
    }
    if (!(options->warmup >= 0 && options->warmup <= 1))
        LYC_FAIL(err, LYC_ECONFIG, "schedule.warmup is %g; it is a share of the steps, from 0 to 1",
                 options->warmup);
    if (!(options->final >= 0 && options->final <= 1))
        LYC_FAIL(err, LYC_ECONFIG, "schedule.final is %g; it is a share of the rate, from 0 to 1",
                 options->final);
    return kind->factor == step ? check_milestones(options, err) : LYC_OK;
}

/* Private to the ablation: the steps from a file to a table. */
#ifndef LYCEUM_DISTILL_ABLATION_H
#define LYCEUM_DISTILL_ABLATION_H

#include "config/ablation_file.h"
#include "lyceum/ablation.h"

#define LYC__RUN_NAME_SIZE 200 /* most file systems allow 255 bytes a name */

/* ablation_names.c: fills axes and names; `ablation->memory` is there. */
LYC_MUST_USE lyc_status lyc__ablation_axes(lyc_ablation *ablation, const lyc__ablation_file *file,
                                           lyc_error *err);
/* "strategy=uniform,seed=1", fit for a folder: a value that needs other letters or is long is cut and
 * followed by a checksum of the whole, so that a name is a function of the values and no two values share
 * one. */
LYC_MUST_USE lyc_status lyc__ablation_run_name(const lyc_ablation *ablation, const size_t *choice,
                                               lyc_ablation_budget budget, char out[LYC__RUN_NAME_SIZE],
                                               lyc_error *err);
/* The same for people, with the values as they are; `out` grows in the arena. */
LYC_MUST_USE lyc_status lyc__ablation_label(const lyc_ablation *ablation, const size_t *choice,
                                            lyc_ablation_budget budget, const char **out, lyc_error *err);
/* ablation_budget.c: epochs of a fixed rule that cost at least what a run of `config`, whose strategy learns,
 * costs at most: every pair of probes counted. Opens the data set. */
LYC_MUST_USE lyc_status lyc__ablation_epochs(const lyc_config *config, uint32_t *out, lyc_error *err);

/* The teachers of one ensemble and what their mixture answers on the test split. */
typedef struct lyc__ablation_teachers {
    lyc_pool *pool;
    lyc_dataset *data;
    lyc_splits *splits;
    int classes;
    size_t count;
    double flops_per_row[LYC_MAX_TEACHERS];
    float *mixture; /* [test rows, classes] log-probabilities; NULL without teachers or test rows */
} lyc__ablation_teachers;

/* ablation_teachers.c */
LYC_MUST_USE lyc_status lyc__ablation_teachers_open(lyc__ablation_teachers *out, const lyc_config *config,
                                                    lyc_pool *pool, lyc_error *err);
void lyc__ablation_teachers_close(lyc__ablation_teachers *teachers); /* a zeroed one is fine */
/* Share of test rows on which the model in `path` answers as the mixture does; NAN where there is none. */
LYC_MUST_USE lyc_status lyc__ablation_agreement(const lyc__ablation_teachers *teachers, const char *path,
                                                double *out, lyc_error *err);
/* ablation_figures.c: everything that a finished run says. Names of its teachers, which live in the
 * ablation's memory, go to `names`. */
LYC_MUST_USE lyc_status lyc__ablation_figures(lyc_ablation_run *run, const lyc__ablation_teachers *teachers,
                                              lyc_arena *memory, const char *const **names, lyc_error *err);
/* ablation_compare.c: means, deviations and differences of the settings from the figures of their runs. */
LYC_MUST_USE lyc_status lyc__ablation_compare(lyc_ablation *ablation, lyc_error *err);

/* The run of a setting with the seed of place `seed`; NULL when there is none. */
const lyc_ablation_run *lyc__ablation_run_of(const lyc_ablation *ablation, size_t setting, size_t seed);

/* ablation_text.c, ablation_records.c */
LYC_MUST_USE lyc_status lyc__ablation_text(const lyc_ablation *ablation, char **out, lyc_error *err);
LYC_MUST_USE lyc_status lyc__ablation_markdown(const lyc_ablation *ablation, char **out, lyc_error *err);
LYC_MUST_USE lyc_status lyc__ablation_csv(const lyc_ablation *ablation, char **out, lyc_error *err);
LYC_MUST_USE lyc_status lyc__ablation_json(const lyc_ablation *ablation, char **out, lyc_error *err);

#endif

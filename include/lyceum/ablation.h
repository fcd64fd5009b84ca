/* Ablations: the same job under several settings and seeds, one table, tested differences (docs/ablation.md).
 *
 *     lyc_ablation *ablation;
 *     lyc_ablation_load(&ablation, "configs/fashion/ablation.json", &err);   // checks every configuration
 *     for (size_t i = 0; i < ablation->run_count; i++)
 *         ... `lyceum distill` of ablation->base with ablation->runs[i].sets, in any order, any process ...
 *     lyc_ablation_scan(ablation, &err);                                      // which runs are finished
 *     lyc_ablation_measure(ablation, pool, &err);                             // their figures, means, tests
 *     char *text;  lyc_ablation_table(ablation, LYC_TABLE_TEXT, &text, &err);
 *     lyc_ablation_destroy(ablation);
 *
 * A setting is one combination of the values of all axes but `train.seed`, with a budget; a run is a setting
 * with a seed. Everything in an ablation belongs to it. Thread-safety: one thread at a time.
 */
#ifndef LYCEUM_ABLATION_H
#define LYCEUM_ABLATION_H

#include <stdbool.h>

#include "lyceum/config.h"
#include "lyceum/pool.h"

LYC_BEGIN_DECLS

#define LYC_ABLATION_AXES 16
#define LYC_ABLATION_RUNS 10000
#define LYC_NO_SETTING    ((size_t)-1)

typedef struct lyc_ablation_axis {
    const char *key;     /* "agent.strategy" */
    const char *heading; /* its last part, or all of it where two axes end alike: "strategy" */
    size_t count;
    const char *const *labels; /* [count] the values as people read them */
} lyc_ablation_axis;

typedef enum lyc_ablation_state {
    LYC_ABLATION_OPEN,
    LYC_ABLATION_FINISHED,
    LYC_ABLATION_FAILED
} lyc_ablation_state;

/* What a finished run says of itself. Everything is measured on the network handed out; nothing is chosen by
 * it. */
typedef struct lyc_ablation_figures {
    double test_accuracy, test_nll, test_ece, valid_accuracy;
    double agreement; /* share of test rows with the answer of the mixture of all teachers of the
                         configuration; NAN without teachers */
    double weight[LYC_MAX_TEACHERS]; /* mean over the last quarter of the batches; 0 beyond weight_count */
    size_t weight_count;             /* 0 for strategies that ask no teacher */
    double seconds;
    double flops_student, flops_teachers, flops_probes; /* multiply-adds x 2, counted; see docs/ablation.md */
} lyc_ablation_figures;

typedef struct lyc_ablation_run {
    const char *name;   /* "strategy=uniform,seed=1" */
    const char *output; /* "<output>/runs/<name>" */
    const char *const
        *sets; /* [set_count] overrides that make the base this run, as lyc_config_load takes them */
    size_t set_count;
    lyc_config *config; /* the base with the overrides */
    size_t setting;
    size_t ensemble; /* runs of equal number have the same data, teachers and banks */
    lyc_ablation_state state;
    const char *error;            /* of a failed run, else NULL */
    lyc_ablation_figures figures; /* of a finished run, after lyc_ablation_measure */
} lyc_ablation_run;

typedef struct lyc_ablation_spread {
    double mean, deviation; /* over the seeds; deviation with n - 1, NAN for one seed */
} lyc_ablation_spread;

/* Difference in test accuracy to the reference, over the seeds that both have. NAN where there is nothing to
 * compare, or no spread to compare by. */
typedef struct lyc_ablation_difference {
    size_t pairs;
    double mean, low, high; /* 95 % interval, Student's t */
    double p, p_holm;       /* two-sided; corrected for all differences of the table */
} lyc_ablation_difference;

/* What a setting may use beside the others: a fixed rule leaves the labels of the reward split and the
 * learned strategy's probes unused, which is no fair comparison. */
typedef enum lyc_ablation_budget {
    LYC_BUDGET_SAME,
    LYC_BUDGET_LABELS, /* the rows of the reward split are training rows */
    LYC_BUDGET_FLOPS   /* as many more epochs as the learned strategy's credit can cost at most */
} lyc_ablation_budget;
LYC_API const char *lyc_ablation_budget_name(lyc_ablation_budget budget); /* "same", "labels", "flops" */

typedef struct lyc_ablation_setting {
    lyc_ablation_budget budget;
    uint32_t epochs;                  /* LYC_BUDGET_FLOPS: of its runs; else 0 */
    size_t choice[LYC_ABLATION_AXES]; /* index of the value on each axis; 0 on the seeds' */
    const char *label;                /* "strategy=uniform" */
    size_t reference;      /* the setting it is compared with; LYC_NO_SETTING: none, or it is one itself */
    size_t runs, finished; /* of them */
    lyc_ablation_spread accuracy, nll, ece, agreement, seconds, flops;
    double weight[LYC_MAX_TEACHERS];
    size_t weight_count;
    const char *const *teachers; /* [weight_count] names */
    lyc_ablation_difference difference;
} lyc_ablation_setting;

typedef struct lyc_ablation {
    lyc_arena *memory;
    const char *name, *base, *output;
    lyc_ablation_axis axes[LYC_ABLATION_AXES];
    size_t axis_count, seeds; /* seeds: index of the axis `train.seed`; axis_count where there is none */
    lyc_ablation_run *runs;   /* seed by seed, so that a table of half of them compares equals */
    size_t run_count;
    lyc_ablation_setting *settings;
    size_t setting_count,
        ensemble_count; /* settings: first all combinations, then those with a larger budget */
    bool has_reference, has_budgets;
} lyc_ablation;

/* Reads an ablation file and loads the configuration of every run. LYC_ECONFIG with everything that is wrong:
 * unknown or repeated keys, an axis that is no key, a value that a configuration refuses, in any combination.
 */
LYC_API LYC_MUST_USE lyc_status lyc_ablation_load(lyc_ablation **out, const char *path, lyc_error *err);
LYC_API void lyc_ablation_destroy(lyc_ablation *ablation); /* NULL is fine */

/* Marks the runs whose result is there as finished. LYC_EMISMATCH when a run directory was made with another
 * configuration than the file asks for now: its figures would be of something else. */
LYC_API LYC_MUST_USE lyc_status lyc_ablation_scan(lyc_ablation *ablation, lyc_error *err);
/* Marks a run as failed; the text is copied. */
LYC_API LYC_MUST_USE lyc_status lyc_ablation_fail(lyc_ablation *ablation, size_t run, const char *error,
                                                  lyc_error *err);

/* Reads the figures of the finished runs and computes the settings' means and differences. Agreement is
 * measured here: the students and, through their banks, the teachers are asked for the test rows. */
LYC_API LYC_MUST_USE lyc_status lyc_ablation_measure(lyc_ablation *ablation, lyc_pool *pool, lyc_error *err);

typedef enum lyc_table_format {
    LYC_TABLE_TEXT,
    LYC_TABLE_MARKDOWN,
    LYC_TABLE_CSV,
    LYC_TABLE_JSON,
    LYC_TABLE_FORMATS
} lyc_table_format;

/* The table as text; the caller frees *out with lyc_free. */
LYC_API LYC_MUST_USE lyc_status lyc_ablation_table(const lyc_ablation *ablation, lyc_table_format format,
                                                   char **out, lyc_error *err);
/* Writes all formats: <output>/table.{txt,md,csv,json}. */
LYC_API LYC_MUST_USE lyc_status lyc_ablation_write(const lyc_ablation *ablation, lyc_error *err);

LYC_END_DECLS

#endif

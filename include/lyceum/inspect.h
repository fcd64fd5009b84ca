/* What a run did, from its run.h5 alone: whom the agent listened to, when, for which classes, to what effect.
 *
 *     lyc_inspection *run; char *text;
 *     lyc_inspect_open(&run, "runs/fashion", 0, &err);
 *     lyc_inspect_text(run, &(lyc_inspect_style){.utf8 = true, .columns = 100}, &text, &err);
 *     fputs(text, stdout); lyc_free(text); lyc_inspect_close(run);
 *
 * Works while the run goes on, after it, and after a kill: what is committed when it is opened is what is
 * shown. Read-only once opened, so thread-safe.
 */
#ifndef LYCEUM_INSPECT_H
#define LYCEUM_INSPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lyceum/dataset.h"
#include "lyceum/error.h"

LYC_BEGIN_DECLS

typedef enum lyc_phase {
    LYC_PHASE_RUNNING,  /* a process is writing run.h5 */
    LYC_PHASE_FINISHED, /* result.json is there, which a run writes last */
    LYC_PHASE_STOPPED   /* neither: interrupted or killed, to be resumed */
} lyc_phase;
LYC_API const char *lyc_phase_name(lyc_phase phase); /* "running", "finished", "stopped" */

/* Means over windows of consecutive batches; the last window may be shorter. NaN where a window has no value
 * (no reward was measured). */
typedef struct lyc_series {
    size_t count;
    const double *values;
} lyc_series;

typedef struct lyc_inspected_teacher {
    const char *name, *kind, *fingerprint;
    double reward_ce, reward_accuracy, valid_ce, valid_accuracy;
    double select_rate, mean_weight;           /* over all batches so far; NaN before the first */
    double last_select_rate, last_weight;      /* over the last quarter of them */
    double first_weight;                       /* over the first quarter */
    lyc_series select, weight;                 /* over time */
    const double *class_weight, *class_select; /* [classes], over all epochs so far, each row counts once; NaN
                                                  where no row of the class was seen */
    /* Credit: over the probed pairs of actions of which exactly one selected this teacher, the mean of the
     * normalised difference of their rewards, signed so that positive means that selecting it helped. Where
     * no pair differs in any selection (action `weight`), over the pairs that weight it differently, positive
     * when more weight helped. */
    double credit, credit_error; /* mean and its standard error; NaN below 1 and 2 pairs */
    uint64_t credit_pairs;
    /* Worth: the slope of the difference of two rewards in the difference of its weight, by least squares over all
     * probed pairs (docs/inspect.md), against the mean of all teachers; 95 % interval, robust. NaN where the pairs
     * are too few, or move this teacher only together with others. */
    double worth, worth_low, worth_high;
    bool dropped;           /* the rule is in docs/inspect.md */
    uint64_t dropped_after; /* step */
    const char *verdict;    /* one sentence, without the name */
} lyc_inspected_teacher;

typedef struct lyc_inspected_epoch {
    double epoch, loss_total, loss_ce, loss_kd, valid_accuracy, valid_nll, reward_nll, reward_accuracy, lr,
        seconds;
} lyc_inspected_epoch;

typedef struct lyc_inspected_evaluation {
    const char *split;
    double rows, accuracy, nll, brier, ece, f1_macro, matthews, epoch, touched;
} lyc_inspected_evaluation;

typedef struct lyc_inspected_curve {
    const char *name; /* column of /trajectory: "loss_total", "loss_ce", "loss_kd", "reward", "entropy" */
    lyc_series values;
} lyc_inspected_curve;
#define LYC_INSPECT_CURVES 5

/* A step at which the mean weights changed for good; before and after: [teachers], means up to the changes beside
 * it. */
typedef struct lyc_inspected_change {
    uint64_t after; /* batches up to it */
    const double *before_weight, *after_weight;
} lyc_inspected_change;

/* The teachers' mixture on the reward split, made with the weights of the run's last quarter, without one of
 * them. Arrays of [class_count] and [LYC_RUN_BINS]; NaN where there are no rows. */
typedef struct lyc_inspected_mixture {
    int without; /* index of the teacher; -1 = all are there */
    double accuracy, nll;
    const double *class_rows, *class_accuracy, *class_nll;
    const double *bin_rows, *bin_accuracy, *bin_nll; /* by the confidence of the whole mixture, LYC_RUN_BIN_EDGES */
} lyc_inspected_mixture;

typedef struct lyc_inspected_stage {
    const char *name; /* "student", "probes", "decisions", "waiting" (for teachers) */
    double seconds;   /* of all batches so far */
} lyc_inspected_stage;
#define LYC_INSPECT_STAGES 4

/* Everything is borrowed from it and lives until lyc_inspect_close. */
typedef struct lyc_inspection {
    const char *path; /* of run.h5 */
    const char *name, *strategy;
    lyc_phase phase;
    uint64_t steps, total_steps, steps_per_epoch, probes;
    bool credit_by_weight;      /* see lyc_inspected_teacher.credit */
    uint64_t window;            /* batches of one point of a series */
    const uint64_t *window_end; /* [points] batches up to the end of each */
    size_t points;
    size_t teacher_count, class_count, epoch_count, evaluation_count;
    const lyc_inspected_teacher *teachers;
    const char *const *class_names;
    const lyc_inspected_epoch *epochs;
    const lyc_inspected_evaluation *evaluations;
    lyc_inspected_curve curves[LYC_INSPECT_CURVES];
    uint64_t worth_pairs; /* pairs of different weights */
    size_t change_count;
    const lyc_inspected_change *changes;
    size_t mixture_count; /* 0 before the end of a run and in files of former versions; else the whole mixture
                             first, then without each teacher where there are several */
    const lyc_inspected_mixture *mixtures;
    const char *config; /* as resolved, JSON */
    lyc_inspected_stage stages[LYC_INSPECT_STAGES];
} lyc_inspection;

/* `path`: a run directory, or a run.h5. `window`: batches of one point, 0 = so many that there are at most 40
 * points. LYC_EIO: there is no run; LYC_EFORMAT: not a run file, or tables are missing; LYC_EUSAGE: a window
 * so small that there would be more than 100,000 points. */
LYC_API LYC_MUST_USE lyc_status lyc_inspect_open(lyc_inspection **out, const char *path, uint64_t window,
                                                 lyc_error *err);
LYC_API void lyc_inspect_close(lyc_inspection *run); /* NULL is fine */

typedef struct lyc_inspect_style {
    bool utf8;                                   /* sparklines of block characters; else of ASCII */
    int columns;                                 /* of the terminal; 0 = 80 */
    const char *bold, *dim, *good, *bad, *reset; /* escape sequences; NULL = none */
} lyc_inspect_style;

/* *out is the caller's (lyc_free). */
LYC_API LYC_MUST_USE lyc_status lyc_inspect_text(const lyc_inspection *run, const lyc_inspect_style *style,
                                                 char **out, lyc_error *err);
LYC_API LYC_MUST_USE lyc_status lyc_inspect_json(const lyc_inspection *run, char **out, lyc_error *err);

/* Two runs side by side: what they came to, whom they listened to, what the probes said, and the keys in which
 * their configurations part. Teachers are matched by name. The CSV has a line a figure. */
LYC_API LYC_MUST_USE lyc_status lyc_inspect_compare_text(const lyc_inspection *first, const lyc_inspection *second,
                                                         const lyc_inspect_style *style, char **out, lyc_error *err);
LYC_API LYC_MUST_USE lyc_status lyc_inspect_compare_json(const lyc_inspection *first, const lyc_inspection *second,
                                                         char **out, lyc_error *err);
LYC_API LYC_MUST_USE lyc_status lyc_inspect_compare_csv(const lyc_inspection *first, const lyc_inspection *second,
                                                        char **out, lyc_error *err);

/* Receives pieces of text; anything but LYC_OK ends the writing and is returned. */
typedef lyc_status (*lyc_text_sink)(void *payload, const char *text, size_t size, lyc_error *err);
/* One line per batch: step, epoch, select.<teacher>..., weight.<teacher>..., then the other columns of
 * /trajectory but the observation. RFC 4180 with
 * plain line ends; empty where there is no value. Reads `path` as lyc_inspect_open. */
LYC_API LYC_MUST_USE lyc_status lyc_inspect_csv(const char *path, lyc_text_sink sink, void *payload,
                                                lyc_error *err);

LYC_END_DECLS

#endif

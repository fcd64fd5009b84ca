/* What the files of `inspect` share: inspect.c opens a run and puts the parts together, inspect_columns.c
 * turns columns of rows into means over windows, inspect_teachers.c credits and judges the teachers,
 * inspect_worth.c says what the probes say that they are worth, inspect_changes.c when the weights changed;
 * inspect_text.c, inspect_json.c and inspect_csv.c show the result.
 */
#ifndef LYC_REPORT_INSPECT_H
#define LYC_REPORT_INSPECT_H

#include "base/json_writer.h"
#include "lyceum/inspect.h"
#include "lyceum/memory.h"
#include "lyceum/runfile.h"

/* A run while it is being read. What it allocates lives as long as the inspection. */
typedef struct lyc__inspector {
    lyc_inspection shown; /* first: what callers hold is this */
    lyc_arena *arena;
    lyc_runreader *reader;
    uint64_t rows; /* of /trajectory, committed when the run was opened */
} lyc__inspector;

/* One number of a column over time. */
typedef struct lyc__column_summary {
    lyc_series series;        /* windows of shown.window rows */
    lyc_series coarse;        /* at most LYC__COARSE windows, whatever was asked for */
    double mean, first, last; /* over all rows, the first and the last quarter; NaN without a value */
} lyc__column_summary;
#define LYC__COARSE 40

/* Rows of the windows that cut `rows` into at most LYC__COARSE. */
uint64_t lyc__coarse_window(uint64_t rows);

/* "run.h5" in the directory `path`, or `path` itself where it is a file; the caller frees it. */
LYC_MUST_USE lyc_status lyc__run_path(char **out, const char *path, lyc_error *err);

/* *out = count zeroed elements from the arena. */
LYC_MUST_USE lyc_status lyc__inspector_allocate(lyc__inspector *run, void **out, size_t count, size_t size,
                                                lyc_error *err);
/* Borrowed texts and numbers of a constant; LYC_EFORMAT unless there are `count`. */
LYC_MUST_USE lyc_status lyc__inspector_texts(lyc__inspector *run, const char *path, size_t count,
                                             const char *const **out, lyc_error *err);
LYC_MUST_USE lyc_status lyc__inspector_numbers(lyc__inspector *run, const char *path, size_t count,
                                               const double **out, lyc_error *err);
/* out[width]: the numbers of /trajectory/<column>; LYC_EFORMAT unless each row has `width`. */
LYC_MUST_USE lyc_status lyc__summarise_column(lyc__inspector *run, const char *column, size_t width,
                                              lyc__column_summary *out, lyc_error *err);
/* All committed rows of a small table's column, [*rows][width], from the arena. */
LYC_MUST_USE lyc_status lyc__inspector_column(lyc__inspector *run, const char *table, const char *column,
                                              size_t width, uint64_t rows, const double **out,
                                              lyc_error *err);

/* inspect_worth.c: fills worth and its interval from /probes. */
LYC_MUST_USE lyc_status lyc__inspect_worth(lyc__inspector *run, lyc_inspected_teacher *teachers,
                                           lyc_error *err);
/* inspect_changes.c: fills shown.changes; weight[teachers] summarises their weights. */
LYC_MUST_USE lyc_status lyc__inspect_changes(lyc__inspector *run, const lyc__column_summary *weight,
                                             lyc_error *err);

/* inspect_mixture.c: fills shown.mixtures, where the file has them. */
LYC_MUST_USE lyc_status lyc__inspect_mixtures(lyc__inspector *run, lyc_error *err);

/* inspect_json.c: a run as an object. */
void lyc__inspect_write(lyc__json *json, const lyc_inspection *run);

/* Fills shown.teachers; the constants and shown.window are known by then. */
LYC_MUST_USE lyc_status lyc__inspect_teachers(lyc__inspector *run, lyc_error *err);

#endif

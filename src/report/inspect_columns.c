/* Columns of rows become means over windows; a block of rows is in memory at a time. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "report/inspect.h"

#define BLOCK_ROWS 8192

uint64_t lyc__coarse_window(uint64_t rows) {
    return rows < LYC__COARSE ? 1 : (rows + LYC__COARSE - 1) / LYC__COARSE;
}

/* Sums and counts of one series; the sums become the means in place. */
typedef struct windows {
    uint64_t window;
    size_t points;
    double *sums;     /* [width][points] */
    uint64_t *counts; /* [width][points] */
} windows;

/* All rows, the first quarter, the last quarter. */
typedef struct totals {
    double sum[3];
    uint64_t count[3];
} totals;

static size_t point_count(uint64_t rows, uint64_t window) {
    return (size_t)((rows + window - 1) / window);
}

static lyc_status make_windows(lyc__inspector *run, windows *out, uint64_t window, size_t width,
                               lyc_error *err) {
    out->window = window;
    out->points = point_count(run->rows, window);
    LYC_TRY(lyc__inspector_allocate(run, (void **)&out->sums, width * out->points, sizeof(double), err));
    return lyc_allocate((void **)&out->counts, width * out->points, sizeof(uint64_t), "windows", err);
}

static void add_value(windows *to, uint64_t row, size_t place, double value) {
    size_t index = place * to->points + (size_t)(row / to->window);
    to->sums[index] += value;
    to->counts[index]++;
}

static void finish_windows(windows *made, size_t width) {
    for (size_t i = 0; i < width * made->points; i++)
        made->sums[i] = made->counts[i] > 0 ? made->sums[i] / (double)made->counts[i] : NAN;
    lyc_free(made->counts);
    made->counts = NULL;
}

static void add_total(totals *to, uint64_t row, uint64_t rows, double value) {
    const bool within[3] = {true, row < (rows + 3) / 4, row >= rows - (rows + 3) / 4};
    for (int i = 0; i < 3; i++) {
        if (!within[i]) continue;
        to->sum[i] += value;
        to->count[i]++;
    }
}

static double mean_of(const totals *from, int part) {
    return from->count[part] > 0 ? from->sum[part] / (double)from->count[part] : NAN;
}

static lyc_status check_width(const lyc__inspector *run, const char *table, const char *column, size_t found,
                              size_t wanted, lyc_error *err) {
    if (found == wanted) return LYC_OK;
    LYC_FAIL(err, LYC_EFORMAT,
             "%s: /%s/%s has %zu numbers a row, its teachers and classes ask for %zu: the file is damaged",
             run->shown.path, table, column, found, wanted);
}

static lyc_status add_rows(lyc__inspector *run, const char *column, size_t width, windows into[2],
                           totals *sums, lyc_error *err) {
    for (uint64_t first = 0; first < run->rows; first += BLOCK_ROWS) {
        uint64_t count = run->rows - first < BLOCK_ROWS ? run->rows - first : BLOCK_ROWS;
        double *values;
        size_t found;
        LYC_TRY(lyc_runreader_read(run->reader, "trajectory", column, first, count, &values, &found, err));
        lyc_status status = check_width(run, "trajectory", column, found, width, err);
        for (size_t i = 0; i < count * width && status == LYC_OK; i++) {
            uint64_t row = first + i / width;
            if (!isfinite(values[i])) continue;
            add_value(&into[0], row, i % width, values[i]);
            add_value(&into[1], row, i % width, values[i]);
            add_total(&sums[i % width], row, run->rows, values[i]);
        }
        lyc_free(values);
        LYC_TRY(status);
    }
    return LYC_OK;
}

lyc_status lyc__summarise_column(lyc__inspector *run, const char *column, size_t width,
                                 lyc__column_summary *out, lyc_error *err) {
    windows into[2] = {{0}, {0}};
    totals *sums = NULL;
    lyc_status status = LYC_OK;
    LYC_TRY_GOTO(make_windows(run, &into[0], run->shown.window, width, err));
    LYC_TRY_GOTO(make_windows(run, &into[1], lyc__coarse_window(run->rows), width, err));
    LYC_TRY_GOTO(lyc_allocate((void **)&sums, width, sizeof *sums, "sums", err));
    LYC_TRY_GOTO(add_rows(run, column, width, into, sums, err));
    for (int i = 0; i < 2; i++) finish_windows(&into[i], width);
    for (size_t k = 0; k < width; k++) {
        out[k].series = (lyc_series){into[0].points, into[0].sums + k * into[0].points};
        out[k].coarse = (lyc_series){into[1].points, into[1].sums + k * into[1].points};
        out[k].mean = mean_of(&sums[k], 0);
        out[k].first = mean_of(&sums[k], 1);
        out[k].last = mean_of(&sums[k], 2);
    }
done:
    lyc_free(into[0].counts);
    lyc_free(into[1].counts);
    lyc_free(sums);
    return status;
}

lyc_status lyc__inspector_column(lyc__inspector *run, const char *table, const char *column, size_t width,
                                 uint64_t rows, const double **out, lyc_error *err) {
    double *values, *kept;
    size_t found;
    LYC_TRY(lyc_runreader_read(run->reader, table, column, 0, rows, &values, &found, err));
    lyc_status status = check_width(run, table, column, found, width, err);
    if (status == LYC_OK)
        status = lyc__inspector_allocate(run, (void **)&kept, (size_t)rows * width, sizeof *kept, err);
    if (status == LYC_OK) {
        if (rows * width > 0) memcpy(kept, values, (size_t)rows * width * sizeof *kept);
        *out = kept;
    }
    lyc_free(values);
    return status;
}

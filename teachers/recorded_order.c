#include "teachers/recorded_order.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "base/argmax.h"
#include "lyceum/log.h"
#include "lyceum/memory.h"

/* ---- ids ------------------------------------------------------------------------------------------ */

typedef struct tagged {
    uint64_t id;
    uint32_t row;
} tagged;

static int by_id(const void *a, const void *b) {
    const tagged *x = a, *y = b;
    if (x->id != y->id) return x->id < y->id ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static tagged *sorted_ids(const uint64_t *ids, size_t count) {
    tagged *out = lyc_calloc(count, sizeof *out);
    if (out == NULL) return NULL;
    for (size_t i = 0; i < count; i++) out[i] = (tagged){.id = ids[i], .row = (uint32_t)i};
    qsort(out, count, sizeof *out, by_id);
    return out;
}

static lyc_status check_unique(const tagged *here, size_t count, const char *path, lyc_error *err) {
    for (size_t i = 1; i < count; i++)
        if (here[i].id == here[i - 1].id)
            LYC_FAIL(err, LYC_EMISMATCH,
                     "%s: rows %u and %u both answer for id %" PRIu64 "; each sample may appear once", path,
                     here[i - 1].row, here[i].row, here[i].id);
    return LYC_OK;
}

/* Walks both sorted lists; the first trouble by id ends it. An id that stands twice is told first: somewhere
 * else another one is missing for it, and that would be a riddle. */
static lyc_status match_sorted(uint32_t *order, const tagged *here, size_t here_count, const tagged *wanted,
                               size_t wanted_count, const char *path, const lyc_dataset *data,
                               lyc_error *err) {
    size_t i = 0;
    LYC_TRY(check_unique(here, here_count, path, err));
    for (size_t w = 0; w < wanted_count; w++, i++) {
        if (i < here_count && here[i].id < wanted[w].id)
            LYC_FAIL(err, LYC_EMISMATCH,
                     "%s: row %u answers for id %" PRIu64
                     ", which the data set %s does not have; it was recorded for other data",
                     path, here[i].row, here[i].id, lyc_dataset_path(data));
        if (i == here_count || here[i].id > wanted[w].id)
            LYC_FAIL(err, LYC_EMISMATCH,
                     "%s: has no row for id %" PRIu64
                     " (row %u of the data set %s); it holds %zu rows, %zu are needed: record every row "
                     "(lyceum eval --split all)",
                     path, wanted[w].id, wanted[w].row, lyc_dataset_path(data), here_count, wanted_count);
        order[wanted[w].row] = here[i].row;
    }
    if (i < here_count)
        LYC_FAIL(err, LYC_EMISMATCH,
                 "%s: row %u answers for id %" PRIu64
                 ", which the data set %s does not have; it was recorded for other data",
                 path, here[i].row, here[i].id, lyc_dataset_path(data));
    return LYC_OK;
}

static lyc_status verify_checks(const uint32_t *order, const lyc__recorded_file *file, const char *path,
                                const lyc_dataset *data, lyc_error *err) {
    for (size_t row = 0; row < lyc_dataset_rows(data); row++) {
        uint64_t recorded = file->checks[order[row]], actual = lyc_dataset_row_checksum(data, row);
        if (recorded != actual)
            LYC_FAIL(err, LYC_EMISMATCH,
                     "%s: row %u claims to answer for id %" PRIu64 ", but its /check is %016" PRIx64
                     " and that sample's checksum is %016" PRIx64
                     ": ids and rows are misordered; record again",
                     path, order[row], file->ids[order[row]], recorded, actual);
    }
    return LYC_OK;
}

lyc_status lyc__recorded_match(uint32_t *order, const lyc__recorded_file *file, const char *path,
                               const lyc_dataset *data, lyc_error *err) {
    size_t rows = lyc_dataset_rows(data);
    if (file->rows > UINT32_MAX)
        LYC_FAIL(err, LYC_EMISMATCH, "%s: has %zu rows, the data set %zu", path, file->rows, rows);
    tagged *here = sorted_ids(file->ids, file->rows), *wanted = sorted_ids(lyc_dataset_ids(data), rows);
    lyc_status status;
    if (here == NULL || wanted == NULL)
        status = LYC_ERROR(err, LYC_ENOMEM, "no memory to match the %zu ids of %s", file->rows, path);
    else status = match_sorted(order, here, file->rows, wanted, rows, path, data, err);
    lyc_free(wanted);
    lyc_free(here);
    if (status == LYC_OK && file->checks != NULL) status = verify_checks(order, file, path, data, err);
    return status;
}

/* ---- labels ---------------------------------------------------------------------------------------- */

#define LEAST_ROWS      100
#define MOST_BUCKETS    512 /* more classes share buckets: a coarser table is as good a test */
#define LEAST_DEVIATION 4.0 /* of a standard normal: one shuffled file in 30,000 passes */
#define LEAST_KAPPA     0.1 /* below it a teacher hardly agrees with the labels */

/* Counts of (prediction, label), and how often they agree. */
typedef struct agreement {
    double *table; /* [predicted buckets, label buckets] */
    double *predicted, *labels;
    size_t predicted_count, label_count;
    double rows, equal, expected; /* expected: agreements of independent predictions, times rows */
} agreement;

static void count_rows(agreement *count, const float *logits, int classes, const int32_t *map,
                       const lyc_dataset *data, double *class_predicted, double *class_labels) {
    const int32_t *labels = lyc_dataset_labels(data);
    const uint8_t *parts = lyc_dataset_parts(data);
    for (size_t row = 0; row < lyc_dataset_rows(data); row++) {
        if (parts[row] != 0 || labels[row] < 0) continue;
        size_t label = (size_t)labels[row];
        size_t guess = (size_t)map[lyc__argmax(logits + row * (size_t)classes, classes)];
        size_t i = guess % count->predicted_count, j = label % count->label_count;
        count->table[i * count->label_count + j] += 1.0;
        count->predicted[i] += 1.0;
        count->labels[j] += 1.0;
        class_predicted[guess] += 1.0;
        class_labels[label] += 1.0;
        count->rows += 1.0;
        count->equal += guess == label;
    }
    for (int c = 0; c < lyc_dataset_classes(data); c++)
        if (count->rows > 0.0) count->expected += class_predicted[c] * class_labels[c] / count->rows;
}

/* Pearson's chi-squared of the table, as a deviate of the standard normal (Wilson and Hilferty 1931, "The
 * distribution of chi-square", PNAS 17). NAN where one side never varies, so that no order can be told from
 * another. */
static double independence_deviate(const agreement *count) {
    double sum = 0.0, rows = 0.0, columns = 0.0;
    for (size_t i = 0; i < count->predicted_count; i++) rows += count->predicted[i] > 0.0;
    for (size_t j = 0; j < count->label_count; j++) columns += count->labels[j] > 0.0;
    for (size_t i = 0; i < count->predicted_count; i++)
        for (size_t j = 0; j < count->label_count; j++) {
            double n = count->table[i * count->label_count + j];
            if (n > 0.0) sum += n * n / (count->predicted[i] * count->labels[j]);
        }
    double freedom = (rows - 1.0) * (columns - 1.0), chi_squared = count->rows * (sum - 1.0);
    if (freedom < 1.0) return NAN;
    double spread = 2.0 / (9.0 * freedom);
    return (cbrt(fmax(chi_squared, 0.0) / freedom) - (1.0 - spread)) / sqrt(spread);
}

static lyc_status judge(const agreement *count, const char *name, const char *path, lyc_error *err) {
    double deviate = independence_deviate(count);
    if (count->rows < LEAST_ROWS) return LYC_OK;
    if (deviate < LEAST_DEVIATION)
        LYC_FAIL(
            err, LYC_EMISMATCH,
            "%s: the predictions of teacher '%s' have nothing to do with the labels of the samples whose "
            "ids they carry: %.1f %% of %.0f labelled rows agree, as in random order. Its rows are "
            "probably misordered. If they are as they should be, prove it with /check, or say so with the "
            "attribute unrelated_to_labels = 1 (docs/banks.md)",
            path, name, 100.0 * count->equal / count->rows, count->rows);
    double kappa = (count->equal - count->expected) / fmax(count->rows - count->expected, 1.0);
    if (kappa < LEAST_KAPPA)
        lyc_log(LYC_LOG_WARNING,
                "%s: teacher '%s' agrees with only %.1f %% of %.0f labelled rows, little better than "
                "chance (%.1f %%); are its classes in another order (class_map)?",
                path, name, 100.0 * count->equal / count->rows, count->rows,
                100.0 * count->expected / count->rows);
    return LYC_OK;
}

lyc_status lyc__recorded_check_labels(const float *logits, int classes, const int32_t *map, const char *name,
                                      const char *path, const lyc_dataset *data, lyc_error *err) {
    size_t all = (size_t)lyc_dataset_classes(data), buckets = all < MOST_BUCKETS ? all : MOST_BUCKETS;
    double *block = NULL;
    LYC_TRY(lyc_allocate((void **)&block, buckets * buckets + 2 * buckets + 2 * all, sizeof *block,
                         "the counts of predictions", err));
    agreement count = {
        .table = block,
        .predicted = block + buckets * buckets,
        .labels = block + buckets * buckets + buckets,
        .predicted_count = buckets,
        .label_count = buckets,
    };
    double *class_predicted = count.labels + buckets;
    count_rows(&count, logits, classes, map, data, class_predicted, class_predicted + all);
    lyc_status status = judge(&count, name, path, err);
    lyc_free(block);
    return status;
}

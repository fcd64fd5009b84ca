/* What the files of src/data share. */
#ifndef LYC_DATA_DATA_H
#define LYC_DATA_DATA_H

#include "io/dataset_file.h"
#include "lyceum/dataset.h"

struct lyc_dataset {
    lyc__dataset_content content;
    char *path;
};

/* ---- rows of equal content (equal_rows.c) ------------------------------------------------------- */

/* leaders[row] = the lowest row whose pixels are the same, for every row; the caller's (lyc_free). `hash`
 * only finds candidates (lyc__hash64; tests hand in a bad one): the bytes decide. */
typedef uint64_t (*lyc__hash_fn)(const void *bytes, size_t size);
LYC_MUST_USE lyc_status lyc__equal_rows(uint32_t **leaders, const lyc_dataset *data, lyc__hash_fn hash,
                                        lyc_error *err);

/* ---- strata (strata.c) -------------------------------------------------------------------------- */

/* Rows by class: those of class c are members[first[c]] .. members[first[c + 1] - 1]. */
typedef struct lyc__strata {
    int classes;
    uint32_t *first;   /* [classes + 1] */
    uint32_t *members; /* [first[classes]] */
} lyc__strata;

/* Sorts the rows by classes[row]; rows with a negative class belong to none. Inside a class the order is a
 * permutation drawn with (seed, purpose, class), hence independent of the other classes. */
LYC_MUST_USE lyc_status lyc__strata_create(lyc__strata *out, const int32_t *classes, uint32_t rows,
                                           int class_count, uint64_t seed, uint32_t purpose, lyc_error *err);
void lyc__strata_release(lyc__strata *strata);

/* Shares `total` among the classes in proportion to counts[] (total <= their sum), by largest remainder; ties
 * go to the lower class. */
void lyc__quotas(uint32_t *out, const uint32_t *counts, int class_count, uint32_t total);

#endif

/* The data-set file as arrays, read whole or written in pieces. Its layout is docs/files.md; the type that
 * the rest of Lyceum works with is lyc_dataset (src/data). */
#ifndef LYC_IO_DATASET_FILE_H
#define LYC_IO_DATASET_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "lyceum/dataset.h"

#define LYC__DATASET_FORMAT       "lyceum data 1"
#define LYC__DATASET_MAX_ROWS     INT32_MAX /* rows are counted in 32 bits everywhere */
#define LYC__DATASET_MAX_SIDE     65535
#define LYC__DATASET_MAX_CHANNELS 16 /* as lyc_preprocess holds */
#define LYC__DATASET_MAX_CLASSES  32768

typedef struct lyc__dataset_content {
    uint32_t rows;
    int channels, height, width;
    bool is_float;      /* x: float, else uint8_t */
    void *x;            /* [rows, channels, height, width] */
    int32_t *labels;    /* [rows], LYC_UNLABELLED or class */
    uint8_t *parts;     /* [rows], 0 train part, 1 test part */
    uint64_t *ids;      /* [rows], unique */
    char **class_names; /* [class_count], one block */
    int class_count;
    float mean[LYC__DATASET_MAX_CHANNELS], std[LYC__DATASET_MAX_CHANNELS]; /* of x scaled to 0..1 */
    char fingerprint[LYC_FINGERPRINT_SIZE];
} lyc__dataset_content;

size_t lyc__dataset_row_values(const lyc__dataset_content *content); /* channels * height * width */
size_t lyc__dataset_row_bytes(const lyc__dataset_content *content);

/* Reads and checks everything: sizes, types, labels, parts, unique ids, finite values, fingerprint. What the
 * file may leave out is filled in as docs/files.md says. */
LYC_MUST_USE lyc_status lyc__dataset_read(lyc__dataset_content *out, const char *path, lyc_error *err);
void lyc__dataset_release(lyc__dataset_content *content); /* zeroes it; a zeroed one is fine */

/* ---- what reader and writer compute alike (dataset_digest.c) ------------------------------------ */

/* Sums of each channel over the train part, from which mean and standard deviation come. */
typedef struct lyc__moments {
    double sum[LYC__DATASET_MAX_CHANNELS], square[LYC__DATASET_MAX_CHANNELS], values;
} lyc__moments;
/* Adds rows x[count], of which those with parts[i] == part count. */
void lyc__moments_add(lyc__moments *moments, const lyc__dataset_content *about, const void *x,
                      const uint8_t *parts, uint8_t part, size_t count);
/* Of x scaled to 0..1, by the number of values (not one less). A channel that never varies gets std 1, an
 * empty sum mean 0 and std 1. */
void lyc__moments_finish(const lyc__moments *moments, const lyc__dataset_content *about, float *mean,
                         float *std);

/* The fingerprint hashes, in this order: a line of text with the shape, all of x, then the rest. */
struct lyc__hash;
void lyc__dataset_hash_head(struct lyc__hash *hash, const lyc__dataset_content *about);
void lyc__dataset_hash_tail(struct lyc__hash *hash, const lyc__dataset_content *about);

/* ---- writing (dataset_writer.c) ----------------------------------------------------------------- */

typedef struct lyc__dataset_writer lyc__dataset_writer;

/* Starts `path` under a temporary name. `about` gives everything but x, mean, std and fingerprint, is
 * borrowed and must outlive the writer; source and licence may be NULL (left out). */
LYC_MUST_USE lyc_status lyc__dataset_writer_open(lyc__dataset_writer **out, const char *path,
                                                 const lyc__dataset_content *about, const char *source,
                                                 const char *licence, lyc_error *err);
/* The next `count` rows of x. */
LYC_MUST_USE lyc_status lyc__dataset_writer_rows(lyc__dataset_writer *writer, const void *x, size_t count,
                                                 lyc_error *err);
/* After the last row: writes the rest, puts the file in its place. Sets mean, std and fingerprint. */
LYC_MUST_USE lyc_status lyc__dataset_writer_finish(lyc__dataset_writer *writer, lyc__dataset_content *about,
                                                   lyc_error *err);
/* Releases the writer; without a finish the temporary file goes. NULL is fine. */
void lyc__dataset_writer_close(lyc__dataset_writer *writer);

#endif

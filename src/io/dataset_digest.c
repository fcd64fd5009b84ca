/* What a data-set file states about its own content: mean, standard deviation, fingerprint. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "io/dataset_file.h"

size_t lyc__dataset_row_values(const lyc__dataset_content *content) {
    return (size_t)content->channels * (size_t)content->height * (size_t)content->width;
}

size_t lyc__dataset_row_bytes(const lyc__dataset_content *content) {
    return lyc__dataset_row_values(content) * (content->is_float ? sizeof(float) : 1);
}

/* ---- moments ------------------------------------------------------------------------------------ */

/* Integer sums of one plane are exact, and so is their double while it stays below 2^53. */
static void add_bytes(const uint8_t *plane, size_t size, double *sum, double *square) {
    uint64_t total = 0, squares = 0;
    for (size_t i = 0; i < size; i++) {
        total += plane[i];
        squares += (uint64_t)plane[i] * plane[i];
    }
    *sum += (double)total;
    *square += (double)squares;
}

static void add_floats(const float *plane, size_t size, double *sum, double *square) {
    double total = 0, squares = 0;
    for (size_t i = 0; i < size; i++) {
        double value = (double)plane[i];
        total += value;
        squares += value * value;
    }
    *sum += total;
    *square += squares;
}

void lyc__moments_add(lyc__moments *moments, const lyc__dataset_content *about, const void *x,
                      const uint8_t *parts, uint8_t part, size_t count) {
    size_t plane = (size_t)about->height * (size_t)about->width, offset = 0;
    for (size_t row = 0; row < count; row++) {
        for (int c = 0; c < about->channels; c++, offset += plane) {
            if (parts[row] != part) continue;
            if (about->is_float)
                add_floats((const float *)x + offset, plane, &moments->sum[c], &moments->square[c]);
            else add_bytes((const uint8_t *)x + offset, plane, &moments->sum[c], &moments->square[c]);
        }
        if (parts[row] == part) moments->values += (double)plane;
    }
}

void lyc__moments_finish(const lyc__moments *moments, const lyc__dataset_content *about, float *mean,
                         float *std) {
    double scale = about->is_float ? 1.0 : 255.0;
    for (int c = 0; c < about->channels; c++) {
        double count = moments->values > 0 ? moments->values : 1;
        double average = moments->sum[c] / count;
        double variance = moments->square[c] / count - average * average;
        float deviation = variance > 0 ? (float)(sqrt(variance) / scale) : 0.0f;
        mean[c] = (float)(average / scale);
        std[c] = deviation > 0.0f && isfinite(deviation) ? deviation : 1.0f;
    }
}

/* ---- fingerprint -------------------------------------------------------------------------------- */

void lyc__dataset_hash_head(struct lyc__hash *hash, const lyc__dataset_content *about) {
    char line[160];
    int size =
        snprintf(line, sizeof line, "%s x=%s rows=%" PRIu32 " channels=%d height=%d width=%d classes=%d\n",
                 LYC__DATASET_FORMAT, about->is_float ? "f32" : "u8", about->rows, about->channels,
                 about->height, about->width, about->class_count);
    lyc__hash_update(hash, line, (size_t)size);
}

/* Labels as the 64 bits that the file holds. */
static void hash_labels(struct lyc__hash *hash, const int32_t *labels, size_t count) {
    int64_t block[512];
    for (size_t first = 0; first < count; first += 512) {
        size_t size = count - first < 512 ? count - first : 512;
        for (size_t i = 0; i < size; i++) block[i] = labels[first + i];
        lyc__hash_update(hash, block, size * sizeof *block);
    }
}

void lyc__dataset_hash_tail(struct lyc__hash *hash, const lyc__dataset_content *about) {
    hash_labels(hash, about->labels, about->rows);
    lyc__hash_update(hash, about->parts, about->rows);
    lyc__hash_update(hash, about->ids, about->rows * sizeof *about->ids);
    lyc__hash_update(hash, about->mean, (size_t)about->channels * sizeof *about->mean);
    lyc__hash_update(hash, about->std, (size_t)about->channels * sizeof *about->std);
}

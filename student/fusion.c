/* Fusing teachers' logits into soft targets: the table of spaces, and what is common to them. */
#include "student/fusion.h"

#include <assert.h>
#include <string.h>

static const lyc__fusion_space *const spaces[] = {
    [LYC_FUSION_PROBABILITY] = &lyc__fusion_probability,
    [LYC_FUSION_LOGIT] = &lyc__fusion_logit,
};
#define SPACE_COUNT (sizeof spaces / sizeof spaces[0])

/* Floats on the stack for the softmax of several rows at once, which is what vectors are good at. Rows too
 * long for it are as right, but slower. */
#define TILE 4096

const char *lyc_fusion_name(size_t index) {
    return index < SPACE_COUNT ? spaces[index]->name : NULL;
}

const char *lyc_fusion_doc(size_t index) {
    return index < SPACE_COUNT ? spaces[index]->doc : NULL;
}

double lyc__known_log_sum_exp(const float *values, const float *known_by, int classes,
                              double inverse_temperature) {
    double highest = -INFINITY, sum = 0.0;
    bool undefined = false; /* NaN is never the highest: it must not pass for unknown */
    for (int c = 0; c < classes; c++) {
        if (!lyc__class_known(known_by, c)) continue;
        undefined = undefined || isnan(values[c]);
        if ((double)values[c] > highest) highest = (double)values[c];
    }
    if (undefined) return NAN;
    if (highest == -INFINITY) return -INFINITY;
    for (int c = 0; c < classes; c++)
        if (lyc__class_known(known_by, c)) sum += exp(((double)values[c] - highest) * inverse_temperature);
    return highest * inverse_temperature + log(sum);
}

static bool knows_every_class(const float *logits, int classes) {
    for (int c = 0; c < classes; c++)
        if (!lyc__class_known(logits, c)) return false;
    return true;
}

static void add_teacher(lyc__fusion_row *row, const float *logits, double weight) {
    int k = row->selected++;
    row->logits[k] = logits;
    row->weight[k] = weight;
    row->complete[k] = knows_every_class(logits, row->classes);
    if (row->complete[k]) {
        row->complete_count++;
        row->complete_weight += weight;
    }
}

static bool label_known(const lyc__fusion_row *row, int32_t label) {
    if (label < 0 || row->complete_count > 0) return true;
    for (int k = 0; k < row->selected; k++)
        if (lyc__class_known(row->logits[k], label)) return true;
    return false;
}

static bool fuse_row(const lyc__fusion_space *space, const lyc__fusion_row *row, int32_t label, float *out) {
    if (row->selected == 0 || !label_known(row, label)) return false;
    if (row->complete_count == 0) return space->none_complete(row, out);
    if (row->complete_count == row->selected) space->all_complete(row, out);
    else space->some_complete(row, out);
    return true;
}

typedef struct job {
    const float *const *logits;
    int teachers;
    size_t classes;
    const float *weights;
    bool per_row;
    double temperature;
    const lyc__fusion_space *space;
    const int32_t *labels;
    float *out;
    uint8_t *has_target;
} job;

/* The probabilities of rows [first, first + rows), [teachers, rows, classes]; none where `values` is NULL. */
typedef struct tile {
    const float *values;
    size_t first, rows;
} tile;

static void fill_tile(const job *j, const tile *t, float *values) {
    for (size_t k = 0; k < (size_t)j->teachers; k++)
        if (j->per_row || j->weights[k] > 0.0F)
            lyc_softmax(j->logits[k] + t->first * j->classes, (float)j->temperature, t->rows, j->classes,
                        values + k * t->rows * j->classes);
}

static void describe_row(const job *j, const tile *t, size_t b, lyc__fusion_row *row) {
    const float *weights = j->per_row ? j->weights + b * (size_t)j->teachers : j->weights;
    row->classes = (int)j->classes;
    row->inverse_temperature = 1.0 / j->temperature;
    row->selected = row->complete_count = 0;
    row->complete_weight = 0.0;
    for (size_t k = 0; k < (size_t)j->teachers; k++) {
        if (!(weights[k] > 0.0F)) continue;
        const float *logits = j->logits[k] + b * j->classes;
        int place = row->selected;
        add_teacher(row, logits, (double)weights[k]);
        row->softmax[place] =
            t->values != NULL ? t->values + (k * t->rows + b - t->first) * j->classes : NULL;
        if (t->values == NULL && j->space->mixes_probabilities)
            row->log_sum[place] =
                lyc__known_log_sum_exp(logits, logits, row->classes, row->inverse_temperature);
    }
}

static void fuse_tile(const job *j, const tile *t) {
    for (size_t b = t->first; b < t->first + t->rows; b++) {
        lyc__fusion_row row;
        float *out = j->out + b * j->classes;
        describe_row(j, t, b, &row);
        j->has_target[b] = fuse_row(j->space, &row, j->labels[b], out);
        if (!j->has_target[b]) memset(out, 0, j->classes * sizeof *out);
    }
}

void lyc_fuse(const float *const *logits, int teachers, size_t rows, int classes, const float *weights,
              bool per_row, double temperature, lyc_fusion space, const int32_t *labels, float *out,
              uint8_t *has_target) {
    assert(teachers > 0 && teachers <= LYC_MAX_TEACHERS && (size_t)space < SPACE_COUNT && temperature > 0.0);
    job j = {logits,      teachers,      (size_t)classes, weights, per_row,
             temperature, spaces[space], labels,          out,     has_target};
    float values[TILE];
    size_t tile_rows = j.space->mixes_probabilities ? TILE / ((size_t)teachers * j.classes) : 0;
    size_t step = tile_rows > 0 ? tile_rows : rows;
    for (size_t first = 0; first < rows; first += step) {
        tile t = {tile_rows > 0 ? values : NULL, first, rows - first < step ? rows - first : step};
        if (tile_rows > 0) fill_tile(&j, &t, values);
        fuse_tile(&j, &t);
    }
}

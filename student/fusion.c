/* Fusing teachers' logits into soft targets: the table of spaces, and what is common to them. */
#include "student/fusion.h"

#include <assert.h>
#include <string.h>

static const lyc__fusion_space *const spaces[] = {
    [LYC_FUSION_PROBABILITY] = &lyc__fusion_probability,
    [LYC_FUSION_LOGIT] = &lyc__fusion_logit,
};
#define SPACE_COUNT (sizeof spaces / sizeof spaces[0])

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

void lyc_fuse(const float *const *logits, int teachers, size_t rows, int classes, const float *weights,
              bool per_row, double temperature, lyc_fusion space, const int32_t *labels, float *out,
              uint8_t *has_target) {
    assert(teachers <= LYC_MAX_TEACHERS && (size_t)space < SPACE_COUNT && temperature > 0.0);
    size_t width = (size_t)classes;
    for (size_t b = 0; b < rows; b++) {
        lyc__fusion_row row = {.classes = classes, .inverse_temperature = 1.0 / temperature};
        const float *row_weights = per_row ? weights + b * (size_t)teachers : weights;
        for (int k = 0; k < teachers; k++)
            if (row_weights[k] > 0.0F) add_teacher(&row, logits[k] + b * width, (double)row_weights[k]);
        has_target[b] = fuse_row(spaces[space], &row, labels[b], out + b * width);
        if (!has_target[b]) memset(out + b * width, 0, width * sizeof *out);
    }
}

/* What the files of planting share: the source in the data set's order, and the table of kinds. */
#ifndef LYC_TEACHERS_PLANT_H
#define LYC_TEACHERS_PLANT_H

#include "io/recorded_file.h"
#include "lyceum/plant.h"

typedef struct lyc__planting {
    const lyc_plant_options *options;
    const lyc_dataset *data;
    lyc__recorded_file file; /* rows in the data set's order; changed in place */
    int32_t *truth;          /* [rows] */
    int32_t *known;          /* [known_count] classes that the source knows */
    size_t known_count;
    int32_t *permutation; /* [classes] class c became permutation[c]; NULL unless scrambled */
    char then_fingerprint[LYC_FINGERPRINT_SIZE]; /* "" without */
} lyc__planting;

typedef struct lyc__plant_kind {
    const char *name, *doc;
    unsigned takes;
    lyc_status (*apply)(lyc__planting *planting, lyc_error *err);
} lyc__plant_kind;

/* plant_kinds.c: a row of the table; NULL past the end. */
const lyc__plant_kind *lyc__plant_kind_at(size_t index);

/* plant.c: a file's rows in the data set's order, with ids and checksums of the data set. */
LYC_MUST_USE lyc_status lyc__plant_read(lyc__recorded_file *out, const char *path, const lyc_dataset *data,
                                        char fingerprint[LYC_FINGERPRINT_SIZE], lyc_error *err);

/* plant_choice.c: chosen[rows] = 1 for exactly round(share * rows) rows, and in every class of truth, in both
 * parts of the data set, for their share, rounded up or down. Of a class those with the smallest score[row]
 * (NULL: all equal) come first, and among equals the order is drawn. */
LYC_MUST_USE lyc_status lyc__plant_choose(const lyc__planting *planting, double share, const double *score,
                                          uint8_t *chosen, lyc_error *err);
/* rank[row]: place of each row in its group (class of truth and part), in an order that is drawn. */
LYC_MUST_USE lyc_status lyc__plant_rank(const lyc__planting *planting, uint32_t *rank, lyc_error *err);
/* A number below `bound` that belongs to the sample `id`. */
uint32_t lyc__plant_draw(const lyc__planting *planting, uint64_t id, uint32_t bound);

#endif

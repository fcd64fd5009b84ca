/* Which rows of a planted teacher go wrong: exact counts, drawn by id. */
#include <math.h>
#include <stdlib.h>

#include "lyceum/memory.h"
#include "lyceum/random.h"
#include "teachers/plant.h"

/* Streams of one sample: its place among others, and its class. */
enum { STREAM_PLACE, STREAM_CLASS };

static lyc_random sample_stream(const lyc__planting *planting, uint64_t id, uint32_t stream) {
    return lyc_random_start((lyc_random_key){.seed = planting->options->seed,
                                             .purpose = LYC_PURPOSE_PLANT,
                                             .epoch = stream,
                                             .step = (uint32_t)(id >> 32),
                                             .sample = (uint32_t)id});
}

uint32_t lyc__plant_draw(const lyc__planting *planting, uint64_t id, uint32_t bound) {
    lyc_random random = sample_stream(planting, id, STREAM_CLASS);
    return lyc_random_below(&random, bound);
}

typedef struct item {
    int64_t group; /* class of truth and part */
    double score;
    uint64_t place;
    uint32_t row;
} item;

static int by_group(const void *a, const void *b) {
    const item *x = a, *y = b;
    if (x->group != y->group) return x->group < y->group ? -1 : 1;
    if (x->score != y->score) return x->score < y->score ? -1 : 1;
    if (x->place != y->place) return x->place < y->place ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static lyc_status sort_rows(const lyc__planting *planting, const double *score, item **out, lyc_error *err) {
    const lyc_dataset *data = planting->data;
    item *items;
    LYC_TRY(LYC_NEW_ARRAY(items, planting->file.rows, err));
    for (size_t row = 0; row < planting->file.rows; row++) {
        lyc_random random = sample_stream(planting, lyc_dataset_ids(data)[row], STREAM_PLACE);
        uint64_t high = lyc_random_u32(&random);
        items[row] = (item){.group = (int64_t)lyc_dataset_parts(data)[row] * planting->file.classes +
                                     planting->truth[row],
                            .score = score != NULL ? score[row] : 0.0,
                            .place = high << 32 | lyc_random_u32(&random),
                            .row = (uint32_t)row};
    }
    qsort(items, planting->file.rows, sizeof *items, by_group);
    *out = items;
    return LYC_OK;
}

static size_t end_of_group(const item *items, size_t first, size_t count) {
    size_t end = first;
    while (end < count && items[end].group == items[first].group) end++;
    return end;
}

lyc_status lyc__plant_choose(const lyc__planting *planting, double share, const double *score,
                             uint8_t *chosen, lyc_error *err) {
    size_t rows = planting->file.rows, taken = 0;
    item *items;
    LYC_TRY(sort_rows(planting, score, &items, err));
    for (size_t row = 0; row < rows; row++) chosen[row] = 0;
    for (size_t first = 0, end; first < rows; first = end) {
        end = end_of_group(items, first, rows);
        size_t quota = (size_t)llround(share * (double)end); /* of all rows up to here */
        for (size_t i = first; i < end && taken < quota; i++, taken++) chosen[items[i].row] = 1;
    }
    lyc_free(items);
    return LYC_OK;
}

lyc_status lyc__plant_rank(const lyc__planting *planting, uint32_t *rank, lyc_error *err) {
    size_t rows = planting->file.rows;
    item *items;
    LYC_TRY(sort_rows(planting, NULL, &items, err));
    for (size_t first = 0, end; first < rows; first = end) {
        end = end_of_group(items, first, rows);
        for (size_t i = first; i < end; i++) rank[items[i].row] = (uint32_t)(i - first);
    }
    lyc_free(items);
    return LYC_OK;
}

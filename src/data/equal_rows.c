/* Finding rows of equal content: by a 64-bit hash, confirmed byte by byte. */
#include <stdlib.h>
#include <string.h>

#include "data/data.h"
#include "lyceum/memory.h"

typedef struct hashed_row {
    uint64_t hash;
    uint32_t row;
} hashed_row;

static int by_hash_then_row(const void *a, const void *b) {
    const hashed_row *left = a, *right = b;
    if (left->hash != right->hash) return left->hash < right->hash ? -1 : 1;
    return left->row < right->row ? -1 : left->row > right->row;
}

/* Rows of one hash, ascending. Two different contents may share a hash, so every row looks for an earlier one
 * that really is equal; nearly always that is the first. */
static void lead(const hashed_row *run, size_t count, const uint8_t *x, size_t row_bytes, uint32_t *leaders) {
    for (size_t i = 0; i < count; i++) {
        size_t j = 0;
        while (j < i && memcmp(x + run[j].row * row_bytes, x + run[i].row * row_bytes, row_bytes) != 0) j++;
        leaders[run[i].row] = run[j].row;
    }
}

lyc_status lyc__equal_rows(uint32_t **leaders, const lyc_dataset *data, lyc__hash_fn hash, lyc_error *err) {
    lyc_status status;
    const uint8_t *x = data->content.x;
    size_t rows = data->content.rows, row_bytes = lyc__dataset_row_bytes(&data->content);
    hashed_row *sorted = NULL;
    *leaders = NULL;
    LYC_TRY_GOTO(LYC_NEW_ARRAY(sorted, rows, err));
    LYC_TRY_GOTO(lyc_allocate((void **)leaders, rows, sizeof **leaders, "rows of equal content", err));
    for (size_t row = 0; row < rows; row++)
        sorted[row] = (hashed_row){hash(x + row * row_bytes, row_bytes), (uint32_t)row};
    qsort(sorted, rows, sizeof *sorted, by_hash_then_row);
    for (size_t first = 0, end = 0; first < rows; first = end) {
        while (end < rows && sorted[end].hash == sorted[first].hash) end++;
        lead(sorted + first, end - first, x, row_bytes, *leaders);
    }
done:
    lyc_free(sorted);
    return status;
}

/* Rows sorted by class, and shares in proportion to the classes. */
#include <string.h>

#include "data/data.h"
#include "lyceum/memory.h"
#include "lyceum/random.h"

void lyc__strata_release(lyc__strata *strata) {
    lyc_free(strata->first);
    lyc_free(strata->members);
    memset(strata, 0, sizeof *strata);
}

static lyc_status allocate(lyc__strata *out, uint32_t rows, uint32_t **sorted, uint32_t **order,
                           lyc_error *err) {
    size_t classes = (size_t)out->classes, longer = classes > rows ? classes : rows;
    LYC_TRY(lyc_allocate((void **)&out->first, (size_t)out->classes + 1, sizeof *out->first, "strata", err));
    LYC_TRY(lyc_allocate((void **)&out->members, rows, sizeof *out->members, "strata", err));
    LYC_TRY(LYC_NEW_ARRAY(*sorted, rows, err));
    return LYC_NEW_ARRAY(*order, longer, err); /* serves both as places of classes and as a permutation */
}

lyc_status lyc__strata_create(lyc__strata *out, const int32_t *classes, uint32_t rows, int class_count,
                              uint64_t seed, uint32_t purpose, lyc_error *err) {
    uint32_t *sorted = NULL, *order = NULL;
    *out = (lyc__strata){.classes = class_count};
    lyc_status status = allocate(out, rows, &sorted, &order, err);
    if (status != LYC_OK) goto done;
    uint32_t *first = out->first; /* counts, then starts */
    for (uint32_t row = 0; row < rows; row++)
        if (classes[row] >= 0) first[classes[row] + 1]++;
    for (int c = 0; c < class_count; c++) first[c + 1] += first[c];
    memcpy(order, first, (size_t)class_count * sizeof *order); /* the next free place of each class */
    for (uint32_t row = 0; row < rows; row++)
        if (classes[row] >= 0) sorted[order[classes[row]]++] = row;
    for (int c = 0; c < class_count; c++) {
        uint32_t count = first[c + 1] - first[c];
        lyc_random_key key = {.seed = seed, .purpose = purpose, .sample = (uint32_t)c};
        lyc_random_permutation(key, order, count);
        for (uint32_t i = 0; i < count; i++) out->members[first[c] + i] = sorted[first[c] + order[i]];
    }
done:
    lyc_free(order);
    lyc_free(sorted);
    if (status != LYC_OK) lyc__strata_release(out);
    return status;
}

void lyc__quotas(uint32_t *out, const uint32_t *counts, int class_count, uint32_t total) {
    uint64_t sum = 0, given = 0;
    for (int c = 0; c < class_count; c++) sum += counts[c];
    for (int c = 0; c < class_count; c++) {
        out[c] = sum ? (uint32_t)((uint64_t)total * counts[c] / sum) : 0;
        given += out[c];
    }
    for (; given < total && sum; given++) { /* fewer rounds than classes */
        int best = -1;
        uint64_t largest = 0;
        for (int c = 0; c < class_count; c++) {
            uint64_t exact = (uint64_t)total * counts[c];
            if (exact <= out[c] * sum) continue; /* nothing left, or served already */
            uint64_t remainder = exact - out[c] * sum;
            if (best < 0 || remainder > largest) {
                best = c;
                largest = remainder;
            }
        }
        if (best < 0) return;
        out[best]++;
    }
}

/* Packs what lives for a while into little memory: the largest first, each at the lowest place that is free
 * throughout its life. */
#include "lyceum/memory.h"
#include "nn/plan.h"

size_t lyc__plan_round(size_t bytes) {
    return (bytes + LYC_ALIGNMENT - 1) / LYC_ALIGNMENT * LYC_ALIGNMENT;
}

/* Whether `a` at `offset` would lie over `b`, which has its place, while both live. */
static bool collide(const lyc__interval *a, size_t offset, const lyc__interval *b) {
    if (!b->placed || a->first > b->last || b->first > a->last) return false;
    return offset < b->offset + b->bytes && b->offset < offset + a->bytes;
}

static size_t lowest_place(const lyc__interval *intervals, int count, const lyc__interval *self) {
    size_t offset = 0;
    bool moved = true;
    while (moved) {
        moved = false;
        for (int i = 0; i < count; i++) {
            if (!collide(self, offset, &intervals[i])) continue;
            offset = intervals[i].offset + intervals[i].bytes;
            moved = true;
        }
    }
    return offset;
}

static lyc__interval *largest_left(lyc__interval *intervals, int count) {
    lyc__interval *largest = NULL;
    for (int i = 0; i < count; i++)
        if (!intervals[i].placed && (largest == NULL || intervals[i].bytes > largest->bytes))
            largest = &intervals[i];
    return largest;
}

size_t lyc__plan_pack(lyc__interval *intervals, int count) {
    for (int i = 0; i < count; i++) {
        intervals[i].bytes = lyc__plan_round(intervals[i].bytes);
        intervals[i].placed = intervals[i].bytes == 0;
    }
    size_t most = 0;
    for (lyc__interval *next = largest_left(intervals, count); next != NULL;
         next = largest_left(intervals, count)) {
        next->offset = lowest_place(intervals, count, next);
        next->placed = true;
        if (next->offset + next->bytes > most) most = next->offset + next->bytes;
    }
    return most;
}

/* Packs what lives for a while into as little memory as first fit finds. */
#include "lyceum/memory.h"
#include "nn/plan.h"

size_t lyc__plan_round(size_t bytes) {
    return (bytes + LYC_ALIGNMENT - 1) / LYC_ALIGNMENT * LYC_ALIGNMENT;
}

static bool live_together(const lyc__interval *a, const lyc__interval *b) {
    return a->first <= b->last && b->first <= a->last;
}

/* The lowest offset at which interval `index` touches none of those placed before it. */
static size_t lowest_gap(const lyc__interval *intervals, int index) {
    const lyc__interval *self = &intervals[index];
    size_t offset = 0;
    bool moved = true;
    while (moved) {
        moved = false;
        for (int i = 0; i < index; i++) {
            const lyc__interval *other = &intervals[i];
            if (other->bytes == 0 || !live_together(self, other)) continue;
            if (offset < other->offset + other->bytes && other->offset < offset + self->bytes) {
                offset = other->offset + other->bytes;
                moved = true;
            }
        }
    }
    return offset;
}

size_t lyc__plan_pack(lyc__interval *intervals, int count) {
    size_t most = 0;
    for (int i = 0; i < count; i++) {
        if (intervals[i].bytes == 0) continue;
        intervals[i].bytes = lyc__plan_round(intervals[i].bytes);
        intervals[i].offset = lowest_gap(intervals, i);
        const size_t end = intervals[i].offset + intervals[i].bytes;
        if (end > most) most = end;
    }
    return most;
}

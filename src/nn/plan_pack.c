/* Packs what lives for a while into little memory: the largest first, each at the lowest place that is free
 * throughout its life. */
#include "lyceum/memory.h"
#include "nn/plan.h"

size_t lyc__plan_round(size_t bytes) {
    return (bytes + LYC_ALIGNMENT - 1) / LYC_ALIGNMENT * LYC_ALIGNMENT;
}

/* Whether `a` at `offset` would lie over `b`, which has its place, while both live. */
static bool collide(const lyc__interval *a, size_t offset, const lyc__interval *b) {
    if (!b->placed || b->slot->place != a->slot->place || a->first > b->last || b->first > a->last)
        return false;
    return offset < b->slot->offset + b->bytes && b->slot->offset < offset + a->bytes;
}

static size_t lowest_place(const lyc__draft *draft, const lyc__interval *self) {
    size_t offset = 0;
    bool moved = true;
    while (moved) {
        moved = false;
        for (int i = 0; i < draft->interval_count; i++) {
            const lyc__interval *other = &draft->intervals[i];
            if (!collide(self, offset, other)) continue;
            offset = other->slot->offset + other->bytes;
            moved = true;
        }
    }
    return offset;
}

static lyc__interval *largest_left(lyc__draft *draft, lyc__place place) {
    lyc__interval *largest = NULL;
    for (int i = 0; i < draft->interval_count; i++) {
        lyc__interval *here = &draft->intervals[i];
        if (here->placed || here->slot->place != place) continue;
        if (largest == NULL || here->bytes > largest->bytes) largest = here;
    }
    return largest;
}

size_t lyc__plan_pack(lyc__draft *draft, lyc__place place) {
    size_t most = 0;
    for (lyc__interval *next = largest_left(draft, place); next != NULL; next = largest_left(draft, place)) {
        next->slot->offset = lowest_place(draft, next);
        next->placed = true;
        if (next->slot->offset + next->bytes > most) most = next->slot->offset + next->bytes;
    }
    return most;
}

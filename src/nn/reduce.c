#include "nn/reduce.h"

#include <string.h>

#include "nn/shard.h"
#include "nn/vector.h"

/* A piece and its partial sums stay in the first-level cache; LEVELS are those of LYC__MAX_SHARDS leaves. */
enum { PIECE = 1024, LEVELS = 5, PIECES_AN_ITEM = 8, WORTH_SHARING = 1 << 16 };
_Static_assert(1 << LEVELS == LYC__MAX_SHARDS, "the tree has one level of partial sums for each doubling");

typedef struct job {
    const float *arrays;
    size_t count, size;
    float *out;
} job;

/* out = sum of arrays first .. first + count - 1 over `length` elements from `start` on. */
static void sum_tree(const job *task, size_t first, size_t count, size_t start, size_t length, float *out,
                     float *partial) {
    const float *leaf = task->arrays + first * task->size + start;
    if (count == 1) {
        memcpy(out, leaf, length * sizeof *out);
        return;
    }
    if (count == 2) {
        lyc__vector()->add(leaf, leaf + task->size, length, out);
        return;
    }
    size_t left = 1;
    while (2 * left < count) left *= 2;
    sum_tree(task, first, left, start, length, out, partial);
    sum_tree(task, first + left, count - left, start, length, partial, partial + PIECE);
    lyc__vector()->add(out, partial, length, out);
}

static void sum_item(void *payload, size_t item, int slot) {
    (void)slot;
    const job *task = payload;
    float partial[LEVELS * PIECE];
    const size_t end =
        (item + 1) * PIECES_AN_ITEM * PIECE < task->size ? (item + 1) * PIECES_AN_ITEM * PIECE : task->size;
    for (size_t start = item * PIECES_AN_ITEM * PIECE; start < end; start += PIECE)
        sum_tree(task, 0, task->count, start, end - start < PIECE ? end - start : PIECE, task->out + start,
                 partial);
}

void lyc__reduce(const float *arrays, size_t count, size_t size, float *out, lyc_priority priority,
                 lyc_pool *pool) {
    job task = {arrays, count, size, out};
    const size_t items = (size + PIECES_AN_ITEM * PIECE - 1) / (PIECES_AN_ITEM * PIECE);
    /* Little work is done before another thread has looked up. */
    lyc_pool_run(count * size >= WORTH_SHARING ? pool : NULL, priority, items, sum_item, &task);
}

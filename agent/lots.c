#include "agent/lots.h"

/* So that a block's workspace stays in the second-level cache, however many teachers and hidden units. */
enum { MOST_DOUBLES = 1 << 16 };

static size_t divide_up(size_t a, size_t b) {
    return (a + b - 1) / b;
}

lyc_status lyc__lots_create(lyc__lots *self, lyc_strategy *strategy, const lyc__policy_kind *policy,
                            const lyc__policy_shape *shape, size_t rows, lyc_error *err) {
    *self = (lyc__lots){.block = rows < LYC__BLOCK_ROWS ? rows : LYC__BLOCK_ROWS};
    while (self->block > 1 && policy->workspace(shape, self->block) > MOST_DOUBLES) self->block /= 2;
    self->size = policy->workspace(shape, self->block);
    self->count = divide_up(rows, self->block);
    if (self->count > LYC__MOST_LOTS) self->count = LYC__MOST_LOTS;
    return LYC__STRATEGY_NEW(strategy, self->workspace, self->count * self->size, err);
}

static size_t blocks_a_lot(const lyc__lots *self, size_t rows) {
    return divide_up(divide_up(rows, self->block), self->count);
}

size_t lyc__lots_used(const lyc__lots *self, size_t rows) {
    return divide_up(rows, blocks_a_lot(self, rows) * self->block);
}

typedef struct job {
    const lyc__lots *lots;
    size_t rows;
    lyc__block_fn *fn;
    void *payload;
} job;

static void run_lot(void *payload, size_t lot, int slot) {
    (void)slot;
    const job *task = payload;
    const lyc__lots *lots = task->lots;
    const size_t size = blocks_a_lot(lots, task->rows) * lots->block, end = (lot + 1) * size;
    for (size_t first = lot * size; first < end && first < task->rows; first += lots->block) {
        const size_t rest = task->rows - first;
        task->fn(task->payload, lot, first, rest < lots->block ? rest : lots->block,
                 lots->workspace + lot * lots->size);
    }
}

void lyc__lots_run(const lyc__lots *self, lyc_pool *pool, lyc_priority priority, size_t rows,
                   lyc__block_fn *fn, void *payload) {
    job task = {self, rows, fn, payload};
    lyc_pool_run(pool, priority, lyc__lots_used(self, rows), run_lot, &task);
}

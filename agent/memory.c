#include "agent/memory.h"

#include <string.h>

#include "agent/observation.h"

lyc_status lyc__memory_create(lyc__memory *self, lyc_strategy *strategy, lyc_error *err) {
    size_t decisions = self->batches * self->rows;
    LYC_TRY(LYC__STRATEGY_NEW(strategy, self->count, 1, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, self->filled, self->batches, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, self->observation, decisions * self->observation_size, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, self->select, decisions * self->teachers, err));
    return LYC__STRATEGY_NEW(strategy, self->score, decisions * self->teachers, err);
}

void lyc__memory_keep(const lyc__memory *self, const lyc__memory_names *names, lyc_strategy *strategy) {
    size_t decisions = self->batches * self->rows;
    lyc__strategy_keep(strategy, names->count, LYC_TYPE_U64, self->count, 1);
    lyc__strategy_keep(strategy, names->filled, LYC_TYPE_U64, self->filled, self->batches);
    lyc__strategy_keep(strategy, names->observation, LYC_TYPE_F64, self->observation,
                       decisions * self->observation_size);
    lyc__strategy_keep(strategy, names->select, LYC_TYPE_U8, self->select, decisions * self->teachers);
    lyc__strategy_keep(strategy, names->score, LYC_TYPE_F64, self->score, decisions * self->teachers);
}

void lyc__memory_clear(lyc__memory *self) {
    *self->count = 0;
}

bool lyc__memory_full(const lyc__memory *self) {
    return *self->count >= self->batches;
}

void lyc__memory_open(lyc__memory *self, size_t rows) {
    self->filled[*self->count] = rows;
    *self->count += 1;
}

void lyc__memory_put(const lyc__memory *self, size_t row, const double *observation,
                     const lyc_action *action) {
    size_t at = ((size_t)*self->count - 1) * self->rows + row;
    memcpy(self->observation + at * self->observation_size, observation,
           self->observation_size * sizeof *observation);
    memcpy(self->select + at * self->teachers, action->select, self->teachers * sizeof action->select[0]);
    memcpy(self->score + at * self->teachers, action->score, self->teachers * sizeof action->score[0]);
}

const double *lyc__memory_get(const lyc__memory *self, size_t at, size_t row, lyc_action *action) {
    size_t i = at * self->rows + row;
    *action = (lyc_action){0};
    memcpy(action->select, self->select + i * self->teachers, self->teachers * sizeof action->select[0]);
    memcpy(action->score, self->score + i * self->teachers, self->teachers * sizeof action->score[0]);
    return self->observation + i * self->observation_size;
}

void lyc__memory_mean(const lyc__memory *self, size_t at, double *out) {
    const double *first = self->observation + at * self->rows * self->observation_size;
    lyc__observation_mean(first, (size_t)self->filled[at], self->observation_size, out);
}

size_t lyc__memory_decisions(const lyc__memory *self) {
    size_t sum = 0;
    for (size_t at = 0; at < *self->count; at++) sum += (size_t)self->filled[at];
    return sum;
}

static bool same_batch(const lyc__memory *a, const lyc__memory *b, size_t at) {
    size_t first = at * a->rows * a->teachers, count = (size_t)a->filled[at] * a->teachers;
    return a->filled[at] == b->filled[at] &&
           memcmp(a->select + first, b->select + first, count * sizeof a->select[0]) == 0 &&
           memcmp(a->score + first, b->score + first, count * sizeof a->score[0]) == 0;
}

bool lyc__memory_equal(const lyc__memory *a, const lyc__memory *b) {
    bool same = *a->count == *b->count;
    for (size_t at = 0; at < *a->count && same; at++) same = same_batch(a, b, at);
    return same;
}

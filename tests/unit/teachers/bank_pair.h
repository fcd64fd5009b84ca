/* For tests of banks: a teacher with its bank, and what every value in it must be. */
#ifndef LYC_TEST_BANK_PAIR_H
#define LYC_TEST_BANK_PAIR_H

#include "fake.h"

#define BLOCKS 5 /* of a view */
#define VIEWS  2

static lyc_dataset *data;
static const lyc_view_recipe recipe = {.views = VIEWS, .shift = 2, .flip = true, .seed = 9};
static char directory[SCRATCH_PATH];

static inline int open_data(void **state) {
    if (scratch_open(state) != 0) return -1;
    fake_reset();
    data = fake_dataset(scratch_path("data.h5"), 0);
    (void)snprintf(directory, sizeof directory, "%s", scratch_path("banks/here"));
    return 0;
}

static inline int close_data(void **state) {
    lyc_dataset_close(data);
    return scratch_close(state);
}

/* A teacher with its bank. */
typedef struct pair {
    lyc_teacher *teacher;
    lyc_bank *bank;
} pair;

static inline pair open_with(const char *plan, const int32_t *map, const lyc_dataset *of,
                             const lyc_view_recipe *views) {
    pair out;
    lyc_error err = {0};
    lyc_teacher_options options = fake_options("some/one", plan);
    options.class_map = map;
    options.class_map_count = map != NULL ? FAKE_CLASSES : 0;
    EXPECT_OK(lyc__teacher_open_kind(&out.teacher, &fake_kind, &options, of, views, &err));
    EXPECT_OK(lyc_bank_open(&out.bank, directory, out.teacher, of, views, &err));
    return out;
}

static inline pair open_pair(void) {
    return open_with("0", NULL, data, &recipe);
}

static inline void close_pair(pair *both) {
    lyc_error err = {0};
    EXPECT_OK(lyc_bank_close(both->bank, &err));
    lyc_teacher_close(both->teacher);
}

static inline lyc_bank_stats stats_of(const pair *both) {
    lyc_bank_stats stats;
    lyc_bank_get_stats(both->bank, &stats);
    return stats;
}

/* The one value of a row: computed in its block of 256, the tail repeating the last row. */
static inline float expected(uint64_t weights, uint32_t row, int view, int class_index) {
    uint32_t shard[FAKE_SHARD], first = row / FAKE_SHARD * FAKE_SHARD;
    for (uint32_t i = 0; i < FAKE_SHARD; i++) shard[i] = first + i < FAKE_ROWS ? first + i : FAKE_ROWS - 1;
    return fake_value(weights, lyc_dataset_ids(data)[row], view, class_index) +
           fake_neighbours(shard, FAKE_SHARD);
}

static inline void check_all(const pair *both, uint64_t weights, lyc_pool *pool) {
    static uint32_t rows[FAKE_ROWS];
    static float out[FAKE_ROWS * FAKE_CLASSES];
    lyc_error err = {0};
    for (int view = 0; view < VIEWS; view++) {
        for (uint32_t i = 0; i < FAKE_ROWS; i++) rows[i] = (i * 7 + 3) % FAKE_ROWS;
        EXPECT_OK(lyc_bank_logits(both->bank, rows, FAKE_ROWS, view, out, pool, &err));
        for (uint32_t i = 0; i < FAKE_ROWS; i++)
            for (int c = 0; c < FAKE_CLASSES; c++)
                assert_true(out[i * FAKE_CLASSES + (uint32_t)c] == expected(weights, rows[i], view, c));
    }
}

#endif

/* 2,400 rows to cut, for the tests of splits. */
#ifndef LYC_TEST_SPLITS_FIXTURE_H
#define LYC_TEST_SPLITS_FIXTURE_H

#include "tests/unit/data/fixture.h"

enum { ROWS = 2400, CLASSES = 4, TRAIN_PART = 2000, VALUES = 6 };

static uint8_t x[ROWS * VALUES];
static int32_t labels[ROWS];
static uint8_t parts[ROWS];

/* Every row another content, classes of 1:2:3:4, the last 400 rows the test part. */
static inline made base(void) {
    for (uint32_t row = 0; row < ROWS; row++) {
        static const int32_t pattern[] = {0, 1, 1, 2, 2, 2, 3, 3, 3, 3};
        labels[row] = pattern[row % 10];
        parts[row] = row >= TRAIN_PART;
        for (size_t i = 0; i < VALUES; i++) x[row * VALUES + i] = i < 2 ? (uint8_t)(row >> (8 * i)) : 9;
    }
    return (made){.rows = ROWS,
                  .channels = 1,
                  .height = 1,
                  .width = VALUES,
                  .classes = CLASSES,
                  .x = x,
                  .labels = labels,
                  .parts = parts};
}

static inline void same_content(uint32_t row, uint32_t as) {
    memcpy(x + row * VALUES, x + as * VALUES, VALUES);
}

static const lyc_split_options usual = {.reward_fraction = 0.11, .valid_fraction = 0.2, .seed = 5};

static inline lyc_splits *cut(const lyc_dataset *data, const lyc_split_options *options) {
    lyc_splits *splits = NULL;
    assert_ok(lyc_splits_create(&splits, data, options, &failure));
    return splits;
}

/* place[row] = the split that row is in, or -1; checks that lists are ascending and disjoint. */
static inline void places(const lyc_splits *splits, int place[ROWS]) {
    for (int row = 0; row < ROWS; row++) place[row] = -1;
    for (int split = 0; split < LYC_SPLIT_COUNT; split++)
        for (uint32_t i = 0; i < splits->count[split]; i++) {
            uint32_t row = splits->rows[split][i];
            assert_true(row < ROWS);
            assert_true(i == 0 || splits->rows[split][i - 1] < row);
            assert_int_equal(place[row], -1);
            place[row] = split;
        }
}

#endif

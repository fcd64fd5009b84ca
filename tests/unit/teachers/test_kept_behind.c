/* The ensemble: what a batch points to outlives it for as long as was asked for. */
#include "fake.h"

enum { BATCH = 48, EPOCHS = 2, STEPS = 2 * 22, BEHIND = 5, AHEAD = 2 };

static const lyc_view_recipe recipe = {.views = 2, .shift = 1, .seed = 3};

/* What a batch pointed to when it was handed out, and what stood there. */
typedef struct handed_out {
    const uint32_t *rows;
    const uint64_t *ids;
    const float *logits;
    uint32_t count;
    uint64_t sum;
} handed_out;

static uint64_t fold(uint64_t seed, const void *bytes, size_t size) {
    const unsigned char *here = bytes;
    for (size_t i = 0; i < size; i++) seed = (seed ^ here[i]) * UINT64_C(1099511628211);
    return seed;
}

static uint64_t sum_of(const handed_out *b) {
    uint64_t sum = fold(fold(1, b->rows, b->count * sizeof *b->rows), b->ids, b->count * sizeof *b->ids);
    return fold(sum, b->logits, (size_t)b->count * FAKE_CLASSES * sizeof *b->logits);
}

/* Takes one batch ahead too, as a probe does, so that the drivers fill what the ring has. */
static void walk(lyc_ensemble *ensemble) {
    static handed_out kept[STEPS];
    lyc_error err = {0};
    for (size_t step = 0; step < STEPS; step++) {
        const lyc_teacher_batch *batch;
        EXPECT_OK(lyc_ensemble_batch(ensemble, AHEAD, &batch, &err));
        EXPECT_OK(lyc_ensemble_batch(ensemble, 0, &batch, &err));
        assert_non_null(batch);
        kept[step] = (handed_out){batch->rows, batch->ids, batch->logits[1], batch->count, 0};
        kept[step].sum = sum_of(&kept[step]);
        for (size_t old = step < BEHIND ? 0 : step - BEHIND; old < step; old++)
            assert_true(sum_of(&kept[old]) == kept[old].sum);
        lyc_ensemble_advance(ensemble);
    }
}

/* In the smallest ring that holds it: there is no memory to look further ahead. */
static void what_was_handed_out_is_kept_behind(void **state) {
    (void)state;
    static const lyc__teacher_kind *const kinds[] = {&fake_kind, &fake_kind};
    static uint32_t rows[FAKE_ROWS];
    lyc_teacher_options teachers[] = {fake_options("first", "0"), fake_options("second", "1")};
    lyc_ensemble_options options = {
        .teachers = teachers, .teacher_count = 2, .min_ahead = AHEAD, .kept_behind = BEHIND};
    lyc_dataset *data = fake_dataset(scratch_path("data.h5"), 0);
    for (uint32_t i = 0; i < FAKE_ROWS - 44; i++) rows[i] = i;
    for (int threads = 0; threads <= 3; threads += 3) {
        lyc_pool *pool = NULL;
        lyc_ensemble *ensemble;
        const lyc_teacher_batch *batch;
        lyc_error err = {0};
        if (threads > 0) EXPECT_OK(lyc_pool_create(&pool, threads, &err));
        EXPECT_OK(lyc__ensemble_open_kinds(&ensemble, &options, kinds, data, &recipe, pool, &err));
        EXPECT_OK(lyc_ensemble_start(ensemble, rows, FAKE_ROWS - 44, BATCH, 2, 11, EPOCHS, 0, 0, &err));
        EXPECT_ERROR(lyc_ensemble_batch(ensemble, AHEAD + 1, &batch, &err), LYC_EINTERNAL, err, "3 ahead");
        walk(ensemble);
        EXPECT_OK(lyc_ensemble_batch(ensemble, 0, &batch, &err));
        assert_null(batch);
        lyc_ensemble_close(ensemble);
        lyc_pool_destroy(pool);
    }
    lyc_dataset_close(data);
}

static int open_scratch(void **state) {
    fake_reset();
    return scratch_open(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_handed_out_is_kept_behind, open_scratch, scratch_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

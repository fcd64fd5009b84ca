/* Batches as pure functions of (seed, epoch, step). */
#include "tests/unit/data/fixture.h"

enum { COUNT = 103, BATCH = 16, VIEWS = 3 };

static lyc_sampler *make(uint64_t seed) {
    uint32_t rows[COUNT];
    lyc_sampler *sampler = NULL;
    for (uint32_t i = 0; i < COUNT; i++) rows[i] = 10 + 2 * i;
    assert_ok(lyc_sampler_create(&sampler, rows, COUNT, BATCH, VIEWS, seed, &failure));
    return sampler;
}

static void test_every_row_once_an_epoch(void **state) {
    (void)state;
    lyc_sampler *sampler = make(1);
    assert_int_equal(lyc_sampler_steps(sampler), 7);
    for (uint32_t epoch = 0; epoch < 4; epoch++) {
        uint32_t seen[COUNT] = {0};
        for (uint32_t step = 0; step < 7; step++) {
            lyc_batch batch;
            lyc_sampler_batch(sampler, epoch, step, &batch);
            assert_int_equal(batch.count, step < 6 ? BATCH : COUNT - 6 * BATCH);
            assert_int_equal(batch.epoch, epoch);
            assert_int_equal(batch.step, step);
            assert_int_equal(batch.view, epoch % VIEWS);
            for (uint32_t i = 0; i < batch.count; i++) {
                assert_true(batch.rows[i] >= 10 && batch.rows[i] % 2 == 0 && batch.rows[i] < 10 + 2 * COUNT);
                seen[(batch.rows[i] - 10) / 2]++;
            }
        }
        for (uint32_t i = 0; i < COUNT; i++) assert_int_equal(seen[i], 1);
    }
    lyc_sampler_destroy(sampler);
}

static void copy_batch(lyc_sampler *sampler, uint32_t epoch, uint32_t step, uint32_t out[BATCH], int *view) {
    lyc_batch batch;
    memset(out, 0, BATCH * sizeof *out);
    lyc_sampler_batch(sampler, epoch, step, &batch);
    memcpy(out, batch.rows, batch.count * sizeof *out);
    *view = batch.view;
}

static void test_order_of_calls_does_not_matter(void **state) {
    (void)state;
    static uint32_t forward[5][7][BATCH];
    uint32_t again[BATCH];
    int view;
    lyc_sampler *sampler = make(1), *other = make(1);
    for (uint32_t epoch = 0; epoch < 5; epoch++)
        for (uint32_t step = 0; step < 7; step++)
            copy_batch(sampler, epoch, step, forward[epoch][step], &view);
    for (uint32_t step = 7; step-- > 0;)
        for (uint32_t epoch = 5; epoch-- > 0;) {
            copy_batch(other, epoch, step, again, &view);
            assert_memory_equal(again, forward[epoch][step], sizeof again);
        }
    assert_memory_not_equal(forward[0], forward[1], sizeof forward[0]); /* epochs differ */
    assert_memory_not_equal(forward[0], forward[3], sizeof forward[0]); /* of the same view as well */
    lyc_sampler_destroy(sampler);
    lyc_sampler_destroy(other);
}

static void test_seeds_change_the_order_and_not_the_views(void **state) {
    (void)state;
    uint32_t a[BATCH], b[BATCH];
    int view_a, view_b;
    lyc_sampler *one = make(1), *two = make(2);
    for (uint32_t epoch = 0; epoch < 6; epoch++) {
        copy_batch(one, epoch, 0, a, &view_a);
        copy_batch(two, epoch, 0, b, &view_b);
        assert_memory_not_equal(a, b, sizeof a);
        assert_int_equal(view_a, view_b);
    }
    lyc_sampler_destroy(one);
    lyc_sampler_destroy(two);
}

static void test_a_batch_may_exceed_the_rows(void **state) {
    (void)state;
    uint32_t rows[] = {4, 5};
    lyc_batch batch;
    lyc_sampler *sampler = NULL;
    assert_ok(lyc_sampler_create(&sampler, rows, 2, 100, 1, 0, &failure));
    assert_int_equal(lyc_sampler_steps(sampler), 1);
    lyc_sampler_batch(sampler, 0, 0, &batch);
    assert_int_equal(batch.count, 2);
    lyc_sampler_batch(sampler, 0, 1, &batch);
    assert_int_equal(batch.count, 0);
    lyc_sampler_destroy(sampler);
    lyc_sampler_destroy(NULL);
}

static void test_what_makes_no_batches(void **state) {
    (void)state;
    uint32_t rows[] = {4, 5};
    lyc_sampler *sampler = NULL;
    lyc_error err = {0};
    assert_int_equal(lyc_sampler_create(&sampler, rows, 0, 4, 1, 0, &err), LYC_ECONFIG);
    assert_mentions(&err, "no rows");
    assert_int_equal(lyc_sampler_create(&sampler, rows, 2, 0, 1, 0, &err), LYC_ECONFIG);
    assert_mentions(&err, "train.batch");
    assert_int_equal(lyc_sampler_create(&sampler, rows, 2, 4, 0, 0, &err), LYC_ECONFIG);
    assert_mentions(&err, "data.augment.views");
    assert_null(sampler);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_once_an_epoch),
        cmocka_unit_test(test_order_of_calls_does_not_matter),
        cmocka_unit_test(test_seeds_change_the_order_and_not_the_views),
        cmocka_unit_test(test_a_batch_may_exceed_the_rows),
        cmocka_unit_test(test_what_makes_no_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

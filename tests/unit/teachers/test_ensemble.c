/* The ensemble: the same bits for any number of threads, really parallel, bounded, and never hanging. */
#include "fake.h"
#include "io/recorded_file.h"

#define TEACHERS 3
#define BATCH    48
#define VIEWS    2
#define TRAIN    1000 /* rows in use: the last batch of an epoch is short */

static lyc_dataset *data;
static const lyc_view_recipe recipe = {.views = VIEWS, .shift = 1, .seed = 3}, clean = {.views = 1};
static uint32_t rows[TRAIN];

static int open_data(void **state) {
    if (scratch_open(state) != 0) return -1;
    fake_reset();
    data = fake_dataset(scratch_path("data.h5"), 0);
    for (uint32_t i = 0; i < TRAIN; i++) rows[i] = i;
    return 0;
}

static int close_data(void **state) {
    lyc_dataset_close(data);
    return scratch_close(state);
}

static lyc_ensemble *open_fakes(size_t count, const char *banks, size_t bytes, size_t min_ahead,
                                lyc_pool *pool) {
    static const lyc__teacher_kind *const kinds[4] = {&fake_kind, &fake_kind, &fake_kind, &fake_kind};
    lyc_teacher_options teachers[4] = {fake_options("first", "0"), fake_options("second", "1"),
                                       fake_options("third", "2"), fake_options("fourth", "3")};
    lyc_ensemble_options options = {.teachers = teachers,
                                    .teacher_count = count,
                                    .bank_directory = banks,
                                    .look_ahead_bytes = bytes,
                                    .min_ahead = min_ahead};
    lyc_ensemble *ensemble;
    lyc_error err = {0};
    EXPECT_OK(lyc__ensemble_open_kinds(&ensemble, &options, kinds, data, &recipe, pool, &err));
    return ensemble;
}

static lyc_pool *open_pool(int threads) {
    lyc_pool *pool;
    lyc_error err = {0};
    EXPECT_OK(lyc_pool_create(&pool, threads, &err));
    return pool;
}

static const lyc_teacher_batch *take(lyc_ensemble *ensemble, uint32_t offset) {
    const lyc_teacher_batch *batch;
    lyc_error err = {0};
    EXPECT_OK(lyc_ensemble_batch(ensemble, offset, &batch, &err));
    return batch;
}

/* ---- what is handed out ---------------------------------------------------------------------------- */

/* Folds everything of a run into one number. */
static uint64_t fold(uint64_t seed, const void *bytes, size_t size) {
    const unsigned char *here = bytes;
    for (size_t i = 0; i < size; i++) seed = (seed ^ here[i]) * UINT64_C(1099511628211);
    return seed;
}

static uint64_t run_to_the_end(lyc_ensemble *ensemble, uint32_t epochs, uint32_t first_epoch,
                               uint32_t first_step, uint32_t *batches) {
    lyc_error err = {0};
    uint64_t sum = 1;
    EXPECT_OK(
        lyc_ensemble_start(ensemble, rows, TRAIN, BATCH, VIEWS, 11, epochs, first_epoch, first_step, &err));
    const lyc_teacher_batch *batch;
    for (*batches = 0; (batch = take(ensemble, 0)) != NULL; (*batches)++) {
        sum = fold(sum, &batch->epoch, sizeof batch->epoch);
        sum = fold(sum, &batch->step, sizeof batch->step);
        sum = fold(sum, batch->ids, batch->count * sizeof *batch->ids);
        for (int t = 0; t < batch->teachers; t++)
            sum = fold(sum, batch->logits[t], batch->count * FAKE_CLASSES * sizeof(float));
        lyc_ensemble_advance(ensemble);
    }
    return sum;
}

static void same_bits_for_any_number_of_threads(void **state) {
    (void)state;
    static const int threads[] = {1, 2, 3, 8};
    for (int banked = 0; banked < 2; banked++) {
        uint64_t sums[4];
        for (size_t i = 0; i < 4; i++) {
            char banks[SCRATCH_PATH];
            uint32_t batches;
            (void)snprintf(banks, sizeof banks, "%s/%d", scratch_path("banks"), threads[i]);
            lyc_pool *pool = open_pool(threads[i]);
            lyc_ensemble *ensemble = open_fakes(TEACHERS, banked ? banks : NULL, 40000, 4, pool);
            sums[i] = run_to_the_end(ensemble, 2, 0, 0, &batches);
            assert_int_equal(batches, 2 * 21);
            lyc_ensemble_close(ensemble);
            lyc_pool_destroy(pool);
            assert_true(sums[i] == sums[0]);
        }
        lyc_ensemble *alone = open_fakes(TEACHERS, NULL, 40000, 4, NULL);
        uint32_t batches;
        if (!banked) assert_true(run_to_the_end(alone, 2, 0, 0, &batches) == sums[0]);
        lyc_ensemble_close(alone);
    }
}

/* Batches carry the student's views, teachers answer for view 0, and a bank holds no other. */
static void clean_teachers_answer_for_the_clean_view(void **state) {
    (void)state;
    static const lyc__teacher_kind *const kinds[] = {&fake_kind};
    lyc_error err = {0};
    lyc_pool *pool = open_pool(2);
    lyc_view_recipe gone = recipe; /* the ensemble keeps what it needs */
    for (int banked = 0; banked < 2; banked++) {
        lyc_teacher_options teacher = fake_options("first", "0");
        lyc_ensemble_options options = {.teachers = &teacher,
                                        .teacher_count = 1,
                                        .bank_directory = banked ? scratch_path("clean") : NULL,
                                        .view = LYC_TEACHER_VIEW_CLEAN};
        lyc_ensemble *ensemble;
        gone = recipe;
        EXPECT_OK(lyc__ensemble_open_kinds(&ensemble, &options, kinds, data, &gone, pool, &err));
        memset(&gone, 0, sizeof gone);
        EXPECT_OK(lyc_ensemble_start(ensemble, rows, TRAIN, BATCH, VIEWS, 11, 2, 1, 0, &err));
        for (uint32_t step = 0; step < 21; step++) {
            float wanted[BATCH * FAKE_CLASSES];
            const lyc_teacher_batch *batch = take(ensemble, 0);
            assert_int_equal(batch->view, 1);
            EXPECT_OK(lyc_ensemble_logits(ensemble, 0, batch->rows, batch->count, wanted, &err));
            assert_memory_equal(batch->logits[0], wanted, batch->count * FAKE_CLASSES * sizeof(float));
            lyc_ensemble_advance(ensemble);
        }
        if (banked) {
            lyc_bank_stats stats;
            lyc_bank_get_stats(lyc_ensemble_bank(ensemble, 0), &stats);
            assert_int_equal(stats.blocks, (lyc_dataset_rows(data) + 255) / 256);
        }
        lyc_ensemble_close(ensemble);
    }
    lyc_pool_destroy(pool);
}

static void batches_hold_the_sampled_rows_and_their_logits(void **state) {
    (void)state;
    lyc_error err = {0};
    lyc_sampler *sampler;
    lyc_pool *pool = open_pool(2);
    lyc_ensemble *ensemble = open_fakes(TEACHERS, NULL, 0, 1, pool);
    EXPECT_OK(lyc_sampler_create(&sampler, rows, TRAIN, BATCH, VIEWS, 11, &err));
    EXPECT_OK(lyc_ensemble_start(ensemble, rows, TRAIN, BATCH, VIEWS, 11, 2, 1, 0, &err));
    assert_int_equal(lyc_ensemble_count(ensemble), TEACHERS);
    for (uint32_t step = 0; step < 21; step++) {
        lyc_batch wanted;
        lyc_sampler_batch(sampler, 1, step, &wanted);
        const lyc_teacher_batch *batch = take(ensemble, 0);
        assert_int_equal(batch->epoch, 1);
        assert_int_equal(batch->step, step);
        assert_int_equal(batch->view, wanted.view);
        assert_int_equal(batch->count, wanted.count);
        assert_int_equal(batch->classes, FAKE_CLASSES);
        for (uint32_t i = 0; i < wanted.count; i++) {
            assert_int_equal(batch->rows[i], wanted.rows[i]);
            assert_int_equal(batch->ids[i], lyc_dataset_ids(data)[wanted.rows[i]]);
            uint32_t first = i / FAKE_SHARD * FAKE_SHARD, left = wanted.count - first;
            float beside = fake_neighbours(wanted.rows + first, left < FAKE_SHARD ? left : FAKE_SHARD);
            for (int t = 0; t < TEACHERS; t++)
                for (int c = 0; c < FAKE_CLASSES; c++)
                    assert_true(batch->logits[t][i * FAKE_CLASSES + (uint32_t)c] ==
                                fake_value((uint64_t)t + 1, batch->ids[i], wanted.view, c) + beside);
        }
        lyc_ensemble_advance(ensemble);
    }
    assert_null(take(ensemble, 0));
    lyc_sampler_destroy(sampler);
    lyc_ensemble_close(ensemble);
    lyc_pool_destroy(pool);
}

static void batches_ahead_stay_until_they_are_passed(void **state) {
    (void)state;
    lyc_error err = {0};
    lyc_pool *pool = open_pool(2);
    lyc_ensemble *ensemble = open_fakes(2, NULL, 0, 3, pool);
    EXPECT_OK(lyc_ensemble_start(ensemble, rows, TRAIN, BATCH, VIEWS, 11, 1, 0, 16, &err));
    const lyc_teacher_batch *ahead[4], *none;
    for (uint32_t i = 0; i < 4; i++) ahead[i] = take(ensemble, i);
    for (uint32_t i = 0; i < 4; i++) assert_int_equal(ahead[i]->step, 16 + i);
    EXPECT_ERROR(lyc_ensemble_batch(ensemble, 4, &none, &err), LYC_EINTERNAL, err, "4 ahead");
    float kept = ahead[3]->logits[1][5];
    for (uint32_t i = 0; i < 3; i++) lyc_ensemble_advance(ensemble);
    assert_ptr_equal(take(ensemble, 0), ahead[3]);
    assert_true(ahead[3]->logits[1][5] == kept);
    assert_int_equal(take(ensemble, 1)->step, 20);
    assert_int_equal(take(ensemble, 1)->count, TRAIN % BATCH);
    assert_null(take(ensemble, 2));
    lyc_ensemble_close(ensemble);
    lyc_pool_destroy(pool);
}

static void answers_for_other_samples_are_refused(void **state) {
    (void)state;
    lyc_error err = {0};
    const lyc_teacher_batch *batch;
    lyc_ensemble *ensemble = open_fakes(2, NULL, 0, 1, NULL);
    EXPECT_OK(lyc_ensemble_start(ensemble, rows, TRAIN, BATCH, VIEWS, 11, 1, 0, 0, &err));
    uint64_t *ids = (uint64_t *)take(ensemble, 0)->ids; /* of the first teacher, as it reported them */
    ids[7]++;
    EXPECT_ERROR(lyc_ensemble_batch(ensemble, 0, &batch, &err), LYC_EMISMATCH, err, "'first'", "'second'",
                 "place 7");
    assert_null(batch);
    lyc_ensemble_close(ensemble);
}

static void resuming_gives_the_same_batches(void **state) {
    (void)state;
    uint32_t batches;
    lyc_pool *pool = open_pool(2);
    lyc_ensemble *ensemble = open_fakes(1, NULL, 100000, 1, pool);
    lyc_error err = {0};
    EXPECT_OK(lyc_ensemble_start(ensemble, rows, TRAIN, BATCH, VIEWS, 11, 3, 0, 0, &err));
    for (int i = 0; i < 21 + 5; i++) lyc_ensemble_advance(ensemble), (void)take(ensemble, 0);
    uint64_t rest = run_to_the_end(ensemble, 3, 1, 5, &batches); /* a second start cancels the first */
    assert_int_equal(batches, 2 * 21 - 5);
    assert_true(run_to_the_end(ensemble, 3, 1, 5, &batches) == rest);
    assert_true(run_to_the_end(ensemble, 3, 1, 6, &batches) != rest);
    (void)run_to_the_end(ensemble, 3, 3, 0, &batches);
    assert_int_equal(batches, 0);
    EXPECT_ERROR(lyc_ensemble_start(ensemble, rows, TRAIN, BATCH, VIEWS, 11, 3, 3, 1, &err), LYC_EINTERNAL,
                 err, "epoch 3");
    lyc_ensemble_close(ensemble);
    lyc_pool_destroy(pool);
}

static void logits_of_given_rows_do_not_disturb_the_batches(void **state) {
    (void)state;
    uint32_t batches;
    lyc_error err = {0};
    lyc_pool *pool = open_pool(2);
    lyc_ensemble *ensemble = open_fakes(2, scratch_path("banks"), 40000, 1, pool);
    uint64_t undisturbed = run_to_the_end(ensemble, 1, 0, 0, &batches);
    uint64_t sum = 1;
    EXPECT_OK(lyc_ensemble_start(ensemble, rows, TRAIN, BATCH, VIEWS, 11, 1, 0, 0, &err));
    const lyc_teacher_batch *batch;
    float first[FAKE_CLASSES];
    const uint32_t held_out[1] = {1090};
    EXPECT_OK(lyc_ensemble_logits(ensemble, 1, held_out, 1, first, &err));
    while ((batch = take(ensemble, 0)) != NULL) {
        float again[FAKE_CLASSES];
        EXPECT_OK(lyc_ensemble_logits(ensemble, 1, held_out, 1, again, &err));
        assert_memory_equal(again, first, sizeof first);
        sum = fold(sum, &batch->epoch, sizeof batch->epoch);
        sum = fold(sum, &batch->step, sizeof batch->step);
        sum = fold(sum, batch->ids, batch->count * sizeof *batch->ids);
        for (int t = 0; t < batch->teachers; t++)
            sum = fold(sum, batch->logits[t], batch->count * FAKE_CLASSES * sizeof(float));
        lyc_ensemble_advance(ensemble);
    }
    assert_true(sum == undisturbed);
    lyc_bank_stats stats;
    lyc_bank_get_stats(lyc_ensemble_bank(ensemble, 1), &stats);
    assert_int_equal(stats.computed_now, 5); /* every block of the clean view, once */
    lyc_ensemble_close(ensemble);
    lyc_pool_destroy(pool);
}

/* ---- time ------------------------------------------------------------------------------------------ */

static void write_recorded(const char *path) {
    static float logits[FAKE_ROWS * FAKE_CLASSES];
    lyc_error err = {0};
    for (uint32_t i = 0; i < FAKE_ROWS; i++)
        for (int c = 0; c < FAKE_CLASSES; c++)
            logits[i * FAKE_CLASSES + (uint32_t)c] = lyc_dataset_labels(data)[i] == c ? 3.0f : 0.0f;
    EXPECT_OK(lyc__recorded_file_write(path, logits, lyc_dataset_ids(data), NULL, FAKE_ROWS, FAKE_CLASSES,
                                       NULL, NULL, &err));
}

/* Two teachers that take 50 ms a batch, at the same time: 12 batches in 0.6 s, even where one thread does
 * all. */
static void slow_teachers_wait_at_the_same_time(void **state) {
    (void)state;
    const char *path = scratch_path("recorded.h5");
    write_recorded(path);
    lyc_teacher_options teachers[2] = {
        {.name = "slow", .kind = "bank", .path = path, .delay_seconds = 0.05},
        {.name = "slower", .kind = "bank", .path = path, .delay_seconds = 0.05}};
    lyc_ensemble_options options = {
        .teachers = teachers, .teacher_count = 2, .look_ahead_bytes = 0, .min_ahead = 1};
    for (int threads = 1; threads <= 2; threads++) {
        lyc_ensemble *ensemble;
        lyc_error err = {0};
        lyc_pool *pool = open_pool(threads);
        EXPECT_OK(lyc_ensemble_open(&ensemble, &options, data, &clean, pool, &err));
        assert_true(lyc_ensemble_info(ensemble, 1)->blocking);
        double began = lyc_seconds();
        EXPECT_OK(lyc_ensemble_start(ensemble, rows, 12 * BATCH, BATCH, 1, 5, 1, 0, 0, &err));
        int batches = 0;
        for (; take(ensemble, 0) != NULL; batches++) lyc_ensemble_advance(ensemble);
        double took = lyc_seconds() - began;
        assert_int_equal(batches, 12);
        if (took > 1.2 * 12 * 0.05) fail_msg("12 batches took %.3f s with %d threads", took, threads);
        assert_true(took >= 12 * 0.05);
        double waited = lyc_ensemble_waited(ensemble);
        assert_true(waited > 0.5 && waited <= took);
        lyc_ensemble_close(ensemble);
        lyc_pool_destroy(pool);
    }
}

/* Nobody gets further ahead than the ring is long. */
static void looking_ahead_is_bounded(void **state) {
    (void)state;
    lyc_error err = {0};
    size_t batch_bytes = BATCH * (FAKE_CLASSES * sizeof(float) + sizeof(uint64_t) + sizeof(uint32_t));
    static const size_t wanted[] = {3, 6};
    for (size_t i = 0; i < 2; i++) {
        fake_reset();
        lyc_pool *pool = open_pool(2);
        lyc_ensemble *ensemble = open_fakes(2, NULL, i == 0 ? 0 : 2 * 6 * batch_bytes, 2, pool);
        EXPECT_OK(lyc_ensemble_start(ensemble, rows, TRAIN, BATCH, VIEWS, 11, 2, 0, 0, &err));
        for (int moves = 0; moves < 2; moves++) {
            for (int tries = 0; tries < 200; tries++) { /* give them time to overstep */
                (void)take(ensemble, 2);
                fake_sleep(0.0005);
            }
            for (size_t t = 0; t < 2; t++)
                assert_int_equal(atomic_load(&fake_plans[t].calls), wanted[i] + (size_t)moves);
            lyc_ensemble_advance(ensemble);
        }
        assert_true(take(ensemble, 0) != NULL);
        lyc_ensemble_close(ensemble);
        lyc_pool_destroy(pool);
    }
}

/* ---- failing and stopping -------------------------------------------------------------------------- */

static void the_first_failure_is_reported_when_its_batch_is_due(void **state) {
    (void)state;
    for (int threads = 1; threads <= 3; threads++) {
        lyc_error err = {0};
        const lyc_teacher_batch *batch;
        fake_reset();
        fake_plans[0].fail_at_call = 9;
        fake_plans[2].fail_at_call = 7;
        fake_plans[2].sleep_seconds = 0.002; /* fails later in time, but on an earlier batch */
        lyc_pool *pool = open_pool(threads);
        lyc_ensemble *ensemble = open_fakes(3, NULL, 1000000, 1, pool);
        EXPECT_OK(lyc_ensemble_start(ensemble, rows, TRAIN, BATCH, VIEWS, 11, 1, 0, 0, &err));
        for (uint32_t i = 0; i < 7; i++) {
            assert_int_equal(take(ensemble, 0)->step, i);
            lyc_ensemble_advance(ensemble);
        }
        EXPECT_ERROR(lyc_ensemble_batch(ensemble, 0, &batch, &err), LYC_EIO, err,
                     "teacher 'third': planned failure");
        assert_null(batch);
        EXPECT_ERROR(lyc_ensemble_batch(ensemble, 1, &batch, &err), LYC_EIO, err, "'third'");
        EXPECT_ERROR(lyc_ensemble_batch(ensemble, 5, &batch, &err), LYC_EIO, err, "'third'");
        lyc_ensemble_close(ensemble);
        lyc_pool_destroy(pool);
    }
}

static void bad_logits_surface_with_teacher_and_id(void **state) {
    (void)state;
    for (int banked = 0; banked < 2; banked++) {
        lyc_error err = {0};
        lyc_status status = LYC_OK;
        const lyc_teacher_batch *batch = NULL;
        char id[64];
        fake_plans[1].bad_row = 321;
        fake_plans[1].bad_value = NAN;
        (void)snprintf(id, sizeof id, "id %llu", (unsigned long long)lyc_dataset_ids(data)[321]);
        lyc_pool *pool = open_pool(2);
        lyc_ensemble *ensemble = open_fakes(2, banked ? scratch_path("banks") : NULL, 40000, 1, pool);
        EXPECT_OK(lyc_ensemble_start(ensemble, rows, TRAIN, BATCH, VIEWS, 11, 1, 0, 0, &err));
        for (int i = 0; i < 21 && status == LYC_OK; i++) {
            status = lyc_ensemble_batch(ensemble, 0, &batch, &err);
            lyc_ensemble_advance(ensemble);
        }
        EXPECT_ERROR(status, LYC_ENUMERIC, err, "'second'", id);
        lyc_ensemble_close(ensemble);
        lyc_pool_destroy(pool);
    }
}

/* Closing at any moment: while drivers compute, wait for room, fill banks, sleep. */
static void closing_never_hangs(void **state) {
    (void)state;
    lyc_random random = lyc_random_start((lyc_random_key){.seed = 4, .purpose = LYC_PURPOSE_TEST});
    for (uint32_t round = 0; round < 60; round++) {
        lyc_error err = {0};
        char banks[SCRATCH_PATH];
        fake_reset();
        fake_plans[round % 3].sleep_seconds = round % 4 == 0 ? 0.001 : 0.0;
        (void)snprintf(banks, sizeof banks, "%s/%u", scratch_path("banks"), round);
        lyc_pool *pool = open_pool(1 + (int)(round % 3));
        lyc_ensemble *ensemble =
            open_fakes(TEACHERS, round % 2 ? banks : NULL, 1 << (round % 20), round % 5, pool);
        if (round % 7 != 0)
            EXPECT_OK(lyc_ensemble_start(ensemble, rows, TRAIN, BATCH, VIEWS, 11, 2, 0, 0, &err));
        if (round % 3 == 0) fake_sleep(0.004 * lyc_random_uniform(&random));
        for (uint32_t i = 0; round % 7 != 0 && i < round % 13; i++) {
            (void)take(ensemble, 0);
            lyc_ensemble_advance(ensemble);
        }
        lyc_ensemble_close(ensemble);
        lyc_pool_destroy(pool);
        for (size_t t = 0; t < TEACHERS; t++) assert_int_equal(atomic_load(&fake_plans[t].alive), 0);
    }
}

static void closing_interrupts_a_long_delay(void **state) {
    (void)state;
    const char *path = scratch_path("recorded.h5");
    write_recorded(path);
    lyc_teacher_options teacher = {.name = "remote", .kind = "bank", .path = path, .delay_seconds = 60.0};
    for (int banked = 0; banked < 2; banked++) {
        lyc_ensemble *ensemble;
        lyc_error err = {0};
        lyc_ensemble_options options = {.teachers = &teacher,
                                        .teacher_count = 1,
                                        .bank_directory = banked ? scratch_path("banks") : NULL};
        lyc_pool *pool = open_pool(1);
        EXPECT_OK(lyc_ensemble_open(&ensemble, &options, data, &clean, pool, &err));
        double began = lyc_seconds();
        EXPECT_OK(lyc_ensemble_start(ensemble, rows, TRAIN, BATCH, 1, 1, 1, 0, 0, &err));
        fake_sleep(0.01);
        lyc_ensemble_close(ensemble);
        assert_true(lyc_seconds() - began < 5.0);
        lyc_pool_destroy(pool);
    }
}

static void what_cannot_be_opened_leaves_nothing_open(void **state) {
    (void)state;
    lyc_ensemble *ensemble;
    lyc_error err = {0};
    static const lyc__teacher_kind *const kinds[2] = {&fake_kind, NULL};
    lyc_teacher_options teachers[2] = {fake_options("same", "0"), fake_options("same", "1")};
    lyc_ensemble_options options = {.teachers = teachers, .teacher_count = 0};
    EXPECT_ERROR(lyc_ensemble_open(&ensemble, &options, data, &recipe, NULL, &err), LYC_ECONFIG, err,
                 "at least one");
    options.teacher_count = 2;
    EXPECT_ERROR(lyc_ensemble_open(&ensemble, &options, data, &recipe, NULL, &err), LYC_ECONFIG, err,
                 "two teachers", "'same'");
    teachers[1].name = "other";
    EXPECT_ERROR(lyc__ensemble_open_kinds(&ensemble, &options, kinds, data, &recipe, NULL, &err), LYC_ECONFIG,
                 err, "'other'", "'fake'");
    assert_null(ensemble);
    assert_int_equal(atomic_load(&fake_plans[0].alive), 0);
    lyc_ensemble_close(NULL);
}

static void nothing_is_handed_out_before_the_start(void **state) {
    (void)state;
    lyc_error err = {0};
    const lyc_teacher_batch *batch;
    lyc_ensemble *ensemble = open_fakes(1, NULL, 0, 0, NULL);
    assert_null(lyc_ensemble_bank(ensemble, 0));
    EXPECT_ERROR(lyc_ensemble_batch(ensemble, 0, &batch, &err), LYC_EINTERNAL, err, "before");
    const uint32_t outside[2] = {3, FAKE_ROWS};
    EXPECT_ERROR(lyc_ensemble_start(ensemble, outside, 2, 1, 1, 0, 1, 0, 0, &err), LYC_EINTERNAL, err,
                 "row 1100");
    EXPECT_ERROR(lyc_ensemble_start(ensemble, rows, 0, 1, 1, 0, 1, 0, 0, &err), LYC_EINTERNAL, err, "0 rows");
    assert_true(lyc_ensemble_waited(ensemble) == 0.0);
    lyc_ensemble_close(ensemble);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(same_bits_for_any_number_of_threads, open_data, close_data),
        cmocka_unit_test_setup_teardown(clean_teachers_answer_for_the_clean_view, open_data, close_data),
        cmocka_unit_test_setup_teardown(batches_hold_the_sampled_rows_and_their_logits, open_data,
                                        close_data),
        cmocka_unit_test_setup_teardown(batches_ahead_stay_until_they_are_passed, open_data, close_data),
        cmocka_unit_test_setup_teardown(answers_for_other_samples_are_refused, open_data, close_data),
        cmocka_unit_test_setup_teardown(resuming_gives_the_same_batches, open_data, close_data),
        cmocka_unit_test_setup_teardown(logits_of_given_rows_do_not_disturb_the_batches, open_data,
                                        close_data),
        cmocka_unit_test_setup_teardown(slow_teachers_wait_at_the_same_time, open_data, close_data),
        cmocka_unit_test_setup_teardown(looking_ahead_is_bounded, open_data, close_data),
        cmocka_unit_test_setup_teardown(the_first_failure_is_reported_when_its_batch_is_due, open_data,
                                        close_data),
        cmocka_unit_test_setup_teardown(bad_logits_surface_with_teacher_and_id, open_data, close_data),
        cmocka_unit_test_setup_teardown(closing_never_hangs, open_data, close_data),
        cmocka_unit_test_setup_teardown(closing_interrupts_a_long_delay, open_data, close_data),
        cmocka_unit_test_setup_teardown(what_cannot_be_opened_leaves_nothing_open, open_data, close_data),
        cmocka_unit_test_setup_teardown(nothing_is_handed_out_before_the_start, open_data, close_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

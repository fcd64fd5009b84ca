/* What the agent sees: against PyTorch, with partial teachers, with few labels and none, and with bad logits.
 */
#include "golden.h"

#include "agent/learned.h"

enum { MOST = 16 * LYC__OWN + LYC__GLOBAL };

static lyc__observation *observation_of(lyc_strategy *strategy) {
    return &lyc__learned_of(strategy)->observe;
}

static lyc_strategy *make_learned(int teachers) {
    lyc_agent_options options = default_options("learned");
    return make_strategy(&options, teachers);
}

/* ---- figures --------------------------------------------------------------------------------------- */

static void figures_are_those_of_pytorch(void **state) {
    (void)state;
    double numbers[128], own[18], student_ce, out[MOST];
    float logits[84], student[28];
    int32_t labels[7];
    const float *teachers[3] = {logits, logits + 28, logits + 56};
    lyc_decision_input input = {.rows = 7,
                                .teacher_logits = teachers,
                                .student_logits = student,
                                .labels = labels,
                                .progress = 0.25,
                                .lr_fraction = 0.5};
    for (size_t i = 0, n = golden("observation.logits", numbers, 84); i < n; i++)
        logits[i] = (float)numbers[i];
    for (size_t i = 0, n = golden("observation.student", numbers, 28); i < n; i++)
        student[i] = (float)numbers[i];
    for (size_t i = 0, n = golden("observation.labels", numbers, 7); i < n; i++)
        labels[i] = (int32_t)numbers[i];
    golden("observation.temperature", &input.temperature, 1);
    golden("observation.own", own, 18);
    golden("observation.student_ce", &student_ce, 1);
    lyc_agent_options options = default_options("learned");
    lyc_agent_facts facts = test_facts(3);
    facts.classes = 4;
    const double reward_ce[3] = {0.5, (double)INFINITY, 4.0};
    facts.reward_ce = reward_ce;
    lyc_strategy *strategy;
    assert_int_equal(lyc_strategy_create(&strategy, &options, &facts, 1, 7, NULL), LYC_OK);
    assert_int_equal(lyc__observation_raw(observation_of(strategy), &input, out, NULL), LYC_OK);
    for (size_t k = 0; k < 3; k++) {
        for (size_t f = 0; f < 6; f++)
            assert_near(out[k * LYC__OWN + f], own[k * 6 + f], 2e-6 * (1.0 + fabs(own[k * 6 + f])));
        assert_near(out[k * LYC__OWN + LYC__FEATURE_reward_accuracy], test_accuracy[k], 0.0);
    }
    assert_near(out[LYC__FEATURE_reward_ce], 0.5, 0.0);
    assert_near(out[LYC__OWN + LYC__FEATURE_reward_ce], (double)LYC__CE_LIMIT, 0.0);
    const double *global = out + (size_t)3 * LYC__OWN;
    assert_near(global[0], student_ce, 1e-6);
    assert_near(global[1], 5.0 / 7.0, 1e-12);
    assert_near(global[2], 0.25, 0.0);
    assert_near(global[4], 0.5, 0.0);
    lyc_strategy_destroy(strategy);
}

static void names_say_whose_and_what(void **state) {
    (void)state;
    lyc_strategy *strategy = make_learned(2);
    assert_int_equal(lyc_strategy_observation_size(strategy), 2 * LYC__OWN + LYC__GLOBAL);
    assert_string_equal(lyc_strategy_observation_name(strategy, 0), "t0.ce");
    assert_string_equal(lyc_strategy_observation_name(strategy, LYC__OWN + 7), "t1.reward_accuracy");
    assert_string_equal(lyc_strategy_observation_name(strategy, 2 * LYC__OWN), "global.student_ce");
    assert_string_equal(lyc_strategy_observation_name(strategy, 2 * LYC__OWN + 4), "global.lr");
    assert_null(lyc_strategy_observation_name(strategy, 2 * LYC__OWN + 5));
    lyc_strategy_destroy(strategy);
}

/* ---- normalising ----------------------------------------------------------------------------------- */

/* One statistic for all teachers: after many batches a good teacher still looks unlike a bad one. */
static void differences_between_teachers_outlive_the_normalising(void **state) {
    (void)state;
    lyc_strategy *strategy = make_learned(2);
    lyc_random random = test_random(2);
    test_batch batch;
    lyc_decision decision = {0};
    for (int i = 0; i < 50; i++) {
        fill_batch(&batch, &random, 2, 32, (const double[]){4.0, 0.0}, NULL);
        decision = decide(strategy, &batch.input);
    }
    double good = decision.observation[LYC__FEATURE_ce],
           bad = decision.observation[LYC__OWN + LYC__FEATURE_ce];
    assert_true(good < -0.6 && bad > 0.6);
    assert_near(decision.observation[2 * LYC__OWN + 2], 0.25, 0.0); /* shares are passed as they are */
    lyc_strategy_destroy(strategy);
}

static void the_first_batch_is_already_normalised_over_its_teachers(void **state) {
    (void)state;
    lyc_strategy *strategy = make_learned(4);
    lyc_random random = test_random(3);
    test_batch batch;
    fill_batch(&batch, &random, 4, 16, (const double[]){3.0, 2.0, 1.0, 0.0}, NULL);
    lyc_decision decision = decide(strategy, &batch.input);
    for (size_t f = 0; f < LYC__OWN; f++) {
        double sum = 0.0, square = 0.0;
        for (size_t k = 0; k < 4; k++) {
            double z = decision.observation[k * LYC__OWN + f];
            sum += z;
            square += z * z;
        }
        assert_near(sum, 0.0, 1e-9);
        assert_near(square, 4.0, 1e-9);
    }
    lyc_strategy_destroy(strategy);
}

static void without_labels_their_features_are_missing_and_leave_no_trace(void **state) {
    (void)state;
    lyc_strategy *strategy = make_learned(2);
    lyc__observation *observe = observation_of(strategy);
    lyc_random random = test_random(4);
    test_batch batch;
    fill_batch(&batch, &random, 2, 16, (const double[]){3.0, 0.0}, NULL);
    (void)decide(strategy, &batch.input);
    double count = observe->normaliser.count[LYC__FEATURE_ce],
           mean = observe->normaliser.mean[LYC__FEATURE_ce];
    double others = observe->normaliser.count[LYC__FEATURE_kl];
    for (int row = 0; row < 16; row++) batch.labels[row] = LYC_UNLABELLED;
    lyc_decision decision = decide(strategy, &batch.input);
    for (size_t k = 0; k < 2; k++) {
        assert_true(decision.observation[k * LYC__OWN + LYC__FEATURE_ce] == 0.0);
        assert_true(decision.observation[k * LYC__OWN + LYC__FEATURE_label] == 0.0);
        assert_true(decision.observation[k * LYC__OWN + LYC__FEATURE_kl] != 0.0);
    }
    assert_true(decision.observation[2 * LYC__OWN] == 0.0 && decision.observation[2 * LYC__OWN + 1] == 0.0);
    assert_true(observe->normaliser.count[LYC__FEATURE_ce] == count &&
                observe->normaliser.mean[LYC__FEATURE_ce] == mean);
    assert_true(observe->normaliser.count[LYC__FEATURE_kl] == others + 2);
    lyc_strategy_destroy(strategy);
}

static void a_reward_is_missing_until_there_is_one(void **state) {
    (void)state;
    lyc_strategy *strategy = make_learned(2);
    lyc__observation *observe = observation_of(strategy);
    lyc_random random = test_random(5);
    test_batch batch;
    fill_batch(&batch, &random, 2, 8, NULL, NULL);
    (void)decide(strategy, &batch.input);
    assert_true(observe->normaliser.count[LYC__FEATURE_reward] == 0.0);
    lyc__observation_set_reward(observe, 0.0); /* a reward of 0 is a reward */
    (void)decide(strategy, &batch.input);
    lyc__observation_set_reward(observe, 0.5);
    lyc_decision decision = decide(strategy, &batch.input);
    assert_true(observe->normaliser.count[LYC__FEATURE_reward] == 2.0);
    assert_near(decision.observation[2 * LYC__OWN + 3], 1.0, 1e-12);
    lyc_strategy_destroy(strategy);
}

/* A row with a label shows the teacher's averages on the reward split; one without shows what the answer that
 * the teacher gives to it is worth there. Where that is not known, the averages. */
static void without_a_label_a_row_shows_what_the_teachers_answer_is_worth(void **state) {
    (void)state;
    enum { K = 2, N = 12 };
    lyc_agent_options options = default_options("learned");
    lyc_agent_facts facts = test_facts(K);
    double ce[K * CLASSES], accuracy[K * CLASSES], out[N * (K * LYC__OWN + LYC__GLOBAL)];
    for (size_t i = 0; i < (size_t)K * CLASSES; i++)
        ce[i] = 0.3 + (double)(7 * i % 20), accuracy[i] = 0.04 * (double)(3 * i % 20);
    options.granularity = LYC_GRANULARITY_INSTANCE;
    lyc_random random = test_random(8);
    test_batch batch;
    fill_batch(&batch, &random, K, N, NULL, NULL);
    for (size_t row = 0; row < N; row += 2) batch.labels[row] = LYC_UNLABELLED;
    for (int known = 0; known < 2; known++) {
        facts.reward_ce_by_answer = known ? ce : NULL;
        facts.reward_accuracy_by_answer = known ? accuracy : NULL;
        lyc_strategy *strategy;
        assert_int_equal(lyc_strategy_create(&strategy, &options, &facts, 1, N, NULL), LYC_OK);
        lyc__observation *observe = observation_of(strategy);
        assert_int_equal(lyc__observation_build_rows(observe, &batch.input, true, out, NULL), LYC_OK);
        double expected[2][N][K], mean[2] = {0}, square[2] = {0};
        for (size_t row = 0; row < N; row++)
            for (size_t k = 0; k < K; k++) {
                const float *z = batch.logits[k] + row * CLASSES;
                size_t answer = 0;
                for (size_t c = 0; c < CLASSES; c++) answer = z[c] > z[answer] ? c : answer;
                bool by_answer = known && row % 2 == 0;
                expected[0][row][k] = fmin(by_answer ? ce[k * CLASSES + answer] : test_ce[k], 10.0);
                expected[1][row][k] = by_answer ? accuracy[k * CLASSES + answer] : test_accuracy[k];
                for (int figure = 0; figure < 2; figure++) {
                    const double x = expected[figure][row][k];
                    mean[figure] += x / (N * K);
                    square[figure] += x * x / (N * K);
                }
            }
        const size_t size = lyc__observation_size(observe);
        const size_t places[2] = {LYC__FEATURE_reward_ce, LYC__FEATURE_reward_accuracy};
        for (size_t row = 0; row < N; row++)
            for (size_t k = 0; k < K; k++)
                for (int figure = 0; figure < 2; figure++) {
                    const double deviation = sqrt(square[figure] - mean[figure] * mean[figure]);
                    assert_near(out[row * size + k * LYC__OWN + places[figure]],
                                (expected[figure][row][k] - mean[figure]) / deviation, 1e-9);
                }
        lyc_strategy_destroy(strategy);
    }
}

static void figures_of_answers_are_given_whole_and_are_numbers(void **state) {
    (void)state;
    lyc_agent_options options = default_options("learned");
    double ce[2 * CLASSES] = {0}, accuracy[2 * CLASSES] = {0};
    for (int way = 0; way < 4; way++) {
        lyc_agent_facts facts = test_facts(2);
        lyc_strategy *strategy = NULL;
        lyc_error err = {0};
        ce[CLASSES + 3] = way == 2 ? (double)NAN : 0.0;
        accuracy[CLASSES + 3] = way == 3 ? (double)NAN : 0.0;
        facts.reward_ce_by_answer = way == 0 ? NULL : ce;
        facts.reward_accuracy_by_answer = way == 1 ? NULL : accuracy;
        assert_int_equal(lyc_strategy_create(&strategy, &options, &facts, 1, 8, &err),
                         way < 2 ? LYC_EUSAGE : LYC_ENUMERIC);
        assert_non_null(strstr(err.message, way < 2 ? "or neither" : "teacher t1"));
        if (way >= 2) assert_non_null(strstr(err.message, "answers 3"));
        assert_null(strategy);
    }
}

/* ---- partial teachers and bad logits ---------------------------------------------------------------- */

static void a_partial_teacher_has_finite_features(void **state) {
    (void)state;
    lyc_strategy *strategy = make_learned(2);
    lyc_random random = test_random(6);
    test_batch batch;
    double out[MOST];
    fill_batch(&batch, &random, 2, 16, (const double[]){3.0, 3.0}, NULL);
    for (size_t row = 0; row < 16; row++) {
        batch.labels[row] = 7; /* which the second does not know */
        for (size_t c = 5; c < CLASSES; c++) batch.logits[1][row * CLASSES + c] = -INFINITY;
    }
    assert_int_equal(lyc__observation_raw(observation_of(strategy), &batch.input, out, NULL), LYC_OK);
    assert_near(out[LYC__OWN + LYC__FEATURE_ce], (double)LYC__CE_LIMIT, 0.0);
    assert_true(out[LYC__OWN + LYC__FEATURE_label] == 0.0);
    assert_true(out[LYC__OWN + LYC__FEATURE_kl] > 0.0 && out[LYC__OWN + LYC__FEATURE_entropy] > 0.0);
    lyc_strategy_destroy(strategy);
}

typedef void (*spoil)(test_batch *batch);
static void teacher_nan(test_batch *batch) {
    batch->logits[1][23] = NAN;
}
static void teacher_infinite(test_batch *batch) {
    batch->logits[1][23] = INFINITY;
}
static void teacher_knows_nothing(test_batch *batch) {
    for (size_t c = 0; c < CLASSES; c++) batch->logits[1][20 + c] = -INFINITY;
}
static void student_nan(test_batch *batch) {
    batch->student[5] = NAN;
}
static void student_infinite(test_batch *batch) {
    batch->student[5] = -INFINITY;
}

static void bad_logits_are_named_and_change_nothing(void **state) {
    (void)state;
    const struct {
        spoil spoil;
        const char *named;
    } cases[] = {{teacher_nan, "teacher t1"},
                 {teacher_infinite, "teacher t1"},
                 {teacher_knows_nothing, "teacher t1"},
                 {student_nan, "the student"},
                 {student_infinite, "the student"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        lyc_strategy *strategy = make_learned(3);
        lyc__normaliser *normaliser = &observation_of(strategy)->normaliser;
        lyc_random random = test_random(7);
        test_batch batch;
        lyc_decision decision;
        lyc_error err = {0};
        fill_batch(&batch, &random, 3, 8, NULL, NULL);
        cases[i].spoil(&batch);
        assert_int_equal(lyc_strategy_decide(strategy, &batch.input, &decision, &err), LYC_ENUMERIC);
        assert_non_null(strstr(err.message, cases[i].named));
        for (size_t f = 0; f < LYC__FEATURES; f++) assert_true(normaliser->count[f] == 0.0);
        lyc_strategy_destroy(strategy);
    }
}

/* A pool's threads share the rows; what comes out does not depend on how many there are, or on any. */
static void any_number_of_threads_sees_the_same(void **state) {
    (void)state;
    lyc_agent_options options = default_options("learned");
    lyc_random random = test_random(30);
    test_batch batch;
    enum { ROOM = LYC_MAX_TEACHERS * LYC__OWN + LYC__GLOBAL };
    static double alone[MAX_ROWS * ROOM], shared[MAX_ROWS * ROOM];
    fill_batch(&batch, &random, LYC_MAX_TEACHERS, MAX_ROWS - 3, NULL, NULL); /* enough to be worth sharing */
    batch.labels[5] = batch.labels[40] = LYC_UNLABELLED;
    lyc_strategy *strategy = make_strategy(&options, LYC_MAX_TEACHERS);
    lyc__observation *observe = &lyc__learned_of(strategy)->observe;
    size_t size = lyc__observation_size(observe), count = (MAX_ROWS - 3) * size;
    assert_true(size == ROOM);
    for (int rows = 0; rows < 2; rows++)
        for (int threads = 1; threads <= 4; threads++) {
            lyc_pool *pool;
            assert_int_equal(lyc_pool_create(&pool, threads, NULL), LYC_OK);
            batch.input.pool = NULL;
            assert_int_equal(
                rows ? lyc__observation_build_rows(observe, &batch.input, threads == 1, alone, NULL)
                     : lyc__observation_build(observe, &batch.input, threads == 1, alone, NULL),
                LYC_OK);
            batch.input.pool = pool;
            assert_int_equal(rows ? lyc__observation_build_rows(observe, &batch.input, false, shared, NULL)
                                  : lyc__observation_build(observe, &batch.input, false, shared, NULL),
                             LYC_OK);
            assert_memory_equal(alone, shared, (rows ? count : size) * sizeof *alone);
            lyc_pool_destroy(pool);
        }
    lyc_strategy_destroy(strategy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_those_of_pytorch),
        cmocka_unit_test(names_say_whose_and_what),
        cmocka_unit_test(differences_between_teachers_outlive_the_normalising),
        cmocka_unit_test(the_first_batch_is_already_normalised_over_its_teachers),
        cmocka_unit_test(without_labels_their_features_are_missing_and_leave_no_trace),
        cmocka_unit_test(a_reward_is_missing_until_there_is_one),
        cmocka_unit_test(without_a_label_a_row_shows_what_the_teachers_answer_is_worth),
        cmocka_unit_test(figures_of_answers_are_given_whole_and_are_numbers),
        cmocka_unit_test(a_partial_teacher_has_finite_features),
        cmocka_unit_test(any_number_of_threads_sees_the_same),
        cmocka_unit_test(bad_logits_are_named_and_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

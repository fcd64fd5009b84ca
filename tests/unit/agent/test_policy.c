/* The policies: free logits; the shared one against PyTorch, against central differences, for any number and
 * order of teachers; its floor. */
#include "golden.h"

#include "agent/observation.h"
#include "agent/policy.h"
#include "agent/subset.h"

enum { HIDDEN = 6, MOST_PARAMS = 512, MOST_WORK = 4096 };

static const lyc__policy_kind *const policy = &lyc__policy_shared;

static lyc__policy_shape shape_of(int teachers) {
    return (lyc__policy_shape){
        .teachers = teachers, .own = LYC__OWN, .global = LYC__GLOBAL, .hidden = HIDDEN};
}

static void forward_and_backward_are_those_of_pytorch(void **state) {
    (void)state;
    double observation[64], params[MOST_PARAMS], select[4], score[4], ahead[8], expected[MOST_PARAMS];
    double gradient[MOST_PARAMS] = {0}, work[MOST_WORK];
    lyc__policy_shape shape = shape_of(4);
    assert_int_equal(golden("policy.observation", observation, 64), 4 * LYC__OWN + LYC__GLOBAL);
    assert_int_equal(golden("policy.params", params, MOST_PARAMS), policy->size(&shape));
    golden("policy.select", select, 4);
    golden("policy.score", score, 4);
    golden("policy.ahead", ahead, 8);
    size_t size = golden("policy.gradient", expected, MOST_PARAMS);
    assert_true(policy->workspace(&shape, 1) <= MOST_WORK);
    lyc__heads heads = {0}, seed = {0};
    policy->forward(&shape, params, observation, 1, work, &heads);
    for (int k = 0; k < 4; k++) {
        assert_near(heads.select[k], select[k], 1e-12);
        assert_near(heads.score[k], score[k], 1e-12);
        seed.select[k] = ahead[k];
        seed.score[k] = ahead[4 + k];
    }
    policy->backward(&shape, params, observation, 1, work, &seed, gradient);
    for (size_t i = 0; i < size; i++) assert_near(gradient[i], expected[i], 1e-12);
}

static double weighted_outputs(const lyc__policy_kind *kind, const lyc__policy_shape *shape,
                               const double *params, const double *observation, double *work) {
    lyc__heads heads;
    double sum = 0.0;
    kind->forward(shape, params, observation, 1, work, &heads);
    for (int k = 0; k < shape->teachers; k++) sum += (k + 1) * heads.select[k] - (2 * k - 1) * heads.score[k];
    return sum;
}
static void check_slopes(const lyc__policy_kind *kind) {
    lyc__policy_shape shape = shape_of(3);
    lyc_random random = test_random(1);
    double params[MOST_PARAMS], observation[64], work[MOST_WORK], gradient[MOST_PARAMS] = {0};
    size_t size = kind->size(&shape);
    fill_normal(&random, 0.5, params, size);
    fill_normal(&random, 1.0, observation, 3 * LYC__OWN + LYC__GLOBAL);
    lyc__heads heads, ahead = {0};
    for (int k = 0; k < 3; k++) {
        ahead.select[k] = k + 1;
        ahead.score[k] = -(2 * k - 1);
    }
    kind->forward(&shape, params, observation, 1, work, &heads);
    kind->backward(&shape, params, observation, 1, work, &ahead, gradient);
    kind->backward(&shape, params, observation, 1, work, &ahead, gradient); /* adds */
    for (size_t i = 0; i < size; i++) {
        double before = params[i];
        params[i] = before + 1e-5;
        double high = weighted_outputs(kind, &shape, params, observation, work);
        params[i] = before - 1e-5;
        double low = weighted_outputs(kind, &shape, params, observation, work);
        params[i] = before;
        assert_near(gradient[i] / 2.0, (high - low) / 2e-5, 1e-7);
    }
}
static void every_parameter_has_the_slope_that_backward_says(void **state) {
    (void)state;
    for (size_t i = 0; lyc__policy_kinds[i] != NULL; i++) check_slopes(lyc__policy_kinds[i]);
}

static void logits_are_two_numbers_a_teacher_whatever_the_batch(void **state) {
    (void)state;
    lyc__policy_shape shape = shape_of(3);
    const lyc__policy_kind *kind = &lyc__policy_logits;
    double params[6] = {9, 9, 9, 9, 9, 9}, observation[64];
    lyc_random random = test_random(9);
    assert_int_equal(kind->size(&shape), 6);
    assert_int_equal(kind->workspace(&shape, 1), 0);
    kind->init(&shape, 1, params);
    for (int i = 0; i < 6; i++) {
        assert_true(params[i] == 0.0); /* nobody is preferred */
        params[i] = i + 1;
    }
    for (int batch = 0; batch < 2; batch++) {
        lyc__heads heads;
        fill_normal(&random, 1.0, observation, 3 * LYC__OWN + LYC__GLOBAL);
        kind->forward(&shape, params, observation, 1, NULL, &heads);
        assert_memory_equal(heads.select, ((double[]){1, 2, 3}), 3 * sizeof(double));
        assert_memory_equal(heads.score, ((double[]){4, 5, 6}), 3 * sizeof(double));
    }
}

static void shuffled_teachers_get_shuffled_scores(void **state) {
    (void)state;
    enum { K = 5 };
    lyc__policy_shape shape = shape_of(K);
    lyc_random random = test_random(2);
    double params[MOST_PARAMS], one[64], other[64], work[MOST_WORK];
    fill_normal(&random, 0.5, params, policy->size(&shape));
    fill_normal(&random, 1.0, one, K * LYC__OWN + LYC__GLOBAL);
    memcpy(other, one, sizeof one);
    const size_t order[K] = {3, 0, 4, 1, 2};
    for (size_t k = 0; k < K; k++)
        memcpy(other + k * LYC__OWN, one + order[k] * LYC__OWN, LYC__OWN * sizeof *one);
    lyc__heads a, b;
    policy->forward(&shape, params, one, 1, work, &a);
    policy->forward(&shape, params, other, 1, work, &b);
    for (size_t k = 0; k < K; k++) {
        assert_near(b.select[k], a.select[order[k]], 1e-12);
        assert_near(b.score[k], a.score[order[k]], 1e-12);
    }
    assert_true(fabs(a.select[0] - a.select[1]) > 1e-3);
}

static void one_set_of_parameters_serves_any_number_of_teachers(void **state) {
    (void)state;
    lyc__policy_shape few = shape_of(2), many = shape_of(LYC_MAX_TEACHERS);
    assert_int_equal(policy->size(&few), policy->size(&many));
    lyc_random random = test_random(3);
    double params[MOST_PARAMS], small[64], large[LYC_MAX_TEACHERS * LYC__OWN + LYC__GLOBAL], work[MOST_WORK];
    assert_true(policy->workspace(&many, 1) <= MOST_WORK);
    fill_normal(&random, 0.5, params, policy->size(&few));
    fill_normal(&random, 1.0, small, 2 * LYC__OWN + LYC__GLOBAL);
    /* The same two teachers sixteen times over: mean and maximum are the same, so the scores must be. */
    for (size_t k = 0; k < LYC_MAX_TEACHERS; k++)
        memcpy(large + k * LYC__OWN, small + k % 2 * LYC__OWN, LYC__OWN * sizeof *small);
    memcpy(large + LYC_MAX_TEACHERS * LYC__OWN, small + 2 * LYC__OWN, LYC__GLOBAL * sizeof *small);
    lyc__heads a, b;
    policy->forward(&few, params, small, 1, work, &a);
    policy->forward(&many, params, large, 1, work, &b);
    for (int k = 0; k < LYC_MAX_TEACHERS; k++) assert_near(b.select[k], a.select[k % 2], 1e-12);
}

static void a_fresh_policy_prefers_nobody_and_depends_on_its_seed(void **state) {
    (void)state;
    lyc__policy_shape shape = shape_of(4);
    shape.hidden = 32;
    double params[2][2048], observation[64], work[MOST_WORK];
    lyc_random random = test_random(4);
    fill_normal(&random, 1.0, observation, 4 * LYC__OWN + LYC__GLOBAL);
    lyc__heads heads[2];
    for (uint64_t seed = 0; seed < 2; seed++) {
        policy->init(&shape, seed, params[seed]);
        policy->forward(&shape, params[seed], observation, 1, work, &heads[seed]);
        for (int k = 0; k < 4; k++)
            assert_true(fabs(heads[seed].select[k]) < 0.3 && fabs(heads[seed].score[k]) < 0.3);
    }
    assert_true(heads[0].select[0] != heads[1].select[0]);
}

static void the_floor_keeps_probabilities_off_zero_and_one(void **state) {
    (void)state;
    lyc__heads raw = {.select = {-9.0, -3.0, 0.5, 3.0, 40.0}, .score = {-3.5, 1.0, 2.0, -0.1, 8.0}}, out;
    lyc__policy_floor(&raw, 5, 3.0, &out);
    const double select[5] = {-3.0, -3.0, 0.5, 3.0, 3.0}, score[5] = {-3.0, 1.0, 2.0, -0.1, 3.0};
    assert_memory_equal(out.select, select, sizeof select);
    assert_memory_equal(out.score, score, sizeof score);
    assert_true(1.0 / (1.0 + exp(-3.0)) > 0.95); /* yet "ends above 0.95" is within reach */
}

/* What is shipped keeps its bits: the default is a limit of 3, not next to it. */
static void the_limit_is_the_logit_of_the_floor(void **state) {
    (void)state;
    assert_true(lyc__policy_limit(default_options("learned").exploration_floor) == 3.0);
    static const double floors[] = {1e-4, 0.01, 0.2, 0.49};
    for (size_t i = 0; i < sizeof floors / sizeof floors[0]; i++) {
        const double limit = lyc__policy_limit(floors[i]);
        lyc__heads raw = {.select = {-1e9, 1e9, 0.01}, .score = {1e9, -1e9, -0.01}}, out;
        lyc__policy_floor(&raw, 3, limit, &out);
        assert_near(lyc__sigmoid(out.select[0]), floors[i], 1e-15);
        assert_near(lyc__sigmoid(out.select[1]), 1.0 - floors[i], 1e-15);
        assert_true(out.score[0] == limit && out.score[1] == -limit);
        assert_true(out.select[2] == 0.01 && out.score[2] == -0.01);
    }
}

/* The same numbers under another limit: where credit stops and where the bonus does move with it. */
static void credit_and_bonus_stop_where_the_limit_is(void **state) {
    (void)state;
    lyc__heads raw = {.select = {1.5, 3.5, -1.5, -3.5, -3.5, 0.5}, .score = {1.5, 3.5}};
    lyc__heads credit = {.select = {2.0, 2.0, -2.0, -2.0, 2.0, 2.0}, .score = {2.0, 2.0}};
    lyc__heads entropy = {.select = {1.0, 1.0, 1.0, 1.0, 1.0, 1.0}, .score = {1.0, 1.0}};
    lyc__policy_floor_backward(&raw, 6, 1.0, &credit, &entropy);
    const double expected[6] = {2.0, 0.0, -2.0, 0.0, 2.0, 2.0}, bonus[6] = {0.0, 0.0, 0.0, 0.0, 0.0, 1.0};
    assert_memory_equal(credit.select, expected, sizeof expected);
    assert_memory_equal(entropy.select, bonus, sizeof bonus);
    assert_memory_equal(credit.score, expected, 2 * sizeof *expected);
    assert_memory_equal(entropy.score, bonus, 2 * sizeof *bonus);
}

/* Credit passes both ways, so that an output past the limit can come back, but not further out than the
 * slack; the entropy bonus acts inside the limit only. */
static void the_floor_lets_an_output_come_back(void **state) {
    (void)state;
    const double far = 3.0 + LYC__POLICY_SLACK;
    lyc__heads raw = {.select = {far + 1, far + 1, -far - 1, -far - 1, 3.5, 0.0}};
    lyc__heads credit = {.select = {2.0, -2.0, 2.0, -2.0, 2.0, 2.0}};
    lyc__heads entropy = {.select = {-1.0, -1.0, 1.0, 1.0, -1.0, -1.0}};
    lyc__policy_floor_backward(&raw, 6, 3.0, &credit, &entropy);
    const double expected[6] = {0.0, -2.0, 2.0, 0.0, 2.0, 2.0}, bonus[6] = {0.0, 0.0, 0.0, 0.0, 0.0, -1.0};
    assert_memory_equal(credit.select, expected, sizeof expected);
    assert_memory_equal(entropy.select, bonus, sizeof bonus);
}

static void scores_are_centred(void **state) {
    (void)state;
    lyc__heads heads = {.select = {1.0, 2.0, 3.0}, .score = {4.0, 5.0, 9.0}};
    lyc__policy_centre(&heads, 3);
    const double score[3] = {-2.0, -1.0, 3.0}, select[3] = {1.0, 2.0, 3.0};
    for (int k = 0; k < 3; k++) assert_near(heads.score[k], score[k], 1e-14);
    assert_memory_equal(heads.select, select, sizeof select);
}

static void the_table_names_its_rows(void **state) {
    (void)state;
    assert_ptr_equal(lyc__policy_kinds[LYC_AGENT_SHARED], policy);
    assert_ptr_equal(lyc__policy_kinds[LYC_AGENT_LOGITS], &lyc__policy_logits);
    for (size_t i = 0; lyc__policy_kinds[i] != NULL; i++) {
        assert_true(strlen(lyc__policy_kinds[i]->name) > 0);
        assert_true(strlen(lyc__policy_kinds[i]->doc) > 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_and_backward_are_those_of_pytorch),
        cmocka_unit_test(every_parameter_has_the_slope_that_backward_says),
        cmocka_unit_test(logits_are_two_numbers_a_teacher_whatever_the_batch),
        cmocka_unit_test(shuffled_teachers_get_shuffled_scores),
        cmocka_unit_test(one_set_of_parameters_serves_any_number_of_teachers),
        cmocka_unit_test(a_fresh_policy_prefers_nobody_and_depends_on_its_seed),
        cmocka_unit_test(the_floor_keeps_probabilities_off_zero_and_one),
        cmocka_unit_test(the_limit_is_the_logit_of_the_floor),
        cmocka_unit_test(credit_and_bonus_stop_where_the_limit_is),
        cmocka_unit_test(the_floor_lets_an_output_come_back),
        cmocka_unit_test(scores_are_centred),
        cmocka_unit_test(the_table_names_its_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What learns or keeps count besides the policy: normaliser, running size, Adam, baseline. */
#include "golden.h"

#include "agent/adam.h"
#include "agent/normaliser.h"
#include "agent/scale.h"
#include "agent/value.h"

/* ---- normaliser ------------------------------------------------------------------------------------ */

static void the_normaliser_gives_z_scores(void **state) {
    (void)state;
    double count[2] = {0}, mean[2] = {0}, m2[2] = {0};
    lyc__normaliser n = {count, mean, m2};
    lyc_random random = test_random(1);
    double sum = 0.0, square = 0.0;
    for (int i = 0; i < 1000; i++) {
        double value = 100.0 + 3.0 * lyc_random_normal(&random);
        lyc__normaliser_push(&n, 1, value);
        sum += value;
        square += value * value;
    }
    double average = sum / 1000, deviation = sqrt(square / 1000 - average * average);
    assert_near(lyc__normaliser_apply(&n, 1, 104.0), (104.0 - average) / deviation, 1e-9);
    assert_near(lyc__normaliser_apply(&n, 1, 1e6), LYC__NORMALISER_LIMIT, 0.0);
    assert_near(lyc__normaliser_apply(&n, 1, -1e6), -LYC__NORMALISER_LIMIT, 0.0);
    assert_true(lyc__normaliser_apply(&n, 0, 104.0) == 0.0); /* the other feature has seen nothing */
}

static void a_constant_is_zero_and_not_its_rounding(void **state) {
    (void)state;
    double count = 0.0, mean = 0.0, m2 = 0.0;
    lyc__normaliser n = {&count, &mean, &m2};
    for (int i = 0; i < 1000; i++) lyc__normaliser_push(&n, 0, 0.1);
    assert_true(lyc__normaliser_apply(&n, 0, 0.1) == 0.0);
}

/* Samples of any size are as good as their values one by one. */
static void samples_enter_as_their_values_would(void **state) {
    (void)state;
    double numbers[2][3] = {{0}, {0}};
    lyc__normaliser single = {&numbers[0][0], &numbers[0][1], &numbers[0][2]},
                    merged = {&numbers[1][0], &numbers[1][1], &numbers[1][2]};
    lyc_random random = test_random(2);
    for (int size = 0; size < 40; size++) {
        lyc__sample sample = {0};
        const double offset = 5.0 * lyc_random_normal(&random);
        for (int i = 0; i < size; i++) {
            const double value = 1000.0 + offset + lyc_random_normal(&random);
            const int times = i % 3 == 2 ? 4 : 1;
            lyc__sample_add_times(&sample, value, times);
            for (int j = 0; j < times; j++) lyc__normaliser_push(&single, 0, value);
        }
        lyc__normaliser_merge(&merged, 0, &sample);
        assert_true(numbers[1][0] == numbers[0][0]);
        assert_near(numbers[1][1], numbers[0][1], 1e-10);
        assert_near(numbers[1][2], numbers[0][2], 1e-9 * (1.0 + numbers[0][2]));
    }
}

static void samples_of_a_constant_have_no_deviation(void **state) {
    (void)state;
    for (int size = 1; size < 200; size++) {
        double count = 0.0, mean = 0.0, m2 = 0.0;
        lyc__normaliser n = {&count, &mean, &m2};
        lyc__sample sample = {0};
        for (int i = 0; i < size; i++) lyc__sample_add_times(&sample, 0.1, i + 1);
        for (int i = 0; i < 3; i++) {
            lyc__normaliser_merge(&n, 0, &sample);
            assert_true(mean == 0.1 && m2 == 0.0);
        }
        assert_true(lyc__normaliser_apply(&n, 0, 0.1) == 0.0);
    }
}

/* ---- running size ---------------------------------------------------------------------------------- */

static void the_running_size_is_the_bias_corrected_rms(void **state) {
    (void)state;
    lyc__scale scale = {0};
    assert_true(lyc__scale_apply(&scale, 3.0, 4.0) == 0.0);
    lyc__scale_push(&scale, -2.0);
    assert_near(lyc__scale_apply(&scale, 3.0, 4.0), 1.5, 1e-12); /* the first value is its own size */
    lyc__scale_push(&scale, 1.0);
    double rms = sqrt((LYC__SCALE_DECAY * 4.0 + 1.0) / (LYC__SCALE_DECAY + 1.0));
    assert_near(lyc__scale_apply(&scale, 3.0, 4.0), 3.0 / rms, 1e-12);
    assert_near(lyc__scale_apply(&scale, 300.0, 4.0), 4.0, 0.0);
    assert_near(lyc__scale_apply(&scale, -300.0, 4.0), -4.0, 0.0);
}

static void it_follows_a_reward_that_shrinks_tenfold(void **state) {
    (void)state;
    lyc__scale scale = {0};
    for (int i = 0; i < 50; i++) lyc__scale_push(&scale, 1.0);
    for (int i = 0; i < 100; i++) lyc__scale_push(&scale, 0.1);
    assert_true(lyc__scale_apply(&scale, 0.1, 4.0) > 0.75);
}

/* ---- Adam ------------------------------------------------------------------------------------------ */

static void adam_ascends_as_pytorchs_does(void **state) {
    (void)state;
    double gradients[15], expected[3], params[3] = {0}, m[3] = {0}, v[3] = {0};
    uint64_t steps = 0;
    lyc__policy_adam adam = {m, v, &steps};
    size_t count = golden("adam.gradients", gradients, 15) / 3;
    golden("adam.params", expected, 3);
    for (size_t i = 0; i < count; i++) lyc__policy_adam_ascend(&adam, params, gradients + 3 * i, 3, 0.02);
    for (int i = 0; i < 3; i++) assert_near(params[i], expected[i], 1e-12);
    assert_int_equal(steps, count);
}

/* ---- baseline -------------------------------------------------------------------------------------- */

enum {
    TEACHERS = 3,
    OWN = 4,
    GLOBAL = 2,
    OBSERVATION = TEACHERS * OWN + GLOBAL,
    SIZE = 2 * OWN + GLOBAL + 1
};
static const lyc__policy_shape shape = {.teachers = TEACHERS, .own = OWN, .global = GLOBAL, .hidden = 1};

static void the_baselines_gradient_matches_central_differences(void **state) {
    (void)state;
    lyc_random random = test_random(2);
    double w[SIZE], observation[OBSERVATION], x[SIZE], gradient[SIZE], reward = 0.7;
    assert_int_equal(lyc__value_size(&shape), SIZE);
    fill_normal(&random, 1.0, w, SIZE);
    fill_normal(&random, 1.0, observation, OBSERVATION);
    double value = lyc__value_forward(&shape, w, observation, x);
    lyc__value_gradient(SIZE, x, value, reward, gradient);
    for (int i = 0; i < SIZE; i++) {
        double scratch[SIZE], before = w[i], loss[2];
        for (int side = 0; side < 2; side++) {
            w[i] = before + (side ? 1e-5 : -1e-5);
            double error = reward - lyc__value_forward(&shape, w, observation, scratch);
            loss[side] = 0.5 * error * error;
        }
        w[i] = before;
        assert_near(gradient[i], (loss[1] - loss[0]) / 2e-5, 1e-7);
    }
}

/* Rewards of any size: a level, a part that the observation explains, noise. */
static double unexplained(double unit) {
    lyc_random random = test_random(3);
    double w[SIZE] = {0}, scratch[2 * SIZE], observation[OBSERVATION], left = 0.0;
    for (int i = 0; i < 400; i++) {
        fill_normal(&random, 1.0, observation, OBSERVATION);
        double reward = unit * (5.0 + observation[OBSERVATION - 1] + 0.3 * lyc_random_normal(&random));
        double error = reward - lyc__value_forward(&shape, w, observation, scratch);
        if (i >= 200) left += error * error / 200;
        lyc__value_learn(&shape, w, observation, reward, 1.0, scratch);
    }
    return sqrt(left) / unit;
}
static void the_baseline_learns_level_and_slope_at_any_scale(void **state) {
    (void)state;
    assert_true(unexplained(1.0) <
                0.5); /* of which 0.3 is noise; knowing nothing leaves 5.1, the level alone 1.04 */
    assert_near(unexplained(1e-4), unexplained(1.0), 1e-6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_normaliser_gives_z_scores),
        cmocka_unit_test(a_constant_is_zero_and_not_its_rounding),
        cmocka_unit_test(samples_enter_as_their_values_would),
        cmocka_unit_test(samples_of_a_constant_have_no_deviation),
        cmocka_unit_test(the_running_size_is_the_bias_corrected_rms),
        cmocka_unit_test(it_follows_a_reward_that_shrinks_tenfold),
        cmocka_unit_test(adam_ascends_as_pytorchs_does),
        cmocka_unit_test(the_baselines_gradient_matches_central_differences),
        cmocka_unit_test(the_baseline_learns_level_and_slope_at_any_scale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

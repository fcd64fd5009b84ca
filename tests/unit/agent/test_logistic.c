/* `logistic`: the weights of the best mixture on the validation split, against expectation-maximisation. */
#include "support.h"

enum { ROWS = 300 };

static float log_prob[ROWS * LYC_MAX_TEACHERS];

static lyc_status make(lyc_strategy **out, int teachers, size_t rows, lyc_error *err) {
    lyc_agent_options options = default_options("logistic");
    lyc_agent_facts facts = test_facts(teachers);
    facts.valid_rows = rows;
    facts.valid_log_prob = log_prob;
    return lyc_strategy_create(out, &options, &facts, 1, MAX_ROWS, err);
}

static void fit(int teachers, size_t rows, double *weight) {
    static test_batch batch;
    lyc_strategy *strategy;
    lyc_error err = {0};
    lyc_random random = test_random(1);
    fill_batch(&batch, &random, teachers, 4, NULL, NULL);
    if (make(&strategy, teachers, rows, &err) != LYC_OK) fail_msg("%s", err.message);
    lyc_decision decision = decide(strategy, &batch.input);
    double sum = 0.0;
    assert_false(decision.per_row);
    for (int k = 0; k < teachers; k++) {
        weight[k] = (double)decision.weights[k];
        sum += weight[k];
        assert_int_equal(decision.select[k], weight[k] > 0.0);
    }
    assert_near(sum, 1.0, 1e-6);
    lyc_strategy_destroy(strategy);
}

/* Teachers of different quality, right on overlapping rows. */
static void fill_log_prob(uint64_t seed, int teachers) {
    lyc_random random = test_random(seed);
    for (int i = 0; i < ROWS; i++) {
        double hard = 2.0 * lyc_random_normal(&random);
        for (int k = 0; k < teachers; k++) {
            double logit = 1.0 + 0.5 * (k % 5) - hard + 1.5 * lyc_random_normal(&random);
            log_prob[i * teachers + k] = (float)-log1p(exp(-logit));
        }
    }
}

static double mixture(const double *weight, int teachers, int row) {
    double sum = 0.0;
    for (int k = 0; k < teachers; k++) sum += weight[k] * exp((double)log_prob[row * teachers + k]);
    return sum;
}

static double cross_entropy(const double *weight, int teachers) {
    double sum = 0.0;
    for (int row = 0; row < ROWS; row++) sum -= log(mixture(weight, teachers, row)) / ROWS;
    return sum;
}

/* gain[k] = mean over the rows of p_k / mixture: 1 on average, and no weights are better by more than its
 * largest less 1. */
static void gains(const double *weight, int teachers, double *gain) {
    for (int k = 0; k < teachers; k++) gain[k] = 0.0;
    for (int row = 0; row < ROWS; row++)
        for (int k = 0; k < teachers; k++)
            gain[k] += exp((double)log_prob[row * teachers + k]) / mixture(weight, teachers, row) / ROWS;
}

static void it_is_where_expectation_maximisation_goes(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 6; seed++) {
        int teachers = 2 + (int)seed % 4;
        double weight[8], reference[8], gain[8];
        fill_log_prob(seed, teachers);
        fit(teachers, ROWS, weight);
        for (int k = 0; k < teachers; k++) reference[k] = 1.0 / teachers;
        for (int round = 0; round < 3000; round++) {
            gains(reference, teachers, gain);
            for (int k = 0; k < teachers; k++) reference[k] *= gain[k];
        }
        for (int k = 0; k < teachers; k++) assert_near(weight[k], reference[k], 2e-3);
        assert_near(cross_entropy(weight, teachers), cross_entropy(reference, teachers), 1e-6);
    }
}

static void nothing_is_left_to_gain_with_any_number_of_teachers(void **state) {
    (void)state;
    int none = 0;
    for (int teachers = 1; teachers <= LYC_MAX_TEACHERS; teachers += teachers < 4 ? 1 : 7) {
        double weight[LYC_MAX_TEACHERS], gain[LYC_MAX_TEACHERS], most = 0.0;
        fill_log_prob(50 + (uint64_t)teachers, teachers);
        fit(teachers, ROWS, weight);
        gains(weight, teachers, gain);
        for (int k = 0; k < teachers; k++) {
            most = fmax(most, gain[k]);
            none += weight[k] == 0.0;
        }
        assert_true(most - 1.0 < 1e-5); /* weights are stored as floats */
    }
    assert_true(none > 10);
}

static void specialists_weigh_what_they_know(void **state) {
    (void)state;
    double weight[3];
    for (int row = 0; row < ROWS; row++) {
        bool first = row < ROWS / 5;
        log_prob[row * 3 + 0] = first ? -0.1F : -INFINITY;
        log_prob[row * 3 + 1] = first ? -INFINITY : -0.3F;
        log_prob[row * 3 + 2] = -9.0F;
    }
    fit(3, ROWS, weight);
    assert_near(weight[0], 0.2, 1e-6);
    assert_near(weight[1], 0.8, 1e-6);
    assert_true(weight[2] == 0.0);
}

static void the_one_that_is_always_better_gets_all(void **state) {
    (void)state;
    double weight[2];
    for (int row = 0; row < ROWS; row++) {
        log_prob[row * 2] = -5000.0F; /* exp of it is 0 */
        log_prob[row * 2 + 1] = -4999.0F;
    }
    fit(2, ROWS, weight);
    assert_true(weight[0] == 0.0 && weight[1] == 1.0);
}

static void where_rows_say_nothing_it_is_uniform(void **state) {
    (void)state;
    double weight[3];
    for (int i = 0; i < ROWS * 3; i++) log_prob[i] = -INFINITY;
    fit(3, ROWS, weight);
    for (int k = 0; k < 3; k++) assert_near(weight[k], 1.0 / 3.0, 1e-7);
    for (int i = 0; i < ROWS * 3; i++) log_prob[i] = -1.0F;
    fit(3, ROWS, weight);
    for (int k = 0; k < 3; k++) assert_near(weight[k], 1.0 / 3.0, 1e-7);
    fit(3, 0, weight);
    for (int k = 0; k < 3; k++) assert_near(weight[k], 1.0 / 3.0, 1e-7);
}

static void what_is_not_a_number_is_refused(void **state) {
    (void)state;
    lyc_strategy *strategy;
    lyc_error err = {0};
    fill_log_prob(3, 3);
    log_prob[7] = NAN;
    assert_int_equal(make(&strategy, 3, ROWS, &err), LYC_ENUMERIC);
    assert_non_null(strstr(err.message, "teacher t1"));
    assert_null(strategy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_where_expectation_maximisation_goes),
        cmocka_unit_test(nothing_is_left_to_gain_with_any_number_of_teachers),
        cmocka_unit_test(specialists_weigh_what_they_know),
        cmocka_unit_test(the_one_that_is_always_better_gets_all),
        cmocka_unit_test(where_rows_say_nothing_it_is_uniform),
        cmocka_unit_test(what_is_not_a_number_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

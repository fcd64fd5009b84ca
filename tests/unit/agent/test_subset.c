/* The distribution over non-empty selections, against enumeration of all subsets. */
#include "support.h"

#include "agent/subset.h"

#define MOST 10

static void each_size(void (*check)(const double *logit, int teachers)) {
    lyc_random random = test_random(1);
    for (int teachers = 1; teachers <= MOST; teachers++)
        for (int trial = 0; trial < 8; trial++) {
            double logit[MOST];
            fill_normal(&random, 1.5, logit, (size_t)teachers);
            check(logit, teachers);
        }
}

static void check_log_prob(const double *logit, int teachers) {
    double total = 0.0;
    for (uint32_t mask = 1; mask < 1U << teachers; mask++) {
        uint8_t select[MOST];
        mask_to_select(mask, teachers, select);
        double log_prob = lyc__subset_log_prob(logit, teachers, select);
        total += exp(log_prob);
        if (mask % 7 == 1) assert_near(log_prob, log(subset_probability(logit, teachers, mask)), 1e-12);
    }
    assert_near(total, 1.0, 1e-12);
}
static void probabilities_sum_to_one_over_the_non_empty_subsets(void **state) {
    (void)state;
    each_size(check_log_prob);
}

static double log_prob_at(const double *logit, int teachers, const uint8_t *select, int k, double step) {
    double moved[MOST];
    memcpy(moved, logit, sizeof moved);
    moved[k] += step;
    return lyc__subset_log_prob(moved, teachers, select);
}
static void check_log_prob_gradient(const double *given, int teachers) {
    double logit[MOST] = {0};
    memcpy(logit, given, (size_t)teachers * sizeof *logit);
    for (uint32_t mask = 1; mask < 1U << teachers; mask = mask * 2 + 1) {
        uint8_t select[MOST];
        double gradient[MOST] = {0};
        mask_to_select(mask, teachers, select);
        lyc__subset_log_prob_gradient(logit, teachers, select, -2.0, gradient);
        for (int k = 0; k < teachers; k++) {
            double numeric = (log_prob_at(logit, teachers, select, k, 1e-5) -
                              log_prob_at(logit, teachers, select, k, -1e-5)) /
                             2e-5;
            assert_near(gradient[k], -2.0 * numeric, 1e-8);
        }
    }
}
static void gradient_of_log_prob_has_the_conditioning_term(void **state) {
    (void)state;
    each_size(check_log_prob_gradient);
}

static double enumerated_entropy(const double *logit, int teachers) {
    double entropy = 0.0;
    for (uint32_t mask = 1; mask < 1U << teachers; mask++) {
        uint8_t select[MOST];
        mask_to_select(mask, teachers, select);
        double log_prob = lyc__subset_log_prob(logit, teachers, select);
        entropy -= exp(log_prob) * log_prob;
    }
    return entropy;
}
static void check_entropy(const double *given, int teachers) {
    double logit[MOST] = {0}, gradient[MOST] = {0};
    memcpy(logit, given, (size_t)teachers * sizeof *logit);
    assert_near(lyc__subset_entropy(logit, teachers), enumerated_entropy(logit, teachers), 1e-12);
    lyc__subset_entropy_gradient(logit, teachers, 3.0, gradient);
    for (int k = 0; k < teachers; k++) {
        double moved[2][MOST];
        for (int side = 0; side < 2; side++) {
            memcpy(moved[side], logit, sizeof logit);
            moved[side][k] += side ? 1e-5 : -1e-5;
        }
        double numeric =
            (enumerated_entropy(moved[1], teachers) - enumerated_entropy(moved[0], teachers)) / 2e-5;
        assert_near(gradient[k], 3.0 * numeric, 1e-7);
    }
}
static void entropy_is_the_conditional_one_and_so_is_its_gradient(void **state) {
    (void)state;
    each_size(check_entropy);
    const double one = -1.0;
    assert_near(lyc__subset_entropy(&one, 1), 0.0, 1e-15); /* one teacher: nothing to choose */
}

static void check_mean_weights(const double *logit, int teachers) {
    double mean[MOST], expected[MOST] = {0}, sum = 0.0;
    lyc__subset_mean_weights(logit, teachers, mean);
    for (uint32_t mask = 1; mask < 1U << teachers; mask++) {
        uint8_t select[MOST];
        mask_to_select(mask, teachers, select);
        double share = exp(lyc__subset_log_prob(logit, teachers, select)) / __builtin_popcount(mask);
        for (int k = 0; k < teachers; k++) expected[k] += select[k] * share;
    }
    for (int k = 0; k < teachers; k++) {
        assert_near(mean[k], expected[k], 1e-12);
        sum += mean[k];
    }
    assert_near(sum, 1.0, 1e-12);
}
static void mean_weights_are_those_of_enumeration(void **state) {
    (void)state;
    each_size(check_mean_weights);
}

static void thirty_two_teachers_are_exact_too(void **state) {
    (void)state;
    double logit[LYC_MAX_TEACHERS], mean[LYC_MAX_TEACHERS], sum = 0.0;
    for (int k = 0; k < LYC_MAX_TEACHERS; k++) logit[k] = k % 2 ? 1.25 : -0.5;
    lyc__subset_mean_weights(logit, LYC_MAX_TEACHERS, mean);
    for (int k = 0; k < LYC_MAX_TEACHERS; k++) {
        assert_near(mean[k], mean[k % 2], 1e-15);
        sum += mean[k];
    }
    assert_near(sum, 1.0, 1e-12);
    /* With equal logits every teacher's weight is 1/K, and the entropy is K H + P0 log P0 + Z log Z over Z.
     */
    for (int k = 0; k < LYC_MAX_TEACHERS; k++) logit[k] = -3.0;
    lyc__subset_mean_weights(logit, LYC_MAX_TEACHERS, mean);
    assert_near(mean[5], 1.0 / LYC_MAX_TEACHERS, 1e-14);
    double p = 1.0 / (1.0 + exp(3.0)), h = -p * log(p) - (1 - p) * log(1 - p),
           p0 = pow(1 - p, LYC_MAX_TEACHERS), z = 1 - p0;
    assert_near(lyc__subset_entropy(logit, LYC_MAX_TEACHERS),
                log(z) + (LYC_MAX_TEACHERS * h + p0 * log(p0)) / z, 1e-12);
}

/* Trap: "an empty-selection fallback that writes to a copy". */
static void a_selection_is_never_empty_however_unlikely_its_members(void **state) {
    (void)state;
    const double logit[3] = {-30.0, -31.0, -32.0};
    int counts[3] = {0};
    lyc_random random = test_random(2);
    for (int draw = 0; draw < 100000; draw++) {
        uint8_t select[3] = {7, 7, 7};
        lyc__subset_sample(logit, 3, &random, select);
        assert_int_equal(select[0] + select[1] + select[2], 1);
        for (int k = 0; k < 3; k++) counts[k] += select[k];
    }
    double weight[3] = {1.0, exp(-1.0), exp(-2.0)}, sum = weight[0] + weight[1] + weight[2];
    for (int k = 0; k < 3; k++) assert_near(counts[k] / 1e5, weight[k] / sum, 0.008);
    assert_near(lyc__subset_entropy(logit, 3), log(sum) + (weight[1] + 2 * weight[2]) / sum, 1e-9);
}

/* Pearson's chi-square over the 31 non-empty subsets of 5; 30 degrees of freedom exceed 67.6 once in 10,000.
 */
static double chi_square(const double *logit, uint64_t seed, int draws) {
    int counts[32] = {0};
    lyc_random random = test_random(seed);
    for (int draw = 0; draw < draws; draw++) {
        uint8_t select[5];
        uint32_t mask = 0;
        lyc__subset_sample(logit, 5, &random, select);
        for (int k = 0; k < 5; k++) mask |= (uint32_t)select[k] << k;
        counts[mask]++;
    }
    assert_int_equal(counts[0], 0);
    double sum = 0.0;
    for (uint32_t mask = 1; mask < 32; mask++) {
        double expected = draws * subset_probability(logit, 5, mask);
        sum += (counts[mask] - expected) * (counts[mask] - expected) / expected;
    }
    return sum;
}
static void draws_have_the_probabilities_they_claim(void **state) {
    (void)state;
    const double logits[3][5] = {
        {0.3, -1.0, 0.8, -0.4, 0.0}, {-2.0, -2.2, -1.8, -2.5, -2.0}, {2.0, -2.0, 1.0, -1.0, 0.5}};
    for (uint64_t i = 0; i < 3; i++) assert_true(chi_square(logits[i], 10 + i, 200000) < 67.6);
}

static void greedy_takes_the_likely_ones_or_else_the_likeliest(void **state) {
    (void)state;
    uint8_t select[4];
    const double some[4] = {0.1, -0.1, 2.0, 0.0};
    lyc__subset_greedy(some, 4, select);
    assert_memory_equal(select, ((uint8_t[]){1, 0, 1, 0}), 4);
    const double none[4] = {-2.0, -1.0, -1.0, -3.0};
    lyc__subset_greedy(none, 4, select);
    assert_memory_equal(select, ((uint8_t[]){0, 1, 0, 0}), 4);
}

/* Trap: "a mask test on the whole list instead of its element": every element must count by itself. */
static void every_element_of_a_mask_is_tested_by_itself(void **state) {
    (void)state;
    const double logit[3] = {0.5, -0.7, 1.1};
    double seen[8];
    for (uint32_t mask = 1; mask < 8; mask++) {
        uint8_t select[3];
        mask_to_select(mask, 3, select);
        seen[mask] = lyc__subset_log_prob(logit, 3, select);
        double gradient[3] = {0};
        lyc__subset_log_prob_gradient(logit, 3, select, 1.0, gradient);
        for (int k = 0; k < 3; k++) assert_true(select[k] ? gradient[k] > 0.0 : gradient[k] < 0.0);
        for (uint32_t other = 1; other < mask; other++) assert_true(fabs(seen[mask] - seen[other]) > 1e-3);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probabilities_sum_to_one_over_the_non_empty_subsets),
        cmocka_unit_test(gradient_of_log_prob_has_the_conditioning_term),
        cmocka_unit_test(entropy_is_the_conditional_one_and_so_is_its_gradient),
        cmocka_unit_test(mean_weights_are_those_of_enumeration),
        cmocka_unit_test(thirty_two_teachers_are_exact_too),
        cmocka_unit_test(a_selection_is_never_empty_however_unlikely_its_members),
        cmocka_unit_test(draws_have_the_probabilities_they_claim),
        cmocka_unit_test(greedy_takes_the_likely_ones_or_else_the_likeliest),
        cmocka_unit_test(every_element_of_a_mask_is_tested_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

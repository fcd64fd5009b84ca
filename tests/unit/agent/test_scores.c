/* Weights from scores: the density and its gradient, and the quadrature against enumeration. */
#include "support.h"

#include "agent/scores.h"
#include "agent/subset.h"

#define MOST 10

static const double mu[4] = {0.5, -1.0, 0.0, 2.0};
static const double score[4] = {0.9, -1.3, 5.0, 1.0};
static const uint8_t select[4] = {1, 1, 0, 1};

static void the_density_is_normal_and_over_the_selected_only(void **state) {
    (void)state;
    double expected = 0.0, sigma = 0.5;
    for (int k = 0; k < 4; k++) {
        double z = (score[k] - mu[k]) / sigma;
        if (select[k]) expected += log(exp(-z * z / 2) / (sigma * sqrt(2 * acos(-1.0))));
    }
    assert_near(lyc__scores_log_density(mu, sigma, select, score, 4), expected, 1e-12);
}

static void its_gradient_matches_central_differences(void **state) {
    (void)state;
    double gradient[4] = {0};
    lyc__scores_log_density_gradient(mu, 0.5, select, score, 4, 1.5, gradient);
    for (int k = 0; k < 4; k++) {
        double low[4], high[4];
        memcpy(low, mu, sizeof low);
        memcpy(high, mu, sizeof high);
        low[k] -= 1e-5;
        high[k] += 1e-5;
        double difference = lyc__scores_log_density(high, 0.5, select, score, 4) -
                            lyc__scores_log_density(low, 0.5, select, score, 4);
        assert_near(gradient[k], 1.5 * difference / 2e-5, 1e-7);
    }
}

static void draws_have_the_mean_and_deviation_asked_for(void **state) {
    (void)state;
    lyc_random random = test_random(3);
    double sum[4] = {0}, square[4] = {0};
    const int draws = 100000;
    for (int i = 0; i < draws; i++) {
        double u[4];
        lyc__scores_sample(mu, 0.5, select, 4, &random, u);
        assert_true(u[2] == 0.0); /* not selected: not drawn */
        for (int k = 0; k < 4; k++) {
            sum[k] += u[k];
            square[k] += (u[k] - mu[k]) * (u[k] - mu[k]);
        }
    }
    for (int k = 0; k < 4; k++) {
        if (!select[k]) continue;
        assert_near(sum[k] / draws, mu[k], 4 * 0.5 / sqrt(draws));
        assert_near(sqrt(square[k] / draws), 0.5, 0.005);
    }
}

/* Trap: "weights whose sum depends on K". */
static void weights_sum_to_one_for_any_number_of_teachers(void **state) {
    (void)state;
    lyc_random random = test_random(4);
    for (int teachers = 1; teachers <= LYC_MAX_TEACHERS; teachers++) {
        double u[LYC_MAX_TEACHERS], weight[LYC_MAX_TEACHERS], sum = 0.0;
        uint8_t chosen[LYC_MAX_TEACHERS];
        fill_normal(&random, 300.0, u, (size_t)teachers); /* no overflow either */
        for (int k = 0; k < teachers; k++) chosen[k] = k % 3 != 1;
        lyc__scores_softmax(u, chosen, teachers, weight);
        for (int k = 0; k < teachers; k++) {
            sum += weight[k];
            if (!chosen[k]) assert_true(weight[k] == 0.0);
        }
        assert_near(sum, 1.0, 1e-12);
    }
}

static void mean_weights_are_those_of_enumeration(void **state) {
    (void)state;
    lyc_random random = test_random(5);
    for (int teachers = 1; teachers <= MOST; teachers++) {
        double logit[MOST], mean_score[MOST], mean[MOST], expected[MOST] = {0};
        fill_normal(&random, 2.0, logit, (size_t)teachers);
        fill_normal(&random, 2.0, mean_score, (size_t)teachers);
        for (uint32_t mask = 1; mask < 1U << teachers; mask++) {
            uint8_t chosen[MOST];
            double weight[MOST];
            mask_to_select(mask, teachers, chosen);
            double probability = exp(lyc__subset_log_prob(logit, teachers, chosen));
            lyc__scores_softmax(mean_score, chosen, teachers, weight);
            for (int k = 0; k < teachers; k++) expected[k] += probability * weight[k];
        }
        lyc__scores_mean_weights(logit, mean_score, teachers, mean);
        for (int k = 0; k < teachers; k++) assert_near(mean[k], expected[k], 1e-12);
    }
}

static void with_equal_scores_they_are_those_of_the_selection_alone(void **state) {
    (void)state;
    lyc_random random = test_random(6);
    double logit[LYC_MAX_TEACHERS], equal[LYC_MAX_TEACHERS], quadrature[LYC_MAX_TEACHERS],
        recursion[LYC_MAX_TEACHERS];
    fill_normal(&random, 2.0, logit, LYC_MAX_TEACHERS);
    for (int k = 0; k < LYC_MAX_TEACHERS; k++) equal[k] = -1.7;
    lyc__scores_mean_weights(logit, equal, LYC_MAX_TEACHERS, quadrature);
    lyc__subset_mean_weights(logit, LYC_MAX_TEACHERS, recursion);
    for (int k = 0; k < LYC_MAX_TEACHERS; k++) assert_near(quadrature[k], recursion[k], 1e-12);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_density_is_normal_and_over_the_selected_only),
        cmocka_unit_test(its_gradient_matches_central_differences),
        cmocka_unit_test(draws_have_the_mean_and_deviation_asked_for),
        cmocka_unit_test(weights_sum_to_one_for_any_number_of_teachers),
        cmocka_unit_test(mean_weights_are_those_of_enumeration),
        cmocka_unit_test(with_equal_scores_they_are_those_of_the_selection_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

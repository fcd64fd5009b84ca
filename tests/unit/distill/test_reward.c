/* Rewards from what a student was worth before and after. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "distill/reward.h"

static double reward(lyc_reward_kind kind, double cost, double before, double after, double selected) {
    lyc_agent_options agent = {.reward = {.kind = kind, .cost = cost}};
    return lyc__reward_of(&agent, before, after, selected);
}

static void assert_close(double got, double expected) {
    if (!(fabs(got - expected) < 1e-7)) fail_msg("%.12g is not %.12g", got, expected);
}

/* A loss that falls and a metric that rises are both good; only the loss is taken relative to what it was. */
static void an_improvement_is_above_zero_for_every_kind(void **state) {
    (void)state;
    assert_close(reward(LYC_REWARD_LOSS, 0.0, 0.5, 0.4, 1.0), 0.2);
    assert_close(reward(LYC_REWARD_LOSS, 0.0, 0.4, 0.5, 1.0), -0.25);
    assert_close(reward(LYC_REWARD_CALIBRATED, 0.0, 0.5, 0.4, 1.0), 0.2);
    assert_close(reward(LYC_REWARD_ACCURACY, 0.0, 0.80, 0.83, 1.0), 0.03);
    assert_close(reward(LYC_REWARD_F1, 0.0, 0.7, 0.6, 1.0), -0.1);
}

static void teachers_cost_by_the_share_of_them_selected(void **state) {
    (void)state;
    for (int kind = LYC_REWARD_LOSS; kind <= LYC_REWARD_F1; kind++) {
        double free_of_charge = reward((lyc_reward_kind)kind, 0.0, 0.5, 0.4, 0.25);
        assert_close(reward((lyc_reward_kind)kind, 0.1, 0.5, 0.4, 0.25), free_of_charge - 0.025);
        assert_close(reward((lyc_reward_kind)kind, 0.1, 0.5, 0.4, 1.0), free_of_charge - 0.1);
    }
}

static void metrics_ask_for_logits(void **state) {
    (void)state;
    assert_int_equal(lyc__reward_room(LYC_REWARD_LOSS, 100, 7), 0);
    assert_int_equal(lyc__reward_room(LYC_REWARD_CALIBRATED, 100, 7), 1400); /* and scratch */
    assert_int_equal(lyc__reward_room(LYC_REWARD_ACCURACY, 100, 7), 700);
    assert_int_equal(lyc__reward_room(LYC_REWARD_F1, 100, 7), 700);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_improvement_is_above_zero_for_every_kind),
        cmocka_unit_test(teachers_cost_by_the_share_of_them_selected),
        cmocka_unit_test(metrics_ask_for_logits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

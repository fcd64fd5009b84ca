/* What the algorithms on policy do with an interval's reward: generalised advantages and ppo's surrogate
 * against their definitions, and each algorithm as the limit of the next. */
#include "learners.h"

#include <stdlib.h>

#include "agent/learned.h"
#include "agent/on_policy.h"
#include "agent/value.h"

enum { INTERVAL = 5 };

static lyc_strategy *make_learner(lyc_on_policy_algorithm algorithm, double discount, double lambda,
                                  int epochs) {
    lyc_agent_options options = default_options("learned");
    options.credit.kind = LYC_CREDIT_ON_POLICY;
    options.credit.steps = INTERVAL;
    options.on_policy.algorithm = algorithm;
    options.on_policy.discount = discount;
    options.on_policy.lambda = lambda;
    options.on_policy.epochs = epochs;
    return make_strategy(&options, K);
}

static lyc__learner *learner_of(lyc_strategy *strategy) {
    return &lyc__learned_of(strategy)->learner;
}

/* An interval of decisions, its reward still to come; the same for every strategy and `number`. */
static void play_interval(lyc_strategy *strategy, int number) {
    lyc_random random = test_random(100 + (uint64_t)number);
    for (int step = 0; step < INTERVAL; step++) {
        test_batch batch;
        fill(&batch, &random, number * INTERVAL + step);
        (void)decide(strategy, &batch.input);
    }
}

static void learn(lyc_strategy *strategy, double reward, lyc_feedback *feedback) {
    assert_int_equal(lyc_strategy_learn_reward(strategy, reward, feedback, NULL), LYC_OK);
}

/* ---- advantages ------------------------------------------------------------------------------------ */

/* By the definition: the sum over l of (discount lambda)^l delta_{i+l}. */
static void advantages_are_the_generalised_ones(void **state) {
    (void)state;
    const double discount = 0.9, lambda = 0.7, reward = 0.31;
    lyc_strategy *strategy = make_learner(LYC_ON_POLICY_A2C, discount, lambda, 1);
    lyc__learner *learner = learner_of(strategy);
    lyc__on_policy *own = learner->own;
    lyc_random random = test_random(50);
    fill_normal(&random, 0.3, own->w, lyc__value_size(&learner->shape));
    play_interval(strategy, 0);
    lyc__on_policy_advantages(learner, reward, discount, lambda);
    for (int i = 0; i < INTERVAL; i++) {
        double expected = 0.0, weight = 1.0;
        for (int j = i; j < INTERVAL; j++, weight *= discount * lambda)
            expected +=
                weight * ((j == INTERVAL - 1 ? reward : discount * own->value[j + 1]) - own->value[j]);
        assert_near(own->advantage[i], expected, 1e-12);
        assert_near(own->target[i], own->value[i] + expected, 1e-12);
        assert_true(fabs(own->value[i]) > 1e-3); /* the baseline has something to say */
    }
    lyc__on_policy_advantages(learner, reward, 1.0, 1.0);
    for (int i = 0; i < INTERVAL; i++) assert_near(own->advantage[i], reward - own->value[i], 1e-12);
    lyc__on_policy_advantages(learner, reward, 1.0, 0.0);
    assert_near(own->advantage[0], own->value[1] - own->value[0], 1e-12);
    lyc_strategy_destroy(strategy);
}

/* The baseline moves towards those targets, a decision at a time. */
static void the_baseline_learns_the_targets(void **state) {
    (void)state;
    lyc_strategy *strategy = make_learner(LYC_ON_POLICY_A2C, 0.9, 0.7, 1);
    lyc__learner *learner = learner_of(strategy);
    lyc__on_policy *own = learner->own;
    size_t size = lyc__value_size(&learner->shape);
    double *w = calloc(2 * size, sizeof *w), *x = w + size;
    lyc_feedback feedback;
    play_interval(strategy, 0);
    lyc__on_policy_advantages(learner, 0.31, 0.9, 0.7);
    for (int i = 0; i < INTERVAL; i++) {
        double value = 0.0, power = 1.0;
        lyc__policy_pool(&learner->shape, own->memory.observation + (size_t)i * learner->observation_size, x);
        x[size - 1] = 4.0;
        for (size_t j = 0; j < size; j++) {
            value += w[j] * x[j];
            power += x[j] * x[j];
        }
        for (size_t j = 0; j < size; j++) w[j] += 0.2 / INTERVAL * (own->target[i] - value) * x[j] / power;
    }
    learn(strategy, 0.31, &feedback);
    for (size_t j = 0; j < size; j++) assert_near(own->w[j], w[j], 1e-12);
    free(w);
    lyc_strategy_destroy(strategy);
}

/* ---- the surrogate --------------------------------------------------------------------------------- */

typedef struct surrogate {
    lyc__learner *learner;
    const lyc__memory *memory;
    double credit, old_log_prob[INTERVAL];
} surrogate;

/* sum of min(ratio A, clip(ratio) A), as the paper has it. */
static double value_of(const surrogate *s) {
    double sum = 0.0;
    for (size_t i = 0; i < INTERVAL; i++) {
        lyc_action action;
        lyc__heads heads;
        lyc__learner_forward(s->learner, lyc__memory_get(s->memory, i, 0, &action), NULL, &heads);
        double ratio = exp(lyc__action_log_prob(&s->learner->law, &heads, &action) - s->old_log_prob[i]);
        sum += fmin(ratio * s->credit, fmax(0.8, fmin(1.2, ratio)) * s->credit);
    }
    return sum;
}

static void the_surrogate_has_its_slope_in_every_parameter(void **state) {
    (void)state;
    static const double ratios[INTERVAL] = {0.6, 0.9, 1.0, 1.1, 1.5};
    for (int sign = -1; sign <= 1; sign += 2) {
        lyc_strategy *strategy = make_learner(LYC_ON_POLICY_PPO, 0.99, 0.95, 4);
        lyc__learner *learner = learner_of(strategy);
        surrogate s = {
            .learner = learner, .memory = &((lyc__on_policy *)learner->own)->memory, .credit = sign * 0.7};
        lyc_random random = test_random(51);
        for (size_t i = 0; i < learner->size; i++) learner->params[i] += 0.3 * lyc_random_normal(&random);
        play_interval(strategy, 0);
        lyc__learner_start(learner);
        for (size_t i = 0; i < INTERVAL; i++) {
            lyc_action action;
            lyc__heads heads;
            lyc__learner_forward(learner, lyc__memory_get(s.memory, i, 0, &action), NULL, &heads);
            s.old_log_prob[i] = lyc__action_log_prob(&learner->law, &heads, &action) - log(ratios[i]);
            for (int k = 0; k < K; k++) assert_true(fabs(heads.select[k]) < learner->limit);
            lyc__learner_add_batch(learner, s.memory, i, (lyc__share){.credit = s.credit},
                                   &s.old_log_prob[i]);
        }
        double largest = 0.0;
        for (size_t i = 0; i < learner->size; i += 7) {
            double at = learner->params[i], slope;
            learner->params[i] = at + 1e-5;
            slope = value_of(&s);
            learner->params[i] = at - 1e-5;
            slope = (slope - value_of(&s)) / 2e-5;
            learner->params[i] = at;
            assert_near(learner->gradient[i], slope, 1e-7);
            largest = fmax(largest, fabs(slope));
        }
        assert_true(largest > 0.01);
        lyc_strategy_destroy(strategy);
    }
}

/* ---- each the limit of the next -------------------------------------------------------------------- */

static void same_after_some_intervals(lyc_strategy *one, lyc_strategy *other, bool same) {
    for (int number = 0; number < 4; number++) {
        lyc_feedback feedback[2];
        double reward = 0.1 + 0.05 * number;
        play_interval(one, number);
        play_interval(other, number);
        learn(one, reward, &feedback[0]);
        learn(other, reward, &feedback[1]);
    }
    lyc__learner *a = learner_of(one), *b = learner_of(other);
    assert_int_equal(memcmp(a->params, b->params, a->size * sizeof *a->params) == 0, same);
    lyc_strategy_destroy(one);
    lyc_strategy_destroy(other);
}

static void without_discount_a2c_is_reinforce(void **state) {
    (void)state;
    same_after_some_intervals(make_learner(LYC_ON_POLICY_REINFORCE, 0.5, 0.5, 9),
                              make_learner(LYC_ON_POLICY_A2C, 1.0, 1.0, 9), true);
    same_after_some_intervals(make_learner(LYC_ON_POLICY_REINFORCE, 0.5, 0.5, 9),
                              make_learner(LYC_ON_POLICY_A2C, 0.9, 1.0, 9), false);
}

static void with_one_pass_ppo_is_a2c(void **state) {
    (void)state;
    same_after_some_intervals(make_learner(LYC_ON_POLICY_A2C, 0.9, 0.8, 9),
                              make_learner(LYC_ON_POLICY_PPO, 0.9, 0.8, 1), true);
    same_after_some_intervals(make_learner(LYC_ON_POLICY_A2C, 0.9, 0.8, 9),
                              make_learner(LYC_ON_POLICY_PPO, 0.9, 0.8, 3), false);
}

/* Forty passes over one interval: how far the probability of what was done has moved. */
static double furthest_ratio(double clip) {
    lyc_agent_options options = default_options("learned");
    options.credit.kind = LYC_CREDIT_ON_POLICY;
    options.credit.steps = 1;
    options.entropy = 0.0;
    options.on_policy.algorithm = LYC_ON_POLICY_PPO;
    options.on_policy.clip = clip;
    options.on_policy.epochs = 40;
    lyc_strategy *strategy = make_strategy(&options, K);
    lyc__learned *own = lyc__learned_of(strategy);
    lyc_random random = test_random(52);
    test_batch batch;
    lyc_feedback feedback;
    lyc__heads heads;
    lyc_action action = {0};
    fill(&batch, &random, 0);
    lyc_decision decision = decide(strategy, &batch.input);
    memcpy(action.select, decision.select, sizeof action.select);
    learn(strategy, 0.5, &feedback);
    lyc__learner_forward(&own->learner, own->observation, NULL, &heads);
    double ratio = exp(lyc__action_log_prob(&own->learner.law, &heads, &action) - decision.log_prob);
    lyc_strategy_destroy(strategy);
    return ratio;
}

static void ppo_stays_near_the_policy_that_acted(void **state) {
    (void)state;
    double held = furthest_ratio(0.2), free_ratio = furthest_ratio(1.0);
    print_message("  ratio after 40 passes: %.2f, with a clip of 1: %.2f\n", held, free_ratio);
    assert_true(held > 1.15 && free_ratio > 1.5 * held);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(advantages_are_the_generalised_ones),
        cmocka_unit_test(the_baseline_learns_the_targets),
        cmocka_unit_test(the_surrogate_has_its_slope_in_every_parameter),
        cmocka_unit_test(without_discount_a2c_is_reinforce),
        cmocka_unit_test(with_one_pass_ppo_is_a2c),
        cmocka_unit_test(ppo_stays_near_the_policy_that_acted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

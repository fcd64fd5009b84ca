/* The learned strategy from outside: what it teaches, what it draws, how it learns, what refuses, and that a
 * restored one goes on bit for bit. */
#include "learners.h"

#include <stdlib.h>

#include "agent/learned.h"
#include "agent/scores.h"
#include "agent/subset.h"

/* Moves the policy away from its start, so that teachers differ. */
static void spread(lyc_strategy *strategy) {
    lyc__learner *learner = &lyc__learned_of(strategy)->learner;
    size_t heads = 2 * (size_t)learner->shape.hidden + 2;
    for (size_t i = learner->size - heads; i < learner->size; i++) learner->params[i] *= 40.0;
}

static lyc__heads heads_of(lyc_strategy *strategy) {
    lyc__heads heads;
    lyc__learned *own = lyc__learned_of(strategy);
    lyc__learner_forward(&own->learner, own->observation, NULL, &heads);
    return heads;
}

/* ---- the floor of exploration ------------------------------------------------------------------------ */

/* Outputs a million times too large: every teacher is at one end of the limit or at the other. */
static lyc_strategy *make_extreme(double floor, lyc_agent_network network, lyc_action_mode action,
                                  test_batch *batch) {
    lyc_random random = test_random(77);
    lyc_agent_options options = default_options("learned");
    options.exploration_floor = floor;
    options.network = network;
    options.action = action;
    lyc_strategy *strategy = make_strategy(&options, K);
    lyc__learner *learner = &lyc__learned_of(strategy)->learner;
    for (size_t i = 0; i < learner->size; i++) learner->params[i] = 1e6 * lyc_random_normal(&random);
    fill(batch, &random, 0);
    return strategy;
}

static void check_floor(double floor, lyc_agent_network network, lyc_action_mode action) {
    test_batch batch;
    lyc_strategy *strategy = make_extreme(floor, network, action, &batch);
    const double limit = log((1.0 - floor) / floor);
    lyc_decision decision = decide(strategy, &batch.input);
    const lyc__heads heads = heads_of(strategy);
    double least = 1.0, most = 0.0;
    for (int k = 0; k < K; k++) {
        assert_near(fabs(heads.select[k]), limit, 0.0);
        assert_near(fabs(heads.score[k]), limit, 0.0);
        const double p = lyc__sigmoid(heads.select[k]);
        assert_true(fabs(p - floor) < 1e-15 || fabs(p - (1.0 - floor)) < 1e-15);
        least = fmin(least, (double)decision.weights[k]);
        most = fmax(most, (double)decision.weights[k]);
    }
    if (action == LYC_ACTION_WEIGHT) /* one end against the other */
        assert_near(least / most, pow(floor / (1.0 - floor), 2.0), 1e-7);
    if (action == LYC_ACTION_SELECT) /* selected, and then at least its share of all */
        assert_true(least >= floor / K - 1e-7);
    assert_true(least > 0.0);
    lyc_strategy_destroy(strategy);
}

static void no_teacher_is_ever_given_up(void **state) {
    (void)state;
    static const double floors[] = {1e-4, 0.01, 0.04742587317756678, 0.2, 0.49};
    for (size_t i = 0; i < sizeof floors / sizeof floors[0]; i++)
        for (int m = 0; m < MODES; m++) {
            check_floor(floors[i], LYC_AGENT_SHARED, modes[m]);
            check_floor(floors[i], LYC_AGENT_LOGITS, modes[m]);
        }
}

/* Drawn for probes: the least likely teacher comes up as often as the floor says, and no less. */
static void a_teacher_at_the_floor_is_still_drawn(void **state) {
    (void)state;
    enum { DRAWS = 4000 };
    static const double floors[] = {0.1, 0.3};
    for (int i = 0; i < 2; i++) {
        test_batch batch;
        lyc_strategy *strategy = make_extreme(floors[i], LYC_AGENT_LOGITS, LYC_ACTION_SELECT, &batch);
        const lyc__learner *learner = &lyc__learned_of(strategy)->learner;
        int drawn[K] = {0};
        (void)decide(strategy, &batch.input);
        for (int draw = 0; draw < DRAWS; draw++) {
            lyc_action action;
            batch.input.step = (uint32_t)draw;
            lyc_strategy_sample(strategy, &batch.input, 0, &action);
            for (int k = 0; k < K; k++) drawn[k] += action.select[k];
        }
        double none = 1.0;
        for (int k = 0; k < K; k++) none *= learner->params[k] < 0.0 ? 1.0 - floors[i] : floors[i];
        for (int k = 0; k < K; k++) {
            const double p = (learner->params[k] < 0.0 ? floors[i] : 1.0 - floors[i]) / (1.0 - none);
            assert_near((double)drawn[k] / DRAWS, p, 5.0 * sqrt(p * (1.0 - p) / DRAWS));
        }
        lyc_strategy_destroy(strategy);
    }
}

/* ---- what teaches ------------------------------------------------------------------------------------ */

static void mean_teaching_uses_the_mean_weights_and_records_the_greedy_set(void **state) {
    (void)state;
    lyc_random random = test_random(1);
    for (int m = 0; m < MODES; m++) {
        lyc_strategy *strategy = make(modes[m], LYC_TEACH_MEAN, LYC_CREDIT_PROBE);
        spread(strategy);
        test_batch batch;
        fill(&batch, &random, 0);
        lyc_decision decision = decide(strategy, &batch.input);
        lyc__heads heads = heads_of(strategy);
        double expected[K];
        uint8_t greedy[K] = {1, 1, 1, 1};
        if (modes[m] == LYC_ACTION_SELECT) lyc__subset_mean_weights(heads.select, K, expected);
        if (modes[m] == LYC_ACTION_WEIGHT) lyc__scores_softmax(heads.score, greedy, K, expected);
        if (modes[m] == LYC_ACTION_SELECT_WEIGHT)
            lyc__scores_mean_weights(heads.select, heads.score, K, expected);
        if (modes[m] != LYC_ACTION_WEIGHT) lyc__subset_greedy(heads.select, K, greedy);
        for (int k = 0; k < K; k++) {
            assert_near((double)decision.weights[k], expected[k], 1e-7);
            assert_true(decision.weights[k] >
                        0.0F); /* unselected ones keep what the policy's means give them */
        }
        assert_memory_equal(decision.select, greedy, K);
        double log_prob = modes[m] == LYC_ACTION_WEIGHT ? 0.0 : lyc__subset_log_prob(heads.select, K, greedy);
        if (modes[m] != LYC_ACTION_SELECT)
            log_prob += lyc__scores_log_density(heads.score, 0.5, greedy, heads.score, K);
        assert_near(decision.log_prob, log_prob, 1e-12);
        assert_near(decision.entropy,
                    modes[m] == LYC_ACTION_WEIGHT ? 0.0 : lyc__subset_entropy(heads.select, K), 1e-12);
        assert_true(isnan(decision.value));
        lyc_strategy_destroy(strategy);
    }
}

static void greedy_teaching_keeps_to_the_greedy_set(void **state) {
    (void)state;
    lyc_random random = test_random(2);
    for (int m = 0; m < MODES; m++) {
        lyc_strategy *mean = make(modes[m], LYC_TEACH_MEAN, LYC_CREDIT_PROBE);
        lyc_strategy *greedy = make(modes[m], LYC_TEACH_GREEDY, LYC_CREDIT_PROBE);
        spread(mean);
        spread(greedy);
        test_batch batch;
        fill(&batch, &random, 0);
        lyc_decision all = decide(mean, &batch.input), set = decide(greedy, &batch.input);
        assert_memory_equal(all.select, set.select, K);
        double inside = 0.0;
        for (int k = 0; k < K; k++) inside += set.select[k] ? (double)all.weights[k] : 0.0;
        for (int k = 0; k < K; k++)
            assert_near((double)set.weights[k], set.select[k] ? (double)all.weights[k] / inside : 0.0, 1e-6);
        lyc_strategy_destroy(mean);
        lyc_strategy_destroy(greedy);
    }
}

/* Trap: "a mask test on the whole list instead of its element, so all teachers are always averaged". */
static void unselected_teachers_have_no_weight_in_a_drawn_action(void **state) {
    (void)state;
    lyc_random random = test_random(3);
    for (int m = 0; m < MODES; m++) {
        lyc_strategy *strategy = make(modes[m], LYC_TEACH_MEAN, LYC_CREDIT_PROBE);
        test_batch batch;
        fill(&batch, &random, 0);
        (void)decide(strategy, &batch.input);
        int partial = 0;
        for (int step = 0; step < 200; step++) {
            lyc_action action;
            double sum = 0.0, count = 0.0;
            batch.input.step = (uint32_t)step;
            lyc_strategy_sample(strategy, &batch.input, step % 2, &action);
            for (int k = 0; k < K; k++) {
                count += action.select[k];
                sum += (double)action.weight[k];
                assert_true(action.select[k] ? action.weight[k] > 0.0F
                                             : action.weight[k] == 0.0F && action.score[k] == 0.0);
            }
            assert_near(sum, 1.0, 1e-6);
            for (int k = 0; k < K && modes[m] == LYC_ACTION_SELECT; k++)
                if (action.select[k]) assert_near((double)action.weight[k], 1.0 / count, 1e-7);
            partial += count < K;
        }
        assert_true(modes[m] == LYC_ACTION_WEIGHT ? partial == 0 : partial > 100);
        lyc_strategy_destroy(strategy);
    }
}

static void draws_are_a_function_of_their_key(void **state) {
    (void)state;
    lyc_random random = test_random(4);
    lyc_strategy *strategy = make(LYC_ACTION_SELECT_WEIGHT, LYC_TEACH_MEAN, LYC_CREDIT_PROBE);
    test_batch batch;
    fill(&batch, &random, 5);
    (void)decide(strategy, &batch.input);
    lyc_action first, again, other;
    lyc_strategy_sample(strategy, &batch.input, 0, &first);
    lyc_strategy_sample(strategy, &batch.input, 1, &other);
    lyc_strategy_sample(strategy, &batch.input, 0, &again);
    assert_memory_equal(&first, &again, sizeof first);
    assert_true(memcmp(first.weight, other.weight, sizeof first.weight) != 0);
    lyc_decision_input changed[3] = {batch.input, batch.input, batch.input};
    changed[0].seed++;
    changed[1].epoch++;
    changed[2].step++;
    for (int i = 0; i < 3; i++) {
        lyc_strategy_sample(strategy, &changed[i], 0, &other);
        assert_true(memcmp(first.weight, other.weight, sizeof first.weight) != 0);
    }
    lyc_strategy_destroy(strategy);
}

static void greedy_behaviour_changes_nothing(void **state) {
    (void)state;
    for (int credit = LYC_CREDIT_PROBE; credit <= LYC_CREDIT_ON_POLICY; credit++) {
        lyc_random random = test_random(5);
        lyc_strategy *strategy = make(LYC_ACTION_SELECT, LYC_TEACH_MEAN, (lyc_credit_kind)credit);
        lyc__learned *own = lyc__learned_of(strategy);
        spread(strategy);
        test_batch batch;
        fill(&batch, &random, 0);
        (void)decide(strategy, &batch.input);
        double count = own->observe.normaliser.count[LYC__FEATURE_kl];
        lyc_strategy_set_greedy(strategy, true);
        lyc_decision decision = {0};
        for (int step = 1; step < 10; step++) { /* more than an interval holds */
            fill(&batch, &random, step);
            decision = decide(strategy, &batch.input);
            double sum = 0.0;
            for (int k = 0; k < K; k++) {
                sum += (double)decision.weights[k];
                assert_true(decision.select[k] || decision.weights[k] == 0.0F);
            }
            assert_near(sum, 1.0, 1e-6);
        }
        uint8_t greedy[K];
        lyc__heads heads = heads_of(strategy);
        lyc__subset_greedy(heads.select, K, greedy);
        assert_memory_equal(decision.select, greedy, K);
        assert_true(own->observe.normaliser.count[LYC__FEATURE_kl] == count);
        lyc_feedback feedback;
        lyc_action a = {.select = {1}}, b = {.select = {0, 1}};
        assert_int_equal(lyc_strategy_learn_pair(strategy, &a, &b, 1, 0, &feedback, NULL), LYC_EINTERNAL);
        assert_int_equal(lyc_strategy_learn_reward(strategy, 1, &feedback, NULL), LYC_EINTERNAL);
        lyc_strategy_destroy(strategy);
    }
}

/* ---- learning from pairs ------------------------------------------------------------------------------ */

static void a_pair_moves_the_policy_towards_the_better_action(void **state) {
    (void)state;
    lyc_random random = test_random(6);
    lyc_strategy *strategy = make(LYC_ACTION_SELECT, LYC_TEACH_MEAN, LYC_CREDIT_PROBE);
    test_batch batch;
    fill(&batch, &random, 0);
    (void)decide(strategy, &batch.input);
    lyc_action better, worse;
    lyc_strategy_sample(strategy, &batch.input, 0, &better); /* remembers the observation */
    set_action(&better, (uint8_t[K]){1, 1, 0, 0});
    set_action(&worse, (uint8_t[K]){0, 1, 1, 0});
    lyc__heads before = heads_of(strategy);
    lyc_feedback feedback;
    for (int i = 0; i < 5; i++)
        assert_int_equal(lyc_strategy_learn_pair(strategy, &better, &worse, 0.02, 0.01, &feedback, NULL),
                         LYC_OK);
    lyc__heads after = heads_of(strategy);
    assert_near(feedback.advantage, 1.0, 1e-9);
    assert_true(feedback.gradient_norm > 0.0);
    assert_true(after.select[0] > before.select[0] && after.select[2] < before.select[2]);
    lyc_strategy_destroy(strategy);
}

/* The first update of Adam moves a parameter by the rate itself, wherever its gradient is not next to
 * nothing. */
static void the_rate_follows_the_schedule_of_the_student(void **state) {
    (void)state;
    static const double fractions[] = {1.0, 0.25, 0.0};
    for (size_t i = 0; i < sizeof fractions / sizeof fractions[0]; i++) {
        lyc_random random = test_random(6);
        lyc_strategy *strategy = make(LYC_ACTION_SELECT, LYC_TEACH_MEAN, LYC_CREDIT_PROBE);
        const lyc__learner *learner = &lyc__learned_of(strategy)->learner;
        test_batch batch;
        fill(&batch, &random, 0);
        batch.input.lr_fraction = fractions[i];
        (void)decide(strategy, &batch.input);
        lyc_action a, b;
        lyc_strategy_sample(strategy, &batch.input, 0, &a);
        set_action(&a, (uint8_t[K]){1, 1, 0, 0});
        set_action(&b, (uint8_t[K]){0, 1, 1, 0});
        double *before = malloc(learner->size * sizeof *before), most = 0.0;
        memcpy(before, learner->params, learner->size * sizeof *before);
        lyc_feedback feedback;
        assert_int_equal(lyc_strategy_learn_pair(strategy, &a, &b, 0.3, 0.1, &feedback, NULL), LYC_OK);
        for (size_t j = 0; j < learner->size; j++) most = fmax(most, fabs(learner->params[j] - before[j]));
        assert_near(most, 0.02 * fractions[i], 1e-6);
        free(before);
        lyc_strategy_destroy(strategy);
    }
}

/* The parameters' gradient is credit and entropy bonus, carried back through floor and network. */
static void the_update_is_credit_plus_entropy(void **state) {
    (void)state;
    lyc_random random = test_random(7);
    lyc_strategy *strategy = make(LYC_ACTION_SELECT_WEIGHT, LYC_TEACH_MEAN, LYC_CREDIT_PROBE);
    lyc__learned *own = lyc__learned_of(strategy);
    lyc__learner *learner = &own->learner;
    spread(strategy);
    test_batch batch;
    fill(&batch, &random, 0);
    (void)decide(strategy, &batch.input);
    lyc_action a, b;
    lyc_strategy_sample(strategy, &batch.input, 0, &a);
    lyc_strategy_sample(strategy, &batch.input, 1, &b);
    lyc__heads raw, heads, credit = {0}, bonus = {0};
    lyc__learner_forward(learner, own->observation, &raw, &heads);
    lyc__probe_credit(&learner->law, &heads, &a, &b, -1.0,
                      &credit); /* the first difference is its own size */
    lyc__subset_entropy_gradient(heads.select, K, 0.01, bonus.select);
    double mean = 0.0, *expected = calloc(learner->size, sizeof *expected);
    for (int k = 0; k < K; k++) mean += credit.score[k] / K;
    for (int k = 0; k < K; k++) {
        assert_true(fabs(raw.select[k]) < learner->limit && fabs(raw.score[k]) < learner->limit);
        credit.select[k] += bonus.select[k];
        credit.score[k] -= mean;
    }
    learner->policy->backward(&learner->shape, learner->params, own->observation, 1, learner->workspace,
                              &credit, expected);
    lyc_feedback feedback;
    assert_int_equal(lyc_strategy_learn_pair(strategy, &a, &b, 0.1, 0.3, &feedback, NULL), LYC_OK);
    double norm = 0.0;
    for (size_t i = 0; i < learner->size; i++) {
        assert_near(learner->gradient[i], expected[i], 1e-12);
        norm += expected[i] * expected[i];
    }
    assert_near(feedback.gradient_norm, sqrt(norm), 1e-12);
    free(expected);
    lyc_strategy_destroy(strategy);
}

static void an_equal_pair_leaves_size_and_reward_alone(void **state) {
    (void)state;
    lyc_random random = test_random(8);
    lyc_strategy *strategy = make(LYC_ACTION_SELECT, LYC_TEACH_MEAN, LYC_CREDIT_PROBE);
    lyc__learned *own = lyc__learned_of(strategy);
    test_batch batch;
    fill(&batch, &random, 0);
    (void)decide(strategy, &batch.input);
    lyc_action a, b;
    lyc_feedback feedback;
    lyc_strategy_sample(strategy, &batch.input, 0, &a);
    set_action(&a, (uint8_t[K]){1, 0, 0, 0});
    set_action(&b, (uint8_t[K]){0, 1, 0, 0});
    assert_int_equal(lyc_strategy_learn_pair(strategy, &a, &b, 0.5, 0.1, &feedback, NULL), LYC_OK);
    assert_near(own->observe.reward[0], 0.3, 1e-12);
    double sum = own->learner.scale->sum;
    assert_int_equal(lyc_strategy_learn_pair(strategy, &a, &a, 0.0, 0.0, &feedback, NULL), LYC_OK);
    assert_true(feedback.advantage == 0.0);
    assert_true(feedback.gradient_norm > 0.0); /* the entropy bonus */
    assert_true(own->learner.scale->sum == sum && own->observe.reward[0] == 0.3);
    lyc_strategy_destroy(strategy);
}

/* Decisions between drawing and learning do not mix up the credit: the observation drawn at is remembered. */
static void a_pair_is_credited_where_it_was_drawn(void **state) {
    (void)state;
    double params[2][64];
    for (int late = 0; late < 2; late++) {
        lyc_random random = test_random(9);
        lyc_strategy *strategy = make(LYC_ACTION_SELECT, LYC_TEACH_MEAN, LYC_CREDIT_PROBE);
        test_batch batch;
        lyc_action a, b;
        lyc_feedback feedback;
        fill(&batch, &random, 0);
        (void)decide(strategy, &batch.input);
        lyc_strategy_sample(strategy, &batch.input, 0, &a);
        set_action(&b, (uint8_t[K]){(uint8_t)!a.select[0], 1, 0, 0});
        for (int step = 1; late && step < 4; step++) {
            fill(&batch, &random, step);
            (void)decide(strategy, &batch.input);
        }
        assert_int_equal(lyc_strategy_learn_pair(strategy, &a, &b, 0.5, 0.1, &feedback, NULL), LYC_OK);
        memcpy(params[late], lyc__learned_of(strategy)->learner.params, sizeof params[late]);
        lyc_strategy_destroy(strategy);
    }
    assert_memory_equal(params[0], params[1], sizeof params[0]);
}

/* ---- learning on policy -------------------------------------------------------------------------------- */

static void the_interval_is_credited_as_a_whole(void **state) {
    (void)state;
    lyc_random random = test_random(10);
    lyc_strategy *strategy = make(LYC_ACTION_SELECT, LYC_TEACH_MEAN, LYC_CREDIT_ON_POLICY);
    lyc__learned *own = lyc__learned_of(strategy);
    lyc__learner *learner = &own->learner;
    test_batch batch;
    double *expected = calloc(learner->size, sizeof *expected);
    lyc_feedback feedback;
    for (int step = 0; step < 3; step++) {
        fill(&batch, &random, step);
        lyc_decision decision = decide(strategy, &batch.input);
        assert_true(decision.value == 0.0); /* a fresh baseline */
        lyc_action action = {0};
        memcpy(action.select, decision.select, sizeof action.select);
        lyc__heads raw, heads, credit = {0};
        lyc__learner_forward(learner, own->observation, &raw, &heads);
        lyc__reinforce_credit(&learner->law, &heads, &action, 1.0, &credit);
        lyc__subset_entropy_gradient(heads.select, K, 0.01, credit.select);
        learner->policy->backward(&learner->shape, learner->params, own->observation, 1, learner->workspace,
                                  &credit, expected);
    }
    lyc_decision decision;
    lyc_error err = {0};
    assert_int_equal(lyc_strategy_decide(strategy, &batch.input, &decision, &err),
                     LYC_EINTERNAL); /* interval full */
    assert_int_equal(lyc_strategy_learn_reward(strategy, 0.07, &feedback, NULL), LYC_OK);
    for (size_t i = 0; i < learner->size; i++) assert_near(learner->gradient[i], expected[i], 1e-12);
    assert_near(feedback.advantage, 1.0, 1e-12);
    assert_near(own->observe.reward[0], 0.07, 0.0);
    decision = decide(strategy, &batch.input);
    assert_true(decision.value > 0.0); /* the baseline has moved towards the reward */
    free(expected);
    lyc_strategy_destroy(strategy);
}

static void a_reward_for_nothing_changes_nothing(void **state) {
    (void)state;
    lyc_strategy *strategy = make(LYC_ACTION_SELECT, LYC_TEACH_MEAN, LYC_CREDIT_ON_POLICY);
    lyc__learner *learner = &lyc__learned_of(strategy)->learner;
    double before = learner->params[0];
    lyc_feedback feedback;
    assert_int_equal(lyc_strategy_learn_reward(strategy, 0.5, &feedback, NULL), LYC_OK);
    assert_true(feedback.gradient_norm == 0.0 && learner->params[0] == before && *learner->adam.steps == 0);
    lyc_strategy_destroy(strategy);
}

/* ---- refusals ----------------------------------------------------------------------------------------- */

static void rewards_that_are_not_numbers_change_nothing(void **state) {
    (void)state;
    const double bad[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
    for (int credit = LYC_CREDIT_PROBE; credit <= LYC_CREDIT_ON_POLICY; credit++) {
        lyc_random random = test_random(11);
        lyc_strategy *strategy = make(LYC_ACTION_SELECT, LYC_TEACH_MEAN, (lyc_credit_kind)credit);
        lyc__learner *learner = &lyc__learned_of(strategy)->learner;
        test_batch batch;
        lyc_action a, b;
        lyc_feedback feedback;
        fill(&batch, &random, 0);
        (void)decide(strategy, &batch.input);
        lyc_strategy_sample(strategy, &batch.input, 0, &a);
        set_action(&b, (uint8_t[K]){1, 0, 0, 0});
        double before = learner->params[0];
        for (int i = 0; i < 3; i++) {
            if (credit == LYC_CREDIT_ON_POLICY) {
                assert_int_equal(lyc_strategy_learn_reward(strategy, bad[i], &feedback, NULL), LYC_ENUMERIC);
                continue;
            }
            assert_int_equal(lyc_strategy_learn_pair(strategy, &a, &b, bad[i], 0.0, &feedback, NULL),
                             LYC_ENUMERIC);
            assert_int_equal(lyc_strategy_learn_pair(strategy, &a, &b, 0.0, bad[i], &feedback, NULL),
                             LYC_ENUMERIC);
        }
        assert_true(learner->params[0] == before && *learner->adam.steps == 0 &&
                    learner->scale->weight == 0.0);
        lyc_strategy_destroy(strategy);
    }
}

static void the_other_kind_of_credit_is_refused(void **state) {
    (void)state;
    lyc_feedback feedback;
    lyc_action a = {.select = {1}};
    lyc_error err = {0};
    lyc_strategy *strategy = make(LYC_ACTION_SELECT, LYC_TEACH_MEAN, LYC_CREDIT_PROBE);
    assert_int_equal(lyc_strategy_learn_reward(strategy, 0.0, &feedback, &err), LYC_EINTERNAL);
    assert_non_null(strstr(err.message, "probe"));
    lyc_strategy_destroy(strategy);
    strategy = make(LYC_ACTION_SELECT, LYC_TEACH_MEAN, LYC_CREDIT_ON_POLICY);
    assert_int_equal(lyc_strategy_learn_pair(strategy, &a, &a, 0.0, 0.0, &feedback, &err), LYC_EINTERNAL);
    assert_non_null(strstr(err.message, "reinforce"));
    lyc_strategy_destroy(strategy);
}

/* More decisions than an interval holds: none of them waits for a reward, and the reward credits none. */
static void in_the_warm_up_everybody_teaches_alike(void **state) {
    (void)state;
    static test_batch batch;
    for (int on_policy = 0; on_policy < 2; on_policy++) {
        lyc_agent_options options = default_options("learned");
        options.credit.kind = on_policy ? LYC_CREDIT_ON_POLICY : LYC_CREDIT_PROBE;
        options.warmup = 0.5;
        lyc_strategy *strategy = make_strategy(&options, K);
        lyc_random random = test_random(31);
        lyc_feedback feedback;
        for (int step = 0; step < 9; step++) {
            fill(&batch, &random, step);
            batch.input.progress = step / 20.0;
            lyc_decision decision = decide(strategy, &batch.input);
            for (int k = 0; k < K; k++) {
                assert_true(decision.weights[k] == 0.25F && decision.mean_weight[k] == 0.25F);
                assert_int_equal(decision.select[k], 1);
            }
            assert_true(isnan(decision.log_prob) && isnan(decision.value) && decision.observation != NULL);
        }
        if (on_policy) {
            assert_int_equal(lyc_strategy_learn_reward(strategy, 0.5, &feedback, NULL), LYC_OK);
            assert_true(feedback.advantage == 0.0 && feedback.gradient_norm == 0.0);
        } else {
            lyc_action a, b;
            set_action(&a, (const uint8_t[K]){1, 1, 0, 0});
            set_action(&b, (const uint8_t[K]){0, 1, 1, 0});
            for (int draw = 0; draw < 2; draw++) {
                lyc_action drawn;
                lyc_strategy_sample(strategy, &batch.input, draw, &drawn);
            }
            assert_int_equal(lyc_strategy_learn_pair(strategy, &a, &b, 0.5, 0.1, &feedback, NULL), LYC_OK);
            assert_true(feedback.advantage != 0.0 && feedback.gradient_norm > 0.0);
        }
        batch.input.progress = 0.5; /* over */
        lyc_decision decision = decide(strategy, &batch.input);
        assert_true(!isnan(decision.log_prob) && isnan(decision.value) == !on_policy);
        lyc_strategy_set_greedy(strategy, true);
        batch.input.progress = 0.0; /* evaluation asks the policy */
        decision = decide(strategy, &batch.input);
        assert_true(!isnan(decision.log_prob));
        lyc_strategy_destroy(strategy);
    }
}

static void options_out_of_bounds_are_refused_by_key(void **state) {
    (void)state;
    lyc_agent_options bad[14];
    const char *const keys[14] = {
        "agent.hidden",  "agent.hidden", "agent.learning_rate",     "agent.learning_rate",    "agent.entropy",
        "agent.sigma",   "agent.clip",   "agent.credit.steps",      "agent.action",           "agent.teach",
        "agent.network", "agent.warmup", "agent.exploration_floor", "agent.exploration_floor"};
    for (int i = 0; i < 14; i++) bad[i] = default_options("learned");
    bad[0].hidden = 0;
    bad[1].hidden = 5000;
    bad[2].learning_rate = -0.1;
    bad[3].learning_rate = (double)NAN;
    bad[4].entropy = -1.0;
    bad[5].sigma = 0.0;
    bad[6].clip = 0.0;
    bad[7].credit.steps = 0;
    bad[8].action = (lyc_action_mode)3;
    bad[9].teach = (lyc_teach_mode)2;
    bad[10].network = (lyc_agent_network)2;
    bad[11].warmup = 1.5;
    bad[12].exploration_floor = 0.0; /* nothing would bound the outputs */
    bad[13].exploration_floor = 0.5; /* nothing would be left to decide */
    lyc_agent_facts facts = test_facts(K);
    for (int i = 0; i < 14; i++) {
        lyc_strategy *strategy;
        lyc_error err = {0};
        assert_int_equal(lyc_strategy_create(&strategy, &bad[i], &facts, 1, 4, &err), LYC_ECONFIG);
        assert_non_null(strstr(err.message, keys[i]));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_teacher_is_ever_given_up),
        cmocka_unit_test(a_teacher_at_the_floor_is_still_drawn),
        cmocka_unit_test(mean_teaching_uses_the_mean_weights_and_records_the_greedy_set),
        cmocka_unit_test(greedy_teaching_keeps_to_the_greedy_set),
        cmocka_unit_test(unselected_teachers_have_no_weight_in_a_drawn_action),
        cmocka_unit_test(draws_are_a_function_of_their_key),
        cmocka_unit_test(greedy_behaviour_changes_nothing),
        cmocka_unit_test(a_pair_moves_the_policy_towards_the_better_action),
        cmocka_unit_test(the_rate_follows_the_schedule_of_the_student),
        cmocka_unit_test(the_update_is_credit_plus_entropy),
        cmocka_unit_test(an_equal_pair_leaves_size_and_reward_alone),
        cmocka_unit_test(a_pair_is_credited_where_it_was_drawn),
        cmocka_unit_test(the_interval_is_credited_as_a_whole),
        cmocka_unit_test(a_reward_for_nothing_changes_nothing),
        cmocka_unit_test(rewards_that_are_not_numbers_change_nothing),
        cmocka_unit_test(the_other_kind_of_credit_is_refused),
        cmocka_unit_test(in_the_warm_up_everybody_teaches_alike),
        cmocka_unit_test(options_out_of_bounds_are_refused_by_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

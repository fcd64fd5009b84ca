/* Per instance: the law over a whole trial against the analytic gradient, and a bandit in which another
 * teacher is right on every row. */
#include "support.h"

#include <pthread.h>
#include <stdlib.h>

#include "agent/learned.h"
#include "agent/subset.h"

static lyc_agent_options instance_options(void) {
    lyc_agent_options options = default_options("learned");
    options.granularity = LYC_GRANULARITY_INSTANCE;
    return options;
}

static void follow(lyc_strategy *strategy, const lyc_decision_input *input, int draw, lyc_action *action,
                   lyc_taught *taught) {
    lyc_error err = {0};
    if (lyc_strategy_follow(strategy, input, draw, action, taught, &err) != LYC_OK)
        fail_msg("%s", err.message);
}

/* ---- the law --------------------------------------------------------------------------------------- */

enum { K = 2, ROWS = 2, BATCHES = 2, DECISIONS = ROWS * BATCHES, SETS = 3, DRAWS = 30000 };

typedef struct law {
    lyc_strategy *strategy;
    lyc__learner *learner;
    test_batch batch[BATCHES];
    double observation[DECISIONS][2 * LYC__OWN + LYC__GLOBAL];
    double logit[DECISIONS][K];
} law;

/* Not a sum over the rows: what one row is taught changes what another is worth. */
static double reward_of(const float weight[DECISIONS][K]) {
    double worth[DECISIONS], sum = 0.7;
    for (int i = 0; i < DECISIONS; i++) {
        worth[i] = (double)weight[i][0] * (i % 2 == 0 ? 1.0 : -0.6) + 0.3 * i * (double)weight[i][1];
        sum += worth[i];
    }
    return sum + 0.5 * worth[0] * worth[3] - 0.4 * worth[1] * worth[2];
}

static void open_law(law *l) {
    lyc_agent_options options = instance_options();
    lyc_random random = test_random(40);
    options.hidden = 4;
    options.learning_rate = 0.0;
    options.entropy = 0.0;
    options.clip = 1e6;
    options.credit.steps = BATCHES;
    l->strategy = make_strategy(&options, K);
    l->learner = &lyc__learned_of(l->strategy)->learner;
    for (size_t i = 0; i < l->learner->size; i++) l->learner->params[i] = 0.6 * lyc_random_normal(&random);
    for (int b = 0; b < BATCHES; b++)
        fill_batch(&l->batch[b], &random, K, ROWS, (const double[K]){3.0, 0.0}, NULL);
    (void)decide(l->strategy, &l->batch[0].input);
    lyc__learned *own = lyc__learned_of(l->strategy);
    for (int b = 0; b < BATCHES; b++)
        assert_int_equal(
            lyc__observation_look(&own->observe, &l->batch[b].input, l->observation[b * ROWS], NULL), LYC_OK);
    for (int i = 0; i < DECISIONS; i++) {
        lyc__heads heads;
        lyc__learner_forward(l->learner, l->observation[i], NULL, &heads);
        for (int k = 0; k < K; k++) {
            l->logit[i][k] = heads.select[k];
            assert_true(fabs(heads.select[k]) < l->learner->limit); /* inside the floor, where it is exact */
        }
    }
}

/* E[reward] over the 3^4 ways in which the rows' sets can fall. */
static double expected_reward(double logit[DECISIONS][K]) {
    double sum = 0.0;
    for (int way = 0; way < SETS * SETS * SETS * SETS; way++) {
        double probability = 1.0;
        float weight[DECISIONS][K];
        for (int i = 0, rest = way; i < DECISIONS; i++, rest /= SETS) {
            uint32_t mask = (uint32_t)(rest % SETS) + 1;
            probability *= subset_probability(logit[i], K, mask);
            for (int k = 0; k < K; k++) weight[i][k] = mask >> k & 1U ? (mask == 3 ? 0.5F : 1.0F) : 0.0F;
        }
        sum += probability * reward_of((const float(*)[K])weight);
    }
    return sum;
}

/* Numerically in the logits of every row, then through the policy. */
static void analytic_gradient(law *l, double *gradient) {
    memset(gradient, 0, l->learner->size * sizeof *gradient);
    for (int i = 0; i < DECISIONS; i++) {
        lyc__heads heads, slope = {0};
        for (int k = 0; k < K; k++) {
            double at = l->logit[i][k];
            l->logit[i][k] = at + 1e-4;
            slope.select[k] = expected_reward(l->logit);
            l->logit[i][k] = at - 1e-4;
            slope.select[k] = (slope.select[k] - expected_reward(l->logit)) / 2e-4;
            l->logit[i][k] = at;
        }
        lyc__learner_forward(l->learner, l->observation[i], NULL, &heads);
        l->learner->policy->backward(&l->learner->shape, l->learner->params, l->observation[i], 1,
                                     l->learner->workspace, &slope, gradient);
    }
}

/* One pair of trials; the estimate in units of the reward, as the learner leaves it. */
static void try_pair(law *l, int number, lyc_feedback *feedback) {
    lyc_action action[2];
    double reward[2];
    for (int draw = 0; draw < 2; draw++) {
        float weight[DECISIONS][K];
        l->batch[0].input.step = (uint32_t)number;
        lyc_strategy_sample(l->strategy, &l->batch[0].input, draw, &action[draw]);
        for (int b = 0; b < BATCHES; b++) {
            lyc_taught taught;
            follow(l->strategy, &l->batch[b].input, draw, &action[draw], &taught);
            assert_true(taught.per_row);
            memcpy(weight[b * ROWS], taught.weights, ROWS * K * sizeof(float));
        }
        reward[draw] = reward_of((const float(*)[K])weight);
    }
    assert_int_equal(
        lyc_strategy_learn_pair(l->strategy, &action[0], &action[1], reward[0], reward[1], feedback, NULL),
        LYC_OK);
}

/* Distance of the mean from the analytic gradient, its standard error, and the norm. */
typedef struct verdict {
    double distance, error, norm;
} verdict;

static verdict judge(const double *sum, const double *square, const double *analytic, size_t size) {
    verdict v = {0};
    for (size_t i = 0; i < size; i++) {
        double mean = sum[i] / DRAWS;
        v.distance += (mean - analytic[i]) * (mean - analytic[i]);
        v.error += (square[i] / DRAWS - mean * mean) / DRAWS;
        v.norm += analytic[i] * analytic[i];
    }
    v = (verdict){sqrt(v.distance), sqrt(v.error), sqrt(v.norm)};
    print_message("  |gradient| %.4f  standard error %.2f %%  off by %.2f %%\n", v.norm,
                  100 * v.error / v.norm, 100 * v.distance / v.norm);
    return v;
}

/* The estimate is the whole trial's: crediting the rows of its first batch alone, as if an action were held,
 * is far off. */
static void the_gradient_of_a_trial_is_the_analytic_one(void **state) {
    (void)state;
    law l;
    open_law(&l);
    size_t size = l.learner->size;
    double *analytic = calloc(5 * size, sizeof(double)), *sum = analytic + size, *square = sum + size,
           *first = square + size, *first_square = first + size;
    analytic_gradient(&l, analytic);
    for (int number = 0; number < DRAWS; number++) {
        lyc_feedback feedback;
        try_pair(&l, number, &feedback);
        double rms = sqrt(l.learner->scale->sum / l.learner->scale->weight) * sqrt(DECISIONS);
        if (l.learner->scale->weight == 0.0) rms = 0.0; /* nothing but equal pairs so far */
        for (size_t i = 0; i < size; i++) {
            double estimate = rms * l.learner->gradient[i];
            sum[i] += estimate;
            square[i] += estimate * estimate;
        }
        lyc__learner_start(l.learner);
        for (int draw = 0; draw < 2; draw++)
            lyc__learner_add_batch(
                l.learner, &lyc__learned_of(l.strategy)->trials[draw].memory, 0,
                (lyc__share){.credit = (draw == 0 ? 0.5 : -0.5) * rms * feedback.advantage / sqrt(DECISIONS)},
                NULL);
        for (size_t i = 0; i < size; i++) {
            first[i] += l.learner->gradient[i];
            first_square[i] += l.learner->gradient[i] * l.learner->gradient[i];
        }
    }
    verdict real = judge(sum, square, analytic, size), wrong = judge(first, first_square, analytic, size);
    assert_true(real.error < 0.03 * real.norm && real.distance < 4.0 * real.error);
    assert_true(wrong.distance > 10.0 * wrong.error && wrong.distance > 0.2 * wrong.norm);
    free(analytic);
    lyc_strategy_destroy(l.strategy);
}

/* ---- the bandit ------------------------------------------------------------------------------------ */

enum { ARMS = 3, GAME_ROWS = 32, SEEDS = 20, ROUNDS = 300 };

/* Row by row another teacher is right, the other two are wrong with confidence; which is which can be seen,
 * and whom it pays to follow can only be found out. */
static void fill_game(test_batch *batch, lyc_random *random, int round, int *right) {
    fill_batch(batch, random, ARMS, GAME_ROWS, NULL, NULL);
    for (int row = 0; row < GAME_ROWS; row++) {
        right[row] = (int)lyc_random_below(random, ARMS);
        for (int k = 0; k < ARMS; k++)
            batch->logits[k][row * CLASSES + (batch->labels[row] + (k == right[row] ? 0 : 3)) % CLASSES] +=
                4.0F;
    }
    batch->input.step = (uint32_t)round;
    batch->input.progress = (double)round / ROUNDS;
}

static double share_of_the_right(const float *weights, const int *right) {
    double sum = 0.0;
    for (int row = 0; row < GAME_ROWS; row++) sum += (double)weights[row * ARMS + right[row]] / GAME_ROWS;
    return sum;
}

static void learn_from_a_pair(lyc_strategy *strategy, const test_batch *batch, const int *right,
                              lyc_random *noise) {
    lyc_action action[2];
    double reward[2];
    lyc_feedback feedback;
    for (int draw = 0; draw < 2; draw++) {
        lyc_taught taught;
        lyc_strategy_sample(strategy, &batch->input, draw, &action[draw]);
        follow(strategy, &batch->input, draw, &action[draw], &taught);
        reward[draw] = share_of_the_right(taught.weights, right) + 0.03 * lyc_random_normal(noise);
    }
    assert_int_equal(
        lyc_strategy_learn_pair(strategy, &action[0], &action[1], reward[0], reward[1], &feedback, NULL),
        LYC_OK);
}

/* Mean weight of whoever is right on the rows of a fresh batch, after the game. */
static double play(lyc_credit_kind credit, bool learns, uint64_t seed) {
    lyc_random data = test_random(2 * seed), noise = test_random(2 * seed + 1);
    lyc_agent_options options = instance_options();
    lyc_agent_facts facts = test_facts(ARMS);
    lyc_strategy *strategy;
    lyc_decision decision;
    lyc_feedback feedback;
    test_batch batch;
    int right[GAME_ROWS];
    options.credit.kind = credit;
    options.credit.steps = 1;
    const double same_ce[ARMS] = {1, 1, 1};
    facts.reward_ce = facts.reward_accuracy = same_ce;
    assert_int_equal(lyc_strategy_create(&strategy, &options, &facts, seed, GAME_ROWS, NULL), LYC_OK);
    for (int round = 0; round < ROUNDS && learns; round++) {
        fill_game(&batch, &data, round, right);
        decision = decide(strategy, &batch.input);
        if (credit == LYC_CREDIT_PROBE) {
            learn_from_a_pair(strategy, &batch, right, &noise);
            continue;
        }
        double reward = share_of_the_right(decision.weights, right) + 0.03 * lyc_random_normal(&noise);
        assert_int_equal(lyc_strategy_learn_reward(strategy, reward, &feedback, NULL), LYC_OK);
    }
    fill_game(&batch, &data, ROUNDS, right);
    lyc_strategy_set_greedy(strategy, true);
    decision = decide(strategy, &batch.input);
    double share = share_of_the_right(decision.weights, right);
    lyc_strategy_destroy(strategy);
    return share;
}

static int seeds_that_found_out(lyc_credit_kind credit, bool learns) {
    int found = 0;
    double worst = 1.0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        double share = play(credit, learns, seed);
        found += share > 0.9;
        worst = fmin(worst, share);
    }
    print_message("  %d of %d seeds; worst: right %.3f\n", found, SEEDS, worst);
    return found;
}

static void the_policy_finds_out_who_is_right_on_each_row(void **state) {
    (void)state;
    assert_true(seeds_that_found_out(LYC_CREDIT_PROBE, true) >= SEEDS - 1);
    assert_true(seeds_that_found_out(LYC_CREDIT_ON_POLICY, true) >= SEEDS - 1);
    assert_int_equal(seeds_that_found_out(LYC_CREDIT_PROBE, false), 0);
}

/* ---- decisions ------------------------------------------------------------------------------------- */

/* A row is decided by what it shows, whatever its place: the batch backwards gives the decisions backwards.
 */
static void a_row_is_decided_by_what_it_shows(void **state) {
    (void)state;
    lyc_random random = test_random(41);
    lyc_agent_options options = instance_options();
    lyc_strategy *strategy = make_strategy(&options, 3);
    lyc__learner *learner = &lyc__learned_of(strategy)->learner;
    for (size_t i = 0; i < learner->size; i++) learner->params[i] = lyc_random_normal(&random);
    test_batch batch, mirror;
    enum { N = 7 };
    fill_batch(&batch, &random, 3, N, (const double[3]){4.0, 1.0, 0.0}, NULL);
    batch.labels[2] = LYC_UNLABELLED;
    (void)decide(strategy, &batch.input);
    mirror = batch;
    for (int row = 0; row < N; row++) {
        mirror.labels[row] = batch.labels[N - 1 - row];
        for (int c = 0; c < CLASSES; c++) {
            mirror.student[row * CLASSES + c] = batch.student[(N - 1 - row) * CLASSES + c];
            for (int k = 0; k < 3; k++)
                mirror.logits[k][row * CLASSES + c] = batch.logits[k][(N - 1 - row) * CLASSES + c];
        }
    }
    for (int k = 0; k < 3; k++) mirror.teachers[k] = mirror.logits[k];
    mirror.input.teacher_logits = mirror.teachers;
    mirror.input.student_logits = mirror.student;
    mirror.input.labels = mirror.labels;
    lyc_strategy_set_greedy(strategy, true);
    lyc_decision there = decide(strategy, &batch.input);
    float weights[N][3];
    memcpy(weights, there.weights, sizeof weights);
    lyc_decision back = decide(strategy, &mirror.input);
    bool differ = false;
    for (int row = 0; row < N; row++) {
        assert_memory_equal(weights[row], back.weights + (N - 1 - row) * 3, sizeof weights[row]);
        differ = differ || memcmp(weights[row], weights[0], sizeof weights[0]) != 0;
    }
    assert_true(differ);
    lyc_strategy_destroy(strategy);
}

/* Record of a decision: sums to 1 on each row, nobody empty, means that are the rows' means. */
static void what_is_recorded_is_what_the_rows_say(void **state) {
    (void)state;
    const lyc_teach_mode teach[] = {LYC_TEACH_MEAN, LYC_TEACH_GREEDY};
    for (int way = 0; way < 4; way++) {
        lyc_random random = test_random(42);
        lyc_agent_options options = instance_options();
        options.teach = teach[way % 2];
        options.warmup = way == 2 ? 0.5 : 0.0;
        options.credit.kind = way == 3 ? LYC_CREDIT_ON_POLICY : LYC_CREDIT_PROBE;
        lyc_strategy *strategy = make_strategy(&options, 3);
        lyc__learner *learner = &lyc__learned_of(strategy)->learner;
        for (size_t i = 0; i < learner->size; i++) learner->params[i] = lyc_random_normal(&random);
        test_batch batch;
        fill_batch(&batch, &random, 3, 9, (const double[3]){4.0, 1.0, 0.0}, NULL);
        lyc_decision decision = decide(strategy, &batch.input);
        assert_true(decision.per_row && decision.distils && decision.row_select != NULL);
        double mean[3] = {0};
        size_t selected[3] = {0}, most = 0;
        for (int row = 0; row < 9; row++) {
            double sum = 0.0;
            int members = 0;
            for (int k = 0; k < 3; k++) {
                double weight = (double)decision.weights[row * 3 + k];
                uint8_t select = decision.row_select[row * 3 + k];
                if (options.teach == LYC_TEACH_GREEDY || way == 3)
                    assert_true((weight > 0.0) == (select == 1));
                if (way == 2) assert_near(weight, 1.0 / 3.0, 1e-7);
                sum += weight;
                mean[k] += weight / 9.0;
                members += select;
                selected[k] += select;
            }
            assert_near(sum, 1.0, 1e-6);
            assert_true(members > 0);
        }
        for (int k = 0; k < 3; k++) most = selected[k] > most ? selected[k] : most;
        for (int k = 0; k < 3; k++) {
            assert_near((double)decision.mean_weight[k], mean[k], 1e-6);
            assert_int_equal(decision.select[k], 2 * selected[k] >= 9 || selected[k] == most);
        }
        assert_true(isnan(decision.log_prob) == (way == 2) && decision.entropy > 0.0);
        assert_true(isnan(decision.value) == (way != 3));
        lyc_strategy_destroy(strategy);
    }
}

/* ---- trials ---------------------------------------------------------------------------------------- */

typedef struct follower {
    lyc_strategy *strategy;
    const test_batch *batch;
    int draw;
    lyc_action action;
    float weights[2][MAX_ROWS * 3];
} follower;

static void *follow_two(void *payload) {
    follower *f = payload;
    lyc_taught taught;
    for (int b = 0; b < 2; b++) {
        if (lyc_strategy_follow(f->strategy, &f->batch[b].input, f->draw, &f->action, &taught, NULL) !=
            LYC_OK)
            return NULL;
        memcpy(f->weights[b], taught.weights, MAX_ROWS * 3 * sizeof(float));
    }
    return f;
}

static void both_clones_may_be_followed_at_a_time(void **state) {
    (void)state;
    lyc_agent_options options = instance_options();
    lyc_strategy *strategy = make_strategy(&options, 3);
    static test_batch batch[2];
    static follower alone[2], together[2];
    lyc_random random = test_random(43);
    for (int b = 0; b < 2; b++) fill_batch(&batch[b], &random, 3, MAX_ROWS, NULL, NULL);
    (void)decide(strategy, &batch[0].input);
    for (int draw = 0; draw < 2; draw++) {
        alone[draw] = (follower){.strategy = strategy, .batch = batch, .draw = draw};
        lyc_strategy_sample(strategy, &batch[0].input, draw, &alone[draw].action);
        assert_non_null(follow_two(&alone[draw]));
    }
    pthread_t threads[2];
    for (int draw = 0; draw < 2; draw++) {
        together[draw] = (follower){.strategy = strategy, .batch = batch, .draw = draw};
        lyc_strategy_sample(strategy, &batch[0].input, draw, &together[draw].action);
    }
    for (int draw = 0; draw < 2; draw++)
        assert_int_equal(pthread_create(&threads[draw], NULL, follow_two, &together[draw]), 0);
    for (int draw = 0; draw < 2; draw++) {
        void *result;
        assert_int_equal(pthread_join(threads[draw], &result), 0);
        assert_non_null(result);
        assert_memory_equal(alone[draw].weights, together[draw].weights, sizeof alone[draw].weights);
        assert_memory_equal(&alone[draw].action, &together[draw].action, sizeof alone[draw].action);
    }
    assert_true(memcmp(alone[0].weights, alone[1].weights, sizeof alone[0].weights) != 0);
    assert_true(memcmp(alone[0].weights[0], alone[0].weights[1], sizeof alone[0].weights[0]) != 0);
    lyc_strategy_destroy(strategy);
}

/* What the real student is shown meanwhile moves the statistics, but not those that a trial looks with. */
static void a_trial_sees_nothing_of_decisions_beside_it(void **state) {
    (void)state;
    lyc_agent_options options = instance_options();
    static test_batch batch[2], other;
    static follower alone[2], beside[2];
    lyc_random random = test_random(44);
    for (int b = 0; b < 2; b++) fill_batch(&batch[b], &random, 3, MAX_ROWS, NULL, NULL);
    fill_batch(&other, &random, 3, MAX_ROWS, (const double[3]){9.0, 0.0, 5.0}, NULL);
    for (int way = 0; way < 2; way++) {
        lyc_strategy *strategy = make_strategy(&options, 3);
        follower *both = way == 0 ? alone : beside;
        pthread_t threads[2];
        (void)decide(strategy, &batch[0].input);
        for (int draw = 0; draw < 2; draw++) {
            both[draw] = (follower){.strategy = strategy, .batch = batch, .draw = draw};
            lyc_strategy_sample(strategy, &batch[0].input, draw, &both[draw].action);
        }
        if (way == 1) (void)decide(strategy, &other.input);
        for (int draw = 0; draw < 2; draw++)
            assert_int_equal(pthread_create(&threads[draw], NULL, follow_two, &both[draw]), 0);
        for (int i = 0; i < 20 * way; i++) (void)decide(strategy, &other.input);
        for (int draw = 0; draw < 2; draw++) assert_int_equal(pthread_join(threads[draw], NULL), 0);
        lyc_strategy_destroy(strategy);
    }
    for (int draw = 0; draw < 2; draw++) {
        assert_memory_equal(alone[draw].weights, beside[draw].weights, sizeof alone[draw].weights);
        assert_memory_equal(&alone[draw].action, &beside[draw].action, sizeof alone[draw].action);
    }
}

static void calls_in_the_wrong_order_are_refused(void **state) {
    (void)state;
    lyc_agent_options options = instance_options();
    options.credit.steps = 1;
    lyc_strategy *strategy = make_strategy(&options, 3);
    lyc_random random = test_random(44);
    test_batch batch;
    lyc_action action[2];
    lyc_taught taught;
    lyc_feedback feedback;
    lyc_error err = {0};
    fill_batch(&batch, &random, 3, 5, NULL, NULL);
    (void)decide(strategy, &batch.input);
    for (int draw = 0; draw < 2; draw++) lyc_strategy_sample(strategy, &batch.input, draw, &action[draw]);
    assert_int_equal(lyc_strategy_learn_pair(strategy, &action[0], &action[1], 1.0, 0.0, &feedback, &err),
                     LYC_EINTERNAL);
    follow(strategy, &batch.input, 0, &action[0], &taught);
    assert_int_equal(lyc_strategy_follow(strategy, &batch.input, 0, &action[0], &taught, &err),
                     LYC_EINTERNAL);
    assert_non_null(strstr(err.message, "agent.credit.steps"));
    batch.logits[1][3] = NAN;
    assert_int_equal(lyc_strategy_follow(strategy, &batch.input, 1, &action[1], &taught, &err), LYC_ENUMERIC);
    assert_non_null(strstr(err.message, "t1"));
    lyc_strategy_destroy(strategy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_gradient_of_a_trial_is_the_analytic_one),
        cmocka_unit_test(the_policy_finds_out_who_is_right_on_each_row),
        cmocka_unit_test(a_row_is_decided_by_what_it_shows),
        cmocka_unit_test(what_is_recorded_is_what_the_rows_say),
        cmocka_unit_test(both_clones_may_be_followed_at_a_time),
        cmocka_unit_test(a_trial_sees_nothing_of_decisions_beside_it),
        cmocka_unit_test(calls_in_the_wrong_order_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Many rows at a time: policies, lots, and what threads make of them. */
#include "support.h"

#include "agent/learned.h"

enum { ROWS = 41, MOST_TEACHERS = 4, MOST_SIZE = MOST_TEACHERS * LYC__OWN + LYC__GLOBAL, MOST_PARAMS = 2048 };

/* ---- policies -------------------------------------------------------------------------------------- */

typedef struct scene {
    const lyc__policy_kind *kind;
    lyc__policy_shape shape;
    size_t size, params_size;
    double params[MOST_PARAMS], observations[ROWS * MOST_SIZE];
    lyc__heads ahead[ROWS]; /* a gradient in the outputs */
    double work[1 << 16];
} scene;

static const struct { int teachers, hidden; } shapes[] = {{1, 3}, {2, 6}, {3, 32}, {4, 37}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void set_scene(scene *s, const lyc__policy_kind *kind, size_t shape) {
    lyc_random random = test_random(60 + shape);
    s->kind = kind;
    s->shape = (lyc__policy_shape){.teachers = shapes[shape].teachers,
                                   .own = LYC__OWN,
                                   .global = LYC__GLOBAL,
                                   .hidden = shapes[shape].hidden};
    s->size = lyc__policy_observation_size(&s->shape);
    s->params_size = kind->size(&s->shape);
    assert_true(s->params_size <= MOST_PARAMS &&
                kind->workspace(&s->shape, ROWS) <= sizeof s->work / sizeof *s->work);
    fill_normal(&random, 0.5, s->params, s->params_size);
    fill_normal(&random, 1.0, s->observations, ROWS * s->size);
    for (size_t row = 0; row < ROWS; row++) {
        s->ahead[row] = (lyc__heads){0};
        fill_normal(&random, 1.0, s->ahead[row].select, (size_t)s->shape.teachers);
        fill_normal(&random, 1.0, s->ahead[row].score, (size_t)s->shape.teachers);
    }
}

static void for_each_policy(void (*check)(scene *)) {
    static scene s;
    for (size_t i = 0; lyc__policy_kinds[i] != NULL; i++)
        for (size_t shape = 0; shape < SHAPES; shape++) {
            set_scene(&s, lyc__policy_kinds[i], shape);
            check(&s);
        }
}

static void check_rows_alone(scene *s) {
    static lyc__heads together[ROWS], alone;
    const size_t bytes = (size_t)s->shape.teachers * sizeof(double);
    for (size_t rows = 1; rows <= ROWS; rows += 5) {
        s->kind->forward(&s->shape, s->params, s->observations, rows, s->work, together);
        for (size_t row = 0; row < rows; row++) {
            s->kind->forward(&s->shape, s->params, s->observations + row * s->size, 1, s->work, &alone);
            assert_memory_equal(together[row].select, alone.select, bytes);
            assert_memory_equal(together[row].score, alone.score, bytes);
        }
    }
}

static void a_row_is_scored_alike_among_any_others(void **state) {
    (void)state;
    for_each_policy(check_rows_alone);
}

static double weighted_outputs(scene *s, size_t rows) {
    static lyc__heads heads[ROWS];
    double sum = 0.0;
    s->kind->forward(&s->shape, s->params, s->observations, rows, s->work, heads);
    for (size_t row = 0; row < rows; row++)
        for (int k = 0; k < s->shape.teachers; k++)
            sum +=
                s->ahead[row].select[k] * heads[row].select[k] + s->ahead[row].score[k] * heads[row].score[k];
    return sum;
}

static void check_slopes(scene *s) {
    static lyc__heads heads[ROWS];
    static double gradient[MOST_PARAMS], sum[MOST_PARAMS];
    enum { FEW = 7 };
    memset(gradient, 0, sizeof gradient);
    memset(sum, 0, sizeof sum);
    s->kind->forward(&s->shape, s->params, s->observations, FEW, s->work, heads);
    s->kind->backward(&s->shape, s->params, s->observations, FEW, s->work, s->ahead, gradient);
    for (size_t row = 0; row < FEW; row++) {
        const double *observation = s->observations + row * s->size;
        s->kind->forward(&s->shape, s->params, observation, 1, s->work, heads);
        s->kind->backward(&s->shape, s->params, observation, 1, s->work, &s->ahead[row], sum);
    }
    for (size_t i = 0; i < s->params_size; i++) {
        const double before = s->params[i];
        s->params[i] = before + 1e-5;
        const double high = weighted_outputs(s, FEW);
        s->params[i] = before - 1e-5;
        const double low = weighted_outputs(s, FEW);
        s->params[i] = before;
        assert_near(gradient[i], (high - low) / 2e-5, 1e-6);
        assert_near(gradient[i], sum[i], 1e-12 * (1.0 + fabs(sum[i])));
    }
}

static void the_gradient_of_many_rows_is_the_slope_and_the_sum(void **state) {
    (void)state;
    for_each_policy(check_slopes);
}

/* ---- lots ------------------------------------------------------------------------------------------ */

typedef struct visits {
    const lyc__lots *lots;
    int count[700];
    size_t lot_of[700];
    double *room[LYC__MOST_LOTS];
} visits;

static void visit_block(void *payload, size_t lot, size_t first, size_t count, double *workspace) {
    visits *v = payload;
    assert_true(count >= 1 && count <= v->lots->block && count <= LYC__BLOCK_ROWS && lot < LYC__MOST_LOTS);
    v->room[lot] = workspace;
    for (size_t row = first; row < first + count; row++) {
        v->count[row]++;
        v->lot_of[row] = lot;
    }
}

static void every_row_is_in_one_lot(void **state) {
    (void)state;
    static const size_t most[] = {1, 31, 32, 33, 128, 700};
    static visits v;
    lyc_agent_options options = default_options("learned");
    for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
        lyc_strategy *strategy = make_strategy(&options, 3);
        lyc__learner *learner = &lyc__learned_of(strategy)->learner;
        lyc__lots lots;
        assert_int_equal(lyc__lots_create(&lots, strategy, learner->policy, &learner->shape, most[i], NULL),
                         LYC_OK);
        for (size_t rows = 1; rows <= most[i]; rows++) {
            v = (visits){.lots = &lots};
            lyc__lots_run(&lots, NULL, LYC_PRIORITY_PROBE, rows, visit_block, &v);
            for (size_t row = 0; row < rows; row++) {
                assert_int_equal(v.count[row], 1);
                assert_true(row == 0 || v.lot_of[row] >= v.lot_of[row - 1]);
            }
            assert_int_equal(lyc__lots_used(&lots, rows), v.lot_of[rows - 1] + 1);
            for (size_t lot = 1; lot < lyc__lots_used(&lots, rows); lot++)
                assert_true(v.room[lot] >= v.room[lot - 1] + lots.size);
        }
        lyc_strategy_destroy(strategy);
    }
}

/* ---- threads --------------------------------------------------------------------------------------- */

/* Decides, follows and learns with a pool; what is left of it into `trace`. */
static size_t play(lyc_credit_kind credit, lyc_action_mode mode, lyc_pool *pool, double *trace) {
    lyc_agent_options options = default_options("learned");
    options.granularity = LYC_GRANULARITY_INSTANCE;
    options.credit.kind = credit;
    options.credit.steps = 2;
    options.on_policy.algorithm = LYC_ON_POLICY_PPO;
    options.action = mode;
    lyc_strategy *strategy = make_strategy(&options, 3);
    lyc__learner *learner = &lyc__learned_of(strategy)->learner;
    lyc_random random = test_random(70);
    static test_batch batch;
    size_t count = 0;
    for (int round = 0; round < 4; round++) {
        fill_batch(&batch, &random, 3, MAX_ROWS - 3, (const double[3]){4.0, 1.0, 0.0}, NULL);
        batch.input.step = (uint32_t)round;
        batch.input.pool = pool;
        lyc_decision decision = decide(strategy, &batch.input);
        for (size_t i = 0; i < 3 * (MAX_ROWS - 3); i++) trace[count++] = (double)decision.weights[i];
        trace[count++] = decision.entropy;
        lyc_feedback feedback;
        if (credit == LYC_CREDIT_ON_POLICY) {
            if (round % 2 == 1)
                assert_int_equal(lyc_strategy_learn_reward(strategy, 0.3 * round, &feedback, NULL), LYC_OK);
            continue;
        }
        lyc_action action[2];
        for (int draw = 0; draw < 2; draw++) {
            lyc_taught taught;
            lyc_strategy_sample(strategy, &batch.input, draw, &action[draw]);
            for (int b = 0; b < 2; b++)
                assert_int_equal(
                    lyc_strategy_follow(strategy, &batch.input, draw, &action[draw], &taught, NULL), LYC_OK);
            trace[count++] = action[draw].log_prob;
            trace[count++] = action[draw].selected;
            trace[count++] = (double)taught.weights[MAX_ROWS];
        }
        assert_int_equal(
            lyc_strategy_learn_pair(strategy, &action[0], &action[1], 0.2, 0.1 * round, &feedback, NULL),
            LYC_OK);
        trace[count++] = feedback.gradient_norm;
    }
    memcpy(trace + count, learner->params, learner->size * sizeof *trace);
    count += learner->size;
    lyc_strategy_destroy(strategy);
    return count;
}

static void any_number_of_threads_decides_and_learns_the_same(void **state) {
    (void)state;
    static double alone[4096], shared[4096];
    for (int way = 0; way < 4; way++) {
        lyc_credit_kind credit = way == 3 ? LYC_CREDIT_ON_POLICY : LYC_CREDIT_PROBE;
        lyc_action_mode mode = way == 3 ? LYC_ACTION_SELECT : (lyc_action_mode)way;
        size_t count = play(credit, mode, NULL, alone);
        for (int threads = 1; threads <= 4; threads++) {
            lyc_pool *pool;
            assert_int_equal(lyc_pool_create(&pool, threads, NULL), LYC_OK);
            assert_int_equal(play(credit, mode, pool, shared), count);
            assert_memory_equal(alone, shared, count * sizeof *alone);
            lyc_pool_destroy(pool);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_scored_alike_among_any_others),
        cmocka_unit_test(the_gradient_of_many_rows_is_the_slope_and_the_sum),
        cmocka_unit_test(every_row_is_in_one_lot),
        cmocka_unit_test(any_number_of_threads_decides_and_learns_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A strategy restored from a checkpoint goes on bit for bit, wherever the checkpoint was taken. */
#include "learners.h"

#include <stdlib.h>
#include <unistd.h>

#include "agent/learned.h"
#include "lyceum/checkpoint.h"

typedef struct player {
    lyc_strategy *strategy;
    lyc_random random;
    lyc_credit_kind credit;
} player;

/* One batch of a made-up run: everything that a decision and an update depend on. */
static void play(player *p, int step, double *trace) {
    test_batch batch;
    lyc_feedback feedback = {0};
    p->random = test_random(100 + (uint64_t)step);
    fill(&batch, &p->random, step);
    lyc_decision decision = decide(p->strategy, &batch.input);
    double reward = 0.1 + (double)decision.weights[0] - (double)decision.weights[1];
    if (p->credit == LYC_CREDIT_PROBE && step % 2 == 0) {
        lyc_action a, b;
        lyc_strategy_sample(p->strategy, &batch.input, 0, &a);
        lyc_strategy_sample(p->strategy, &batch.input, 1, &b);
        lyc_taught taught;
        assert_int_equal(lyc_strategy_follow(p->strategy, &batch.input, 0, &a, &taught, NULL), LYC_OK);
        assert_int_equal(lyc_strategy_follow(p->strategy, &batch.input, 1, &b, &taught, NULL), LYC_OK);
        assert_int_equal(lyc_strategy_learn_pair(p->strategy, &a, &b, (double)a.weight[0],
                                                 (double)b.weight[0], &feedback, NULL),
                         LYC_OK);
    }
    if (p->credit == LYC_CREDIT_ON_POLICY && step % 3 == 2)
        assert_int_equal(lyc_strategy_learn_reward(p->strategy, reward, &feedback, NULL), LYC_OK);
    trace[0] = decision.log_prob;
    trace[1] = decision.entropy;
    trace[2] = (double)decision.mean_weight[0];
    trace[3] = feedback.advantage;
    trace[4] = feedback.gradient_norm;
    trace[5] = p->credit == LYC_CREDIT_PROBE ? 0.0 : decision.value;
    trace[6] = decision.observation[0];
}

enum { TRACE = 7, STEPS = 40, STOP = 22 /* in the middle of an interval */ };

static void save(lyc_strategy *strategy, const char *path, bool load) {
    lyc_state *state;
    lyc_error err = {0};
    assert_int_equal(lyc_state_create(&state, &err), LYC_OK);
    assert_int_equal(lyc_strategy_register(strategy, state, &err), LYC_OK);
    lyc_status status = load ? lyc_state_load(state, path, &err) : lyc_state_save(state, path, &err);
    if (status != LYC_OK) fail_msg("%s", err.message);
    lyc_state_destroy(state);
}

/* A path for a checkpoint; the test removes it. */
static void make_path(char out[512]) {
    const char *parent = getenv("TMPDIR");
    snprintf(out, 512, "%s/lyceum-agent-XXXXXX", parent == NULL ? P_tmpdir : parent);
    int file = mkstemp(out);
    assert_true(file >= 0);
    close(file);
}

static void stop_and_go_on(const lyc_agent_options *options, const char *path) {
    player whole = {.strategy = make_strategy(options, K), .credit = options->credit.kind};
    player resumed = {.strategy = make_strategy(options, K), .credit = options->credit.kind};
    double traces[STEPS][TRACE], trace[TRACE];
    for (int step = 0; step < STEPS; step++) {
        if (step == STOP) save(whole.strategy, path, false);
        play(&whole, step, traces[step]);
    }
    save(resumed.strategy, path, true);
    for (int step = STOP; step < STEPS; step++) {
        play(&resumed, step, trace);
        assert_memory_equal(trace, traces[step], sizeof trace);
    }
    for (size_t i = 0; i < whole.strategy->kept_count; i++)
        assert_memory_equal(whole.strategy->kept[i].data, resumed.strategy->kept[i].data,
                            whole.strategy->kept[i].count * lyc_type_size(whole.strategy->kept[i].type));
    lyc_strategy_destroy(whole.strategy);
    lyc_strategy_destroy(resumed.strategy);
}

/* credit on policy has three algorithms, pairs of probes the first of these rows only */
static const lyc_on_policy_algorithm algorithms[] = {LYC_ON_POLICY_REINFORCE, LYC_ON_POLICY_A2C,
                                                     LYC_ON_POLICY_PPO};

static void a_restored_strategy_goes_on_bit_for_bit(void **state) {
    (void)state;
    char path[512];
    make_path(path);
    for (int instance = 0; instance < 2; instance++)
        for (int credit = LYC_CREDIT_PROBE; credit <= LYC_CREDIT_ON_POLICY; credit++)
            for (int a = 0; a < (credit == LYC_CREDIT_PROBE ? 1 : 3); a++)
                for (int m = 0; m < MODES; m++) {
                    lyc_agent_options options = default_options("learned");
                    options.action = modes[m];
                    options.granularity = (lyc_granularity)instance;
                    options.credit.kind = (lyc_credit_kind)credit;
                    options.credit.steps = 3;
                    options.on_policy.algorithm = algorithms[a];
                    stop_and_go_on(&options, path);
                }
    unlink(path);
}

/* A pair may straddle a checkpoint: drawn before, learned after. */
static void the_observation_of_an_open_pair_is_part_of_the_state(void **state) {
    (void)state;
    char path[512];
    make_path(path);
    lyc_random random = test_random(12);
    lyc_strategy *strategy = make(LYC_ACTION_SELECT, LYC_TEACH_MEAN, LYC_CREDIT_PROBE);
    lyc_strategy *restored = make(LYC_ACTION_SELECT, LYC_TEACH_MEAN, LYC_CREDIT_PROBE);
    test_batch batch;
    lyc_action a, b;
    lyc_feedback feedback[2];
    fill(&batch, &random, 0);
    (void)decide(strategy, &batch.input);
    lyc_strategy_sample(strategy, &batch.input, 0, &a);
    set_action(&b, (uint8_t[K]){(uint8_t)!a.select[0], 1, 0, 0});
    save(strategy, path, false);
    save(restored, path, true);
    assert_int_equal(lyc_strategy_learn_pair(strategy, &a, &b, 0.4, 0.1, &feedback[0], NULL), LYC_OK);
    assert_int_equal(lyc_strategy_learn_pair(restored, &a, &b, 0.4, 0.1, &feedback[1], NULL), LYC_OK);
    assert_memory_equal(&feedback[0], &feedback[1], sizeof feedback[0]);
    lyc_strategy_destroy(strategy);
    lyc_strategy_destroy(restored);
    unlink(path);
}

/* Trials per instance that were followed before a checkpoint and teach after it. */
static void trials_in_flight_are_part_of_the_state(void **state) {
    (void)state;
    char path[512];
    make_path(path);
    lyc_agent_options options = default_options("learned");
    options.granularity = LYC_GRANULARITY_INSTANCE;
    options.credit.steps = 2;
    options.credit.delay = 1;
    lyc_strategy *strategy = make_strategy(&options, K), *restored = make_strategy(&options, K);
    lyc_random random = test_random(13);
    static test_batch batch[2];
    lyc_action action[2];
    lyc_feedback feedback[2];
    for (int b = 0; b < 2; b++) fill(&batch[b], &random, b);
    (void)decide(strategy, &batch[0].input);
    for (int draw = 0; draw < 2; draw++) {
        lyc_taught taught;
        lyc_strategy_sample(strategy, &batch[0].input, draw, &action[draw]);
        for (int b = 0; b < 2; b++)
            assert_int_equal(
                lyc_strategy_follow(strategy, &batch[b].input, draw, &action[draw], &taught, NULL), LYC_OK);
    }
    save(strategy, path, false);
    save(restored, path, true);
    lyc_strategy *const both[] = {strategy, restored};
    for (int i = 0; i < 2; i++) {
        (void)decide(both[i], &batch[1].input);
        assert_int_equal(
            lyc_strategy_learn_pair(both[i], &action[0], &action[1], 0.4, 0.1, &feedback[i], NULL), LYC_OK);
    }
    assert_memory_equal(&feedback[0], &feedback[1], sizeof feedback[0]);
    assert_true(feedback[0].gradient_norm > 0.0);
    const lyc__learner *learned = &lyc__learned_of(strategy)->learner,
                       *again = &lyc__learned_of(restored)->learner;
    assert_memory_equal(learned->params, again->params, learned->size * sizeof *learned->params);
    lyc_strategy_destroy(strategy);
    lyc_strategy_destroy(restored);
    unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_restored_strategy_goes_on_bit_for_bit),
        cmocka_unit_test(the_observation_of_an_open_pair_is_part_of_the_state),
        cmocka_unit_test(trials_in_flight_are_part_of_the_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

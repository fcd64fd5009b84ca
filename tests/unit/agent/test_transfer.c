/* Policies that move: to go on from, to use as they are, to other ensembles. */
#include "learners.h"

#include <stdlib.h>
#include <unistd.h>

#include "agent/learned.h"
#include "lyceum/checkpoint.h"

static char path[512];

static int make_path(void **state) {
    (void)state;
    const char *parent = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/lyceum-agent-XXXXXX", parent == NULL ? P_tmpdir : parent);
    int file = mkstemp(path);
    return file < 0 ? -1 : close(file);
}

static int remove_path(void **state) {
    (void)state;
    return unlink(path);
}

/* A checkpoint of a run: the agent's state and something of the student's. */
static void save(lyc_strategy *strategy) {
    lyc_state *state;
    lyc_error err = {0};
    float student[3] = {1, 2, 3};
    assert_int_equal(lyc_state_create(&state, &err), LYC_OK);
    assert_int_equal(lyc_state_add(state, "student/params", LYC_TYPE_F32, student, 3, &err), LYC_OK);
    assert_int_equal(lyc_state_require(state, "config", "{}", "", &err), LYC_OK);
    assert_int_equal(lyc_strategy_register(strategy, state, &err), LYC_OK);
    if (lyc_state_save(state, path, &err) != LYC_OK) fail_msg("%s", err.message);
    lyc_state_destroy(state);
}

static lyc_status create(lyc_strategy **out, const lyc_agent_options *options, int teachers, lyc_error *err) {
    lyc_agent_facts facts = test_facts(teachers);
    return lyc_strategy_create(out, options, &facts, 8, MAX_ROWS, err);
}

static void learn_a_little(lyc_strategy *strategy, int rounds) {
    lyc_random random = test_random(60);
    for (int step = 0; step < rounds; step++) {
        test_batch batch;
        lyc_action action[2];
        lyc_taught taught;
        lyc_feedback feedback;
        fill(&batch, &random, step);
        (void)decide(strategy, &batch.input);
        for (int i = 0; i < 2; i++) {
            lyc_strategy_sample(strategy, &batch.input, i, &action[i]);
            assert_int_equal(lyc_strategy_follow(strategy, &batch.input, i, &action[i], &taught, NULL),
                             LYC_OK);
        }
        assert_int_equal(lyc_strategy_learn_pair(strategy, &action[0], &action[1],
                                                 (double)action[0].weight[0], (double)action[1].weight[0],
                                                 &feedback, NULL),
                         LYC_OK);
    }
}

static lyc_agent_options options_of(lyc_granularity granularity, const char *strategy) {
    lyc_agent_options options = default_options(strategy);
    options.granularity = granularity;
    options.credit.steps = 3;
    return options;
}

/* ---- frozen ---------------------------------------------------------------------------------------- */

/* It decides what the policy it was taken from decides, and goes on doing so whatever comes. */
static void a_frozen_policy_decides_as_it_did_and_changes_nothing(void **state) {
    (void)state;
    char name[600];
    snprintf(name, sizeof name, "frozen:%s", path);
    for (int granularity = 0; granularity < 2; granularity++) {
        lyc_agent_options options = options_of((lyc_granularity)granularity, "learned");
        lyc_strategy *learned = make_strategy(&options, K), *frozen;
        lyc_error err = {0};
        learn_a_little(learned, 30);
        save(learned);
        options.strategy = name;
        if (create(&frozen, &options, K, &err) != LYC_OK) fail_msg("%s", err.message);
        assert_false(lyc_strategy_learns(frozen));
        assert_true(lyc_strategy_needs_teachers(frozen));
        assert_int_equal(lyc_strategy_decides_rows(frozen), granularity);
        assert_non_null(strstr(lyc_strategy_origin(frozen), path));
        lyc__learned_of(learned)->frozen = true; /* compares both without an update of the statistics */
        lyc__observation_set_reward(&lyc__learned_of(frozen)->observe,
                                    lyc__learned_of(learned)->observe.reward[0]);
        lyc_random random = test_random(61);
        for (int step = 0; step < 5; step++) {
            test_batch batch;
            fill(&batch, &random, step);
            lyc_decision there = decide(learned, &batch.input), here = decide(frozen, &batch.input);
            size_t count = granularity ? (size_t)ROWS * K : K;
            assert_memory_equal(there.weights, here.weights, count * sizeof(float));
            assert_memory_equal(there.select, here.select, K);
            assert_true(there.log_prob == here.log_prob && there.entropy == here.entropy);
        }
        const lyc__learned *a = lyc__learned_of(learned), *b = lyc__learned_of(frozen);
        assert_memory_equal(a->learner.params, b->learner.params, a->learner.size * sizeof(double));
        assert_memory_equal(a->observe.normaliser.count, b->observe.normaliser.count,
                            3 * LYC__FEATURES * sizeof(double));
        lyc_action action = {0};
        lyc_feedback feedback;
        assert_int_equal(lyc_strategy_learn_pair(frozen, &action, &action, 0, 0, &feedback, &err),
                         LYC_EINTERNAL);
        lyc_strategy_destroy(learned);
        lyc_strategy_destroy(frozen);
    }
}

/* How far a policy may go is said by the run that follows it, not by the one that taught it. */
static void the_floor_is_that_of_the_run(void **state) {
    (void)state;
    char name[600];
    snprintf(name, sizeof name, "frozen:%s", path);
    static const double floors[] = {0.001, 0.3};
    lyc_agent_options options = options_of(LYC_GRANULARITY_BATCH, "learned");
    options.network = LYC_AGENT_LOGITS;
    lyc_strategy *learned = make_strategy(&options, K);
    for (int k = 0; k < 2 * K; k++) lyc__learned_of(learned)->learner.params[k] = k % K == 0 ? 5.0 : -5.0;
    save(learned);
    for (int i = 0; i < 2; i++) {
        lyc_strategy *frozen;
        lyc_error err = {0};
        test_batch batch;
        lyc_random random = test_random(62);
        lyc__heads heads;
        options.strategy = name;
        options.exploration_floor = floors[i];
        if (create(&frozen, &options, K, &err) != LYC_OK) fail_msg("%s", err.message);
        fill(&batch, &random, 0);
        (void)decide(frozen, &batch.input);
        lyc__learned *own = lyc__learned_of(frozen);
        lyc__learner_forward(&own->learner, own->observation, NULL, &heads);
        const double limit = log((1.0 - floors[i]) / floors[i]);
        for (int k = 0; k < K; k++)
            assert_near(heads.select[k], (k == 0 ? 1.0 : -1.0) * fmin(5.0, limit), 1e-12);
        lyc_strategy_destroy(frozen);
    }
    lyc_strategy_destroy(learned);
}

/* ---- going on -------------------------------------------------------------------------------------- */

static void a_policy_goes_on_where_it_was(void **state) {
    (void)state;
    lyc_agent_options options = options_of(LYC_GRANULARITY_BATCH, "learned");
    lyc_strategy *first = make_strategy(&options, K), *second;
    lyc_error err = {0};
    learn_a_little(first, 30);
    save(first);
    options.init = path;
    options.credit.kind = LYC_CREDIT_ON_POLICY; /* the credit may be another */
    if (create(&second, &options, K, &err) != LYC_OK) fail_msg("%s", err.message);
    lyc_strategy_destroy(second);
    options.credit.kind = LYC_CREDIT_PROBE;
    if (create(&second, &options, K, &err) != LYC_OK) fail_msg("%s", err.message);
    assert_true(lyc_strategy_learns(second));
    assert_null(lyc_strategy_origin(first));
    lyc__learner *a = &lyc__learned_of(first)->learner, *b = &lyc__learned_of(second)->learner;
    assert_memory_equal(a->params, b->params, a->size * sizeof(double));
    assert_memory_equal(a->adam.m, b->adam.m, a->size * sizeof(double));
    assert_true(*b->adam.steps == 30 && b->scale->weight == 0.0);
    learn_a_little(second, 1);
    assert_true(*b->adam.steps == 31 && memcmp(a->params, b->params, a->size * sizeof(double)) != 0);
    lyc_strategy_destroy(first);
    lyc_strategy_destroy(second);
}

/* `shared` scores whoever comes: here teachers 0 and 1 of four, in front of a stranger. */
static void a_shared_policy_moves_to_another_ensemble(void **state) {
    (void)state;
    char name[600];
    snprintf(name, sizeof name, "frozen:%s", path);
    lyc_agent_options options = options_of(LYC_GRANULARITY_BATCH, "learned");
    lyc_strategy *first = make_strategy(&options, K), *moved;
    lyc_error err = {0};
    learn_a_little(first, 200); /* teacher 0, the sharp one, is what pays */
    save(first);
    options.strategy = name;
    if (create(&moved, &options, 2, &err) != LYC_OK) fail_msg("%s", err.message);
    lyc_random random = test_random(62);
    test_batch batch;
    fill_batch(&batch, &random, 2, ROWS, (const double[2]){0.0, 4.0}, NULL);
    lyc__observation *observe = &lyc__learned_of(moved)->observe;
    static const double turned_ce[2] = {2.3, 0.5}, turned_accuracy[2] = {0.1, 0.9};
    ((lyc_agent_facts *)observe->facts)->reward_ce = turned_ce; /* the good one now stands second */
    ((lyc_agent_facts *)observe->facts)->reward_accuracy = turned_accuracy;
    lyc_decision decision = decide(moved, &batch.input);
    assert_true(decision.mean_weight[1] > 0.7F);
    lyc_strategy_destroy(first);
    lyc_strategy_destroy(moved);
}

/* ---- refusals -------------------------------------------------------------------------------------- */

static void a_policy_of_another_kind_is_refused(void **state) {
    (void)state;
    lyc_agent_options options = options_of(LYC_GRANULARITY_BATCH, "learned"), other;
    lyc_strategy *first = make_strategy(&options, K), *second = NULL;
    lyc_error err = {0};
    save(first);
    options.init = path;
    other = options;
    other.network = LYC_AGENT_LOGITS;
    assert_int_equal(create(&second, &other, K, &err), LYC_EMISMATCH);
    assert_non_null(strstr(err.message, "shared 32 wide"));
    assert_non_null(strstr(err.message, "logits of 4"));
    assert_non_null(strstr(err.message, "agent.network"));
    other = options;
    other.hidden = 16;
    assert_int_equal(create(&second, &other, K, &err), LYC_EMISMATCH);
    other = options;
    other.action = LYC_ACTION_WEIGHT;
    assert_int_equal(create(&second, &other, K, &err), LYC_EMISMATCH);
    other = options;
    other.granularity = LYC_GRANULARITY_INSTANCE;
    assert_int_equal(create(&second, &other, K, &err), LYC_EMISMATCH);
    assert_non_null(strstr(err.message, "by batch"));
    lyc_strategy_destroy(first);

    other = options_of(LYC_GRANULARITY_BATCH, "learned");
    other.network = LYC_AGENT_LOGITS;
    first = make_strategy(&other, K);
    save(first);
    other.init = path;
    assert_int_equal(create(&second, &other, K - 1, &err), LYC_EMISMATCH);
    assert_int_equal(create(&second, &other, K, &err), LYC_OK);
    lyc_strategy_destroy(first);
    lyc_strategy_destroy(second);
    lyc_agent_options fixed = options_of(LYC_GRANULARITY_BATCH, "uniform");
    first = make_strategy(&fixed, K);
    save(first);
    assert_int_equal(create(&second, &other, K, &err), LYC_EMISMATCH); /* a run without a policy */
    assert_non_null(strstr(err.message, "policy"));
    lyc_strategy_destroy(first);
    other.init = "/nowhere/to/be/found";
    assert_int_equal(create(&second, &other, K, &err), LYC_EIO);
    other.init = P_tmpdir;
    assert_int_equal(create(&second, &other, K, &err), LYC_EIO);
    assert_non_null(strstr(err.message, "holds no checkpoint"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_frozen_policy_decides_as_it_did_and_changes_nothing, make_path,
                                        remove_path),
        cmocka_unit_test_setup_teardown(the_floor_is_that_of_the_run, make_path, remove_path),
        cmocka_unit_test_setup_teardown(a_policy_goes_on_where_it_was, make_path, remove_path),
        cmocka_unit_test_setup_teardown(a_shared_policy_moves_to_another_ensemble, make_path, remove_path),
        cmocka_unit_test_setup_teardown(a_policy_of_another_kind_is_refused, make_path, remove_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

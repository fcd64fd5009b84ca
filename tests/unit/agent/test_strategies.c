/* The fixed strategies, against ten-line references, and what every strategy must keep. */
#include "support.h"

#include <stdlib.h>
#include <unistd.h>

#include "agent/strategy.h"
#include "lyceum/checkpoint.h"
#include "lyceum/memory.h"

static test_batch batch;

static void make_batch(uint64_t seed, int teachers, size_t rows) {
    lyc_random random = test_random(seed);
    double sharpness[LYC_MAX_TEACHERS];
    for (int k = 0; k < teachers; k++) sharpness[k] = 0.7 * (k % 5);
    fill_batch(&batch, &random, teachers, rows, sharpness, NULL);
}

static lyc_decision decide_with(lyc_strategy **strategy, const char *name, int teachers) {
    lyc_agent_options options = default_options(name);
    double weights[LYC_MAX_TEACHERS];
    for (int k = 0; k < teachers; k++) weights[k] = k + 1;
    options.weights = weights;
    options.weight_count = (size_t)teachers;
    *strategy = make_strategy(&options, teachers);
    return decide(*strategy, &batch.input);
}

/* Softmax of a row in double precision; -inf gives 0. */
static void softmax_of(const float *z, double *p) {
    double sum = 0.0;
    for (int c = 0; c < CLASSES; c++) sum += exp((double)z[c]);
    for (int c = 0; c < CLASSES; c++) p[c] = exp((double)z[c]) / sum;
}

/* ---- what every strategy keeps ---------------------------------------------------------------------- */

/* "frozen:" and the path of a policy. */
static char frozen[512] = "frozen:";

static int make_frozen(void **state) {
    (void)state;
    const char *parent = getenv("TMPDIR");
    snprintf(frozen + 7, sizeof frozen - 7, "%s/lyceum-agent-XXXXXX", parent == NULL ? P_tmpdir : parent);
    int file = mkstemp(frozen + 7);
    return file < 0 ? -1 : close(file);
}

static int remove_frozen(void **state) {
    (void)state;
    return unlink(frozen + 7);
}

/* A fresh policy of that width, which serves any number of teachers. */
static void save_policy(int hidden) {
    lyc_agent_options options = default_options("learned");
    options.hidden = hidden;
    lyc_strategy *strategy = make_strategy(&options, 2);
    lyc_state *state;
    assert_int_equal(lyc_state_create(&state, NULL), LYC_OK);
    assert_int_equal(lyc_strategy_register(strategy, state, NULL), LYC_OK);
    assert_int_equal(lyc_state_save(state, frozen + 7, NULL), LYC_OK);
    lyc_state_destroy(state);
    lyc_strategy_destroy(strategy);
}

static const char *usable_name(size_t index) {
    const char *name = lyc_strategy_name(index);
    if (strcmp(name, "frozen:<checkpoint>") == 0) return frozen;
    return strcmp(name, "single:<teacher>") == 0 ? "single:t0" : name;
}

/* Traps: "weights whose sum depends on K"; "so all teachers are always averaged". */
static void weights_sum_to_one_for_any_number_of_teachers(void **state) {
    (void)state;
    save_policy(32);
    for (size_t i = 0; lyc_strategy_name(i) != NULL; i++)
        for (int teachers = 1; teachers <= LYC_MAX_TEACHERS; teachers += teachers < 5 ? 1 : 9) {
            lyc_strategy *strategy;
            make_batch(1, teachers, 6);
            batch.labels[2] = LYC_UNLABELLED;
            lyc_decision decision = decide_with(&strategy, usable_name(i), teachers);
            double mean = 0.0, expected = decision.distils ? 1.0 : 0.0;
            for (size_t row = 0; row < (decision.per_row ? 6U : 1U); row++) {
                double sum = 0.0;
                for (int k = 0; k < teachers; k++) {
                    float weight = decision.weights[row * (size_t)teachers + (size_t)k];
                    assert_true(weight >= 0.0F);
                    sum += (double)weight;
                }
                assert_near(sum, expected, 1e-6);
            }
            for (int k = 0; k < teachers; k++) mean += (double)decision.mean_weight[k];
            assert_near(mean, expected, 1e-6);
            lyc_strategy_destroy(strategy);
        }
}

static void fixed_strategies_have_no_policy(void **state) {
    (void)state;
    make_batch(2, 3, 4);
    save_policy(32);
    for (size_t i = 0; lyc_strategy_name(i) != NULL; i++) {
        lyc_strategy *strategy;
        lyc_decision decision = decide_with(&strategy, usable_name(i), 3);
        bool learns = lyc_strategy_learns(strategy), has_policy = learns || usable_name(i) == frozen;
        assert_true(learns == (strcmp(lyc_strategy_name(i), "learned") == 0));
        assert_true(has_policy == (decision.observation != NULL) &&
                    has_policy == (lyc_strategy_observation_size(strategy) > 0));
        assert_true(has_policy == !isnan(decision.log_prob) && has_policy == !isnan(decision.entropy));
        assert_true(lyc_strategy_needs_teachers(strategy) == (strcmp(lyc_strategy_name(i), "none") != 0));
        assert_true(strlen(lyc_strategy_doc(i)) > 10);
        lyc_feedback feedback;
        lyc_action action = {.select = {1}};
        lyc_error err = {0};
        if (!learns) {
            assert_int_equal(lyc_strategy_learn_pair(strategy, &action, &action, 0, 0, &feedback, &err),
                             LYC_EINTERNAL);
            assert_int_equal(lyc_strategy_learn_reward(strategy, 0, &feedback, &err), LYC_EINTERNAL);
        }
        lyc_strategy_destroy(strategy);
    }
    lyc_strategy_destroy(NULL);
}

/* ---- one by one -------------------------------------------------------------------------------------- */

static void assert_weights(const char *name, const double *expected, int teachers) {
    lyc_strategy *strategy;
    lyc_decision decision = decide_with(&strategy, name, teachers);
    assert_false(decision.per_row);
    for (int k = 0; k < teachers; k++) {
        assert_near((double)decision.weights[k], expected[k], 1e-7);
        assert_near((double)decision.mean_weight[k], expected[k], 1e-7);
        assert_true(decision.select[k] == (expected[k] > 0.0));
    }
    lyc_strategy_destroy(strategy);
}
static void constant_strategies_are_what_they_say(void **state) {
    (void)state;
    make_batch(3, 4, 5);
    assert_weights("uniform", (double[]){0.25, 0.25, 0.25, 0.25}, 4);
    assert_weights("single:t2", (double[]){0, 0, 1, 0}, 4);
    assert_weights("best_single", (double[]){1, 0, 0, 0}, 4);
    assert_weights("static", (double[]){0.1, 0.2, 0.3, 0.4}, 4);
    lyc_strategy *strategy;
    lyc_decision decision = decide_with(&strategy, "none", 4);
    assert_false(decision.distils);
    lyc_strategy_destroy(strategy);
}

static int best_single_of(const double *accuracy, const double *ce) {
    lyc_agent_options options = default_options("best_single");
    lyc_agent_facts facts = test_facts(3);
    facts.valid_accuracy = accuracy;
    facts.valid_ce = ce;
    facts.reward_accuracy = test_accuracy; /* which would choose t0: not looked at */
    lyc_strategy *strategy;
    assert_int_equal(lyc_strategy_create(&strategy, &options, &facts, 1, MAX_ROWS, NULL), LYC_OK);
    lyc_decision decision = decide(strategy, &batch.input);
    int best = 0;
    while (!decision.select[best]) best++;
    lyc_strategy_destroy(strategy);
    return best;
}
static void best_single_ranks_by_validation_accuracy_then_cross_entropy(void **state) {
    (void)state;
    make_batch(4, 3, 2);
    assert_int_equal(best_single_of((double[]){0.5, 0.7, 0.6}, (double[]){0.1, 0.9, 0.2}), 1);
    assert_int_equal(best_single_of((double[]){0.5, 0.7, 0.7}, (double[]){0.1, 0.9, 0.2}), 2);
    assert_int_equal(best_single_of((double[]){0.5, 0.7, 0.7}, (double[]){0.1, 0.9, (double)INFINITY}), 1);
    assert_int_equal(best_single_of((double[]){0.7, 0.7, 0.7}, (double[]){0.2, 0.2, 0.2}), 0);
}

static void confidence_is_the_formula(void **state) {
    (void)state;
    enum { K = 3, ROWS = 6 };
    make_batch(5, K, ROWS);
    batch.labels[1] = LYC_UNLABELLED;
    lyc_strategy *strategy;
    lyc_decision decision = decide_with(&strategy, "confidence", K);
    assert_true(decision.per_row);
    for (int row = 0; row < ROWS; row++) {
        double ce[K], sum = 0.0, p[CLASSES];
        for (int k = 0; k < K; k++) {
            softmax_of(batch.logits[k] + row * CLASSES, p);
            ce[k] = batch.labels[row] < 0 ? 0.0 : -log(p[batch.labels[row]]);
            sum += exp(ce[k]);
        }
        for (int k = 0; k < K; k++)
            assert_near((double)decision.weights[row * K + k], (1 - exp(ce[k]) / sum) / (K - 1), 1e-5);
    }
    lyc_strategy_destroy(strategy);
}

static void unknow(int teacher, size_t row, size_t class_index) {
    batch.logits[teacher][row * CLASSES + class_index] = -INFINITY;
}
static void confidence_gives_nothing_to_who_does_not_know_the_label(void **state) {
    (void)state;
    enum { K = 3 };
    make_batch(6, K, 3);
    for (int row = 0; row < 3; row++) batch.labels[row] = 4;
    for (int k = 0; k < 3; k++)
        for (size_t row = 0; row <= (size_t)k; row++)
            unknow(2 - k, 2 - row, 4); /* row 0: t0; row 1: t0, t1; row 2: all */
    lyc_strategy *strategy;
    lyc_decision decision = decide_with(&strategy, "confidence", K);
    const float *w = decision.weights;
    assert_true(w[0] == 0.0F && w[1] > 0.0F && w[2] > 0.0F && w[1] != w[2]);
    assert_true(w[3] == 0.0F && w[4] == 0.0F && w[5] == 1.0F);
    for (int k = 0; k < K; k++) assert_near((double)w[6 + k], 1.0 / 3.0, 1e-7);
    assert_true(decision.select[0] == 1); /* for the third row */
    lyc_strategy_destroy(strategy);
    batch.input.rows = 2;
    decision = decide_with(&strategy, "confidence", K);
    assert_memory_equal(decision.select, ((uint8_t[]){0, 1, 1}), K);
    lyc_strategy_destroy(strategy);
    make_batch(6, 1, 3);
    unknow(0, 0, (size_t)batch.labels[0]);
    decision = decide_with(&strategy, "confidence", 1);
    for (int row = 0; row < 3; row++)
        assert_true(decision.weights[row] == 1.0F); /* one teacher has all the weight */
    lyc_strategy_destroy(strategy);
}

static void entropy_is_the_formula(void **state) {
    (void)state;
    enum { K = 4, ROWS = 5 };
    make_batch(7, K, ROWS);
    unknow(1, 2, 3);
    lyc_strategy *strategy;
    lyc_decision decision = decide_with(&strategy, "entropy", K);
    assert_true(decision.per_row);
    for (int row = 0; row < ROWS; row++) {
        double h[K] = {0}, sum = 0.0, p[CLASSES];
        for (int k = 0; k < K; k++) {
            softmax_of(batch.logits[k] + row * CLASSES, p);
            for (int c = 0; c < CLASSES; c++) h[k] -= p[c] > 0.0 ? p[c] * log(p[c]) : 0.0;
            sum += h[k];
        }
        for (int k = 0; k < K; k++)
            assert_near((double)decision.weights[row * K + k], (1 - h[k] / sum) / (K - 1), 1e-5);
    }
    lyc_strategy_destroy(strategy);
}

static void entropy_of_sure_teachers_is_uniform_and_of_one_is_one(void **state) {
    (void)state;
    make_batch(8, 3, 2);
    for (int k = 0; k < 3; k++)
        for (int c = 0; c < CLASSES; c++)
            batch.logits[k][c] = c == k ? 0.0F : -INFINITY; /* row 0: entropy 0 each */
    lyc_strategy *strategy;
    lyc_decision decision = decide_with(&strategy, "entropy", 3);
    for (int k = 0; k < 3; k++) assert_near((double)decision.weights[k], 1.0 / 3.0, 1e-7);
    lyc_strategy_destroy(strategy);
    decision = decide_with(&strategy, "entropy", 1);
    assert_true(decision.weights[0] == 1.0F && decision.weights[1] == 1.0F);
    lyc_strategy_destroy(strategy);
}

/* ---- errors ------------------------------------------------------------------------------------------ */

static lyc_status create_with(const lyc_agent_options *options, const lyc_agent_facts *facts,
                              lyc_error *err) {
    lyc_strategy *strategy = NULL;
    lyc_status status = lyc_strategy_create(&strategy, options, facts, 1, 4, err);
    assert_true((status == LYC_OK) == (strategy != NULL));
    lyc_strategy_destroy(strategy);
    return status;
}
static void refuse(const lyc_agent_options *options, const lyc_agent_facts *facts, lyc_status status,
                   const char *says) {
    lyc_error err = {0};
    assert_int_equal(create_with(options, facts, &err), status);
    if (strstr(err.message, says) == NULL) fail_msg("\"%s\" does not say \"%s\"", err.message, says);
}

static void unknown_names_list_the_valid_ones(void **state) {
    (void)state;
    lyc_agent_facts facts = test_facts(3);
    const struct {
        const char *name, *says;
    } cases[] = {{"unifrom", "did you mean \"uniform\"?); valid are: none, single:<teacher>"},
                 {"single", "there is no strategy \"single\""},
                 {"single:", "there is no strategy \"single:\""},
                 {"uniform:t0", "there is no strategy \"uniform:t0\""},
                 {"single:t9", "the teachers are: t0, t1, t2"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        lyc_agent_options options = default_options(cases[i].name);
        refuse(&options, &facts, LYC_ECONFIG, cases[i].says);
    }
}

static void wrong_static_weights_are_refused(void **state) {
    (void)state;
    lyc_agent_facts facts = test_facts(2);
    const struct {
        double weights[2];
        size_t count;
        const char *says;
    } cases[] = {
        {{1, 1}, 1, "each of the 2 teachers, got 1"}, {{1, -1}, 2, "agent.weights[1]: -1"},
        {{1, (double)NAN}, 2, "agent.weights[1]: "},  {{0, 0}, 2, "the sum is 0"},
        {{1e308, 1e308}, 2, "the sum is inf"},        {{1, (double)INFINITY}, 2, "agent.weights[1]: inf"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        lyc_agent_options options = default_options("static");
        double weights[2];
        memcpy(weights, cases[i].weights, sizeof weights);
        options.weights = weights;
        options.weight_count = cases[i].count;
        refuse(&options, &facts, LYC_ECONFIG, cases[i].says);
    }
    lyc_agent_options options = default_options("static");
    refuse(&options, &facts, LYC_ECONFIG, "got 0");
}

static void wrong_numbers_of_teachers_are_refused(void **state) {
    (void)state;
    lyc_agent_facts facts = {.teachers = 0, .classes = CLASSES};
    lyc_agent_options options = default_options("uniform");
    refuse(&options, &facts, LYC_ECONFIG, "uniform needs teachers");
    facts.teachers = LYC_MAX_TEACHERS + 1;
    refuse(&options, &facts, LYC_ECONFIG, "at most 32");
    facts.teachers = 0;
    options.strategy = "none";
    assert_int_equal(create_with(&options, &facts, NULL), LYC_OK);
}

static void figures_that_are_not_numbers_are_refused(void **state) {
    (void)state;
    const double bad[3] = {0.5, (double)NAN, 0.5};
    lyc_agent_facts facts = test_facts(3);
    lyc_agent_options options = default_options("best_single");
    facts.valid_ce = bad;
    refuse(&options, &facts, LYC_ENUMERIC,
           "teacher t1: its accuracy or cross-entropy on the validation split");
    options.strategy = "learned"; /* which does not look at the validation split */
    assert_int_equal(create_with(&options, &facts, NULL), LYC_OK);
    facts.reward_accuracy = bad;
    refuse(&options, &facts, LYC_ENUMERIC, "teacher t1: its accuracy or cross-entropy on the reward split");
}

static void batches_out_of_bounds_and_bad_logits_are_refused(void **state) {
    (void)state;
    make_batch(9, 2, 4);
    const char *const names[] = {"confidence", "entropy"};
    for (int i = 0; i < 2; i++) {
        lyc_strategy *strategy;
        lyc_decision decision = decide_with(&strategy, names[i], 2);
        lyc_error err = {0};
        batch.input.rows = 0;
        assert_int_equal(lyc_strategy_decide(strategy, &batch.input, &decision, &err), LYC_EINTERNAL);
        batch.input.rows = MAX_ROWS + 1;
        assert_int_equal(lyc_strategy_decide(strategy, &batch.input, &decision, &err), LYC_EINTERNAL);
        batch.input.rows = 4;
        float before = batch.logits[1][12];
        batch.logits[1][12] = NAN;
        assert_int_equal(lyc_strategy_decide(strategy, &batch.input, &decision, &err), LYC_ENUMERIC);
        assert_non_null(strstr(err.message, "teacher t1"));
        batch.logits[1][12] = before;
        lyc_strategy_destroy(strategy);
    }
}

/* ---- memory ------------------------------------------------------------------------------------------ */

typedef struct budget {
    int left, alive;
} budget;
static void *limited_allocate(void *payload, size_t size, size_t alignment) {
    budget *b = payload;
    if (b->left-- <= 0) return NULL;
    b->alive++;
    return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}
static void limited_release(void *payload, void *block) {
    budget *b = payload;
    if (block != NULL) b->alive--;
    free(block);
}

static void running_out_of_memory_leaks_nothing(void **state) {
    (void)state;
    save_policy(2048);
    for (size_t i = 0; lyc_strategy_name(i) != NULL; i++) {
        lyc_agent_options options = default_options(usable_name(i));
        double weights[] = {1, 2, 3};
        options.weights = weights;
        options.weight_count = 3;
        options.hidden = 2048; /* large enough that the arena must grow */
        lyc_agent_facts facts = test_facts(3);
        lyc_status status = LYC_ENOMEM;
        int failures = 0;
        for (int allowed = 0; status != LYC_OK; allowed++) {
            budget b = {.left = allowed};
            lyc_allocator hooked = {limited_allocate, limited_release, &b};
            lyc_allocator_set(&hooked);
            status = create_with(&options, &facts, NULL);
            assert_int_equal(b.alive, 0);
            lyc_allocator_set(NULL);
            assert_true(status == LYC_OK || status == LYC_ENOMEM);
            failures += status == LYC_ENOMEM;
        }
        assert_true(failures >= 2);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(weights_sum_to_one_for_any_number_of_teachers, make_frozen,
                                        remove_frozen),
        cmocka_unit_test_setup_teardown(fixed_strategies_have_no_policy, make_frozen, remove_frozen),
        cmocka_unit_test(constant_strategies_are_what_they_say),
        cmocka_unit_test(best_single_ranks_by_validation_accuracy_then_cross_entropy),
        cmocka_unit_test(confidence_is_the_formula),
        cmocka_unit_test(confidence_gives_nothing_to_who_does_not_know_the_label),
        cmocka_unit_test(entropy_is_the_formula),
        cmocka_unit_test(entropy_of_sure_teachers_is_uniform_and_of_one_is_one),
        cmocka_unit_test(unknown_names_list_the_valid_ones),
        cmocka_unit_test(wrong_static_weights_are_refused),
        cmocka_unit_test(wrong_numbers_of_teachers_are_refused),
        cmocka_unit_test(figures_that_are_not_numbers_are_refused),
        cmocka_unit_test(batches_out_of_bounds_and_bad_logits_are_refused),
        cmocka_unit_test_setup_teardown(running_out_of_memory_leaks_nothing, make_frozen, remove_frozen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

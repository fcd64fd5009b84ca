/* `influence`: weights from measured influences, against a short reference. */
#include "support.h"

enum { TEACHERS = 3, ROWS = 20 };

static test_batch batch;

static lyc_strategy *make(const char *name, lyc_granularity granularity) {
    lyc_agent_options options = default_options(name);
    lyc_random random = test_random(9);
    options.granularity = granularity;
    fill_batch(&batch, &random, TEACHERS, ROWS, NULL, NULL);
    return make_strategy(&options, TEACHERS);
}

/* softmax((values - mean) / scale); scale 0: their deviation */
static void reference(const double *values, double scale, double *out) {
    double mean = 0, squares = 0, sum = 0;
    for (int k = 0; k < TEACHERS; k++) mean += values[k] / TEACHERS;
    for (int k = 0; k < TEACHERS; k++) squares += pow(values[k] - mean, 2) / TEACHERS;
    for (int k = 0; k < TEACHERS; k++)
        sum += out[k] = exp((values[k] - mean) / (scale > 0 ? scale : sqrt(squares)));
    for (int k = 0; k < TEACHERS; k++) out[k] /= sum;
}

static void a_batch_is_the_sum_of_its_rows(void **state) {
    (void)state;
    const char *const names[] = {"influence", "influence:last"};
    for (int i = 0; i < 2; i++) {
        lyc_strategy *strategy = make(names[i], LYC_GRANULARITY_BATCH);
        double sums[TEACHERS] = {0}, expected[TEACHERS];
        assert_int_equal(lyc_strategy_influence(strategy), i == 0 ? LYC_INFLUENCE_FULL : LYC_INFLUENCE_LAST);
        lyc_decision decision = decide(strategy, &batch.input);
        for (int j = 0; j < ROWS * TEACHERS; j++) sums[j % TEACHERS] += (double)batch.influence[j];
        reference(sums, 0, expected);
        assert_false(decision.per_row);
        for (int k = 0; k < TEACHERS; k++) assert_near((double)decision.weights[k], expected[k], 1e-6);
        lyc_strategy_destroy(strategy);
    }
}

static void rows_share_one_scale(void **state) {
    (void)state;
    lyc_strategy *strategy = make("influence", LYC_GRANULARITY_INSTANCE);
    lyc_decision decision = decide(strategy, &batch.input);
    double squares = 0, expected[TEACHERS], values[TEACHERS];
    assert_true(decision.per_row);
    for (int i = 0; i < ROWS; i++) {
        double mean = 0;
        for (int k = 0; k < TEACHERS; k++) mean += (double)batch.influence[i * TEACHERS + k] / TEACHERS;
        for (int k = 0; k < TEACHERS; k++)
            squares += pow((double)batch.influence[i * TEACHERS + k] - mean, 2);
    }
    for (int i = 0; i < ROWS; i++) {
        for (int k = 0; k < TEACHERS; k++) values[k] = (double)batch.influence[i * TEACHERS + k];
        reference(values, sqrt(squares / (ROWS * TEACHERS)), expected);
        for (int k = 0; k < TEACHERS; k++)
            assert_near((double)decision.weights[i * TEACHERS + k], expected[k], 1e-6);
    }
    lyc_strategy_destroy(strategy);
}

/* Whatever its unit, and whatever is added to all teachers of a row. */
static void scale_and_offset_change_nothing(void **state) {
    (void)state;
    for (int instance = 0; instance < 2; instance++) {
        lyc_strategy *strategy =
            make("influence", instance ? LYC_GRANULARITY_INSTANCE : LYC_GRANULARITY_BATCH);
        float before[ROWS * TEACHERS] = {0};
        size_t count = instance ? ROWS * TEACHERS : TEACHERS;
        memcpy(before, decide(strategy, &batch.input).weights, count * sizeof *before);
        for (int i = 0; i < ROWS * TEACHERS; i++)
            batch.influence[i] = 1e-6F * batch.influence[i] + 1e-6F * (float)(i / TEACHERS);
        lyc_decision decision = decide(strategy, &batch.input);
        for (size_t i = 0; i < count; i++) assert_near((double)decision.weights[i], (double)before[i], 1e-4);
        for (int i = 0; i < ROWS * TEACHERS; i++) batch.influence[i] = 0.25F;
        decision = decide(strategy, &batch.input);
        for (size_t i = 0; i < count; i++) assert_near((double)decision.weights[i], 1.0 / TEACHERS, 1e-7);
        lyc_strategy_destroy(strategy);
    }
}

static void what_was_not_measured_is_refused(void **state) {
    (void)state;
    lyc_strategy *strategy = make("influence", LYC_GRANULARITY_BATCH);
    lyc_decision decision;
    lyc_error err = {0};
    batch.influence[4] = NAN;
    assert_int_equal(lyc_strategy_decide(strategy, &batch.input, &decision, &err), LYC_ENUMERIC);
    assert_non_null(strstr(err.message, "teacher t1: its influence on row 1"));
    batch.input.influence = NULL;
    assert_int_equal(lyc_strategy_decide(strategy, &batch.input, &decision, &err), LYC_EINTERNAL);
    lyc_strategy_destroy(strategy);
    strategy = make("uniform", LYC_GRANULARITY_BATCH);
    assert_int_equal(lyc_strategy_influence(strategy), LYC_INFLUENCE_NONE);
    lyc_strategy_destroy(strategy);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_the_sum_of_its_rows),
        cmocka_unit_test(rows_share_one_scale),
        cmocka_unit_test(scale_and_offset_change_nothing),
        cmocka_unit_test(what_was_not_measured_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

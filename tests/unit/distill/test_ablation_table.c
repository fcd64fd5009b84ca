/* From known figures to means, tested differences and the four formats. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ablation_testing.h"
#include "distill/ablation.h"
#include "lyceum/memory.h"

static const char *const teacher_names[] = {"a", "b"};

/* uniform, learned and none at five seeds: learned is better by 0.018 on average (see test_statistics.c),
 * none is worse by the same amount on every seed. */
static const double accuracies[3][5] = {
    {0.78, 0.80, 0.78, 0.80, 0.80}, {0.80, 0.82, 0.79, 0.83, 0.81}, {0.68, 0.70, 0.68, 0.70, 0.70}};

static void finish(lyc_ablation *a, size_t setting, size_t seed, double accuracy) {
    lyc_ablation_run *run = &a->runs[seed * a->setting_count + setting];
    run->state = LYC_ABLATION_FINISHED;
    run->figures = (lyc_ablation_figures){.test_accuracy = accuracy,
                                          .test_nll = 1 + accuracy,
                                          .test_ece = 0.1,
                                          .agreement = setting == 2 ? (double)NAN : 0.9,
                                          .seconds = 90,
                                          .flops_student = 2e12,
                                          .flops_teachers = 3e11,
                                          .flops_probes = 4e10};
    if (setting == 2) return;
    run->figures.weight_count = 2;
    run->figures.weight[0] = 0.25 + 0.1 * (double)seed;
    run->figures.weight[1] = 0.75 - 0.1 * (double)seed;
    a->settings[setting].teachers = teacher_names;
}

static lyc_ablation *measured(void) {
    lyc_ablation *a =
        load(ABLATION("\"axes\": {\"agent.strategy\": [\"uniform\", \"learned\", \"none\"], "
                      "\"train.seed\": [1, 2, 3, 4, 5]}, \"reference\": {\"agent.strategy\": \"uniform\"}"));
    for (size_t setting = 0; setting < 3; setting++)
        for (size_t seed = 0; seed < 5; seed++) finish(a, setting, seed, accuracies[setting][seed]);
    return a;
}

static void compare(lyc_ablation *a) {
    lyc_error err = {0};
    if (lyc__ablation_compare(a, &err) != LYC_OK) fail_msg("%s", err.message);
}

static char *table(const lyc_ablation *a, lyc_table_format format) {
    lyc_error err = {0};
    char *text = NULL;
    if (lyc_ablation_table(a, format, &text, &err) != LYC_OK) fail_msg("%s", err.message);
    return text;
}

static void assert_near(double got, double expected) {
    if (!(fabs(got - expected) < 1e-9)) fail_msg("%.12g is not %.12g", got, expected);
}

static void assert_holds(const char *text, const char *part) {
    if (!strstr(text, part)) fail_msg("\"%s\" is not in:\n%s", part, text);
}

/* ---- comparison --------------------------------------------------------------------------------------- */

static void test_compare(void **state) {
    (void)state;
    lyc_ablation *a = measured();
    compare(a);
    const lyc_ablation_setting *uniform = &a->settings[0], *learned = &a->settings[1],
                               *none = &a->settings[2];
    assert_near(uniform->accuracy.mean, 0.792);
    assert_near(uniform->accuracy.deviation, sqrt(0.00012 * 4 / 4.0));
    assert_near(learned->nll.mean, 1.81);
    assert_near(learned->flops.mean, 2.34e12);
    assert_near(learned->weight[0], 0.45);
    assert_near(learned->weight[1], 0.55);
    assert_true(isnan(none->agreement.mean));
    assert_int_equal(none->weight_count, 0);
    assert_int_equal(uniform->difference.pairs, 0);
    assert_true(isnan(uniform->difference.mean));
    assert_near(learned->difference.mean, 0.018);
    assert_near(learned->difference.low, 0.018 - 2.7764451052 * sqrt(280e-6 / 20));
    assert_true(learned->difference.p < 0.05 && learned->difference.p > 0.005);
    assert_near(learned->difference.p_holm, learned->difference.p); /* the only test: `none` has no spread */
    assert_near(none->difference.mean, -0.1);
    assert_true(isnan(none->difference.p) && isnan(none->difference.p_holm));
    lyc_ablation_destroy(a);
}

/* Only seeds that both have are paired; the mean of a setting is of all that it has. */
static void test_missing_runs(void **state) {
    (void)state;
    lyc_ablation *a = measured();
    a->runs[0].state = LYC_ABLATION_OPEN;                          /* uniform, seed 1 */
    a->runs[1 * a->setting_count + 1].state = LYC_ABLATION_FAILED; /* learned, seed 2 */
    a->runs[1 * a->setting_count + 1].error = "no space left";
    compare(a);
    assert_int_equal(a->settings[0].finished, 4);
    assert_int_equal(a->settings[1].finished, 4);
    assert_int_equal(a->settings[1].difference.pairs, 3);
    assert_near(a->settings[1].difference.mean, (0.01 + 0.03 + 0.01) / 3);
    assert_near(a->settings[1].accuracy.mean, (0.80 + 0.79 + 0.83 + 0.81) / 4);
    assert_near(a->settings[1].weight[0], 0.25 + 0.1 * (0 + 2 + 3 + 4) / 4);
    char *text = table(a, LYC_TABLE_TEXT);
    assert_holds(text, "4 of 5");
    assert_holds(text, "strategy=learned,seed=2: no space left");
    assert_holds(text, "1 of 15 runs are not finished");
    lyc_free(text);
    lyc_ablation_destroy(a);
}

static void test_holm_over_the_table(void **state) {
    (void)state;
    lyc_ablation *a = measured();
    for (size_t seed = 0; seed < 5; seed++)
        finish(a, 2, seed, accuracies[0][seed] + (seed % 2 ? 0.01 : -0.01));
    compare(a);
    const lyc_ablation_difference *learned = &a->settings[1].difference, *none = &a->settings[2].difference;
    assert_true(none->p > 0.5 && none->p_holm >= none->p);
    assert_near(learned->p_holm, 2 * learned->p);
    char *text = table(a, LYC_TABLE_TEXT);
    assert_holds(text, "Holm for 2 comparisons");
    assert_holds(
        text,
        "Different from the reference (corrected p under 0.05):\n- strategy=learned: +1.80, between +0.76");
    assert_holds(text, "Not distinguishable from the reference");
    assert_holds(text, "- strategy=none: -0.20, between -1.56 and +1.16");
    lyc_free(text);
    lyc_ablation_destroy(a);
}

/* One seed has nothing to test by, and the text says so rather than speak of intervals. */
static void test_one_seed(void **state) {
    (void)state;
    lyc_ablation *a = load(ABLATION("\"axes\": {\"agent.strategy\": [\"uniform\", \"learned\"]}, "
                                    "\"reference\": {\"agent.strategy\": \"uniform\"}"));
    finish(a, 0, 0, 0.80);
    finish(a, 1, 0, 0.82);
    compare(a);
    char *text = table(a, LYC_TABLE_TEXT);
    assert_holds(text, "there is no interval and no p-value: that takes two seeds");
    assert_null(strstr(text, "Holm for"));
    assert_holds(text, "- strategy=learned: +2.00\n");
    lyc_free(text);
    lyc_ablation_destroy(a);
}

static void test_budgets_have_a_column(void **state) {
    (void)state;
    lyc_ablation *a = load(ABLATION("\"axes\": {\"agent.strategy\": [\"uniform\", \"learned\"]}, "
                                    "\"budget\": {\"more\": [\"labels\"]}"));
    for (size_t i = 0; i < 3; i++) finish(a, i, 0, 0.8);
    compare(a);
    char *text = table(a, LYC_TABLE_TEXT), *csv = table(a, LYC_TABLE_CSV), *json = table(a, LYC_TABLE_JSON);
    assert_holds(text, "strategy  budget  seeds");
    assert_holds(text, "uniform   labels ");
    assert_holds(text, "learned   same ");
    assert_holds(text, "Budget: with labels, the rows of the reward split are training rows");
    assert_holds(csv, "setting,agent.strategy,budget,runs");
    assert_holds(csv, "\"strategy=uniform, budget=labels\",uniform,labels,1");
    assert_holds(json, "\"budget\": \"labels\"");
    lyc_free(text);
    lyc_free(csv);
    lyc_free(json);
    lyc_ablation_destroy(a);
}

/* ---- formats ------------------------------------------------------------------------------------------ */

static void test_text(void **state) {
    (void)state;
    lyc_ablation *a = measured();
    compare(a);
    char *text = table(a, LYC_TABLE_TEXT);
    assert_holds(text, "test\n\nstrategy  seeds");
    assert_holds(text, "uniform       5  79.20 \xc2\xb1 1.10  1.792 \xc2\xb1 0.011  10.00 \xc2\xb1 0.00  "
                       "90.00 \xc2\xb1 0.00  1.5 min  2.34 T   "
                       "reference               -         -\n");
    assert_holds(text, "+1.80  +0.76 to +2.84     0.009\n");
    assert_holds(text, "     -10.00               -         -\n");
    assert_holds(text, "Not tested, for want of two seeds that both have, or of any spread between them:\n- "
                       "strategy=none: -10.00\n");
    assert_holds(
        text,
        "strategy      a      b\nuniform   0.450  0.550\nlearned   0.450  0.550\nnone          -      -\n");
    assert_null(strstr(text, "Failed"));
    lyc_free(text);
    lyc_ablation_destroy(a);
}

static void test_markdown(void **state) {
    (void)state;
    lyc_ablation *a = measured();
    compare(a);
    char *text = table(a, LYC_TABLE_MARKDOWN);
    assert_holds(text, "# test\n\n| strategy | seeds | accuracy % |");
    assert_holds(text,
                 "|\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n| uniform | 5 | 79.20 \xc2\xb1 1.10 |");
    assert_holds(text, "| strategy | a | b |\n|---|--:|--:|\n| uniform | 0.450 | 0.550 |\n");
    lyc_free(text);
    lyc_ablation_destroy(a);
}

static void test_csv(void **state) {
    (void)state;
    lyc_ablation *a =
        load(ABLATION("\"axes\": {\"teachers\": {\"a, \\\"b\\\"\": " TEACHERS "}, \"train.seed\": [1]}"));
    finish(a, 0, 0, 0.5);
    compare(a);
    char *text = table(a, LYC_TABLE_CSV);
    assert_holds(text, "setting,teachers,budget,runs,finished,pairs,accuracy_mean,accuracy_deviation,");
    assert_holds(text, ",p,p_holm,weight.a,weight.b\n\"teachers=a, \"\"b\"\"\",\"a, "
                       "\"\"b\"\"\",same,1,1,0,0.5,,1.5,,0.1,,0.9,,90,,"
                       "2340000000000,,,,,,,0.25,0.75\n");
    lyc_free(text);
    lyc_ablation_destroy(a);
}

static void test_json(void **state) {
    (void)state;
    lyc_ablation *a = measured();
    a->runs[4].state = LYC_ABLATION_FAILED;
    a->runs[4].error = "no \"space\"";
    compare(a);
    char *text = table(a, LYC_TABLE_JSON);
    assert_holds(text, "\"setting\": \"strategy=learned\"");
    assert_holds(text, "\"values\": {\"agent.strategy\": \"learned\"}");
    assert_holds(text, "\"reference\": \"strategy=uniform\"");
    assert_holds(text, "\"p_holm\": null");
    assert_holds(text, "\"state\": \"failed\",\n      \"error\": \"no \\\"space\\\"\"");
    assert_holds(text, "\"last_quarter_weight\": {\"a\": 0.25, \"b\": 0.75}");
    assert_holds(text, "\"flops_teachers\": 300000000000");
    lyc_free(text);
    lyc_ablation_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_missing_runs),
        cmocka_unit_test(test_holm_over_the_table),
        cmocka_unit_test(test_one_seed),
        cmocka_unit_test(test_budgets_have_a_column),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_markdown),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_json),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}

/* From an ablation file to runs: the cross product, names, references, shared banks, and everything refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ablation_testing.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void test_cross_product(void **state) {
    (void)state;
    lyc_ablation *a =
        load(ABLATION("\"axes\": {\"agent.strategy\": [\"uniform\", \"learned\"], \"train.seed\": [7, 8, 9], "
                      "\"loss.alpha\": [0.1, 0.5]}, \"set\": {\"train.epochs\": 5}, "
                      "\"reference\": {\"agent.strategy\": \"uniform\"}"));
    assert_int_equal(a->run_count, 12);
    assert_int_equal(a->setting_count, 4);
    assert_int_equal(a->seeds, 1);
    size_t at = 0;
    for (size_t seed = 7; seed <= 9; seed++) /* the seeds slowest, so that half a table compares equals */
        for (int strategy = 0; strategy < 2; strategy++)
            for (int alpha = 0; alpha < 2; alpha++, at++) {
                const lyc_ablation_run *run = &a->runs[at];
                char name[128], output[160];
                (void)snprintf(name, sizeof name, "strategy=%s,seed=%zu,alpha=%s",
                               strategy ? "learned" : "uniform", seed, alpha ? "0.5" : "0.1");
                (void)snprintf(output, sizeof output, "out/runs/%s", name);
                assert_string_equal(run->name, name);
                assert_string_equal(run->output, output);
                assert_string_equal(run->config->output, output);
                assert_string_equal(run->config->agent.strategy, strategy ? "learned" : "uniform");
                assert_int_equal(run->config->train.seed, seed);
                assert_int_equal(run->config->train.epochs, 5);
                assert_true(run->config->loss.alpha == (alpha ? 0.5 : 0.1));
                assert_int_equal(run->setting, (size_t)(2 * strategy + alpha));
                assert_int_equal(run->ensemble, 0);
                assert_int_equal(run->state, LYC_ABLATION_OPEN);
            }
    assert_string_equal(a->settings[3].label, "strategy=learned, alpha=0.5");
    assert_int_equal(a->settings[3].runs, 3);
    lyc_ablation_destroy(a);
}

/* Each setting is compared with the one that differs from it in nothing but the reference's axes. */
static void test_reference(void **state) {
    (void)state;
    lyc_ablation *a = load(
        ABLATION("\"axes\": {\"agent.strategy\": [\"learned\", \"uniform\"], \"loss.alpha\": [0.1, 0.5]}, "
                 "\"reference\": {\"agent.strategy\": \"uniform\"}"));
    assert_int_equal(a->settings[0].reference, 2);
    assert_int_equal(a->settings[1].reference, 3);
    assert_int_equal(a->settings[2].reference, LYC_NO_SETTING);
    assert_int_equal(a->settings[3].reference, LYC_NO_SETTING);
    assert_int_equal(a->run_count, 4); /* without seeds: those of the base */
    lyc_ablation_destroy(a);
    a = load(ABLATION("\"axes\": {\"loss.alpha\": [0.1, 0.5, 0.9]}, \"reference\": {\"loss.alpha\": 0.50}"));
    assert_int_equal(a->settings[0].reference, 1);
    assert_int_equal(a->settings[1].reference, LYC_NO_SETTING);
    lyc_ablation_destroy(a);
    a = load(ABLATION("\"axes\": {\"loss.alpha\": [0.1, 0.5]}"));
    assert_int_equal(a->settings[0].reference, LYC_NO_SETTING);
    lyc_ablation_destroy(a);
}

/* After all combinations come the fixed rules again, with the reward split to train on. */
static void test_budget_of_labels(void **state) {
    (void)state;
    lyc_ablation *a =
        load(ABLATION("\"axes\": {\"agent.strategy\": [\"learned\", \"uniform\", \"none\"], "
                      "\"train.seed\": [1, 2]}, \"reference\": {\"agent.strategy\": \"uniform\"}, "
                      "\"budget\": {\"more\": [\"labels\"]}"));
    assert_true(a->has_budgets);
    assert_int_equal(a->setting_count, 5);
    assert_int_equal(a->run_count, 10);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(a->settings[i].budget, i < 3 ? LYC_BUDGET_SAME : LYC_BUDGET_LABELS);
    assert_string_equal(a->settings[3].label, "strategy=uniform, budget=labels");
    assert_string_equal(a->settings[4].label, "strategy=none, budget=labels");
    assert_int_equal(a->settings[3].reference, 1); /* itself, with less */
    assert_int_equal(a->settings[4].reference, 1);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(a->runs[i].setting, i % 5);
        assert_int_equal(a->runs[i].config->data.split.train_on_reward, i % 5 >= 3);
        assert_int_equal(a->runs[i].config->train.epochs, 3);
    }
    assert_string_equal(a->runs[8].name, "strategy=uniform,seed=2,budget=labels");
    lyc_ablation_destroy(a);
}

static void test_budget_of_named_rules(void **state) {
    (void)state;
    lyc_ablation *a = load(ABLATION("\"axes\": {\"agent.strategy\": [\"learned\", \"uniform\", \"none\"]}, "
                                    "\"budget\": {\"rules\": [\"none\"], \"more\": [\"labels\"]}"));
    assert_int_equal(a->setting_count, 4);
    assert_string_equal(a->settings[3].label, "strategy=none, budget=labels");
    assert_int_equal(a->settings[3].reference, LYC_NO_SETTING);
    lyc_ablation_destroy(a);
}

static void test_bad_budgets(void **state) {
    (void)state;
#define RULES "\"axes\": {\"agent.strategy\": [\"learned\", \"uniform\"]}, \"budget\": "
    static const struct {
        const char *text, *says;
    } cases[] = {
        {ABLATION("\"axes\": {\"loss.alpha\": [0.1]}, \"budget\": {}"),
         "agent.strategy must be one of the axes"},
        {ABLATION(RULES "{\"rules\": [\"entropy\"]}"), "entropy is not among the values"},
        {ABLATION(RULES "{\"rules\": [\"learned\"]}"), "learned is no fixed rule"},
        {ABLATION(RULES "{\"rules\": []}"), "budget.rules"},
        {ABLATION(RULES "{\"more\": [\"time\"]}"), "time is neither"},
        {ABLATION(RULES "{\"most\": 1}"), "unknown key \"most\""},
        {ABLATION(RULES "3"), "budget: "},
        {ABLATION(RULES "{\"more\": [\"flops\"]}"), "data.h5"}, /* which is not there */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        lyc_ablation *a = NULL;
        lyc_error err = {0};
        assert_int_not_equal(load_text(&a, cases[i].text, &err), LYC_OK);
        if (!strstr(err.message, cases[i].says)) fail_msg("no \"%s\" in: %s", cases[i].says, err.message);
    }
}

static void test_only_seeds(void **state) {
    (void)state;
    lyc_ablation *a = load(ABLATION("\"axes\": {\"train.seed\": [1, 2]}"));
    assert_int_equal(a->setting_count, 1);
    assert_int_equal(a->run_count, 2);
    assert_string_equal(a->settings[0].label, "base");
    assert_string_equal(a->runs[1].name, "seed=2");
    lyc_ablation_destroy(a);
}

/* A name depends on the run's own values: more values, seeds or another order keep it. */
static void test_names(void **state) {
    (void)state;
    lyc_ablation *few = load(ABLATION("\"axes\": {\"student.hidden\": [[32, 16]], \"train.seed\": [1]}"));
    lyc_ablation *more =
        load(ABLATION("\"axes\": {\"student.hidden\": [[64], [321, 6], [32, 16]], \"train.seed\": [2, 1]}"));
    assert_string_equal(few->runs[0].name, more->runs[5].name);
    for (size_t i = 0; i < more->run_count; i++) {
        assert_int_equal(strspn(more->runs[i].name, "abcdefghijklmnopqrstuvwxyz0123456789=,-"),
                         strlen(more->runs[i].name));
        for (size_t k = 0; k < i; k++) assert_string_not_equal(more->runs[i].name, more->runs[k].name);
    }
    lyc_ablation_destroy(few);
    lyc_ablation_destroy(more);
    lyc_ablation *twins =
        load(ABLATION("\"axes\": {\"optimizer.lr\": [0.1], \"schedule.kind\": [\"cosine\"], "
                      "\"optimizer.kind\": [\"sgd\"]}"));
    assert_string_equal(twins->runs[0].name, "lr=0.1,schedule.kind=cosine,optimizer.kind=sgd");
    lyc_ablation_destroy(twins);
}

static void test_long_names(void **state) {
    (void)state;
    lyc_ablation *a =
        load(ABLATION("\"axes\": {\"agent.strategy\": [\"uniform\"], \"agent.credit.every\": [1], "
                      "\"agent.credit.samples\": [100], \"agent.learning_rate\": [0.00001234567890123], "
                      "\"optimizer.lr\": [0.00001234567890123], \"data.augment.seed\": [1234567890123], "
                      "\"data.split_seed\": [1234567890123], \"train.checkpoint_every\": [1000000], "
                      "\"optimizer.weight_decay\": [0.00001234567890123], \"train.seed\": [1, 2]}"));
    assert_true(strlen(a->runs[0].name) < 200 && strlen(a->runs[0].name) > 150);
    assert_string_not_equal(a->runs[0].name, a->runs[1].name);
    lyc_ablation_destroy(a);
}

static void test_labelled_values_and_ensembles(void **state) {
    (void)state;
    lyc_ablation *a =
        load(ABLATION("\"axes\": {\"teachers\": {\"both\": " TEACHERS
                      ", \"one\": [{\"name\": \"a\", \"model\": \"a.h5\"}]}, \"train.seed\": [1, 2]}, "
                      "\"reference\": {\"teachers\": \"one\"}"));
    assert_string_equal(a->runs[0].name, "teachers=both,seed=1");
    assert_int_equal(a->runs[0].config->teacher_count, 2);
    assert_int_equal(a->runs[1].config->teacher_count, 1);
    assert_int_equal(a->ensemble_count, 2);
    assert_int_equal(a->runs[0].ensemble, a->runs[2].ensemble);
    assert_int_not_equal(a->runs[0].ensemble, a->runs[1].ensemble);
    assert_int_equal(a->settings[0].reference, 1);
    lyc_ablation_destroy(a);
}

/* The overrides make of the base what the plan says, for whoever runs them. */
static void test_sets(void **state) {
    (void)state;
    lyc_ablation *a =
        load(ABLATION("\"axes\": {\"agent.strategy\": [\"single:b\"], \"student.hidden\": [[5, 6]]}"));
    lyc_config *config = NULL;
    lyc_error err = {0};
    if (lyc_config_load(&config, LYC_CONFIG_DISTILL, a->base, a->runs[0].sets, a->runs[0].set_count, &err) !=
        LYC_OK)
        fail_msg("%s", err.message);
    assert_string_equal(config->agent.strategy, "single:b");
    assert_int_equal(config->network.hidden_count, 2);
    assert_int_equal(config->network.hidden[1], 6);
    assert_string_equal(config->name, a->runs[0].config->name);
    assert_string_equal(config->output, a->runs[0].output);
    lyc_config_destroy(config);
    lyc_ablation_destroy(a);
}

static const struct {
    const char *text, *message;
} refused[] = {
    {"[]", "must be an object"},
    {"{\"name\": \"x\"}", "base: must be given"},
    {ABLATION("\"axes\": {}"), "axes: names no key"},
    {ABLATION("\"axes\": {\"train.seed\": [1]}, \"sets\": {}"), "did you mean \"set\""},
    {ABLATION("\"axes\": {\"train.seed\": [1]}, \"axes\": {\"train.seed\": [2]}"), "\"axes\" is given twice"},
    {ABLATION("\"axes\": {\"train.seed\": [1], \"train.seed\": [2]}"), "\"train.seed\" is given twice"},
    {ABLATION("\"axes\": {\"train.seed\": [1, 1]}"), "has the value 1 twice"},
    {ABLATION("\"axes\": {\"train.seed\": []}"), "has 0 values"},
    {ABLATION("\"axes\": {\"train.seed\": {\"one\": 1}}"), "a list of seeds"},
    {ABLATION("\"axes\": {\"train.seed\": 1}"), "a list of seeds"},
    {ABLATION("\"axes\": {\"train.seed\": [1.5]}"), "train.seed"},
    {ABLATION("\"axes\": {\"train.sed\": [1]}"), "did you mean \"train.seed\""},
    {ABLATION("\"axes\": {\"agent.strategy\": [\"unifrom\"]}"), "uniform"},
    {ABLATION("\"axes\": {\"agent.strategy\": [\"uniform\", \"static\"], \"train.seed\": [1, 2]}"),
     "agent.weights"},
    {ABLATION("\"axes\": {\"output\": [\"x\"]}"), "the ablation sets it"},
    {ABLATION("\"axes\": {\"agent\": [{}], \"agent.strategy\": [\"uniform\"]}"), "lies within \"agent\""},
    {ABLATION("\"axes\": {\"train.epochs\": [1]}, \"set\": {\"train.epochs\": 2}"),
     "has values in \"axes\" too"},
    {ABLATION("\"axes\": {\"train.epochs\": [1]}, \"set\": {\"train.epoch\": 2}"),
     "did you mean \"train.epochs\""},
    {ABLATION("\"axes\": {\"train.epochs\": [1]}, \"reference\": {\"train.epochs\": 2}"),
     "is not among the values"},
    {ABLATION("\"axes\": {\"train.epochs\": [1]}, \"reference\": {\"loss.alpha\": 2}"),
     "is not one of the axes"},
    {ABLATION("\"axes\": {\"train.seed\": [1]}, \"reference\": {\"train.seed\": 1}"),
     "runs are paired by seed"},
    {"{\"name\": \"\", \"base\": 3, \"output\": \"x\", \"axes\": {\"train.seed\": [1]}}", "2 problems"},
    {"{\"name\": \"x\", \"base\": \"missing.json\", \"output\": \"x\", \"axes\": {\"train.seed\": [1]}}",
     "missing.json: No such file"},
};

static void test_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        lyc_ablation *ablation = (void *)&i;
        lyc_error err = {0};
        lyc_status status = load_text(&ablation, refused[i].text, &err);
        if (status != LYC_ECONFIG || !strstr(err.message, refused[i].message))
            fail_msg("case %zu: status %d, \"%s\" instead of \"%s\"", i, (int)status, err.message,
                     refused[i].message);
        assert_null(ablation);
    }
}

/* One fault that every run has is told once; faults of different combinations are all told. */
static void test_faults_are_collected(void **state) {
    (void)state;
    lyc_ablation *ablation = NULL;
    lyc_error err = {0};
    assert_int_equal(
        load_text(
            &ablation,
            ABLATION("\"axes\": {\"agent.strategy\": [\"static\", \"nobody\"], \"train.seed\": [1, 2, 3]}"),
            &err),
        LYC_ECONFIG);
    const char *first = strstr(err.message, "agent.weights");
    assert_non_null(first);
    assert_null(strstr(err.message, "seed=2"));
    assert_non_null(strstr(err.message, "\"nobody\""));
}

static void test_too_many(void **state) {
    (void)state;
    char text[8192];
    size_t used = (size_t)snprintf(
        text, sizeof text, "{\"name\": \"x\", \"base\": \"base.json\", \"output\": \"o\", \"axes\": {");
    const char *keys[] = {"train.seed", "train.epochs", "train.batch"};
    for (size_t k = 0; k < COUNT(keys); k++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s\"%s\": [", k ? ", " : "", keys[k]);
        for (int i = 1; i <= 30; i++)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%d", i > 1 ? "," : "", i);
        used += (size_t)snprintf(text + used, sizeof text - used, "]");
    }
    (void)snprintf(text + used, sizeof text - used, "}}");
    lyc_ablation *ablation = NULL;
    lyc_error err = {0};
    assert_int_equal(load_text(&ablation, text, &err), LYC_ECONFIG);
    assert_non_null(strstr(err.message, "more than 10000 combinations"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cross_product),
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_only_seeds),
        cmocka_unit_test(test_budget_of_labels),
        cmocka_unit_test(test_budget_of_named_rules),
        cmocka_unit_test(test_bad_budgets),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_labelled_values_and_ensembles),
        cmocka_unit_test(test_sets),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_faults_are_collected),
        cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}

/* Values reach the structure, and the resolved text gives the same configuration again. */
#include "config_testing.h"

#include <math.h>
#include <stdio.h>

#include "config/fields.h"
#include "lyceum/memory.h"

static lyc_config *parsed(lyc_config_command command, const char *text, const char *const *sets,
                          size_t count) {
    lyc_config *config = NULL;
    lyc_error err = {0};
    lyc_status status =
        lyc_config_parse(&config, command, text_of(command, text), "t.json", sets, count, &err);
    assert_string_equal(err.message, "");
    assert_int_equal(status, LYC_OK);
    return config;
}

static char *resolved(const lyc_config *config) {
    char *text = NULL;
    assert_int_equal(lyc_config_resolved(config, &text, NULL), LYC_OK);
    return text;
}

/* Text -> configuration -> text -> configuration -> text: the two texts are equal. */
static void expect_round_trip(lyc_config_command command, const char *text, const char *const *sets,
                              size_t count) {
    lyc_config *first = parsed(command, text, sets, count);
    char *written = resolved(first);
    lyc_config *second = parsed(command, written, NULL, 0);
    char *again = resolved(second);
    assert_string_equal(written, again);
    lyc_free(again);
    lyc_free(written);
    lyc_config_destroy(second);
    lyc_config_destroy(first);
}

static void defaults_reach_the_structure(void **state) {
    (void)state;
    lyc_config *c = parsed(LYC_CONFIG_DISTILL, NULL, NULL, 0);
    assert_int_equal(c->command, LYC_CONFIG_DISTILL);
    assert_string_equal(c->name, "run");
    assert_string_equal(c->output, "runs/x");
    assert_string_equal(c->data.path, "d.h5");
    assert_true(c->data.split.reward_fraction == 0.05 && c->data.split.valid_fraction == 0.05);
    assert_true(c->data.split.seed == 0 && c->data.split.labelled == 0 && !c->data.split.strict);
    assert_null(c->data.split.only_classes);
    assert_null(c->data.split.class_order);
    assert_true(c->data.view.views == 1 && c->data.view.shift == 0 && !c->data.view.flip &&
                c->data.view.cutout == 0 && c->data.view.seed == 0);
    assert_int_equal(c->data.teacher_view, LYC_TEACHER_VIEW_SAME);
    assert_int_equal(c->teacher_count, 2);
    assert_string_equal(c->teachers[0].name, "a");
    assert_string_equal(c->teachers[0].kind, "model");
    assert_string_equal(c->teachers[0].path, "a.h5");
    assert_string_equal(c->teachers[1].kind, "bank");
    assert_string_equal(c->teachers[1].path, "b.h5");
    assert_null(c->teachers[1].class_map);
    assert_true(c->teachers[1].delay_seconds == 0);
    assert_true(c->banks.enabled && c->banks.look_ahead_mb == 64);
    assert_string_equal(c->banks.directory, "banks");
    assert_string_equal(c->network.arch, "mlp");
    assert_true(c->network.hidden_count == 0 && c->network.dropout == 0);
    assert_true(c->loss.alpha == 0.1 && c->loss.temperature == 4 && c->loss.fusion == LYC_FUSION_PROBABILITY);
    assert_int_equal(c->loss.term_count, 1);
    assert_string_equal(c->loss.terms[0].kind, "kd");
    assert_true(c->loss.terms[0].weight == 1);
    assert_string_equal(c->agent.strategy, "learned");
    assert_null(c->agent.weights);
    assert_true(c->agent.action == LYC_ACTION_SELECT && c->agent.teach == LYC_TEACH_MEAN &&
                c->agent.hidden == 32);
    assert_true(c->agent.learning_rate == 0.02 && c->agent.entropy == 0.01 && c->agent.sigma == 0.5 &&
                c->agent.clip == 4 && c->agent.exploration_floor == 0.04742587317756678);
    assert_true(c->agent.credit.kind == LYC_CREDIT_PROBE && c->agent.credit.every == 24);
    assert_true(c->agent.credit.steps == 16 && c->agent.credit.samples == 2048);
    assert_null(c->agent.init);
    assert_true(c->agent.granularity == LYC_GRANULARITY_BATCH);
    assert_true(c->agent.reward.kind == LYC_REWARD_CALIBRATED && c->agent.reward.cost == 0);
    assert_true(c->agent.on_policy.algorithm == LYC_ON_POLICY_REINFORCE && c->agent.on_policy.epochs == 4);
    assert_true(c->agent.on_policy.discount == 0.99 && c->agent.on_policy.lambda == 0.95 &&
                c->agent.on_policy.clip == 0.2);
    assert_string_equal(c->optimizer.kind, "adamw");
    assert_true(c->learning_rate == 0.001 && c->optimizer.momentum == 0.9 && c->optimizer.beta1 == 0.9);
    assert_true(c->optimizer.beta2 == 0.999 && c->optimizer.epsilon == 1e-8);
    assert_string_equal(c->schedule.kind, "cosine");
    assert_true(c->schedule.warmup == 0.05 && c->schedule.final == 0 && c->schedule.gamma == 0.1);
    assert_int_equal(c->schedule.milestone_count, 2);
    assert_true(c->schedule.milestones[0] == 0.5 && c->schedule.milestones[1] == 0.75);
    assert_int_equal(c->optimizer.decay, LYC_DECAY_ALL);
    assert_true(!c->optimizer.nesterov && c->optimizer.clip_norm == 0 && c->loss.label_smoothing == 0 &&
                c->train.ema_decay == 0);
    assert_true(c->train.epochs == 10 && c->train.batch == 128 && c->train.seed == 1);
    assert_true(c->train.checkpoint_every == 0 && c->train.keep_checkpoints == 2 &&
                c->train.select == LYC_SELECT_BEST);
    lyc_config_destroy(c);
}

/* A value that differs from the default for every row of the table: none may be forgotten by the reader or
 * the writer, and none may land in another's place. */
static const char *const changed[][2] = {{"name", "\"n\""},
                                         {"output", "\"o\""},
                                         {"data.path", "\"p.h5\""},
                                         {"data.reward_fraction", "0.125"},
                                         {"data.valid_fraction", "0.25"},
                                         {"data.split_seed", "9007199254740991"},
                                         {"data.labelled", "6000"},
                                         {"data.train_rows", "7000"},
                                         {"data.train_on_reward", "true"},
                                         {"data.strict", "true"},
                                         {"data.only_classes", "[0, 4]"},
                                         {"data.class_order", "[1, 0, 2]"},
                                         {"data.augment.views", "4"},
                                         {"data.augment.shift", "2"},
                                         {"data.augment.flip", "true"},
                                         {"data.augment.cutout", "8"},
                                         {"data.augment.teacher_view", "\"clean\""},
                                         {"data.augment.seed", "11"},
                                         {"banks.enabled", "false"},
                                         {"banks.directory", "\"b\""},
                                         {"banks.look_ahead_mb", "7"},
                                         {"student.arch", "\"mlp\""},
                                         {"student.hidden", "[64, 32]"},
                                         {"student.dropout", "0.5"},
                                         {"network.arch", "\"mlp\""},
                                         {"network.hidden", "[5]"},
                                         {"network.dropout", "0.1"},
                                         {"loss.alpha", "0.3"},
                                         {"loss.temperature", "2.5"},
                                         {"loss.fusion", "\"logit\""},
                                         {"agent.strategy", "\"static\""},
                                         {"agent.weights", "[0.1, 3]"},
                                         {"agent.action", "\"select+weight\""},
                                         {"agent.teach", "\"greedy\""},
                                         {"agent.granularity", "\"instance\""},
                                         {"agent.network", "\"logits\""},
                                         {"agent.hidden", "16"},
                                         {"agent.learning_rate", "0.1"},
                                         {"agent.entropy", "0"},
                                         {"agent.exploration_floor", "0.125"},
                                         {"agent.sigma", "0.25"},
                                         {"agent.clip", "3"},
                                         {"agent.warmup", "0.125"},
                                         {"agent.credit.kind", "\"on_policy\""},
                                         {"agent.credit.every", "16"},
                                         {"agent.credit.steps", "2"},
                                         {"agent.credit.samples", "512"},
                                         {"agent.credit.delay", "3"},
                                         {"agent.reward.kind", "\"f1_improvement\""},
                                         {"agent.reward.cost", "0.5"},
                                         {"agent.on_policy.algorithm", "\"ppo\""},
                                         {"agent.on_policy.discount", "0.5"},
                                         {"agent.on_policy.lambda", "0.25"},
                                         {"agent.on_policy.clip", "0.1"},
                                         {"agent.on_policy.epochs", "3"},
                                         {"optimizer.kind", "\"sgd\""},
                                         {"optimizer.lr", "0.03"},
                                         {"optimizer.momentum", "0.8"},
                                         {"optimizer.weight_decay", "0.0005"},
                                         {"optimizer.decay", "\"weights\""},
                                         {"optimizer.nesterov", "true"},
                                         {"optimizer.clip_norm", "5"},
                                         {"loss.label_smoothing", "0.1"},
                                         {"schedule.milestones", "[0.25, 0.5, 0.875]"},
                                         {"schedule.gamma", "0.2"},
                                         {"train.ema_decay", "0.999"},
                                         {"schedule.kind", "\"step\""},
                                         {"schedule.warmup", "0"},
                                         {"train.epochs", "3"},
                                         {"train.batch", "32"},
                                         {"train.seed", "5"},
                                         {"train.checkpoint_every", "100"},
                                         {"train.keep_checkpoints", "0"},
                                         {"train.select", "\"last\""}};
enum { CHANGED = sizeof changed / sizeof *changed };
#define EXTRA 1
static const char teachers_changed[] =
    "[{\"name\": \"t-1\", \"model\": \"m.h5\", \"class_map\": [2, 0, 1], "
    "\"precision\": \"bf16\", \"delay_ms\": 0}, "
    "{\"name\": \"t.2\", \"bank\": \"r.h5\", \"class_map\": null, \"precision\": \"f32\", \"delay_ms\": 51}]";

static const char *change_of(const char *path) {
    for (size_t i = 0; i < CHANGED; i++)
        if (strcmp(changed[i][0], path) == 0) return changed[i][1];
    return NULL;
}

/* What the optimiser and the schedule chosen above have not. */
static const char *const of_others[][2] = {{"optimizer.kind", "\"adam\""},  {"optimizer.beta1", "0.7"},
                                           {"optimizer.beta2", "0.6"},      {"optimizer.epsilon", "1e-06"},
                                           {"schedule.kind", "\"linear\""}, {"schedule.final", "0.01"}};
enum { OF_OTHERS = sizeof of_others / sizeof *of_others };

static bool is_of_others(const char *path) {
    for (size_t i = 0; i < OF_OTHERS; i++)
        if (strcmp(of_others[i][0], path) == 0) return true;
    return false;
}

/* Rows that have one possible value, live in a list, or are for editors. */
static bool has_no_change(const lyc__field *field) {
    return field->type == &lyc__type_group || field->type == &lyc__type_note || field->element_size > 0 || strchr(field->path, '[') ||
           strstr(field->path, ".depth") || strcmp(field->path, "agent.init") == 0 ||
           strstr(field->path, ".shortcut") || /* not for the arch chosen above */
           (is_of_others(field->path) && !change_of(field->path));
}

static size_t all_changes(lyc_config_command command, char lines[][640], const char *sets[]) {
    size_t count = 0;
    for (size_t i = 0; i < lyc__field_count; i++) {
        const lyc__field *field = &lyc__fields[i];
        if (!(field->commands & (1U << command)) || has_no_change(field)) continue;
        if (!change_of(field->path)) fail_msg("no change is listed for %s", field->path);
        snprintf(lines[count], sizeof lines[count], "%s=%s", field->path, change_of(field->path));
        sets[count] = lines[count];
        count++;
    }
    if (command == LYC_CONFIG_DISTILL) {
        snprintf(lines[count], sizeof lines[count], "teachers=%s", teachers_changed);
        sets[count] = lines[count];
        count++;
    }
    return count;
}

static void expect_written(const char *text, const char *path, const char *value) {
    const char *key = strrchr(path, '.') ? strrchr(path, '.') + 1 : path;
    char wanted[700];
    snprintf(wanted, sizeof wanted, "\"%s\": %s", key, value);
    if (!strstr(text, wanted)) fail_msg("%s is not in\n%s", wanted, text);
}

static void values_of_other_kinds_are_written(void **state) {
    (void)state;
    static char lines[OF_OTHERS][640];
    const char *sets[OF_OTHERS];
    for (size_t i = 0; i < OF_OTHERS; i++) {
        snprintf(lines[i], sizeof lines[i], "%s=%s", of_others[i][0], of_others[i][1]);
        sets[i] = lines[i];
    }
    lyc_config *config = parsed(LYC_CONFIG_TRAIN, NULL, sets, OF_OTHERS);
    char *text = resolved(config);
    for (size_t i = 0; i < OF_OTHERS; i++) expect_written(text, of_others[i][0], of_others[i][1]);
    lyc_free(text);
    lyc_config_destroy(config);
    expect_round_trip(LYC_CONFIG_TRAIN, NULL, sets, OF_OTHERS);
}

static void every_value_is_written(void **state) {
    (void)state;
    static char lines[CHANGED + EXTRA][640];
    const char *sets[CHANGED + EXTRA];
    for (int command = LYC_CONFIG_TRAIN; command <= LYC_CONFIG_DISTILL; command++) {
        size_t count = all_changes((lyc_config_command)command, lines, sets);
        lyc_config *config = parsed((lyc_config_command)command, NULL, sets, count);
        char *text = resolved(config);
        for (size_t i = 0; i < count; i++) {
            const char *equals = strchr(sets[i], '=');
            char path[64];
            snprintf(path, sizeof path, "%.*s", (int)(equals - sets[i]), sets[i]);
            if (strcmp(path, "teachers") != 0) expect_written(text, path, equals + 1);
        }
        lyc_free(text);
        lyc_config_destroy(config);
        expect_round_trip((lyc_config_command)command, NULL, sets, count);
    }
}

static void lists_of_objects_are_written(void **state) {
    (void)state;
    char line[700];
    snprintf(line, sizeof line, "teachers=%s", teachers_changed);
    const char *sets[] = {line, "loss.terms=[{\"kind\": \"kd\", \"weight\": 0.5}]"};
    lyc_config *config = parsed(LYC_CONFIG_DISTILL, NULL, sets, 2);
    assert_true(config->teachers[1].delay_seconds == 0.051);
    assert_int_equal(config->teachers[0].class_map_count, 3);
    assert_int_equal(config->teachers[0].class_map[0], 2);
    char *text = resolved(config);
    assert_non_null(strstr(text, "{\"name\": \"t-1\", \"model\": \"m.h5\", \"class_map\": [2, 0, 1], "
                                 "\"precision\": \"bf16\", \"delay_ms\": 0}"));
    assert_non_null(strstr(text, "{\"name\": \"t.2\", \"bank\": \"r.h5\", \"class_map\": null, "
                                 "\"precision\": \"f32\", \"delay_ms\": 51}"));
    assert_non_null(strstr(text, "{\"kind\": \"kd\", \"weight\": 0.5}"));
    lyc_free(text);
    lyc_config_destroy(config);
}

static void layers_are_written(void **state) {
    (void)state;
    const char *resnet[] = {"network.arch=resnet", "network.depth=32", "network.shortcut=project"};
    lyc_config *config = parsed(LYC_CONFIG_TRAIN, NULL, resnet, 3);
    assert_int_equal(config->network.depth, 32);
    assert_int_equal(config->network.shortcut, LYC_SHORTCUT_PROJECT);
    lyc_config_destroy(config);
    expect_round_trip(LYC_CONFIG_TRAIN, NULL, resnet, 3);
    const char *convnet[] = {
        "student.arch=convnet",
        "student.blocks=[{\"channels\": 8, \"stride\": 2}, {\"channels\": 16, \"kernel\": 5, "
        "\"batch_norm\": false, \"pool\": 3, \"dropout\": 0.25}]"};
    config = parsed(LYC_CONFIG_DISTILL, NULL, convnet, 2);
    assert_int_equal(config->network.block_count, 2);
    const lyc_block *first = &config->network.blocks[0], *second = first + 1;
    assert_true(first->channels == 8 && first->kernel == 3 && first->stride == 2 && first->batch_norm &&
                first->pool == 1 && first->dropout == 0);
    assert_true(second->channels == 16 && second->kernel == 5 && second->stride == 1 && !second->batch_norm &&
                second->pool == 3 && second->dropout == 0.25);
    lyc_config_destroy(config);
    expect_round_trip(LYC_CONFIG_DISTILL, NULL, convnet, 2);
}

static void texts_survive_escaping(void **state) {
    (void)state;
    const char *sets[] = {"name=a \"b\" \\ \xc3\xa9\t", "output=dir/with space"};
    lyc_config *config = parsed(LYC_CONFIG_TRAIN, NULL, sets, 2);
    assert_string_equal(config->name, "a \"b\" \\ \xc3\xa9\t");
    lyc_config_destroy(config);
    expect_round_trip(LYC_CONFIG_TRAIN, NULL, sets, 2);
}

/* Defaults are written too, so that a later version with others can read an old file. */
static void defaults_are_written(void **state) {
    (void)state;
    lyc_config *config = parsed(LYC_CONFIG_DISTILL, NULL, NULL, 0);
    char *text = resolved(config);
    assert_non_null(strstr(text, "\"granularity\": \"batch\""));
    assert_non_null(strstr(text, "\"network\": \"shared\""));
    assert_non_null(strstr(text, "\"reward\": {\n      \"kind\": \"calibrated_improvement\",\n      \"cost\": 0\n    }"));
    lyc_free(text);
    lyc_config_destroy(config);
}

/* A configuration for `train` holds the defaults of what only `distill` reads, and its own network. */
static void fields_of_the_other_command_hold_defaults(void **state) {
    (void)state;
    const char *sets[] = {"network.arch=lenet5", "network.dropout=0.25"};
    lyc_config *config = parsed(LYC_CONFIG_TRAIN, NULL, sets, 2);
    assert_string_equal(config->network.arch, "lenet5");
    assert_true(config->network.dropout == 0.25);
    assert_int_equal(config->teacher_count, 0);
    assert_true(config->loss.temperature == 4);
    assert_string_equal(config->loss.terms[0].kind, "kd");
    assert_true(config->agent.credit.samples == 2048);
    char *text = resolved(config);
    assert_non_null(strstr(text, "\"loss\": {\n    \"label_smoothing\": 0\n  }"));
    assert_null(strstr(text, "\"student\""));
    lyc_free(text);
    lyc_config_destroy(config);
}

/* A structure may be copied and changed, as tests and sweeps do. */
static void a_copy_can_be_resolved(void **state) {
    (void)state;
    lyc_config *config = parsed(LYC_CONFIG_TRAIN, NULL, NULL, 0);
    lyc_config copy = *config;
    copy.output = "elsewhere";
    char *text = resolved(&copy);
    assert_non_null(strstr(text, "\"output\": \"elsewhere\""));
    lyc_free(text);
    lyc_config_destroy(config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_reach_the_structure),
        cmocka_unit_test(every_value_is_written),
        cmocka_unit_test(values_of_other_kinds_are_written),
        cmocka_unit_test(lists_of_objects_are_written),
        cmocka_unit_test(layers_are_written),
        cmocka_unit_test(texts_survive_escaping),
        cmocka_unit_test(defaults_are_written),
        cmocka_unit_test(fields_of_the_other_command_hold_defaults),
        cmocka_unit_test(a_copy_can_be_resolved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Each rule between keys: one configuration that only this rule refuses. */
#include "config_testing.h"

#include <stdio.h>

#include "config/fields.h"

#define D LYC_CONFIG_DISTILL
#define T LYC_CONFIG_TRAIN

/* Rows stand in the order of lyc__rules without the first, which completes instead of refusing. */
static const wrong rows[] = {
    {"fractions",
     T,
     NULL,
     {"data.reward_fraction=0.5", "data.valid_fraction=0.5"},
     "t.json: data: reward_fraction and valid_fraction leave nothing to train on; lower one of them"},
    {"trained on what is rewarded",
     D,
     NULL,
     {"data.train_on_reward=true", "agent.strategy=learned"},
     "t.json: data.train_on_reward: strategy \"learned\" measures its decisions on the reward split, which "
     "must "
     "be unseen; set it to false"},
    {"views unused",
     D,
     NULL,
     {"data.augment.flip=true"},
     "t.json: data.augment: shift, flip and cutout have no effect with views 1; set views to 2 or more"},
    {"views equal",
     D,
     NULL,
     {"data.augment.views=4"},
     "t.json: data.augment: 4 views would all be equal; set shift, flip or cutout, or views to 1"},
    {"teachers' view",
     D,
     NULL,
     {"data.augment.teacher_view=clean"},
     "t.json: data.augment.teacher_view: \"clean\" has no effect with views 1, where every view is; remove "
     "it"},
    {"only_classes",
     T,
     NULL,
     {"data.only_classes=[3,1,3]"},
     "t.json: data.only_classes: class 3 is named twice"},
    {"class_order",
     T,
     NULL,
     {"data.class_order=[0,2,3]"},
     "t.json: data.class_order: must name each class from 0 to 2 once"},
    {"hidden",
     T,
     NULL,
     {"network.arch=lenet5", "network.hidden=[8]"},
     "t.json: network.hidden: \"lenet5\" has widths of its own; remove it, or set arch to \"mlp\""},
    {"depth",
     T,
     NULL,
     {"network.arch=resnet", "network.depth=18"},
     "t.json: network.depth: is 18, not 6 n + 2: 8, 14, 20, 32, 44, 56, ..."},
    {"teacher names",
     D,
     NULL,
     {"teachers[1].name=a"},
     "t.json: teachers[1].name: \"a\" is the name of teachers[0] too; give each its own"},
    {"source",
     D,
     NULL,
     {"teachers[0].model=null"},
     "t.json: teachers[0]: has no source; set \"model\" or \"bank\" to a file"},
    {"class maps",
     D,
     NULL,
     {"teachers[1].class_map=[4,4]"},
     "t.json: teachers[1].class_map: class 4 is named twice"},
    {"delay",
     D,
     NULL,
     {"teachers[0].delay_ms=50"},
     "t.json: teachers[0].delay_ms: only recorded logits (\"bank\") can be delayed; remove it"},
    {"precision",
     D,
     NULL,
     {"teachers[1].precision=bf16"},
     "t.json: teachers[1].precision: recorded logits (\"bank\") are not computed; remove it"},
    {"no teachers",
     D,
     NULL,
     {"teachers=[]", "agent.strategy=uniform"},
     "t.json: teachers: is empty, but strategy \"uniform\" needs a teacher; add one, or set agent.strategy "
     "to \"none\""},
    {"single",
     D,
     NULL,
     {"agent.strategy=single:c"},
     "t.json: agent.strategy: no teacher is called \"c\"; there are: \"a\", \"b\""},
    {"static count",
     D,
     NULL,
     {"agent.strategy=static", "agent.weights=[1]"},
     "t.json: agent.weights: strategy \"static\" needs one weight for each of the 2 teachers, not 1"},
    {"static sum",
     D,
     NULL,
     {"agent.strategy=static", "agent.weights=[0,0]"},
     "t.json: agent.weights: are all 0; one must be positive"},
    {"weights unused",
     D,
     NULL,
     {"agent.weights=[1,1]"},
     "t.json: agent.weights: are for strategy \"static\", not \"learned\"; remove them"},
    {"init",
     D,
     NULL,
     {"agent.strategy=uniform", "agent.init=runs/other"},
     "t.json: agent.init: is for strategy \"learned\", not \"uniform\"; remove it"},
    {"algorithm",
     D,
     NULL,
     {"agent.on_policy.algorithm=ppo"},
     "t.json: agent.on_policy.algorithm: is for credit \"on_policy\"; remove it, or set agent.credit.kind to "
     "\"on_policy\""},
    {"delay",
     D,
     NULL,
     {"agent.credit.every=8", "agent.credit.delay=9"},
     "t.json: agent.credit.delay: 9 is more than agent.credit.every, 8: the next probe would begin before "
     "this one has "
     "taught; lower it"},
    {"cost",
     D,
     NULL,
     {"agent.reward.cost=0.1", "agent.action=weight"},
     "t.json: agent.reward.cost: is for teachers that are selected, but action \"weight\" selects all of "
     "them; "
     "remove it, or set agent.action to \"select\" or \"select+weight\""},
    {"alpha",
     D,
     NULL,
     {"loss.alpha=1"},
     "t.json: loss.alpha: 1 leaves the teachers no weight; lower it, or set agent.strategy to \"none\""},
    {"terms",
     D,
     NULL,
     {"loss.terms=[{\"kind\":\"kd\"},{\"kind\":\"kd\"}]"},
     "t.json: loss.terms: term \"kd\" is given twice; add up the weights"},
    {"nesterov",
     T,
     NULL,
     {"optimizer.kind=adam", "optimizer.nesterov=true"},
     "t.json: optimizer.nesterov: is for \"sgd\" with a momentum above 0; remove it"},
    {"momentum",
     T,
     NULL,
     {"optimizer.momentum=0.5"},
     "t.json: optimizer.momentum: is for \"sgd\", not \"adamw\"; remove it"},
    {"final",
     T,
     NULL,
     {"schedule.kind=constant", "schedule.final=0.1"},
     "t.json: schedule.final: is for \"cosine\" and \"linear\", not \"constant\"; remove it"},
    {"milestones",
     T,
     NULL,
     {"schedule.kind=step", "schedule.milestones=[0.5,0.5]"},
     "t.json: schedule.milestones: 0.5 is out of place: they ascend, and follow the warm-up (0.05)"},
};

/* Further configurations that a rule above refuses. */
static const wrong more[] = {
    {"nesterov without momentum",
     D,
     NULL,
     {"optimizer.kind=sgd", "optimizer.nesterov=true", "optimizer.momentum=0"},
     "t.json: optimizer.nesterov: is for \"sgd\" with a momentum above 0; remove it"},
    {"second moment",
     D,
     NULL,
     {"optimizer.kind=sgd", "optimizer.beta2=0.9"},
     "t.json: optimizer.beta2: is for \"adam\" and \"adamw\", not \"sgd\"; remove it"},
    {"factor of no steps",
     D,
     NULL,
     {"schedule.gamma=0.5"},
     "t.json: schedule.gamma: is for \"step\", not \"cosine\"; remove it"},
    {"milestones of no steps",
     D,
     NULL,
     {"schedule.kind=linear", "schedule.milestones=[0.5]"},
     "t.json: schedule.milestones: is for \"step\", not \"linear\"; remove it"},
    {"no milestones",
     T,
     NULL,
     {"schedule.kind=step", "schedule.milestones=null"},
     "t.json: schedule.milestones: is null, but schedule \"step\" needs one or more"},
    {"milestone in the warm-up",
     T,
     NULL,
     {"schedule.kind=step", "schedule.milestones=[0.04]"},
     "t.json: schedule.milestones: 0.04 is out of place: they ascend, and follow the warm-up (0.05)"},
    {"milestone at the end",
     T,
     NULL,
     {"schedule.milestones=[0.5,1]"},
     "t.json: schedule.milestones[1]: 1 is too large; allowed: a number above 0, below 1"},
    {"smoothing everything",
     T,
     NULL,
     {"loss.label_smoothing=1"},
     "t.json: loss.label_smoothing: 1 is too large; allowed: a number, 0 or more, below 1"},
    {"alpha without teachers",
     T,
     NULL,
     {"loss.alpha=0.5"},
     "t.json: loss.alpha: belongs to `lyceum distill` and means nothing to `lyceum train`; remove it"},
};

enum { ROWS = sizeof rows / sizeof *rows, MORE = sizeof more / sizeof *more };

static void every_rule_has_a_row(void **state) {
    (void)state;
    assert_int_equal(lyc__rule_count, ROWS + 4); /* and the four that complete values */
}

/* Neighbours of the refusals: what a rule must let pass. */
static void what_is_right_passes(void **state) {
    (void)state;
    static const struct {
        lyc_config_command command;
        const char *sets[4];
    } cases[] = {
        {T, {"data.reward_fraction=0.5", "data.valid_fraction=0.49"}},
        {D, {"data.augment.views=2", "data.augment.shift=1"}},
        {D, {"data.augment.views=2", "data.augment.cutout=1", "data.augment.teacher_view=clean"}},
        {T, {"data.class_order=[2,0,1]", "data.only_classes=[2]"}},
        {T, {"network.hidden=[8,8]"}},
        {D, {"agent.strategy=none", "teachers=[]", "loss.alpha=1"}},
        {D, {"agent.strategy=none"}},
        {D, {"agent.strategy=single:b", "teachers[1].delay_ms=50"}},
        {D, {"teachers[0].precision=bf16"}},
        {D, {"agent.strategy=static", "agent.weights=[0,2]"}},
        {T, {"optimizer.kind=sgd", "optimizer.nesterov=true"}},
        {T, {"schedule.kind=step", "schedule.milestones=[0.05,0.5]"}},
        {T, {"schedule.milestones=null"}},
        {D, {"teachers[0].class_map=[1,0]", "teachers[1].class_map=[1,0]"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t count = 0;
        while (count < 4 && cases[i].sets[count]) count++;
        lyc_config *config = NULL;
        lyc_error err = {0};
        lyc_status status = lyc_config_parse(&config, cases[i].command, text_of(cases[i].command, NULL),
                                             "t.json", cases[i].sets, count, &err);
        assert_string_equal(err.message, "");
        assert_int_equal(status, LYC_OK);
        lyc_config_destroy(config);
    }
}

static void weight_decay_follows_the_optimiser(void **state) {
    (void)state;
    static const struct {
        const char *sets[2];
        double decay;
    } cases[] = {{{"optimizer.kind=adamw", "name=x"}, 0.01},
                 {{"optimizer.kind=sgd", "name=x"}, 0},
                 {{"optimizer.kind=adam", "name=x"}, 0},
                 {{"optimizer.kind=sgd", "optimizer.weight_decay=0.5"}, 0.5},
                 {{"optimizer.kind=adamw", "optimizer.weight_decay=0"}, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lyc_config *config = NULL;
        assert_int_equal(lyc_config_parse(&config, T, train_text, "t.json", cases[i].sets, 2, NULL), LYC_OK);
        assert_true(config->optimizer.weight_decay == cases[i].decay);
        lyc_config_destroy(config);
    }
}

static void the_agents_learning_rate_follows_its_network(void **state) {
    (void)state;
    static const struct {
        const char *sets[2];
        lyc_agent_network network;
        double rate;
    } cases[] = {{{"name=x", "agent.network=shared"}, LYC_AGENT_SHARED, 0.02},
                 {{"name=x", "agent.network=logits"}, LYC_AGENT_LOGITS, 0.1},
                 {{"agent.learning_rate=0.5", "agent.network=logits"}, LYC_AGENT_LOGITS, 0.5},
                 {{"agent.learning_rate=0.5", "agent.network=shared"}, LYC_AGENT_SHARED, 0.5}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lyc_config *config = NULL;
        assert_int_equal(lyc_config_parse(&config, D, distill_text, "t.json", cases[i].sets, 2, NULL),
                         LYC_OK);
        assert_true(config->agent.learning_rate == cases[i].rate);
        assert_int_equal(config->agent.network, cases[i].network);
        lyc_config_destroy(config);
    }
}

static void probes_per_instance_are_shorter_and_more_frequent(void **state) {
    (void)state;
    static const struct {
        const char *sets[3];
        int every, steps;
    } cases[] = {
        {{"name=x", "name=x", "name=x"}, 24, 16},
        {{"agent.granularity=instance", "name=x", "name=x"}, 16, 4},
        {{"agent.granularity=instance", "agent.credit.every=null", "agent.credit.steps=null"}, 16, 4},
        {{"agent.granularity=instance", "agent.credit.every=48", "name=x"}, 48, 4},
        {{"agent.granularity=instance", "name=x", "agent.credit.steps=16"}, 16, 16},
        {{"agent.credit.every=5", "agent.credit.steps=3", "name=x"}, 5, 3},
        {{"agent.granularity=instance", "agent.strategy=influence", "name=x"}, 24, 16},
        {{"agent.granularity=instance", "agent.credit.kind=on_policy", "name=x"}, 24, 16},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lyc_config *config = NULL;
        assert_int_equal(lyc_config_parse(&config, D, distill_text, "t.json", cases[i].sets, 3, NULL),
                         LYC_OK);
        assert_int_equal(config->agent.credit.every, cases[i].every);
        assert_int_equal(config->agent.credit.steps, cases[i].steps);
        char *text = NULL, wanted[64];
        assert_int_equal(lyc_config_resolved(config, &text, NULL), LYC_OK);
        snprintf(wanted, sizeof wanted, "\"every\": %d,\n      \"steps\": %d,", cases[i].every,
                 cases[i].steps);
        assert_non_null(strstr(text, wanted));
        lyc_free(text);
        lyc_config_destroy(config);
    }
}

/* Beyond a number of problems their places are no longer kept; rules must not run on what was never read. */
static void many_problems_stop_the_rules(void **state) {
    (void)state;
    char text[4096] = "{\"output\": \"o\", \"data\": {\"path\": \"d.h5\"}, \"student\": {\"arch\": \"mlp\"}";
    for (int i = 0; i < 60; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), ", \"unknown%d\": 1", i);
    strcat(text, ", \"teachers\": [{\"model\": \"a.h5\"}, {\"model\": \"b.h5\"}]}");
    lyc_config *config = NULL;
    lyc_error err = {0};
    assert_int_equal(lyc_config_parse(&config, D, text, "t.json", NULL, 0, &err), LYC_ECONFIG);
    assert_non_null(strstr(err.message, "t.json: 62 problems"));
    assert_null(config);
}

static void a_probe_teaches_as_far_ahead_as_it_looks(void **state) {
    (void)state;
    static const struct {
        const char *sets[2];
        int delay;
    } cases[] = {{{"agent.credit.every=48", "agent.credit.steps=16"}, 16},
                 {{"agent.credit.every=48", "agent.credit.delay=null"}, 16},
                 {{"agent.credit.steps=5", "agent.credit.every=9"}, 5},
                 {{"agent.credit.steps=9", "agent.credit.every=5"}, 5},
                 {{"agent.credit.every=48", "agent.credit.delay=0"}, 0},
                 {{"agent.credit.delay=48", "agent.credit.every=48"}, 48}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lyc_config *config = NULL;
        char *resolved = NULL, expected[32];
        assert_int_equal(lyc_config_parse(&config, D, distill_text, "t.json", cases[i].sets, 2, NULL),
                         LYC_OK);
        assert_int_equal(config->agent.credit.delay, cases[i].delay);
        assert_int_equal(lyc_config_resolved(config, &resolved, NULL), LYC_OK);
        (void)snprintf(expected, sizeof expected, "\"delay\": %d", cases[i].delay);
        assert_non_null(strstr(resolved, expected));
        lyc_free(resolved);
        lyc_config_destroy(config);
    }
}

int main(void) {
    enum { ALONE = 7 };
    struct CMUnitTest tests[ALONE + ROWS + MORE] = {
        cmocka_unit_test(every_rule_has_a_row),
        cmocka_unit_test(what_is_right_passes),
        cmocka_unit_test(weight_decay_follows_the_optimiser),
        cmocka_unit_test(the_agents_learning_rate_follows_its_network),
        cmocka_unit_test(a_probe_teaches_as_far_ahead_as_it_looks),
        cmocka_unit_test(probes_per_instance_are_shorter_and_more_frequent),
        cmocka_unit_test(many_problems_stop_the_rules)};
    for (size_t i = 0; i < ROWS; i++) tests[ALONE + i] = test_of(&rows[i]);
    for (size_t i = 0; i < MORE; i++) tests[ALONE + ROWS + i] = test_of(&more[i]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

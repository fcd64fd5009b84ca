/* Keys, types and overrides: each check refuses a configuration of its own, with the whole message. */
#include "config_testing.h"

#include <stdio.h>
#include <stdlib.h>

#include "lyceum/memory.h"

#define D LYC_CONFIG_DISTILL
#define T LYC_CONFIG_TRAIN

static const wrong rows[] = {
    /* keys */
    {"no object", T, "[1]", {NULL}, "t.json: a configuration is an object: { ... }"},
    {"not JSON", T, "{\"output\": x}", {NULL}, "t.json:1:12: x is no JSON value; texts need double quotes"},
    {"misspelt key",
     T,
     NULL,
     {"train.epoch=3"},
     "t.json: train.epoch: unknown key; did you mean \"train.epochs\"?"},
    {"other case", T, NULL, {"Name=x"}, "t.json: Name: unknown key; did you mean \"name\"?"},
    {"key of another object", T, NULL, {"lr=3"}, "t.json: lr: unknown key; did you mean \"optimizer.lr\"?"},
    {"strange key",
     T,
     NULL,
     {"zebra=3"},
     "t.json: zebra: unknown key; `lyceum config reference` lists the keys"},
    {"key inside a list",
     D,
     NULL,
     {"teachers[1].nam=x"},
     "t.json: teachers[1].nam: unknown key; did you mean \"teachers[1].name\"?"},
    {"control characters in a key",
     T,
     "{\"output\": \"o\", \"data\": {\"path\": \"p\"}, \"network\": {\"arch\": \"mlp\"}, \"\\u001b[31m\": 1}",
     {NULL},
     "t.json: ?[31m: unknown key; `lyceum config reference` lists the keys"},
    {"key of distill",
     T,
     NULL,
     {"agent={}"},
     "t.json: agent: belongs to `lyceum distill` and means nothing to `lyceum train`; remove it"},
    {"network is called student",
     D,
     NULL,
     {"network={\"arch\": \"mlp\"}"},
     "t.json: network: belongs to `lyceum train`; `lyceum distill` calls it \"student\""},
    {"repeated key",
     T,
     "{\"output\": \"o\", \"data\": {\"path\": \"p\"}, \"network\": {\"arch\": \"mlp\", \"dropout\": 0, "
     "\"dropout\": 0}}",
     {NULL},
     "t.json: network.dropout: given twice; keep one"},
    {"missing key",
     T,
     "{\"output\": \"o\", \"network\": {\"arch\": \"mlp\"}}",
     {NULL},
     "t.json: data.path: must be given (a text): Data-set file, as `lyceum data` writes it."},
    /* types */
    {"group", T, NULL, {"train=[]"}, "t.json: train: must be an object, not a list"},
    {"text",
     T,
     "{\"name\": null, \"output\": \"o\", \"data\": {\"path\": \"p\"}, \"network\": {\"arch\": \"mlp\"}}",
     {NULL},
     "t.json: name: must be a text, not null"},
    {"empty text", T, NULL, {"name="}, "t.json: name: must not be empty"},
    {"note",
     T,
     "{\"output\": \"o\", \"data\": {\"path\": \"p\"}, \"network\": {\"arch\": \"mlp\"}, \"$schema\": 3}",
     {NULL},
     "t.json: $schema: must be a text, not the number 3"},
    {"label",
     D,
     NULL,
     {"teachers[0].name=a/b"},
     "t.json: teachers[0].name: \"a/b\" must be 1 to 64 of the characters A-Z a-z 0-9 _ . -"},
    {"flag", T, NULL, {"data.strict=1"}, "t.json: data.strict: must be true or false, not the number 1"},
    {"number",
     T,
     NULL,
     {"optimizer.lr=fast"},
     "t.json: optimizer.lr: must be a number above 0, at most 1000, not the text \"fast\""},
    {"too small",
     T,
     NULL,
     {"train.epochs=0"},
     "t.json: train.epochs: 0 is too small; allowed: a whole number, 1 to 1000000"},
    {"excluded low",
     T,
     NULL,
     {"optimizer.lr=0"},
     "t.json: optimizer.lr: 0 is too small; allowed: a number above 0, at most 1000"},
    {"too large",
     D,
     NULL,
     {"loss.alpha=1.5"},
     "t.json: loss.alpha: 1.5 is too large; allowed: a number, 0 to 1"},
    {"excluded high",
     T,
     NULL,
     {"schedule.warmup=1"},
     "t.json: schedule.warmup: 1 is too large; allowed: a number, 0 or more, below 1"},
    {"beyond 2^53",
     T,
     NULL,
     {"train.seed=9007199254740993"},
     "t.json: train.seed: 9007199254740992 is too large; integers are exact up to 2^53 - 1 only"},
    {"fraction",
     T,
     NULL,
     {"train.batch=1.5"},
     "t.json: train.batch: must be a whole number, not the number 1.5"},
    {"number or null",
     T,
     NULL,
     {"optimizer.weight_decay=true"},
     "t.json: optimizer.weight_decay: must be a number, 0 to 1000, or null, not true"},
    {"choice",
     D,
     NULL,
     {"loss.fusion=logits"},
     "t.json: loss.fusion: unknown \"logits\"; did you mean \"logit\"? Allowed: \"probability\" or "
     "\"logit\""},
    {"choice far off",
     T,
     NULL,
     {"optimizer.kind=lion"},
     "t.json: optimizer.kind: unknown \"lion\"; allowed: \"sgd\", \"adam\" or \"adamw\""},
    {"choice of another type",
     T,
     "{\"output\": \"o\", \"data\": {\"path\": \"p\"}, \"network\": {\"arch\": 3}}",
     {NULL},
     "t.json: network.arch: must be \"mlp\", \"lenet5\", \"resnet\" or \"convnet\", not the number 3"},
    {"one of two",
     D,
     NULL,
     {"agent.granularity=row"},
     "t.json: agent.granularity: unknown \"row\"; allowed: \"batch\" or \"instance\""},
    {"nothing behind single:",
     D,
     NULL,
     {"agent.strategy=single:"},
     "t.json: agent.strategy: unknown \"single:\"; allowed: \"none\", \"single:<teacher>\", \"best_single\", "
     "\"uniform\", \"static\", \"random_single\", \"random_subset\", \"validated\", \"validated:accuracy\", "
     "\"logistic\", \"confidence\", \"entropy\", \"gradient\", \"influence\", "
     "\"influence:last\", \"learned\" or \"frozen:<checkpoint>\""},
    {"two sources",
     D,
     NULL,
     {"teachers[0].bank=b.h5"},
     "t.json: teachers[0].bank: a second source beside \"model\"; keep one"},
    {"source of another type",
     D,
     NULL,
     {"teachers=[{\"name\": \"a\", \"model\": 3}]"},
     "t.json: teachers[0].model: must be the path of a file, not the number 3"},
    {"empty source",
     D,
     NULL,
     {"teachers=[{\"name\": \"a\", \"bank\": \"\"}]"},
     "t.json: teachers[0].bank: must not be empty"},
    /* lists */
    {"list",
     T,
     NULL,
     {"network.hidden=8"},
     "t.json: network.hidden: must be a list of whole numbers, 1 to 65536, not the number 8"},
    {"list too short",
     T,
     NULL,
     {"data.only_classes=[]"},
     "t.json: data.only_classes: must have at least 1 entry"},
    {"list too long",
     T,
     NULL,
     {"network.hidden=[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]"},
     "t.json: network.hidden: has 17 entries; at most 16 are allowed"},
    {"entry",
     T,
     NULL,
     {"network.hidden=[8, 8.5]"},
     "t.json: network.hidden[1]: must be a whole number, not the number 8.5"},
    {"entry of a list of numbers",
     D,
     NULL,
     {"agent.strategy=static", "agent.weights=[1, -1]"},
     "t.json: agent.weights[1]: -1 is too small; allowed: a number, 0 to 1000000"},
    {"entry that is no object",
     D,
     NULL,
     {"loss.terms=[3]"},
     "t.json: loss.terms[0]: must be an object, not the number 3"},
    {"missing in an entry",
     D,
     NULL,
     {"loss.terms=[{}]"},
     "t.json: loss.terms[0].kind: must be given (\"kd\"): Kind of term."},
    /* overrides */
    {"no equals sign",
     T,
     NULL,
     {"train.epochs"},
     "t.json: --set train.epochs: \"=value\" is missing; write path.to.key=value"},
    {"empty step",
     T,
     NULL,
     {"train..epochs=3"},
     "t.json: --set train..epochs=3: write path.to.key=value, as in train.epochs=3 or teachers[0].name=a"},
    {"no such entry",
     D,
     NULL,
     {"teachers[2].name=c"},
     "t.json: --set teachers[2].name=c: there is no entry [2]; a whole list is set with KEY=[...]"},
    {"into a text",
     T,
     NULL,
     {"output.x=3"},
     "t.json: --set output.x=3: \"x\" has no place in a value that is no object"},
    {"broken list",
     T,
     NULL,
     {"network.hidden=[8,"},
     "t.json: --set network.hidden=[8,: its value:1:4: the text ends where a value should stand"},
};

enum { ROWS = sizeof rows / sizeof *rows };

static void all_problems_come_at_once(void **state) {
    (void)state;
    static const char text[] =
        "{\"output\": 3, \"data\": {\"labelled\": -1}, \"network\": {\"arch\": \"mlp\"}, \"traim\": {}}";
    lyc_config *config = NULL;
    lyc_error err = {0};
    assert_int_equal(lyc_config_parse(&config, T, text, "t.json", NULL, 0, &err), LYC_ECONFIG);
    assert_string_equal(err.message,
                        "t.json: 4 problems\n"
                        "  traim: unknown key; did you mean \"train\"?\n"
                        "  output: must be a text, not the number 3\n"
                        "  data.path: must be given (a text): Data-set file, as `lyceum data` writes it.\n"
                        "  data.labelled: -1 is too small; allowed: a whole number, 0 or more");
}

/* A message has a limit; what does not fit is counted. */
static void too_many_problems_are_counted(void **state) {
    (void)state;
    char *text = calloc(100000, 1);
    assert_non_null(text);
    char *end = text + sprintf(text, "{\"output\": \"o\"");
    for (int i = 0; i < 5000; i++) end += sprintf(end, ",\"zebra%d\":1", i);
    sprintf(end, "}");
    lyc_config *config = NULL;
    lyc_error err = {0};
    assert_int_equal(lyc_config_parse(&config, T, text, "t.json", NULL, 0, &err), LYC_ECONFIG);
    assert_non_null(strstr(err.message, "t.json: 202 problems\n"));
    const char *more = strstr(err.message, "\n  ... and ");
    assert_non_null(more);
    int shown = 0;
    for (const char *p = err.message; (p = strstr(p, "\n  zebra")) != NULL; p++) shown++;
    assert_int_equal(shown + atoi(more + strlen("\n  ... and ")), 202);
    free(text);
}

/* A rule that reads a key with a problem says nothing: it would only repeat it in other words. */
static void rules_wait_for_sound_keys(void **state) {
    (void)state;
    const char *sets[] = {"teachers[0].name=3/", "agent.strategy=single:a"};
    lyc_config *config = NULL;
    lyc_error err = {0};
    assert_int_equal(lyc_config_parse(&config, D, distill_text, "t.json", sets, 2, &err), LYC_ECONFIG);
    assert_string_equal(
        err.message, "t.json: teachers[0].name: \"3/\" must be 1 to 64 of the characters A-Z a-z 0-9 _ . -");
}

static void overrides_are_json_or_text(void **state) {
    (void)state;
    const char *sets[] = {"name=true",
                          "output=\"runs/quoted\"",
                          "train.seed=7",
                          "train.seed=8",
                          "network.hidden=[3, 4]",
                          "data.augment.views=2",
                          "data.augment.flip=true"};
    lyc_config *config = NULL;
    lyc_error err = {0};
    lyc_status status = lyc_config_parse(&config, T, train_text, "t.json", sets, 7, &err);
    assert_string_equal(err.message, "");
    assert_int_equal(status, LYC_OK);
    assert_string_equal(config->name, "true"); /* a key that holds text takes the value as it is */
    assert_string_equal(config->output, "runs/quoted");
    assert_int_equal(config->train.seed, 8); /* the last one wins */
    assert_int_equal(config->network.hidden_count, 2);
    assert_int_equal(config->network.hidden[1], 4);
    assert_int_equal(config->data.view.views, 2);
    assert_true(config->data.view.flip);
    lyc_config_destroy(config);
}

static void whole_numbers_may_be_written_as_fractions(void **state) {
    (void)state;
    const char *sets[] = {"train.epochs=3.0", "train.batch=1e2"};
    lyc_config *config = NULL;
    assert_int_equal(lyc_config_parse(&config, T, train_text, "t.json", sets, 2, NULL), LYC_OK);
    assert_int_equal(config->train.epochs, 3);
    assert_int_equal(config->train.batch, 100);
    lyc_config_destroy(config);
}

static void files_are_named_in_errors(void **state) {
    (void)state;
    lyc_config *config = NULL;
    lyc_error err = {0};
    assert_int_equal(lyc_config_load(&config, T, "no/such.json", NULL, 0, &err), LYC_ECONFIG);
    assert_string_equal(err.message, "no/such.json: No such file or directory");
    assert_int_equal(lyc_config_load(&config, T, ".", NULL, 0, &err), LYC_ECONFIG);
    assert_string_equal(err.message, ".: Is a directory");
}

int main(void) {
    struct CMUnitTest tests[ROWS + 6] = {cmocka_unit_test(all_problems_come_at_once),
                                         cmocka_unit_test(too_many_problems_are_counted),
                                         cmocka_unit_test(rules_wait_for_sound_keys),
                                         cmocka_unit_test(overrides_are_json_or_text),
                                         cmocka_unit_test(whole_numbers_may_be_written_as_fractions),
                                         cmocka_unit_test(files_are_named_in_errors)};
    for (size_t i = 0; i < ROWS; i++) tests[6 + i] = test_of(&rows[i]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The tables of a run: every field of a row struct lands in the column of its name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lyceum/memory.h"
#include "lyceum/run_layout.h"
#include "scratch.h"

#define TEACHERS 3
#define CLASSES  2
#define OBSERVED 4
#define ROWS     2

static const char *const teachers[TEACHERS] = {"good", "bad", "ugly"};
static const char *const kinds[TEACHERS] = {"model", "bank", "model"};
static const char *const prints[TEACHERS] = {"0a", "0b", "0c"};
static const char *const observed[OBSERVED] = {"good.ce", "bad.ce", "ugly.ce", "global.progress"};
static const char *const classes[CLASSES] = {"cat", "dog"};
static const double reward_ce[TEACHERS] = {0.1, 0.2, 0.3}, reward_accuracy[TEACHERS] = {0.9, 0.8, 0.7};
static const char *const precisions[TEACHERS] = {"f32", "bf16", "f32"};
static const double largest[TEACHERS] = {0, 0.01, 0.02}, mean[TEACHERS] = {0, 0.03, 0.04},
                    changed[TEACHERS] = {0, 0.05, 0.06};
static const double valid_ce[TEACHERS] = {0.4, 0.5, 0.6}, valid_accuracy[TEACHERS] = {0.6, 0.5, 0.4};

static lyc_run_facts facts(void) {
    return (lyc_run_facts){
        .name = "sample",
        .strategy = "learned",
        .config = "{\"name\": \"sample\"}",
        .total_steps = 400,
        .steps_per_epoch = 40,
        .teachers = TEACHERS,
        .classes = CLASSES,
        .observation = OBSERVED,
        .rows = ROWS,
        .teacher_names = teachers,
        .teacher_kinds = kinds,
        .teacher_fingerprints = prints,
        .teacher_precisions = precisions,
        .logit_error_largest = largest,
        .logit_error_mean = mean,
        .logit_error_changed = changed,
        .reward_ce = reward_ce,
        .reward_accuracy = reward_accuracy,
        .valid_ce = valid_ce,
        .valid_accuracy = valid_accuracy,
        .observation_names = observed,
        .class_names = classes,
    };
}

static const float observation[OBSERVED] = {1.5f, 2.5f, 3.5f, 4.5f}, weight[TEACHERS] = {0.25f, 0.0f, 0.75f};
static const float other[TEACHERS] = {0.0f, 1.0f, 0.0f};
static const float by_class[TEACHERS * CLASSES] = {1, 2, 3, 4, 5, 6},
                                       selected[TEACHERS * CLASSES] = {6, 5, 4, 3, 2, 1};
static const uint8_t select_a[TEACHERS] = {1, 0, 1}, select_b[TEACHERS] = {0, 1, 0};
static const uint64_t class_rows[CLASSES] = {70, 80}, row_id[ROWS] = {90, 91};
static const uint8_t row_select[ROWS * TEACHERS] = {1, 0, 0, 1, 1, 0};
static const float row_weight[ROWS * TEACHERS] = {1, 0, 0, 0.5f, 0.5f, 0};

/* Numbers that occur once each: a swapped column cannot go unnoticed. */
static const lyc_trajectory_row trajectory = {.step = 11,
                                              .epoch = 12,
                                              .observation = observation,
                                              .select = select_a,
                                              .weight = weight,
                                              .row_id = row_id,
                                              .row_select = row_select,
                                              .row_weight = row_weight,
                                              .log_prob = 13,
                                              .reward = 14,
                                              .baseline = 15,
                                              .advantage = 16,
                                              .entropy = 17,
                                              .loss_total = 18,
                                              .loss_ce = 19,
                                              .loss_kd = 20,
                                              .labelled = 21,
                                              .seconds_teacher = 22,
                                              .seconds_decide = 23,
                                              .seconds_student = 24,
                                              .seconds_probe = 25};
static const lyc_probes_row probes = {.step = 31,
                                      .select_a = select_a,
                                      .select_b = select_b,
                                      .weight_a = weight,
                                      .weight_b = other,
                                      .reward_a = 32,
                                      .reward_b = 33,
                                      .advantage = 34,
                                      .gradient_norm = 35};
static const lyc_epochs_row epochs = {.epoch = 41,
                                      .loss_total = 42,
                                      .loss_ce = 43,
                                      .loss_kd = 44,
                                      .valid_accuracy = 45,
                                      .valid_nll = 46,
                                      .reward_nll = 47,
                                      .reward_accuracy = 48,
                                      .lr = 49,
                                      .seconds = 50,
                                      .class_weight = by_class,
                                      .class_select = selected,
                                      .class_rows = class_rows};
static const lyc_evaluation_row evaluation = {.split = 3,
                                              .rows = 61,
                                              .accuracy = 62,
                                              .nll = 63,
                                              .brier = 64,
                                              .ece = 65,
                                              .f1_macro = 66,
                                              .matthews = 67,
                                              .epoch = 68,
                                              .touched = 69};

static const uint64_t bin_rows[LYC_RUN_BINS] = {1, 2, 3, 4, 5};
static const double bin_values[LYC_RUN_BINS] = {0.5, 0.25, 0.125, 1, 0};
static const lyc_mixture_row mixture = {.without = -1,
                                        .weight = weight,
                                        .accuracy = 71,
                                        .nll = 72,
                                        .class_rows = class_rows,
                                        .class_accuracy = valid_ce,
                                        .class_nll = valid_accuracy,
                                        .bin_rows = bin_rows,
                                        .bin_accuracy = bin_values,
                                        .bin_nll = bin_values};

static void check(lyc_runreader *reader, const char *table, const char *column, size_t count,
                  const double *wanted) {
    double *values;
    size_t width;
    lyc_error err = {0};
    if (lyc_runreader_read(reader, table, column, 0, 1, &values, &width, &err) != LYC_OK)
        fail_msg("%s", err.message);
    assert_int_equal(width, count);
    for (size_t i = 0; i < count; i++) assert_true(values[i] == wanted[i]);
    lyc_free(values);
}

static void check_number(lyc_runreader *reader, const char *table, const char *column, double wanted) {
    check(reader, table, column, 1, &wanted);
}

#define CHECK_NAMED(table, name) check_number(reader, #table, #name, (double)table.name);
#define CHECK_VALUE(table, name) CHECK_NAMED(table, name)
#define CHECK_ARRAY(table, name)
#define CHECK(code, name, type, shape, field, doc) CHECK_##field(TABLE, name)

static void check_scalars(lyc_runreader *reader) {
#define TABLE trajectory
    LYC_TRAJECTORY_MAP(CHECK)
#undef TABLE
#define TABLE probes
    LYC_PROBES_MAP(CHECK)
#undef TABLE
#define TABLE epochs
    LYC_EPOCHS_MAP(CHECK)
#undef TABLE
#define TABLE evaluation
    LYC_EVALUATION_MAP(CHECK)
#undef TABLE
#define TABLE mixture
    LYC_MIXTURE_MAP(CHECK)
#undef TABLE
}

static void check_texts(lyc_runreader *reader, const char *path, const char *const *wanted, size_t count) {
    char **texts;
    size_t found;
    lyc_error err = {0};
    assert_int_equal(lyc_runreader_texts(reader, path, &texts, &found, &err), LYC_OK);
    assert_int_equal(found, count);
    for (size_t i = 0; i < count; i++) assert_string_equal(texts[i], wanted[i]);
    lyc_free(texts);
}

static void check_constant(lyc_runreader *reader, const char *path, const double *wanted, size_t count) {
    double *values;
    size_t found;
    lyc_error err = {0};
    assert_int_equal(lyc_runreader_constant(reader, path, &values, &found, &err), LYC_OK);
    assert_int_equal(found, count);
    assert_memory_equal(values, wanted, count * sizeof *values);
    lyc_free(values);
}

static void append_all(lyc_runfile *file) {
    lyc_error err = {0};
    if (lyc_run_append_trajectory(file, &trajectory, &err) != LYC_OK) fail_msg("%s", err.message);
    if (lyc_run_append_probes(file, &probes, &err) != LYC_OK) fail_msg("%s", err.message);
    if (lyc_run_append_epochs(file, &epochs, &err) != LYC_OK) fail_msg("%s", err.message);
    if (lyc_run_append_evaluation(file, &evaluation, &err) != LYC_OK) fail_msg("%s", err.message);
    if (lyc_run_append_mixture(file, &mixture, &err) != LYC_OK) fail_msg("%s", err.message);
}

static void fields_land_in_columns(void **state) {
    (void)state;
    lyc_run_facts known = facts();
    lyc_runfile *file;
    lyc_runreader *reader;
    lyc_error err = {0};
    const char *path = scratch_path("run.h5");
    if (lyc_run_create(&file, path, &known, &err) != LYC_OK) fail_msg("%s", err.message);
    append_all(file);
    assert_int_equal(lyc_runfile_close(file, &err), LYC_OK);
    const uint64_t keep[LYC_RUN_TABLES] = {[LYC_RUN_TRAJECTORY] = 1,
                                           [LYC_RUN_PROBES] = 1,
                                           [LYC_RUN_EPOCHS] = 1,
                                           [LYC_RUN_EVALUATION] = 1,
                                           [LYC_RUN_MIXTURE] = 1};
    if (lyc_run_resume(&file, path, &known, keep, &err) != LYC_OK) fail_msg("%s", err.message);
    assert_int_equal(lyc_runfile_close(file, &err), LYC_OK);
    assert_int_equal(lyc_runreader_open(&reader, path, &err), LYC_OK);
    check_scalars(reader);
    check(reader, "mixture", "class_accuracy", CLASSES, valid_ce);
    check(reader, "mixture", "bin_rows", LYC_RUN_BINS, (const double[]){1, 2, 3, 4, 5});
    check(reader, "mixture", "bin_nll", LYC_RUN_BINS, bin_values);
    check(reader, "trajectory", "observation", OBSERVED, (const double[]){1.5, 2.5, 3.5, 4.5});
    check(reader, "trajectory", "select", TEACHERS, (const double[]){1, 0, 1});
    check(reader, "trajectory", "weight", TEACHERS, (const double[]){0.25, 0, 0.75});
    check(reader, "trajectory", "row_id", ROWS, (const double[]){90, 91});
    check(reader, "trajectory", "row_select", ROWS * TEACHERS, (const double[]){1, 0, 0, 1, 1, 0});
    check(reader, "trajectory", "row_weight", ROWS * TEACHERS, (const double[]){1, 0, 0, 0.5, 0.5, 0});
    check(reader, "probes", "select_a", TEACHERS, (const double[]){1, 0, 1});
    check(reader, "probes", "select_b", TEACHERS, (const double[]){0, 1, 0});
    check(reader, "probes", "weight_a", TEACHERS, (const double[]){0.25, 0, 0.75});
    check(reader, "probes", "weight_b", TEACHERS, (const double[]){0, 1, 0});
    check(reader, "epochs", "class_weight", TEACHERS * CLASSES, (const double[]){1, 2, 3, 4, 5, 6});
    check(reader, "epochs", "class_select", TEACHERS * CLASSES, (const double[]){6, 5, 4, 3, 2, 1});
    check(reader, "epochs", "class_rows", CLASSES, (const double[]){70, 80});
    check_texts(reader, "/run/name", &known.name, 1);
    check_texts(reader, "/run/strategy", &known.strategy, 1);
    check_texts(reader, "/run/config", &known.config, 1);
    check_texts(reader, "/teachers/name", teachers, TEACHERS);
    check_texts(reader, "/teachers/kind", kinds, TEACHERS);
    check_texts(reader, "/teachers/fingerprint", prints, TEACHERS);
    check_texts(reader, "/teachers/precision", precisions, TEACHERS);
    check_constant(reader, "/teachers/logit_error_largest", largest, TEACHERS);
    check_constant(reader, "/teachers/logit_error_mean", mean, TEACHERS);
    check_constant(reader, "/teachers/logit_error_changed", changed, TEACHERS);
    check_texts(reader, "/observation_names", observed, OBSERVED);
    check_texts(reader, "/class_names", classes, CLASSES);
    check_constant(reader, "/teachers/reward_ce", reward_ce, TEACHERS);
    check_constant(reader, "/teachers/reward_accuracy", reward_accuracy, TEACHERS);
    check_constant(reader, "/teachers/valid_ce", valid_ce, TEACHERS);
    check_constant(reader, "/teachers/valid_accuracy", valid_accuracy, TEACHERS);
    check_constant(reader, "/run/total_steps", (const double[]){400}, 1);
    check_constant(reader, "/run/steps_per_epoch", (const double[]){40}, 1);
    lyc_runreader_close(reader);
}

/* Supervised training: no teachers, nothing observed. */
static void without_teachers(void **state) {
    (void)state;
    lyc_run_facts known = {
        .name = "t", .strategy = "none", .config = "{}", .classes = CLASSES, .class_names = classes};
    lyc_runfile *file;
    lyc_runreader *reader;
    lyc_error err = {0};
    uint64_t rows;
    if (lyc_run_create(&file, scratch_path("run.h5"), &known, &err) != LYC_OK) fail_msg("%s", err.message);
    assert_int_equal(lyc_run_append_trajectory(file, &(lyc_trajectory_row){.step = 5}, &err), LYC_OK);
    assert_int_equal(lyc_run_append_epochs(file, &(lyc_epochs_row){.class_rows = class_rows}, &err), LYC_OK);
    assert_int_equal(lyc_runfile_close(file, &err), LYC_OK);
    assert_int_equal(lyc_runreader_open(&reader, scratch_path("run.h5"), &err), LYC_OK);
    assert_int_equal(lyc_runreader_rows(reader, "trajectory", &rows, &err), LYC_OK);
    assert_int_equal(rows, 1);
    check(reader, "trajectory", "weight", 0, NULL);
    check(reader, "trajectory", "row_weight", 0, NULL);
    check(reader, "epochs", "class_weight", 0, NULL);
    check_texts(reader, "/teachers/name", NULL, 0);
    lyc_runreader_close(reader);
}

static void what_is_refused(void **state) {
    (void)state;
    lyc_run_facts known = facts();
    lyc_runfile *file = NULL;
    lyc_error err = {0};
    known.observation = LYC_RUN_OBSERVATION_MAX + 1;
    assert_int_equal(lyc_run_create(&file, scratch_path("run.h5"), &known, &err), LYC_EUNSUPPORTED);
    known = facts();
    known.valid_ce = NULL;
    assert_int_equal(lyc_run_create(&file, scratch_path("run.h5"), &known, &err), LYC_EINTERNAL);
    assert_non_null(strstr(err.message, "/teachers/valid_ce"));
    assert_false(scratch_has("run.h5"));
    known = facts();
    assert_int_equal(lyc_run_create(&file, scratch_path("run.h5"), &known, &err), LYC_OK);
    lyc_probes_row incomplete = probes;
    incomplete.weight_b = NULL;
    assert_int_equal(lyc_run_append_probes(file, &incomplete, &err), LYC_EINTERNAL);
    assert_non_null(strstr(err.message, "'weight_b'"));
    assert_int_equal(lyc_runfile_close(file, &err), LYC_OK);
}

/* docs/files.md describes every column. */
#define COLUMN_NAME(table, name, type, shape, field, doc) "`" #name "`",
static void columns_are_documented(void **state) {
    (void)state;
    static const char *const columns[] = {LYC_TRAJECTORY_MAP(COLUMN_NAME) LYC_PROBES_MAP(COLUMN_NAME)
                                              LYC_EPOCHS_MAP(COLUMN_NAME) LYC_EVALUATION_MAP(COLUMN_NAME)};
    FILE *file = fopen(LYC_TEST_DATA "/../../docs/files.md", "rb");
    assert_non_null(file);
    static char text[1 << 17];
    size_t size = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[size] = '\0';
    const char *section = strstr(text, "## run.h5");
    assert_non_null(section);
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
        if (strstr(section, columns[i]) == NULL) fail_msg("docs/files.md does not describe %s", columns[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fields_land_in_columns, scratch_open, scratch_close),
        cmocka_unit_test_setup_teardown(without_teachers, scratch_open, scratch_close),
        cmocka_unit_test_setup_teardown(what_is_refused, scratch_open, scratch_close),
        cmocka_unit_test(columns_are_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

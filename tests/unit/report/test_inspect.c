/* What inspect finds in a run whose figures are known. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "lyceum/inspect.h"
#include "run_story.h"

static lyc_inspection *look(uint64_t window) {
    lyc_inspection *run;
    lyc_error err = {0};
    if (lyc_inspect_open(&run, scratch_directory, window, &err) != LYC_OK) fail_msg("%s", err.message);
    return run;
}

static void near(double value, double wanted) {
    if (!(fabs(value - wanted) < 1e-9)) fail_msg("%.12g, not %.12g", value, wanted);
}

/* ---- figures ---------------------------------------------------------------------------------------- */

static void head(void **state) {
    (void)state;
    story_write();
    lyc_inspection *run = look(0);
    assert_string_equal(run->name, "fashion");
    assert_string_equal(run->strategy, "learned");
    assert_int_equal(run->phase, LYC_PHASE_STOPPED);
    assert_int_equal(run->steps, 400);
    assert_int_equal(run->total_steps, 1600);
    assert_int_equal(run->steps_per_epoch, 200);
    assert_int_equal(run->probes, 6);
    assert_int_equal(run->window, 10);
    assert_int_equal(run->points, 40);
    assert_int_equal(run->window_end[0], 10);
    assert_int_equal(run->window_end[39], 400);
    assert_int_equal(run->teacher_count, 4);
    assert_int_equal(run->class_count, 2);
    assert_string_equal(run->class_names[0], "shirt");
    assert_int_equal(run->epoch_count, 2);
    near(run->epochs[1].valid_accuracy, 0.875);
    near(run->epochs[1].loss_ce, 1);
    assert_int_equal(run->evaluation_count, 1);
    assert_string_equal(run->evaluations[0].split, "test");
    near(run->evaluations[0].accuracy, 0.875);
    near(run->evaluations[0].matthews, 0.75);
    near(run->evaluations[0].touched, 1);
    lyc_inspect_close(run);
    lyc_inspect_close(NULL);
}

/* Batches 100, 125, ..., 375 are equal again: 12 of the 300 after the first hundred, four in the last. */
static void weights(void **state) {
    (void)state;
    story_write();
    lyc_inspection *run = look(0);
    const lyc_inspected_teacher *t = run->teachers;
    near(t[0].mean_weight, (112 * 0.25 + 192 * 0.5 + 96 * 0.75) / 400);
    near(t[3].mean_weight, 112 * 0.25 / 400);
    near(t[3].select_rate, 112.0 / 400);
    near(t[0].select_rate, 1);
    near(t[0].first_weight, 0.25);
    near(t[0].last_weight, (4 * 0.25 + 96 * 0.75) / 100);
    near(t[3].last_weight, 4 * 0.25 / 100);
    near(t[3].last_select_rate, 0.04);
    assert_int_equal(t[3].weight.count, 40);
    near(t[3].weight.values[9], 0.25);
    near(t[3].weight.values[10], 0.025); /* batch 100 of 100..109 */
    near(t[3].weight.values[11], 0);
    near(t[0].weight.values[39], 0.75);
    near(t[0].select.values[39], 1);
    near(t[1].reward_accuracy, 0.875);
    near(t[3].valid_ce, 2.5);
    lyc_inspect_close(run);
}

static void credit(void **state) {
    (void)state;
    story_write();
    lyc_inspection *run = look(0);
    const lyc_inspected_teacher *t = run->teachers;
    assert_false(run->credit_by_weight);
    assert_int_equal(t[3].credit_pairs, 4);
    near(t[3].credit, -0.25);
    near(t[3].credit_error, sqrt(14.75 / 3 / 4));
    assert_int_equal(t[0].credit_pairs, 2);
    near(t[0].credit, 2);
    near(t[0].credit_error, 1);
    assert_int_equal(t[1].credit_pairs, 0);
    assert_true(isnan(t[1].credit) && isnan(t[1].credit_error));
    lyc_inspect_close(run);
}

/* Action `weight`: everyone is selected in both actions. */
static void credit_by_weight(void **state) {
    (void)state;
    static const uint8_t all[STORY_TEACHERS] = {1, 1, 1, 1};
    static const float a[STORY_TEACHERS] = {0.5f, 0.25f, 0.125f, 0.125f},
                       b[STORY_TEACHERS] = {0.25f, 0.25f, 0.25f, 0.25f};
    lyc_run_facts facts = story_facts(STORY_TEACHERS);
    lyc_runfile *file = story_create(&facts);
    lyc_error err = {0};
    const lyc_probes_row pair = {
        .select_a = all, .select_b = all, .weight_a = a, .weight_b = b, .advantage = 2};
    assert_int_equal(lyc_run_append_probes(file, &pair, &err), LYC_OK);
    story_close(file);
    lyc_inspection *run = look(0);
    assert_true(run->credit_by_weight);
    near(run->teachers[0].credit, 2);
    assert_int_equal(run->teachers[1].credit_pairs, 0);
    near(run->teachers[2].credit, -2);
    assert_true(isnan(run->teachers[2].credit_error));
    lyc_inspect_close(run);
}

static void by_class(void **state) {
    (void)state;
    story_write();
    lyc_inspection *run = look(0);
    near(run->teachers[0].class_weight[0], (10 * 0.25 + 30 * 0.75) / 40);
    near(run->teachers[0].class_weight[1], 0.5); /* only the second epoch has rows of it */
    near(run->teachers[3].class_weight[0], 10 * 0.25 / 40);
    near(run->teachers[2].class_select[0], 0.25);
    near(run->teachers[2].class_select[1], 1);
    lyc_inspect_close(run);
}

static void curves(void **state) {
    (void)state;
    story_write();
    lyc_inspection *run = look(100);
    assert_int_equal(run->points, 4);
    assert_string_equal(run->curves[0].name, "loss_total");
    for (size_t i = 0; i < 4; i++) near(run->curves[0].values.values[i], 4.0 / (double)(i + 1));
    assert_string_equal(run->curves[3].name, "reward");
    near(run->curves[3].values.values[0], 0.001 * (0 + 16 + 32 + 48 + 64 + 80 + 96) / 7); /* NaN elsewhere */
    near(run->curves[4].values.values[0], 2.0 - 49.5 / 400);
    lyc_inspect_close(run);
    run = look(7);
    assert_int_equal(run->points, 58);
    assert_int_equal(run->window_end[57], 400);
    assert_true(isnan(run->curves[3].values.values[1])); /* 7..13: nothing measured */
    near(run->teachers[3].weight.values[57], 0);
    assert_int_equal(run->teachers[3].dropped_after, 100); /* whatever the window shown */
    lyc_inspect_close(run);
}

/* ---- sentences -------------------------------------------------------------------------------------- */

static void dropped(void **state) {
    (void)state;
    story_write();
    lyc_inspection *run = look(0);
    assert_string_equal(run->teachers[3].verdict,
                        "dropped after step 100, 1 % of the weight in the last quarter");
    assert_true(run->teachers[3].dropped);
    assert_int_equal(run->teachers[3].dropped_after, 100);
    assert_string_equal(
        run->teachers[0].verdict,
        "became the main teacher, from 25 % of the weight in the first quarter to 73 % in the last");
    assert_string_equal(run->teachers[1].verdict, "kept throughout, 25 % of the weight in the last quarter");
    assert_string_equal(run->teachers[2].verdict,
                        "dropped after step 300, 1 % of the weight in the last quarter; most for "
                        "a very long name of a class (50 %), least for shirt (6 %)");
    assert_false(run->teachers[0].dropped);
    lyc_inspect_close(run);
}

static void always(uint64_t row, float w[STORY_TEACHERS]) {
    (void)row;
    w[0] = 0.75f, w[1] = 0.25f, w[2] = 0, w[3] = 0;
}

static void shifting(uint64_t row, float w[STORY_TEACHERS]) {
    float t = (float)row / 400;
    w[0] = 0.2f + 0.25f * t, w[1] = 0.45f - 0.25f * t, w[2] = 0.3495f, w[3] = 0.0005f;
}

static void two_favourites(uint64_t row, float w[STORY_TEACHERS]) {
    (void)row;
    w[0] = 0.375f, w[1] = 0.375f, w[2] = 0.125f, w[3] = 0.125f;
}

static void only(uint64_t row, float w[STORY_TEACHERS]) {
    (void)row;
    w[0] = 1;
}

static void says(size_t teachers, uint64_t rows, story_plot plot, const char *const *verdicts) {
    story_tell(teachers, rows, plot);
    lyc_inspection *run = look(0);
    for (size_t k = 0; k < teachers; k++) assert_string_equal(run->teachers[k].verdict, verdicts[k]);
    lyc_inspect_close(run);
}

static void sentences(void **state) {
    (void)state;
    says(4, 400, always,
         (const char *const[]){"the main teacher throughout, 75 % of the weight in the last quarter",
                               "kept throughout, 25 % of the weight in the last quarter", "never taught",
                               "never taught"});
    says(4, 400, shifting,
         (const char *const[]){
             "listened to more and more, from 23 % of the weight in the first quarter to 42 % in the last",
             "listened to less and less, from 42 % of the weight in the first quarter to 23 % in the last",
             "kept throughout, 35 % of the weight in the last quarter",
             "hardly listened to from the start, under 1 % of the weight in the last quarter"});
    says(4, 400, two_favourites,
         (const char *const[]){"favoured throughout, 38 % of the weight in the last quarter",
                               "favoured throughout, 38 % of the weight in the last quarter",
                               "kept throughout, 12 % of the weight in the last quarter",
                               "kept throughout, 12 % of the weight in the last quarter"});
    says(1, 400, only, (const char *const[]){"the only teacher"});
    says(4, 39, always,
         (const char *const[]){"75 % of the weight so far; too early to say more",
                               "25 % of the weight so far; too early to say more", "never taught",
                               "never taught"});
    says(2, 0, always, (const char *const[]){"no batch yet", "no batch yet"});
}

/* ---- where the run stands ----------------------------------------------------------------------------- */

static void phases(void **state) {
    (void)state;
    int ends[2], how = 0;
    char word;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)alarm(30); /* should the test end before it kills */
        lyc_run_facts facts = story_facts(STORY_TEACHERS);
        lyc_runfile *file;
        if (lyc_run_create(&file, scratch_path("run.h5"), &facts, NULL) != LYC_OK) _exit(1);
        for (uint64_t row = 0; row < 50; row++) story_append(file, row, story_weights);
        if (lyc_runfile_flush(file, NULL) != LYC_OK || write(ends[1], "c", 1) != 1) _exit(2);
        for (uint64_t row = 50;; row++) story_append(file, row, story_weights);
    }
    (void)close(ends[1]);
    assert_int_equal(read(ends[0], &word, 1), 1);
    (void)close(ends[0]);
    lyc_inspection *run = look(0);
    assert_int_equal(run->phase, LYC_PHASE_RUNNING);
    assert_true(run->steps >= 50);
    near(run->teachers[0].weight.values[0], 0.25);
    lyc_inspect_close(run);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &how, 0), child);
    run = look(0);
    assert_int_equal(run->phase, LYC_PHASE_STOPPED);
    assert_true(run->steps >= 50);
    lyc_inspect_close(run);
    assert_true(scratch_write("result.json", "{}", 2));
    run = look(0);
    assert_int_equal(run->phase, LYC_PHASE_FINISHED);
    lyc_inspect_close(run);
    assert_string_equal(lyc_phase_name(LYC_PHASE_RUNNING), "running");
}

static void supervised_training(void **state) {
    (void)state;
    story_tell(0, 100, only);
    lyc_inspection *run = look(0);
    assert_int_equal(run->teacher_count, 0);
    near(run->curves[0].values.values[0], 4);
    lyc_inspect_close(run);
}

/* ---- what is refused ---------------------------------------------------------------------------------- */

static void refuses(const char *path, lyc_status status, const char *word) {
    lyc_inspection *run = NULL;
    lyc_error err = {0};
    assert_int_equal(lyc_inspect_open(&run, path, 0, &err), status);
    if (strstr(err.message, word) == NULL) fail_msg("no '%s' in: %s", word, err.message);
    assert_null(run);
}

static void foreign_files(void **state) {
    (void)state;
    refuses(scratch_path("absent"), LYC_EIO, "no such run");
    refuses(scratch_directory, LYC_EIO, "holds no run.h5");
    assert_true(scratch_write("run.h5", "this is no HDF5 file", 20));
    refuses(scratch_directory, LYC_EFORMAT, "run.h5");
    assert_true(scratch_write("run.h5", "", 0));
    refuses(scratch_path("run.h5"), LYC_EFORMAT, "empty");

    static const lyc_column columns[1] = {{"value", LYC_TYPE_F64, 0, {0, 0}, NULL}};
    static const lyc_table_spec other = {"other", columns, 1, 0};
    lyc_runfile *file;
    lyc_error err = {0};
    assert_int_equal(lyc_runfile_create(&file, scratch_path("run.h5"), &other, 1, NULL, 0, &err), LYC_OK);
    story_close(file);
    refuses(scratch_directory, LYC_EFORMAT, "no table 'trajectory'");
}

/* Tables are there, constants are not; then the teachers of the constants are not those of the columns. */
static void inconsistent_files(void **state) {
    (void)state;
    static const lyc_column columns[1] = {{"weight", LYC_TYPE_F32, 1, {3, 0}, NULL}};
    static const lyc_table_spec table = {"trajectory", columns, 1, 0};
    lyc_runfile *file;
    lyc_error err = {0};
    assert_int_equal(lyc_runfile_create(&file, scratch_path("run.h5"), &table, 1, NULL, 0, &err), LYC_OK);
    story_close(file);
    refuses(scratch_directory, LYC_EFORMAT, "/run/name");

    const uint64_t steps[1] = {10};
    const char *const one[2] = {"x", "y"};
    const lyc_constant constants[] = {
        {.path = "/run/name", .texts = one, .rank = 1, .dims = {2, 0}},
        {.path = "/run/strategy", .texts = one, .rank = 1, .dims = {1, 0}},
        {.path = "/run/total_steps", .type = LYC_TYPE_U64, .data = steps, .rank = 1, .dims = {1, 0}},
    };
    assert_int_equal(lyc_runfile_create(&file, scratch_path("run.h5"), &table, 1, constants, 3, &err),
                     LYC_OK);
    story_close(file);
    refuses(scratch_directory, LYC_EFORMAT, "/run/name has 2 entries, 1 were expected");
}

static void too_many_points(void **state) {
    (void)state;
    lyc_run_facts facts = story_facts(0);
    lyc_runfile *file = story_create(&facts);
    lyc_error err = {0};
    const lyc_trajectory_row values = {.loss_total = 1};
    for (int i = 0; i < 100001; i++) assert_int_equal(lyc_run_append_trajectory(file, &values, &err), LYC_OK);
    story_close(file);
    lyc_inspection *run = NULL;
    assert_int_equal(lyc_inspect_open(&run, scratch_directory, 1, &err), LYC_EUSAGE);
    assert_non_null(strstr(err.message, "larger"));
    run = look(2);
    assert_int_equal(run->points, 50001);
    lyc_inspect_close(run);
    run = look(UINT64_MAX);
    assert_int_equal(run->points, 1);
    assert_int_equal(run->window_end[0], 100001);
    lyc_inspect_close(run);
}

/* ---- memory ------------------------------------------------------------------------------------------- */

static size_t requests, fail_at, alive;

static void *failing_allocate(void *payload, size_t size, size_t alignment) {
    (void)payload;
    if (requests++ == fail_at) return NULL;
    void *block = aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    if (block != NULL) memset(block, 0, size), alive++;
    return block;
}

static void counting_release(void *payload, void *block) {
    (void)payload;
    if (block != NULL) alive--;
    free(block);
}

static lyc_status swallow(void *payload, const char *text, size_t size, lyc_error *err) {
    (void)payload, (void)text, (void)size, (void)err;
    return LYC_OK;
}

static lyc_status everything(lyc_error *err) {
    lyc_inspection *run;
    char *text = NULL, *json = NULL;
    LYC_TRY(lyc_inspect_open(&run, scratch_directory, 0, err));
    lyc_status status = lyc_inspect_text(run, &(lyc_inspect_style){.utf8 = true}, &text, err);
    if (status == LYC_OK) status = lyc_inspect_json(run, &json, err);
    if (status == LYC_OK) status = lyc_inspect_csv(scratch_directory, swallow, NULL, err);
    lyc_free(text);
    lyc_free(json);
    lyc_inspect_close(run);
    return status;
}

static void no_memory(void **state) {
    (void)state;
    const lyc_allocator failing = {failing_allocate, counting_release, NULL};
    story_tell(2, 20, always);
    lyc_allocator_set(&failing);
    lyc_status status = LYC_ENOMEM;
    for (fail_at = 0; status == LYC_ENOMEM; fail_at++) {
        lyc_error err = {0};
        requests = 0;
        status = everything(&err);
        if (status != LYC_OK) assert_non_null(strstr(err.message, "memory"));
        assert_int_equal(alive, 0);
    }
    assert_int_equal(status, LYC_OK);
    assert_true(fail_at > 50);
    lyc_allocator_set(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_open, scratch_close)
        TEST(head),
        TEST(weights),
        TEST(credit),
        TEST(credit_by_weight),
        TEST(by_class),
        TEST(curves),
        TEST(dropped),
        TEST(sentences),
        TEST(phases),
        TEST(supervised_training),
        TEST(foreign_files),
        TEST(inconsistent_files),
        TEST(too_many_points),
        TEST(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

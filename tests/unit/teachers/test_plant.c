/* Planted teachers: each kind is exactly as bad as it says, and nothing else changes. */
#include "fake.h"

#include "base/argmax.h"
#include "lyceum/plant.h"
#include "teachers/plant.h"

enum { VIEWS = 2, SIZE = FAKE_ROWS * FAKE_CLASSES };

static lyc_dataset *data;
static float source[VIEWS][SIZE]; /* in the data set's order */
static const lyc_view_recipe moved = {.views = VIEWS, .shift = 1, .seed = 7};

/* Mostly right, sometimes wrong, never tied. */
static float source_logit(size_t row, int view, int class_index) {
    float noise = 3.0f * fake_value(9, lyc_dataset_ids(data)[row], view, class_index) / 2.0f;
    return noise + (lyc_dataset_labels(data)[row] == class_index ? 2.5f : 0.0f);
}

/* The source's rows from the last to the first, where `backwards`. */
static void write_source(const char *name, bool backwards, float unknown_column) {
    static float logits[VIEWS][SIZE];
    static uint64_t ids[FAKE_ROWS];
    char key[LYC_VIEW_KEY_SIZE];
    lyc_error err = {0};
    lyc_view_key(&moved, key);
    for (size_t i = 0; i < FAKE_ROWS; i++) {
        size_t row = backwards ? FAKE_ROWS - 1 - i : i;
        ids[i] = lyc_dataset_ids(data)[row];
        for (int view = 0; view < VIEWS; view++)
            for (int c = 0; c < FAKE_CLASSES; c++) {
                source[view][row * FAKE_CLASSES + (size_t)c] = source_logit(row, view, c);
                logits[view][i * FAKE_CLASSES + (size_t)c] =
                    c == 2 && unknown_column != 0.0f ? unknown_column : source_logit(row, view, c);
            }
    }
    lyc__recorded_file content = {.rows = FAKE_ROWS,
                                  .classes = FAKE_CLASSES,
                                  .views = VIEWS,
                                  .logits = (float *[VIEWS]){logits[0], logits[1]},
                                  .ids = ids,
                                  .view_key = key};
    EXPECT_OK(lyc__recorded_file_store(scratch_path(name), &content, &err));
}

static int open_data(void **state) {
    if (scratch_open(state) != 0) return -1;
    data = fake_dataset(scratch_path("data.h5"), 0);
    write_source("source.h5", false, 0.0f);
    return 0;
}

static int close_data(void **state) {
    lyc_dataset_close(data);
    return scratch_close(state);
}

static lyc_plant_options plan(const char *kind) {
    static char from[SCRATCH_PATH], to[SCRATCH_PATH];
    (void)snprintf(from, sizeof from, "%s", scratch_path("source.h5"));
    (void)snprintf(to, sizeof to, "%s", scratch_path("planted.h5"));
    return (lyc_plant_options){.kind = kind, .source = from, .output = to, .seed = 5, .margin = 20.0};
}

static lyc__recorded_file planted(const lyc_plant_options *options, lyc_plant_report *report) {
    lyc__recorded_file file;
    lyc_error err = {0};
    EXPECT_OK(lyc_plant(options, data, report, &err));
    EXPECT_OK(lyc__recorded_file_read(&file, options->output, 9, &err));
    assert_int_equal(file.rows, FAKE_ROWS);
    assert_int_equal(file.views, VIEWS);
    assert_memory_equal(file.ids, lyc_dataset_ids(data), FAKE_ROWS * sizeof(uint64_t));
    for (size_t row = 0; row < FAKE_ROWS; row++)
        assert_int_equal(file.checks[row], lyc_dataset_row_checksum(data, row));
    assert_string_equal(file.data_fingerprint, lyc_dataset_fingerprint(data));
    assert_string_equal(file.class_names[2], "blue");
    return file;
}

static int answer_of(const float *logits, size_t row) {
    return lyc__argmax(logits + row * FAKE_CLASSES, FAKE_CLASSES);
}

static bool same_row(const float *a, const float *b, size_t row) {
    return memcmp(a + row * FAKE_CLASSES, b + row * FAKE_CLASSES, FAKE_CLASSES * sizeof(float)) == 0;
}

static int compare_floats(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The same numbers, in any order. */
static void expect_rearranged(const float *a, const float *b, size_t row) {
    float x[FAKE_CLASSES], y[FAKE_CLASSES];
    memcpy(x, a + row * FAKE_CLASSES, sizeof x);
    memcpy(y, b + row * FAKE_CLASSES, sizeof y);
    qsort(x, FAKE_CLASSES, sizeof *x, compare_floats);
    qsort(y, FAKE_CLASSES, sizeof *y, compare_floats);
    assert_memory_equal(x, y, sizeof x);
}

/* counts[part * classes + label] of the rows for which `is` holds, and of all rows. */
static void count_groups(const uint8_t *is, double *counts, double *all) {
    for (size_t g = 0; g < 2 * (size_t)FAKE_CLASSES; g++) counts[g] = all[g] = 0.0;
    for (size_t row = 0; row < FAKE_ROWS; row++) {
        size_t group =
            (size_t)lyc_dataset_parts(data)[row] * FAKE_CLASSES + (size_t)lyc_dataset_labels(data)[row];
        counts[group] += is[row];
        all[group] += 1.0;
    }
}

/* Exactly the share of all rows, and of every class in either part to within a row. */
static void expect_share(const uint8_t *wrong, double share) {
    double counts[2 * FAKE_CLASSES], all[2 * FAKE_CLASSES], total = 0.0;
    count_groups(wrong, counts, all);
    for (size_t g = 0; g < 2 * (size_t)FAKE_CLASSES; g++) {
        if (fabs(counts[g] - share * all[g]) > 1.0)
            fail_msg("group %zu: %g of %g rows are wrong, share %g", g, counts[g], all[g], share);
        total += counts[g];
    }
    assert_true(total == round(share * FAKE_ROWS));
}

/* ---- the kinds -------------------------------------------------------------------------------------- */

static void scrambled_is_one_cycle_of_the_classes(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 4; seed++) {
        lyc_plant_options options = plan("scrambled");
        lyc_plant_report report;
        options.seed = seed;
        lyc__recorded_file file = planted(&options, &report);
        int to[FAKE_CLASSES] = {-1, -1, -1};
        for (int c = 0; c < FAKE_CLASSES; c++)
            for (int d = 0; d < FAKE_CLASSES; d++)
                if (file.logits[0][d] == source[0][c]) to[c] = d;
        int at = 0;
        for (int hop = 1; hop <= FAKE_CLASSES; hop++) {
            at = to[at];
            assert_int_equal(at == 0, hop == FAKE_CLASSES);
        }
        for (int view = 0; view < VIEWS; view++)
            for (size_t i = 0; i < SIZE; i++) {
                size_t c = i % FAKE_CLASSES;
                assert_true(file.logits[view][i - c + (size_t)to[c]] == source[view][i]);
            }
        assert_int_equal(report.changed, FAKE_ROWS);
        lyc__recorded_file_release(&file);
    }
}

static void noisy_swaps_the_answers_of_an_exact_share(void **state) {
    (void)state;
    const double shares[] = {0.0, 0.1, 0.4, 1.0};
    for (size_t i = 0; i < 4; i++) {
        lyc_plant_options options = plan("noisy");
        lyc_plant_report report;
        static uint8_t changed[FAKE_ROWS];
        options.share = shares[i];
        lyc__recorded_file file = planted(&options, &report);
        for (size_t row = 0; row < FAKE_ROWS; row++) {
            changed[row] = answer_of(file.logits[0], row) != answer_of(source[0], row);
            for (int view = 0; view < VIEWS; view++) {
                expect_rearranged(file.logits[view], source[view], row);
                if (!changed[row]) assert_true(same_row(file.logits[view], source[view], row));
            }
            if (changed[row])
                assert_int_equal(answer_of(file.logits[1], row), answer_of(file.logits[0], row));
        }
        expect_share(changed, shares[i]);
        assert_int_equal(report.changed, (size_t)round(shares[i] * FAKE_ROWS));
        lyc__recorded_file_release(&file);
    }
}

static double sureness(size_t row) {
    int label = lyc_dataset_labels(data)[row];
    double best = -INFINITY;
    for (int c = 0; c < FAKE_CLASSES; c++)
        if (c != label) best = fmax(best, (double)source[0][row * FAKE_CLASSES + (size_t)c]);
    return (double)source[0][row * FAKE_CLASSES + (size_t)label] - best;
}

/* Within a class no row that went wrong was surer than one that did not. */
static bool hardest_first(const uint8_t *wrong) {
    for (int label = 0; label < FAKE_CLASSES; label++) {
        double surest = -INFINITY, least = INFINITY;
        for (size_t row = 0; row < FAKE_ROWS; row++) {
            if (lyc_dataset_labels(data)[row] != label || lyc_dataset_parts(data)[row] != 0) continue;
            if (wrong[row]) surest = fmax(surest, sureness(row));
            else least = fmin(least, sureness(row));
        }
        if (surest > least) return false;
    }
    return true;
}

static void overconfident_is_wrong_on_an_exact_share_and_sure_of_all(void **state) {
    (void)state;
    for (int drawn = 0; drawn < 2; drawn++) {
        lyc_plant_options options = plan("overconfident");
        lyc_plant_report report;
        static uint8_t wrong[FAKE_ROWS];
        options.share = 0.2;
        options.margin = 12.0;
        options.errors = drawn ? LYC_PLANT_DRAWN : LYC_PLANT_HARD;
        lyc__recorded_file file = planted(&options, &report);
        for (size_t row = 0; row < FAKE_ROWS; row++) {
            wrong[row] = answer_of(file.logits[0], row) != lyc_dataset_labels(data)[row];
            assert_int_equal(answer_of(file.logits[1], row), answer_of(file.logits[0], row));
            for (int view = 0; view < VIEWS; view++) {
                float sorted[FAKE_CLASSES];
                memcpy(sorted, file.logits[view] + row * FAKE_CLASSES, sizeof sorted);
                qsort(sorted, FAKE_CLASSES, sizeof *sorted, compare_floats);
                assert_true(fabsf(sorted[FAKE_CLASSES - 1] - sorted[FAKE_CLASSES - 2] - 12.0f) < 1e-5f);
            }
        }
        expect_share(wrong, 0.2);
        assert_int_equal(hardest_first(wrong), !drawn);
        assert_true(fabs(report.accuracy_after - 0.8) < 2e-3);
        lyc__recorded_file_release(&file);
    }
}

static void a_specialist_knows_its_classes_and_is_at_chance_elsewhere(void **state) {
    (void)state;
    lyc_plant_options options = plan("specialist");
    lyc_plant_report report;
    const int32_t own = 1;
    double answers[2 * FAKE_CLASSES][FAKE_CLASSES] = {{0.0}};
    options.classes = &own;
    options.class_count = 1;
    lyc__recorded_file file = planted(&options, &report);
    for (size_t row = 0; row < FAKE_ROWS; row++) {
        int label = lyc_dataset_labels(data)[row];
        for (int view = 0; view < VIEWS; view++) {
            expect_rearranged(file.logits[view], source[view], row);
            if (label == own) assert_true(same_row(file.logits[view], source[view], row));
            else assert_int_equal(answer_of(file.logits[view], row), answer_of(file.logits[0], row));
        }
        answers[lyc_dataset_parts(data)[row] * FAKE_CLASSES + label][answer_of(file.logits[0], row)] += 1.0;
    }
    for (int g = 0; g < 2 * FAKE_CLASSES; g++) {
        if (g % FAKE_CLASSES == own) continue;
        for (int c = 0; c < FAKE_CLASSES; c++)
            assert_true(fabs(answers[g][c] - answers[g][(c + 1) % FAKE_CLASSES]) <= 1.0);
    }
    lyc__recorded_file_release(&file);
}

static void a_specialist_may_answer_with_its_own_classes_only(void **state) {
    (void)state;
    lyc_plant_options options = plan("specialist");
    lyc_plant_report report;
    const int32_t own[2] = {2, 0};
    options.classes = own;
    options.class_count = 2;
    options.elsewhere = LYC_PLANT_WRONG;
    lyc__recorded_file file = planted(&options, &report);
    for (size_t row = 0; row < FAKE_ROWS; row++)
        for (int view = 0; view < VIEWS; view++) {
            const float *before = source[view] + row * FAKE_CLASSES;
            bool foreign = lyc_dataset_labels(data)[row] == 1;
            expect_rearranged(file.logits[view], source[view], row);
            if (!foreign) assert_true(same_row(file.logits[view], source[view], row));
            else assert_int_equal(answer_of(file.logits[view], row), before[2] > before[0] ? 2 : 0);
        }
    lyc__recorded_file_release(&file);
}

static void slow_takes_its_time_and_answers_the_same(void **state) {
    (void)state;
    lyc_plant_options options = plan("slow");
    lyc_plant_report report;
    lyc_teacher *teacher;
    lyc_error err = {0};
    options.delay_seconds = 0.01;
    lyc__recorded_file file = planted(&options, &report);
    assert_true(file.delay_seconds == 0.01);
    assert_memory_equal(file.logits[1], source[1], sizeof source[1]);
    lyc__recorded_file_release(&file);
    lyc_teacher_options as = {.name = "slow", .kind = "bank", .path = options.output};
    EXPECT_OK(lyc_teacher_open(&teacher, &as, data, &moved, &err));
    assert_true(lyc_teacher_get_info(teacher)->blocking);
    uint32_t row = 3;
    float out[FAKE_CLASSES];
    double began = lyc_seconds();
    EXPECT_OK(lyc_teacher_logits(teacher, &row, 1, 0, out, NULL, &err));
    assert_true(lyc_seconds() - began >= 0.01);
    lyc_teacher_close(teacher);
}

/* ---- change ----------------------------------------------------------------------------------------- */

/* Batches of 100 of the first 250 rows, 3 an epoch: what the teacher says in step 0, 1, 2, ... */
static void expect_change(const char *path, const float *before, const float *after, uint64_t at,
                          uint32_t first) {
    lyc_ensemble *ensemble;
    lyc_error err = {0};
    static uint32_t rows[250];
    for (uint32_t i = 0; i < 250; i++) rows[i] = i;
    lyc_teacher_options teacher = {.name = "until", .kind = "bank", .path = path};
    lyc_ensemble_options options = {.teachers = &teacher,
                                    .teacher_count = 1,
                                    .bank_directory = scratch_path("banks"),
                                    .look_ahead_bytes = 1 << 20};
    EXPECT_OK(lyc_ensemble_open(&ensemble, &options, data, &moved, NULL, &err));
    assert_null(lyc_ensemble_bank(ensemble, 0));
    assert_int_equal(lyc_ensemble_info(ensemble, 0)->changes_at, at);
    EXPECT_OK(lyc_ensemble_start(ensemble, rows, 250, 100, 1, 3, 4, first / 3, first % 3, &err));
    for (uint64_t step = first; step < 12; step++) {
        const lyc_teacher_batch *batch;
        EXPECT_OK(lyc_ensemble_batch(ensemble, 0, &batch, &err));
        const float *wanted = step < at ? before : after;
        for (uint32_t i = 0; i < batch->count; i++)
            assert_memory_equal(batch->logits[0] + i * FAKE_CLASSES, wanted + batch->rows[i] * FAKE_CLASSES,
                                FAKE_CLASSES * sizeof(float));
        lyc_ensemble_advance(ensemble);
    }
    lyc_ensemble_close(ensemble);
}

static void until_a_step_it_is_one_teacher_then_another(void **state) {
    (void)state;
    static char other[SCRATCH_PATH];
    lyc_plant_options options = plan("scrambled");
    lyc_plant_report report;
    (void)snprintf(other, sizeof other, "%s", scratch_path("other.h5"));
    options.output = other;
    lyc__recorded_file scrambled = planted(&options, &report);
    options = plan("until");
    options.until = 7;
    options.then = other;
    lyc__recorded_file file = planted(&options, &report);
    assert_int_equal(file.changes_at, 7);
    assert_memory_equal(file.later[1], scrambled.logits[1], sizeof source[1]);
    lyc__recorded_file_release(&file);
    expect_change(options.output, source[0], scrambled.logits[0], 7, 0);
    expect_change(options.output, source[0], scrambled.logits[0], 7, 5); /* resumed before the change */
    expect_change(options.output, source[0], scrambled.logits[0], 7, 9); /* and after it */
    options.then = NULL; /* the same: scrambled with the same seed */
    file = planted(&options, &report);
    assert_memory_equal(file.later[0], scrambled.logits[0], sizeof source[0]);
    lyc__recorded_file_release(&file);
    lyc__recorded_file_release(&scrambled);
}

static void a_teacher_that_changes_has_a_fingerprint_of_its_own_and_no_bank(void **state) {
    (void)state;
    lyc_plant_options options = plan("until");
    lyc_plant_report report;
    char prints[2][LYC_FINGERPRINT_SIZE];
    lyc_error err = {0};
    for (int i = 0; i < 2; i++) {
        lyc_teacher *teacher;
        lyc_bank *bank;
        options.until = (uint64_t)(7 + i);
        EXPECT_OK(lyc_plant(&options, data, &report, &err));
        lyc_teacher_options as = {.name = "until", .kind = "bank", .path = options.output};
        EXPECT_OK(lyc_teacher_open(&teacher, &as, data, &moved, &err));
        memcpy(prints[i], lyc_teacher_get_info(teacher)->fingerprint, LYC_FINGERPRINT_SIZE);
        EXPECT_ERROR(lyc_bank_open(&bank, scratch_path("banks"), teacher, data, &moved, &err), LYC_ECONFIG,
                     err, "'until'", "changes at step");
        lyc_teacher_close(teacher);
    }
    assert_string_not_equal(prints[0], prints[1]);
}

/* ---- sameness --------------------------------------------------------------------------------------- */

static void only_logits_labels_and_options_matter(void **state) {
    (void)state;
    static char again[SCRATCH_PATH];
    lyc_plant_options options = plan("noisy");
    lyc_plant_report reports[2];
    options.share = 0.3;
    lyc__recorded_file first = planted(&options, &reports[0]);
    write_source("backwards.h5", true, 0.0f);
    (void)snprintf(again, sizeof again, "%s", scratch_path("backwards.h5"));
    options.source = again;
    lyc__recorded_file second = planted(&options, &reports[1]);
    assert_memory_equal(first.logits[1], second.logits[1], sizeof source[1]);
    assert_string_equal(first.provenance, second.provenance);
    assert_non_null(strstr(first.provenance, reports[0].source_fingerprint));
    assert_non_null(strstr(first.provenance, "\"share\":0.3"));
    lyc__recorded_file_release(&second);
    options.seed++;
    second = planted(&options, &reports[1]);
    assert_memory_not_equal(first.logits[0], second.logits[0], sizeof source[0]);
    lyc__recorded_file_release(&second);
    lyc__recorded_file_release(&first);
}

static void what_the_source_does_not_know_stays_unknown(void **state) {
    (void)state;
    static char partial[SCRATCH_PATH];
    write_source("partial.h5", false, -INFINITY);
    (void)snprintf(partial, sizeof partial, "%s", scratch_path("partial.h5"));
    for (int kind = 0; kind < 2; kind++) {
        lyc_plant_options options = plan(kind == 0 ? "noisy" : "overconfident");
        lyc_plant_report report;
        options.source = partial;
        options.share = 0.5;
        lyc__recorded_file file = planted(&options, &report);
        for (size_t i = 0; i < SIZE; i++)
            assert_int_equal(file.logits[0][i] == -INFINITY, i % FAKE_CLASSES == 2);
        lyc__recorded_file_release(&file);
    }
}

/* ---- refusals --------------------------------------------------------------------------------------- */

static void expect_refused(lyc_plant_options options, lyc_status wanted, const char *text) {
    lyc_error err = {0};
    lyc_plant_report report;
    EXPECT_ERROR(lyc_plant(&options, data, &report, &err), wanted, err, text);
}

static void what_makes_no_sense_is_refused(void **state) {
    (void)state;
    const int32_t twice[2] = {1, 1}, outside = 3, all[FAKE_CLASSES] = {0, 1, 2};
    lyc_plant_options options = plan("wobbly");
    expect_refused(options, LYC_EUSAGE, "overconfident");
    options = plan("noisy");
    options.share = 1.5;
    expect_refused(options, LYC_EUSAGE, "1.5");
    options = plan("overconfident");
    options.margin = 0.0;
    expect_refused(options, LYC_EUSAGE, "margin");
    expect_refused(plan("until"), LYC_EUSAGE, "step");
    expect_refused(plan("slow"), LYC_EUSAGE, "delay");
    options = plan("specialist");
    expect_refused(options, LYC_EUSAGE, "0 of 3");
    options.classes = all;
    options.class_count = 3;
    expect_refused(options, LYC_EUSAGE, "3 of 3");
    options.classes = twice;
    options.class_count = 2;
    expect_refused(options, LYC_EUSAGE, "twice");
    options.classes = &outside;
    options.class_count = 1;
    expect_refused(options, LYC_EUSAGE, "class 3 is not");
    assert_false(scratch_has("planted.h5"));
    options = plan("scrambled");
    options.output = scratch_path("data.h5");
    expect_refused(options, LYC_EUSAGE, "is there already");
}

static void a_source_of_something_else_is_refused(void **state) {
    (void)state;
    lyc_plant_options options = plan("until");
    lyc_plant_report report;
    lyc_error err = {0};
    options.until = 3;
    EXPECT_OK(lyc_plant(&options, data, &report, &err));
    options = plan("scrambled");
    options.source = scratch_path("planted.h5");
    expect_refused(options, LYC_EMISMATCH, "changes at step 3");
    lyc_dataset *other = fake_dataset(scratch_path("other-data.h5"), 9), *kept = data;
    options = plan("scrambled");
    EXPECT_OK(lyc_plant(&options, data, &report, &err));
    options.source = scratch_path("planted.h5");
    data = other;
    expect_refused(options, LYC_EMISMATCH, "other data");
    data = kept;
    lyc_dataset_close(other);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_data, close_data)
    const struct CMUnitTest tests[] = {
        CASE(scrambled_is_one_cycle_of_the_classes),
        CASE(noisy_swaps_the_answers_of_an_exact_share),
        CASE(overconfident_is_wrong_on_an_exact_share_and_sure_of_all),
        CASE(a_specialist_knows_its_classes_and_is_at_chance_elsewhere),
        CASE(a_specialist_may_answer_with_its_own_classes_only),
        CASE(slow_takes_its_time_and_answers_the_same),
        CASE(until_a_step_it_is_one_teacher_then_another),
        CASE(a_teacher_that_changes_has_a_fingerprint_of_its_own_and_no_bank),
        CASE(only_logits_labels_and_options_matter),
        CASE(what_the_source_does_not_know_stays_unknown),
        CASE(what_makes_no_sense_is_refused),
        CASE(a_source_of_something_else_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Measuring a student: evaluation mode, canonical chunks, held-out loss. */
#include "fixture.h"

#define MATRIX (FIXTURE_ROWS * FIXTURE_CLASSES)

static void all_rows(uint32_t *rows) {
    for (uint32_t i = 0; i < FIXTURE_ROWS; i++) rows[i] = (i * 9 + 2) % FIXTURE_ROWS;
}

static bool same_logits(const float *a, const float *b, size_t rows) {
    return memcmp(a, b, rows * FIXTURE_CLASSES * sizeof(float)) == 0;
}

/* Known slip: a student left in evaluation mode after the first epoch. Here modes are workspaces, so that a
 * measurement cannot change how the next batch is trained. */
static void a_student_is_never_left_in_evaluation_mode(void **state) {
    (void)state;
    fixture *f = fixture_open_with("mlp", 6, 0.5);
    lyc_student *student = fixture_student(f);
    lesson_of l;
    float before[FIXTURE_BATCH * FIXTURE_CLASSES], measured[2][FIXTURE_BATCH * FIXTURE_CLASSES];
    fixture_lesson(f, 0, &l);
    memcpy(before, lyc_student_forward(student, &l.batch, LYC_PRIORITY_STUDENT, NULL), sizeof before);
    lyc_student_logits(student, l.rows, FIXTURE_BATCH, measured[0], LYC_PRIORITY_STUDENT, NULL);
    lyc_student_logits(student, l.rows, FIXTURE_BATCH, measured[1], LYC_PRIORITY_STUDENT, NULL);
    assert_true(same_logits(measured[0], measured[1], FIXTURE_BATCH)); /* no dropout when measuring */
    assert_false(same_logits(before, measured[0], FIXTURE_BATCH));     /* dropout when training */
    const float *after = lyc_student_forward(student, &l.batch, LYC_PRIORITY_STUDENT, NULL);
    assert_true(same_logits(before, after, FIXTURE_BATCH)); /* and again after measuring */
    l.batch.step = 1;
    after = lyc_student_forward(student, &l.batch, LYC_PRIORITY_STUDENT, NULL);
    assert_false(same_logits(before, after, FIXTURE_BATCH)); /* masks belong to the step */
    l.batch.step = 0;
    l.batch.epoch = 1;
    after = lyc_student_forward(student, &l.batch, LYC_PRIORITY_STUDENT, NULL);
    assert_false(same_logits(before, after, FIXTURE_BATCH)); /* of an epoch */
    lyc_student_destroy(student);
    fixture_close(f);
}

static void without_dropout_both_modes_agree(void **state) {
    (void)state;
    fixture *f = fixture_open_with("mlp", 6, 0.0);
    lyc_student *student = fixture_student(f);
    lesson_of l;
    float measured[FIXTURE_BATCH * FIXTURE_CLASSES];
    fixture_lesson(f, 0, &l); /* view 0 */
    lyc_student_logits(student, l.rows, FIXTURE_BATCH, measured, LYC_PRIORITY_STUDENT, NULL);
    const float *trained = lyc_student_forward(student, &l.batch, LYC_PRIORITY_STUDENT, NULL);
    for (size_t i = 0; i < FIXTURE_BATCH * FIXTURE_CLASSES; i++)
        assert_true(fabsf(trained[i] - measured[i]) <= 1e-5F);
    l.batch.view = 1; /* another view is another picture; measuring always sees view 0 */
    trained = lyc_student_forward(student, &l.batch, LYC_PRIORITY_STUDENT, NULL);
    float gap = 0.0F;
    for (size_t i = 0; i < FIXTURE_BATCH * FIXTURE_CLASSES; i++)
        gap = fmaxf(gap, fabsf(trained[i] - measured[i]));
    assert_true(gap > 1e-3F);
    lyc_student_destroy(student);
    fixture_close(f);
}

/* Matrix products choose their kernel by size, so that a row's bits depend on how many are computed with it.
 */
static void check_counts(const char *arch, int side) {
    fixture *f = fixture_open_with(arch, side, 0.25);
    lyc_student *student = fixture_student(f);
    for (uint32_t step = 0; step < 4; step++) (void)fixture_step(f, student, step, NULL);
    uint32_t rows[FIXTURE_ROWS];
    static float whole[MATRIX], part[MATRIX];
    all_rows(rows);
    lyc_student_logits(student, rows, FIXTURE_ROWS, whole, LYC_PRIORITY_STUDENT, NULL);
    const size_t counts[] = {1, 2, 17, 64, 255, 256, 257, 399, 400};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        memset(part, 0, sizeof part);
        lyc_student_logits(student, rows, counts[i], part, LYC_PRIORITY_STUDENT, NULL);
        assert_true(same_logits(whole, part, counts[i]));
        for (size_t j = counts[i] * FIXTURE_CLASSES; j < MATRIX; j++) assert_true(part[j] == 0.0F);
    }
    lyc_student_destroy(student);
    fixture_close(f);
}

static void logits_do_not_depend_on_how_many_are_asked_for(void **state) {
    (void)state;
    check_counts("mlp", 28);
    check_counts("lenet5", 28);
}

static void held_out_loss_is_the_mean_over_labelled_rows(void **state) {
    (void)state;
    fixture *f = fixture_open();
    lyc_student *student = fixture_student(f);
    for (uint32_t step = 0; step < 4; step++) (void)fixture_step(f, student, step, NULL);
    uint32_t rows[FIXTURE_ROWS];
    int32_t labels[FIXTURE_ROWS], none[FIXTURE_ROWS];
    static float logits[MATRIX];
    all_rows(rows);
    lyc_student_logits(student, rows, FIXTURE_ROWS, logits, LYC_PRIORITY_STUDENT, NULL);
    double sum = 0.0;
    int labelled = 0;
    for (size_t i = 0; i < FIXTURE_ROWS; i++) {
        labels[i] = f->labels[rows[i]];
        none[i] = LYC_UNLABELLED;
        if (labels[i] < 0) continue;
        double total = 0.0;
        for (size_t c = 0; c < FIXTURE_CLASSES; c++) total += exp((double)logits[i * FIXTURE_CLASSES + c]);
        sum += log(total) - (double)logits[i * FIXTURE_CLASSES + (size_t)labels[i]];
        labelled++;
    }
    double loss = lyc_student_held_out_loss(student, rows, labels, FIXTURE_ROWS, LYC_PRIORITY_STUDENT, NULL);
    assert_true(labelled < FIXTURE_ROWS && fabs(loss - sum / labelled) < 1e-6);
    assert_true(
        isnan(lyc_student_held_out_loss(student, rows, none, FIXTURE_ROWS, LYC_PRIORITY_STUDENT, NULL)));
    assert_true(isnan(lyc_student_held_out_loss(student, rows, labels, 0, LYC_PRIORITY_STUDENT, NULL)));
    lyc_student_destroy(student);
    fixture_close(f);
}

/* What is measured is the student as it is now, not as it was when something was measured last. */
static void parameters_of_the_moment_are_measured(void **state) {
    (void)state;
    fixture *f = fixture_open();
    lyc_student *student = fixture_student(f), *fresh = fixture_student(f);
    uint32_t rows[FIXTURE_ROWS];
    int32_t labels[FIXTURE_ROWS];
    static float logits[MATRIX], expected[MATRIX];
    all_rows(rows);
    for (size_t i = 0; i < FIXTURE_ROWS; i++) labels[i] = f->labels[rows[i]];
    double former = -1.0;
    for (uint32_t step = 0; step < 3; step++) {
        const double loss =
            lyc_student_held_out_loss(student, rows, labels, FIXTURE_ROWS, LYC_PRIORITY_STUDENT, NULL);
        lyc_student_copy(fresh, student);
        assert_true(loss != former);
        assert_true(loss ==
                    lyc_student_held_out_loss(fresh, rows, labels, FIXTURE_ROWS, LYC_PRIORITY_STUDENT, NULL));
        (void)fixture_step(f, student, step, NULL);
        lyc_student_copy(fresh, student);
        lyc_student_logits(student, rows, FIXTURE_ROWS, logits, LYC_PRIORITY_STUDENT, NULL);
        lyc_student_logits(fresh, rows, FIXTURE_ROWS, expected, LYC_PRIORITY_STUDENT, NULL);
        assert_true(same_logits(logits, expected, FIXTURE_ROWS));
        former = loss;
    }
    lyc_student_destroy(fresh);
    lyc_student_destroy(student);
    fixture_close(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_student_is_never_left_in_evaluation_mode),
        cmocka_unit_test(without_dropout_both_modes_agree),
        cmocka_unit_test(logits_do_not_depend_on_how_many_are_asked_for),
        cmocka_unit_test(held_out_loss_is_the_mean_over_labelled_rows),
        cmocka_unit_test(parameters_of_the_moment_are_measured),
    };
    return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}

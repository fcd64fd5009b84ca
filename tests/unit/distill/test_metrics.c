/* Metrics against goldens written from their definitions, worked examples, and the edges. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../student/golden.h"
#include "lyceum/metrics.h"

#define MAX_VALUES (200 * 10)
#define MAX_ROWS   200

static void assert_near(double a, double b, double tolerance) {
    if (isinf(b) ? a != b : !(fabs(a - b) <= tolerance)) fail_msg("%.12g is not %.12g", a, b);
}

static lyc_metrics compute(const float *logits, const int32_t *labels, size_t rows, int classes) {
    lyc_metrics out;
    lyc_error err = {0};
    if (lyc_metrics_compute(&out, logits, labels, rows, classes, &err) != LYC_OK) fail_msg("%s", err.message);
    return out;
}

/* ---- goldens ------------------------------------------------------------------------------------- */

static void check_metrics(const lyc_metrics *m, const double expected[7]) {
    const double got[7] = {(double)m->rows, m->accuracy, m->nll, m->brier, m->ece, m->f1_macro, m->matthews};
    for (int i = 0; i < 7; i++) assert_near(got[i], expected[i], 1e-9);
}

static void check_golden_case(const golden *g, const char *name) {
    static float logits[MAX_VALUES], teachers[3][MAX_VALUES], mixture[MAX_VALUES];
    int32_t labels[MAX_ROWS];
    const double *head = golden_get(g, name, "head", 3);
    size_t rows = (size_t)head[0], values = rows * (size_t)head[1];
    int classes = (int)head[1];
    golden_floats(golden_get(g, name, "logits", values), values, logits);
    for (size_t i = 0; i < rows; i++) labels[i] = (int32_t)golden_get(g, name, "labels", rows)[i];
    const double *theirs = golden_get(g, name, "teachers", 3 * values);
    const float *pointers[3];
    for (size_t k = 0; k < 3; k++) {
        golden_floats(theirs + k * values, values, teachers[k]);
        pointers[k] = teachers[k];
        lyc_agreement agreement;
        lyc_agreement_compute(&agreement, teachers[k], logits, rows, classes);
        assert_near(agreement.agreement, golden_get(g, name, "agreement", 6)[2 * k], 1e-12);
        assert_near(agreement.kl, golden_get(g, name, "agreement", 6)[2 * k + 1], 1e-9);
    }
    lyc_metrics m = compute(logits, labels, rows, classes),
                specialist = compute(teachers[1], labels, rows, classes);
    check_metrics(&m, golden_get(g, name, "metrics", 7));
    check_metrics(&specialist, golden_get(g, name, "specialist", 7));
    lyc_mixture_log_probabilities(pointers, 3, rows, classes, mixture);
    for (size_t i = 0; i < values; i++)
        assert_near((double)mixture[i], golden_get(g, name, "mixture", values)[i], 3e-6);
}

static void matches_goldens(void **state) {
    (void)state;
    golden *g = golden_open("metrics.bin");
    int cases = (int)*golden_get(g, "all", "cases", 1);
    assert_int_equal(cases, 5);
    for (int i = 0; i < cases; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%d", i);
        check_golden_case(g, name);
    }
    golden_close(g);
}

/* ---- worked examples ------------------------------------------------------------------------------- */

/* The slip of public code: a mean over the B x B matrix of -log p_i(y_j) in the place of its diagonal. */
static void nll_is_the_mean_of_the_diagonal(void **state) {
    (void)state;
    const float logits[] = {logf(0.9F), logf(0.1F), logf(0.2F), logf(0.8F)};
    const int32_t labels[] = {0, 1};
    assert_near(compute(logits, labels, 2, 2).nll, -(log(0.9) + log(0.8)) / 2.0, 1e-7);
}

/* Brier of one row: 0.3^2 + 0.2^2 + 0.1^2, not divided by the classes. */
static void brier_sums_over_the_classes(void **state) {
    (void)state;
    const float logits[] = {logf(0.7F), logf(0.2F), logf(0.1F)};
    const int32_t label = 0;
    assert_near(compute(logits, &label, 1, 3).brier, 0.14, 1e-7);
}

static void a_figure_is_weighted_by_rows_not_by_batches(void **state) {
    (void)state;
    float logits[5 * 2];
    int32_t labels[5];
    for (size_t i = 0; i < 5; i++) {
        logits[2 * i] = i < 4 ? 1.0F : -1.0F;
        logits[2 * i + 1] = 0.0F;
        labels[i] = 0;
    }
    assert_near(compute(logits, labels, 5, 2).accuracy, 0.8, 1e-12); /* not (1 + 0) / 2 */
}

/* Three equal logits are confidence 1/3 = 5/15, the edge that closes bin (4/15, 5/15]. Were the bins [lo,
 * hi), the second row would share its bin and the errors would cancel. */
static void calibration_bins_are_open_below_and_closed_above(void **state) {
    (void)state;
    const float logits[] = {0.0F, 0.0F, 0.0F, 0.03125F, 0.0F, 0.0F};
    const int32_t labels[] = {0, 1};
    double second = exp(0.03125) / (exp(0.03125) + 2.0);
    assert_true(second < 6.0 / 15.0);
    assert_near(compute(logits, labels, 2, 3).ece, ((1.0 - 1.0 / 3.0) + second) / 2.0, 1e-12);
    const float sure[] = {0.0F, -INFINITY}; /* confidence 1 is in the last bin */
    assert_near(compute(sure, labels, 1, 2).ece, 0.0, 0.0);
}

/* sklearn's matthews_corrcoef([0,1,2,2,1,0,0], [0,2,2,2,1,0,1]) by hand: c=5, s=7, sum p_k t_k = 16,
 * sum p_k^2 = sum t_k^2 = 17: (35 - 16) / (49 - 17). Class 3 never occurs and counts for nothing. */
static void f1_and_matthews_of_a_small_table(void **state) {
    (void)state;
    const int32_t labels[] = {0, 1, 2, 2, 1, 0, 0}, predictions[] = {0, 2, 2, 2, 1, 0, 1};
    float logits[7 * 4] = {0};
    for (size_t i = 0; i < 7; i++) logits[4 * i + (size_t)predictions[i]] = 5.0F;
    lyc_metrics m = compute(logits, labels, 7, 4);
    assert_near(m.matthews, 19.0 / 32.0, 1e-12);
    assert_near(m.f1_macro, (4.0 / 5.0 + 2.0 / 4.0 + 4.0 / 5.0) / 3.0, 1e-12);
}

static void one_class_only_has_no_correlation(void **state) {
    (void)state;
    const float logits[] = {3.0F, 0.0F, 3.0F, 0.0F};
    const int32_t labels[] = {0, 1}, same[] = {0, 0};
    assert_near(compute(logits, labels, 2, 2).matthews, 0.0, 0.0);
    assert_near(compute(logits, same, 2, 2).matthews, 0.0, 0.0);
    assert_near(compute(logits, same, 2, 2).f1_macro, 1.0, 0.0);
}

static void ties_go_to_the_lower_class(void **state) {
    (void)state;
    const float logits[] = {1.0F, 2.0F, 2.0F};
    const int32_t labels[] = {1};
    assert_near(compute(logits, labels, 1, 3).accuracy, 1.0, 0.0);
}

/* ---- edges ----------------------------------------------------------------------------------------- */

static void unlabelled_rows_are_left_out(void **state) {
    (void)state;
    const float logits[] = {2.0F, 0.0F, NAN, NAN, 0.0F, 2.0F};
    const int32_t labels[] = {0, -1, 0}, none[] = {-1, -1, -1};
    lyc_metrics m = compute(logits, labels, 3, 2);
    assert_int_equal(m.rows, 2);
    assert_near(m.accuracy, 0.5, 0.0);
    m = compute(logits, none, 3, 2);
    assert_int_equal(m.rows, 0);
    assert_true(isnan(m.accuracy) && isnan(m.nll) && isnan(m.brier) && isnan(m.ece) && isnan(m.f1_macro) &&
                isnan(m.matthews));
}

static void an_unknown_label_costs_infinitely_much(void **state) {
    (void)state;
    const float logits[] = {0.0F, -INFINITY, 1.0F, 1.0F, -INFINITY, 0.0F};
    const int32_t known[] = {0, 2}, unknown[] = {0, 1};
    assert_true(isfinite(compute(logits, known, 2, 3).nll));
    lyc_metrics m = compute(logits, unknown, 2, 3);
    assert_true(m.nll == INFINITY);
    assert_true(isfinite(m.brier) && isfinite(m.ece));
}

static void expect_failure(const float *logits, const int32_t *labels, size_t rows, int classes,
                           lyc_status code, const char *text) {
    lyc_metrics out;
    lyc_error err = {0};
    assert_int_equal(lyc_metrics_compute(&out, logits, labels, rows, classes, &err), code);
    assert_int_equal(err.code, code);
    if (strstr(err.message, text) == NULL) fail_msg("\"%s\" does not say \"%s\"", err.message, text);
}

static void bad_rows_are_named(void **state) {
    (void)state;
    const int32_t labels[] = {0, 1, 0}, outside[] = {0, 2, 0};
    const float bad[] = {NAN, INFINITY};
    for (size_t column = 0; column < 2; column++)
        for (size_t b = 0; b < 2; b++) {
            float logits[] = {0.0F, 1.0F, 1.0F, 0.0F, 0.0F, 0.0F};
            logits[2 + column] = bad[b];
            expect_failure(logits, labels, 3, 2, LYC_ENUMERIC, "row 1");
        }
    const float nothing[] = {0.0F, 1.0F, 1.0F, 0.0F, -INFINITY, -INFINITY}, fine[6] = {0};
    expect_failure(nothing, labels, 3, 2, LYC_ENUMERIC, "row 2");
    expect_failure(fine, outside, 3, 2, LYC_EMISMATCH, "row 1 has label 2");
}

static void agreement_of_equals_and_of_opposites(void **state) {
    (void)state;
    const float teacher[] = {2.0F, 0.0F, -1.0F, 0.0F, -INFINITY, 4.0F};
    const float shifted[] = {5.0F, 3.0F, 2.0F, 0.0F, -INFINITY, 4.0F}; /* the same distributions */
    lyc_agreement a;
    lyc_agreement_compute(&a, teacher, shifted, 2, 3);
    assert_near(a.agreement, 1.0, 0.0);
    assert_near(a.kl, 0.0, 1e-12);
    const float sure[] = {3.0F, 0.0F}, opposite[] = {0.0F, 3.0F};
    lyc_agreement_compute(&a, sure, opposite, 1, 2);
    assert_near(a.agreement, 0.0, 0.0);
    assert_near(a.kl, 3.0 * (exp(3.0) - 1.0) / (exp(3.0) + 1.0), 1e-12);
    const float excluding[] = {0.0F, -INFINITY};
    lyc_agreement_compute(&a, sure, excluding, 1, 2);
    assert_true(a.kl == INFINITY); /* KL(teacher || student): the other way round it would be finite */
    lyc_agreement_compute(&a, excluding, sure, 1, 2);
    assert_near(a.kl, log1p(exp(-3.0)), 1e-12);
    lyc_agreement_compute(&a, sure, sure, 0, 2);
    assert_true(isnan(a.agreement) && isnan(a.kl));
}

/* In probabilities these would underflow: log space keeps them. */
static void a_mixture_survives_tiny_probabilities(void **state) {
    (void)state;
    const float a[] = {0.0F, -2000.0F, -INFINITY}, b[] = {0.0F, -1000.0F, -INFINITY};
    const float *teachers[] = {a, b};
    float out[3];
    lyc_mixture_log_probabilities(teachers, 2, 1, 3, out);
    assert_near((double)out[0], 0.0, 1e-6);
    assert_near((double)out[1], -1000.0 - log(2.0), 1e-3);
    assert_true(out[2] == -INFINITY);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_goldens),
        cmocka_unit_test(nll_is_the_mean_of_the_diagonal),
        cmocka_unit_test(brier_sums_over_the_classes),
        cmocka_unit_test(a_figure_is_weighted_by_rows_not_by_batches),
        cmocka_unit_test(calibration_bins_are_open_below_and_closed_above),
        cmocka_unit_test(f1_and_matthews_of_a_small_table),
        cmocka_unit_test(one_class_only_has_no_correlation),
        cmocka_unit_test(ties_go_to_the_lower_class),
        cmocka_unit_test(unlabelled_rows_are_left_out),
        cmocka_unit_test(an_unknown_label_costs_infinitely_much),
        cmocka_unit_test(bad_rows_are_named),
        cmocka_unit_test(agreement_of_equals_and_of_opposites),
        cmocka_unit_test(a_mixture_survives_tiny_probabilities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What must hold of softmax, cross-entropy and the distillation loss, whatever the numbers. */
#include "harness.h"

enum { ROWS = 21, CLASSES = 10 };

static void softmax_examples(void **state) {
    (void)state;
    const float x[] = {1, 2, 3, 4};
    const struct {
        float temperature, expected[4];
    } examples[] = {{0.5F, {0.0021F, 0.0158F, 0.1171F, 0.8650F}},
                    {1.5F, {0.0708F, 0.1378F, 0.2685F, 0.5229F}},
                    {1e-6F, {0, 0, 0, 1}}};
    for (size_t i = 0; i < 3; i++) {
        float y[4];
        lyc_softmax(x, examples[i].temperature, 1, 4, y);
        for (size_t c = 0; c < 4; c++) assert_true(fabsf(y[c] - examples[i].expected[c]) <= 0.00005F);
    }
}

static void softmax_survives_extremes(void **state) {
    (void)state;
    const float x[] = {3e38F, -3e38F, 0, 3e38F, -INFINITY, 5, 5, 5};
    float y[8];
    lyc_softmax(x, 1e-6F, 2, 4, y);
    assert_true(y[0] == 0.5F && y[1] == 0 && y[2] == 0 && y[3] == 0.5F);
    assert_true(y[4] == 0 && fabsf(y[5] - 1.0F / 3) < 1e-6F);
    lyc_log_softmax(x + 4, 1, 1, 4, y);
    assert_true(y[0] == -INFINITY && fabsf(y[1] + 1.0986123F) < 1e-6F);
    float loss = 0, gradient[4] = {0};
    const float logits[] = {300, -300, 299, 0}, target[] = {0.5F, 0, 0.5F, 0};
    lyc_kl_gradient(logits, target, 1e-3F, 1, 1, 4, &loss, gradient);
    assert_true(isfinite(loss));
    for (size_t c = 0; c < 4; c++) assert_true(isfinite(gradient[c]));
}

static void softmax_in_place(void **state) {
    (void)state;
    float x[ROWS * 70], y[ROWS * 70];
    for (size_t classes = 10; classes <= 70; classes += 60) {
        fill_random(x, ROWS * classes, -3, 3, 1);
        lyc_softmax(x, 2, ROWS, classes, y);
        lyc_softmax(x, 2, ROWS, classes, x);
        assert_memory_equal(x, y, ROWS * classes * sizeof *x);
    }
}

static void rows_sum_to_one(void **state) {
    (void)state;
    float x[ROWS * 70], y[ROWS * 70], z[ROWS * 70];
    for (size_t classes = 10; classes <= 70; classes += 60) {
        fill_random(x, ROWS * classes, -20, 20, 1);
        lyc_softmax(x, 3, ROWS, classes, y);
        lyc_log_softmax(x, 3, ROWS, classes, z);
        for (size_t r = 0; r < ROWS; r++) {
            double sum = 0;
            for (size_t c = 0; c < classes; c++) {
                sum += (double)y[r * classes + c];
                assert_true(fabs(exp((double)z[r * classes + c]) - (double)y[r * classes + c]) < 1e-6);
            }
            assert_true(fabs(sum - 1) < 1e-6);
        }
    }
}

static void equal_distributions_have_no_divergence(void **state) {
    (void)state;
    const float temperatures[] = {0.5F, 1, 4, 20};
    float x[ROWS * CLASSES], p[ROWS * CLASSES], loss[ROWS];
    fill_random(x, ROWS * CLASSES, -5, 5, 1);
    for (size_t i = 0; i < 4; i++) {
        const float t = temperatures[i];
        float gradient[ROWS * CLASSES] = {0};
        lyc_softmax(x, t, ROWS, CLASSES, p);
        lyc_kl_gradient(x, p, t, 1, ROWS, CLASSES, loss, gradient);
        for (size_t r = 0; r < ROWS; r++) assert_true(fabsf(loss[r]) <= 1e-6F * t * t);
        for (size_t j = 0; j < ROWS * CLASSES; j++) assert_true(fabsf(gradient[j]) <= 1e-6F * t);
    }
}

/* The gradient of the mean over B rows is T (q - p) / B. */
static void gradient_of_the_divergence(void **state) {
    (void)state;
    float x[ROWS * CLASSES], z[ROWS * CLASSES], p[ROWS * CLASSES], q[ROWS * CLASSES],
        gradient[ROWS * CLASSES] = {0};
    fill_random(x, ROWS * CLASSES, -5, 5, 1);
    fill_random(z, ROWS * CLASSES, -5, 5, 2);
    lyc_softmax(z, 4, ROWS, CLASSES, p);
    lyc_softmax(x, 4, ROWS, CLASSES, q);
    lyc_kl_gradient(x, p, 4, 1.0F / ROWS, ROWS, CLASSES, NULL, gradient);
    float expected[ROWS * CLASSES];
    for (size_t i = 0; i < ROWS * CLASSES; i++) expected[i] = 4 * (q[i] - p[i]) / ROWS;
    assert_close("gradient", gradient, expected, ROWS * CLASSES, 1e-6);
}

/* For large T the gradient tends to the difference of the zero-meaned logits over C (Hinton et al., eq. 4).
 */
static void large_temperature_matches_logits(void **state) {
    (void)state;
    float s[CLASSES], z[CLASSES], p[CLASSES], gradient[CLASSES] = {0}, expected[CLASSES], mean = 0;
    fill_random(s, CLASSES, -2, 2, 1);
    fill_random(z, CLASSES, -2, 2, 2);
    lyc_softmax(z, 1000, 1, CLASSES, p);
    lyc_kl_gradient(s, p, 1000, 1, 1, CLASSES, NULL, gradient);
    for (size_t c = 0; c < CLASSES; c++) mean += (s[c] - z[c]) / CLASSES;
    for (size_t c = 0; c < CLASSES; c++) expected[c] = (s[c] - z[c] - mean) / CLASSES;
    assert_close("gradient", gradient, expected, CLASSES, 5e-3);
}

static void hard_targets_give_cross_entropy(void **state) {
    (void)state;
    float x[ROWS * CLASSES], p[ROWS * CLASSES] = {0}, kl[ROWS], ce[ROWS];
    float by_kl[ROWS * CLASSES] = {0}, by_ce[ROWS * CLASSES] = {0};
    int32_t labels[ROWS];
    fill_random(x, ROWS * CLASSES, -5, 5, 1);
    for (size_t r = 0; r < ROWS; r++) {
        labels[r] = (int32_t)(r * 3 % CLASSES);
        p[r * CLASSES + (size_t)labels[r]] = 1;
    }
    lyc_kl_gradient(x, p, 1, 0.5F, ROWS, CLASSES, kl, by_kl);
    lyc_cross_entropy_gradient(x, labels, 0.5F, ROWS, CLASSES, ce, by_ce);
    assert_close("loss", kl, ce, ROWS, 1e-6);
    assert_close("gradient", by_kl, by_ce, ROWS * CLASSES, 1e-6);
    lyc_cross_entropy(x, labels, ROWS, CLASSES, kl);
    assert_memory_equal(kl, ce, sizeof ce);
}

static void rows_without_a_label_do_not_count(void **state) {
    (void)state;
    for (size_t classes = 10; classes <= 70; classes += 60) {
        float x[3 * 70], gradient[3 * 70] = {0}, loss[3];
        const int32_t labels[] = {1, -1, 2};
        fill_random(x, 3 * classes, -5, 5, 1);
        for (size_t c = 0; c < classes; c++) gradient[classes + c] = 7;
        lyc_cross_entropy_gradient(x, labels, 1, 3, classes, loss, gradient);
        assert_true(loss[0] > 0 && loss[1] == 0 && loss[2] > 0);
        for (size_t c = 0; c < classes; c++) assert_true(gradient[classes + c] == 7);
    }
}

static void gradients_are_added(void **state) {
    (void)state;
    float x[2 * CLASSES], p[2 * CLASSES], once[2 * CLASSES] = {0}, twice[2 * CLASSES] = {0};
    const int32_t labels[] = {3, 4};
    fill_random(x, 2 * CLASSES, -5, 5, 1);
    fill_random(p, 2 * CLASSES, -5, 5, 2);
    lyc_softmax(p, 1, 2, CLASSES, p);
    lyc_cross_entropy_gradient(x, labels, 0.25F, 2, CLASSES, NULL, once);
    lyc_kl_gradient(x, p, 2, 0.5F, 2, CLASSES, NULL, twice);
    for (size_t i = 0; i < 2 * CLASSES; i++) once[i] += twice[i];
    memset(twice, 0, sizeof twice);
    lyc_cross_entropy_gradient(x, labels, 0.25F, 2, CLASSES, NULL, twice);
    lyc_kl_gradient(x, p, 2, 0.5F, 2, CLASSES, NULL, twice);
    assert_close("sum", twice, once, 2 * CLASSES, 1e-6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(softmax_examples),
        cmocka_unit_test(softmax_survives_extremes),
        cmocka_unit_test(softmax_in_place),
        cmocka_unit_test(rows_sum_to_one),
        cmocka_unit_test(equal_distributions_have_no_divergence),
        cmocka_unit_test(gradient_of_the_divergence),
        cmocka_unit_test(large_temperature_matches_logits),
        cmocka_unit_test(hard_targets_give_cross_entropy),
        cmocka_unit_test(rows_without_a_label_do_not_count),
        cmocka_unit_test(gradients_are_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

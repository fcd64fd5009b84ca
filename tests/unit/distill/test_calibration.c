#include "distill/calibration.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lyceum/random.h"

enum { ROWS = 700, CLASSES = 7 };

static float logits[ROWS * CLASSES], scratch[ROWS * CLASSES];
static int32_t labels[ROWS];

/* Logits that are right more often than not, `sharp` times too sharp for that; every fifth row has no label.
 */
static void draw(double sharp) {
    lyc_random random = lyc_random_start((lyc_random_key){.seed = 3, .purpose = LYC_PURPOSE_TEST});
    for (size_t r = 0; r < ROWS; r++) {
        const size_t truth = r % CLASSES;
        labels[r] = r % 5 == 4 ? -1 : (int32_t)truth;
        for (size_t c = 0; c < CLASSES; c++)
            logits[r * CLASSES + c] =
                (float)(sharp * (lyc_random_normal(&random) + (c == truth ? 1.2 : 0.0)));
    }
}

static double loss_at(double b) {
    double sum = 0.0;
    size_t labelled = 0;
    for (size_t r = 0; r < ROWS; r++) {
        if (labels[r] < 0) continue;
        double total = 0.0;
        for (size_t c = 0; c < CLASSES; c++)
            total +=
                exp(b * ((double)logits[r * CLASSES + c] - (double)logits[r * CLASSES + (size_t)labels[r]]));
        sum += log(total);
        labelled++;
    }
    return sum / (double)labelled;
}

static double calibrated(double *scale) {
    return lyc__calibrated_loss(logits, labels, ROWS, CLASSES, scratch, scale);
}

/* A search in steps of a thousandth, which knows nothing of derivatives. */
static void it_is_the_minimum_over_the_scale(void **state) {
    (void)state;
    static const double sharpness[] = {0.05, 0.5, 1.0, 4.0, 20.0};
    for (size_t i = 0; i < sizeof sharpness / sizeof *sharpness; i++) {
        draw(sharpness[i]);
        double least = INFINITY, at = 0.0, scale;
        for (double b = 1.0 / 64; b < 64; b *= 1.001)
            if (loss_at(b) < least) {
                least = loss_at(b);
                at = b;
            }
        const double loss = calibrated(&scale);
        assert_true(fabs(loss - least) < 2e-6 * least);
        assert_true(fabs(scale / at - 1) < 2e-3);
        assert_true(loss < loss_at(1.0) || sharpness[i] == 1.0);
    }
}

static void sharpness_alone_changes_nothing(void **state) {
    (void)state;
    draw(1.0);
    const double once = calibrated(NULL);
    draw(3.0);
    const double sharper = calibrated(NULL), plain = loss_at(1.0);
    assert_true(fabs(once - sharper) < 1e-6 * once);
    assert_true(plain > 1.3 * sharper);
}

/* Without an inner minimum the scale stops at its bounds: rows that are all right, all wrong, or say nothing.
 */
static void the_scale_is_bounded(void **state) {
    (void)state;
    double scale;
    draw(1.0);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t c = 0; c < CLASSES; c++) logits[r * CLASSES + c] = (int32_t)c == labels[r] ? 1.0F : 0.0F;
    assert_true(calibrated(&scale) < 1e-6 && scale > 0.99 * LYC__MOST_SCALE);
    for (size_t i = 0; i < (size_t)ROWS * CLASSES; i++) logits[i] = -logits[i];
    assert_true(calibrated(&scale) < 2.0 && scale < 1.01 / LYC__MOST_SCALE);
    memset(logits, 0, sizeof logits);
    assert_true(fabs(calibrated(&scale) - log(CLASSES)) < 1e-6 && isfinite(scale));
}

static void without_labels_there_is_no_loss(void **state) {
    (void)state;
    draw(1.0);
    for (size_t r = 0; r < ROWS; r++) labels[r] = -1;
    assert_true(isnan(calibrated(NULL)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_minimum_over_the_scale),
        cmocka_unit_test(sharpness_alone_changes_nothing),
        cmocka_unit_test(the_scale_is_bounded),
        cmocka_unit_test(without_labels_there_is_no_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

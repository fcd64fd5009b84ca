/* Figures of a classifier, answer by answer. */
#include "distill/by_answer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lyceum/random.h"

enum { ROWS = 300, CLASSES = 6, NEVER = 4 };

static void assert_near(double got, double expected) {
    if (!(fabs(got - expected) < 1e-12)) fail_msg("%.17g is not %.17g", got, expected);
}

/* Against the definition: a mean over the rows that are answered so, and five of the average. */
static void each_answer_has_the_figures_of_its_rows(void **state) {
    (void)state;
    float logits[ROWS * CLASSES];
    int32_t labels[ROWS];
    double loss[ROWS], scratch[CLASSES], mean_loss[CLASSES], accuracy[CLASSES];
    lyc_random random = lyc_random_start((lyc_random_key){.seed = 8, .purpose = LYC_PURPOSE_TEST});
    for (size_t row = 0; row < ROWS; row++) {
        labels[row] = (int32_t)lyc_random_below(&random, CLASSES);
        loss[row] = lyc_random_uniform(&random);
        for (size_t c = 0; c < CLASSES; c++)
            logits[row * CLASSES + c] = c == NEVER                 ? -INFINITY
                                        : c == (size_t)labels[row] ? 1.0F + (float)(row % 3)
                                                                   : (float)lyc_random_normal(&random);
    }
    lyc__by_answer(logits, labels, loss, ROWS, CLASSES, scratch, mean_loss, accuracy);
    double all_loss = 0.0, all_right = 0.0, rows[CLASSES] = {0}, losses[CLASSES] = {0}, right[CLASSES] = {0};
    for (size_t row = 0; row < ROWS; row++) {
        int answer = 0;
        for (int c = 0; c < CLASSES; c++)
            if (logits[row * CLASSES + (size_t)c] > logits[row * CLASSES + (size_t)answer]) answer = c;
        rows[answer]++;
        losses[answer] += loss[row];
        right[answer] += labels[row] == answer;
        all_loss += loss[row] / ROWS;
        all_right += (labels[row] == answer) / (double)ROWS;
    }
    assert_true(rows[NEVER] == 0.0 && all_right > 0.5 && all_right < 0.9);
    for (int c = 0; c < CLASSES; c++) {
        assert_near(mean_loss[c], (losses[c] + 5.0 * all_loss) / (rows[c] + 5.0));
        assert_near(accuracy[c], (right[c] + 5.0 * all_right) / (rows[c] + 5.0));
    }
}

static void an_answer_that_is_never_given_has_the_average(void **state) {
    (void)state;
    const float logits[] = {1, 0, 0, 1, 1, 0}; /* of equals the first class is the answer */
    const int32_t labels[] = {0, 1};
    const double loss[] = {0.5, 1.5};
    double scratch[3], mean_loss[3], accuracy[3];
    lyc__by_answer(logits, labels, loss, 2, 3, scratch, mean_loss, accuracy);
    for (int c = 0; c < 3; c++) {
        assert_near(mean_loss[c], 1.0);
        assert_near(accuracy[c], 0.5);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_answer_has_the_figures_of_its_rows),
        cmocka_unit_test(an_answer_that_is_never_given_has_the_average),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

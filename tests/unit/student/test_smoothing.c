/* Smoothed labels against torch.nn.CrossEntropyLoss: loss and gradient, with unlabelled rows, in shards. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "golden.h"
#include "student/objective.h"

enum { ROWS = 12, CLASSES = 5, SHARD = 5 };

static void losses_and_gradients_are_pytorchs(void **state) {
    (void)state;
    golden *g = golden_open("optimizer.bin");
    float logits[ROWS * CLASSES], gradient[ROWS * CLASSES];
    int32_t labels[ROWS];
    golden_floats(golden_get(g, "smoothing", "logits", ROWS * CLASSES), ROWS * CLASSES, logits);
    for (size_t i = 0; i < ROWS; i++) labels[i] = (int32_t)golden_get(g, "smoothing", "labels", ROWS)[i];
    const char *const names[] = {"smoothing-0", "smoothing-0.1", "smoothing-0.5"};
    const double shares[] = {0.0, 0.1, 0.5};
    for (size_t k = 0; k < 3; k++) {
        const lyc_loss_options options = {.alpha = 0.3, .label_smoothing = shares[k], .temperature = 4.0};
        const lyc_lesson lesson = {0};
        lyc__objective objective;
        lyc_losses losses;
        lyc_error err = {0};
        assert_int_equal(lyc__objective_init(&objective, &options, CLASSES, ROWS, &err), LYC_OK);
        lyc__objective_begin(&objective, &lesson, labels, ROWS);
        for (size_t first = 0, shard = 0; first < ROWS; first += SHARD, shard++)
            lyc__objective_shard(&objective, shard, first, ROWS - first < SHARD ? ROWS - first : SHARD,
                                 logits + first * CLASSES, gradient + first * CLASSES);
        lyc__objective_end(&objective, &losses);
        double loss = golden_get(g, names[k], "loss", 1)[0];
        const double *expected = golden_get(g, names[k], "gradient", ROWS * CLASSES);
        if (!(fabs(losses.ce - loss) <= 1e-6 * loss)) fail_msg("%s: %g, not %g", names[k], losses.ce, loss);
        assert_true(losses.total == losses.ce);
        for (size_t i = 0; i < ROWS * CLASSES; i++)
            if (!(fabs((double)gradient[i] - expected[i]) <= 1e-6))
                fail_msg("%s, gradient %zu: %g, not %g", names[k], i, (double)gradient[i], expected[i]);
        lyc__objective_free(&objective);
    }
    golden_close(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(losses_and_gradients_are_pytorchs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

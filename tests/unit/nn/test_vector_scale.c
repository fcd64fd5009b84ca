/* The loss of scaled logits and its derivatives, on every level that this CPU runs, against double precision.
 */
#include "harness.h"

#include "nn/vector.h"

enum { ROWS = 53, CLASSES = 70, GUARD = 9 };
static const float canary = -77777.0F;
static const size_t sizes[][2] = {{1, 1}, {1, 10}, {16, 2}, {17, 10}, {33, 64}, {53, 70}, {40, 3}};

static void check(const lyc__vectors *v, size_t rows, size_t classes, double b) {
    static float logits[ROWS * CLASSES], distances[ROWS * CLASSES + GUARD];
    int32_t labels[ROWS];
    lyc_random random = lyc_random_start((lyc_random_key){.seed = 4, .purpose = LYC_PURPOSE_TEST});
    double loss = 0, slope = 0, curve = 0;
    size_t labelled = 0;
    for (size_t r = 0; r < rows; r++) {
        double sum = 0, first = 0, second = 0;
        labels[r] = r % 5 == 2 ? -1 : (int32_t)(r * 3 % classes);
        for (size_t c = 0; c < classes; c++)
            logits[r * classes + c] = (float)(2 * lyc_random_normal(&random));
        for (size_t c = 0; c < classes && labels[r] >= 0; c++) {
            const double d =
                (double)logits[r * classes + c] - (double)logits[r * classes + (size_t)labels[r]];
            sum += exp(b * d);
            first += exp(b * d) * d;
            second += exp(b * d) * d * d;
        }
        if (labels[r] < 0) continue;
        labelled++;
        loss += log(sum);
        slope += first / sum;
        curve += second / sum - first / sum * first / sum;
    }
    for (size_t i = 0; i < ROWS * CLASSES + GUARD; i++) distances[i] = canary;
    assert_int_equal(v->label_distances(logits, labels, rows, classes, distances), labelled);
    for (size_t i = labelled * classes; i < ROWS * CLASSES + GUARD; i++) assert_true(distances[i] == canary);
    lyc__scaled_loss got;
    v->scaled_loss(distances, labelled, classes, (float)b, &got);
    const double room = 1e-5 * (double)labelled;
    if (fabs(got.loss - loss) > room * (1 + b) || fabs(got.slope - slope) > room ||
        fabs(got.curve - curve) > 10 * room)
        fail_msg("%s, %zu rows of %zu classes, b %g: %g %g %g, not %g %g %g", v->name, rows, classes, b,
                 got.loss, got.slope, got.curve, loss, slope, curve);
}

static void the_loss_and_its_derivatives_are_as_defined(void **state) {
    (void)state;
    for (size_t level = 0; lyc__vector_level(level) != NULL; level++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes && lyc__vector_level(level)->runs_here(); i++)
            for (double b = 1.0 / 16; b <= 16; b *= 4)
                check(lyc__vector_level(level), sizes[i][0], sizes[i][1], b);
}

static void nothing_is_the_sum_of_no_rows(void **state) {
    (void)state;
    const float logits[2] = {1, 2};
    const int32_t label = -1;
    float distances[2] = {canary, canary};
    lyc__scaled_loss got;
    assert_int_equal(lyc__vector()->label_distances(logits, &label, 1, 2, distances), 0);
    lyc__vector()->scaled_loss(distances, 0, 2, 1, &got);
    assert_true(got.loss == 0 && got.slope == 0 && got.curve == 0 && distances[0] == canary);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_loss_and_its_derivatives_are_as_defined),
        cmocka_unit_test(nothing_is_the_sum_of_no_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

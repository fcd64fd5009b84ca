/* Fusion against goldens written from the formulas, its identities and its edges. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "golden.h"
#include "lyceum/random.h"
#include "lyceum/student.h"

#define ROWS    16
#define CLASSES 7
#define MATRIX  (ROWS * CLASSES)

static const lyc_fusion spaces[] = {LYC_FUSION_PROBABILITY, LYC_FUSION_LOGIT};

static void draw(uint32_t stream, double scale, float *out, size_t count) {
    lyc_random random =
        lyc_random_start((lyc_random_key){.seed = 3, .purpose = LYC_PURPOSE_TEST, .sample = stream});
    for (size_t i = 0; i < count; i++) out[i] = (float)(scale * lyc_random_normal(&random));
}

static double row_sum(const float *row, size_t classes) {
    double sum = 0.0;
    for (size_t c = 0; c < classes; c++) sum += (double)row[c];
    return sum;
}

static void assert_near(double a, double b, double tolerance) {
    if (!(fabs(a - b) <= tolerance)) fail_msg("%.9g is not %.9g", a, b);
}

/* ---- goldens ------------------------------------------------------------------------------------- */

static void check_golden_case(const golden *g, const char *name) {
    const double *head = golden_get(g, name, "head", 6);
    int teachers = (int)head[0], classes = (int)head[2];
    size_t rows = (size_t)head[1], matrix = rows * (size_t)classes;
    bool per_row = head[5] != 0.0;
    float logits[3 * 64], weights[3 * 8], out[64];
    const float *pointers[3] = {logits, logits + matrix, logits + 2 * matrix};
    size_t weight_count = (per_row ? rows : 1) * (size_t)teachers;
    golden_floats(golden_get(g, name, "logits", 3 * matrix), 3 * matrix, logits);
    golden_floats(golden_get(g, name, "weights", weight_count), weight_count, weights);
    const double *labels = golden_get(g, name, "labels", rows), *has = golden_get(g, name, "has", rows);
    const double *target = golden_get(g, name, "target", matrix);
    int32_t label[8];
    uint8_t has_target[8];
    for (size_t b = 0; b < rows; b++) label[b] = (int32_t)labels[b];
    lyc_fuse(pointers, teachers, rows, classes, weights, per_row, head[4], (lyc_fusion)(int)head[3], label,
             out, has_target);
    for (size_t b = 0; b < rows; b++) assert_int_equal(has_target[b], (int)has[b]);
    for (size_t i = 0; i < matrix; i++) assert_near((double)out[i], target[i], 5e-7);
}

static void matches_goldens(void **state) {
    (void)state;
    golden *g = golden_open("fusion.bin");
    int cases = (int)*golden_get(g, "all", "cases", 1);
    assert_int_equal(cases, 48);
    for (int i = 0; i < cases; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%d", i);
        check_golden_case(g, name);
    }
    golden_close(g);
}

/* ---- identities ------------------------------------------------------------------------------------ */

static void one_teacher_gives_the_same_target_in_both_spaces(void **state) {
    (void)state;
    float logits[MATRIX], out[2][MATRIX], weight[2] = {1.0F, 0.0F}, other[MATRIX];
    int32_t labels[ROWS] = {0};
    uint8_t has_target[ROWS];
    draw(1, 5.0, logits, MATRIX);
    for (size_t i = 0; i < MATRIX; i++) other[i] = NAN; /* of weight 0: must not be looked at */
    const float *pointers[] = {logits, other};
    for (int s = 0; s < 2; s++)
        lyc_fuse(pointers, 2, ROWS, CLASSES, weight, false, 4.0, spaces[s], labels, out[s], has_target);
    for (size_t i = 0; i < MATRIX; i++) assert_near((double)out[0][i], (double)out[1][i], 2e-7);
}

/* The mean of probabilities and the softmax of the mean logit are different things. */
static void spaces_differ_for_two_teachers(void **state) {
    (void)state;
    const float a[] = {4.0F, 0.0F, 0.0F}, b[] = {0.0F, 4.0F, 0.0F}, weights[] = {0.5F, 0.5F};
    const float *pointers[] = {a, b};
    const int32_t label = LYC_UNLABELLED;
    float out[2][3];
    uint8_t has_target;
    for (int s = 0; s < 2; s++)
        lyc_fuse(pointers, 2, 1, 3, weights, false, 1.0, spaces[s], &label, out[s], &has_target);
    double high = exp(4.0) / (exp(4.0) + 2.0), low = 1.0 / (exp(4.0) + 2.0);
    assert_near((double)out[0][2], low, 1e-6);
    assert_near((double)out[0][0], 0.5 * (high + low), 1e-6);
    assert_near((double)out[1][2], 1.0 / (2.0 * exp(2.0) + 1.0), 1e-6);
}

static void temperatures_of_the_formulas(void **state) {
    (void)state;
    const float logits[] = {1.0F, 2.0F, 3.0F, 4.0F}, weight = 1.0F;
    const float *pointers[] = {logits};
    const int32_t label = 3;
    const double temperature[] = {0.5, 1.5, 1e-6};
    const double expected[3][4] = {
        {0.0021, 0.0158, 0.1171, 0.8650}, {0.0708, 0.1378, 0.2685, 0.5229}, {0.0, 0.0, 0.0, 1.0}};
    for (int s = 0; s < 2; s++)
        for (int t = 0; t < 3; t++) {
            float out[4];
            uint8_t has_target;
            lyc_fuse(pointers, 1, 1, 4, &weight, false, temperature[t], spaces[s], &label, out, &has_target);
            for (int c = 0; c < 4; c++) assert_near((double)out[c], expected[t][c], 5e-5);
        }
}

/* Whatever teachers know and whoever is selected, a target is a distribution or is absent. */
static void targets_sum_to_one(void **state) {
    (void)state;
    float logits[3][MATRIX], weights[ROWS * 3], out[MATRIX];
    const float *pointers[] = {logits[0], logits[1], logits[2]};
    int32_t labels[ROWS];
    uint8_t has_target[ROWS];
    lyc_random random = lyc_random_start((lyc_random_key){.seed = 4, .purpose = LYC_PURPOSE_TEST});
    int with_target = 0, without = 0;
    for (uint32_t round = 0; round < 200; round++) {
        for (uint32_t k = 0; k < 3; k++) {
            draw(10 + 3 * round + k, round % 2 ? 1.0 : 40.0, logits[k], MATRIX);
            for (size_t i = 0; i < MATRIX; i++)
                if (lyc_random_uniform(&random) < 0.05 * (round % 12)) logits[k][i] = -INFINITY;
        }
        for (size_t b = 0; b < ROWS; b++) {
            labels[b] = (int32_t)lyc_random_below(&random, CLASSES + 1) - 1;
            float *w = weights + 3 * b, sum = 0.0F;
            for (int k = 0; k < 3; k++)
                sum += w[k] =
                    lyc_random_below(&random, 3) == 0 ? 0.0F : lyc_random_uniform_f32(&random) + 0.01F;
            for (int k = 0; k < 3; k++) w[k] = sum > 0.0F ? w[k] / sum : 0.0F;
        }
        lyc_fuse(pointers, 3, ROWS, CLASSES, weights, true, 2.0, spaces[round / 2 % 2], labels, out,
                 has_target);
        for (size_t b = 0; b < ROWS; b++) {
            for (size_t c = 0; c < CLASSES; c++) assert_true(out[b * CLASSES + c] >= 0.0F);
            assert_near(row_sum(out + b * CLASSES, CLASSES), has_target[b] ? 1.0 : 0.0, 1e-6);
            *(has_target[b] ? &with_target : &without) += 1;
        }
    }
    assert_true(with_target > 1000 && without > 100);
}

/* ---- partial teachers -------------------------------------------------------------------------------- */

/* A specialist of classes 0 and 1 moves mass between them, and leaves every other class as the one that knows
 * all. */
static void a_specialist_moves_only_its_own_classes(void **state) {
    (void)state;
    const float all[] = {1.0F, 0.5F, 0.0F, 2.0F}, specialist[] = {-3.0F, 3.0F, -INFINITY, -INFINITY};
    const float weights[] = {0.25F, 0.75F}, alone[] = {1.0F, 0.0F};
    const float *pointers[] = {all, specialist};
    const int32_t label = 3;
    float base[4], out[4];
    uint8_t has_target;
    lyc_fuse(pointers, 2, 1, 4, alone, false, 1.0, LYC_FUSION_PROBABILITY, &label, base, &has_target);
    lyc_fuse(pointers, 2, 1, 4, weights, false, 1.0, LYC_FUSION_PROBABILITY, &label, out, &has_target);
    assert_int_equal(has_target, 1); /* the one that knows all knows the label */
    assert_near((double)out[2], (double)base[2], 1e-7);
    assert_near((double)out[3], (double)base[3], 1e-7);
    double mass = (double)base[0] + (double)base[1], own = 1.0 / (1.0 + exp(6.0));
    assert_near((double)out[0], 0.25 * (double)base[0] + 0.75 * mass * own, 1e-7);
}

static void a_label_that_nobody_knows_has_no_target(void **state) {
    (void)state;
    const float specialist[] = {1.0F, 2.0F, -INFINITY, 1.0F, 2.0F, -INFINITY, 1.0F, 2.0F, -INFINITY},
                weight = 1.0F;
    const float *pointers[] = {specialist};
    const int32_t labels[] = {2, 1, LYC_UNLABELLED};
    float out[9];
    uint8_t has_target[3];
    for (int s = 0; s < 2; s++) {
        lyc_fuse(pointers, 1, 3, 3, &weight, false, 4.0, spaces[s], labels, out, has_target);
        assert_int_equal(has_target[0], 0);
        assert_int_equal(has_target[1], 1);
        assert_int_equal(has_target[2], 1);
        assert_true(out[5] == 0.0F && out[8] == 0.0F);
    }
}

static void a_row_without_any_knowledge_has_no_target(void **state) {
    (void)state;
    const float nothing[] = {-INFINITY, -INFINITY}, weight = 1.0F, none = 0.0F;
    const float *pointers[] = {nothing};
    const int32_t label = LYC_UNLABELLED;
    float out[2] = {7.0F, 7.0F};
    uint8_t has_target;
    for (int s = 0; s < 2; s++) {
        lyc_fuse(pointers, 1, 1, 2, &weight, false, 1.0, spaces[s], &label, out, &has_target);
        assert_int_equal(has_target, 0);
        assert_true(out[0] == 0.0F && out[1] == 0.0F);
        const float something[] = {1.0F, 2.0F};
        const float *known[] = {something};
        lyc_fuse(known, 1, 1, 2, &none, false, 1.0, spaces[s], &label, out, &has_target);
        assert_int_equal(has_target, 0); /* none selected */
    }
}

/* NaN must not pass for a class that is unknown: it has to reach the loss. */
static void nan_and_infinity_reach_the_target(void **state) {
    (void)state;
    const float bad[] = {NAN, INFINITY};
    for (int s = 0; s < 2; s++)
        for (int b = 0; b < 2; b++)
            for (int unknown = 0; unknown < 2; unknown++) {
                const float a[] = {bad[b], 1.0F, unknown ? -INFINITY : 0.0F}, c[] = {0.0F, 1.0F, -INFINITY};
                const float whole[] = {0.0F, 1.0F, 2.0F}, weights[] = {0.5F, 0.25F, 0.25F};
                const float *pointers[] = {a, c, whole};
                const int32_t label = 0;
                float out[3];
                uint8_t has_target;
                for (int teachers = 1; teachers <= 3; teachers++) {
                    lyc_fuse(pointers, teachers, 1, 3, weights, false, 1.0, spaces[s], &label, out,
                             &has_target);
                    assert_int_equal(has_target, 1);
                    assert_true(isnan(row_sum(out, 3)));
                }
            }
}

/* ---- sizes ------------------------------------------------------------------------------------------- */

/* Softmax is taken of several rows at once, in pieces: where a piece ends must not show. */
static void rows_are_fused_alike_in_any_number(void **state) {
    (void)state;
    enum { MANY = 500 };
    static float logits[3][MANY * CLASSES], weights[MANY * 3], together[MANY * CLASSES];
    static int32_t labels[MANY];
    static uint8_t has_target[MANY];
    const float *pointers[] = {logits[0], logits[1], logits[2]};
    for (uint32_t k = 0; k < 3; k++) draw(900 + k, 3.0, logits[k], MANY * CLASSES);
    for (size_t i = 0; i < MANY * 3; i++) weights[i] = i % 3 == 0 ? 0.5F : 0.25F;
    for (size_t b = 0; b < MANY; b += 3) logits[b % 2][b * CLASSES + b % CLASSES] = -INFINITY;
    for (int s = 0; s < 2; s++)
        for (int per_row = 0; per_row < 2; per_row++) {
            lyc_fuse(pointers, 3, MANY, CLASSES, weights, per_row, 2.0, spaces[s], labels, together,
                     has_target);
            for (size_t b = 0; b < MANY; b++) {
                const float *row[] = {logits[0] + b * CLASSES, logits[1] + b * CLASSES,
                                      logits[2] + b * CLASSES};
                float alone[CLASSES];
                lyc_fuse(row, 3, 1, CLASSES, weights, per_row, 2.0, spaces[s], labels, alone, has_target);
                for (size_t c = 0; c < CLASSES; c++)
                    assert_near((double)alone[c], (double)together[b * CLASSES + c], 1e-7);
            }
        }
}

/* More classes than are kept on the stack, of teachers that know all, and of one that knows half. */
static void rows_may_be_long(void **state) {
    (void)state;
    enum { LONG = 3000 };
    static float logits[2][2 * LONG], out[2 * LONG];
    const float *pointers[] = {logits[0], logits[1]};
    const float weights[] = {0.25F, 0.75F};
    const int32_t labels[] = {0, LYC_UNLABELLED};
    uint8_t has_target[2];
    for (uint32_t k = 0; k < 2; k++) draw(950 + k, 2.0, logits[k], 2 * LONG);
    for (size_t c = LONG + LONG / 2; c < 2 * LONG; c++) logits[1][c] = -INFINITY; /* in the second row */
    lyc_fuse(pointers, 2, 2, LONG, weights, false, 2.0, LYC_FUSION_PROBABILITY, labels, out, has_target);
    for (size_t b = 0; b < 2; b++) {
        double sums[2] = {0.0}, known = 0.0;
        for (size_t k = 0; k < 2; k++)
            for (size_t c = b * LONG; c < (b + 1) * LONG; c++) sums[k] += exp((double)logits[k][c] / 2.0);
        for (size_t c = b * LONG; c < (b + 1) * LONG; c++)
            if (logits[1][c] != -INFINITY) known += exp((double)logits[0][c] / 2.0) / sums[0];
        for (size_t c = b * LONG; c < (b + 1) * LONG; c++) {
            double first = exp((double)logits[0][c] / 2.0) / sums[0];
            double second =
                logits[1][c] == -INFINITY ? first : known * exp((double)logits[1][c] / 2.0) / sums[1];
            assert_near((double)out[c], 0.25 * first + 0.75 * second, 1e-9);
        }
        assert_near(row_sum(out + b * LONG, LONG), 1.0, 1e-6);
    }
}

static void tables_list_what_configs_may_say(void **state) {
    (void)state;
    assert_string_equal(lyc_fusion_name(LYC_FUSION_PROBABILITY), "probability");
    assert_string_equal(lyc_fusion_name(LYC_FUSION_LOGIT), "logit");
    assert_null(lyc_fusion_name(2));
    assert_null(lyc_fusion_doc(2));
    for (size_t i = 0; lyc_fusion_name(i) != NULL; i++) assert_true(strlen(lyc_fusion_doc(i)) > 10);
    assert_string_equal(lyc_loss_term_name(0), "kd");
    for (size_t i = 0; lyc_loss_term_name(i) != NULL; i++) assert_true(strlen(lyc_loss_term_doc(i)) > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_goldens),
        cmocka_unit_test(one_teacher_gives_the_same_target_in_both_spaces),
        cmocka_unit_test(spaces_differ_for_two_teachers),
        cmocka_unit_test(temperatures_of_the_formulas),
        cmocka_unit_test(targets_sum_to_one),
        cmocka_unit_test(a_specialist_moves_only_its_own_classes),
        cmocka_unit_test(a_label_that_nobody_knows_has_no_target),
        cmocka_unit_test(a_row_without_any_knowledge_has_no_target),
        cmocka_unit_test(nan_and_infinity_reach_the_target),
        cmocka_unit_test(rows_are_fused_alike_in_any_number),
        cmocka_unit_test(rows_may_be_long),
        cmocka_unit_test(tables_list_what_configs_may_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Student's t against closed forms and printed tables, paired differences worked by hand, Holm's example. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "distill/statistics.h"

#define PI           3.14159265358979323846
#define COUNT(array) (sizeof(array) / sizeof *(array))

static void assert_near(double got, double expected, double tolerance) {
    if (!(fabs(got - expected) <= tolerance * fmax(1e-300, fabs(expected))))
        fail_msg("%.15g is not %.15g", got, expected);
}

static void assert_within(double got, double expected, double tolerance) {
    if (!(fabs(got - expected) <= tolerance)) fail_msg("%.15g is not %.15g", got, expected);
}

/* ---- incomplete beta ---------------------------------------------------------------------------------- */

/* For whole a and b: P(at least a of a + b - 1 tosses), each with probability x. */
static double binomial_tail(int a, int b, double x) {
    int n = a + b - 1;
    double sum = 0, ways = 1;
    for (int k = 0; k <= n; k++) {
        if (k >= a) sum += ways * pow(x, k) * pow(1 - x, n - k);
        ways = ways * (n - k) / (k + 1);
    }
    return sum;
}

static void test_beta_closed_forms(void **state) {
    (void)state;
    for (double x = 0.05; x < 1; x += 0.1) {
        assert_near(lyc__incomplete_beta(1, 3.5, x), 1 - pow(1 - x, 3.5), 1e-12);
        assert_near(lyc__incomplete_beta(2.5, 1, x), pow(x, 2.5), 1e-12);
        assert_near(lyc__incomplete_beta(0.5, 0.5, x), 2 / PI * asin(sqrt(x)), 1e-12);
        assert_within(lyc__incomplete_beta(3.25, 7.5, x) + lyc__incomplete_beta(7.5, 3.25, 1 - x), 1, 1e-14);
        for (int a = 1; a < 12; a += 3)
            for (int b = 1; b < 12; b += 2)
                assert_near(lyc__incomplete_beta(a, b, x), binomial_tail(a, b, x), 1e-11);
    }
}

static void test_beta_ends(void **state) {
    (void)state;
    assert_true(lyc__incomplete_beta(2, 3, 0) == 0);
    assert_true(lyc__incomplete_beta(2, 3, 1) == 1);
    const double outside[][3] = {{0, 1, 0.5}, {1, -1, 0.5},  {1, 1, -0.1},
                                 {1, 1, 1.1}, {NAN, 1, 0.5}, {1, 1, NAN}};
    for (size_t i = 0; i < COUNT(outside); i++)
        assert_true(isnan(lyc__incomplete_beta(outside[i][0], outside[i][1], outside[i][2])));
}

/* ---- Student's t -------------------------------------------------------------------------------------- */

static void test_distribution_closed_forms(void **state) {
    (void)state;
    for (double t = -6; t <= 6; t += 0.75) {
        double s = sqrt(1 + t * t / 4);
        assert_near(lyc__t_distribution(t, 1), 0.5 + atan(t) / PI, 1e-12);
        assert_near(lyc__t_distribution(t, 2), 0.5 + t / (2 * sqrt(2 + t * t)), 1e-12);
        assert_near(lyc__t_distribution(t, 4), 0.5 + 0.375 * t / s * (1 - t * t / (12 * s * s)), 1e-12);
        assert_near(lyc__t_two_sided(t, 4), 2 * lyc__t_distribution(-fabs(t), 4), 1e-15);
    }
    /* far out, where 1 - P(T <= t) would have no digit left: 2 degrees, tail 1 / (t^2) (1 - 3 / (2 t^2) ...)
     */
    assert_near(lyc__t_two_sided(1e7, 2), 1e-14, 1e-10);
    assert_true(lyc__t_two_sided(INFINITY, 3) == 0);
    assert_true(lyc__t_distribution(0, 7) == 0.5);
    assert_true(isnan(lyc__t_two_sided(NAN, 3)));
    assert_true(isnan(lyc__t_two_sided(1, 0)));
}

/* As printed in every book of tables; more digits from the closed forms of 1, 2 and 4 degrees. */
static void test_quantiles_of_tables(void **state) {
    (void)state;
    static const struct {
        double freedom, p, t;
    } table[] = {
        {1, 0.95, 6.314},   {1, 0.975, 12.706}, {1, 0.995, 63.657},  {2, 0.95, 2.920},    {2, 0.975, 4.303},
        {2, 0.995, 9.925},  {3, 0.95, 2.353},   {3, 0.975, 3.182},   {3, 0.995, 5.841},   {4, 0.95, 2.132},
        {4, 0.975, 2.776},  {4, 0.995, 4.604},  {5, 0.975, 2.571},   {6, 0.975, 2.447},   {7, 0.975, 2.365},
        {8, 0.975, 2.306},  {9, 0.975, 2.262},  {10, 0.9, 1.372},    {10, 0.975, 2.228},  {20, 0.975, 2.086},
        {30, 0.975, 2.042}, {60, 0.975, 2.000}, {120, 0.975, 1.980}, {120, 0.995, 2.617},
    };
    for (size_t i = 0; i < COUNT(table); i++)
        assert_within(lyc__t_quantile(table[i].p, table[i].freedom), table[i].t, 5.1e-4);
    assert_near(lyc__t_quantile(0.975, 1), tan(0.475 * PI), 1e-12);
    double p = 0.975;
    assert_near(lyc__t_quantile(p, 2), (2 * p - 1) / sqrt(2 * p * (1 - p)), 1e-12);
}

/* Large degrees: the normal quantile z and its corrections (Abramowitz, Stegun 26.7.5). */
static void test_quantiles_of_many_degrees(void **state) {
    (void)state;
    const double z = 1.959963984540054, z3 = z * z * z, z5 = z3 * z * z;
    for (double n = 1000; n <= 200000; n *= 10) {
        double expected = z + (z3 + z) / (4 * n) + (5 * z5 + 16 * z3 + 3 * z) / (96 * n * n);
        assert_near(lyc__t_quantile(0.975, n), expected, 1e-8);
    }
}

static void test_quantile_inverts(void **state) {
    (void)state;
    for (double freedom = 1; freedom < 40; freedom += 3)
        for (double p = 0.0005; p < 1; p += 0.0499) {
            assert_near(lyc__t_distribution(lyc__t_quantile(p, freedom), freedom), p, 1e-11);
            assert_within(lyc__t_quantile(p, freedom) + lyc__t_quantile(1 - p, freedom), 0,
                          1e-9 * fabs(lyc__t_quantile(p, freedom)) + 1e-12);
        }
    assert_true(lyc__t_quantile(0.5, 3) == 0);
    assert_true(isnan(lyc__t_quantile(0, 3)));
    assert_true(isnan(lyc__t_quantile(1, 3)));
    assert_true(isnan(lyc__t_quantile(0.5, -1)));
}

/* ---- samples ------------------------------------------------------------------------------------------ */

static void test_sample(void **state) {
    (void)state;
    const double values[] = {2, 4, 4, 4, 5, 5, 7, 9};
    lyc__sample sample = lyc__sample_of(values, COUNT(values));
    assert_near(sample.mean, 5, 1e-15);
    assert_near(sample.deviation, sqrt(32.0 / 7), 1e-15);
    assert_true(lyc__sample_of(values, 1).mean == 2 && isnan(lyc__sample_of(values, 1).deviation));
    assert_true(isnan(lyc__sample_of(values, 0).mean));
}

/* Differences 0.02, 0.02, 0.01, 0.03, 0.01: mean 0.018, squares about it 280e-6, so the mean's standard error
 * is sqrt(280e-6 / 4 / 5) = 0.00374166 and t = 4.81070 at 4 degrees. */
static void test_paired_by_hand(void **state) {
    (void)state;
    const double first[] = {0.80, 0.82, 0.79, 0.83, 0.81}, second[] = {0.78, 0.80, 0.78, 0.80, 0.80};
    lyc__paired paired = lyc__paired_difference(first, second, COUNT(first));
    double error = sqrt(280e-6 / 20), t = 0.018 / error, s = sqrt(1 + t * t / 4);
    assert_int_equal(paired.pairs, 5);
    assert_near(paired.mean, 0.018, 1e-12);
    assert_near(paired.low, 0.018 - 2.776445105 * error, 1e-8);
    assert_near(paired.high, 0.018 + 2.776445105 * error, 1e-8);
    assert_near(paired.p, 1 - 0.75 * t / s * (1 - t * t / (12 * s * s)), 1e-9);
    assert_within(paired.p, 0.00858, 2e-5);
    lyc__paired reversed = lyc__paired_difference(second, first, COUNT(first));
    assert_near(reversed.low, -paired.high, 1e-12);
    assert_near(reversed.p, paired.p, 1e-12);
}

static void test_paired_without_a_test(void **state) {
    (void)state;
    const double first[] = {0.9, 0.8, 0.7}, second[] = {0.8, 0.7, 0.6};
    lyc__paired none = lyc__paired_difference(first, second, 0),
                one = lyc__paired_difference(first, second, 1);
    lyc__paired equal = lyc__paired_difference(first, second, 3); /* 0.1 each, to within rounding */
    assert_true(isnan(none.mean) && isnan(none.p));
    assert_near(one.mean, 0.1, 1e-12);
    assert_true(isnan(one.low) && isnan(one.high) && isnan(one.p));
    assert_near(equal.mean, 0.1, 1e-12);
    assert_true(isnan(equal.low) && isnan(equal.p));
}

/* ---- Holm --------------------------------------------------------------------------------------------- */

static void check_holm(const double *p, const double *expected, size_t count) {
    double corrected[8];
    lyc__holm(p, count, corrected);
    for (size_t i = 0; i < count; i++)
        if (isnan(expected[i]) ? !isnan(corrected[i]) : !(fabs(corrected[i] - expected[i]) < 1e-15))
            fail_msg("value %zu: %g is not %g", i, corrected[i], expected[i]);
}

static void test_holm(void **state) {
    (void)state;
    /* sorted 0.005 0.01 0.03 0.04, times 4 3 2 1, and never below the one before */
    check_holm((double[]){0.01, 0.04, 0.03, 0.005}, (double[]){0.03, 0.06, 0.06, 0.02}, 4);
    check_holm((double[]){0.01, NAN, 0.04, 0.03, NAN, 0.005}, (double[]){0.03, NAN, 0.06, 0.06, NAN, 0.02},
               6);
    check_holm((double[]){0.6, 0.7}, (double[]){1, 1}, 2);
    check_holm((double[]){0.02, 0.02, 0.5}, (double[]){0.06, 0.06, 0.5}, 3);
    check_holm((double[]){0.04}, (double[]){0.04}, 1);
    check_holm((double[]){0, 0.5}, (double[]){0, 0.5}, 2);
    check_holm((double[]){NAN}, (double[]){NAN}, 1);
    lyc__holm(NULL, 0, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beta_closed_forms),
        cmocka_unit_test(test_beta_ends),
        cmocka_unit_test(test_distribution_closed_forms),
        cmocka_unit_test(test_quantiles_of_tables),
        cmocka_unit_test(test_quantiles_of_many_degrees),
        cmocka_unit_test(test_quantile_inverts),
        cmocka_unit_test(test_sample),
        cmocka_unit_test(test_paired_by_hand),
        cmocka_unit_test(test_paired_without_a_test),
        cmocka_unit_test(test_holm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Products and tanh in double precision, on every level that this CPU runs. */
#include "harness.h"

#include "nn/vector.h"

enum { MOST = 2600, GUARD = 9 };
static const double canary = -77777.0;

#define FOR_EACH_LEVEL(v)                                                                                    \
    for (size_t level_ = 0; lyc__vector_level(level_) != NULL; level_++)                                     \
        for (const lyc__vectors *v = lyc__vector_level(level_); v != NULL && v->runs_here(); v = NULL)

static void fill(double *out, size_t count, uint32_t number) {
    lyc_random random =
        lyc_random_start((lyc_random_key){.seed = 8, .purpose = LYC_PURPOSE_TEST, .sample = number});
    for (size_t i = 0; i < count; i++) out[i] = 2 * lyc_random_normal(&random);
}

static void spread_canaries(double *out, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = canary;
}

static void assert_canaries(const double *from) {
    for (size_t i = 0; i < GUARD; i++) assert_true(from[i] == canary);
}

static void tanh_and_its_slope(void **state) {
    (void)state;
    double x[200], y[200 + GUARD], dy[200], dx[200 + GUARD];
    fill(x, 200, 1);
    fill(dy, 200, 2);
    x[0] = 1e-12;
    x[1] = -40;
    x[2] = 0;
    FOR_EACH_LEVEL(v) {
        for (size_t count = 0; count <= 200; count += count < 20 ? 1 : 13) {
            spread_canaries(y, 200 + GUARD);
            spread_canaries(dx, 200 + GUARD);
            v->double_tanh(x, count, y);
            v->double_tanh_backward(y, dy, count, dx);
            for (size_t i = 0; i < count; i++) {
                assert_true(fabs(y[i] - tanh(x[i])) <= 4.5 * 2.3e-16 * fabs(tanh(x[i])));
                assert_true(dx[i] == (1 - y[i] * y[i]) * dy[i]);
            }
            assert_canaries(y + count);
            assert_canaries(dx + count);
        }
    }
}

static const size_t sizes[][3] = {{1, 1, 1},  {1, 22, 32}, {3, 8, 32}, {5, 2, 7},
                                  {7, 9, 33}, {32, 4, 71}, {2, 3, 0}};

/* Bit for bit the plain loops: each output is one sum in the order of its terms. */
static void products_are_plain_sums(void **state) {
    (void)state;
    static double x[MOST], matrix[MOST], y[MOST], got[MOST + GUARD], expected[MOST];
    fill(x, MOST, 3);
    fill(matrix, MOST, 4);
    fill(y, MOST, 5);
    FOR_EACH_LEVEL(v) {
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            const size_t rows = sizes[s][0], inputs = sizes[s][1], columns = sizes[s][2];
            fill(expected, MOST, 6);
            spread_canaries(got, MOST + GUARD);
            memcpy(got, expected, rows * columns * sizeof *got);
            v->double_products(x, rows, inputs, matrix, columns, got);
            for (size_t r = 0; r < rows; r++)
                for (size_t i = 0; i < inputs; i++)
                    for (size_t c = 0; c < columns; c++)
                        expected[r * columns + c] += x[r * inputs + i] * matrix[i * columns + c];
            assert_memory_equal(got, expected, rows * columns * sizeof *got);
            assert_canaries(got + rows * columns);

            fill(expected, MOST, 7);
            spread_canaries(got, MOST + GUARD);
            memcpy(got, expected, inputs * columns * sizeof *got);
            v->double_outer(x, y, rows, inputs, columns, got);
            for (size_t r = 0; r < rows; r++)
                for (size_t i = 0; i < inputs; i++)
                    for (size_t c = 0; c < columns; c++)
                        expected[i * columns + c] += x[r * inputs + i] * y[r * columns + c];
            assert_memory_equal(got, expected, inputs * columns * sizeof *got);
            assert_canaries(got + inputs * columns);
        }
    }
}

static void dots_are_sums_of_products(void **state) {
    (void)state;
    static double x[MOST], y[MOST], got[40 + GUARD], again[40];
    fill(x, MOST, 8);
    fill(y, MOST, 9);
    FOR_EACH_LEVEL(v) {
        for (size_t columns = 0; columns <= 65; columns++) {
            spread_canaries(got, 40 + GUARD);
            v->double_dots(x, 40, y, columns, got);
            for (size_t r = 0; r < 40; r++) {
                double sum = 0, size = 1;
                for (size_t c = 0; c < columns; c++) {
                    sum += x[r * columns + c] * y[c];
                    size += fabs(x[r * columns + c] * y[c]);
                }
                assert_true(fabs(got[r] - sum) <= 1e-15 * size * 4);
                v->double_dots(x + r * columns, 1, y, columns, &again[r]);
            }
            assert_memory_equal(got, again, sizeof again); /* whatever the rows beside it */
            assert_canaries(got + 40);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tanh_and_its_slope),
        cmocka_unit_test(products_are_plain_sums),
        cmocka_unit_test(dots_are_sums_of_products),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

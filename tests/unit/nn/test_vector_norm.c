/* Normalisation, on every level of vector code that this CPU runs: against plain loops in double precision.
 */
#include "harness.h"

enum { MOST_ROWS = 70, MOST_COLUMNS = 67, MOST = MOST_ROWS * MOST_COLUMNS };
static const size_t all_rows[] = {1, 2, 31, 33, MOST_ROWS}, all_columns[] = {1, 3, 16, 17, 32, MOST_COLUMNS};

typedef struct matrix {
    size_t rows, columns;
    float x[MOST], dy[MOST], other[MOST];
    float mean[MOST_COLUMNS], scale[MOST_COLUMNS], shift[MOST_COLUMNS], slope[MOST_COLUMNS];
} matrix;

static matrix m;

static void for_each_size(void (*check)(const lyc__vectors *v)) {
    for (size_t level = 0; lyc__vector_level(level) != NULL; level++) {
        const lyc__vectors *v = lyc__vector_level(level);
        if (!v->runs_here()) continue;
        for (size_t i = 0; i < 5; i++)
            for (size_t j = 0; j < 6; j++) {
                m.rows = all_rows[i];
                m.columns = all_columns[j];
                fill_random(m.x, MOST, -1, 2, 1);
                fill_random(m.dy, MOST, -1, 1, 2);
                fill_random(m.other, MOST, -1, 1, 3);
                fill_random(m.mean, MOST_COLUMNS, 0, 1, 4);
                fill_random(m.scale, MOST_COLUMNS, -2, 2, 5);
                fill_random(m.shift, MOST_COLUMNS, -1, 1, 6);
                fill_random(m.slope, MOST_COLUMNS, -1, 1, 7);
                check(v);
            }
    }
}

/* Whether element i is above 0 behind the sum, by the bits of level `v`. */
static bool bit_of(const lyc__vectors *v, const uint16_t *words, size_t i) {
    const size_t row = i / m.columns, column = i % m.columns,
                 words_a_row = (m.columns + v->lanes - 1) / v->lanes;
    return (words[row * words_a_row + column / v->lanes] >> column % v->lanes & 1) != 0;
}

static void check_forward(const lyc__vectors *v) {
    static float out[MOST], expected[MOST];
    static uint16_t words[MOST];
    for (int variant = 0; variant < 8; variant++) {
        const bool adds = (variant & 1) != 0, relu = (variant & 2) != 0, keeps = (variant & 4) != 0;
        const lyc__norm norm = {m.mean, m.scale, m.shift, adds ? m.other : NULL, relu, keeps ? words : NULL};
        v->normalize(m.x, &norm, m.rows, m.columns, out);
        for (size_t i = 0; i < m.rows * m.columns; i++) {
            const size_t c = i % m.columns;
            double y = ((double)m.x[i] - (double)m.mean[c]) * (double)m.scale[c] + (double)m.shift[c];
            if (adds) y += (double)m.other[i];
            if (keeps && fabs(y) > 1e-5) assert_int_equal(bit_of(v, words, i), y > 0);
            expected[i] = (float)(relu ? fmax(y, 0) : y);
        }
        assert_close("normalize", out, expected, m.rows * m.columns, 1e-6);
    }
}

static void forward(void **state) {
    (void)state;
    for_each_size(check_forward);
}

/* Backward with every second element of the gradient behind the ReLU cut off. */
static void check_backward(const lyc__vectors *v) {
    static float masked[MOST], dx[MOST], expected[MOST];
    static uint16_t words[MOST];
    const size_t count = m.rows * m.columns, words_a_row = (m.columns + v->lanes - 1) / v->lanes;
    memset(words, 0, sizeof words);
    for (size_t i = 0; i < count; i += 2) {
        const size_t column = i % m.columns;
        uint16_t *word = &words[i / m.columns * words_a_row + column / v->lanes];
        *word = (uint16_t)(*word | 1U << column % v->lanes);
    }
    for (int masks = 0; masks < 2; masks++) {
        double sums[MOST_COLUMNS] = {0}, products[MOST_COLUMNS] = {0}, sum = 0, product = 0;
        const lyc__norm_products parts = {m.mean, masks ? words : NULL, masks ? masked : NULL};
        v->column_products(m.x, m.dy, &parts, m.rows, m.columns, sums, products);
        const lyc__norm_backward norm = {m.mean, m.scale, m.shift, m.slope, masks ? words : NULL};
        v->normalize_backward(m.x, m.dy, &norm, m.rows, m.columns, dx);
        for (size_t i = 0; i < count; i++) {
            const size_t c = i % m.columns;
            const double d = masks && i % 2 != 0 ? 0 : (double)m.dy[i],
                         x = (double)m.x[i] - (double)m.mean[c];
            if (masks) assert_true(masked[i] == (float)d);
            expected[i] = (float)(d * (double)m.scale[c] + (double)m.shift[c] + x * (double)m.slope[c]);
            sum += c == m.columns - 1 ? d : 0;
            product += c == m.columns - 1 ? d * x : 0;
        }
        assert_close("normalize_backward", dx, expected, count, 1e-6);
        assert_true(fabs(sums[m.columns - 1] - sum) < 1e-5 && fabs(products[m.columns - 1] - product) < 1e-5);
    }
}

static void backward(void **state) {
    (void)state;
    for_each_size(check_backward);
}

/* The operator's cases compare values; here is what the levels do with rows far from 0 and with constant
 * ones. */
static void check_rows(const lyc__vectors *v) {
    static float out[MOST], means[MOST_ROWS], inverses[MOST_ROWS];
    const lyc__row_norm norm = {m.scale, m.shift, 1e-3F, means, inverses};
    for (size_t i = 0; i < m.rows * m.columns; i++) m.x[i] = i / m.columns == 1 ? 7 : m.x[i] + 100;
    v->layer_norm(m.x, &norm, m.rows, m.columns, out);
    for (size_t r = 0; r < m.rows; r++) {
        const float *x = m.x + r * m.columns;
        double mean = 0, variance = 0;
        for (size_t c = 0; c < m.columns; c++) mean += (double)x[c] / (double)m.columns;
        for (size_t c = 0; c < m.columns; c++)
            variance += ((double)x[c] - mean) * ((double)x[c] - mean) / (double)m.columns;
        assert_true(fabs((double)means[r] - mean) < 2e-5);
        assert_true(fabs((double)inverses[r] * sqrt(variance + 1e-3) - 1) < 1e-5);
        for (size_t c = 0; r == 1 && c < m.columns; c++)
            assert_true(fabsf(out[r * m.columns + c] - m.shift[c]) < 1e-3F);
    }
}

static void rows(void **state) {
    (void)state;
    for_each_size(check_rows);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward),
        cmocka_unit_test(backward),
        cmocka_unit_test(rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

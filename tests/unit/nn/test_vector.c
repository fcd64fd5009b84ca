/* The vector code of every level that this CPU runs: against the C library in double precision, and each
 * other. */
#include "harness.h"

#include "lyceum/blas.h"

enum { MOST = 133, GUARD = 16 };
static const float canary = -77777.0F;

/* Calls the function for every level that runs here. */
#define FOR_EACH_LEVEL(v)                                                                                    \
    for (size_t level_ = 0; lyc__vector_level(level_) != NULL; level_++)                                     \
        for (const lyc__vectors *v = lyc__vector_level(level_); v != NULL && v->runs_here(); v = NULL)

static void the_best_level_is_chosen(void **state) {
    (void)state;
    size_t first = 0;
    while (!lyc__vector_level(first)->runs_here()) first++;
    assert_ptr_equal(lyc__vector(), lyc__vector_level(first));
    assert_string_equal(lyc_vector_level(), lyc__vector()->name);
    size_t last = 0;
    while (lyc__vector_level(last + 1) != NULL) last++;
    assert_string_equal(lyc__vector_level(last)->name, "baseline");
    assert_true(lyc__vector_level(last)->runs_here());
}

/* ---- element by element ----------------------------------------------------------------------- */

/* Errors in units in the last place of the result. */
static void check_function(const char *what, void (*fast)(const float *, size_t, float *),
                           double (*exact)(double), double low, double high) {
    float x[MOST], y[MOST + GUARD];
    for (size_t count = 0; count <= MOST; count += count < 35 ? 1 : 7) {
        fill_random(x, MOST, low, high, (uint32_t)count);
        for (size_t i = 0; i < MOST + GUARD; i++) y[i] = canary;
        fast(x, count, y);
        for (size_t i = 0; i < count; i++) {
            const double expected = exact((double)x[i]);
            const double unit = fmax(fabs(expected) * 1.2e-7, 1e-44);
            if (fabs((double)y[i] - expected) > 1.01 * unit)
                fail_msg("%s(%.9g) = %.9g, not %.9g", what, (double)x[i], (double)y[i], expected);
        }
        for (size_t i = count; i < MOST + GUARD; i++) assert_true(y[i] == canary);
    }
}

static double rectify(double x) {
    return x > 0 ? x : 0;
}

static void functions(void **state) {
    (void)state;
    FOR_EACH_LEVEL(v) {
        check_function("exp", v->exp, exp, -80, 80);
        check_function("log", v->log, log, 1e-30, 100);
        check_function("tanh", v->tanh, tanh, -10, 10);
        check_function("erf", v->erf, erf, -5, 5);
        check_function("relu", v->relu, rectify, -1, 1);
    }
}

static void limits_of_functions(void **state) {
    (void)state;
    const float x[] = {-INFINITY, INFINITY, NAN, 0.0F, -1e30F};
    float y[5];
    FOR_EACH_LEVEL(v) {
        v->exp(x, 5, y);
        assert_true(y[0] == 0 && y[1] == INFINITY && isnan(y[2]) && y[3] == 1 && y[4] == 0);
        v->log(x, 5, y);
        assert_true(isnan(y[0]) && y[1] == INFINITY && isnan(y[2]) && y[3] == -INFINITY && isnan(y[4]));
        v->relu(x, 5, y);
        assert_true(y[0] == 0 && y[1] == INFINITY && isnan(y[2]) && y[3] == 0 && y[4] == 0);
    }
}

static void sums(void **state) {
    (void)state;
    float a[MOST], b[MOST], c[MOST + GUARD];
    fill_random(a, MOST, -1, 1, 1);
    fill_random(b, MOST, -1, 1, 2);
    FOR_EACH_LEVEL(v) {
        for (size_t count = 0; count <= MOST; count++) {
            for (size_t i = 0; i < MOST + GUARD; i++) c[i] = canary;
            v->add(a, b, count, c);
            for (size_t i = 0; i < count; i++) assert_true(c[i] == a[i] + b[i]);
            v->relu_backward(a, b, count, c);
            for (size_t i = 0; i < count; i++) assert_true(c[i] == (a[i] > 0 ? b[i] : 0));
            for (size_t i = count; i < MOST + GUARD; i++) assert_true(c[i] == canary);
        }
    }
}

/* One multiplication and one addition, each rounded, whatever the level. */
static void scaling(void **state) {
    (void)state;
    float x[MOST], y[MOST + GUARD];
    uint8_t bytes[MOST];
    fill_random(x, MOST, -3, 3, 5);
    for (size_t i = 0; i < MOST; i++) bytes[i] = (uint8_t)(255 - i);
    FOR_EACH_LEVEL(v) {
        for (size_t count = 0; count <= MOST; count++)
            for (int kind = 0; kind < 2; kind++) {
                for (size_t i = 0; i < MOST + GUARD; i++) y[i] = canary;
                if (kind == 0) v->scale(x, count, 0.1F, -0.7F, y);
                else v->scale_bytes(bytes, count, 0.1F, -0.7F, y);
                for (size_t i = 0; i < count; i++) {
                    const float product = (kind == 0 ? x[i] : (float)bytes[i]) * 0.1F;
                    assert_true(y[i] == product + -0.7F);
                }
                for (size_t i = count; i < MOST + GUARD; i++) assert_true(y[i] == canary);
            }
    }
}

static void what_is_not_finite_is_found_anywhere(void **state) {
    (void)state;
    const float bad[] = {INFINITY, -INFINITY, NAN};
    float x[MOST + 1];
    fill_random(x, MOST + 1, -1e38, 1e38, 6);
    FOR_EACH_LEVEL(v) {
        for (size_t count = 0; count <= MOST; count++) {
            const float last = x[count], found = bad[count % 3];
            x[count] = found; /* just outside */
            assert_true(v->all_finite(x, count));
            if (count > 0) {
                const size_t at = count / 2;
                const float former = x[at];
                x[at] = found;
                assert_false(v->all_finite(x, count));
                x[at] = former;
            }
            x[count] = last;
        }
        for (size_t at = 0; at < MOST; at++) {
            const float former = x[at];
            x[at] = bad[at % 3];
            assert_false(v->all_finite(x, MOST));
            x[at] = former;
        }
    }
}

static void check_columns(const lyc__vectors *v, size_t rows, size_t columns, bool relu) {
    float *x = harness_floats(rows * columns + GUARD), *y = harness_floats(rows * columns + GUARD);
    float bias[64], sum[64 + GUARD];
    fill_random(x, rows * columns + GUARD, -1, 1, 3);
    memcpy(y, x, (rows * columns + GUARD) * sizeof *x);
    fill_random(bias, 64, -1, 1, 4);
    v->add_bias(y, bias, rows, columns, relu);
    for (size_t i = 0; i < rows * columns; i++) {
        const float expected = x[i] + bias[i % columns];
        assert_true(y[i] == (relu && !(expected > 0) ? 0 : expected));
    }
    assert_memory_equal(y + rows * columns, x + rows * columns, GUARD * sizeof *x);
    for (size_t i = 0; i < 64 + GUARD; i++) sum[i] = canary;
    v->column_sums(x, rows, columns, sum);
    for (size_t c = 0; c < columns; c++) {
        double expected = 0;
        for (size_t r = 0; r < rows; r++) expected += (double)x[r * columns + c];
        assert_true(fabs((double)sum[c] - expected) <= 1e-5 * (1 + sqrt((double)rows)));
    }
    for (size_t i = columns; i < 64 + GUARD; i++) assert_true(sum[i] == canary);
    lyc_free(x);
    lyc_free(y);
}

static void biases_and_column_sums(void **state) {
    (void)state;
    const size_t rows[] = {1, 2, 15, 16, 17, 63, 64, 65, 200},
                 columns[] = {1, 2, 3, 6, 7, 8, 10, 15, 16, 17, 33, 48};
    FOR_EACH_LEVEL(v) {
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            for (size_t j = 0; j < sizeof columns / sizeof *columns; j++) {
                check_columns(v, rows[i], columns[j], false);
                check_columns(v, rows[i], columns[j], true);
            }
    }
}

/* ---- levels among each other ------------------------------------------------------------------ */

static const lyc__vectors *baseline(void) {
    return lyc__vectors_baseline;
}

static void losses_agree(void **state) {
    (void)state;
    const size_t sizes[][2] = {{1, 1}, {1, 2}, {3, 10}, {16, 10}, {17, 10}, {5, 64}, {6, 65}, {2, 300}};
    float x[1200], p[1200], a[1200], b[1200], loss_a[32], loss_b[32];
    int32_t labels[32];
    FOR_EACH_LEVEL(v) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            const size_t rows = sizes[i][0], classes = sizes[i][1], count = rows * classes;
            fill_random(x, count, -9, 9, 1);
            fill_random(p, count, -2, 2, 2);
            baseline()->softmax(p, 1, rows, classes, false, p);
            for (size_t r = 0; r < rows; r++) labels[r] = r == 1 ? -1 : (int32_t)(r * 5 % classes);
            for (int log = 0; log < 2; log++) {
                v->softmax(x, 1.5F, rows, classes, log == 1, a);
                baseline()->softmax(x, 1.5F, rows, classes, log == 1, b);
                assert_close("softmax", a, b, count, 1e-6);
            }
            fill_random(a, count, -1, 1, 3);
            memcpy(b, a, count * sizeof *a);
            v->cross_entropy(x, labels, 0.25F, rows, classes, loss_a, a);
            baseline()->cross_entropy(x, labels, 0.25F, rows, classes, loss_b, b);
            assert_close("cross-entropy", loss_a, loss_b, rows, 1e-6);
            assert_close("its gradient", a, b, count, 1e-6);
            v->kl(x, p, 3, 0.5F, rows, classes, loss_a, a);
            baseline()->kl(x, p, 3, 0.5F, rows, classes, loss_b, b);
            if (classes > 1) assert_close("divergence", loss_a, loss_b, rows, 1e-5);
            assert_close("its gradient", a, b, count, 1e-5);
        }
    }
}

/* A row's bits must not depend on its neighbours. */
static void rows_are_independent(void **state) {
    (void)state;
    float x[21 * 70], together[21 * 70], alone[70];
    fill_random(x, 21 * 70, -5, 5, 1);
    FOR_EACH_LEVEL(v) {
        for (size_t classes = 5; classes <= 70; classes += 65) {
            v->softmax(x, 2, 21, classes, false, together);
            for (size_t r = 0; r < 21; r++) {
                v->softmax(x + r * classes, 2, 1, classes, false, alone);
                assert_memory_equal(alone, together + r * classes, classes * sizeof(float));
            }
        }
    }
}

static void optimisers_agree(void **state) {
    (void)state;
    float params[2][MOST], moments[2][2][MOST], gradient[MOST];
    const lyc__adam step = {0.25F, 0.9F, 0.99F, 1e-6F, 0.1F, 0.01F, 0.05F, 0.98F, 0.03F, 0.5F};
    fill_random(gradient, MOST, -1, 1, 1);
    FOR_EACH_LEVEL(v) {
        for (size_t count = 1; count <= MOST; count += 11)
            for (int kind = 0; kind < 4; kind++) {
                const lyc__sgd sgd = {0.1F, 0.9F, 0.01F, 0.25F, kind == 2};
                for (int i = 0; i < 2; i++) {
                    fill_random(params[i], MOST, -1, 1, 2);
                    fill_random(moments[i][0], MOST, 0, 1, 3);
                    fill_random(moments[i][1], MOST, 0, 1, 4);
                    const lyc__vectors *level = i == 0 ? v : baseline();
                    float *velocity = kind > 0 ? moments[i][0] : NULL;
                    if (kind < 3) level->sgd(params[i], gradient, velocity, count, &sgd);
                    else level->adam(params[i], gradient, moments[i][0], moments[i][1], count, &step);
                }
                assert_memory_equal(params[0], params[1], sizeof params[0]);
                assert_memory_equal(moments[0], moments[1], sizeof moments[0]);
            }
    }
}

static const lyc__window windows[] = {
    {8, 8, 1, 8, 8, {5, 5}, {1, 1}, {2, 2}},   {9, 7, 6, 5, 3, {5, 5}, {1, 1}, {0, 0}},
    {6, 40, 3, 6, 40, {3, 3}, {1, 1}, {1, 1}}, {7, 9, 17, 4, 5, {3, 3}, {2, 2}, {1, 1}},
    {5, 20, 2, 3, 20, {3, 3}, {2, 1}, {1, 1}}, {4, 6, 33, 2, 3, {2, 2}, {2, 2}, {0, 0}},
    {6, 5, 16, 6, 5, {3, 3}, {1, 1}, {1, 1}},  {12, 14, 6, 8, 10, {5, 5}, {1, 1}, {0, 0}},
};

/* Exact: these only move numbers and add a few of them in the same order. */
static void windows_agree(void **state) {
    (void)state;
    enum { MATRIX = 8 * 64 * 32 * 9 };
    float *image = harness_floats(8192), *scratch = harness_floats(16384), *a = harness_floats(MATRIX),
          *b = harness_floats(MATRIX);
    uint8_t *which_a = lyc_calloc(8192, 1), *which_b = lyc_calloc(8192, 1);
    assert_true(which_a != NULL && which_b != NULL);
    FOR_EACH_LEVEL(v) {
        for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
            const lyc__window *w = &windows[i];
            const size_t size = w->height * w->width * w->channels;
            const size_t matrix = w->out_height * w->out_width * w->kernel[0] * w->kernel[1] * w->channels;
            fill_random(image, size, -1, 1, 1);
            v->patches(w, image, scratch, a);
            baseline()->patches(w, image, scratch, b);
            assert_memory_equal(a, b, matrix * sizeof *a);
            v->unpatch(w, a, scratch, a + matrix);
            baseline()->unpatch(w, b, scratch, b + matrix);
            assert_memory_equal(a + matrix, b + matrix, size * sizeof *a);
            if (w->stride[1] == 1) {
                v->planes(w, image, scratch, a);
                baseline()->planes(w, image, scratch, b);
                assert_memory_equal(a, b, matrix * sizeof *a);
                v->unplane(w, a, scratch, a + matrix);
                baseline()->unplane(w, b, scratch, b + matrix);
                assert_memory_equal(a + matrix, b + matrix, size * sizeof *a);
            }
            const size_t out = w->out_height * w->out_width * w->channels;
            v->max_pool(w, image, a, which_a);
            baseline()->max_pool(w, image, b, which_b);
            assert_memory_equal(a, b, out * sizeof *a);
            assert_memory_equal(which_a, which_b, out);
            v->max_pool_backward(w, a, which_a, a + out);
            baseline()->max_pool_backward(w, b, which_b, b + out);
            assert_memory_equal(a + out, b + out, size * sizeof *a);
        }
    }
    lyc_free(image);
    lyc_free(scratch);
    lyc_free(a);
    lyc_free(b);
    lyc_free(which_a);
    lyc_free(which_b);
}

/* What output pixel after output pixel gives, in double precision; out of the image it is lost. */
static void spread_plainly(const lyc__window *w, size_t outputs, const float *weights, const float *d_out,
                           double *image) {
    const size_t run = w->kernel[1] * w->channels;
    for (size_t p = 0; p < w->out_height; p++)
        for (size_t q = 0; q < w->out_width; q++, d_out += outputs)
            for (size_t i = 0; i < w->kernel[0]; i++)
                for (size_t j = 0; j < run; j++) {
                    const size_t y = p * w->stride[0] + i, x = q * w->stride[1] + j / w->channels;
                    if (y < w->padding[0] || y >= w->height + w->padding[0]) continue;
                    if (x < w->padding[1] || x >= w->width + w->padding[1]) continue;
                    double *to = image + ((y - w->padding[0]) * w->width + x - w->padding[1]) * w->channels;
                    for (size_t o = 0; o < outputs; o++)
                        to[j % w->channels] +=
                            (double)d_out[o] * (double)weights[(i * outputs + o) * lyc__spread_run(w) + j];
                }
}

static void spreading(void **state) {
    (void)state;
    enum { OUTPUTS = 17 }; /* whole vectors of every level, and one more */
    float *weights = harness_floats(16384), *d_out = harness_floats(16384), *scratch = harness_floats(16384),
          *image = harness_floats(8192);
    double *expected = lyc_calloc(8192, sizeof *expected);
    fill_random(weights, 16384, -1, 1, 1);
    fill_random(d_out, 16384, -1, 1, 2);
    for (size_t j = 0; j < 16384; j++)
        if (j % 7 < 4) d_out[j] = 0; /* as behind a pooling */
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        const lyc__window *w = &windows[i];
        const size_t size = w->height * w->width * w->channels;
        memset(expected, 0, size * sizeof *expected);
        spread_plainly(w, OUTPUTS, weights, d_out, expected);
        FOR_EACH_LEVEL(v) {
            for (size_t j = 0; j < size + GUARD; j++) image[j] = canary;
            v->spread(w, OUTPUTS, weights, d_out, scratch, image);
            for (size_t j = 0; j < size; j++)
                if (fabs((double)image[j] - expected[j]) > 2e-5)
                    fail_msg("%s, window %zu, value %zu: %g, not %g", v->name, i, j, (double)image[j],
                             expected[j]);
            for (size_t j = size; j < size + GUARD; j++) assert_true(image[j] == canary);
        }
    }
    lyc_free(weights);
    lyc_free(d_out);
    lyc_free(scratch);
    lyc_free(image);
    lyc_free(expected);
}

/* The two matrices of patches are each other's transpose. */
static void planes_are_transposed_patches(void **state) {
    (void)state;
    float *image = harness_floats(8192), *scratch = harness_floats(16384), *a = harness_floats(65536),
          *b = harness_floats(65536);
    fill_random(image, 8192, -1, 1, 1);
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        const lyc__window *w = &windows[i];
        if (w->stride[1] != 1) continue;
        lyc__vector()->patches(w, image, scratch, a);
        lyc__vector()->planes(w, image, scratch, b);
        const size_t pixels = w->out_height * w->out_width, taps = w->kernel[0] * w->kernel[1] * w->channels;
        for (size_t p = 0; p < pixels; p++)
            for (size_t t = 0; t < taps; t++) assert_true(a[p * taps + t] == b[t * pixels + p]);
    }
    lyc_free(image);
    lyc_free(scratch);
    lyc_free(a);
    lyc_free(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_level_is_chosen),
        cmocka_unit_test(functions),
        cmocka_unit_test(limits_of_functions),
        cmocka_unit_test(sums),
        cmocka_unit_test(scaling),
        cmocka_unit_test(what_is_not_finite_is_found_anywhere),
        cmocka_unit_test(biases_and_column_sums),
        cmocka_unit_test(losses_agree),
        cmocka_unit_test(rows_are_independent),
        cmocka_unit_test(optimisers_agree),
        cmocka_unit_test(windows_agree),
        cmocka_unit_test(spreading),
        cmocka_unit_test(planes_are_transposed_patches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

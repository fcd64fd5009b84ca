/* Convolutions of images with one channel: every level of vector code against loops in double precision. */
#include "harness.h"

#include "nn/convolution.h"

enum { ROWS = 2, GUARD = 16 };
static const float canary = -77777.0F;

typedef struct shape {
    size_t height, width, channels, outputs, kernel[2], padding[2];
    bool relu, without_bias;
} shape;

/* Fewer lines than a block, whole blocks and others; outputs that fill vectors and that do not. */
static const shape shapes[] = {
    {28, 28, 1, 6, {5, 5}, {2, 2}, true, false},  {32, 32, 1, 6, {5, 5}, {0, 0}, false, false},
    {9, 7, 1, 32, {3, 3}, {1, 1}, true, true},    {12, 10, 1, 16, {3, 3}, {1, 1}, false, true},
    {8, 8, 1, 20, {5, 3}, {2, 0}, true, false},   {7, 30, 1, 1, {3, 5}, {0, 3}, false, false},
    {4, 6, 1, 5, {5, 5}, {2, 2}, false, true},    {5, 40, 1, 8, {3, 1}, {1, 0}, true, false},
    {15, 5, 1, 48, {5, 2}, {4, 1}, false, false}, {3, 3, 1, 3, {3, 3}, {0, 0}, false, false},
    {10, 11, 1, 19, {3, 3}, {2, 2}, true, false},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void open_shape(harness *h, const shape *s) {
    lyc__attributes a = {
        .outputs = s->outputs, .without_bias = s->without_bias, .stride = {1, 1}, .dilation = {1, 1}};
    memcpy(a.kernel, s->kernel, sizeof a.kernel);
    memcpy(a.padding, s->padding, sizeof a.padding);
    const lyc__shape in = lyc__image(s->height, s->width, s->channels);
    harness_open(h, &lyc__op_conv2d, &a, &in, ROWS);
    fill_random(h->in[0], harness_in_count(h, 0), -1, 1, 1);
    fill_random(h->params, h->param_size, -1, 1, 2);
}

static double *doubles_of(const float *x, size_t count) {
    double *wide = lyc_calloc(count, sizeof *wide);
    assert_non_null(wide);
    for (size_t i = 0; i < count; i++) wide[i] = (double)x[i];
    return wide;
}

/* By the operator's own reference. */
static double *expected_of(const harness *h, bool relu) {
    const size_t count = harness_out_count(h);
    double *images = doubles_of(h->in[0], harness_in_count(h, 0)),
           *params = doubles_of(h->params, h->param_size), *expected = doubles_of(h->out, count);
    lyc__reference call = {.node = &h->node, .rows = ROWS, .in = {images}, .out = expected};
    for (int i = 0; i < h->node.param_count; i++) call.param[i] = params + h->node.params[i].offset;
    lyc__op_conv2d.reference(&call);
    for (size_t i = 0; i < count && relu; i++) expected[i] = fmax(expected[i], 0);
    lyc_free(images);
    lyc_free(params);
    return expected;
}

static void compare(const lyc__vectors *level, harness *h, size_t index, const double *expected) {
    const size_t count = harness_out_count(h);
    float *out = harness_floats(count + GUARD),
          *scratch = harness_floats(lyc__convolution_thin_floats(&h->node));
    for (size_t i = 0; i < count + GUARD; i++) out[i] = canary;
    for (size_t i = 0; i < lyc__convolution_thin_floats(&h->node); i++) scratch[i] = NAN;
    lyc__call call = harness_call(h);
    call.out.data = out;
    call.relu = shapes[index].relu;
    lyc__convolution_thin_at(level, &call, scratch);
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)out[i] - expected[i]) < 1e-5))
            fail_msg("%s, shape %zu, value %zu: %g, not %g", level->name, index, i, (double)out[i],
                     expected[i]);
    for (size_t i = count; i < count + GUARD; i++) assert_true(out[i] == canary);
    lyc_free(out);
    lyc_free(scratch);
}

static void every_level_convolves(void **state) {
    (void)state;
    for (size_t i = 0; i < SHAPES; i++) {
        harness h;
        open_shape(&h, &shapes[i]);
        assert_true(lyc__convolution_is_thin(&h.node));
        double *expected = expected_of(&h, shapes[i].relu);
        for (size_t l = 0; lyc__vector_level(l) != NULL; l++)
            if (lyc__vector_level(l)->runs_here()) compare(lyc__vector_level(l), &h, i, expected);
        lyc_free(expected);
        harness_close(&h);
    }
}

/* What is not a number stays none behind the ReLU: it must reach whoever checks. */
static void a_nan_stays_a_nan(void **state) {
    (void)state;
    for (size_t i = 0; i < SHAPES; i++)
        for (size_t l = 0; lyc__vector_level(l) != NULL; l++) {
            if (!lyc__vector_level(l)->runs_here()) continue;
            harness h;
            open_shape(&h, &shapes[i]);
            const size_t outputs = h.node.out.dims[2], count = harness_out_count(&h);
            float *scratch = harness_floats(lyc__convolution_thin_floats(&h.node));
            for (size_t t = 0; t < h.node.params[0].size; t += outputs) h.params[t] = NAN;
            lyc__call call = harness_call(&h);
            call.relu = true;
            lyc__convolution_thin_at(lyc__vector_level(l), &call, scratch);
            for (size_t k = 0; k < count; k++) assert_true((isnan(h.out[k]) != 0) == (k % outputs == 0));
            lyc_free(scratch);
            harness_close(&h);
        }
}

/* The gradient of the weights in double precision, tap by tap. */
static double *gradient_of(const harness *h) {
    const lyc__window *w = &h->node.window;
    const size_t outputs = h->node.out.dims[2];
    double *gradient = lyc_calloc(h->node.params[0].size, sizeof *gradient);
    assert_non_null(gradient);
    const float *d = h->d_out;
    for (size_t r = 0; r < ROWS; r++)
        for (size_t p = 0; p < w->out_height; p++)
            for (size_t q = 0; q < w->out_width; q++, d += outputs)
                for (size_t tap = 0; tap < w->kernel[0] * w->kernel[1]; tap++) {
                    size_t pixel = 0;
                    if (!lyc__tap_meets(&h->node, p, q, tap / w->kernel[1], tap % w->kernel[1], &pixel))
                        continue;
                    const double x = (double)h->in[0][r * w->height * w->width + pixel];
                    for (size_t o = 0; o < outputs; o++) gradient[tap * outputs + o] += x * (double)d[o];
                }
    return gradient;
}

static void compare_gradient(const lyc__vectors *level, harness *h, size_t index, const double *expected) {
    const size_t count = h->node.params[0].size;
    float *gradient = harness_floats(count + GUARD),
          *scratch = harness_floats(lyc__convolution_thin_floats(&h->node));
    for (size_t i = 0; i < count + GUARD; i++) gradient[i] = canary;
    for (size_t i = 0; i < lyc__convolution_thin_floats(&h->node); i++) scratch[i] = NAN;
    lyc__call call = harness_call(h);
    call.d_param[0] = gradient;
    lyc__convolution_thin_weights_at(level, &call, scratch);
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)gradient[i] - expected[i]) < 5e-5))
            fail_msg("%s, shape %zu, weight %zu: %g, not %g", level->name, index, i, (double)gradient[i],
                     expected[i]);
    for (size_t i = count; i < count + GUARD; i++) assert_true(gradient[i] == canary);
    lyc_free(gradient);
    lyc_free(scratch);
}

static void every_level_knows_the_gradient(void **state) {
    (void)state;
    for (size_t i = 0; i < SHAPES; i++) {
        harness h;
        open_shape(&h, &shapes[i]);
        fill_random(h.d_out, harness_out_count(&h), -1, 1, 3);
        double *expected = gradient_of(&h);
        for (size_t l = 0; lyc__vector_level(l) != NULL; l++)
            if (lyc__vector_level(l)->runs_here()) compare_gradient(lyc__vector_level(l), &h, i, expected);
        lyc_free(expected);
        harness_close(&h);
    }
}

/* What the kernel cannot do, or others do better. */
static void others_are_left_to_other_kernels(void **state) {
    (void)state;
    static const struct {
        shape shape;
        size_t stride[2], dilation[2];
    } others[] = {
        {{9, 9, 2, 8, {3, 3}, {1, 1}, false, false}, {1, 1}, {1, 1}},
        {{9, 9, 1, 8, {4, 3}, {1, 1}, false, false}, {1, 1}, {1, 1}},
        {{9, 9, 1, 8, {3, 3}, {1, 1}, false, false}, {2, 1}, {1, 1}},
        {{9, 9, 1, 8, {3, 3}, {1, 1}, false, false}, {1, 2}, {1, 1}},
        {{9, 9, 1, 8, {3, 3}, {1, 1}, false, false}, {1, 1}, {2, 1}},
        {{9, 9, 1, 8, {3, 3}, {1, 1}, false, false}, {1, 1}, {1, 2}},
        {{224, 224, 1, 8, {3, 3}, {1, 1}, false, false}, {1, 1}, {1, 1}},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const shape *s = &others[i].shape;
        lyc__attributes a = {.outputs = s->outputs};
        memcpy(a.kernel, s->kernel, sizeof a.kernel);
        memcpy(a.padding, s->padding, sizeof a.padding);
        memcpy(a.stride, others[i].stride, sizeof a.stride);
        memcpy(a.dilation, others[i].dilation, sizeof a.dilation);
        const lyc__shape in = lyc__image(s->height, s->width, s->channels);
        harness h;
        lyc_error err = {0};
        assert_int_equal(harness_infer(&h, &lyc__op_conv2d, &a, &in, &err), LYC_OK);
        assert_false(lyc__convolution_is_thin(&h.node));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_level_convolves),
        cmocka_unit_test(a_nan_stays_a_nan),
        cmocka_unit_test(every_level_knows_the_gradient),
        cmocka_unit_test(others_are_left_to_other_kernels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

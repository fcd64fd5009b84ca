/* Convolution, ReLU and pooling in one: every level of vector code against the three one after the other, and
 * what is made into one. */
#include "harness.h"

#include "nn/convolution.h"

enum { ROWS = 3, GUARD = 16 };
static const float canary = -77777.0F;

typedef struct shape {
    size_t height, width, outputs, kernel, padding[2];
    bool without_bias;
} shape;

/* Tiles that fill vectors and that do not; borders that begin with an even and with an odd column; more
 * outputs than are computed together, fewer, and both. */
static const shape shapes[] = {
    {28, 28, 6, 5, {2, 2}, false}, {32, 32, 6, 5, {0, 0}, false}, {8, 64, 7, 3, {1, 1}, true},
    {6, 10, 1, 3, {2, 1}, false},  {10, 12, 13, 5, {1, 0}, true}, {4, 38, 2, 3, {1, 2}, false},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static lyc__attributes attributes_of(const shape *s) {
    return (lyc__attributes){.outputs = s->outputs,
                             .without_bias = s->without_bias,
                             .kernel = {s->kernel, s->kernel},
                             .padding = {s->padding[0], s->padding[1]},
                             .stride = {1, 1},
                             .dilation = {1, 1}};
}

/* The same layer as one operator and as a chain of three. */
typedef struct layers {
    harness one, conv, pool;
} layers;

static void open_layers(layers *l, const shape *s) {
    const lyc__attributes attributes = attributes_of(s), tiles = {.kernel = {2, 2}, .stride = {2, 2}};
    const lyc__shape in = lyc__image(s->height, s->width, 1);
    harness_open(&l->one, &lyc__op_conv2d_pool, &attributes, &in, ROWS);
    harness_open(&l->conv, &lyc__op_conv2d, &attributes, &in, ROWS);
    harness_open(&l->pool, &lyc__op_max_pool, &tiles, &l->conv.node.out, ROWS);
    fill_random(l->one.in[0], harness_in_count(&l->one, 0), -1, 1, 1);
    fill_random(l->one.params, l->one.param_size, -1, 1, 2);
    fill_random(l->one.d_out, harness_out_count(&l->one), -1, 1, 3);
}

static void close_layers(layers *l) {
    harness_close(&l->one);
    harness_close(&l->conv);
    harness_close(&l->pool);
}

/* Forward and backward by the three. */
static void run_chain(layers *l) {
    const size_t pixels = harness_out_count(&l->conv);
    memcpy(l->conv.in[0], l->one.in[0], harness_in_count(&l->one, 0) * sizeof(float));
    memcpy(l->conv.params, l->one.params, l->one.param_size * sizeof(float));
    memcpy(l->pool.d_out, l->one.d_out, harness_out_count(&l->one) * sizeof(float));
    lyc__call conv = harness_call(&l->conv), pool = harness_call(&l->pool);
    l->conv.node.op->forward(&conv);
    lyc__vector()->relu(l->conv.out, pixels, l->pool.in[0]);
    l->pool.node.op->forward(&pool);
    l->pool.node.op->backward(&pool);
    lyc__vector()->relu_backward(l->pool.in[0], l->pool.d_in[0], pixels, l->conv.d_out);
    l->conv.node.op->backward(&conv);
}

static void assert_near(const char *what, const lyc__vectors *level, size_t index, const float *found,
                        const float *expected, size_t count, double tolerance) {
    for (size_t i = 0; i < count; i++)
        if (!(fabs((double)found[i] - (double)expected[i]) < tolerance))
            fail_msg("%s, shape %zu, %s %zu: %g, not %g", level->name, index, what, i, (double)found[i],
                     (double)expected[i]);
    for (size_t i = count; i < count + GUARD; i++) assert_true(found[i] == canary);
}

static void check_level(const lyc__vectors *level, layers *l, size_t index) {
    harness *h = &l->one;
    const size_t outs = harness_out_count(h), weights = h->param_size;
    float *out = harness_floats(outs + GUARD), *gradient = harness_floats(weights + GUARD);
    for (size_t i = 0; i < outs + GUARD; i++) out[i] = canary;
    for (size_t i = 0; i < weights + GUARD; i++) gradient[i] = canary;
    const size_t scratch = h->node.op->scratch_floats(&h->node, ROWS);
    for (size_t i = 0; i < scratch; i++) h->scratch[i] = NAN;
    lyc__call call = harness_call(h);
    call.out.data = out;
    lyc__conv2d_pool_at(level, &call, h->scratch);
    assert_near("value", level, index, out, l->pool.out, outs, 1e-5);
    for (int i = 0; i < h->node.param_count; i++) call.d_param[i] = gradient + h->node.params[i].offset;
    for (size_t i = 0; i < scratch; i++) h->scratch[i] = NAN;
    lyc__conv2d_pool_gradient_at(level, &call, h->scratch);
    assert_near("gradient", level, index, gradient, l->conv.d_params, weights, 5e-5);
    lyc_free(out);
    lyc_free(gradient);
}

static void equals_the_three(void **state) {
    (void)state;
    for (size_t i = 0; i < SHAPES; i++) {
        layers l;
        open_layers(&l, &shapes[i]);
        run_chain(&l);
        for (size_t v = 0; lyc__vector_level(v) != NULL; v++)
            if (lyc__vector_level(v)->runs_here()) check_level(lyc__vector_level(v), &l, i);
        close_layers(&l);
    }
}

/* Of equal pixels the first has the gradient, and where nothing is above 0 there is none: an image with one
 * bright pixel is what tells the taps apart. */
static void equals_are_the_firsts(void **state) {
    (void)state;
    const shape s = {28, 28, 6, 5, {2, 2}, false};
    for (size_t v = 0; lyc__vector_level(v) != NULL; v++) {
        if (!lyc__vector_level(v)->runs_here()) continue;
        layers l;
        open_layers(&l, &s);
        memset(l.one.in[0], 0, harness_in_count(&l.one, 0) * sizeof(float));
        l.one.in[0][14 * 28 + 14] = 1;
        for (size_t i = 0; i < l.one.param_size; i++) l.one.params[i] = 0;
        float *bias = l.one.params + l.one.node.params[1].offset;
        for (size_t o = 0; o < 6; o++) bias[o] = (float)o - 2;
        run_chain(&l);
        check_level(lyc__vector_level(v), &l, SHAPES);
        for (size_t o = 0; o < 6; o++)
            assert_true((l.conv.d_params[l.conv.node.params[1].offset + o] != 0) == (o > 2));
        close_layers(&l);
    }
}

/* What is not a number stays none behind the ReLU: it must reach whoever checks. */
static void a_nan_stays_a_nan(void **state) {
    (void)state;
    for (size_t v = 0; lyc__vector_level(v) != NULL; v++) {
        if (!lyc__vector_level(v)->runs_here()) continue;
        layers l;
        open_layers(&l, &shapes[0]);
        harness *h = &l.one;
        const size_t outputs = shapes[0].outputs, count = harness_out_count(h);
        for (size_t t = 0; t < h->node.params[0].size; t += outputs) h->params[t] = NAN;
        lyc__call call = harness_call(h);
        lyc__conv2d_pool_at(lyc__vector_level(v), &call, h->scratch);
        for (size_t i = 0; i < count; i++) assert_true((isnan(h->out[i]) != 0) == (i % outputs == 0));
        close_layers(&l);
    }
}

/* ---- what is made into one ---------------------------------------------------------------------------- */

static void refuses_what_it_cannot(void **state) {
    (void)state;
    static const struct {
        size_t height, width, channels, kernel, stride;
    } others[] = {{8, 8, 2, 3, 1}, {8, 8, 1, 4, 1}, {8, 8, 1, 3, 2}, {7, 8, 1, 3, 1}, {8, 7, 1, 3, 1}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const lyc__attributes a = {.outputs = 4,
                                   .kernel = {others[i].kernel, others[i].kernel},
                                   .padding = {1, 1},
                                   .stride = {others[i].stride, others[i].stride},
                                   .dilation = {1, 1}};
        const lyc__shape in = lyc__image(others[i].height, others[i].width, others[i].channels);
        harness h;
        lyc_error err = {0};
        assert_int_equal(harness_infer(&h, &lyc__op_conv2d_pool, &a, &in, &err), LYC_ECONFIG);
        assert_non_null(strstr(err.message, "images with one channel"));
    }
}

static bool pools(size_t side, size_t window, size_t stride, size_t padding) {
    const shape s = {side, side, 6, 5, {2, 2}, false};
    const lyc__attributes attributes = attributes_of(&s), tiles = {.kernel = {window, window},
                                                                   .stride = {stride, stride},
                                                                   .padding = {padding, padding}};
    const lyc__shape in = lyc__image(side, side, 1);
    harness conv, pool;
    lyc_error err = {0};
    assert_int_equal(harness_infer(&conv, &lyc__op_conv2d, &attributes, &in, &err), LYC_OK);
    assert_int_equal(harness_infer(&pool, &lyc__op_max_pool, &tiles, &conv.node.out, &err), LYC_OK);
    return lyc__convolution_pools(&conv.node, &pool.node);
}

static void pools_tiles_of_two_by_two(void **state) {
    (void)state;
    assert_true(pools(28, 2, 2, 0));
    assert_false(pools(27, 2, 2, 0));
    assert_false(pools(28, 2, 1, 0));
    assert_false(pools(28, 3, 2, 0));
    assert_false(pools(28, 2, 2, 1));
    assert_false(pools(2, 2, 2, 0)); /* one tile a vector */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_the_three),
        cmocka_unit_test(equals_are_the_firsts),
        cmocka_unit_test(a_nan_stays_a_nan),
        cmocka_unit_test(refuses_what_it_cannot),
        cmocka_unit_test(pools_tiles_of_two_by_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

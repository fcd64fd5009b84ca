/* Convolutions of 3 x 3 by Winograd's algorithm: every level of vector code against loops in double
 * precision, and who takes them. */
#include "harness.h"

#include "nn/frozen.h"

enum { GUARD = 16 };
static const float canary = -77777.0F;

/* Channels and outputs in vectors of the level at hand. */
typedef struct shape {
    size_t rows, height, width, channels, outputs, padding[2];
    bool relu, adds;
} shape;

/* Tiles that are cut off below, at the right, not at all; fewer of them than are in work at a time, and more;
 * one vector of outputs, a pair, a pair and one. */
static const shape shapes[] = {
    {2, 8, 8, 1, 2, {1, 1}, true, false},    {1, 6, 7, 2, 1, {1, 1}, false, true},
    {5, 14, 14, 1, 3, {1, 1}, true, true},   {3, 7, 7, 9, 2, {1, 1}, false, false},
    {17, 9, 10, 1, 1, {0, 0}, false, false}, {2, 5, 4, 3, 4, {2, 1}, true, true},
    {1, 3, 3, 1, 1, {0, 0}, true, false},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

typedef struct layer {
    lyc__window window;
    size_t rows, outputs, in, out; /* floats of an image */
    float *images, *weights, *bias, *residual, *packed, *scratch;
    bool relu;
} layer;

static void open_layer(layer *l, const shape *s, size_t lanes) {
    const size_t *p = s->padding;
    *l = (layer){.rows = s->rows, .outputs = s->outputs * lanes, .relu = s->relu};
    l->window = (lyc__window){.height = s->height,
                              .width = s->width,
                              .channels = s->channels * lanes,
                              .out_height = s->height + 2 * p[0] - 2,
                              .out_width = s->width + 2 * p[1] - 2,
                              .kernel = {3, 3},
                              .stride = {1, 1},
                              .padding = {p[0], p[1]}};
    l->in = s->height * s->width * l->window.channels;
    l->out = l->window.out_height * l->window.out_width * l->outputs;
    const size_t weights = 9 * l->window.channels * l->outputs;
    l->images = harness_floats(l->rows * l->in);
    l->weights = harness_floats(weights);
    l->bias = harness_floats(l->outputs);
    l->residual = s->adds ? harness_floats(l->rows * l->out) : NULL;
    l->packed = harness_floats(4 * weights);
    l->scratch = harness_floats(lyc__winograd_scratch(&l->window, lanes));
    const float bound = (float)(1 / sqrt(9 * (double)l->window.channels));
    fill_random(l->images, l->rows * l->in, -1, 1, 1);
    fill_random(l->weights, weights, -bound, bound, 2);
    fill_random(l->bias, l->outputs, -1, 1, 3);
    if (s->adds) fill_random(l->residual, l->rows * l->out, -1, 1, 4);
    lyc__winograd_weights(&l->window, l->outputs, lanes, l->weights, l->packed);
}

static void close_layer(layer *l) {
    lyc_free(l->images);
    lyc_free(l->weights);
    lyc_free(l->bias);
    lyc_free(l->residual);
    lyc_free(l->packed);
    lyc_free(l->scratch);
}

/* Of images first .. first + rows - 1. */
static void compute(const lyc__vectors *level, const layer *l, size_t first, size_t rows,
                    const float *residual, float *out) {
    const lyc__winograd given = {l->outputs, l->packed, l->bias, residual, l->relu};
    for (size_t i = 0; i < lyc__winograd_scratch(&l->window, level->lanes); i++) l->scratch[i] = NAN;
    level->winograd(&l->window, &given, rows, l->images + first * l->in, l->scratch, out);
}

static double expected_at(const layer *l, size_t image, size_t p, size_t q, size_t o) {
    const lyc__window *w = &l->window;
    double sum = (double)l->bias[o];
    for (size_t tap = 0; tap < 9; tap++) {
        const size_t y = p + tap / 3 - w->padding[0], x = q + tap % 3 - w->padding[1];
        if (y >= w->height || x >= w->width) continue;
        const float *pixel = l->images + image * l->in + (y * w->width + x) * w->channels;
        for (size_t c = 0; c < w->channels; c++)
            sum += (double)pixel[c] * (double)l->weights[(tap * w->channels + c) * l->outputs + o];
    }
    const size_t at = image * l->out + (p * w->out_width + q) * l->outputs + o;
    if (l->residual != NULL) sum += (double)l->residual[at];
    return l->relu ? fmax(sum, 0) : sum;
}

static void compare(const char *level, size_t index, const layer *l, const float *out) {
    const lyc__window *w = &l->window;
    for (size_t r = 0; r < l->rows; r++)
        for (size_t p = 0; p < w->out_height; p++)
            for (size_t q = 0; q < w->out_width; q++)
                for (size_t o = 0; o < l->outputs; o++, out++) {
                    const double expected = expected_at(l, r, p, q, o);
                    if (!(fabs((double)*out - expected) < 1e-5))
                        fail_msg("%s, shape %zu, image %zu, (%zu, %zu), output %zu: %g, not %g", level, index,
                                 r, p, q, o, (double)*out, expected);
                }
    for (size_t i = 0; i < GUARD; i++) assert_true(out[i] == canary);
}

/* Into memory of its own, over the residual, and image by image: the same bits. */
static void check_level(const lyc__vectors *level, size_t index) {
    layer l;
    open_layer(&l, &shapes[index], level->lanes);
    const size_t count = l.rows * l.out;
    float *out = harness_floats(count + GUARD), *other = harness_floats(count + GUARD);
    for (size_t i = 0; i < count + GUARD; i++) out[i] = canary;
    compute(level, &l, 0, l.rows, l.residual, out);
    compare(level->name, index, &l, out);
    if (l.residual != NULL) memcpy(other, l.residual, count * sizeof *other);
    compute(level, &l, 0, l.rows, l.residual != NULL ? other : NULL, other);
    assert_memory_equal(out, other, count * sizeof *out);
    for (size_t r = 0; r < l.rows; r++)
        compute(level, &l, r, 1, l.residual != NULL ? l.residual + r * l.out : NULL, other + r * l.out);
    assert_memory_equal(out, other, count * sizeof *out);
    lyc_free(out);
    lyc_free(other);
    close_layer(&l);
}

static void every_level_convolves(void **state) {
    (void)state;
    for (size_t i = 0; i < SHAPES; i++)
        for (size_t v = 0; lyc__vector_level(v) != NULL; v++)
            if (lyc__vector_level(v)->runs_here()) check_level(lyc__vector_level(v), i);
}

/* What is not a number stays none behind the ReLU: it must reach whoever checks. */
static void a_nan_stays_a_nan(void **state) {
    (void)state;
    for (size_t v = 0; lyc__vector_level(v) != NULL; v++) {
        const lyc__vectors *level = lyc__vector_level(v);
        if (!level->runs_here()) continue;
        layer l;
        open_layer(&l, &shapes[0], level->lanes);
        l.bias[0] = NAN;
        const size_t count = l.rows * l.out;
        float *out = harness_floats(count);
        compute(level, &l, 0, l.rows, l.residual, out);
        for (size_t i = 0; i < count; i++) assert_true((isnan(out[i]) != 0) == (i % l.outputs == 0));
        lyc_free(out);
        close_layer(&l);
    }
}

/* ---- who takes it ------------------------------------------------------------------------------------ */

static bool taken(size_t channels, size_t outputs, size_t side, size_t kernel, size_t stride,
                  lyc_precision precision) {
    lyc_error err = {0};
    lyc__node node = {.op = &lyc__op_frozen_conv2d, .name = "conv", .input_count = 1};
    node.attributes = (lyc__attributes){.outputs = outputs,
                                        .kernel = {kernel, kernel},
                                        .stride = {stride, stride},
                                        .padding = {kernel / 2, kernel / 2},
                                        .dilation = {1, 1}};
    node.in[0] = lyc__image(side, side, channels);
    assert_int_equal(node.op->infer(&node, &err), LYC_OK);
    return lyc__frozen_conv2d_winograd.takes(&node, precision);
}

static void takes_what_it_is_good_at(void **state) {
    (void)state;
    const size_t lanes = lyc__vector()->lanes;
    assert_true(taken(lanes, 2 * lanes, 8, 3, 1, LYC_PRECISION_F32) == (lanes >= 8));
    assert_true(taken(4 * lanes, lanes, 7, 3, 1, LYC_PRECISION_F32) == (lanes >= 8));
    assert_false(taken(lanes, lanes, 8, 3, 1, LYC_PRECISION_BF16));
    assert_false(taken(lanes, lanes, 8, 3, 2, LYC_PRECISION_F32));
    assert_false(taken(lanes, lanes, 8, 5, 1, LYC_PRECISION_F32));
    assert_false(taken(lanes + 1, lanes, 8, 3, 1, LYC_PRECISION_F32));
    assert_false(taken(lanes, lanes + 1, 8, 3, 1, LYC_PRECISION_F32));
    assert_false(taken(lanes, lanes, 5, 3, 1, LYC_PRECISION_F32)); /* four tiles for 25 pixels */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_level_convolves),
        cmocka_unit_test(a_nan_stays_a_nan),
        cmocka_unit_test(takes_what_it_is_good_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

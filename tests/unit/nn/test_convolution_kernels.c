/* oneDNN's convolution and the engine's own, side by side in one program. In a build without oneDNN there is
 * nothing to compare. */
#include "harness.h"

#include "nn/convolution.h"
#include "nn/versions.h"

enum { PIECE = 8 }; /* images that oneDNN is given at once */

typedef struct shape {
    size_t rows, height, width, channels, outputs, kernel[2], stride[2], padding[2], dilation[2], groups;
    bool without_bias;
} shape;

static const shape shapes[] = {
    /* the layers of LeNet-5 and ResNet, whole pieces and others */
    {8, 28, 28, 1, 6, {5, 5}, {1, 1}, {2, 2}, {1, 1}, 1, false},
    {11, 14, 14, 6, 16, {5, 5}, {1, 1}, {0, 0}, {1, 1}, 1, false},
    {8, 32, 32, 3, 16, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, true},
    {8, 16, 16, 16, 32, {3, 3}, {2, 2}, {1, 1}, {1, 1}, 1, true},
    {17, 8, 8, 64, 64, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, true},
    {9, 8, 8, 32, 64, {1, 1}, {2, 2}, {0, 0}, {1, 1}, 1, true},
    {1, 8, 8, 16, 24, {1, 1}, {1, 1}, {0, 0}, {1, 1}, 1, false},
    /* padding up to the kernel's side less one, and strides that leave pixels over */
    {2, 7, 9, 8, 8, {3, 3}, {1, 1}, {0, 2}, {1, 1}, 1, false},
    {2, 7, 9, 8, 8, {3, 3}, {1, 1}, {2, 0}, {1, 1}, 1, false},
    {3, 9, 10, 5, 7, {3, 3}, {2, 3}, {0, 0}, {1, 1}, 1, false},
    {3, 10, 8, 16, 16, {4, 2}, {3, 2}, {3, 1}, {1, 1}, 1, false},
    {2, 11, 6, 3, 20, {5, 3}, {4, 1}, {1, 0}, {1, 1}, 1, true},
    {2, 6, 6, 16, 16, {1, 3}, {1, 2}, {0, 1}, {1, 1}, 1, false},
    {2, 5, 5, 4, 4, {5, 5}, {1, 1}, {4, 4}, {1, 1}, 1, false},
    {2, 5, 5, 16, 16, {5, 5}, {5, 5}, {0, 0}, {1, 1}, 1, false},
    /* dilation */
    {2, 9, 9, 5, 4, {3, 3}, {1, 1}, {2, 2}, {2, 2}, 1, false},
    {3, 12, 10, 16, 32, {3, 3}, {1, 2}, {3, 0}, {3, 2}, 1, false},
    {2, 11, 11, 8, 8, {2, 3}, {2, 1}, {1, 4}, {4, 4}, 2, false},
    /* groups, as many outputs a group as channels, fewer and more; depthwise */
    {2, 8, 8, 6, 6, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 2, false},
    {3, 7, 6, 12, 24, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 3, false},
    {2, 8, 8, 64, 32, {3, 3}, {2, 2}, {1, 1}, {1, 1}, 4, true},
    {2, 6, 6, 8, 4, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 4, false},
    {2, 6, 6, 4, 8, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 4, false},
    {9, 9, 9, 32, 32, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 32, false},
    {2, 9, 9, 17, 17, {5, 3}, {2, 2}, {2, 1}, {1, 1}, 17, true},
    {2, 9, 9, 16, 16, {3, 3}, {1, 1}, {2, 2}, {2, 2}, 16, false},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void open_shape(harness *h, const shape *s, uint32_t seed) {
    lyc__attributes a = {.outputs = s->outputs, .groups = s->groups, .without_bias = s->without_bias};
    memcpy(a.kernel, s->kernel, sizeof a.kernel);
    memcpy(a.stride, s->stride, sizeof a.stride);
    memcpy(a.padding, s->padding, sizeof a.padding);
    memcpy(a.dilation, s->dilation, sizeof a.dilation);
    const lyc__shape in = lyc__image(s->height, s->width, s->channels);
    harness_open(h, &lyc__op_conv2d, &a, &in, s->rows);
    fill_random(h->in[0], harness_in_count(h, 0), -1, 1, 3 * seed);
    fill_random(h->params, h->param_size, -1, 1, 3 * seed + 1);
    fill_random(h->d_out, harness_out_count(h), -1, 1, 3 * seed + 2);
}

static void skip_without_onednn(void) {
    char version[LYC__VERSION_SIZE];
    const char *isa = NULL;
    if (!lyc__onednn_version(version, &isa)) skip();
}

static float *copy_of(const float *x, size_t count) {
    float *copy = harness_floats(count);
    memcpy(copy, x, count * sizeof *x);
    return copy;
}

/* ---- agreement ------------------------------------------------------------------------------------ */

static void prepare(harness *h, size_t rows, size_t lanes, bool relu) {
    const lyc__preparation *preparation = lyc__op_conv2d.preparation;
    const lyc__setup setup = {
        .node = &h->node, .mode = LYC_MODE_TRAIN, .rows = rows, .lanes = lanes, .relu = relu, .d_in = true};
    lyc_error err = {0};
    if (preparation->create(&setup, &h->prepared, &err) != LYC_OK) fail_msg("%s", err.message);
    if (h->prepared == NULL)
        fail_msg("oneDNN declines %zu > %zu channels, kernel %zu x %zu, %zu groups", h->node.window.channels,
                 h->node.out.dims[2], h->node.window.kernel[0], h->node.window.kernel[1], h->node.groups);
    lyc_free(h->scratch);
    h->scratch = harness_floats(preparation->scratch_floats(h->prepared));
}

static void run(harness *h) {
    harness_forward(h);
    harness_spoil(h->d_params, h->param_size);
    harness_spoil(h->d_in[0], harness_in_count(h, 0));
    harness_refresh(h, true);
    lyc__call call = harness_call(h);
    lyc__op_conv2d.backward(&call);
}

static void compare_kernels(const shape *s, uint32_t seed) {
    harness h;
    open_shape(&h, s, seed);
    run(&h);
    float *out = copy_of(h.out, harness_out_count(&h)),
          *gradient = copy_of(h.d_in[0], harness_in_count(&h, 0)),
          *d_params = copy_of(h.d_params, h.param_size);
    prepare(&h, s->rows, 1, false);
    run(&h);
    char what[64];
    (void)snprintf(what, sizeof what, "shape %u", seed);
    assert_close(what, h.out, out, harness_out_count(&h), 1e-5);
    assert_close(what, h.d_in[0], gradient, harness_in_count(&h, 0), 1e-5);
    for (int i = 0; i < h.node.param_count; i++) {
        const lyc__param *param = &h.node.params[i];
        assert_close(what, h.d_params + param->offset, d_params + param->offset, param->size, 1e-5);
    }
    lyc_free(out);
    lyc_free(gradient);
    lyc_free(d_params);
    harness_close(&h);
}

static void kernels_agree(void **state) {
    (void)state;
    skip_without_onednn();
    for (uint32_t i = 0; i < SHAPES; i++) compare_kernels(&shapes[i], i);
}

/* Every number of rows that a shard may have, on one preparation. */
static void kernels_agree_for_all_rows(void **state) {
    (void)state;
    skip_without_onednn();
    for (size_t rows = 1; rows <= 2 * PIECE + 1; rows++) {
        shape s = {rows, 6, 5, 16, 8, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1, false};
        compare_kernels(&s, (uint32_t)rows);
    }
}

/* ---- what comes with a call ------------------------------------------------------------------------ */

/* The ReLU that a workspace announces, on any lane. */
static void relu_is_taken_along(void **state) {
    (void)state;
    skip_without_onednn();
    harness h;
    open_shape(&h, &shapes[0], 1);
    harness_forward(&h);
    float *expected = copy_of(h.out, harness_out_count(&h));
    for (size_t i = 0; i < harness_out_count(&h); i++) expected[i] = expected[i] > 0 ? expected[i] : 0;
    prepare(&h, h.rows, 3, true);
    harness_refresh(&h, false);
    harness_spoil(h.out, harness_out_count(&h));
    lyc__call call = harness_call(&h);
    call.relu = true;
    call.lane = 2;
    lyc__op_conv2d.forward(&call);
    assert_close("with ReLU", h.out, expected, harness_out_count(&h), 1e-5);
    lyc_free(expected);
    harness_close(&h);
}

/* A shard's bits are a function of its rows, not of the largest shard of the workspace. */
static void bits_do_not_depend_on_the_workspace(void **state) {
    (void)state;
    skip_without_onednn();
    const size_t largest[] = {PIECE + 3, 2 * PIECE, 2 * PIECE + 3};
    for (uint32_t i = 0; i < SHAPES; i++) {
        shape s = shapes[i];
        s.rows = PIECE + 3;
        harness h;
        open_shape(&h, &s, i);
        float *first[3] = {NULL};
        for (size_t j = 0; j < 3; j++) {
            prepare(&h, largest[j], 1, false);
            run(&h);
            const float *now[] = {h.out, h.d_in[0], h.d_params};
            const size_t counts[] = {harness_out_count(&h), harness_in_count(&h, 0), h.param_size};
            for (int k = 0; k < 3; k++) {
                if (j == 0) first[k] = copy_of(now[k], counts[k]);
                assert_memory_equal(now[k], first[k], counts[k] * sizeof(float));
            }
            lyc__op_conv2d.preparation->destroy(h.prepared);
            h.prepared = NULL;
        }
        for (int k = 0; k < 3; k++) lyc_free(first[k]);
        harness_close(&h);
    }
}

/* Weights are packed when they are refreshed, and forward and backward each have their own. */
static void refreshing_brings_new_weights(void **state) {
    (void)state;
    skip_without_onednn();
    harness h;
    open_shape(&h, &shapes[3], 7);
    prepare(&h, h.rows, 1, false);
    harness_forward(&h);
    harness_backward(&h);
    float *out = copy_of(h.out, harness_out_count(&h)), *d_in = copy_of(h.d_in[0], harness_in_count(&h, 0));
    for (size_t i = 0; i < h.param_size; i++) h.params[i] *= 2;
    harness_forward(&h);
    harness_backward(&h);
    for (size_t i = 0; i < harness_out_count(&h); i++) assert_true(h.out[i] == 2 * out[i]);
    for (size_t i = 0; i < harness_in_count(&h, 0); i++) assert_true(h.d_in[0][i] == 2 * d_in[i]);
    lyc_free(out);
    lyc_free(d_in);
    harness_close(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_agree),
        cmocka_unit_test(kernels_agree_for_all_rows),
        cmocka_unit_test(relu_is_taken_along),
        cmocka_unit_test(bits_do_not_depend_on_the_workspace),
        cmocka_unit_test(refreshing_brings_new_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

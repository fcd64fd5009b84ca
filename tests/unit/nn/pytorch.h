/* An operator, forward and backward, against the records that a script of goldens wrote for it:
 * "name/0/spec", the numbers a case is made of, then inputs, output, parameters and their gradients. */
#ifndef NN_TEST_PYTORCH_H
#define NN_TEST_PYTORCH_H

#include "golden.h"
#include "harness.h"

static const double tolerance = 1e-5;

typedef struct shape_case {
    lyc__attributes attributes;
    lyc__shape in[LYC__MAX_INPUTS];
} shape_case;

static inline size_t number(const float *spec, size_t index) {
    return (size_t)spec[index];
}

static inline lyc__shape image_of(const float *spec) {
    return lyc__image(number(spec, 2), number(spec, 3), number(spec, 1));
}

static inline void read_window(const float *spec, lyc__attributes *attributes) {
    for (size_t i = 0; i < 2; i++) {
        attributes->kernel[i] = number(spec, i);
        attributes->stride[i] = number(spec, 2 + i);
        attributes->padding[i] = number(spec, 4 + i);
    }
}

/* Parameters in files and in the block: [outer, channel, pixel] and [pixel, channel, outer]. */
static inline void permute(const lyc__param *param, const float *file, float *block) {
    const size_t pixels = param->layout.height * param->layout.width, channels = param->layout.channels;
    for (size_t o = 0; o < param->layout.outer; o++)
        for (size_t c = 0; c < channels; c++)
            for (size_t p = 0; p < pixels; p++)
                block[(p * channels + c) * param->layout.outer + o] = file[(o * channels + c) * pixels + p];
}

static inline void load_inputs(harness *h, const golden *g, const char *name) {
    char field[32];
    for (int i = 0; i < h->node.input_count; i++) {
        (void)snprintf(field, sizeof field, "x%d", i);
        const float *x = golden_get(g, name, field, harness_in_count(h, i));
        for (size_t j = 0; j < harness_in_count(h, i); j++) {
            if (h->node.in[i].type == LYC__I32) ((int32_t *)(void *)h->in[i])[j] = (int32_t)x[j];
            else h->in[i][j] = x[j];
        }
    }
    for (int i = 0; i < h->node.param_count; i++) {
        (void)snprintf(field, sizeof field, "p%d", i);
        const lyc__param *param = &h->node.params[i];
        permute(param, golden_get(g, name, field, param->size), h->params + param->offset);
    }
    memcpy(h->d_out, golden_get(g, name, "dy", harness_out_count(h)), harness_out_count(h) * sizeof(float));
}

static inline void compare(const harness *h, const golden *g, const char *name) {
    char field[16], what[96];
    (void)snprintf(what, sizeof what, "%s forward", name);
    assert_close(what, h->out, golden_get(g, name, "y", harness_out_count(h)), harness_out_count(h),
                 tolerance);
    for (int i = 0; i < h->node.input_count; i++) {
        if ((h->node.op->constants >> i & 1) != 0) continue;
        (void)snprintf(field, sizeof field, "dx%d", i);
        (void)snprintf(what, sizeof what, "%s %s", name, field);
        assert_close(what, h->d_in[i], golden_get(g, name, field, harness_in_count(h, i)),
                     harness_in_count(h, i), tolerance);
    }
    for (int i = 0; i < h->node.param_count; i++) {
        if (h->node.params[i].state) continue;
        (void)snprintf(field, sizeof field, "dp%d", i);
        (void)snprintf(what, sizeof what, "%s %s", name, field);
        const lyc__param *param = &h->node.params[i];
        float *expected = harness_floats(param->size);
        permute(param, golden_get(g, name, field, param->size), expected);
        assert_close(what, h->d_params + param->offset, expected, param->size, tolerance);
        lyc_free(expected);
    }
}

/* One of the two readers of a case; the second is told how many numbers it has. */
static inline void check_cases(const char *file, const lyc__operator *op,
                               shape_case (*read)(const float *spec),
                               shape_case (*read_sized)(const float *spec, size_t count), size_t cases) {
    golden *g = golden_open(file);
    size_t found = 0;
    for (;; found++) {
        char name[64];
        (void)snprintf(name, sizeof name, "%s/%zu", op->name, found);
        size_t count = 0;
        const float *spec = golden_find(g, name, "spec", &count);
        if (spec == NULL) break;
        const shape_case c = read != NULL ? read(spec) : read_sized(spec, count);
        harness h;
        harness_open(&h, op, &c.attributes, c.in, number(spec, 0));
        load_inputs(&h, g, name);
        harness_forward(&h);
        harness_backward(&h);
        compare(&h, g, name);
        if (harness_prepare(&h)) {
            harness_forward(&h);
            harness_backward(&h);
            compare(&h, g, name);
        }
        harness_close(&h);
    }
    assert_int_equal(found, cases);
    golden_close(g);
}

static inline void check_operator(const char *file, const lyc__operator *op,
                                  shape_case (*read)(const float *spec), size_t cases) {
    check_cases(file, op, read, NULL, cases);
}

static inline void check_operator_sized(const char *file, const lyc__operator *op,
                                        shape_case (*read)(const float *spec, size_t count), size_t cases) {
    check_cases(file, op, NULL, read, cases);
}

#endif

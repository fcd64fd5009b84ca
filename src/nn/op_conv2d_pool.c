/* Convolution of images with one channel, ReLU and the maximum of tiles of two by two as one operator, which
 * plans and frozen networks put in the place of the three. It has no gradient of its input: it is for the
 * first layer. */
#include <math.h>

#include "lyceum/memory.h"
#include "nn/convolution.h"

enum { MOST_FLOATS = 1 << 16 }; /* of scratch: it should stay in the core's cache */

static size_t round_up(size_t value, size_t unit) {
    return (value + unit - 1) / unit * unit;
}

/* Whether the convolution, with ReLU and pooling behind it, is one that the vector code computes. */
static bool is_possible(const lyc__node *node) {
    const lyc__window *w = &node->window;
    return node->groups == 1 && node->dilation[0] == 1 && node->dilation[1] == 1 && w->stride[0] == 1 &&
           w->stride[1] == 1 && w->kernel[0] == w->kernel[1] && (w->kernel[0] == 3 || w->kernel[0] == 5) &&
           w->channels == 1 && w->out_height % 2 == 0 && w->out_width % 2 == 0;
}

bool lyc__convolution_pools(const lyc__node *conv, const lyc__node *pool) {
    const lyc__window *w = &pool->window;
    const size_t width = conv->window.out_width / 2;
    if (!is_possible(conv) || w->kernel[0] != 2 || w->kernel[1] != 2 || w->stride[0] != 2 ||
        w->stride[1] != 2)
        return false;
    /* The border would count as pixels; with narrow images most lanes would be empty. */
    return w->padding[0] + w->padding[1] == 0 && 4 * width >= 3 * round_up(width, lyc__vector()->lanes) &&
           lyc__pooled_scratch(&conv->window, conv->out.dims[2]) <= MOST_FLOATS;
}

static lyc_status infer(lyc__node *node, lyc_error *err) {
    LYC_TRY(lyc__op_conv2d.infer(node, err));
    if (!is_possible(node))
        LYC_FAIL(err, LYC_ECONFIG,
                 "a convolution that pools takes images with one channel, a kernel of 3 x 3 or 5 x 5, no "
                 "stride, and "
                 "gives images of even height and width");
    node->out = lyc__image(node->window.out_height / 2, node->window.out_width / 2, node->attributes.outputs);
    return LYC_OK;
}

static size_t saved_bytes(const lyc__node *node, size_t rows) {
    return rows * lyc__pooled_places(&node->window, node->out.dims[2]);
}

static size_t gradient_floats(const lyc__node *node, size_t lanes) {
    return (node->params[0].size + node->out.dims[2]) * lanes;
}

static size_t scratch_floats(const lyc__node *node, size_t rows) {
    (void)rows;
    return lyc__pooled_scratch(&node->window, node->out.dims[2]) +
           gradient_floats(node, lyc__vector()->lanes);
}

void lyc__conv2d_pool_at(const lyc__vectors *level, const lyc__call *call, float *scratch) {
    const lyc__node *node = call->node;
    const size_t in = lyc__shape_size(&node->in[0]), out = lyc__shape_size(&node->out),
                 places = saved_bytes(node, 1);
    const lyc__pooled layer = {.outputs = node->out.dims[2],
                               .weights = call->param[0],
                               .bias = node->param_count > 1 ? call->param[1] : NULL};
    const float *images = call->in[0].data;
    float *to = call->out.data;
    uint8_t *which = call->saved;
    for (size_t r = 0; r < call->in[0].rows; r++)
        level->convolve_pooled(&node->window, &layer, images + r * in, scratch, to + r * out,
                               which + r * places);
}

static void forward(const lyc__call *call) {
    lyc__conv2d_pool_at(lyc__vector(), call, call->scratch);
}

static float sum_of(const float *values, size_t count) {
    float sum = 0;
    for (size_t i = 0; i < count; i++) sum += values[i];
    return sum;
}

/* Sums the lanes of [output][tap, then bias][lanes]. */
static void fold(const lyc__call *call, size_t lanes, const float *gradient) {
    const lyc__node *node = call->node;
    const size_t outputs = node->out.dims[2], taps = node->params[0].size / outputs;
    for (size_t o = 0; o < outputs; o++) {
        for (size_t t = 0; t < taps; t++, gradient += lanes)
            call->d_param[0][t * outputs + o] = sum_of(gradient, lanes);
        if (node->param_count > 1) call->d_param[1][o] = sum_of(gradient, lanes);
        gradient += lanes;
    }
}

void lyc__conv2d_pool_gradient_at(const lyc__vectors *level, const lyc__call *call, float *scratch) {
    const lyc__node *node = call->node;
    const size_t in = lyc__shape_size(&node->in[0]), out = lyc__shape_size(&node->out),
                 places = saved_bytes(node, 1), count = gradient_floats(node, level->lanes);
    const float *images = call->in[0].data, *d_out = call->d_out.data;
    const uint8_t *which = call->saved;
    float *gradient = scratch + lyc__pooled_scratch(&node->window, node->out.dims[2]);
    for (size_t i = 0; i < count; i++) gradient[i] = 0;
    for (size_t r = 0; r < call->in[0].rows; r++)
        level->pooled_gradient(&node->window, node->out.dims[2], images + r * in, d_out + r * out,
                               which + r * places, scratch, gradient);
    fold(call, level->lanes, gradient);
}

static void backward(const lyc__call *call) {
    lyc__conv2d_pool_gradient_at(lyc__vector(), call, call->scratch);
}

static double flops(const lyc__node *node) {
    return 4 * lyc__op_conv2d.flops(node);
}

/* ---- reference ---------------------------------------------------------------------------------------- */

/* The convolution's, then the maximum, no less than 0. */
static void reference(const lyc__reference *call) {
    const lyc__window *w = &call->node->window;
    const size_t outputs = call->node->attributes.outputs, line = w->out_width * outputs;
    double *pixels = NULL, *out = call->out;
    lyc_error err;
    if (lyc_allocate((void **)&pixels, call->rows * w->out_height * line, sizeof *pixels, "a reference",
                     &err) != LYC_OK)
        return;
    lyc__node plain = *call->node;
    plain.out = lyc__image(w->out_height, w->out_width, outputs);
    lyc__reference convolution = *call;
    convolution.node = &plain;
    convolution.out = pixels;
    lyc__op_conv2d.reference(&convolution);
    for (size_t p = 0; p < call->rows * w->out_height; p += 2)
        for (size_t q = 0; q < w->out_width; q += 2)
            for (size_t o = 0; o < outputs; o++) {
                const double *corner = pixels + p * line + q * outputs + o;
                *out++ = fmax(
                    fmax(fmax(corner[0], corner[outputs]), fmax(corner[line], corner[line + outputs])), 0);
            }
    lyc_free(pixels);
}

const lyc__operator lyc__op_conv2d_pool = {
    .name = "conv2d_pool",
    .doc = "convolution of an image with one channel, ReLU, largest value of two by two",
    .inputs = 1,
    .constants = 1,
    .traits = LYC__NEEDS_INPUT,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .reference = reference,
    .flops = flops,
    .saved_bytes = saved_bytes,
    .scratch_floats = scratch_floats,
};

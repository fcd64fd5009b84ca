/* Images with one channel, forward and the gradient of the weights: lanes run over columns and outputs alike,
 * so that few outputs fill vectors too. */
#include <string.h>

#include "nn/convolution.h"
#include "nn/frozen.h"

enum { MOST_FLOATS = 1 << 16 }; /* of the image as the kernel wants it: it should stay in the core's cache */

bool lyc__convolution_is_thin(const lyc__node *node) {
    const lyc__window *w = &node->window;
    return node->groups == 1 && node->dilation[0] == 1 && node->dilation[1] == 1 && w->stride[0] == 1 &&
           w->stride[1] == 1 && (w->kernel[0] == 3 || w->kernel[0] == 5) && w->channels == 1 &&
           lyc__thin_scratch(w, node->out.dims[2]) <= MOST_FLOATS;
}

size_t lyc__convolution_thin_floats(const lyc__node *node) {
    const size_t outputs = node->out.dims[2], period = lyc__thin_period(outputs, lyc__vector()->lanes);
    return lyc__thin_scratch(&node->window, outputs) + (node->params[0].size / outputs + 1) * period;
}

/* Once or more often side by side, up to the period. */
static float *repeat(const float *values, size_t count, size_t period, float *out) {
    for (size_t i = 0; i < period; i += count)
        for (size_t o = 0; o < count; o++) out[i + o] = values != NULL ? values[o] : 0;
    return out + period;
}

/* [kernel column][kernel row][period] of [kernel row][kernel column][output], then the bias. */
static lyc__thin lay_out(const lyc__call *call, size_t lanes, float *out) {
    const lyc__node *node = call->node;
    const lyc__window *w = &node->window;
    const size_t outputs = node->out.dims[2], period = lyc__thin_period(outputs, lanes);
    lyc__thin thin = {.weights = out, .relu = call->relu};
    for (size_t j = 0; j < w->kernel[1]; j++)
        for (size_t i = 0; i < w->kernel[0]; i++)
            out = repeat(call->param[0] + (i * w->kernel[1] + j) * outputs, outputs, period, out);
    thin.bias = out;
    (void)repeat(node->param_count > 1 ? call->param[1] : NULL, outputs, period, out);
    return thin;
}

void lyc__convolution_thin_at(const lyc__vectors *level, const lyc__call *call, float *scratch) {
    const lyc__node *node = call->node;
    const size_t in = lyc__shape_size(&node->in[0]), out = lyc__shape_size(&node->out),
                 outputs = node->out.dims[2];
    const float *images = call->in[0].data;
    float *to = call->out.data;
    const lyc__thin thin = lay_out(call, level->lanes, scratch + lyc__thin_scratch(&node->window, outputs));
    for (size_t r = 0; r < call->in[0].rows; r++)
        level->convolve_thin(&node->window, outputs, &thin, images + r * in, scratch, to + r * out);
}

void lyc__convolution_thin(const lyc__call *call, float *scratch) {
    lyc__convolution_thin_at(lyc__vector(), call, scratch);
}

/* ---- the gradient of the weights -------------------------------------------------------------------- */

/* [kernel row][kernel column][output] of [kernel column][kernel row][period]. */
static void fold(const lyc__node *node, size_t period, const float *gradient, float *out) {
    const size_t rows = node->window.kernel[0], columns = node->window.kernel[1], outputs = node->out.dims[2];
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++, out += outputs) {
            const float *from = gradient + (j * rows + i) * period;
            memcpy(out, from, outputs * sizeof *out);
            for (size_t f = outputs; f < period; f += outputs)
                for (size_t o = 0; o < outputs; o++) out[o] += from[f + o];
        }
}

void lyc__convolution_thin_weights_at(const lyc__vectors *level, const lyc__call *call, float *scratch) {
    const lyc__node *node = call->node;
    const size_t in = lyc__shape_size(&node->in[0]), out = lyc__shape_size(&node->out),
                 outputs = node->out.dims[2], period = lyc__thin_period(outputs, level->lanes);
    const float *images = call->in[0].data, *d_out = call->d_out.data;
    float *gradient = scratch + lyc__thin_scratch(&node->window, outputs);
    memset(gradient, 0, node->params[0].size / outputs * period * sizeof *gradient);
    for (size_t r = 0; r < call->in[0].rows; r++)
        level->thin_gradient(&node->window, outputs, images + r * in, d_out + r * out, scratch, gradient);
    fold(node, period, gradient, call->d_param[0]);
}

void lyc__convolution_thin_weights(const lyc__call *call, float *scratch) {
    lyc__convolution_thin_weights_at(lyc__vector(), call, scratch);
}

/* ---- in frozen networks --------------------------------------------------------------------------- */

static bool takes(const lyc__node *node, lyc_precision precision) {
    return precision == LYC_PRECISION_F32 && node->input_count == 1 && lyc__convolution_is_thin(node);
}

static void compute(const lyc__call *call) {
    lyc__call plain = *call;
    plain.relu = call->node->attributes.relu;
    lyc__convolution_thin(&plain, call->scratch);
}

static size_t scratch_floats(const lyc__node *node, size_t rows) {
    (void)rows;
    return lyc__convolution_thin_floats(node);
}

const lyc__frozen_kernel lyc__frozen_conv2d_thin = {
    .name = "thin",
    .takes = takes,
    .forward = compute,
    .scratch_floats = scratch_floats,
};

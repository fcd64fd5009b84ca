/* Convolution with groups and dilation, as one matrix product over patches for each group of each image. */
#include <string.h>

#include "nn/blas.h"
#include "nn/convolution.h"

typedef struct form {
    size_t pixels, taps, channels,
        outputs; /* out pixels; kernel pixels x channels; the last three of a group */
} form;

static form form_of(const lyc__node *node) {
    const lyc__window *w = &node->window;
    const size_t channels = w->channels / node->groups;
    return (form){.pixels = w->out_height * w->out_width,
                  .taps = w->kernel[0] * w->kernel[1] * channels,
                  .channels = channels,
                  .outputs = node->out.dims[2] / node->groups};
}

static bool takes(const lyc__node *node) {
    (void)node;
    return true;
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

/* Patches of a group, and a product that is then spread over the strides of the whole. */
static size_t scratch_floats(const lyc__node *node, size_t rows) {
    (void)rows;
    const form f = form_of(node);
    return f.pixels * f.taps + larger(f.pixels, f.taps) * f.outputs;
}

/* patches[out pixel][kernel pixel, channel of the group]; `image` starts at the group's first channel. */
static void gather(const lyc__node *node, const float *image, size_t channels, float *patches) {
    const lyc__window *w = &node->window;
    for (size_t p = 0; p < w->out_height; p++)
        for (size_t q = 0; q < w->out_width; q++)
            for (size_t i = 0; i < w->kernel[0]; i++)
                for (size_t j = 0; j < w->kernel[1]; j++, patches += channels) {
                    size_t pixel = 0;
                    if (lyc__tap_meets(node, p, q, i, j, &pixel))
                        memcpy(patches, image + pixel * w->channels, channels * sizeof *patches);
                    else memset(patches, 0, channels * sizeof *patches);
                }
}

/* Adds patches to the image they were taken from. */
static void scatter(const lyc__node *node, const float *patches, size_t channels, float *image) {
    const lyc__window *w = &node->window;
    for (size_t p = 0; p < w->out_height; p++)
        for (size_t q = 0; q < w->out_width; q++)
            for (size_t i = 0; i < w->kernel[0]; i++)
                for (size_t j = 0; j < w->kernel[1]; j++, patches += channels) {
                    size_t pixel = 0;
                    if (!lyc__tap_meets(node, p, q, i, j, &pixel)) continue;
                    float *to = image + pixel * w->channels;
                    for (size_t c = 0; c < channels; c++) to[c] += patches[c];
                }
}

/* Rows of `columns` floats to where rows lie `stride` apart. */
static void spread(const float *from, size_t rows, size_t columns, float *to, size_t stride, bool add) {
    for (size_t r = 0; r < rows; r++, from += columns, to += stride)
        for (size_t c = 0; c < columns; c++) to[c] = add ? to[c] + from[c] : from[c];
}

static void forward(const lyc__call *call) {
    const form f = form_of(call->node);
    const size_t size = lyc__shape_size(&call->node->in[0]), outputs = call->node->out.dims[2];
    float *patches = call->scratch, *product = patches + f.pixels * f.taps, *out = call->out.data;
    const float *in = call->in[0].data;
    for (size_t r = 0; r < call->in[0].rows; r++, in += size, out += f.pixels * outputs) {
        for (size_t g = 0; g < call->node->groups; g++) {
            gather(call->node, in + g * f.channels, f.channels, patches);
            lyc__gemm(f.pixels, f.outputs, f.taps, (lyc__matrix){patches, f.taps, false},
                      (lyc__matrix){call->param[0] + g * f.outputs, outputs, false}, product, false);
            spread(product, f.pixels, f.outputs, out + g * f.outputs, outputs, false);
        }
        lyc__convolution_add_bias(call, out, 1);
    }
}

/* One group of one image. */
static void backward_group(const lyc__call *call, const form *f, size_t r, size_t g) {
    const size_t size = lyc__shape_size(&call->node->in[0]), outputs = call->node->out.dims[2];
    float *patches = call->scratch, *product = patches + f->pixels * f->taps, *d_in = call->d_in[0].data;
    const float *in = call->in[0].data, *d_out = call->d_out.data;
    const lyc__matrix d = {d_out + r * f->pixels * outputs + g * f->outputs, outputs, false};
    gather(call->node, in + r * size + g * f->channels, f->channels, patches);
    lyc__gemm(f->taps, f->outputs, f->pixels, (lyc__matrix){patches, f->taps, true}, d, product, false);
    spread(product, f->taps, f->outputs, call->d_param[0] + g * f->outputs, outputs, r > 0);
    if (d_in == NULL) return;
    lyc__gemm(f->pixels, f->taps, f->outputs, d,
              (lyc__matrix){call->param[0] + g * f->outputs, outputs, true}, patches, false);
    scatter(call->node, patches, f->channels, d_in + r * size + g * f->channels);
}

static void backward(const lyc__call *call) {
    const form f = form_of(call->node);
    const size_t rows = call->in[0].rows, size = lyc__shape_size(&call->node->in[0]);
    if (call->d_in[0].data != NULL) memset(call->d_in[0].data, 0, rows * size * sizeof(float));
    for (size_t r = 0; r < rows; r++)
        for (size_t g = 0; g < call->node->groups; g++) backward_group(call, &f, r, g);
    lyc__convolution_sum_bias(call);
}

const lyc__convolution lyc__convolution_grouped = {
    .name = "grouped",
    .takes = takes,
    .forward = forward,
    .backward = backward,
    .scratch_floats = scratch_floats,
};

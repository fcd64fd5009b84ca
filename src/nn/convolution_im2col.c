/* Convolution as a matrix product over patches (im2col), image by image so that the patches stay in the
 * core's cache: the reference that other kernels are measured against. One group, no dilation. */
#include "nn/blas.h"
#include "nn/convolution.h"

/* Up to this many channels, runs of the image are longer within a channel than across channels. */
enum { FEW_CHANNELS = 4 };

/* How the patches of an image meet the weights. */
typedef struct form {
    size_t pixels, taps, outputs; /* out pixels; kernel pixels x channels; out channels */
    bool direct;                  /* 1x1, stride 1: the image is the matrix of patches */
    bool planar;                  /* patches as [tap][pixel] */
} form;

static form form_of(const lyc__node *node) {
    const lyc__window *w = &node->window;
    const bool single = w->kernel[0] * w->kernel[1] == 1 && w->stride[0] * w->stride[1] == 1 &&
                        w->padding[0] + w->padding[1] == 0;
    return (form){.pixels = w->out_height * w->out_width,
                  .taps = w->kernel[0] * w->kernel[1] * w->channels,
                  .outputs = node->out.dims[2],
                  .direct = single,
                  .planar = !single && w->channels <= FEW_CHANNELS && w->stride[1] == 1};
}

static bool takes(const lyc__node *node) {
    return node->groups == 1 && node->dilation[0] == 1 && node->dilation[1] == 1;
}

static size_t scratch_floats(const lyc__node *node, size_t rows) {
    (void)rows;
    const form f = form_of(node);
    if (f.direct) return 0;
    const size_t patches = f.pixels * f.taps + lyc__window_scratch(&node->window);
    const size_t spread = lyc__convolution_spreads(node) ? lyc__convolution_spread_floats(node) : 0;
    return patches > spread ? patches : spread;
}

/* The patches of one image as a [pixels, taps] operand. */
static lyc__matrix patches_of(const form *f, const lyc__call *call, const float *image) {
    if (f->direct) return (lyc__matrix){image, f->taps, false};
    float *patches = call->scratch, *border = patches + f->pixels * f->taps;
    const lyc__window *w = &call->node->window;
    if (f->planar) {
        lyc__vector()->planes(w, image, border, patches);
        return (lyc__matrix){patches, f->pixels, true};
    }
    lyc__vector()->patches(w, image, border, patches);
    return (lyc__matrix){patches, f->taps, false};
}

static lyc__matrix transpose(lyc__matrix m) {
    m.transposed = !m.transposed;
    return m;
}

static void forward(const lyc__call *call) {
    const form f = form_of(call->node);
    const size_t rows = call->in[0].rows, size = lyc__shape_size(&call->node->in[0]);
    const float *in = call->in[0].data;
    float *out = call->out.data;
    for (size_t r = 0; r < rows; r++) {
        float *image = out + r * f.pixels * f.outputs;
        lyc__gemm(f.pixels, f.outputs, f.taps, patches_of(&f, call, in + r * size),
                  (lyc__matrix){call->param[0], f.outputs, false}, image, call->onto);
        lyc__convolution_add_bias(call, image, 1);
    }
}

/* The gradient of one image. */
static void backward_image(const form *f, const lyc__call *call, const float *d_out, float *d_in) {
    const lyc__matrix d = {d_out, f->outputs, false}, weights = {call->param[0], f->outputs, false};
    if (f->direct) {
        lyc__gemm(f->pixels, f->taps, f->outputs, d, transpose(weights), d_in, false);
        return;
    }
    float *patches = call->scratch, *border = patches + f->pixels * f->taps;
    if (f->planar) {
        lyc__gemm(f->taps, f->pixels, f->outputs, weights, transpose(d), patches, false);
        lyc__vector()->unplane(&call->node->window, patches, border, d_in);
    } else {
        lyc__gemm(f->pixels, f->taps, f->outputs, d, transpose(weights), patches, false);
        lyc__vector()->unpatch(&call->node->window, patches, border, d_in);
    }
}

static void backward(const lyc__call *call) {
    const form f = form_of(call->node);
    const size_t rows = call->in[0].rows, size = lyc__shape_size(&call->node->in[0]);
    const float *in = call->in[0].data, *d_out = call->d_out.data;
    float *d_in = call->d_in[0].data;
    const bool spreads = lyc__convolution_spreads(call->node);
    for (size_t r = 0; r < rows; r++) {
        const float *d_image = d_out + r * f.pixels * f.outputs;
        lyc__gemm(f.taps, f.outputs, f.pixels, transpose(patches_of(&f, call, in + r * size)),
                  (lyc__matrix){d_image, f.outputs, false}, call->d_param[0], r > 0);
        if (d_in != NULL && !spreads) backward_image(&f, call, d_image, d_in + r * size);
    }
    if (d_in != NULL && spreads) lyc__convolution_spread(call, call->scratch);
    lyc__convolution_sum_bias(call);
}

const lyc__convolution lyc__convolution_im2col = {
    .name = "im2col",
    .takes = takes,
    .forward = forward,
    .backward = backward,
    .scratch_floats = scratch_floats,
};

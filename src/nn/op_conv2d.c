/* Convolution with stride and zero padding, as a matrix product over patches (im2col), image by image so
 * that the patches stay in the core's cache. Weights are [kernel row, kernel column, channel, output] in the
 * block and [output, channel, kernel row, kernel column] in files. */
#include <math.h>

#include "nn/blas.h"
#include "nn/operator.h"

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

static lyc_status infer(lyc__node *node, lyc_error *err) {
    LYC_TRY(lyc__node_place_window(node, err));
    const lyc__window *w = &node->window;
    const size_t outputs = node->attributes.outputs;
    if (outputs < 1) LYC_FAIL(err, LYC_ECONFIG, "the number of output channels must be at least 1");
    node->out = lyc__image(w->out_height, w->out_width, outputs);
    lyc__param *weight =
        lyc__node_declare(node, "weight", 4, outputs, w->channels, w->kernel[0], w->kernel[1]);
    lyc__param *bias = lyc__node_declare(node, "bias", 1, outputs, 1, 1, 1);
    if (weight == NULL || bias == NULL)
        LYC_FAIL(err, LYC_ECONFIG, "%zu output channels are more than memory can hold", outputs);
    /* PyTorch's kaiming_uniform(a = sqrt(5)) comes to this bound, which its biases have too. */
    weight->bound = bias->bound = 1 / sqrt((double)(w->channels * w->kernel[0] * w->kernel[1]));
    weight->decays = true;
    return LYC_OK;
}

static size_t scratch_floats(const lyc__node *node, size_t rows) {
    (void)rows;
    const form f = form_of(node);
    return f.direct ? 0 : f.pixels * f.taps + lyc__window_scratch(&node->window);
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
                  (lyc__matrix){call->param[0], f.outputs, false}, image, false);
        lyc__vector()->add_bias(image, call->param[1], f.pixels, f.outputs, call->relu);
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
    for (size_t r = 0; r < rows; r++) {
        const float *d_image = d_out + r * f.pixels * f.outputs;
        lyc__gemm(f.taps, f.outputs, f.pixels, transpose(patches_of(&f, call, in + r * size)),
                  (lyc__matrix){d_image, f.outputs, false}, call->d_param[0], r > 0);
        if (d_in != NULL) backward_image(&f, call, d_image, d_in + r * size);
    }
    lyc__vector()->column_sums(d_out, rows * f.pixels, f.outputs, call->d_param[1]);
}

/* The double precision value of one output. */
static double reference_pixel(const lyc__reference *call, const double *image, size_t p, size_t q, size_t o) {
    const lyc__window *w = &call->node->window;
    const size_t outputs = call->node->out.dims[2];
    double sum = call->param[1][o];
    for (size_t i = 0; i < w->kernel[0]; i++)
        for (size_t j = 0; j < w->kernel[1]; j++) {
            const size_t y = p * w->stride[0] + i, x = q * w->stride[1] + j; /* with the border counted */
            if (y < w->padding[0] || y >= w->height + w->padding[0]) continue;
            if (x < w->padding[1] || x >= w->width + w->padding[1]) continue;
            const double *pixel = image + ((y - w->padding[0]) * w->width + x - w->padding[1]) * w->channels;
            const double *weight = call->param[0] + (i * w->kernel[1] + j) * w->channels * outputs + o;
            for (size_t c = 0; c < w->channels; c++) sum += pixel[c] * weight[c * outputs];
        }
    return sum;
}

static void reference(const lyc__reference *call) {
    const lyc__window *w = &call->node->window;
    double *out = call->out;
    for (size_t r = 0; r < call->rows; r++)
        for (size_t p = 0; p < w->out_height; p++)
            for (size_t q = 0; q < w->out_width; q++)
                for (size_t o = 0; o < call->node->out.dims[2]; o++)
                    *out++ =
                        reference_pixel(call, call->in[0] + r * lyc__shape_size(&call->node->in[0]), p, q, o);
}

static double flops(const lyc__node *node) {
    const form f = form_of(node);
    return 2.0 * (double)f.pixels * (double)f.taps * (double)f.outputs;
}

const lyc__operator lyc__op_conv2d = {
    .name = "conv2d",
    .doc = "two-dimensional convolution with bias, stride and zero padding",
    .inputs = 1,
    .traits = LYC__NEEDS_INPUT | LYC__TAKES_RELU,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .reference = reference,
    .flops = flops,
    .scratch_floats = scratch_floats,
};

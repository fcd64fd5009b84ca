/* Convolution with stride, dilation, groups and zero padding. Weights are [kernel row, kernel column, channel
 * of the group, output] in the block and [output, channel of the group, kernel row, kernel column] in files.
 */
#include <math.h>

#include "nn/convolution.h"

/* In order of preference; the last rows together take everything. */
static const lyc__convolution *const kernels[] = {
    &lyc__convolution_onednn,
    &lyc__convolution_im2col,
    &lyc__convolution_depthwise,
    &lyc__convolution_grouped,
};

const lyc__convolution *lyc__convolution_plain(const lyc__node *node) {
    size_t i = 0;
    while (kernels[i]->prepare != NULL || !kernels[i]->takes(node)) i++;
    return kernels[i];
}

static const lyc__convolution *kernel_of(const lyc__call *call) {
    const lyc__convolution_prepared *prepared = call->prepared;
    return prepared != NULL ? prepared->kernel : lyc__convolution_plain(call->node);
}

static lyc_status infer(lyc__node *node, lyc_error *err) {
    LYC_TRY(lyc__node_place_window(node, err));
    const lyc__window *w = &node->window;
    const size_t outputs = node->attributes.outputs;
    node->groups = node->attributes.groups > 0 ? node->attributes.groups : 1;
    if (outputs < 1) LYC_FAIL(err, LYC_ECONFIG, "the number of output channels must be at least 1");
    if (w->channels % node->groups != 0 || outputs % node->groups != 0)
        LYC_FAIL(err, LYC_ECONFIG,
                 "%zu input and %zu output channels cannot both be cut into %zu equal groups", w->channels,
                 outputs, node->groups);
    node->out = lyc__image(w->out_height, w->out_width, outputs);
    const size_t channels = w->channels / node->groups;
    lyc__param *weight = lyc__node_declare(node, "weight", 4, outputs, channels, w->kernel[0], w->kernel[1]);
    lyc__param *bias =
        node->attributes.without_bias ? NULL : lyc__node_declare(node, "bias", 1, outputs, 1, 1, 1);
    if (weight == NULL || (bias == NULL && !node->attributes.without_bias))
        LYC_FAIL(err, LYC_ECONFIG, "%zu output channels are more than memory can hold", outputs);
    /* PyTorch's kaiming_uniform(a = sqrt(5)) comes to this bound, which its biases have too. */
    weight->bound = 1 / sqrt((double)(channels * w->kernel[0] * w->kernel[1]));
    weight->decays = true;
    if (bias != NULL) bias->bound = weight->bound;
    return LYC_OK;
}

void lyc__convolution_add_bias(const lyc__call *call, float *out, size_t rows) {
    const lyc__shape *shape = &call->node->out;
    const size_t pixels = rows * shape->dims[0] * shape->dims[1], outputs = shape->dims[2];
    if (call->node->param_count > 1)
        lyc__vector()->add_bias(out, call->param[1], pixels, outputs, call->relu);
    else if (call->relu) lyc__vector()->relu(out, pixels * outputs, out);
}

void lyc__convolution_sum_bias(const lyc__call *call) {
    const lyc__shape *shape = &call->node->out;
    if (call->node->param_count > 1)
        lyc__vector()->column_sums(call->d_out.data, call->d_out.rows * shape->dims[0] * shape->dims[1],
                                   shape->dims[2], call->d_param[1]);
}

static void forward(const lyc__call *call) {
    kernel_of(call)->forward(call);
}

static void backward(const lyc__call *call) {
    kernel_of(call)->backward(call);
}

static size_t scratch_floats(const lyc__node *node, size_t rows) {
    const lyc__convolution *kernel = lyc__convolution_plain(node);
    return kernel->scratch_floats != NULL ? kernel->scratch_floats(node, rows) : 0;
}

/* ---- preparation ------------------------------------------------------------------------------ */

static lyc_status prepare(const lyc__setup *setup, void **out, lyc_error *err) {
    *out = NULL;
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels && *out == NULL; i++) {
        if (!kernels[i]->takes(setup->node)) continue;
        if (kernels[i]->prepare == NULL) return LYC_OK;
        lyc__convolution_prepared *prepared = NULL;
        LYC_TRY(kernels[i]->prepare(setup, &prepared, err));
        *out = prepared;
    }
    return LYC_OK;
}

static void release(void *payload) {
    lyc__convolution_prepared *prepared = payload;
    prepared->kernel->release(prepared);
}

static size_t prepared_scratch(const void *payload) {
    const lyc__convolution_prepared *prepared = payload;
    return prepared->kernel->prepared_scratch(prepared);
}

static size_t prepared_bytes(const void *payload) {
    const lyc__convolution_prepared *prepared = payload;
    return prepared->kernel->prepared_bytes(prepared);
}

static void refresh(void *payload, const float *const *param, bool backwards) {
    lyc__convolution_prepared *prepared = payload;
    prepared->kernel->refresh(prepared, param, backwards);
}

static const lyc__preparation preparation = {
    .create = prepare,
    .destroy = release,
    .scratch_floats = prepared_scratch,
    .bytes = prepared_bytes,
    .refresh = refresh,
};

/* ---- reference -------------------------------------------------------------------------------- */

/* The double precision value of one output. */
static double reference_pixel(const lyc__reference *call, const double *image, size_t p, size_t q, size_t o) {
    const lyc__node *node = call->node;
    const lyc__window *w = &node->window;
    const size_t outputs = node->out.dims[2], channels = w->channels / node->groups;
    const size_t group = o / (outputs / node->groups);
    double sum = node->param_count > 1 ? call->param[1][o] : 0;
    for (size_t i = 0; i < w->kernel[0]; i++)
        for (size_t j = 0; j < w->kernel[1]; j++) {
            size_t pixel = 0;
            if (!lyc__tap_meets(node, p, q, i, j, &pixel)) continue;
            const double *from = image + pixel * w->channels + group * channels;
            const double *weight = call->param[0] + (i * w->kernel[1] + j) * channels * outputs + o;
            for (size_t c = 0; c < channels; c++) sum += from[c] * weight[c * outputs];
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
    return 2.0 * (double)lyc__shape_size(&node->out) * (double)(node->params[0].size / node->out.dims[2]);
}

const lyc__operator lyc__op_conv2d = {
    .name = "conv2d",
    .doc = "two-dimensional convolution with stride, dilation, groups and zero padding",
    .inputs = 1,
    .traits = LYC__NEEDS_INPUT | LYC__TAKES_RELU,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .reference = reference,
    .flops = flops,
    .scratch_floats = scratch_floats,
    .preparation = &preparation,
};

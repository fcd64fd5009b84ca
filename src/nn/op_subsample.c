/* Every so many pixels, with channels of zeros before and behind (half of the additional ones each): the
 * shortcut without parameters of He et al. 2016 ("option A"), where a residual path changes its shape. */
#include <string.h>

#include "nn/operator.h"

static lyc_status infer(lyc__node *node, lyc_error *err) {
    const lyc__shape *in = &node->in[0];
    const lyc__attributes *a = &node->attributes;
    if (in->rank != 3) LYC_FAIL(err, LYC_ECONFIG, "the input must be an image, but is flat");
    if (a->stride[0] < 1 || a->stride[1] < 1) LYC_FAIL(err, LYC_ECONFIG, "the stride must be at least 1");
    if (a->outputs < in->dims[2])
        LYC_FAIL(err, LYC_ECONFIG, "%zu output channels are fewer than the %zu of the input", a->outputs,
                 in->dims[2]);
    node->out =
        lyc__image((in->dims[0] - 1) / a->stride[0] + 1, (in->dims[1] - 1) / a->stride[1] + 1, a->outputs);
    node->out.type = in->type;
    return LYC_OK;
}

/* Where channel 0 of the pixel behind output element `i` (of channel 0) lies in the input, over all rows. */
static size_t source(const lyc__node *node, size_t i) {
    const size_t *in = node->in[0].dims, *out = node->out.dims, *stride = node->attributes.stride;
    const size_t q = i / out[2] % out[1], p = i / out[2] / out[1] % out[0], r = i / out[2] / out[1] / out[0];
    return ((r * in[0] + p * stride[0]) * in[1] + q * stride[1]) * in[2];
}

static size_t front(const lyc__node *node) {
    return (node->out.dims[2] - node->in[0].dims[2]) / 2;
}

static void forward(const lyc__call *call) {
    const lyc__node *node = call->node;
    const size_t count = call->out.rows * lyc__shape_size(&node->out), channels = node->in[0].dims[2];
    const size_t element = lyc__shape_bytes(&node->out) / lyc__shape_size(&node->out);
    const char *in = call->in[0].data;
    char *out = call->out.data;
    memset(out, 0, count * element);
    for (size_t i = 0; i < count; i += node->out.dims[2])
        memcpy(out + (i + front(node)) * element, in + source(node, i) * element, channels * element);
}

static void backward(const lyc__call *call) {
    const lyc__node *node = call->node;
    const size_t count = call->out.rows * lyc__shape_size(&node->out), channels = node->in[0].dims[2];
    const float *d_out = call->d_out.data;
    float *d_in = call->d_in[0].data;
    if (d_in == NULL) return;
    memset(d_in, 0, call->in[0].rows * lyc__shape_size(&node->in[0]) * sizeof *d_in);
    for (size_t i = 0; i < count; i += node->out.dims[2])
        memcpy(d_in + source(node, i), d_out + i + front(node), channels * sizeof *d_in);
}

static void reference(const lyc__reference *call) {
    const lyc__node *node = call->node;
    const size_t count = call->rows * lyc__shape_size(&node->out), channels = node->in[0].dims[2];
    for (size_t i = 0; i < count; i++) {
        const size_t c = i % node->out.dims[2];
        const bool inside = c >= front(node) && c < front(node) + channels;
        call->out[i] = inside ? call->in[0][source(node, i) + c - front(node)] : 0;
    }
}

const lyc__operator lyc__op_subsample = {
    .name = "subsample",
    .doc = "every so many pixels, with channels of zeros around",
    .inputs = 1,
    .traits = LYC__MOVES,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .reference = reference,
};

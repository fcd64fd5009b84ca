/* An image as a row of features. Memory stays as it is, height, width, channel; the linear layer that follows
 * permutes its weights on reading and writing files, which expect channel, height, width. */
#include <string.h>

#include "nn/operator.h"

static lyc_status infer(lyc__node *node, lyc_error *err) {
    (void)err;
    const lyc__shape *in = &node->in[0];
    node->out = *in;
    if (in->rank != 3) return LYC_OK;
    node->out = lyc__features(lyc__shape_size(in));
    memcpy(node->out.flat, in->dims, sizeof in->dims);
    return LYC_OK;
}

static size_t elements(const lyc__call *call) {
    return call->in[0].rows * lyc__shape_size(&call->node->in[0]);
}

static void forward(const lyc__call *call) {
    if (call->out.data != call->in[0].data)
        memcpy(call->out.data, call->in[0].data, elements(call) * sizeof(float));
}

static void backward(const lyc__call *call) {
    if (call->d_in[0].data != call->d_out.data)
        memcpy(call->d_in[0].data, call->d_out.data, elements(call) * sizeof(float));
}

static void reference(const lyc__reference *call) {
    memcpy(call->out, call->in[0], call->rows * lyc__shape_size(&call->node->in[0]) * sizeof(double));
}

const lyc__operator lyc__op_flatten = {
    .name = "flatten",
    .doc = "an image as a row of features",
    .inputs = 1,
    .traits = LYC__IN_PLACE | LYC__GRADIENT_IN_PLACE | LYC__IDENTITY,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .reference = reference,
};

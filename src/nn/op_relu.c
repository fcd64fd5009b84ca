/* out = max(in, 0); the gradient at 0 is 0, as PyTorch's. */
#include "nn/operator.h"

static lyc_status infer(lyc__node *node, lyc_error *err) {
    (void)err;
    node->out = node->in[0];
    return LYC_OK;
}

static size_t elements(const lyc__call *call) {
    return call->in[0].rows * lyc__shape_size(&call->node->in[0]);
}

static void forward(const lyc__call *call) {
    lyc__vector()->relu(call->in[0].data, elements(call), call->out.data);
}

static void backward(const lyc__call *call) {
    lyc__vector()->relu_backward(call->out.data, call->d_out.data, elements(call), call->d_in[0].data);
}

static void reference(const lyc__reference *call) {
    const size_t count = call->rows * lyc__shape_size(&call->node->in[0]);
    for (size_t i = 0; i < count; i++) call->out[i] = call->in[0][i] > 0 ? call->in[0][i] : 0;
}

const lyc__operator lyc__op_relu = {
    .name = "relu",
    .doc = "rectified linear unit",
    .inputs = 1,
    .traits = LYC__IN_PLACE | LYC__GRADIENT_IN_PLACE | LYC__NEEDS_OUTPUT,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .reference = reference,
};

/* out = tanh(in). */
#include <math.h>

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
    lyc__vector()->tanh(call->in[0].data, elements(call), call->out.data);
}

static void backward(const lyc__call *call) {
    const float *y = call->out.data, *d = call->d_out.data;
    float *d_in = call->d_in[0].data;
    for (size_t i = 0; i < elements(call); i++) d_in[i] = d[i] * (1 - y[i] * y[i]);
}

static void reference(const lyc__reference *call) {
    const size_t count = call->rows * lyc__shape_size(&call->node->in[0]);
    for (size_t i = 0; i < count; i++) {
        const double x = call->in[0][i];
        call->out[i] = tanh(x);
    }
}

const lyc__operator lyc__op_tanh = {
    .name = "tanh",
    .doc = "hyperbolic tangent",
    .inputs = 1,
    .traits = LYC__IN_PLACE | LYC__GRADIENT_IN_PLACE | LYC__NEEDS_OUTPUT,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .reference = reference,
};

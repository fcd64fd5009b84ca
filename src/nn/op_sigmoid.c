/* out = 1 / (1 + exp(-in)); where exp overflows, 0. */
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
    const float *x = call->in[0].data;
    float *out = call->out.data;
    const size_t count = elements(call);
    for (size_t i = 0; i < count; i++) out[i] = -x[i];
    lyc__vector()->exp(out, count, out);
    for (size_t i = 0; i < count; i++) out[i] = 1 / (1 + out[i]);
}

static void backward(const lyc__call *call) {
    const float *y = call->out.data, *d = call->d_out.data;
    float *d_in = call->d_in[0].data;
    for (size_t i = 0; i < elements(call); i++) d_in[i] = d[i] * y[i] * (1 - y[i]);
}

static void reference(const lyc__reference *call) {
    const size_t count = call->rows * lyc__shape_size(&call->node->in[0]);
    for (size_t i = 0; i < count; i++) {
        const double x = call->in[0][i];
        call->out[i] = 1 / (1 + exp(-x));
    }
}

const lyc__operator lyc__op_sigmoid = {
    .name = "sigmoid",
    .doc = "logistic function",
    .inputs = 1,
    .traits = LYC__IN_PLACE | LYC__GRADIENT_IN_PLACE | LYC__NEEDS_OUTPUT,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .reference = reference,
};

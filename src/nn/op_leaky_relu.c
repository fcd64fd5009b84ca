/* out = in where that is above 0, else slope * in. */
#include "nn/operator.h"

static lyc_status infer(lyc__node *node, lyc_error *err) {
    if (!(node->attributes.rate >= 0 && node->attributes.rate <= 1))
        LYC_FAIL(err, LYC_ECONFIG, "the slope %g is not in [0, 1]", node->attributes.rate);
    node->out = node->in[0];
    return LYC_OK;
}

static size_t elements(const lyc__call *call) {
    return call->in[0].rows * lyc__shape_size(&call->node->in[0]);
}

static void forward(const lyc__call *call) {
    const float *x = call->in[0].data, slope = (float)call->node->attributes.rate;
    float *out = call->out.data;
    for (size_t i = 0; i < elements(call); i++) out[i] = x[i] > 0 ? x[i] : slope * x[i];
}

static void backward(const lyc__call *call) {
    const float *y = call->out.data, *d = call->d_out.data;
    float *d_in = call->d_in[0].data;
    const float slope =
        (float)call->node->attributes.rate; /* not negative: the output has the sign of the input */
    for (size_t i = 0; i < elements(call); i++) d_in[i] = y[i] > 0 ? d[i] : slope * d[i];
}

static void reference(const lyc__reference *call) {
    const size_t count = call->rows * lyc__shape_size(&call->node->in[0]);
    const double slope = call->node->attributes.rate;
    for (size_t i = 0; i < count; i++) {
        const double x = call->in[0][i];
        call->out[i] = x > 0 ? x : slope * x;
    }
}

const lyc__operator lyc__op_leaky_relu = {
    .name = "leaky_relu",
    .doc = "rectified linear unit with a slope below 0",
    .inputs = 1,
    .traits = LYC__IN_PLACE | LYC__GRADIENT_IN_PLACE | LYC__NEEDS_OUTPUT,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .reference = reference,
};

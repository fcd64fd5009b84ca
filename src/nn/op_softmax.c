/* out = exp(in) / sum of exp(in), row by row. */
#include <math.h>

#include "nn/operator.h"

static lyc_status infer(lyc__node *node, lyc_error *err) {
    if (node->in[0].rank != 1) LYC_FAIL(err, LYC_ECONFIG, "the input must be a row of features");
    node->out = node->in[0];
    return LYC_OK;
}

static size_t elements(const lyc__call *call) {
    return call->in[0].rows * lyc__shape_size(&call->node->in[0]);
}

static void forward(const lyc__call *call) {
    const size_t width = call->node->in[0].dims[0];
    lyc__vector()->softmax(call->in[0].data, 1, call->in[0].rows, width, false, call->out.data);
}

static void backward(const lyc__call *call) {
    const size_t width = call->node->in[0].dims[0];
    const float *y = call->out.data, *d = call->d_out.data;
    float *d_in = call->d_in[0].data;
    for (size_t r = 0; r < elements(call); r += width) {
        float sum = 0;
        for (size_t c = 0; c < width; c++) sum += y[r + c] * d[r + c];
        for (size_t c = 0; c < width; c++) d_in[r + c] = y[r + c] * (d[r + c] - sum);
    }
}

static void reference(const lyc__reference *call) {
    const size_t width = call->node->in[0].dims[0];
    for (size_t r = 0; r < call->rows; r++) {
        const double *x = call->in[0] + r * width;
        double most = -INFINITY, sum = 0;
        for (size_t c = 0; c < width; c++) most = fmax(most, x[c]);
        for (size_t c = 0; c < width; c++) sum += exp(x[c] - most);
        for (size_t c = 0; c < width; c++) call->out[r * width + c] = exp(x[c] - most) / sum;
    }
}

const lyc__operator lyc__op_softmax = {
    .name = "softmax",
    .doc = "softmax of each row",
    .inputs = 1,
    .traits = LYC__IN_PLACE | LYC__GRADIENT_IN_PLACE | LYC__NEEDS_OUTPUT,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .reference = reference,
};

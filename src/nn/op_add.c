/* The sum of two values of one shape: where a residual path joins. */
#include <string.h>

#include "nn/operator.h"

static lyc_status infer(lyc__node *node, lyc_error *err) {
    const lyc__shape *a = &node->in[0], *b = &node->in[1];
    if (a->rank != b->rank || memcmp(a->dims, b->dims, sizeof a->dims) != 0)
        LYC_FAIL(err, LYC_ECONFIG, "the two inputs have different shapes");
    node->out = *a;
    return LYC_OK;
}

static size_t elements(const lyc__call *call) {
    return call->in[0].rows * lyc__shape_size(&call->node->in[0]);
}

static void forward(const lyc__call *call) {
    if (call->relu)
        lyc__vector()->add_relu(call->in[0].data, call->in[1].data, elements(call), call->out.data);
    else lyc__vector()->add(call->in[0].data, call->in[1].data, elements(call), call->out.data);
}

static void backward(const lyc__call *call) {
    for (int i = 1; i >= 0; i--)
        if (call->d_in[i].data != NULL && call->d_in[i].data != call->d_out.data)
            memcpy(call->d_in[i].data, call->d_out.data, elements(call) * sizeof(float));
}

static void reference(const lyc__reference *call) {
    const size_t count = call->rows * lyc__shape_size(&call->node->in[0]);
    for (size_t i = 0; i < count; i++) call->out[i] = call->in[0][i] + call->in[1][i];
}

const lyc__operator lyc__op_add = {
    .name = "add",
    .doc = "sum of two values",
    .inputs = 2,
    .traits = LYC__IN_PLACE | LYC__GRADIENT_IN_PLACE | LYC__TAKES_RELU,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .reference = reference,
};

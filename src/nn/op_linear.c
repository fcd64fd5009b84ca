/* Fully connected: out = in W + b, with W [in, out] in the block and [out, in] in files. */
#include <math.h>

#include "nn/blas.h"
#include "nn/operator.h"

static lyc_status infer(lyc__node *node, lyc_error *err) {
    const lyc__shape *in = &node->in[0];
    if (in->rank != 1) LYC_FAIL(err, LYC_ECONFIG, "the input is an image; put a flatten in front");
    const size_t outputs = node->attributes.outputs;
    if (outputs < 1) LYC_FAIL(err, LYC_ECONFIG, "the number of outputs must be at least 1");
    node->out = lyc__features(outputs);
    const bool was_image = in->flat[0] != 0;
    lyc__param *weight =
        was_image ? lyc__node_declare(node, "weight", 2, outputs, in->flat[2], in->flat[0], in->flat[1])
                  : lyc__node_declare(node, "weight", 2, outputs, in->dims[0], 1, 1);
    lyc__param *bias = lyc__node_declare(node, "bias", 1, outputs, 1, 1, 1);
    if (weight == NULL || bias == NULL)
        LYC_FAIL(err, LYC_ECONFIG, "%zu inputs and %zu outputs are more than memory can hold", in->dims[0],
                 outputs);
    /* PyTorch's kaiming_uniform(a = sqrt(5)) comes to this bound, which its biases have too. */
    weight->bound = bias->bound = 1 / sqrt((double)in->dims[0]);
    weight->decays = true;
    return LYC_OK;
}

static void forward(const lyc__call *call) {
    const size_t rows = call->in[0].rows, inputs = call->node->in[0].dims[0],
                 outputs = call->node->out.dims[0];
    lyc__gemm(rows, outputs, inputs, (lyc__matrix){call->in[0].data, inputs, false},
              (lyc__matrix){call->param[0], outputs, false}, call->out.data, false);
    lyc__vector()->add_bias(call->out.data, call->param[1], rows, outputs, call->relu);
}

static void backward(const lyc__call *call) {
    const size_t rows = call->in[0].rows, inputs = call->node->in[0].dims[0],
                 outputs = call->node->out.dims[0];
    lyc__gemm(inputs, outputs, rows, (lyc__matrix){call->in[0].data, inputs, true},
              (lyc__matrix){call->d_out.data, outputs, false}, call->d_param[0], false);
    lyc__vector()->column_sums(call->d_out.data, rows, outputs, call->d_param[1]);
    if (call->d_in[0].data == NULL) return;
    lyc__gemm(rows, inputs, outputs, (lyc__matrix){call->d_out.data, outputs, false},
              (lyc__matrix){call->param[0], outputs, true}, call->d_in[0].data, false);
}

static void reference(const lyc__reference *call) {
    const size_t inputs = call->node->in[0].dims[0], outputs = call->node->out.dims[0];
    for (size_t r = 0; r < call->rows; r++)
        for (size_t o = 0; o < outputs; o++) {
            double sum = call->param[1][o];
            for (size_t i = 0; i < inputs; i++)
                sum += call->in[0][r * inputs + i] * call->param[0][i * outputs + o];
            call->out[r * outputs + o] = sum;
        }
}

static double flops(const lyc__node *node) {
    return 2.0 * (double)node->in[0].dims[0] * (double)node->out.dims[0];
}

const lyc__operator lyc__op_linear = {
    .name = "linear",
    .doc = "fully connected layer with bias",
    .inputs = 1,
    .traits = LYC__NEEDS_INPUT | LYC__TAKES_RELU,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .reference = reference,
    .flops = flops,
};

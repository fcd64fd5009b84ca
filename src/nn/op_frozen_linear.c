/* Fully connected as frozen networks have it: with the ReLU that followed, on images without a flatten. */
#include "nn/blas.h"
#include "nn/frozen.h"

static lyc_status infer(lyc__node *node, lyc_error *err) {
    const size_t inputs = lyc__shape_size(&node->in[0]), outputs = node->attributes.outputs;
    node->out = lyc__features(outputs);
    node->out.type = node->attributes.narrow ? LYC__BF16 : LYC__F32;
    if (lyc__node_declare(node, "weight", 2, outputs, inputs, 1, 1) == NULL ||
        lyc__node_declare(node, "bias", 1, outputs, 1, 1, 1) == NULL)
        LYC_FAIL(err, LYC_ECONFIG, "%zu inputs and %zu outputs are more than memory can hold", inputs,
                 outputs);
    return LYC_OK;
}

static bool takes(const lyc__node *node, lyc_precision precision) {
    (void)node;
    return precision == LYC_PRECISION_F32;
}

static void compute(const lyc__call *call) {
    const lyc__node *node = call->node;
    const size_t rows = call->in[0].rows, inputs = lyc__shape_size(&node->in[0]), outputs = node->out.dims[0];
    lyc__gemm(rows, outputs, inputs, (lyc__matrix){call->in[0].data, inputs, false},
              (lyc__matrix){call->param[0], outputs, false}, call->out.data, false);
    lyc__vector()->add_bias(call->out.data, call->param[1], rows, outputs, node->attributes.relu);
}

const lyc__frozen_kernel lyc__frozen_linear_reference = {
    .name = "reference",
    .takes = takes,
    .forward = compute,
};

const lyc__operator lyc__op_frozen_linear = {
    .name = "frozen_linear",
    .doc = "fully connected layer with bias, ReLU",
    .inputs = 1,
    .infer = infer,
    .forward = lyc__frozen_forward,
    .scratch_floats = lyc__frozen_scratch,
    .preparation = &lyc__frozen_preparation,
};

/* Convolution as frozen networks have it: always with a bias, and with what followed it: the sum with a
 * second input (of the output's shape, which it may lie over), ReLU. */
#include <string.h>

#include "nn/convolution.h"
#include "nn/frozen.h"

static lyc_status infer(lyc__node *node, lyc_error *err) {
    LYC_TRY(lyc__op_conv2d.infer(node, err));
    if (node->input_count > 1 && memcmp(node->in[1].dims, node->out.dims, sizeof node->out.dims) != 0)
        LYC_FAIL(err, LYC_ECONFIG, "what is added has another shape");
    node->out.type = node->attributes.narrow ? LYC__BF16 : LYC__F32;
    return LYC_OK;
}

bool lyc__frozen_adds(const lyc__node *conv2d) {
    return lyc__convolution_im2col.takes(conv2d);
}

/* ---- the reference: the kernels of conv2d ------------------------------------------------------------ */

static bool takes(const lyc__node *node, lyc_precision precision) {
    (void)node;
    return precision == LYC_PRECISION_F32;
}

static void compute(const lyc__call *call) {
    lyc__call plain = *call;
    plain.prepared = NULL;
    plain.relu = call->node->attributes.relu;
    plain.onto = call->node->input_count > 1;
    if (plain.onto && call->in[1].data != call->out.data)
        memcpy(call->out.data, call->in[1].data, call->out.rows * lyc__shape_bytes(&call->node->out));
    lyc__convolution_plain(call->node)->forward(&plain);
}

static size_t reference_scratch(const lyc__node *node, size_t rows) {
    const lyc__convolution *kernel = lyc__convolution_plain(node);
    return kernel->scratch_floats != NULL ? kernel->scratch_floats(node, rows) : 0;
}

const lyc__frozen_kernel lyc__frozen_conv2d_reference = {
    .name = "reference",
    .takes = takes,
    .forward = compute,
    .scratch_floats = reference_scratch,
};

/* ---- the operators ----------------------------------------------------------------------------------- */

const lyc__operator lyc__op_frozen_conv2d = {
    .name = "frozen_conv2d",
    .doc = "convolution with bias, ReLU",
    .inputs = 1,
    .infer = infer,
    .forward = lyc__frozen_forward,
    .scratch_floats = lyc__frozen_scratch,
    .preparation = &lyc__frozen_preparation,
};

const lyc__operator lyc__op_frozen_conv2d_add = {
    .name = "frozen_conv2d_add",
    .doc = "convolution with bias, plus input 1, ReLU",
    .inputs = 2,
    .traits = LYC__IN_PLACE_1,
    .infer = infer,
    .forward = lyc__frozen_forward,
    .scratch_floats = lyc__frozen_scratch,
    .preparation = &lyc__frozen_preparation,
};

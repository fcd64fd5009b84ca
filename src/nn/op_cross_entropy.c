/* Cross-entropy of each row against its label (a whole number; -1 = no label, no loss). */
#include <math.h>
#include <string.h>

#include "nn/operator.h"

static lyc_status infer(lyc__node *node, lyc_error *err) {
    if (node->in[0].rank != 1 || node->in[1].type != LYC__I32 || lyc__shape_size(&node->in[1]) != 1)
        LYC_FAIL(err, LYC_ECONFIG, "the inputs must be a row of logits and one whole number, the label");
    node->out = lyc__features(1);
    return LYC_OK;
}

static void forward(const lyc__call *call) {
    lyc__vector()->cross_entropy(call->in[0].data, call->in[1].data, 1, call->in[0].rows,
                                 call->node->in[0].dims[0], call->out.data, NULL);
}

static void backward(const lyc__call *call) {
    const size_t rows = call->in[0].rows, classes = call->node->in[0].dims[0];
    const float *d_out = call->d_out.data;
    float *d_in = call->d_in[0].data;
    memset(d_in, 0, rows * classes * sizeof *d_in);
    lyc__vector()->cross_entropy(call->in[0].data, call->in[1].data, 1, rows, classes, NULL, d_in);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < classes; c++) d_in[r * classes + c] *= d_out[r];
}

static void reference(const lyc__reference *call) {
    const size_t classes = call->node->in[0].dims[0];
    for (size_t r = 0; r < call->rows; r++) {
        const double *x = call->in[0] + r * classes;
        double most = -INFINITY, sum = 0;
        for (size_t c = 0; c < classes; c++) most = fmax(most, x[c]);
        for (size_t c = 0; c < classes; c++) sum += exp(x[c] - most);
        const long label = lround(call->in[1][r]);
        call->out[r] = label < 0 ? 0 : log(sum) - (x[label] - most);
    }
}

const lyc__operator lyc__op_cross_entropy = {
    .name = "cross_entropy",
    .doc = "cross-entropy of logits against a label",
    .inputs = 2,
    .constants = 1U << 1,
    .ids = 1U << 1,
    .traits = LYC__NEEDS_INPUT,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .reference = reference,
};

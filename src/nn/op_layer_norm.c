/* Layer normalisation (Ba, Kiros, Hinton 2016) over the last dimension, the features or an image's channels,
 * with PyTorch's meaning of epsilon: out = (x - mean) / sqrt(variance + epsilon) * weight + bias, mean and
 * (biased) variance being those of each row, or each pixel. The same in training and in inference. */
#include <math.h>
#include <string.h>

#include "nn/operator.h"

enum { WEIGHT, BIAS };

static size_t columns_of(const lyc__node *node) {
    return node->in[0].dims[node->in[0].rank - 1];
}

static size_t rows_of(const lyc__node *node, size_t rows) {
    return rows * lyc__shape_size(&node->in[0]) / columns_of(node);
}

static lyc_status infer(lyc__node *node, lyc_error *err) {
    const double epsilon = node->attributes.epsilon;
    if (!(epsilon > 0 && isfinite(epsilon)))
        LYC_FAIL(err, LYC_ECONFIG, "epsilon is %g, not a number above 0", epsilon);
    if (node->in[0].flat[0] * node->in[0].flat[1] > 1)
        LYC_FAIL(err, LYC_ECONFIG,
                 "the input is a flattened image, whose features files keep in another order;"
                 " put a linear layer in front");
    node->out = node->in[0];
    lyc__param *weight = lyc__node_declare(node, "weight", 1, columns_of(node), 1, 1, 1);
    lyc__param *bias = lyc__node_declare(node, "bias", 1, columns_of(node), 1, 1, 1);
    if (weight == NULL || bias == NULL) LYC_FAIL(err, LYC_ECONFIG, "more features than memory can hold");
    weight->law = bias->law = LYC__LAW_CONSTANT;
    weight->bound = 1;
    return LYC_OK;
}

/* Mean and inverse deviation of each row. */
static size_t saved_bytes(const lyc__node *node, size_t rows) {
    return 2 * rows_of(node, rows) * sizeof(float);
}

/* Two sums for each column, in double precision. */
static size_t scratch_floats(const lyc__node *node, size_t rows) {
    (void)rows;
    return 2 * columns_of(node) * sizeof(double) / sizeof(float);
}

static lyc__row_norm norm_of(const lyc__call *call) {
    float *means = call->saved;
    return (lyc__row_norm){.weight = call->param[WEIGHT],
                             .bias = call->param[BIAS],
                             .epsilon = (float)call->node->attributes.epsilon,
                             .means = means,
                             .inverses = means + rows_of(call->node, call->in[0].rows)};
}

static void forward(const lyc__call *call) {
    const lyc__row_norm norm = norm_of(call);
    lyc__vector()->layer_norm(call->in[0].data, &norm, rows_of(call->node, call->in[0].rows),
                              columns_of(call->node), call->out.data);
}

static void backward(const lyc__call *call) {
    const size_t columns = columns_of(call->node), rows = rows_of(call->node, call->in[0].rows);
    const lyc__row_norm norm = norm_of(call);
    double *sums = (double *)(void *)call->scratch, *products = sums + columns;
    memset(sums, 0, 2 * columns * sizeof *sums);
    lyc__vector()->layer_norm_products(call->in[0].data, call->d_out.data, &norm, rows, columns, sums,
                                       products);
    for (size_t c = 0; c < columns; c++) {
        call->d_param[WEIGHT][c] = (float)products[c];
        call->d_param[BIAS][c] = (float)sums[c];
    }
    if (call->d_in[0].data != NULL)
        lyc__vector()->layer_norm_backward(call->in[0].data, call->d_out.data, &norm, rows, columns,
                                           call->d_in[0].data);
}

static void reference(const lyc__reference *call) {
    const size_t columns = columns_of(call->node), rows = rows_of(call->node, call->rows);
    for (size_t r = 0; r < rows; r++) {
        const double *x = call->in[0] + r * columns;
        double mean = 0, variance = 0;
        for (size_t c = 0; c < columns; c++) mean += x[c] / (double)columns;
        for (size_t c = 0; c < columns; c++) variance += (x[c] - mean) * (x[c] - mean) / (double)columns;
        for (size_t c = 0; c < columns; c++)
            call->out[r * columns + c] =
                (x[c] - mean) / sqrt(variance + call->node->attributes.epsilon) * call->param[WEIGHT][c] +
                call->param[BIAS][c];
    }
}

const lyc__operator lyc__op_layer_norm = {
    .name = "layer_norm",
    .doc = "normalisation of each row, or pixel, over its features",
    .inputs = 1,
    .traits = LYC__IN_PLACE | LYC__GRADIENT_IN_PLACE | LYC__NEEDS_INPUT,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .reference = reference,
    .saved_bytes = saved_bytes,
    .scratch_floats = scratch_floats,
};

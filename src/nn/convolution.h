/* The seam between the operator conv2d and the code that computes it. One file a kernel, one row of the table
 * in op_conv2d.c, in order of preference; the first that takes a node computes it. A kernel sees one shard,
 * like an operator: memory comes with the call, the functions are safe to call from several threads.
 *
 * Weights are [kernel row, kernel column, channel of the group, output], outputs of a group side by side;
 * param[1], the bias, is NULL in a layer without. */
#ifndef NN_CONVOLUTION_H
#define NN_CONVOLUTION_H

#include "nn/operator.h"

typedef struct lyc__convolution {
    const char *name;
    bool (*takes)(const lyc__node *node);
    /* The whole layer: bias where there is one, ReLU where call->relu. */
    void (*forward)(const lyc__call *call);
    /* d_param[0], d_param[1] where there is a bias, d_in[0] where it has data. */
    void (*backward)(const lyc__call *call);
    size_t (*scratch_floats)(const lyc__node *node, size_t rows); /* (optional) */
} lyc__convolution;

extern const lyc__convolution lyc__convolution_im2col, lyc__convolution_depthwise, lyc__convolution_grouped;

/* For kernels that do not do this on their way: adds the bias to the output of `rows` images and applies the
 * ReLU; sums the gradient of the bias over the shard. */
void lyc__convolution_add_bias(const lyc__call *call, float *out, size_t rows);
void lyc__convolution_sum_bias(const lyc__call *call);

#endif

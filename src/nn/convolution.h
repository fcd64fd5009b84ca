/* The seam between the operator conv2d and the code that computes it. One file a kernel, one row of the table
 * in op_conv2d.c, in order of preference; the first that takes a node computes it. A kernel sees one shard,
 * like an operator: memory comes with the call, the functions are safe to call from several threads.
 *
 * Weights are [kernel row, kernel column, channel of the group, output], outputs of a group side by side;
 * param[1], the bias, is NULL in a layer without.
 *
 * A kernel with `prepare` works on what that makes, once a workspace; without it (call->prepared is NULL, as
 * in a call from outside a workspace) the others compute the node. */
#ifndef NN_CONVOLUTION_H
#define NN_CONVOLUTION_H

#include "nn/operator.h"

typedef struct lyc__convolution lyc__convolution;

/* What a kernel's own preparation begins with. */
typedef struct lyc__convolution_prepared {
    const lyc__convolution *kernel;
} lyc__convolution_prepared;

struct lyc__convolution {
    const char *name;
    bool (*takes)(const lyc__node *node);
    /* The whole layer: bias where there is one, ReLU where call->relu. */
    void (*forward)(const lyc__call *call);
    /* d_param[0], d_param[1] where there is a bias, d_in[0] where it has data. */
    void (*backward)(const lyc__call *call);
    size_t (*scratch_floats)(const lyc__node *node, size_t rows); /* (optional) */
    /* (optional) As in lyc__preparation; NULL in *out leaves the node to the next kernel. */
    lyc_status (*prepare)(const lyc__setup *setup, lyc__convolution_prepared **out, lyc_error *err);
    void (*release)(lyc__convolution_prepared *prepared);
    size_t (*prepared_scratch)(const lyc__convolution_prepared *prepared);
    size_t (*prepared_bytes)(const lyc__convolution_prepared *prepared);
    void (*refresh)(lyc__convolution_prepared *prepared, const float *const *param, bool backward);
};

extern const lyc__convolution lyc__convolution_onednn, lyc__convolution_im2col, lyc__convolution_depthwise,
    lyc__convolution_grouped;

/* The kernel that computes a node without preparation. */
const lyc__convolution *lyc__convolution_plain(const lyc__node *node);

/* The gradient of input 0 alone, where the node `spreads`: images with few channels. */
bool lyc__convolution_spreads(const lyc__node *node);
size_t lyc__convolution_spread_floats(const lyc__node *node); /* of scratch */
void lyc__convolution_spread(const lyc__call *call, float *scratch);

/* Forward (the whole layer) and the gradient of the weights of a node that is `thin`: images with one
 * channel, stride 1. */
bool lyc__convolution_is_thin(const lyc__node *node);
size_t lyc__convolution_thin_floats(const lyc__node *node); /* of scratch */
void lyc__convolution_thin(const lyc__call *call, float *scratch);
void lyc__convolution_thin_weights(const lyc__call *call, float *scratch);
/* With the code of a level that runs here: for tests. */
void lyc__convolution_thin_at(const lyc__vectors *level, const lyc__call *call, float *scratch);
void lyc__convolution_thin_weights_at(const lyc__vectors *level, const lyc__call *call, float *scratch);

/* Whether `conv`, a ReLU and `pool` behind it can be one conv2d_pool, and should; and that with the code of a
 * level that runs here, for tests. */
bool lyc__convolution_pools(const lyc__node *conv, const lyc__node *pool);
void lyc__conv2d_pool_at(const lyc__vectors *level, const lyc__call *call, float *scratch);
void lyc__conv2d_pool_gradient_at(const lyc__vectors *level, const lyc__call *call, float *scratch);

/* For kernels that do not do this on their way: adds the bias to the output of `rows` images and applies the
 * ReLU; sums the gradient of the bias over the shard. */
void lyc__convolution_add_bias(const lyc__call *call, float *out, size_t rows);
void lyc__convolution_sum_bias(const lyc__call *call);

#endif

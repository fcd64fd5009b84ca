/* Training's convolution, between the files of this folder that make it up.
 *
 * Primitives are compiled ahead for 1 .. `most` images each (forward, gradient of the input, of the weights);
 * more images are computed in equal pieces. So how a shard is computed is a function of its rows and the
 * node alone, and no primitive is ever created in a step. Primitives may want weights laid out in blocks of
 * their own: those are packed once a pass; gradients are brought back into the engine's layout once a shard.
 */
#ifndef NN_ONEDNN_CONVOLUTION_H
#define NN_ONEDNN_CONVOLUTION_H

#include "nn/convolution.h"
#include "nn/onednn/onednn.h"

/* Larger pieces gain nothing for the shapes of the benchmark, and every size is compiled. */
enum { LYC__ONEDNN_PIECE = 8 };

typedef enum lyc__onednn_pass {
    LYC__FORWARD,
    LYC__BACKWARD_DATA,
    LYC__BACKWARD_WEIGHTS,
    LYC__PASSES
} lyc__onednn_pass;

/* What one thread at a time needs to run primitives. */
typedef struct lyc__onednn_lane {
    dnnl_stream_t stream;
    dnnl_memory_t in[LYC__ONEDNN_PIECE], out[LYC__ONEDNN_PIECE]; /* images, or their gradients, by rows - 1 */
    dnnl_memory_t scratch[LYC__ONEDNN_PIECE][LYC__PASSES];       /* NULL: none wanted */
    dnnl_memory_t weights[LYC__PASSES];                          /* as the primitives lay them out */
    dnnl_memory_t plain, bias;                                   /* as the engine does */
} lyc__onednn_lane;

typedef struct lyc__onednn_convolution {
    lyc__convolution_prepared base;
    const lyc__node *node;
    bool relu, passes[LYC__PASSES]; /* which are there */
    size_t most, lane_count;
    dnnl_memory_desc_t in[LYC__ONEDNN_PIECE], out[LYC__ONEDNN_PIECE];
    dnnl_memory_desc_t plain, bias, weights[LYC__PASSES], scratch[LYC__ONEDNN_PIECE][LYC__PASSES];
    dnnl_primitive_t run[LYC__ONEDNN_PIECE][LYC__PASSES];
    dnnl_primitive_t
        reorder[LYC__PASSES];   /* plain to packed, of gradients packed to plain; NULL: they are one */
    float *packed[LYC__PASSES]; /* of the parameters of the last refresh; NULL as above */
    size_t packed_bytes[LYC__PASSES], scratch_bytes;
    lyc__onednn_lane *lanes, refresh; /* [lane_count]; for whoever refreshes */
} lyc__onednn_convolution;

/* convolution_create.c. *out is NULL where oneDNN has no better than reference code for the node. */
LYC_MUST_USE lyc_status lyc__onednn_convolution_create(lyc__onednn_convolution **out, const lyc__setup *setup,
                                                       lyc_error *err);
void lyc__onednn_convolution_destroy(lyc__onednn_convolution *convolution);

#endif

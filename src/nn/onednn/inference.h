/* Layers of frozen networks, between the files of this folder that make them up: inference_convolution.c and
 * inference_linear.c say what the primitive is, inference.c does the rest. Weights are packed once,
 * primitives compiled for shards of one size. */
#ifndef NN_ONEDNN_INFERENCE_H
#define NN_ONEDNN_INFERENCE_H

#include "nn/frozen.h"
#include "nn/onednn/onednn.h"

/* node->packed */
typedef struct lyc__onednn_layer {
    const lyc__node *node;
    dnnl_data_type_t type; /* that products are taken in */
    dnnl_dim_t rows;
    /* Input as the node gives it and as the primitive wants it, the residual as given, output; weights in the
     * engine's order and as the primitive wants them. */
    dnnl_memory_desc_t given, in, residual, out, plain, weights, bias, scratch;
    dnnl_primitive_t run, pack;
    dnnl_primitive_t convert_in, convert_residual; /* NULL: given in the primitive's type */
    dnnl_memory_t pack_from, pack_to;
    dnnl_stream_t pack_stream;
    void *packed;
} lyc__onednn_layer;

/* Fills the layer's descriptions from its node, then *out with the primitive's; weights may come as `any`. */
typedef lyc_status (*lyc__onednn_chooser)(lyc__onednn_layer *layer, const_dnnl_primitive_attr_t attributes,
                                          dnnl_primitive_desc_t *out, lyc_error *err);

lyc_status lyc__onednn_layer_create(lyc__node *node, const lyc_frozen *frozen, lyc__onednn_chooser choose,
                                    bool *taken, lyc_error *err);

/* The type of a value; of a layer with this type of products, that of its operands. */
dnnl_data_type_t lyc__onednn_type(const lyc__shape *shape);

/* Members of lyc__frozen_kernel. */
bool lyc__onednn_layer_takes(const lyc__node *node, lyc_precision precision);
void lyc__onednn_layer_release(lyc__node *node);
void lyc__onednn_layer_pack(const lyc__node *node, const float *params);
lyc_status lyc__onednn_layer_open(const lyc__setup *setup, lyc__frozen_prepared **out, lyc_error *err);
void lyc__onednn_layer_close(lyc__frozen_prepared *prepared);
void lyc__onednn_layer_forward(const lyc__call *call);

#endif

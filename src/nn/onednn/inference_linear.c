/* The fully connected layer of frozen networks. */
#include "nn/onednn/inference.h"

static lyc_status describe(lyc__onednn_layer *layer, lyc_error *err) {
    const lyc__node *node = layer->node;
    const dnnl_dim_t inputs = (dnnl_dim_t)lyc__shape_size(&node->in[0]),
                     outputs = (dnnl_dim_t)node->out.dims[0];
    const dnnl_dims_t in = {layer->rows, inputs}, out = {layer->rows, outputs}, weights = {outputs, inputs};
    LYC_TRY(lyc__onednn_describe(&layer->given, 2, in, lyc__onednn_type(&node->in[0]), dnnl_ab, err));
    LYC_TRY(lyc__onednn_describe(&layer->in, 2, in, layer->type, dnnl_ab, err));
    LYC_TRY(lyc__onednn_describe(&layer->out, 2, out, lyc__onednn_type(&node->out), dnnl_ab, err));
    LYC_TRY(lyc__onednn_describe(&layer->plain, 2, weights, dnnl_f32, dnnl_ba, err));
    LYC_TRY(lyc__onednn_describe(&layer->weights, 2, weights, layer->type, dnnl_format_tag_any, err));
    return lyc__onednn_describe(&layer->bias, 1, &outputs, dnnl_f32, dnnl_x, err);
}

static lyc_status choose(lyc__onednn_layer *layer, const_dnnl_primitive_attr_t attributes,
                         dnnl_primitive_desc_t *out, lyc_error *err) {
    dnnl_engine_t engine = NULL;
    dnnl_inner_product_desc_t desc;
    LYC_TRY(lyc__onednn_engine(&engine, err));
    LYC_TRY(describe(layer, err));
    LYC__ONEDNN_TRY(dnnl_inner_product_forward_desc_init(&desc, dnnl_forward_inference, &layer->in,
                                                         &layer->weights, &layer->bias, &layer->out),
                    "describe a fully connected layer", err);
    return lyc__onednn_status(dnnl_primitive_desc_create(out, &desc, attributes, engine, NULL),
                              "choose a fully connected layer", err);
}

static lyc_status prepare(lyc__node *node, const lyc_frozen *frozen, bool *taken, lyc_error *err) {
    return lyc__onednn_layer_create(node, frozen, choose, taken, err);
}

const lyc__frozen_kernel lyc__frozen_linear_onednn = {
    .name = "onednn",
    .takes = lyc__onednn_layer_takes,
    .prepare = prepare,
    .release = lyc__onednn_layer_release,
    .pack = lyc__onednn_layer_pack,
    .open = lyc__onednn_layer_open,
    .close = lyc__onednn_layer_close,
    .forward = lyc__onednn_layer_forward,
};

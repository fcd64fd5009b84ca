/* The convolution of frozen networks: activations NHWC, weights as oneDNN likes them. */
#include "nn/onednn/inference.h"

static lyc_status describe_images(dnnl_memory_desc_t *out, const lyc__onednn_layer *layer,
                                  const lyc__shape *shape, dnnl_data_type_t type, lyc_error *err) {
    const dnnl_dims_t dims = {layer->rows, (dnnl_dim_t)shape->dims[2], (dnnl_dim_t)shape->dims[0],
                              (dnnl_dim_t)shape->dims[1]};
    return lyc__onednn_describe(out, 4, dims, type, dnnl_nhwc, err);
}

/* [group, output, channel, row, column]; without groups from the second on. */
static lyc_status describe_weights(lyc__onednn_layer *layer, lyc_error *err) {
    const lyc__node *node = layer->node;
    const lyc__window *w = &node->window;
    const dnnl_dim_t groups = (dnnl_dim_t)node->groups, outputs = (dnnl_dim_t)node->out.dims[2],
                     channels = (dnnl_dim_t)w->channels / groups, width = (dnnl_dim_t)w->kernel[1];
    const dnnl_dims_t dims = {groups, outputs / groups, channels, (dnnl_dim_t)w->kernel[0], width};
    const dnnl_dims_t strides = {outputs / groups, 1, outputs, width * channels * outputs,
                                 channels * outputs};
    const int skip = groups > 1 ? 0 : 1;
    LYC_TRY(
        lyc__onednn_describe(&layer->weights, 5 - skip, dims + skip, layer->type, dnnl_format_tag_any, err));
    return lyc__onednn_status(
        dnnl_memory_desc_init_by_strides(&layer->plain, 5 - skip, dims + skip, dnnl_f32, strides + skip),
        "describe weights", err);
}

static lyc_status describe(lyc__onednn_layer *layer, lyc_error *err) {
    const lyc__node *node = layer->node;
    const dnnl_dim_t outputs = (dnnl_dim_t)node->out.dims[2];
    LYC_TRY(describe_images(&layer->given, layer, &node->in[0], lyc__onednn_type(&node->in[0]), err));
    LYC_TRY(describe_images(&layer->in, layer, &node->in[0], layer->type, err));
    LYC_TRY(describe_images(&layer->out, layer, &node->out, lyc__onednn_type(&node->out), err));
    if (node->input_count > 1)
        LYC_TRY(describe_images(&layer->residual, layer, &node->in[1], lyc__onednn_type(&node->in[1]), err));
    LYC_TRY(lyc__onednn_describe(&layer->bias, 1, &outputs, dnnl_f32, dnnl_x, err));
    return describe_weights(layer, err);
}

static lyc_status choose(lyc__onednn_layer *layer, const_dnnl_primitive_attr_t attributes,
                         dnnl_primitive_desc_t *out, lyc_error *err) {
    const lyc__node *node = layer->node;
    const lyc__window *w = &node->window;
    dnnl_engine_t engine = NULL;
    dnnl_convolution_desc_t desc;
    dnnl_dims_t stride, dilation, before, after;
    LYC_TRY(lyc__onednn_engine(&engine, err));
    LYC_TRY(describe(layer, err));
    for (int d = 0; d < 2; d++) {
        const size_t reach = (w->kernel[d] - 1) * node->dilation[d] + 1, last = node->out.dims[d] - 1;
        stride[d] = (dnnl_dim_t)w->stride[d];
        dilation[d] = (dnnl_dim_t)node->dilation[d] - 1;
        before[d] = (dnnl_dim_t)w->padding[d];
        /* What the last window needs; less than the padding where the stride leaves pixels over. */
        after[d] =
            (dnnl_dim_t)(last * w->stride[d] + reach) - (dnnl_dim_t)(node->in[0].dims[d] + w->padding[d]);
    }
    LYC__ONEDNN_TRY(dnnl_dilated_convolution_forward_desc_init(
                        &desc, dnnl_forward_inference, dnnl_convolution_direct, &layer->in, &layer->weights,
                        &layer->bias, &layer->out, stride, dilation, before, after),
                    "describe a convolution", err);
    return lyc__onednn_status(dnnl_primitive_desc_create(out, &desc, attributes, engine, NULL),
                              "choose a convolution", err);
}

static lyc_status prepare(lyc__node *node, const lyc_frozen *frozen, bool *taken, lyc_error *err) {
    return lyc__onednn_layer_create(node, frozen, choose, taken, err);
}

const lyc__frozen_kernel lyc__frozen_conv2d_onednn = {
    .name = "onednn",
    .takes = lyc__onednn_layer_takes,
    .prepare = prepare,
    .release = lyc__onednn_layer_release,
    .pack = lyc__onednn_layer_pack,
    .open = lyc__onednn_layer_open,
    .close = lyc__onednn_layer_close,
    .forward = lyc__onednn_layer_forward,
};

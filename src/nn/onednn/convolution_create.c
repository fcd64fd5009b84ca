/* Compiles the primitives of a convolution, and makes what they run with. */
#include <string.h>

#include "lyceum/memory.h"
#include "nn/onednn/convolution.h"

/* ---- descriptions --------------------------------------------------------------------------------- */

static lyc_status describe_images(dnnl_memory_desc_t *out, const lyc__shape *shape, size_t rows,
                                  lyc_error *err) {
    const dnnl_dims_t dims = {(dnnl_dim_t)rows, (dnnl_dim_t)shape->dims[2], (dnnl_dim_t)shape->dims[0],
                              (dnnl_dim_t)shape->dims[1]};
    return lyc__onednn_describe(out, 4, dims, dnnl_f32, dnnl_nhwc, err);
}

/* The weights [group, output, channel, row, column]; without groups from the second on. `plain` as the engine
 * has them, else as oneDNN likes. */
static lyc_status describe_weights(dnnl_memory_desc_t *out, const lyc__node *node, bool plain,
                                   lyc_error *err) {
    const lyc__window *w = &node->window;
    const dnnl_dim_t groups = (dnnl_dim_t)node->groups, outputs = (dnnl_dim_t)node->out.dims[2],
                     channels = (dnnl_dim_t)w->channels / groups, width = (dnnl_dim_t)w->kernel[1];
    const dnnl_dims_t dims = {groups, outputs / groups, channels, (dnnl_dim_t)w->kernel[0], width};
    const dnnl_dims_t strides = {outputs / groups, 1, outputs, width * channels * outputs,
                                 channels * outputs};
    const int skip = groups > 1 ? 0 : 1;
    if (!plain) return lyc__onednn_describe(out, 5 - skip, dims + skip, dnnl_f32, dnnl_format_tag_any, err);
    return lyc__onednn_status(
        dnnl_memory_desc_init_by_strides(out, 5 - skip, dims + skip, dnnl_f32, strides + skip),
        "describe weights", err);
}

static lyc_status describe(lyc__onednn_convolution *c, lyc_error *err) {
    const dnnl_dim_t outputs = (dnnl_dim_t)c->node->out.dims[2];
    for (size_t i = 0; i < LYC__ONEDNN_PIECE; i++) {
        LYC_TRY(describe_images(&c->in[i], &c->node->in[0], i + 1, err));
        LYC_TRY(describe_images(&c->out[i], &c->node->out, i + 1, err));
    }
    for (int pass = 0; pass < LYC__PASSES; pass++)
        LYC_TRY(describe_weights(&c->weights[pass], c->node, false, err));
    LYC_TRY(describe_weights(&c->plain, c->node, true, err));
    return lyc__onednn_describe(&c->bias, 1, &outputs, dnnl_f32, dnnl_x, err);
}

/* ---- primitives ----------------------------------------------------------------------------------- */

/* What all primitives of a node are made with. */
typedef struct maker {
    lyc__onednn_convolution *convolution;
    dnnl_engine_t engine;
    dnnl_primitive_attr_t plain, relu;
    bool reference; /* one of them would be reference code */
} maker;

static dnnl_status_t describe_pass(const maker *m, lyc__onednn_pass pass, size_t i,
                                   const dnnl_memory_desc_t *weights, dnnl_convolution_desc_t *out) {
    const lyc__onednn_convolution *c = m->convolution;
    const lyc__node *node = c->node;
    const lyc__window *w = &node->window;
    const dnnl_memory_desc_t *bias = node->param_count > 1 ? &c->bias : NULL;
    dnnl_dims_t stride, dilation, before, after;
    for (int d = 0; d < 2; d++) {
        const size_t in = node->in[0].dims[d], out_size = node->out.dims[d];
        const size_t reach = (w->kernel[d] - 1) * node->dilation[d] + 1;
        stride[d] = (dnnl_dim_t)w->stride[d];
        dilation[d] = (dnnl_dim_t)node->dilation[d] - 1;
        before[d] = (dnnl_dim_t)w->padding[d];
        /* What the last window needs; less than the padding where the stride leaves pixels over. */
        after[d] = (dnnl_dim_t)((out_size - 1) * w->stride[d] + reach) - (dnnl_dim_t)(in + w->padding[d]);
    }
    if (pass == LYC__BACKWARD_DATA)
        return dnnl_dilated_convolution_backward_data_desc_init(
            out, dnnl_convolution_direct, &c->in[i], weights, &c->out[i], stride, dilation, before, after);
    if (pass == LYC__BACKWARD_WEIGHTS)
        return dnnl_dilated_convolution_backward_weights_desc_init(out, dnnl_convolution_direct, &c->in[i],
                                                                   weights, NULL, &c->out[i], stride,
                                                                   dilation, before, after);
    return dnnl_dilated_convolution_forward_desc_init(out, dnnl_forward_training, dnnl_convolution_direct,
                                                      &c->in[i], weights, bias, &c->out[i], stride, dilation,
                                                      before, after);
}

/* The description of a pass over i + 1 images; `weights` may leave the layout to oneDNN. NULL with
 * `reference` set where there is nothing but reference code. */
static lyc_status choose(maker *m, lyc__onednn_pass pass, size_t i, const dnnl_memory_desc_t *weights,
                         const_dnnl_primitive_desc_t hint, dnnl_primitive_desc_t *out, lyc_error *err) {
    dnnl_convolution_desc_t desc;
    *out = NULL;
    LYC__ONEDNN_TRY(describe_pass(m, pass, i, weights, &desc), "describe a convolution", err);
    const bool relu = pass == LYC__FORWARD && m->convolution->relu;
    const dnnl_status_t status =
        dnnl_primitive_desc_create(out, &desc, relu ? m->relu : m->plain, m->engine, hint);
    if (status == dnnl_unimplemented) {
        *out = NULL;
        m->reference = true;
        return LYC_OK;
    }
    LYC_TRY(lyc__onednn_status(status, "choose a convolution", err));
    if (strncmp(lyc__onednn_implementation(*out), "ref", 3) != 0) return LYC_OK;
    m->reference = true;
    dnnl_primitive_desc_destroy(*out);
    *out = NULL;
    return LYC_OK;
}

static lyc_status compile(maker *m, lyc__onednn_pass pass, size_t i, const_dnnl_primitive_desc_t desc,
                          lyc_error *err) {
    m->convolution->scratch[i][pass] = *dnnl_primitive_desc_query_md(desc, dnnl_query_scratchpad_md, 0);
    return lyc__onednn_status(dnnl_primitive_create(&m->convolution->run[i][pass], desc),
                              "compile a convolution", err);
}

/* Leaves the layout of the weights to oneDNN where it is open, and notes its choice. */
static lyc_status make_pass(maker *m, lyc__onednn_pass pass, size_t i, bool compiles,
                            const_dnnl_primitive_desc_t hint, lyc_error *err) {
    dnnl_memory_desc_t *weights = &m->convolution->weights[pass];
    dnnl_primitive_desc_t desc = NULL;
    LYC_TRY(choose(m, pass, i, weights, hint, &desc, err));
    if (desc == NULL) return LYC_OK;
    *weights = *dnnl_primitive_desc_query_md(
        desc, pass == LYC__BACKWARD_WEIGHTS ? dnnl_query_diff_weights_md : dnnl_query_weights_md, 0);
    const lyc_status status = compiles ? compile(m, pass, i, desc, err) : LYC_OK;
    dnnl_primitive_desc_destroy(desc);
    return status;
}

/* All passes over i + 1 images. Backward ones want to know of a forward one with weights of any layout. */
static lyc_status make_passes(maker *m, size_t i, bool compiles, lyc_error *err) {
    dnnl_memory_desc_t any;
    dnnl_primitive_desc_t hint = NULL;
    LYC_TRY(describe_weights(&any, m->convolution->node, false, err));
    LYC_TRY(choose(m, LYC__FORWARD, i, &any, NULL, &hint, err));
    lyc_status status = LYC_OK;
    for (lyc__onednn_pass pass = 0; pass < LYC__PASSES && !m->reference; pass++)
        if (m->convolution->passes[pass]) LYC_TRY_GOTO(make_pass(m, pass, i, compiles, hint, err));
done:
    dnnl_primitive_desc_destroy(hint);
    return status;
}

static lyc_status append_relu(dnnl_primitive_attr_t attributes, lyc_error *err) {
    dnnl_post_ops_t steps = NULL;
    LYC__ONEDNN_TRY(dnnl_post_ops_create(&steps), "make attributes", err);
    dnnl_status_t status = dnnl_post_ops_append_eltwise(steps, 1, dnnl_eltwise_relu, 0, 0);
    if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(attributes, steps);
    dnnl_post_ops_destroy(steps);
    return lyc__onednn_status(status, "take a ReLU along", err);
}

static lyc_status make_primitives(lyc__onednn_convolution *c, bool *reference, lyc_error *err) {
    maker m = {.convolution = c};
    lyc_status status = LYC_OK;
    LYC_TRY_GOTO(lyc__onednn_engine(&m.engine, err));
    LYC_TRY_GOTO(lyc__onednn_attributes(&m.plain, err));
    LYC_TRY_GOTO(lyc__onednn_attributes(&m.relu, err));
    LYC_TRY_GOTO(append_relu(m.relu, err));
    /* Whole pieces choose the layouts, also in a workspace without: bits must not depend on its size. */
    LYC_TRY_GOTO(make_passes(&m, LYC__ONEDNN_PIECE - 1, false, err));
    for (size_t i = 0; i < c->most && !m.reference; i++) LYC_TRY_GOTO(make_passes(&m, i, true, err));
done:
    dnnl_primitive_attr_destroy(m.plain);
    dnnl_primitive_attr_destroy(m.relu);
    *reference = m.reference;
    return status;
}

/* ---- packing -------------------------------------------------------------------------------------- */

static lyc_status make_reorder(lyc__onednn_convolution *c, lyc__onednn_pass pass, lyc_error *err) {
    if (dnnl_memory_desc_equal(&c->plain, &c->weights[pass])) return LYC_OK;
    dnnl_engine_t engine = NULL;
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_primitive_desc_t desc = NULL;
    LYC_TRY(lyc__onednn_engine(&engine, err));
    LYC_TRY(lyc__onednn_attributes(&attributes, err));
    const bool back = pass == LYC__BACKWARD_WEIGHTS;
    dnnl_status_t status =
        dnnl_reorder_primitive_desc_create(&desc, back ? &c->weights[pass] : &c->plain, engine,
                                           back ? &c->plain : &c->weights[pass], engine, attributes);
    if (status == dnnl_success) status = dnnl_primitive_create(&c->reorder[pass], desc);
    if (status == dnnl_success && lyc__onednn_scratch_bytes(desc) > 0) status = dnnl_unimplemented;
    dnnl_primitive_desc_destroy(desc);
    dnnl_primitive_attr_destroy(attributes);
    LYC_TRY(lyc__onednn_status(status, "reorder weights", err));
    c->packed_bytes[pass] = dnnl_memory_desc_get_size(&c->weights[pass]);
    if (back) return LYC_OK;
    return lyc_allocate((void **)&c->packed[pass], 1, c->packed_bytes[pass], "packed weights", err);
}

/* ---- lanes ---------------------------------------------------------------------------------------- */

static lyc_status open_lane(const lyc__onednn_convolution *c, lyc__onednn_lane *lane, lyc_error *err) {
    dnnl_engine_t engine = NULL;
    LYC_TRY(lyc__onednn_engine(&engine, err));
    LYC__ONEDNN_TRY(dnnl_stream_create(&lane->stream, engine, dnnl_stream_default_flags), "make a stream",
                    err);
    LYC_TRY(lyc__onednn_memory(&lane->plain, &c->plain, err));
    LYC_TRY(lyc__onednn_memory(&lane->bias, &c->bias, err));
    for (int pass = 0; pass < LYC__PASSES; pass++) {
        if (!c->passes[pass]) continue;
        LYC_TRY(lyc__onednn_memory(&lane->weights[pass], &c->weights[pass], err));
        for (size_t i = 0; i < c->most; i++)
            if (dnnl_memory_desc_get_size(&c->scratch[i][pass]) > 0)
                LYC_TRY(lyc__onednn_memory(&lane->scratch[i][pass], &c->scratch[i][pass], err));
    }
    for (size_t i = 0; i < c->most; i++) {
        LYC_TRY(lyc__onednn_memory(&lane->in[i], &c->in[i], err));
        LYC_TRY(lyc__onednn_memory(&lane->out[i], &c->out[i], err));
    }
    return LYC_OK;
}

static void close_lane(lyc__onednn_lane *lane) {
    for (size_t i = 0; i < LYC__ONEDNN_PIECE; i++) {
        dnnl_memory_destroy(lane->in[i]);
        dnnl_memory_destroy(lane->out[i]);
        for (int pass = 0; pass < LYC__PASSES; pass++) dnnl_memory_destroy(lane->scratch[i][pass]);
    }
    for (int pass = 0; pass < LYC__PASSES; pass++) dnnl_memory_destroy(lane->weights[pass]);
    dnnl_memory_destroy(lane->plain);
    dnnl_memory_destroy(lane->bias);
    dnnl_stream_destroy(lane->stream);
}

static lyc_status open_lanes(lyc__onednn_convolution *c, lyc_error *err) {
    for (size_t i = 0; i < c->most; i++)
        for (int pass = 0; pass < LYC__PASSES; pass++) {
            const size_t bytes = dnnl_memory_desc_get_size(&c->scratch[i][pass]);
            if (bytes > c->scratch_bytes) c->scratch_bytes = bytes;
        }
    LYC_TRY(
        lyc_allocate((void **)&c->lanes, c->lane_count, sizeof *c->lanes, "oneDNN's memory objects", err));
    for (size_t i = 0; i < c->lane_count; i++) LYC_TRY(open_lane(c, &c->lanes[i], err));
    return open_lane(c, &c->refresh, err);
}

/* ---- the whole ------------------------------------------------------------------------------------ */

static lyc_status fill(lyc__onednn_convolution *c, bool *reference, lyc_error *err) {
    LYC_TRY(describe(c, err));
    LYC_TRY(make_primitives(c, reference, err));
    if (*reference) return LYC_OK;
    for (lyc__onednn_pass pass = 0; pass < LYC__PASSES; pass++)
        if (c->passes[pass]) LYC_TRY(make_reorder(c, pass, err));
    return open_lanes(c, err);
}

lyc_status lyc__onednn_convolution_create(lyc__onednn_convolution **out, const lyc__setup *setup,
                                          lyc_error *err) {
    *out = NULL;
    lyc__onednn_convolution *c = NULL;
    LYC_TRY(lyc_allocate((void **)&c, 1, sizeof *c, "a convolution", err));
    const bool trains = setup->mode == LYC_MODE_TRAIN, thin = lyc__convolution_is_thin(setup->node);
    *c = (lyc__onednn_convolution){
        .base = {&lyc__convolution_onednn},
        .node = setup->node,
        .relu = setup->relu,
        .passes = {!thin, trains && setup->d_in && !lyc__convolution_spreads(setup->node), trains && !thin},
        .most = setup->rows < LYC__ONEDNN_PIECE ? setup->rows : LYC__ONEDNN_PIECE,
        .lane_count = setup->lanes,
    };
    const int before = lyc__onednn_enter();
    bool reference = false;
    const lyc_status status = fill(c, &reference, err);
    lyc__onednn_leave(before);
    if (status == LYC_OK && !reference) *out = c;
    else lyc__onednn_convolution_destroy(c);
    return status;
}

void lyc__onednn_convolution_destroy(lyc__onednn_convolution *c) {
    if (c == NULL) return;
    for (size_t i = 0; c->lanes != NULL && i < c->lane_count; i++) close_lane(&c->lanes[i]);
    close_lane(&c->refresh);
    lyc_free(c->lanes);
    for (int pass = 0; pass < LYC__PASSES; pass++) {
        for (size_t i = 0; i < LYC__ONEDNN_PIECE; i++) dnnl_primitive_destroy(c->run[i][pass]);
        dnnl_primitive_destroy(c->reorder[pass]);
        lyc_free(c->packed[pass]);
    }
    lyc_free(c);
}

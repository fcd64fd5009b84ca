/* A frozen layer on oneDNN, whatever its primitive: weights packed once, ReLU and residual sum in the same
 * pass, operands brought to the primitive's type where they come in another. */
#include "nn/onednn/inference.h"

#include <string.h>

#include "lyceum/memory.h"

/* What calls of one workspace need; a lane is one call at a time. */
typedef struct lane {
    dnnl_stream_t stream;
    dnnl_memory_t given, in, residual, out, weights, bias, scratch;
} lane;

typedef struct prepared {
    lyc__frozen_prepared base;
    const lyc__onednn_layer *layer;
    size_t lane_count;
    lane *lanes;
} prepared;

dnnl_data_type_t lyc__onednn_type(const lyc__shape *shape) {
    return shape->type == LYC__BF16 ? dnnl_bf16 : dnnl_f32;
}

bool lyc__onednn_layer_takes(const lyc__node *node, lyc_precision precision) {
    (void)node;
    (void)precision;
    return true;
}

lyc_status lyc__frozen_check_bf16(lyc_error *err) {
    const dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
    if (isa == dnnl_cpu_isa_avx512_core || isa == dnnl_cpu_isa_avx512_core_vnni ||
        isa == dnnl_cpu_isa_avx512_core_bf16 || isa == dnnl_cpu_isa_avx512_core_amx)
        return LYC_OK;
    LYC_FAIL(err, LYC_EENVIRONMENT, "precision bf16 needs a CPU with AVX-512, which this one lacks; use f32");
}

/* ---- creating ------------------------------------------------------------------------------------------ */

/* The sum with what the output holds, then ReLU. */
static lyc_status append_steps(const lyc__node *node, dnnl_primitive_attr_t attributes, lyc_error *err) {
    dnnl_post_ops_t steps = NULL;
    LYC__ONEDNN_TRY(dnnl_post_ops_create(&steps), "make attributes", err);
    dnnl_status_t status = dnnl_success;
    if (node->input_count > 1) status = dnnl_post_ops_append_sum(steps, 1);
    if (status == dnnl_success && node->attributes.relu)
        status = dnnl_post_ops_append_eltwise(steps, 1, dnnl_eltwise_relu, 0, 0);
    if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(attributes, steps);
    dnnl_post_ops_destroy(steps);
    return lyc__onednn_status(status, "take a sum or a ReLU along", err);
}

/* A reorder that needs no scratchpad; NULL where the two are one. */
static lyc_status make_reorder(dnnl_primitive_t *out, const dnnl_memory_desc_t *from,
                               const dnnl_memory_desc_t *to, lyc_error *err) {
    if (dnnl_memory_desc_equal(from, to)) return LYC_OK;
    dnnl_engine_t engine = NULL;
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_primitive_desc_t desc = NULL;
    LYC_TRY(lyc__onednn_engine(&engine, err));
    LYC_TRY(lyc__onednn_attributes(&attributes, err));
    dnnl_status_t status = dnnl_reorder_primitive_desc_create(&desc, from, engine, to, engine, attributes);
    if (status == dnnl_success && lyc__onednn_scratch_bytes(desc) > 0) status = dnnl_unimplemented;
    if (status == dnnl_success) status = dnnl_primitive_create(out, desc);
    dnnl_primitive_desc_destroy(desc);
    dnnl_primitive_attr_destroy(attributes);
    return lyc__onednn_status(status, "reorder memory", err);
}

/* *taken = false where there is nothing better than loops, which our own kernels beat. */
static lyc_status make_primitive(lyc__onednn_layer *layer, lyc__onednn_chooser choose, bool *taken,
                                 lyc_error *err) {
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_primitive_desc_t desc = NULL;
    lyc_status status = LYC_OK;
    LYC_TRY_GOTO(lyc__onednn_attributes(&attributes, err));
    LYC_TRY_GOTO(append_steps(layer->node, attributes, err));
    LYC_TRY_GOTO(choose(layer, attributes, &desc, err));
    *taken = layer->type != dnnl_f32 || strncmp(lyc__onednn_implementation(desc), "ref", strlen("ref")) != 0;
    if (!*taken) goto done;
    layer->weights = *dnnl_primitive_desc_query_md(desc, dnnl_query_weights_md, 0);
    layer->scratch = *dnnl_primitive_desc_query_md(desc, dnnl_query_scratchpad_md, 0);
    status = lyc__onednn_status(dnnl_primitive_create(&layer->run, desc), "compile a layer", err);
done:
    dnnl_primitive_desc_destroy(desc);
    dnnl_primitive_attr_destroy(attributes);
    return status;
}

static lyc_status fill(lyc__onednn_layer *layer, lyc__onednn_chooser choose, bool *taken, lyc_error *err) {
    dnnl_engine_t engine = NULL;
    LYC_TRY(lyc__onednn_engine(&engine, err));
    LYC_TRY(make_primitive(layer, choose, taken, err));
    if (!*taken) return LYC_OK;
    LYC_TRY(make_reorder(&layer->convert_in, &layer->given, &layer->in, err));
    if (layer->node->input_count > 1)
        LYC_TRY(make_reorder(&layer->convert_residual, &layer->residual, &layer->out, err));
    LYC_TRY(make_reorder(&layer->pack, &layer->plain, &layer->weights, err));
    if (layer->pack == NULL) return LYC_OK;
    LYC_TRY(
        lyc_allocate(&layer->packed, 1, dnnl_memory_desc_get_size(&layer->weights), "packed weights", err));
    LYC_TRY(lyc__onednn_memory(&layer->pack_from, &layer->plain, err));
    LYC_TRY(lyc__onednn_memory(&layer->pack_to, &layer->weights, err));
    return lyc__onednn_status(dnnl_stream_create(&layer->pack_stream, engine, dnnl_stream_default_flags),
                              "make a stream", err);
}

lyc_status lyc__onednn_layer_create(lyc__node *node, const lyc_frozen *frozen, lyc__onednn_chooser choose,
                                    bool *taken, lyc_error *err) {
    lyc__onednn_layer *layer = NULL;
    LYC_TRY(lyc_allocate((void **)&layer, 1, sizeof *layer, "a frozen layer", err));
    layer->node = node;
    layer->type = frozen->precision == LYC_PRECISION_BF16 ? dnnl_bf16 : dnnl_f32;
    layer->rows = (dnnl_dim_t)frozen->shard_rows;
    node->packed = layer;
    const int before = lyc__onednn_enter();
    const lyc_status status = fill(layer, choose, taken, err);
    lyc__onednn_leave(before);
    if (status != LYC_OK || !*taken) lyc__onednn_layer_release(node);
    return status;
}

void lyc__onednn_layer_release(lyc__node *node) {
    lyc__onednn_layer *layer = node->packed;
    if (layer == NULL) return;
    node->packed = NULL;
    dnnl_primitive_destroy(layer->run);
    dnnl_primitive_destroy(layer->pack);
    dnnl_primitive_destroy(layer->convert_in);
    dnnl_primitive_destroy(layer->convert_residual);
    dnnl_memory_destroy(layer->pack_from);
    dnnl_memory_destroy(layer->pack_to);
    dnnl_stream_destroy(layer->pack_stream);
    lyc_free(layer->packed);
    lyc_free(layer);
}

/* ---- running ------------------------------------------------------------------------------------------- */

static void point(dnnl_memory_t memory, const void *at) {
    /* oneDNN has one type for what it reads and what it writes. */
    union {
        const void *constant;
        void *plain;
    } address = {at};
    (void)dnnl_memory_set_data_handle(memory, address.plain);
}

/* Nothing is left to fail: sizes were checked when the reorder was made, and memory is there. */
static void reorder(dnnl_primitive_t primitive, dnnl_stream_t stream, dnnl_memory_t from, dnnl_memory_t to) {
    const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    (void)dnnl_primitive_execute(primitive, stream, 2, arguments);
}

void lyc__onednn_layer_pack(const lyc__node *node, const float *params) {
    const lyc__onednn_layer *layer = node->packed;
    if (layer->pack == NULL) return;
    const int before = lyc__onednn_enter();
    point(layer->pack_from, params + node->params[0].offset);
    point(layer->pack_to, layer->packed);
    reorder(layer->pack, layer->pack_stream, layer->pack_from, layer->pack_to);
    lyc__onednn_leave(before);
}

static size_t round_up(size_t bytes) {
    return (bytes + LYC_ALIGNMENT - 1) / LYC_ALIGNMENT * LYC_ALIGNMENT;
}

/* The operands in the primitive's type: the input in scratch memory behind oneDNN's own, the residual in the
 * output, where the sum finds it. */
static void bring_operands(const lyc__onednn_layer *layer, const lane *mine, const lyc__call *call) {
    point(mine->out, call->out.data);
    point(mine->in, call->in[0].data);
    if (layer->convert_in != NULL) {
        point(mine->given, call->in[0].data);
        point(mine->in, (char *)call->scratch + round_up(dnnl_memory_desc_get_size(&layer->scratch)));
        reorder(layer->convert_in, mine->stream, mine->given, mine->in);
    }
    if (call->node->input_count < 2) return;
    if (layer->convert_residual != NULL) {
        point(mine->residual, call->in[1].data);
        reorder(layer->convert_residual, mine->stream, mine->residual, mine->out);
    } else if (call->in[1].data != call->out.data) {
        memcpy(call->out.data, call->in[1].data, call->out.rows * lyc__shape_bytes(&call->node->out));
    }
}

void lyc__onednn_layer_forward(const lyc__call *call) {
    const prepared *p = call->prepared;
    const lyc__onednn_layer *layer = p->layer;
    const lane *mine = &p->lanes[call->lane];
    dnnl_exec_arg_t arguments[] = {{DNNL_ARG_SRC, mine->in},
                                   {DNNL_ARG_DST, mine->out},
                                   {DNNL_ARG_WEIGHTS, mine->weights},
                                   {DNNL_ARG_BIAS, mine->bias},
                                   {DNNL_ARG_SCRATCHPAD, mine->scratch}};
    const int before = lyc__onednn_enter();
    bring_operands(layer, mine, call);
    point(mine->weights, layer->pack != NULL ? layer->packed : (const void *)call->param[0]);
    point(mine->bias, call->param[1]);
    if (mine->scratch != NULL) point(mine->scratch, call->scratch);
    (void)dnnl_primitive_execute(layer->run, mine->stream, mine->scratch != NULL ? 5 : 4, arguments);
    lyc__onednn_leave(before);
}

/* ---- workspaces ---------------------------------------------------------------------------------------- */

static lyc_status open_lane(const lyc__onednn_layer *layer, lane *mine, lyc_error *err) {
    dnnl_engine_t engine = NULL;
    LYC_TRY(lyc__onednn_engine(&engine, err));
    LYC__ONEDNN_TRY(dnnl_stream_create(&mine->stream, engine, dnnl_stream_default_flags), "make a stream",
                    err);
    LYC_TRY(lyc__onednn_memory(&mine->given, &layer->given, err));
    LYC_TRY(lyc__onednn_memory(&mine->in, &layer->in, err));
    LYC_TRY(lyc__onednn_memory(&mine->out, &layer->out, err));
    LYC_TRY(lyc__onednn_memory(&mine->weights, &layer->weights, err));
    LYC_TRY(lyc__onednn_memory(&mine->bias, &layer->bias, err));
    if (layer->node->input_count > 1) LYC_TRY(lyc__onednn_memory(&mine->residual, &layer->residual, err));
    if (dnnl_memory_desc_get_size(&layer->scratch) == 0) return LYC_OK;
    return lyc__onednn_memory(&mine->scratch, &layer->scratch, err);
}

static void close_lane(lane *mine) {
    dnnl_memory_t memories[] = {mine->given,   mine->in,   mine->residual, mine->out,
                                mine->weights, mine->bias, mine->scratch};
    for (size_t i = 0; i < sizeof memories / sizeof *memories; i++) dnnl_memory_destroy(memories[i]);
    dnnl_stream_destroy(mine->stream);
}

static lyc_status open_lanes(prepared *p, lyc_error *err) {
    LYC_TRY(
        lyc_allocate((void **)&p->lanes, p->lane_count, sizeof *p->lanes, "oneDNN's memory objects", err));
    for (size_t i = 0; i < p->lane_count; i++) LYC_TRY(open_lane(p->layer, &p->lanes[i], err));
    return LYC_OK;
}

lyc_status lyc__onednn_layer_open(const lyc__setup *setup, lyc__frozen_prepared **out, lyc_error *err) {
    prepared *p = NULL;
    const lyc__onednn_layer *layer = setup->node->packed;
    const size_t own = dnnl_memory_desc_get_size(&layer->scratch);
    const size_t converted = layer->convert_in != NULL ? dnnl_memory_desc_get_size(&layer->in) : 0;
    *out = NULL;
    LYC_TRY(lyc_allocate((void **)&p, 1, sizeof *p, "a frozen layer", err));
    *p = (prepared){.base = {.kernel = setup->node->kernel}, .layer = layer, .lane_count = setup->lanes};
    p->base.scratch_floats = (round_up(own) + round_up(converted)) / sizeof(float);
    p->base.bytes = sizeof *p + p->lane_count * sizeof *p->lanes;
    const int before = lyc__onednn_enter();
    const lyc_status status = open_lanes(p, err);
    lyc__onednn_leave(before);
    if (status == LYC_OK) *out = &p->base;
    else lyc__onednn_layer_close(&p->base);
    return status;
}

void lyc__onednn_layer_close(lyc__frozen_prepared *base) {
    prepared *p = (void *)base;
    for (size_t i = 0; p->lanes != NULL && i < p->lane_count; i++) close_lane(&p->lanes[i]);
    lyc_free(p->lanes);
    lyc_free(p);
}

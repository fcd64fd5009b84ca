/* Training's convolution on oneDNN: running it on a shard. */
#include "nn/onednn/convolution.h"

#include <string.h>

#include "lyceum/memory.h"
#include "nn/vector.h"

static bool takes(const lyc__node *node) {
    (void)node;
    return true;
}

/* ---- pieces of a shard ---------------------------------------------------------------------------- */

/* Images first .. first + rows - 1. */
typedef struct piece {
    size_t first, rows;
} piece;

static size_t piece_count(const lyc__onednn_convolution *c, size_t rows) {
    return (rows + c->most - 1) / c->most;
}

/* Equal ones, but for one image. */
static piece piece_at(const lyc__onednn_convolution *c, size_t rows, size_t index) {
    const size_t count = piece_count(c, rows), first = rows * index / count;
    return (piece){first, rows * (index + 1) / count - first};
}

/* ---- scratch memory: oneDNN's, the gradient as it lays it out, and that in the engine's layout ----------
 */

static size_t round_up(size_t bytes) {
    return (bytes + LYC_ALIGNMENT - 1) / LYC_ALIGNMENT * LYC_ALIGNMENT;
}

static size_t weight_bytes(const lyc__onednn_convolution *c) {
    return c->node->params[0].size * sizeof(float);
}

static size_t prepared_scratch(const lyc__convolution_prepared *prepared) {
    const lyc__onednn_convolution *c = (const void *)prepared;
    const size_t packed = c->packed_bytes[LYC__BACKWARD_WEIGHTS];
    const size_t own =
        (round_up(c->scratch_bytes) + round_up(packed) + round_up(weight_bytes(c))) / sizeof(float);
    const size_t spread = lyc__convolution_spreads(c->node) ? lyc__convolution_spread_floats(c->node) : 0;
    const size_t thin = c->passes[LYC__FORWARD] ? 0 : lyc__convolution_thin_floats(c->node);
    const size_t other = spread > thin ? spread : thin;
    return own > other ? own : other;
}

static float *packed_gradient(const lyc__onednn_convolution *c, const lyc__call *call) {
    return call->scratch + round_up(c->scratch_bytes) / sizeof(float);
}

static float *plain_gradient(const lyc__onednn_convolution *c, const lyc__call *call) {
    return packed_gradient(c, call) + round_up(c->packed_bytes[LYC__BACKWARD_WEIGHTS]) / sizeof(float);
}

/* ---- running primitives --------------------------------------------------------------------------- */

static void point(dnnl_memory_t memory, const void *at) {
    /* oneDNN has one type for what it reads and what it writes. */
    union {
        const void *constant;
        void *plain;
    } address = {at};
    (void)dnnl_memory_set_data_handle(memory, address.plain);
}

/* Nothing is left to fail: sizes were checked when the primitive was made, and memory is there. */
static void execute(dnnl_primitive_t primitive, dnnl_stream_t stream, const dnnl_exec_arg_t *arguments,
                    int count) {
    (void)dnnl_primitive_execute(primitive, stream, count, arguments);
}

static void reorder(const lyc__onednn_convolution *c, const lyc__onednn_lane *lane, lyc__onednn_pass pass,
                    const float *from, float *to) {
    const bool back = pass == LYC__BACKWARD_WEIGHTS;
    const dnnl_memory_t source = back ? lane->weights[pass] : lane->plain,
                        target = back ? lane->plain : lane->weights[pass];
    point(source, from);
    point(target, to);
    const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, source}, {DNNL_ARG_TO, target}};
    execute(c->reorder[pass], lane->stream, arguments, 2);
}

/* One pass over one piece, whose images and gradients are where the arguments say. */
static void run(const lyc__onednn_convolution *c, const lyc__call *call, lyc__onednn_pass pass, size_t rows,
                const float *in, const float *out, const float *weights) {
    static const int names[LYC__PASSES][3] = {{DNNL_ARG_SRC, DNNL_ARG_DST, DNNL_ARG_WEIGHTS},
                                              {DNNL_ARG_DIFF_SRC, DNNL_ARG_DIFF_DST, DNNL_ARG_WEIGHTS},
                                              {DNNL_ARG_SRC, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_WEIGHTS}};
    const lyc__onednn_lane *lane = &c->lanes[call->lane];
    const dnnl_memory_t scratch = lane->scratch[rows - 1][pass];
    dnnl_exec_arg_t arguments[5] = {{names[pass][0], lane->in[rows - 1]},
                                    {names[pass][1], lane->out[rows - 1]},
                                    {names[pass][2], lane->weights[pass]}};
    int count = 3;
    point(lane->in[rows - 1], in);
    point(lane->out[rows - 1], out);
    point(lane->weights[pass], weights);
    if (scratch != NULL) {
        point(scratch, call->scratch);
        arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, scratch};
    }
    if (pass == LYC__FORWARD && c->node->param_count > 1) {
        point(lane->bias, call->param[1]);
        arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_BIAS, lane->bias};
    }
    execute(c->run[rows - 1][pass], lane->stream, arguments, count);
}

/* ---- forward -------------------------------------------------------------------------------------- */

static const float *weights_of(const lyc__onednn_convolution *c, const lyc__call *call,
                               lyc__onednn_pass pass) {
    return c->packed[pass] != NULL ? c->packed[pass] : call->param[0];
}

static void forward(const lyc__call *call) {
    const lyc__onednn_convolution *c = call->prepared;
    if (!c->passes[LYC__FORWARD]) {
        lyc__convolution_thin(call, call->scratch);
        return;
    }
    const size_t in_size = lyc__shape_size(&c->node->in[0]), out_size = lyc__shape_size(&c->node->out);
    const float *in = call->in[0].data, *out = call->out.data;
    const int before = lyc__onednn_enter();
    for (size_t i = 0; i < piece_count(c, call->in[0].rows); i++) {
        const piece p = piece_at(c, call->in[0].rows, i);
        run(c, call, LYC__FORWARD, p.rows, in + p.first * in_size, out + p.first * out_size,
            weights_of(c, call, LYC__FORWARD));
    }
    lyc__onednn_leave(before);
}

/* ---- backward ------------------------------------------------------------------------------------- */

/* The gradient of the weights by one piece: written for the first, added for the others. */
static void add_weights(const lyc__onednn_convolution *c, const lyc__call *call, piece p) {
    const size_t in_size = lyc__shape_size(&c->node->in[0]), out_size = lyc__shape_size(&c->node->out);
    const float *in = call->in[0].data, *d_out = call->d_out.data;
    float *target = p.first == 0 ? call->d_param[0] : plain_gradient(c, call);
    const bool packs = c->reorder[LYC__BACKWARD_WEIGHTS] != NULL;
    float *written = packs ? packed_gradient(c, call) : target;
    run(c, call, LYC__BACKWARD_WEIGHTS, p.rows, in + p.first * in_size, d_out + p.first * out_size, written);
    if (packs) reorder(c, &c->lanes[call->lane], LYC__BACKWARD_WEIGHTS, written, target);
    if (p.first > 0) lyc__vector()->add(call->d_param[0], target, c->node->params[0].size, call->d_param[0]);
}

static void backward(const lyc__call *call) {
    const lyc__onednn_convolution *c = call->prepared;
    const size_t in_size = lyc__shape_size(&c->node->in[0]), out_size = lyc__shape_size(&c->node->out);
    const float *d_in = call->d_in[0].data, *d_out = call->d_out.data;
    const int before = lyc__onednn_enter();
    for (size_t i = 0; i < piece_count(c, call->in[0].rows); i++) {
        const piece p = piece_at(c, call->in[0].rows, i);
        if (c->passes[LYC__BACKWARD_WEIGHTS]) add_weights(c, call, p);
        if (d_in != NULL && c->passes[LYC__BACKWARD_DATA])
            run(c, call, LYC__BACKWARD_DATA, p.rows, d_in + p.first * in_size, d_out + p.first * out_size,
                weights_of(c, call, LYC__BACKWARD_DATA));
    }
    lyc__onednn_leave(before);
    if (!c->passes[LYC__BACKWARD_WEIGHTS]) lyc__convolution_thin_weights(call, call->scratch);
    if (d_in != NULL && !c->passes[LYC__BACKWARD_DATA]) lyc__convolution_spread(call, call->scratch);
    lyc__convolution_sum_bias(call);
}

/* ---- preparation ---------------------------------------------------------------------------------- */

static lyc_status prepare(const lyc__setup *setup, lyc__convolution_prepared **out, lyc_error *err) {
    lyc__onednn_convolution *made = NULL;
    *out = NULL;
    LYC_TRY(lyc__onednn_convolution_create(&made, setup, err));
    if (made != NULL) *out = &made->base;
    return LYC_OK;
}

static void release(lyc__convolution_prepared *prepared) {
    lyc__onednn_convolution_destroy((void *)prepared);
}

static size_t prepared_bytes(const lyc__convolution_prepared *prepared) {
    const lyc__onednn_convolution *c = (const void *)prepared;
    return sizeof *c + c->lane_count * sizeof *c->lanes + c->packed_bytes[LYC__FORWARD] +
           c->packed_bytes[LYC__BACKWARD_DATA];
}

static void refresh(lyc__convolution_prepared *prepared, const float *const *param, bool backwards) {
    const lyc__onednn_convolution *c = (const void *)prepared;
    const lyc__onednn_pass pass = backwards ? LYC__BACKWARD_DATA : LYC__FORWARD;
    if (c->packed[pass] == NULL) return;
    const int before = lyc__onednn_enter();
    reorder(c, &c->refresh, pass, param[0], c->packed[pass]);
    lyc__onednn_leave(before);
}

const lyc__convolution lyc__convolution_onednn = {
    .name = "onednn",
    .takes = takes,
    .forward = forward,
    .backward = backward,
    .prepare = prepare,
    .release = release,
    .prepared_scratch = prepared_scratch,
    .prepared_bytes = prepared_bytes,
    .refresh = refresh,
};

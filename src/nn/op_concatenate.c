/* Several values side by side: features behind features, channels behind channels of the same pixels. */
#include <string.h>

#include "nn/operator.h"

static size_t width_of(const lyc__shape *shape) {
    return shape->dims[shape->rank - 1];
}

static bool fit(const lyc__shape *a, const lyc__shape *b) {
    if (a->rank != b->rank || a->type != b->type) return false;
    return memcmp(a->dims, b->dims, (size_t)(a->rank - 1) * sizeof *a->dims) == 0;
}

static lyc_status infer(lyc__node *node, lyc_error *err) {
    size_t width = 0;
    for (int i = 0; i < node->input_count; i++) {
        const lyc__shape *in = &node->in[i];
        if (!fit(in, &node->in[0]))
            LYC_FAIL(err, LYC_ECONFIG, "inputs 0 and %d differ in more than their features", i);
        if (in->flat[0] * in->flat[1] > 1)
            LYC_FAIL(err, LYC_ECONFIG, "input %d is a flattened image; concatenate in front of the flatten",
                     i);
        width += width_of(in);
    }
    node->out = node->in[0];
    node->out.dims[node->out.rank - 1] = width;
    memset(node->out.flat, 0, sizeof node->out.flat);
    return LYC_OK;
}

/* Pixels of a shard; rows where there are none. */
static size_t pixels_of(const lyc__node *node, size_t rows) {
    return rows * lyc__shape_size(&node->out) / width_of(&node->out);
}

static size_t element_bytes(const lyc__node *node) {
    return lyc__shape_bytes(&node->out) / lyc__shape_size(&node->out);
}

/* Copies columns of `from`, `from_width` bytes wide, to columns of `to`. */
static void copy_columns(const void *from, size_t from_width, void *to, size_t to_width, size_t pixels,
                         size_t bytes) {
    const unsigned char *source = from;
    unsigned char *target = to;
    for (size_t p = 0; p < pixels; p++) memcpy(target + p * to_width, source + p * from_width, bytes);
}

static void forward(const lyc__call *call) {
    const lyc__node *node = call->node;
    const size_t element = element_bytes(node), pixels = pixels_of(node, call->out.rows);
    unsigned char *out = call->out.data;
    for (int i = 0; i < node->input_count; i++) {
        const size_t bytes = width_of(&node->in[i]) * element;
        copy_columns(call->in[i].data, bytes, out, width_of(&node->out) * element, pixels, bytes);
        out += bytes;
    }
}

static void backward(const lyc__call *call) {
    const lyc__node *node = call->node;
    const float *d_out = call->d_out.data;
    for (int i = 0; i < node->input_count; i++) {
        const size_t bytes = width_of(&node->in[i]) * sizeof *d_out;
        if (call->d_in[i].data != NULL)
            copy_columns(d_out, width_of(&node->out) * sizeof *d_out, call->d_in[i].data, bytes,
                         pixels_of(node, call->out.rows), bytes);
        d_out += width_of(&node->in[i]);
    }
}

static void reference(const lyc__reference *call) {
    const lyc__node *node = call->node;
    const size_t pixels = pixels_of(node, call->rows), width = width_of(&node->out);
    for (size_t p = 0; p < pixels; p++)
        for (size_t i = 0, at = 0; i < (size_t)node->input_count; at += width_of(&node->in[i++]))
            for (size_t c = 0; c < width_of(&node->in[i]); c++)
                call->out[p * width + at + c] = call->in[i][p * width_of(&node->in[i]) + c];
}

const lyc__operator lyc__op_concatenate = {
    .name = "concatenate",
    .doc = "values side by side: their features, or their channels",
    .inputs = 1,
    .most_inputs = LYC__MAX_INPUTS,
    .traits = LYC__MOVES,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .reference = reference,
};

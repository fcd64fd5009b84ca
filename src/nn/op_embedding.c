/* A row of a table for each id, with PyTorch's meaning of padding: its entry starts as zeros and has no
 * gradient. One id a row (packed text: a row is a token) gives features; several give an image of height 1.
 *
 * Ids are data: whoever reads them compares them with lyc_network_check_ids. An id that is no entry all the
 * same becomes NaN, so that the loss is not finite, which every caller refuses; it reads and writes no
 * foreign memory. */
#include <math.h>
#include <string.h>

#include "nn/operator.h"

static lyc_status infer(lyc__node *node, lyc_error *err) {
    const lyc__attributes *a = &node->attributes;
    const lyc__shape *in = &node->in[0];
    if (a->entries < 1 || a->entries > INT32_MAX || a->outputs < 1)
        LYC_FAIL(err, LYC_ECONFIG, "a table of %zu entries of %zu features is none", a->entries, a->outputs);
    if (a->pads && (a->padding_id < 0 || (size_t)a->padding_id >= a->entries))
        LYC_FAIL(err, LYC_ECONFIG, "the padding id %d is none of the %zu entries", (int)a->padding_id,
                 a->entries);
    node->out = in->dims[0] == 1 ? lyc__features(a->outputs) : lyc__image(1, in->dims[0], a->outputs);
    /* In files and in the block entry by entry, which is no permutation of [outer, channel]. */
    size_t size = 0;
    lyc__param *weight = NULL;
    if (!__builtin_mul_overflow(a->entries, a->outputs, &size))
        weight = lyc__node_declare(node, "weight", 2, 1, size, 1, 1);
    if (weight == NULL)
        LYC_FAIL(err, LYC_ECONFIG, "%zu entries of %zu features are more than memory can hold", a->entries,
                 a->outputs);
    weight->dims[0] = (int64_t)a->entries;
    weight->dims[1] = (int64_t)a->outputs;
    weight->law = LYC__LAW_NORMAL;
    weight->bound = 1;
    weight->decays = true;
    if (a->pads) {
        weight->blank.first = (size_t)a->padding_id * a->outputs;
        weight->blank.count = a->outputs;
    }
    return LYC_OK;
}

static size_t count_of(const lyc__node *node, size_t rows) {
    return rows * node->in[0].dims[0];
}

static bool is_entry(const lyc__node *node, int32_t id) {
    return id >= 0 && (size_t)id < node->attributes.entries;
}

static void forward(const lyc__call *call) {
    const size_t width = call->node->attributes.outputs, count = count_of(call->node, call->in[0].rows);
    const int32_t *ids = call->in[0].data;
    float *out = call->out.data;
    for (size_t i = 0; i < count; i++, out += width) {
        if (is_entry(call->node, ids[i]))
            memcpy(out, call->param[0] + (size_t)ids[i] * width, width * sizeof *out);
        else
            for (size_t c = 0; c < width; c++) out[c] = NAN;
    }
}

/* Id after id, so that the sums have one order. */
static void backward(const lyc__call *call) {
    const lyc__attributes *a = &call->node->attributes;
    const size_t width = a->outputs, count = count_of(call->node, call->in[0].rows);
    const int32_t *ids = call->in[0].data;
    const float *d = call->d_out.data;
    memset(call->d_param[0], 0, a->entries * width * sizeof(float));
    for (size_t i = 0; i < count; i++, d += width) {
        if (!is_entry(call->node, ids[i]) || (a->pads && ids[i] == a->padding_id)) continue;
        float *row = call->d_param[0] + (size_t)ids[i] * width;
        lyc__vector()->add(row, d, width, row);
    }
}

/* The entry of the padding is a constant: what it is worth in the table does not matter to the gradient. */
static void reference(const lyc__reference *call) {
    const size_t width = call->node->attributes.outputs, count = count_of(call->node, call->rows);
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < width; c++)
            call->out[i * width + c] = call->param[0][(size_t)call->in[0][i] * width + c];
}

const lyc__operator lyc__op_embedding = {
    .name = "embedding",
    .doc = "a learned row of features for each id",
    .inputs = 1,
    .constants = 1,
    .ids = 1,
    .traits = LYC__NEEDS_INPUT,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .reference = reference,
};

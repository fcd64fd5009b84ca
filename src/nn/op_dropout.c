/* Zeroes each element with probability `rate` and scales the rest by 1 / (1 - rate), in training; passes
 * everything in inference (Srivastava et al. 2014, inverted form). What is dropped is a function of (seed,
 * epoch, step, row of the batch, place in the network), so that it does not depend on shards. */
#include <string.h>

#include "lyceum/random.h"
#include "nn/operator.h"

/* Blocks of four random numbers that one node may draw for a row: the node's place is the upper part of
 * the block number. */
enum { BLOCK_BITS = 20, WORDS = 4 };

static lyc_status infer(lyc__node *node, lyc_error *err) {
    const double rate = node->attributes.rate;
    if (!(rate >= 0 && rate < 1)) LYC_FAIL(err, LYC_ECONFIG, "the rate %g is not in [0, 1)", rate);
    if (lyc__shape_size(&node->in[0]) > ((size_t)WORDS << BLOCK_BITS) ||
        node->stream >> (32 - BLOCK_BITS) != 0)
        LYC_FAIL(err, LYC_ECONFIG, "a network this large has no random numbers to drop with");
    node->out = node->in[0];
    return LYC_OK;
}

static size_t saved_bytes(const lyc__node *node, size_t rows) {
    return rows * lyc__shape_size(&node->in[0]);
}

/* keep[i] = 1 or 0 for the elements of one row. */
static void draw_row(const lyc__node *node, const lyc__draw *draw, size_t row, uint8_t *keep) {
    const size_t size = lyc__shape_size(&node->in[0]);
    const uint32_t threshold = (uint32_t)(node->attributes.rate * 4294967296.0);
    const lyc_random_key key = {.seed = draw->seed,
                                .purpose = LYC_PURPOSE_DROPOUT,
                                .epoch = draw->epoch,
                                .step = draw->step,
                                .sample = (uint32_t)(draw->first_row + row)};
    for (size_t i = 0; i < size; i += WORDS) {
        uint32_t words[WORDS];
        lyc_random_block(&key, node->stream << BLOCK_BITS | (uint32_t)(i / WORDS), words);
        for (size_t j = 0; j < WORDS && i + j < size; j++) keep[i + j] = words[j] >= threshold;
    }
}

static void apply(const lyc__node *node, const float *in, const uint8_t *keep, size_t count, float *out) {
    const float scale = (float)(1 / (1 - node->attributes.rate));
    for (size_t i = 0; i < count; i++) out[i] = keep[i] != 0 ? in[i] * scale : 0;
}

static void forward(const lyc__call *call) {
    const size_t rows = call->in[0].rows, size = lyc__shape_size(&call->node->in[0]);
    if (call->mode == LYC_MODE_INFER) {
        if (call->in[0].data != call->out.data)
            memcpy(call->out.data, call->in[0].data, rows * size * sizeof(float));
        return;
    }
    uint8_t *keep = call->saved;
    for (size_t r = 0; r < rows; r++) draw_row(call->node, &call->draw, r, keep + r * size);
    apply(call->node, call->in[0].data, keep, rows * size, call->out.data);
}

static void backward(const lyc__call *call) {
    const size_t count = call->in[0].rows * lyc__shape_size(&call->node->in[0]);
    apply(call->node, call->d_out.data, call->saved, count, call->d_in[0].data);
}

static void reference(const lyc__reference *call) {
    const size_t size = lyc__shape_size(&call->node->in[0]);
    const double scale = 1 / (1 - call->node->attributes.rate);
    const uint32_t threshold = (uint32_t)(call->node->attributes.rate * 4294967296.0);
    for (size_t r = 0; r < call->rows; r++)
        for (size_t i = 0; i < size; i++) {
            const lyc_random_key key = {call->draw.seed, LYC_PURPOSE_DROPOUT, call->draw.epoch,
                                        call->draw.step, (uint32_t)(call->draw.first_row + r)};
            uint32_t words[WORDS];
            lyc_random_block(&key, call->node->stream << BLOCK_BITS | (uint32_t)(i / WORDS), words);
            const bool keep = call->mode == LYC_MODE_INFER || words[i % WORDS] >= threshold;
            const double kept = call->mode == LYC_MODE_INFER ? 1 : scale;
            call->out[r * size + i] = keep ? call->in[0][r * size + i] * kept : 0;
        }
}

const lyc__operator lyc__op_dropout = {
    .name = "dropout",
    .doc = "random zeroing in training, nothing in inference",
    .inputs = 1,
    .traits = LYC__IN_PLACE | LYC__GRADIENT_IN_PLACE | LYC__IDENTITY_INFERRING,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .reference = reference,
    .saved_bytes = saved_bytes,
};

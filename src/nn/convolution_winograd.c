/* Convolutions of 3 x 3 in frozen networks by the algorithm of Winograd, which needs a quarter of the
 * products (vector_winograd_body.h); weights are brought into its form once, when they are packed. */
#include "lyceum/memory.h"
#include "nn/frozen.h"

enum { ELEMENTS = 36, MOST_CHANNELS = 256, FEWEST_LANES = 8 };

size_t lyc__winograd_tiles(size_t channels) {
    return channels <= 64 ? 48 : 24;
}

size_t lyc__winograd_scratch(const lyc__window *window, size_t lanes) {
    const size_t channels = window->channels, tiles = lyc__winograd_tiles(channels);
    return channels + ELEMENTS * (tiles * (channels + 2 * lanes) + 2 * LYC__WINOGRAD_GAP);
}

static size_t divide_up(size_t a, size_t b) {
    return (a + b - 1) / b;
}

/* Whether the tiles of 4 x 4 waste at most a third. */
static bool tiles_well(size_t height, size_t width) {
    return 3 * height * width >= 2 * 16 * divide_up(height, 4) * divide_up(width, 4);
}

static bool fits(const lyc__node *node, size_t lanes) {
    const lyc__window *w = &node->window;
    const size_t outputs = node->out.dims[2];
    return node->groups == 1 && node->dilation[0] == 1 && node->dilation[1] == 1 && w->kernel[0] == 3 &&
           w->kernel[1] == 3 && w->stride[0] == 1 && w->stride[1] == 1 && w->channels % lanes == 0 &&
           w->channels <= MOST_CHANNELS && outputs % lanes == 0 && tiles_well(w->out_height, w->out_width);
}

/* ---- weights: G g G' --------------------------------------------------------------------------------- */

/* Three numbers into six; `step` apart. */
static void transform(const double *g, double *out, size_t step) {
    const double ends = g[0] + g[2], quarter = g[0] / 24 + g[2] / 6;
    out[0] = g[0] / 4;
    out[step] = -(ends + g[1]) / 6;
    out[2 * step] = -(ends - g[1]) / 6;
    out[3 * step] = quarter + g[1] / 12;
    out[4 * step] = quarter - g[1] / 12;
    out[5 * step] = g[2];
}

/* The 36 elements of one channel's weights for one output, which lie `step` apart. */
static void transform_weights(const float *weights, size_t step, double out[ELEMENTS]) {
    double columns[6][3];
    for (size_t j = 0; j < 3; j++) {
        const double column[3] = {(double)weights[j * step], (double)weights[(3 + j) * step],
                                  (double)weights[(6 + j) * step]};
        transform(column, &columns[0][j], 3);
    }
    for (size_t i = 0; i < 6; i++) transform(columns[i], out + i * 6, 1);
}

/* [block of outputs][element][channel][output of the block] of [kernel pixel][channel][output]. */
void lyc__winograd_weights(const lyc__window *window, size_t outputs, size_t lanes, const float *weights,
                           float *out) {
    const size_t channels = window->channels;
    double elements[ELEMENTS];
    for (size_t first = 0; first < outputs; first += 2 * lanes) {
        const size_t block = outputs - first < 2 * lanes ? outputs - first : 2 * lanes;
        for (size_t c = 0; c < channels; c++)
            for (size_t o = 0; o < block; o++) {
                transform_weights(weights + c * outputs + first + o, channels * outputs, elements);
                for (size_t e = 0; e < ELEMENTS; e++)
                    out[(e * channels + c) * block + o] = (float)elements[e];
            }
        out += ELEMENTS * channels * block;
    }
}

/* ---- in frozen networks ------------------------------------------------------------------------------ */

/* With few lanes the products are no longer what takes the time. */
static bool takes(const lyc__node *node, lyc_precision precision) {
    const size_t lanes = lyc__vector()->lanes;
    return precision == LYC_PRECISION_F32 && lanes >= FEWEST_LANES && fits(node, lanes);
}

static lyc_status prepare(lyc__node *node, const lyc_frozen *frozen, bool *taken, lyc_error *err) {
    (void)frozen;
    *taken = true;
    return lyc_allocate(&node->packed, ELEMENTS * node->window.channels * node->out.dims[2], sizeof(float),
                        "packed weights", err);
}

static void release(lyc__node *node) {
    lyc_free(node->packed);
    node->packed = NULL;
}

static void pack(const lyc__node *node, const float *params) {
    lyc__winograd_weights(&node->window, node->out.dims[2], lyc__vector()->lanes,
                          params + node->params[0].offset, node->packed);
}

static void forward(const lyc__call *call) {
    const lyc__node *node = call->node;
    const lyc__winograd layer = {.outputs = node->out.dims[2],
                                 .weights = node->packed,
                                 .bias = call->param[1],
                                 .residual = node->input_count > 1 ? call->in[1].data : NULL,
                                 .relu = node->attributes.relu};
    lyc__vector()->winograd(&node->window, &layer, call->in[0].rows, call->in[0].data, call->scratch,
                            call->out.data);
}

static size_t scratch_floats(const lyc__node *node, size_t rows) {
    (void)rows;
    return lyc__winograd_scratch(&node->window, lyc__vector()->lanes);
}

const lyc__frozen_kernel lyc__frozen_conv2d_winograd = {
    .name = "winograd",
    .takes = takes,
    .prepare = prepare,
    .release = release,
    .pack = pack,
    .forward = forward,
    .scratch_floats = scratch_floats,
};

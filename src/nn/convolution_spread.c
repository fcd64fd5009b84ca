/* The gradient of images with few channels: what every output pixel gives to the image under each line of the
 * kernel is one run of neighbouring values, columns and channels alike, so that few channels fill vectors
 * too. */
#include <string.h>

#include "nn/convolution.h"

/* Up to here kernels that have a vector for the channels of a pixel leave more than half of it empty. */
enum { FEW_CHANNELS = 8 };

bool lyc__convolution_spreads(const lyc__node *node) {
    return node->groups == 1 && node->dilation[0] == 1 && node->dilation[1] == 1 &&
           node->window.channels <= FEW_CHANNELS && node->window.kernel[1] > 1;
}

static size_t turned_floats(const lyc__node *node) {
    return node->window.kernel[0] * node->out.dims[2] * lyc__spread_run(&node->window);
}

size_t lyc__convolution_spread_floats(const lyc__node *node) {
    return turned_floats(node) + lyc__window_scratch(&node->window);
}

/* [kernel row][output][kernel column, channel, zeros] of [kernel row][kernel column, channel][output]. */
static void turn_weights(const lyc__node *node, const float *weights, float *turned) {
    const size_t run = node->window.kernel[1] * node->window.channels, outputs = node->out.dims[2],
                 wide = lyc__spread_run(&node->window);
    memset(turned, 0, turned_floats(node) * sizeof *turned);
    for (size_t i = 0; i < node->window.kernel[0]; i++, weights += run * outputs, turned += wide * outputs)
        for (size_t j = 0; j < run; j++)
            for (size_t o = 0; o < outputs; o++) turned[o * wide + j] = weights[j * outputs + o];
}

void lyc__convolution_spread(const lyc__call *call, float *scratch) {
    const lyc__node *node = call->node;
    const size_t in = lyc__shape_size(&node->in[0]), out = lyc__shape_size(&node->out);
    const float *d_out = call->d_out.data;
    float *d_in = call->d_in[0].data, *border = scratch + turned_floats(node);
    turn_weights(node, call->param[0], scratch);
    for (size_t r = 0; r < call->in[0].rows; r++)
        lyc__vector()->spread(&node->window, node->out.dims[2], scratch, d_out + r * out, border,
                              d_in + r * in);
}

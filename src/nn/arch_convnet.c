/* A plain convolutional network from a list of blocks: convolution that keeps the size (up to the stride),
 * batch norm if wanted, ReLU, max pooling, dropout; then the mean over all pixels and a linear layer. */
#include <stdio.h>

#include "nn/arch.h"

enum { MOST_CHANNELS = 1 << 14, MOST_KERNEL = 15 };

static const lyc_block standard[] = {
    {.channels = 32, .kernel = 3, .stride = 1, .batch_norm = true, .pool = 2},
    {.channels = 64, .kernel = 3, .stride = 1, .batch_norm = true, .pool = 2},
    {.channels = 128, .kernel = 3, .stride = 1, .batch_norm = true, .pool = 1}};

static lyc_status check_block(const lyc_block *b, int place, lyc_error *err) {
    if (b->channels < 1 || b->channels > MOST_CHANNELS)
        LYC_FAIL(err, LYC_ECONFIG, "blocks: channels of block %d is %d, not between 1 and %d", place,
                 b->channels, MOST_CHANNELS);
    if (b->kernel < 1 || b->kernel > MOST_KERNEL || b->kernel % 2 == 0)
        LYC_FAIL(err, LYC_ECONFIG, "blocks: kernel of block %d is %d, not an odd number up to %d", place,
                 b->kernel, MOST_KERNEL);
    if (b->stride < 1 || b->stride > MOST_KERNEL)
        LYC_FAIL(err, LYC_ECONFIG, "blocks: stride of block %d is %d, not between 1 and %d", place, b->stride,
                 MOST_KERNEL);
    if (b->pool < 1 || b->pool > MOST_KERNEL)
        LYC_FAIL(err, LYC_ECONFIG, "blocks: pool of block %d is %d, not between 1 (none) and %d", place,
                 b->pool, MOST_KERNEL);
    if (!(b->dropout >= 0 && b->dropout < 1))
        LYC_FAIL(err, LYC_ECONFIG, "blocks: dropout of block %d is %g, not in [0, 1)", place, b->dropout);
    return LYC_OK;
}

static int add_block(lyc__graph *graph, const lyc_block *b, int place, int x) {
    char name[24];
    const size_t kernel = (size_t)b->kernel;
    (void)snprintf(name, sizeof name, "conv%d", place);
    if (b->batch_norm) {
        x = lyc__conv2d_plain(graph, x, name, (size_t)b->channels, kernel, (size_t)b->stride, kernel / 2);
        (void)snprintf(name, sizeof name, "bn%d", place);
        x = lyc__batch_norm(graph, x, name);
    } else {
        x = lyc__conv2d(graph, x, name, (size_t)b->channels, kernel, (size_t)b->stride, kernel / 2);
    }
    x = lyc__relu(graph, x);
    if (b->pool > 1) x = lyc__max_pool(graph, x, (size_t)b->pool);
    return lyc__dropout(graph, x, b->dropout);
}

static lyc_status build(const lyc_network_spec *spec, lyc__graph *graph, lyc_error *err) {
    const lyc_block *blocks = spec->block_count > 0 ? spec->blocks : standard;
    const size_t count = spec->block_count > 0 ? spec->block_count : sizeof standard / sizeof *standard;
    if (spec->depth != 0 || spec->shortcut != LYC_SHORTCUT_PAD)
        LYC_FAIL(err, LYC_ECONFIG, "depth and shortcut are for arch \"resnet\"; remove the keys");
    if (spec->hidden_count > 0)
        LYC_FAIL(err, LYC_ECONFIG, "hidden: convnet takes blocks; remove the key, or take arch \"mlp\"");
    int x = lyc__graph_input(graph);
    for (size_t i = 0; i < count; i++) {
        LYC_TRY(check_block(&blocks[i], (int)i + 1, err));
        x = add_block(graph, &blocks[i], (int)i + 1, x);
    }
    x = lyc__dropout(graph, lyc__global_avg_pool(graph, x), spec->dropout);
    return lyc__graph_finish(graph, lyc__linear(graph, x, "linear", (size_t)spec->classes), err);
}

const lyc__arch lyc__arch_convnet = {
    .name = "convnet",
    .doc = "plain convolutional network; `blocks` lists its layers (default: 32, 64 and 128 channels)",
    .build = build,
};

/* Residual networks for small images (He et al. 2016, section 4.2): depth 6n + 2, three stages of n blocks of
 * 16, 32 and 64 channels. Layers are named as the usual PyTorch code names them. */
#include <stdio.h>

#include "nn/arch.h"

enum { DEFAULT_DEPTH = 20, MOST_DEPTH = 110, STAGES = 3, FIRST_CHANNELS = 16, NAME = 48 };

typedef struct block {
    char prefix[24]; /* "layer2.0" */
    size_t channels, stride;
    lyc_shortcut shortcut;
} block;

static int convolve(lyc__graph *graph, const block *b, int x, const char *conv, const char *norm,
                    size_t kernel, size_t stride) {
    char name[NAME];
    (void)snprintf(name, sizeof name, "%s.%s", b->prefix, conv);
    x = lyc__conv2d_plain(graph, x, name, b->channels, kernel, stride, kernel / 2);
    (void)snprintf(name, sizeof name, "%s.%s", b->prefix, norm);
    return lyc__batch_norm(graph, x, name);
}

/* What is added to the block's output: its input, or that in the output's shape. */
static int shortcut(lyc__graph *graph, const block *b, int x, bool changes) {
    if (!changes) return x;
    if (b->shortcut == LYC_SHORTCUT_PROJECT)
        return convolve(graph, b, x, "shortcut.0", "shortcut.1", 1, b->stride);
    return lyc__subsample(graph, x, b->channels, b->stride);
}

static int add_block(lyc__graph *graph, const block *b, int x, bool changes) {
    int y = lyc__relu(graph, convolve(graph, b, x, "conv1", "bn1", 3, b->stride));
    y = convolve(graph, b, y, "conv2", "bn2", 3, 1);
    return lyc__relu(graph, lyc__add(graph, y, shortcut(graph, b, x, changes)));
}

static lyc_status check(const lyc_network_spec *spec, int depth, lyc_error *err) {
    if (spec->hidden_count > 0 || spec->block_count > 0)
        LYC_FAIL(err, LYC_ECONFIG, "%s: the layers of resnet follow from depth; remove the key",
                 spec->hidden_count > 0 ? "hidden" : "blocks");
    if (depth < 8 || depth > MOST_DEPTH || depth % 6 != 2)
        LYC_FAIL(err, LYC_ECONFIG, "depth is %d, not 6 n + 2 between 8 and %d: 8, 14, 20, 32, 44, 56, ...",
                 depth, MOST_DEPTH);
    if (spec->shortcut != LYC_SHORTCUT_PAD && spec->shortcut != LYC_SHORTCUT_PROJECT)
        LYC_FAIL(err, LYC_ECONFIG, "shortcut is %d, which is none", (int)spec->shortcut);
    return LYC_OK;
}

static lyc_status build(const lyc_network_spec *spec, lyc__graph *graph, lyc_error *err) {
    const int depth = spec->depth > 0 ? spec->depth : DEFAULT_DEPTH, blocks = (depth - 2) / 6;
    LYC_TRY(check(spec, depth, err));
    int x = lyc__conv2d_plain(graph, lyc__graph_input(graph), "conv1", FIRST_CHANNELS, 3, 1, 1);
    x = lyc__relu(graph, lyc__batch_norm(graph, x, "bn1"));
    for (int stage = 0; stage < STAGES; stage++)
        for (int i = 0; i < blocks; i++) {
            const bool changes = stage > 0 && i == 0;
            block b = {.channels = (size_t)FIRST_CHANNELS << stage,
                       .stride = changes ? 2 : 1,
                       .shortcut = spec->shortcut};
            (void)snprintf(b.prefix, sizeof b.prefix, "layer%d.%d", stage + 1, i);
            x = add_block(graph, &b, x, changes);
        }
    x = lyc__dropout(graph, lyc__global_avg_pool(graph, x), spec->dropout);
    return lyc__graph_finish(graph, lyc__linear(graph, x, "linear", (size_t)spec->classes), err);
}

const lyc__arch lyc__arch_resnet = {
    .name = "resnet",
    .doc = "residual network with batch norm for small images; `depth` 6n + 2 (default 20), `shortcut`",
    .build = build,
};

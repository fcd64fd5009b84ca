/* LeNet-5 (LeCun et al. 1998) as it is built today: ReLU, max pooling, no sparse connections. Images of 28 x
 * 28 pixels get the border of 2 that the original's 32 x 32 had built in. */
#include "nn/arch.h"

static lyc_status build(const lyc_network_spec *spec, lyc__graph *graph, lyc_error *err) {
    if (spec->depth != 0 || spec->shortcut != LYC_SHORTCUT_PAD || spec->block_count > 0)
        LYC_FAIL(err, LYC_ECONFIG, "depth, shortcut and blocks are for other architectures; remove the keys");
    if (spec->hidden_count > 0)
        LYC_FAIL(err, LYC_ECONFIG,
                 "hidden: the widths of lenet5 are fixed; remove the key, or take arch \"mlp\"");
    if (spec->height != spec->width || (spec->height != 28 && spec->height != 32))
        LYC_FAIL(err, LYC_ECONFIG,
                 "lenet5 takes images of 28 x 28 or 32 x 32 pixels, not %d x %d; take arch \"mlp\"",
                 spec->height, spec->width);
    const size_t padding = spec->height == 28 ? 2 : 0;
    int x = lyc__graph_input(graph);
    x = lyc__max_pool(graph, lyc__relu(graph, lyc__conv2d(graph, x, "conv1", 6, 5, 1, padding)), 2);
    x = lyc__max_pool(graph, lyc__relu(graph, lyc__conv2d(graph, x, "conv2", 16, 5, 1, 0)), 2);
    x = lyc__flatten(graph, x);
    x = lyc__dropout(graph, lyc__relu(graph, lyc__linear(graph, x, "fc1", 120)), spec->dropout);
    x = lyc__dropout(graph, lyc__relu(graph, lyc__linear(graph, x, "fc2", 84)), spec->dropout);
    return lyc__graph_finish(graph, lyc__linear(graph, x, "fc3", (size_t)spec->classes), err);
}

const lyc__arch lyc__arch_lenet5 = {
    .name = "lenet5",
    .doc = "LeNet-5 with ReLU and max pooling, for images of 28 x 28 or 32 x 32 pixels",
    .build = build,
};

/* Multi-layer perceptron: fc1, ReLU, ..., the last layer gives the logits. */
#include <stdio.h>

#include "nn/arch.h"

enum { DEFAULT_WIDTH = 128, MOST_WIDTH = 1 << 20 };

static lyc_status build(const lyc_network_spec *spec, lyc__graph *graph, lyc_error *err) {
    if (spec->depth != 0 || spec->shortcut != LYC_SHORTCUT_PAD || spec->block_count > 0)
        LYC_FAIL(err, LYC_ECONFIG, "depth, shortcut and blocks are for other architectures; remove the keys");
    const int standard[] = {DEFAULT_WIDTH};
    const int *widths = spec->hidden_count > 0 ? spec->hidden : standard;
    const int layers = spec->hidden_count > 0 ? spec->hidden_count : 1;
    int x = lyc__flatten(graph, lyc__graph_input(graph));
    char name[16];
    for (int i = 0; i < layers; i++) {
        if (widths[i] < 1 || widths[i] > MOST_WIDTH)
            LYC_FAIL(err, LYC_ECONFIG, "hidden: width %d of layer %d is not between 1 and %d", widths[i],
                     i + 1, MOST_WIDTH);
        (void)snprintf(name, sizeof name, "fc%d", i + 1);
        x = lyc__relu(graph, lyc__linear(graph, x, name, (size_t)widths[i]));
        x = lyc__dropout(graph, x, spec->dropout);
    }
    (void)snprintf(name, sizeof name, "fc%d", layers + 1);
    return lyc__graph_finish(graph, lyc__linear(graph, x, name, (size_t)spec->classes), err);
}

const lyc__arch lyc__arch_mlp = {
    .name = "mlp",
    .doc = "fully connected layers with ReLU; `hidden` lists the widths (default: one of 128)",
    .build = build,
};

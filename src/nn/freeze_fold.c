/* The parameters of a frozen network. Batch norm with running statistics is out = (x - mean) k + bias, k =
 * weight / sqrt(variance + epsilon) for each channel; behind x = W in + b it is the layer with the weights k
 * W and the bias (b - mean) k + bias. In double precision, rounded once. */
#include <math.h>
#include <string.h>

#include "nn/frozen.h"

enum { WEIGHT, BIAS, MEAN, VARIANCE };

/* The layer without norm; of a conv2d without bias, zeros take its place. */
static void copy_layer(const lyc__node *node, const lyc__node *layer, const float *from, float *params) {
    for (int i = 0; i < node->param_count; i++) {
        float *to = params + node->params[i].offset;
        if (i < layer->param_count)
            memcpy(to, from + layer->params[i].offset, node->params[i].size * sizeof *to);
        else memset(to, 0, node->params[i].size * sizeof *to);
    }
}

static double factor(const lyc__node *norm, const float *from, size_t channel) {
    const double variance = (double)from[norm->params[VARIANCE].offset + channel];
    return (double)from[norm->params[WEIGHT].offset + channel] / sqrt(variance + norm->attributes.epsilon);
}

void lyc__fold(const lyc__graph *frozen, int index, const lyc__origin *origin, const lyc__graph *source,
               const float *from, float *params) {
    const lyc__node *node = &frozen->nodes[index], *layer = &source->nodes[origin->layer];
    copy_layer(node, layer, from, params);
    if (origin->norm < 0) return;
    const lyc__node *norm = &source->nodes[origin->norm];
    const size_t channels = node->params[BIAS].size;
    float *weight = params + node->params[WEIGHT].offset, *bias = params + node->params[BIAS].offset;
    for (size_t c = 0; c < channels; c++) {
        const double k = factor(norm, from, c);
        for (size_t i = c; i < node->params[WEIGHT].size; i += channels)
            weight[i] = (float)((double)weight[i] * k);
        bias[c] = (float)(((double)bias[c] - (double)from[norm->params[MEAN].offset + c]) * k +
                          (double)from[norm->params[BIAS].offset + c]);
    }
}

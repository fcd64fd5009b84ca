/* The table of operators, and what they share. */
#include "nn/operator.h"

static const lyc__operator *const table[] = {
    &lyc__op_linear,         &lyc__op_conv2d,      &lyc__op_relu,       &lyc__op_max_pool,
    &lyc__op_dropout,        &lyc__op_flatten,     &lyc__op_add,        &lyc__op_batch_norm,
    &lyc__op_batch_norm_add, &lyc__op_tanh,        &lyc__op_sigmoid,    &lyc__op_leaky_relu,
    &lyc__op_gelu,           &lyc__op_softmax,     &lyc__op_avg_pool,   &lyc__op_subsample,
    &lyc__op_cross_entropy,  &lyc__op_kl,          &lyc__op_layer_norm, &lyc__op_concatenate,
    &lyc__op_embedding,      &lyc__op_conv2d_pool,
};

const lyc__operator *lyc__operator_at(size_t index) {
    return index < sizeof table / sizeof *table ? table[index] : NULL;
}

size_t lyc__shape_size(const lyc__shape *shape) {
    size_t size = 1;
    for (int i = 0; i < shape->rank; i++) size *= shape->dims[i];
    return size;
}

size_t lyc__shape_bytes(const lyc__shape *shape) {
    return lyc__shape_size(shape) * (shape->type == LYC__BF16 ? sizeof(uint16_t) : sizeof(float));
}

lyc__shape lyc__features(size_t count) {
    return (lyc__shape){.type = LYC__F32, .rank = 1, .dims = {count}};
}

lyc__shape lyc__image(size_t height, size_t width, size_t channels) {
    return (lyc__shape){.type = LYC__F32, .rank = 3, .dims = {height, width, channels}};
}

lyc__shape lyc__ids(size_t count) {
    return (lyc__shape){.type = LYC__I32, .rank = 1, .dims = {count}};
}

lyc__param *lyc__node_declare(lyc__node *node, const char *suffix, int rank, size_t outer, size_t channels,
                              size_t height, size_t width) {
    const size_t sizes[4] = {outer, channels, height, width};
    lyc__param *param = &node->params[node->param_count];
    *param =
        (lyc__param){.suffix = suffix, .rank = rank, .size = 1, .layout = {outer, channels, height, width}};
    for (int i = 0; i < 4; i++)
        if (__builtin_mul_overflow(param->size, sizes[i], &param->size) || param->size > PTRDIFF_MAX / 16)
            return NULL;
    for (int i = 0; i < rank; i++) param->dims[i] = (int64_t)sizes[i];
    if (rank == 2) param->dims[1] = (int64_t)(channels * height * width);
    node->param_count++;
    return param;
}

lyc_status lyc__node_place_window(lyc__node *node, lyc_error *err) {
    const lyc__attributes *a = &node->attributes;
    const lyc__shape *in = &node->in[0];
    if (in->rank != 3) LYC_FAIL(err, LYC_ECONFIG, "the input must be an image, but is flat");
    lyc__window *w = &node->window;
    *w = (lyc__window){.height = in->dims[0], .width = in->dims[1], .channels = in->dims[2]};
    size_t sizes[2];
    for (int i = 0; i < 2; i++) {
        const size_t padded = in->dims[i] + 2 * a->padding[i];
        if (a->kernel[i] < 1 || a->stride[i] < 1)
            LYC_FAIL(err, LYC_ECONFIG, "kernel and stride must be at least 1");
        node->dilation[i] = a->dilation[i] > 0 ? a->dilation[i] : 1;
        if (a->kernel[i] > padded || (a->kernel[i] - 1) * node->dilation[i] >= padded)
            LYC_FAIL(err, LYC_ECONFIG,
                     "a kernel of %zu does not fit an image side of %zu with %zu of padding", a->kernel[i],
                     in->dims[i], a->padding[i]);
        sizes[i] = (padded - (a->kernel[i] - 1) * node->dilation[i] - 1) / a->stride[i] + 1;
        w->kernel[i] = a->kernel[i];
        w->stride[i] = a->stride[i];
        w->padding[i] = a->padding[i];
    }
    w->out_height = sizes[0];
    w->out_width = sizes[1];
    return LYC_OK;
}

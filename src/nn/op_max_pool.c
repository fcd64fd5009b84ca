/* Maximum of each window, channel by channel. Forward keeps the place of each maximum for backward. */
#include <math.h>

#include "nn/operator.h"

static lyc_status infer(lyc__node *node, lyc_error *err) {
    LYC_TRY(lyc__node_place_window(node, err));
    const lyc__window *w = &node->window;
    if (w->kernel[0] > 16 || w->kernel[1] > 15)
        LYC_FAIL(err, LYC_ECONFIG, "a window may be 16 x 15 pixels at most");
    if (node->dilation[0] != 1 || node->dilation[1] != 1)
        LYC_FAIL(err, LYC_ECONFIG, "a pooling window takes no dilation");
    for (int i = 0; i < 2; i++)
        if (w->padding[i] > w->kernel[i] / 2)
            LYC_FAIL(err, LYC_ECONFIG,
                     "padding may be half the kernel at most, so that every window has a pixel");
    node->out = lyc__image(w->out_height, w->out_width, w->channels);
    return LYC_OK;
}

static size_t saved_bytes(const lyc__node *node, size_t rows) {
    return rows * lyc__shape_size(&node->out);
}

static void forward(const lyc__call *call) {
    const size_t in = lyc__shape_size(&call->node->in[0]), out = lyc__shape_size(&call->node->out);
    const float *from = call->in[0].data;
    float *to = call->out.data;
    uint8_t *which = call->saved;
    for (size_t r = 0; r < call->in[0].rows; r++)
        lyc__vector()->max_pool(&call->node->window, from + r * in, to + r * out, which + r * out);
}

static void backward(const lyc__call *call) {
    const size_t in = lyc__shape_size(&call->node->in[0]), out = lyc__shape_size(&call->node->out);
    const float *from = call->d_out.data;
    float *to = call->d_in[0].data;
    const uint8_t *which = call->saved;
    for (size_t r = 0; r < call->in[0].rows; r++)
        lyc__vector()->max_pool_backward(&call->node->window, from + r * out, which + r * out, to + r * in);
}

static double reference_pixel(const lyc__window *w, const double *image, size_t p, size_t q, size_t c) {
    double best = -INFINITY;
    for (size_t i = 0; i < w->kernel[0]; i++)
        for (size_t j = 0; j < w->kernel[1]; j++) {
            const size_t y = p * w->stride[0] + i, x = q * w->stride[1] + j; /* with the border counted */
            if (y < w->padding[0] || y >= w->height + w->padding[0]) continue;
            if (x < w->padding[1] || x >= w->width + w->padding[1]) continue;
            best = fmax(best, image[((y - w->padding[0]) * w->width + x - w->padding[1]) * w->channels + c]);
        }
    return best;
}

static void reference(const lyc__reference *call) {
    const lyc__window *w = &call->node->window;
    double *out = call->out;
    for (size_t r = 0; r < call->rows; r++)
        for (size_t p = 0; p < w->out_height; p++)
            for (size_t q = 0; q < w->out_width; q++)
                for (size_t c = 0; c < w->channels; c++)
                    *out++ =
                        reference_pixel(w, call->in[0] + r * lyc__shape_size(&call->node->in[0]), p, q, c);
}

const lyc__operator lyc__op_max_pool = {
    .name = "max_pool",
    .doc = "largest value of each window",
    .inputs = 1,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .reference = reference,
    .saved_bytes = saved_bytes,
};

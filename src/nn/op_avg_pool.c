/* Mean of each window, channel by channel; zeros of the border count, as PyTorch has it by default. */
#include <string.h>

#include "nn/operator.h"

static lyc_status infer(lyc__node *node, lyc_error *err) {
    LYC_TRY(lyc__node_place_window(node, err));
    const lyc__window *w = &node->window;
    if (node->dilation[0] != 1 || node->dilation[1] != 1)
        LYC_FAIL(err, LYC_ECONFIG, "a pooling window takes no dilation");
    for (int i = 0; i < 2; i++)
        if (w->padding[i] > w->kernel[i] / 2)
            LYC_FAIL(err, LYC_ECONFIG,
                     "padding may be half the kernel at most, so that every window has a pixel");
    node->out = lyc__image(w->out_height, w->out_width, w->channels);
    return LYC_OK;
}

static void add_scaled(const float *from, float scale, size_t count, float *to) {
    for (size_t i = 0; i < count; i++) to[i] += from[i] * scale;
}

/* Adds to one output pixel (forward), or from it to the image. */
static void pass_pixel(const lyc__node *node, const float *image, float *out, const float *d_out,
                       float *d_image, size_t p, size_t q) {
    const lyc__window *w = &node->window;
    const float share = 1 / (float)(w->kernel[0] * w->kernel[1]);
    for (size_t i = 0; i < w->kernel[0]; i++)
        for (size_t j = 0; j < w->kernel[1]; j++) {
            size_t pixel = 0;
            if (!lyc__tap_meets(node, p, q, i, j, &pixel)) continue;
            if (out != NULL) add_scaled(image + pixel * w->channels, share, w->channels, out);
            else add_scaled(d_out, share, w->channels, d_image + pixel * w->channels);
        }
}

static void forward(const lyc__call *call) {
    const lyc__window *w = &call->node->window;
    const float *in = call->in[0].data;
    float *out = call->out.data;
    memset(out, 0, call->out.rows * lyc__shape_size(&call->node->out) * sizeof *out);
    for (size_t r = 0; r < call->in[0].rows; r++, in += lyc__shape_size(&call->node->in[0]))
        for (size_t p = 0; p < w->out_height; p++)
            for (size_t q = 0; q < w->out_width; q++, out += w->channels)
                pass_pixel(call->node, in, out, NULL, NULL, p, q);
}

static void backward(const lyc__call *call) {
    const lyc__window *w = &call->node->window;
    const size_t size = lyc__shape_size(&call->node->in[0]);
    const float *d_out = call->d_out.data;
    float *d_in = call->d_in[0].data;
    if (d_in == NULL) return;
    memset(d_in, 0, call->in[0].rows * size * sizeof *d_in);
    for (size_t r = 0; r < call->in[0].rows; r++, d_in += size)
        for (size_t p = 0; p < w->out_height; p++)
            for (size_t q = 0; q < w->out_width; q++, d_out += w->channels)
                pass_pixel(call->node, NULL, NULL, d_out, d_in, p, q);
}

static void reference(const lyc__reference *call) {
    const lyc__window *w = &call->node->window;
    const size_t size = lyc__shape_size(&call->node->in[0]), count = lyc__shape_size(&call->node->out);
    for (size_t i = 0; i < call->rows * count; i++) {
        const size_t c = i % w->channels, q = i / w->channels % w->out_width;
        const size_t p = i / w->channels / w->out_width % w->out_height;
        double sum = 0;
        for (size_t k = 0; k < w->kernel[0] * w->kernel[1]; k++) {
            size_t pixel = 0;
            if (lyc__tap_meets(call->node, p, q, k / w->kernel[1], k % w->kernel[1], &pixel))
                sum += call->in[0][i / count * size + pixel * w->channels + c];
        }
        call->out[i] = sum / (double)(w->kernel[0] * w->kernel[1]);
    }
}

const lyc__operator lyc__op_avg_pool = {
    .name = "avg_pool",
    .doc = "mean of each window",
    .inputs = 1,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .reference = reference,
};

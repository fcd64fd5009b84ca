/* Convolution of each channel by itself: too little arithmetic for a matrix product, so the kernel's pixels
 * are gone through one by one, over all channels of a pixel. */
#include <string.h>

#include "nn/convolution.h"

static bool takes(const lyc__node *node) {
    return node->groups == node->window.channels && node->out.dims[2] == node->window.channels;
}

/* What meets at one tap: out += in * weight, or the two gradients. */
typedef struct tap {
    const float *in, *weight, *d_out;
    float *out, *d_in, *d_weight;
} tap;

static void multiply(const tap *t, size_t channels) {
    for (size_t c = 0; c < channels; c++) t->out[c] += t->in[c] * t->weight[c];
}

static void multiply_back(const tap *t, size_t channels) {
    for (size_t c = 0; c < channels; c++) t->d_weight[c] += t->in[c] * t->d_out[c];
    if (t->d_in == NULL) return;
    for (size_t c = 0; c < channels; c++) t->d_in[c] += t->weight[c] * t->d_out[c];
}

static void forward(const lyc__call *call) {
    const lyc__window *w = &call->node->window;
    const size_t size = w->height * w->width * w->channels;
    const float *in = call->in[0].data;
    float *out = call->out.data;
    memset(out, 0, call->out.rows * w->out_height * w->out_width * w->channels * sizeof *out);
    for (size_t r = 0; r < call->in[0].rows; r++, in += size)
        for (size_t p = 0; p < w->out_height; p++)
            for (size_t q = 0; q < w->out_width; q++, out += w->channels)
                for (size_t k = 0; k < w->kernel[0] * w->kernel[1]; k++) {
                    size_t pixel = 0;
                    if (!lyc__tap_meets(call->node, p, q, k / w->kernel[1], k % w->kernel[1], &pixel))
                        continue;
                    const tap t = {.in = in + pixel * w->channels,
                                   .weight = call->param[0] + k * w->channels,
                                   .out = out};
                    multiply(&t, w->channels);
                }
    lyc__convolution_add_bias(call, call->out.data, call->out.rows);
}

static void backward(const lyc__call *call) {
    const lyc__window *w = &call->node->window;
    const size_t size = w->height * w->width * w->channels, taps = w->kernel[0] * w->kernel[1];
    const float *in = call->in[0].data, *d_out = call->d_out.data;
    float *d_in = call->d_in[0].data;
    memset(call->d_param[0], 0, taps * w->channels * sizeof(float));
    if (d_in != NULL) memset(d_in, 0, call->in[0].rows * size * sizeof(float));
    for (size_t r = 0; r < call->in[0].rows; r++, in += size)
        for (size_t p = 0; p < w->out_height; p++)
            for (size_t q = 0; q < w->out_width; q++, d_out += w->channels)
                for (size_t k = 0; k < taps; k++) {
                    size_t pixel = 0;
                    if (!lyc__tap_meets(call->node, p, q, k / w->kernel[1], k % w->kernel[1], &pixel))
                        continue;
                    const tap t = {.in = in + pixel * w->channels,
                                   .weight = call->param[0] + k * w->channels,
                                   .d_out = d_out,
                                   .d_in = d_in != NULL ? d_in + r * size + pixel * w->channels : NULL,
                                   .d_weight = call->d_param[0] + k * w->channels};
                    multiply_back(&t, w->channels);
                }
    lyc__convolution_sum_bias(call);
}

const lyc__convolution lyc__convolution_depthwise = {
    .name = "depthwise",
    .takes = takes,
    .forward = forward,
    .backward = backward,
};

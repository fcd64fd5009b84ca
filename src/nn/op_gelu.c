/* out = in * P(N(0, 1) <= in) (Hendrycks and Gimpel 2016), with erf, or with the tanh that approximates it.
 */
#include <math.h>

#include "nn/operator.h"

static lyc_status infer(lyc__node *node, lyc_error *err) {
    (void)err;
    node->out = node->in[0];
    return LYC_OK;
}

static size_t elements(const lyc__call *call) {
    return call->in[0].rows * lyc__shape_size(&call->node->in[0]);
}

enum { PIECE = 256 };
#define ROOT_HALF 0.70710678F
#define DENSITY   0.39894228F /* 1 / sqrt(2 pi) */
#define SCALE     0.79788456F /* sqrt(2 / pi) */
#define CUBE      0.044715F

/* What forward multiplies its input by. */
static void share(const lyc__node *node, const float *x, size_t count, float *out) {
    if (node->attributes.approximate) {
        for (size_t i = 0; i < count; i++) out[i] = SCALE * (x[i] + CUBE * x[i] * x[i] * x[i]);
        lyc__vector()->tanh(out, count, out);
    } else {
        for (size_t i = 0; i < count; i++) out[i] = ROOT_HALF * x[i];
        lyc__vector()->erf(out, count, out);
    }
    for (size_t i = 0; i < count; i++) out[i] = 0.5F * (1 + out[i]);
}

static void forward(const lyc__call *call) {
    const float *x = call->in[0].data;
    float *out = call->out.data;
    const size_t count = elements(call);
    share(call->node, x, count, out);
    for (size_t i = 0; i < count; i++) out[i] *= x[i];
}

static void backward(const lyc__call *call) {
    const float *x = call->in[0].data, *d = call->d_out.data;
    float *d_in = call->d_in[0].data;
    const size_t count = elements(call);
    const bool approximate = call->node->attributes.approximate;
    for (size_t first = 0; first < count; first += PIECE) {
        const size_t length = count - first < PIECE ? count - first : PIECE;
        float part[PIECE], slope[PIECE];
        share(call->node, x + first, length, part);
        for (size_t i = 0; i < length; i++) slope[i] = -0.5F * x[first + i] * x[first + i];
        if (!approximate) lyc__vector()->exp(slope, length, slope);
        for (size_t i = 0; i < length; i++) {
            const float v = x[first + i];
            slope[i] = approximate ? 2 * part[i] * (1 - part[i]) * SCALE * (1 + 3 * CUBE * v * v)
                                   : slope[i] * DENSITY;
            d_in[first + i] = d[first + i] * (part[i] + v * slope[i]);
        }
    }
}

static void reference(const lyc__reference *call) {
    const size_t count = call->rows * lyc__shape_size(&call->node->in[0]);
    for (size_t i = 0; i < count; i++) {
        const double x = call->in[0][i];
        call->out[i] = call->node->attributes.approximate
                           ? x * 0.5 * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))
                           : x * 0.5 * erfc(-x * 0.7071067811865476);
    }
}

const lyc__operator lyc__op_gelu = {
    .name = "gelu",
    .doc = "Gaussian error linear unit",
    .inputs = 1,
    .traits = LYC__NEEDS_INPUT,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .reference = reference,
};

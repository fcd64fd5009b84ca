/* Batch normalisation (Ioffe and Szegedy 2015) over all but the last dimension, with PyTorch's meaning of
 * each number: out = (x - mean) / sqrt(variance + epsilon) * weight + bias. In training mean and (biased)
 * variance are those of the whole batch: shards give counts, means and sums of squared deviations, which are
 * combined in the fixed tree (Chan, Golub, LeVeque 1983), and the running statistics move towards mean and
 * unbiased variance by `momentum`. In inference the running statistics take their place.
 *
 * Behind it may stand, in the same passes over memory, the sum with another value (batch_norm_add) and a ReLU
 * (the attribute). Backward then looks at one bit an element, kept by forward, instead of at the output. */
#include <math.h>
#include <string.h>

#include "nn/operator.h"

enum { WEIGHT, BIAS, MEAN, VARIANCE, COUNT };

static size_t channels_of(const lyc__node *node) {
    return node->in[0].dims[node->in[0].rank - 1];
}

static size_t pixels_of(const lyc__call *call) {
    return call->in[0].rows * lyc__shape_size(&call->node->in[0]) / channels_of(call->node);
}

static lyc_status declare(lyc__node *node, const char *suffix, double initial, bool state, lyc_error *err) {
    lyc__param *param = lyc__node_declare(node, suffix, 1, channels_of(node), 1, 1, 1);
    if (param == NULL) LYC_FAIL(err, LYC_ECONFIG, "more channels than memory can hold");
    param->law = LYC__LAW_CONSTANT;
    param->bound = initial;
    param->state = state;
    return LYC_OK;
}

static lyc_status infer(lyc__node *node, lyc_error *err) {
    const lyc__attributes *a = &node->attributes;
    if (!(a->epsilon > 0 && isfinite(a->epsilon)))
        LYC_FAIL(err, LYC_ECONFIG, "epsilon is %g, not a number above 0", a->epsilon);
    if (!(a->momentum > 0 && a->momentum <= 1))
        LYC_FAIL(err, LYC_ECONFIG, "momentum is %g, not in (0, 1]", a->momentum);
    node->out = node->in[0];
    LYC_TRY(declare(node, "weight", 1, false, err));
    LYC_TRY(declare(node, "bias", 0, false, err));
    LYC_TRY(declare(node, "running_mean", 0, true, err));
    LYC_TRY(declare(node, "running_var", 1, true, err));
    lyc__param *count = lyc__node_declare(node, "num_batches_tracked", 0, 1, 1, 1, 1);
    count->law = LYC__LAW_CONSTANT;
    count->state = true;
    return LYC_OK;
}

static lyc_status infer_add(lyc__node *node, lyc_error *err) {
    const lyc__shape *a = &node->in[0], *b = &node->in[1];
    if (a->rank != b->rank || memcmp(a->dims, b->dims, sizeof a->dims) != 0)
        LYC_FAIL(err, LYC_ECONFIG, "the two inputs have different shapes");
    return infer(node, err);
}

static size_t saved_bytes(const lyc__node *node, size_t rows) {
    if (!node->attributes.relu) return 0;
    const size_t pixels = rows * lyc__shape_size(&node->in[0]) / channels_of(node);
    return pixels * lyc__norm_words(channels_of(node)) * sizeof(uint16_t);
}

/* Where the sum that the ReLU saw is above 0; NULL = everywhere. */
static uint16_t *positive_of(const lyc__call *call) {
    return call->node->attributes.relu && call->mode == LYC_MODE_TRAIN ? call->saved : NULL;
}

static size_t scratch_floats(const lyc__node *node, size_t rows) {
    (void)rows;
    return 4 * channels_of(node);
}

/* ---- statistics ------------------------------------------------------------------------------- */

/* Partial results forward: [values a channel, means, sums of squared deviations]; backward: [sums of the
 * gradient, sums of its products with the deviations]. */
static size_t partial_size(const lyc__node *node) {
    return 1 + 2 * channels_of(node);
}

/* Sums around the first pixel lose no digits where means are large. */
static void gather(const lyc__call *call, double *partial) {
    const size_t channels = channels_of(call->node), pixels = pixels_of(call);
    const float *x = call->in[0].data;
    double *mean = partial + 1, *square = mean + channels;
    memset(partial, 0, partial_size(call->node) * sizeof *partial);
    partial[0] = (double)pixels;
    lyc__vector()->column_moments(x, x, pixels, channels, mean, square);
    for (size_t c = 0; c < channels; c++) {
        const double shift = mean[c] / partial[0];
        square[c] = fmax(0, square[c] - mean[c] * shift);
        mean[c] = (double)x[c] + shift;
    }
}

static void combine(const lyc__node *node, double *into, const double *from) {
    const size_t channels = channels_of(node);
    const double count = into[0] + from[0], share = from[0] / count, weight = into[0] * share;
    for (size_t c = 1; c <= channels; c++) {
        const double difference = from[c] - into[c];
        into[c] += difference * share;
        into[channels + c] += from[channels + c] + difference * difference * weight;
    }
    into[0] = count;
}

static void settle(const lyc__node *node, const double *total, float *const *param) {
    const size_t channels = channels_of(node);
    const double momentum = node->attributes.momentum, *square = total + 1 + channels;
    for (size_t c = 0; c < channels; c++) {
        param[MEAN][c] = (float)((1 - momentum) * (double)param[MEAN][c] + momentum * total[1 + c]);
        /* A single value has no unbiased variance. */
        if (total[0] > 1)
            param[VARIANCE][c] =
                (float)((1 - momentum) * (double)param[VARIANCE][c] + momentum * square[c] / (total[0] - 1));
    }
    param[COUNT][0] += 1;
}

static double inverse_deviation(const lyc__node *node, const double *total, size_t c) {
    return 1 / sqrt(total[1 + channels_of(node) + c] / total[0] + node->attributes.epsilon);
}

static void forward(const lyc__call *call) {
    const size_t channels = channels_of(call->node);
    float *mean = call->scratch, *scale = mean + channels;
    for (size_t c = 0; c < channels; c++) {
        const bool trains = call->mode == LYC_MODE_TRAIN;
        const double inverse =
            trains ? inverse_deviation(call->node, call->total, c)
                   : 1 / sqrt((double)call->param[VARIANCE][c] + call->node->attributes.epsilon);
        mean[c] = trains ? (float)call->total[1 + c] : call->param[MEAN][c];
        scale[c] = (float)((double)call->param[WEIGHT][c] * inverse);
    }
    const lyc__norm norm = {.mean = mean,
                            .scale = scale,
                            .shift = call->param[BIAS],
                            .residual = call->node->input_count > 1 ? call->in[1].data : NULL,
                            .relu = call->relu || call->node->attributes.relu,
                            .positive = positive_of(call)};
    lyc__vector()->normalize(call->in[0].data, &norm, pixels_of(call), channels, call->out.data);
}

/* ---- gradient --------------------------------------------------------------------------------- */

static void copy_means(const lyc__call *call, float *mean) {
    for (size_t c = 0; c < channels_of(call->node); c++) mean[c] = (float)call->total[1 + c];
}

/* Whether the other summand wants its gradient, which is that of the output behind the ReLU. */
static bool passes_gradient(const lyc__call *call) {
    return call->node->input_count > 1 && call->d_in[1].data != NULL;
}

/* Leaves in d_out what the other summand gets. */
static void gather_backward(const lyc__call *call, double *partial) {
    const size_t channels = channels_of(call->node);
    memset(partial, 0, partial_size(call->node) * sizeof *partial);
    copy_means(call, call->scratch);
    const uint16_t *positive = positive_of(call);
    const lyc__norm_products norm = {.mean = call->scratch,
                                     .positive = positive,
                                     .masked =
                                         positive != NULL && passes_gradient(call) ? call->d_out.data : NULL};
    lyc__vector()->column_products(call->in[0].data, call->d_out.data, &norm, pixels_of(call), channels,
                                   partial, partial + channels);
}

static void combine_backward(const lyc__node *node, double *into, const double *from) {
    for (size_t i = 0; i < 2 * channels_of(node); i++) into[i] += from[i];
}

/* d_in = scale (d_out - sum / n - (x - mean) products inverse^2 / n). Only the first shard knows of the
 * parameters' gradient, which is that of the whole batch. */
static void backward(const lyc__call *call) {
    const size_t channels = channels_of(call->node);
    const double *sums = call->d_total, *products = sums + channels, count = call->total[0];
    float *mean = call->scratch, *scale = mean + channels, *shift = scale + channels,
          *slope = shift + channels;
    copy_means(call, mean);
    for (size_t c = 0; c < channels; c++) {
        const double inverse = inverse_deviation(call->node, call->total, c);
        const double whole = (double)call->param[WEIGHT][c] * inverse;
        scale[c] = (float)whole;
        shift[c] = (float)(-whole * sums[c] / count);
        slope[c] = (float)(-whole * inverse * inverse * products[c] / count);
        call->d_param[WEIGHT][c] = call->first ? (float)(products[c] * inverse) : 0;
        call->d_param[BIAS][c] = call->first ? (float)sums[c] : 0;
    }
    const size_t pixels = pixels_of(call);
    if (passes_gradient(call) && call->d_in[1].data != call->d_out.data)
        memcpy(call->d_in[1].data, call->d_out.data, pixels * channels * sizeof(float));
    const lyc__norm_backward norm = {mean, scale, shift, slope,
                                     passes_gradient(call) ? NULL : positive_of(call)};
    if (call->d_in[0].data != NULL)
        lyc__vector()->normalize_backward(call->in[0].data, call->d_out.data, &norm, pixels, channels,
                                          call->d_in[0].data);
}

/* ---- reference -------------------------------------------------------------------------------- */

static void reference(const lyc__reference *call) {
    const size_t channels = channels_of(call->node);
    const size_t count = call->rows * lyc__shape_size(&call->node->in[0]);
    const double *x = call->in[0], n = (double)(count / channels);
    for (size_t c = 0; c < channels; c++) {
        double mean = 0, variance = 0;
        for (size_t i = c; i < count; i += channels) mean += x[i] / n;
        for (size_t i = c; i < count; i += channels) variance += (x[i] - mean) * (x[i] - mean) / n;
        if (call->mode == LYC_MODE_INFER) {
            mean = call->param[MEAN][c];
            variance = call->param[VARIANCE][c];
        }
        const double scale = call->param[WEIGHT][c] / sqrt(variance + call->node->attributes.epsilon);
        for (size_t i = c; i < count; i += channels)
            call->out[i] = (x[i] - mean) * scale + call->param[BIAS][c];
    }
    for (size_t i = 0; i < count; i++) {
        if (call->node->input_count > 1) call->out[i] += call->in[1][i];
        if (call->node->attributes.relu) call->out[i] = fmax(call->out[i], 0);
    }
}

static const lyc__barrier barrier = {
    .size = partial_size,
    .gather = gather,
    .combine = combine,
    .gather_backward = gather_backward,
    .combine_backward = combine_backward,
    .settle = settle,
};

#define COMMON                                                                                               \
    .forward = forward, .backward = backward, .reference = reference, .saved_bytes = saved_bytes,            \
    .scratch_floats = scratch_floats, .barrier = &barrier

const lyc__operator lyc__op_batch_norm = {
    .name = "batch_norm",
    .doc = "batch normalisation with running statistics",
    .inputs = 1,
    .traits = LYC__IN_PLACE | LYC__GRADIENT_IN_PLACE | LYC__NEEDS_INPUT | LYC__TAKES_RELU | LYC__REMAKES,
    .infer = infer,
    COMMON,
};

const lyc__operator lyc__op_batch_norm_add = {
    .name = "batch_norm_add",
    .doc = "batch normalisation, then the sum with a second value",
    .inputs = 2,
    .traits = LYC__IN_PLACE | LYC__NEEDS_INPUT_0 | LYC__PASSES_GRADIENT | LYC__TAKES_RELU,
    .infer = infer_add,
    COMMON,
};

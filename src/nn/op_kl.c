/* Distillation loss of each row: T^2 KL(p || softmax(s / T)) for soft targets p (Hinton, Vinyals, Dean 2015,
 * arXiv 1503.02531). T^2 keeps the gradient's size when T grows. */
#include <math.h>
#include <string.h>

#include "nn/operator.h"

static lyc_status infer(lyc__node *node, lyc_error *err) {
    if (node->in[0].rank != 1 || node->in[1].rank != 1 || node->in[0].dims[0] != node->in[1].dims[0])
        LYC_FAIL(err, LYC_ECONFIG, "the inputs must be a row of logits and as many target probabilities");
    if (!(node->attributes.temperature > 0))
        LYC_FAIL(err, LYC_ECONFIG, "the temperature %g is not above 0", node->attributes.temperature);
    node->out = lyc__features(1);
    return LYC_OK;
}

static void forward(const lyc__call *call) {
    lyc__vector()->kl(call->in[0].data, call->in[1].data, (float)call->node->attributes.temperature, 1,
                      call->in[0].rows, call->node->in[0].dims[0], call->out.data, NULL);
}

static void backward(const lyc__call *call) {
    const size_t rows = call->in[0].rows, classes = call->node->in[0].dims[0];
    const float *d_out = call->d_out.data;
    float *d_in = call->d_in[0].data;
    memset(d_in, 0, rows * classes * sizeof *d_in);
    lyc__vector()->kl(call->in[0].data, call->in[1].data, (float)call->node->attributes.temperature, 1, rows,
                      classes, NULL, d_in);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < classes; c++) d_in[r * classes + c] *= d_out[r];
}

static void reference(const lyc__reference *call) {
    const size_t classes = call->node->in[0].dims[0];
    const double temperature = call->node->attributes.temperature;
    for (size_t r = 0; r < call->rows; r++) {
        const double *x = call->in[0] + r * classes, *p = call->in[1] + r * classes;
        double most = -INFINITY, sum = 0, loss = 0;
        for (size_t c = 0; c < classes; c++) most = fmax(most, x[c]);
        for (size_t c = 0; c < classes; c++) sum += exp((x[c] - most) / temperature);
        for (size_t c = 0; c < classes; c++)
            if (p[c] > 0) loss += p[c] * (log(p[c]) - ((x[c] - most) / temperature - log(sum)));
        call->out[r] = temperature * temperature * loss;
    }
}

const lyc__operator lyc__op_kl = {
    .name = "kl",
    .doc = "divergence of softened logits from soft targets, times the squared temperature",
    .inputs = 2,
    .constants = 1U << 1,
    .traits = LYC__NEEDS_INPUT,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .reference = reference,
};

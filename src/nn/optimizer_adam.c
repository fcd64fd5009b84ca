/* Adam (Kingma and Ba 2015, arXiv 1412.6980) as torch.optim.Adam: weight decay is added to the gradient; and
 * AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101) as torch.optim.AdamW: the parameters shrink by rate
 * times decay before the update, whatever the gradient. */
#include <math.h>

#include "nn/optimizer.h"

static int moments(const lyc_optimizer_options *options) {
    (void)options;
    return 2;
}

static lyc_status check(const lyc_optimizer_options *options, lyc_error *err) {
    if (!(options->beta1 >= 0 && options->beta1 < 1))
        LYC_FAIL(err, LYC_ECONFIG, "optimizer %s: beta1 is %g, not in [0, 1)", options->kind, options->beta1);
    if (!(options->beta2 >= 0 && options->beta2 < 1))
        LYC_FAIL(err, LYC_ECONFIG, "optimizer %s: beta2 is %g, not in [0, 1)", options->kind, options->beta2);
    if (!(options->epsilon > 0 && isfinite(options->epsilon)))
        LYC_FAIL(err, LYC_ECONFIG, "optimizer %s: epsilon is %g, not above 0", options->kind,
                 options->epsilon);
    if (options->nesterov)
        LYC_FAIL(err, LYC_ECONFIG, "optimizer %s: nesterov is for sgd; remove it", options->kind);
    return LYC_OK;
}

static void apply(const lyc_optimizer_options *options, const lyc__update *u, double decay, double shrink) {
    const double t = (double)u->step;
    const lyc__adam step = {.clip = (float)u->clip,
                            .beta1 = (float)options->beta1,
                            .beta2 = (float)options->beta2,
                            .fresh1 = (float)(1 - options->beta1),
                            .fresh2 = (float)(1 - options->beta2),
                            .epsilon = (float)options->epsilon,
                            .decay = (float)decay,
                            .shrink = (float)shrink,
                            .step_size = (float)(u->rate / (1 - pow(options->beta1, t))),
                            .scale = (float)(1 / sqrt(1 - pow(options->beta2, t)))};
    lyc__vector()->adam(u->params, u->gradient, u->moments[0], u->moments[1], u->count, &step);
}

static void update_adam(const lyc_optimizer_options *options, const lyc__update *u) {
    apply(options, u, u->decay, 1);
}

static void update_adamw(const lyc_optimizer_options *options, const lyc__update *u) {
    apply(options, u, 0, 1 - u->rate * u->decay);
}

static void precondition(const lyc_optimizer_options *options, const float *second, uint64_t step,
                         size_t count, float *direction) {
    const float scale = (float)(1 / sqrt(1 - pow(options->beta2, (double)step))),
                epsilon = (float)options->epsilon;
    for (size_t i = 0; i < count; i++) direction[i] /= scale * sqrtf(second[i]) + epsilon;
}

const lyc__optimizer_kind lyc__optimizer_adam = {
    .name = "adam",
    .doc = "Adam; weight decay is part of the gradient",
    .moments = moments,
    .check = check,
    .update = update_adam,
    .precondition = precondition,
};

const lyc__optimizer_kind lyc__optimizer_adamw = {
    .name = "adamw",
    .doc = "Adam with decoupled weight decay",
    .moments = moments,
    .check = check,
    .update = update_adamw,
    .precondition = precondition,
};

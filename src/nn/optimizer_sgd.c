/* Stochastic gradient descent with momentum, as torch.optim.SGD without dampening: the first velocity is the
 * gradient itself, the rate multiplies the velocity, weight decay is added to the gradient. With Nesterov's
 * momentum in PyTorch's form (Sutskever et al. 2013): the step goes along gradient + momentum * the new
 * velocity. */
#include "nn/optimizer.h"

static int moments(const lyc_optimizer_options *options) {
    return options->momentum != 0 ? 1 : 0;
}

static lyc_status check(const lyc_optimizer_options *options, lyc_error *err) {
    if (!(options->momentum >= 0 && options->momentum < 1))
        LYC_FAIL(err, LYC_ECONFIG, "optimizer sgd: momentum is %g, not in [0, 1)", options->momentum);
    if (options->nesterov && options->momentum == 0)
        LYC_FAIL(err, LYC_ECONFIG, "optimizer sgd: nesterov needs a momentum above 0");
    return LYC_OK;
}

static void update(const lyc_optimizer_options *options, const lyc__update *u) {
    const lyc__sgd step = {.rate = (float)u->rate,
                           .momentum = (float)options->momentum,
                           .decay = (float)u->decay,
                           .clip = (float)u->clip,
                           .nesterov = options->nesterov};
    lyc__vector()->sgd(u->params, u->gradient, u->moments[0], u->count, &step);
}

const lyc__optimizer_kind lyc__optimizer_sgd = {
    .name = "sgd",
    .doc = "gradient descent with momentum",
    .moments = moments,
    .check = check,
    .update = update,
};

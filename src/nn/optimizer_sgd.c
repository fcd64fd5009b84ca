/* Stochastic gradient descent with momentum, as torch.optim.SGD without dampening: the first velocity is the
 * gradient itself, the rate multiplies the velocity, weight decay is added to the gradient. */
#include "nn/optimizer.h"

static int moments(const lyc_optimizer_options *options) {
    return options->momentum != 0 ? 1 : 0;
}

static lyc_status check(const lyc_optimizer_options *options, lyc_error *err) {
    if (!(options->momentum >= 0 && options->momentum < 1))
        LYC_FAIL(err, LYC_ECONFIG, "optimizer sgd: momentum is %g, not in [0, 1)", options->momentum);
    return LYC_OK;
}

static void update(const lyc_optimizer_options *options, const lyc__update *u) {
    lyc__vector()->sgd(u->params, u->gradient, u->moments[0], u->count, (float)u->rate,
                       (float)options->momentum, (float)options->weight_decay);
}

const lyc__optimizer_kind lyc__optimizer_sgd = {
    .name = "sgd",
    .doc = "gradient descent with momentum",
    .moments = moments,
    .check = check,
    .update = update,
};

#include <math.h>

#include "agent/strategy.h"

static lyc_status check(const lyc_strategy *self, const lyc_agent_options *options, double *sum,
                        lyc_error *err) {
    if (options->weights == NULL || options->weight_count != (size_t)self->facts.teachers)
        LYC_FAIL(err, LYC_ECONFIG,
                 "agent.weights: strategy static needs one weight for each of the %d teachers, got %zu",
                 self->facts.teachers, options->weights == NULL ? (size_t)0 : options->weight_count);
    *sum = 0.0;
    for (size_t k = 0; k < options->weight_count; k++) {
        if (!(options->weights[k] >= 0.0) || isinf(options->weights[k]))
            LYC_FAIL(err, LYC_ECONFIG, "agent.weights[%zu]: %g is not a weight; use finite numbers >= 0", k,
                     options->weights[k]);
        *sum += options->weights[k];
    }
    if (!(*sum > 0.0) || isinf(*sum))
        LYC_FAIL(err, LYC_ECONFIG, "agent.weights: the sum is %g; make it positive and finite", *sum);
    return LYC_OK;
}

static lyc_status create(lyc_strategy *self, const lyc_agent_options *options, const char *argument,
                         lyc_error *err) {
    (void)argument;
    double sum = 0.0;
    LYC_TRY(check(self, options, &sum, err));
    LYC_TRY(LYC__STRATEGY_NEW(self, self->weights, options->weight_count, err));
    for (size_t k = 0; k < options->weight_count; k++) self->weights[k] = (float)(options->weights[k] / sum);
    return LYC_OK;
}

const lyc__strategy_kind lyc__strategy_static = {
    .name = "static",
    .doc = "the weights of agent.weights, normalised to sum 1",
    .needs_teachers = true,
    .create = create,
    .decide = lyc__decide_constant,
};

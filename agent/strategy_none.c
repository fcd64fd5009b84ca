#include "agent/strategy.h"

static lyc_status create(lyc_strategy *self, const lyc_agent_options *options, const char *argument,
                         lyc_error *err) {
    (void)options;
    (void)argument;
    return LYC__STRATEGY_NEW(self, self->weights, (size_t)self->facts.teachers, err);
}

static lyc_status decide(lyc_strategy *self, const lyc_decision_input *input, lyc_decision *out,
                         lyc_error *err) {
    out->distils = false;
    return lyc__decide_constant(self, input, out, err);
}

const lyc__strategy_kind lyc__strategy_none = {
    .name = "none",
    .doc = "labels only: no teacher is asked",
    .create = create,
    .decide = decide,
};

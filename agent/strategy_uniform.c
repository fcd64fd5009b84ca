#include "agent/strategy.h"

static lyc_status create(lyc_strategy *self, const lyc_agent_options *options, const char *argument,
                         lyc_error *err) {
    (void)options;
    (void)argument;
    size_t teachers = (size_t)self->facts.teachers;
    LYC_TRY(LYC__STRATEGY_NEW(self, self->weights, teachers, err));
    for (size_t k = 0; k < teachers; k++) self->weights[k] = (float)(1.0 / (double)teachers);
    return LYC_OK;
}

const lyc__strategy_kind lyc__strategy_uniform = {
    .name = "uniform",
    .doc = "every teacher with weight 1/K",
    .needs_teachers = true,
    .create = create,
    .decide = lyc__decide_constant,
};

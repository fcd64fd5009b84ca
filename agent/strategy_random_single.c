#include <string.h>

#include "agent/strategy.h"
#include "lyceum/random.h"

static lyc_status create(lyc_strategy *self, const lyc_agent_options *options, const char *argument,
                         lyc_error *err) {
    (void)options;
    (void)argument;
    return LYC__STRATEGY_NEW(self, self->weights, (size_t)self->facts.teachers, err);
}

static lyc_status decide(lyc_strategy *self, const lyc_decision_input *input, lyc_decision *out,
                         lyc_error *err) {
    lyc_random random = lyc_random_start((lyc_random_key){
        .seed = input->seed, .purpose = LYC_PURPOSE_STRATEGY, .epoch = input->epoch, .step = input->step});
    memset(self->weights, 0, (size_t)self->facts.teachers * sizeof *self->weights);
    self->weights[lyc_random_below(&random, (uint32_t)self->facts.teachers)] = 1.0F;
    return lyc__decide_constant(self, input, out, err);
}

const lyc__strategy_kind lyc__strategy_random_single = {
    .name = "random_single",
    .doc = "one teacher, drawn anew for each batch",
    .needs_teachers = true,
    .create = create,
    .decide = decide,
};

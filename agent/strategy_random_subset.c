/* `random_subset`: equal weights inside a subset that is uniform over the 2^K - 1 that are not empty. The
 * empty one is drawn again: a fallback on some fixed set would make that set too likely. */
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
    uint32_t all = UINT32_MAX >> (32 - self->facts.teachers), subset = 0;
    while (subset == 0) subset = lyc_random_u32(&random) & all;
    int members = 0;
    for (int k = 0; k < self->facts.teachers; k++) members += (int)(subset >> k & 1U);
    for (int k = 0; k < self->facts.teachers; k++)
        self->weights[k] = subset >> k & 1U ? (float)(1.0 / members) : 0.0F;
    return lyc__decide_constant(self, input, out, err);
}

const lyc__strategy_kind lyc__strategy_random_subset = {
    .name = "random_subset",
    .doc = "equal weights inside a non-empty subset of the teachers, drawn anew for each batch",
    .needs_teachers = true,
    .create = create,
    .decide = decide,
};

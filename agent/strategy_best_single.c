#include <math.h>

#include "agent/strategy.h"

static bool better(const lyc_agent_facts *facts, int a, int b) {
    if (facts->valid_accuracy[a] != facts->valid_accuracy[b])
        return facts->valid_accuracy[a] > facts->valid_accuracy[b];
    return facts->valid_ce[a] < facts->valid_ce[b];
}

static lyc_status create(lyc_strategy *self, const lyc_agent_options *options, const char *argument,
                         lyc_error *err) {
    (void)options;
    (void)argument;
    int best = 0;
    for (int k = 0; k < self->facts.teachers; k++) {
        if (isnan(self->facts.valid_accuracy[k]) || isnan(self->facts.valid_ce[k]))
            LYC_FAIL(err, LYC_ENUMERIC,
                     "teacher %s: its accuracy or cross-entropy on the validation split is not a number, so "
                     "that best_single cannot rank it; check its logits",
                     self->facts.names[k]);
        if (better(&self->facts, k, best)) best = k;
    }
    LYC_TRY(LYC__STRATEGY_NEW(self, self->weights, (size_t)self->facts.teachers, err));
    self->weights[best] = 1.0F;
    return LYC_OK;
}

const lyc__strategy_kind lyc__strategy_best_single = {
    .name = "best_single",
    .doc = "the teacher with the highest accuracy on the validation split (ties: lower cross-entropy)",
    .needs_teachers = true,
    .create = create,
    .decide = lyc__decide_constant,
};

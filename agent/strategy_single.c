#include <string.h>

#include "agent/strategy.h"

static lyc_status unknown_teacher(const lyc_strategy *self, const char *name, lyc_error *err) {
    char names[1024] = "";
    for (int k = 0; k < self->facts.teachers; k++) {
        size_t used = strlen(names);
        if (used + strlen(self->facts.names[k]) + 3 > sizeof names) break;
        if (k > 0) strcat(names, ", ");
        strcat(names, self->facts.names[k]);
    }
    LYC_FAIL(err, LYC_ECONFIG, "agent.strategy: single:%s names no teacher; the teachers are: %s", name,
             names);
}

static lyc_status create(lyc_strategy *self, const lyc_agent_options *options, const char *argument,
                         lyc_error *err) {
    (void)options;
    LYC_TRY(LYC__STRATEGY_NEW(self, self->weights, (size_t)self->facts.teachers, err));
    for (int k = 0; k < self->facts.teachers; k++) {
        if (strcmp(self->facts.names[k], argument) != 0) continue;
        self->weights[k] = 1.0F;
        return LYC_OK;
    }
    return unknown_teacher(self, argument, err);
}

const lyc__strategy_kind lyc__strategy_single = {
    .name = "single:<teacher>",
    .doc = "one teacher, by its name",
    .needs_teachers = true,
    .create = create,
    .decide = lyc__decide_constant,
};

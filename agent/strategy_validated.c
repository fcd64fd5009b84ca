/* `validated`: in proportion to how probable the right label is on the validation split: its geometric mean,
 * exp(-CE), which makes the weights softmax(-CE); or the share of rows a teacher gets right. Uniform where
 * nobody has any. A teacher that does not know every class has an infinite CE, and no weight by it. */
#include <math.h>

#include "agent/strategy.h"

static lyc_status fill(lyc_strategy *self, const double *score, lyc_error *err) {
    int teachers = self->facts.teachers;
    double sum = 0.0;
    LYC_TRY(LYC__STRATEGY_NEW(self, self->weights, (size_t)teachers, err));
    for (int k = 0; k < teachers; k++) sum += score[k];
    for (int k = 0; k < teachers; k++)
        self->weights[k] = (float)(sum > 0.0 ? score[k] / sum : 1.0 / (double)teachers);
    return LYC_OK;
}

static lyc_status not_a_number(const lyc_strategy *self, int teacher, const char *figure, lyc_error *err) {
    LYC_FAIL(err, LYC_ENUMERIC,
             "teacher %s: its %s on the validation split is not a number, so that %s cannot weigh it; check "
             "its logits",
             self->facts.names[teacher], figure, self->kind->name);
}

static lyc_status create_by_ce(lyc_strategy *self, const lyc_agent_options *options, const char *argument,
                               lyc_error *err) {
    (void)options;
    (void)argument;
    double score[LYC_MAX_TEACHERS], least = INFINITY;
    for (int k = 0; k < self->facts.teachers; k++) {
        if (isnan(self->facts.valid_ce[k])) return not_a_number(self, k, "cross-entropy", err);
        least = fmin(least, self->facts.valid_ce[k]);
    }
    for (int k = 0; k < self->facts.teachers; k++)
        score[k] = isinf(self->facts.valid_ce[k]) ? 0.0 : exp(least - self->facts.valid_ce[k]);
    return fill(self, score, err);
}

static lyc_status create_by_accuracy(lyc_strategy *self, const lyc_agent_options *options,
                                     const char *argument, lyc_error *err) {
    (void)options;
    (void)argument;
    for (int k = 0; k < self->facts.teachers; k++)
        if (isnan(self->facts.valid_accuracy[k])) return not_a_number(self, k, "accuracy", err);
    return fill(self, self->facts.valid_accuracy, err);
}

const lyc__strategy_kind lyc__strategy_validated = {
    .name = "validated",
    .doc = "softmax of minus the cross-entropy on the validation split",
    .needs_teachers = true,
    .create = create_by_ce,
    .decide = lyc__decide_constant,
};

const lyc__strategy_kind lyc__strategy_validated_accuracy = {
    .name = "validated:accuracy",
    .doc = "in proportion to the accuracy on the validation split",
    .needs_teachers = true,
    .create = create_by_accuracy,
    .decide = lyc__decide_constant,
};

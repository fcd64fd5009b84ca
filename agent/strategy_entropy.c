/* `entropy` (EBKD): per row, at T = 1, in proportion to 1 - H_k / sum H, which sums to K - 1. Uniform when
 * every entropy is 0, 1 when there is one teacher. */
#include <math.h>

#include "agent/rows.h"
#include "agent/strategy.h"
#include "base/argmax.h"
#include "lyceum/network.h"

/* self->own */
typedef struct scratch {
    float *p;       /* [max_rows, classes] */
    float *entropy; /* [teachers][max_rows] */
} scratch;

static lyc_status create(lyc_strategy *self, const lyc_agent_options *options, const char *argument,
                         lyc_error *err) {
    (void)options;
    (void)argument;
    scratch *own;
    size_t teachers = (size_t)self->facts.teachers;
    LYC_TRY(LYC__STRATEGY_NEW(self, own, 1, err));
    LYC_TRY(LYC__STRATEGY_NEW(self, own->p, self->max_rows * (size_t)self->facts.classes, err));
    LYC_TRY(LYC__STRATEGY_NEW(self, own->entropy, teachers * self->max_rows, err));
    self->own = own;
    return LYC__STRATEGY_NEW(self, self->weights, teachers * self->max_rows, err);
}

static void weigh_row(const float *entropy, size_t stride, size_t teachers, float *weight) {
    double sum = 0.0;
    for (size_t k = 0; k < teachers; k++) sum += (double)entropy[k * stride];
    for (size_t k = 0; k < teachers; k++) {
        if (teachers == 1 || !(sum > 0.0)) weight[k] = (float)(1.0 / (double)teachers);
        else weight[k] = (float)((1.0 - (double)entropy[k * stride] / sum) / (double)(teachers - 1));
    }
}

static lyc_status entropies(const lyc_strategy *self, const lyc_decision_input *input, size_t teacher,
                            lyc_error *err) {
    const scratch *own = self->own;
    const float *logits = input->teacher_logits[teacher];
    size_t classes = (size_t)self->facts.classes;
    lyc_softmax(logits, 1.0F, input->rows, classes, own->p);
    for (size_t row = 0; row < input->rows; row++) {
        const float *z = logits + row * classes;
        float entropy =
            lyc__row_entropy(z, own->p + row * classes, (size_t)lyc__argmax(z, (int)classes), classes);
        if (isnan(entropy))
            LYC_FAIL(err, LYC_ENUMERIC,
                     "teacher %s: the entropy of a row is not a number; its logits hold NaN or "
                     "infinity, or know no class",
                     self->facts.names[teacher]);
        own->entropy[teacher * input->rows + row] = entropy;
    }
    return LYC_OK;
}

static lyc_status decide(lyc_strategy *self, const lyc_decision_input *input, lyc_decision *out,
                         lyc_error *err) {
    const scratch *own = self->own;
    size_t teachers = (size_t)self->facts.teachers;
    for (size_t k = 0; k < teachers; k++) LYC_TRY(entropies(self, input, k, err));
    for (size_t row = 0; row < input->rows; row++)
        weigh_row(own->entropy + row, input->rows, teachers, self->weights + row * teachers);
    lyc__decision_by_row(self, input->rows, out);
    return LYC_OK;
}

const lyc__strategy_kind lyc__strategy_entropy = {
    .name = "entropy",
    .doc = "per row, more weight to teachers that are surer (EBKD)",
    .needs_teachers = true,
    .create = create,
    .decide = decide,
};

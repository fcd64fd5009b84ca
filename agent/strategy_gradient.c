/* `gradient` (AEKD, Du et al., NeurIPS 2020): min ||sum_k w_k g_k||^2 over sum w = 1, 0 <= w_k <= cap, with
 * cap = max(0.6, 1/K) and g_k [classes] the mean over the batch of the gradient of teacher k's KD loss in the
 * student's logits, T (q - p_k). The factor T changes nothing and is left out.
 *
 * Solved by pairs (sequential minimal optimisation): from uniform weights, move weight from whoever has the
 * steepest slope to whoever has the least, as far as it pays, until no move pays. The weights stay feasible
 * throughout, and teachers that cannot be told apart keep equal weights. */
#include <math.h>

#include "agent/strategy.h"
#include "lyceum/network.h"

#define LEAST_CAP  0.6
#define TOLERANCE  1e-10 /* of a slope, against the largest squared gradient */
#define MOST_MOVES 20000

typedef struct scratch {
    float *p;         /* [max_rows, classes] */
    double *student;  /* [classes]: sums of q */
    double *gradient; /* [teachers, classes] */
} scratch;

typedef struct problem {
    int teachers;
    double cap, scale;
    double product[LYC_MAX_TEACHERS][LYC_MAX_TEACHERS]; /* <g_j, g_k> */
    double slope[LYC_MAX_TEACHERS];                     /* product * weight */
    double weight[LYC_MAX_TEACHERS];
} problem;

static lyc_status create(lyc_strategy *self, const lyc_agent_options *options, const char *argument,
                         lyc_error *err) {
    (void)options;
    (void)argument;
    size_t teachers = (size_t)self->facts.teachers, classes = (size_t)self->facts.classes;
    scratch *own;
    LYC_TRY(LYC__STRATEGY_NEW(self, own, 1, err));
    self->own = own;
    LYC_TRY(LYC__STRATEGY_NEW(self, own->p, self->max_rows * classes, err));
    LYC_TRY(LYC__STRATEGY_NEW(self, own->student, classes, err));
    LYC_TRY(LYC__STRATEGY_NEW(self, own->gradient, teachers * classes, err));
    return LYC__STRATEGY_NEW(self, self->weights, teachers, err);
}

/* sums[classes] = of the softmax over the rows; false when one is not a number. */
static bool sum_rows(const scratch *own, const float *logits, const lyc_decision_input *input, size_t classes,
                     double *sums) {
    lyc_softmax(logits, (float)input->temperature, input->rows, classes, own->p);
    double total = 0.0;
    for (size_t c = 0; c < classes; c++) {
        sums[c] = 0.0;
        for (size_t row = 0; row < input->rows; row++) sums[c] += (double)own->p[row * classes + c];
        total += sums[c];
    }
    return isfinite(total);
}

static lyc_status measure(const lyc_strategy *self, const lyc_decision_input *input, lyc_error *err) {
    const scratch *own = self->own;
    size_t classes = (size_t)self->facts.classes;
    if (!sum_rows(own, input->student_logits, input, classes, own->student))
        LYC_FAIL(
            err, LYC_ENUMERIC,
            "the student's probabilities on a row are not numbers; its logits hold NaN or infinity: lower "
            "optimizer.lr");
    for (int k = 0; k < self->facts.teachers; k++) {
        double *gradient = own->gradient + (size_t)k * classes;
        if (!sum_rows(own, input->teacher_logits[k], input, classes, gradient))
            LYC_FAIL(err, LYC_ENUMERIC,
                     "teacher %s: its probabilities on a row are not numbers; its logits hold NaN or "
                     "infinity, or know no class",
                     self->facts.names[k]);
        for (size_t c = 0; c < classes; c++)
            gradient[c] = (own->student[c] - gradient[c]) / (double)input->rows;
    }
    return LYC_OK;
}

static void pose(problem *it, const double *gradient, int teachers, size_t classes) {
    it->teachers = teachers;
    it->cap = fmax(LEAST_CAP, 1.0 / teachers);
    it->scale = 0.0;
    for (int j = 0; j < teachers; j++) {
        it->weight[j] = 1.0 / teachers;
        it->slope[j] = 0.0;
        for (int k = 0; k < teachers; k++) {
            double sum = 0.0;
            for (size_t c = 0; c < classes; c++)
                sum += gradient[(size_t)j * classes + c] * gradient[(size_t)k * classes + c];
            it->product[j][k] = sum;
            it->slope[j] += sum / teachers;
        }
        it->scale = fmax(it->scale, it->product[j][j]);
    }
}

/* Moves weight between the pair that gains most at first; false when no move pays. */
static bool move(problem *it) {
    int from = -1, to = -1;
    for (int k = 0; k < it->teachers; k++) {
        if (it->weight[k] > 0.0 && (from < 0 || it->slope[k] > it->slope[from])) from = k;
        if (it->weight[k] < it->cap && (to < 0 || it->slope[k] < it->slope[to])) to = k;
    }
    if (from < 0 || to < 0) return false;
    double gain = it->slope[from] - it->slope[to];
    if (!(gain > TOLERANCE * it->scale)) return false;
    double bend = it->product[from][from] + it->product[to][to] - 2.0 * it->product[from][to];
    double most = fmin(it->weight[from], it->cap - it->weight[to]);
    double step = gain < bend * most ? gain / bend : most;
    it->weight[from] = step == it->weight[from] ? 0.0 : it->weight[from] - step;
    it->weight[to] = fmin(it->cap, it->weight[to] + step);
    for (int k = 0; k < it->teachers; k++) it->slope[k] += step * (it->product[k][to] - it->product[k][from]);
    return true;
}

static lyc_status decide(lyc_strategy *self, const lyc_decision_input *input, lyc_decision *out,
                         lyc_error *err) {
    const scratch *own = self->own;
    problem it;
    LYC_TRY(measure(self, input, err));
    pose(&it, own->gradient, self->facts.teachers, (size_t)self->facts.classes);
    for (int moves = 0; moves < MOST_MOVES && move(&it); moves++) continue;
    for (int k = 0; k < it.teachers; k++) self->weights[k] = (float)it.weight[k];
    return lyc__decide_constant(self, input, out, err);
}

const lyc__strategy_kind lyc__strategy_gradient = {
    .name = "gradient",
    .doc = "the weights with the shortest mean gradient of the mixture in the student's logits (AEKD)",
    .needs_teachers = true,
    .create = create,
    .decide = decide,
};

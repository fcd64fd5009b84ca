/* `logistic`: stacking (Wolpert 1992). The weights of the simplex under which the mixture of the teachers'
 * probabilities (T = 1) has the least cross-entropy on the validation split,
 *
 *     min -1/n sum_i log sum_k w_k p_k(y_i | x_i)    over w >= 0, sum w = 1.
 *
 * Convex, and a function of the labels' probabilities alone. With g_k = 1/n sum_i p_ki / sum_j w_j p_ji,
 * which has sum_k w_k g_k = 1, no other weights are better by more than max_k g_k - 1: that is when to stop.
 * Solved by pairs: from uniform weights, weight moves from the selected teacher with the least g to the one
 * with the largest, as far as it pays (the root of the slope, by bisection). Rows whose class no teacher
 * knows say nothing. */
#include <math.h>

#include "agent/strategy.h"

#define TOLERANCE  1e-9 /* nats by which better weights may exist */
#define MOST_MOVES 20000
#define HALVINGS   60

typedef struct problem {
    int teachers;
    size_t rows;
    double *p;       /* [rows, teachers], each row divided by its largest */
    double *mixture; /* [rows] */
    double weight[LYC_MAX_TEACHERS], gain[LYC_MAX_TEACHERS];
} problem;

static lyc_status pose(problem *it, lyc_strategy *self, lyc_error *err) {
    size_t teachers = (size_t)self->facts.teachers;
    it->teachers = self->facts.teachers;
    LYC_TRY(LYC__STRATEGY_NEW(self, it->p, self->facts.valid_rows * teachers, err));
    LYC_TRY(LYC__STRATEGY_NEW(self, it->mixture, self->facts.valid_rows, err));
    for (size_t row = 0; row < self->facts.valid_rows; row++) {
        const float *log_prob = self->facts.valid_log_prob + row * teachers;
        double best = -INFINITY;
        for (size_t k = 0; k < teachers; k++) {
            if (isnan(log_prob[k]))
                LYC_FAIL(
                    err, LYC_ENUMERIC,
                    "teacher %s: its probability of a label on the validation split is not a number, so that "
                    "logistic cannot weigh it; check its logits",
                    self->facts.names[k]);
            best = fmax(best, (double)log_prob[k]);
        }
        if (best == -INFINITY) continue;
        for (size_t k = 0; k < teachers; k++)
            it->p[it->rows * teachers + k] = exp((double)log_prob[k] - best);
        it->rows++;
    }
    for (size_t k = 0; k < teachers; k++) it->weight[k] = 1.0 / (double)teachers;
    return LYC_OK;
}

static void measure(problem *it) {
    size_t teachers = (size_t)it->teachers;
    for (size_t k = 0; k < teachers; k++) it->gain[k] = 0.0;
    for (size_t row = 0; row < it->rows; row++) {
        const double *p = it->p + row * teachers;
        double sum = 0.0;
        for (size_t k = 0; k < teachers; k++) sum += it->weight[k] * p[k];
        it->mixture[row] = sum;
        for (size_t k = 0; k < teachers; k++) it->gain[k] += p[k] / sum / (double)it->rows;
    }
}

/* How much more it would pay to move weight on, once `step` has been moved; minus infinity where a row would
 * be left without a teacher. */
static double slope(const problem *it, int from, int to, double step) {
    double sum = 0.0;
    for (size_t row = 0; row < it->rows; row++) {
        const double *p = it->p + row * (size_t)it->teachers;
        double difference = p[to] - p[from], mixture = it->mixture[row] + step * difference;
        if (mixture <= 0.0) return -INFINITY;
        sum += difference / mixture;
    }
    return sum;
}

static double best_step(const problem *it, int from, int to) {
    double low = 0.0, high = it->weight[from];
    if (slope(it, from, to, high) >= 0.0) return high;
    for (int i = 0; i < HALVINGS; i++) {
        double middle = 0.5 * (low + high);
        if (slope(it, from, to, middle) > 0.0) low = middle;
        else high = middle;
    }
    return low;
}

/* False when nothing is left to gain. */
static bool move(problem *it) {
    int from = -1, to = 0;
    measure(it);
    for (int k = 0; k < it->teachers; k++) {
        if (it->weight[k] > 0.0 && (from < 0 || it->gain[k] < it->gain[from])) from = k;
        if (it->gain[k] > it->gain[to]) to = k;
    }
    if (!(it->gain[to] - 1.0 > TOLERANCE) || from == to) return false;
    double step = best_step(it, from, to);
    it->weight[from] = step == it->weight[from] ? 0.0 : it->weight[from] - step;
    it->weight[to] += step;
    return step > 0.0;
}

static lyc_status create(lyc_strategy *self, const lyc_agent_options *options, const char *argument,
                         lyc_error *err) {
    (void)options;
    (void)argument;
    problem it = {0};
    if (self->facts.valid_log_prob == NULL)
        LYC_FAIL(err, LYC_EINTERNAL,
                 "logistic was made without the teachers' answers on the validation split");
    LYC_TRY(pose(&it, self, err));
    for (int moves = 0; it.rows > 0 && moves < MOST_MOVES && move(&it); moves++) continue;
    LYC_TRY(LYC__STRATEGY_NEW(self, self->weights, (size_t)it.teachers, err));
    for (int k = 0; k < it.teachers; k++) self->weights[k] = (float)it.weight[k];
    return LYC_OK;
}

const lyc__strategy_kind lyc__strategy_logistic = {
    .name = "logistic",
    .doc = "stacking: the constant weights whose mixture has the least cross-entropy on the validation split",
    .needs_teachers = true,
    .create = create,
    .decide = lyc__decide_constant,
};

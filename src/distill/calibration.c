#include "distill/calibration.h"

#include <math.h>

#include "lyceum/network.h"

enum { MOST_ITERATIONS = 60 };
static const double exact_enough =
    1e-7; /* relative, of the scale; the loss is flat there: its error is the square */

typedef struct task {
    const float *logits;
    const int32_t *labels;
    size_t rows, classes;
    float *scratch; /* [rows, classes] */
} task;

/* First and second derivative of the summed loss in b: sums of E_p z - z_y and of Var_p z, p = softmax(b z).
 */
static void derivatives(const task *t, double b, double *first, double *second) {
    *first = *second = 0.0;
    lyc_softmax(t->logits, (float)(1.0 / b), t->rows, t->classes, t->scratch);
    for (size_t r = 0; r < t->rows; r++) {
        if (t->labels[r] < 0) continue;
        const float *z = t->logits + r * t->classes, *p = t->scratch + r * t->classes;
        const double own = (double)z[t->labels[r]];
        double mean = 0.0, square = 0.0;
        for (size_t c = 0; c < t->classes; c++) {
            const double distance = (double)z[c] - own;
            mean += (double)p[c] * distance;
            square += (double)p[c] * distance * distance;
        }
        *first += mean;
        *second += square - mean * mean;
    }
}

/* Newton's steps, kept inside a bracket in which the derivative changes its sign. */
static double best_scale(const task *t) {
    double low = 1.0 / LYC__MOST_SCALE, high = LYC__MOST_SCALE, b = 1.0, first, second;
    derivatives(t, low, &first, &second);
    if (first >= 0) return low;
    derivatives(t, high, &first, &second);
    if (first <= 0) return high;
    for (int i = 0; i < MOST_ITERATIONS; i++) {
        derivatives(t, b, &first, &second);
        if (first > 0) high = b;
        else low = b;
        double next = b - first / second;
        if (!(next > low && next < high)) next = sqrt(low * high);
        if (fabs(next - b) <= exact_enough * b) return next;
        b = next;
    }
    return b;
}

static double mean_loss(const task *t, double b) {
    double sum = 0.0;
    size_t labelled = 0;
    lyc_log_softmax(t->logits, (float)(1.0 / b), t->rows, t->classes, t->scratch);
    for (size_t r = 0; r < t->rows; r++) {
        if (t->labels[r] < 0) continue;
        sum -= (double)t->scratch[r * t->classes + (size_t)t->labels[r]];
        labelled++;
    }
    return labelled > 0 ? sum / (double)labelled : NAN;
}

double lyc__calibrated_loss(const float *logits, const int32_t *labels, size_t rows, size_t classes,
                            float *scratch, double *scale) {
    const task t = {.logits = logits, .labels = labels, .rows = rows, .classes = classes, .scratch = scratch};
    const double b = best_scale(&t);
    if (scale != NULL) *scale = b;
    return mean_loss(&t, b);
}

#include "distill/calibration.h"

#include <math.h>
#include <stdbool.h>

#include "nn/vector.h"

enum { PATIENCE = 7, MOST_ITERATIONS = 60 };
static const double exact_enough =
    1e-7; /* relative, of the scale; the loss is flat there: its error is the square */

typedef struct task {
    const float *distances;
    size_t rows, classes;
} task;

static lyc__scaled_loss at(const task *t, double b) {
    lyc__scaled_loss out;
    lyc__vector()->scaled_loss(t->distances, t->rows, t->classes, (float)b, &out);
    return out;
}

/* Newton's steps, kept inside a bracket in which the slope, which rises with b, changes its sign. Whether
 * there is such a change is asked only where it is in doubt: when a step leads past an end of the range, or
 * after many. */
static double best_scale(const task *t) {
    double low = 1.0 / LYC__MOST_SCALE, high = LYC__MOST_SCALE, b = 1.0;
    bool low_is_known = false, high_is_known = false;
    for (int i = 0; i < MOST_ITERATIONS; i++) {
        const lyc__scaled_loss here = at(t, b);
        if (here.slope > 0) high = b;
        else low = b;
        high_is_known = high_is_known || here.slope > 0;
        low_is_known = low_is_known || here.slope <= 0;
        double next = b - here.slope / here.curve;
        if (!low_is_known && (next <= low || i == PATIENCE)) {
            if (at(t, low).slope >= 0) return low;
            low_is_known = true;
        }
        if (!high_is_known && (next >= high || i == PATIENCE)) {
            if (at(t, high).slope <= 0) return high;
            high_is_known = true;
        }
        if (!(next > low && next < high)) next = sqrt(low * high);
        if (fabs(next - b) <= exact_enough * b) return next;
        b = next;
    }
    return b;
}

double lyc__calibrated_loss(const float *logits, const int32_t *labels, size_t rows, size_t classes,
                            float *scratch, double *scale) {
    task t = {.distances = scratch, .classes = classes};
    t.rows = lyc__vector()->label_distances(logits, labels, rows, classes, scratch);
    const double b = best_scale(&t);
    if (scale != NULL) *scale = b;
    return t.rows > 0 ? at(&t, b).loss / (double)t.rows : NAN;
}

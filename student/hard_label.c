#include "student/hard_label.h"

#include "lyceum/network.h"

uint32_t lyc__labelled_count(const int32_t *labels, size_t rows) {
    uint32_t count = 0;
    for (size_t b = 0; b < rows; b++) count += labels[b] >= 0;
    return count;
}

/* log sum exp(s) - sum_c target_c s_c is the loss for the label plus e times this. */
static double label_over_mean(const float *logits, int32_t label, size_t classes) {
    double sum = 0.0;
    for (size_t c = 0; c < classes; c++) sum += (double)logits[c];
    return (double)logits[label] - sum / (double)classes;
}

/* Of the labelled rows; `loss` is scratch, [rows]. */
static double sum_of_losses(const float *logits, const int32_t *labels, size_t rows, size_t classes,
                            double smoothing, float *loss) {
    double sum = 0.0;
    lyc_cross_entropy(logits, labels, rows, classes, loss);
    for (size_t b = 0; b < rows; b++) {
        if (labels[b] < 0) continue;
        sum += (double)loss[b];
        if (smoothing > 0.0) sum += smoothing * label_over_mean(logits + b * classes, labels[b], classes);
    }
    return sum;
}

double lyc__hard_label_shard(const float *logits, const int32_t *labels, size_t rows, size_t classes,
                             uint32_t labelled, double smoothing, double weight, float *softmax,
                             float *gradient) {
    if (labelled == 0) return 0.0;
    float scale = (float)(weight / (double)labelled), spread = (float)(smoothing / (double)classes);
    float peak = (float)(1.0 - smoothing);
    double sum = sum_of_losses(logits, labels, rows, classes, smoothing, softmax);
    lyc_softmax(logits, 1.0F, rows, classes, softmax);
    for (size_t b = 0; b < rows; b++) {
        if (labels[b] < 0) continue;
        float *row = gradient + b * classes;
        for (size_t c = 0; c < classes; c++) row[c] += scale * (softmax[b * classes + c] - spread);
        row[labels[b]] -= scale * peak;
    }
    return sum / (double)labelled;
}

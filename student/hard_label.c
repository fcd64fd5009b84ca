#include "student/hard_label.h"

#include "lyceum/network.h"

uint32_t lyc__labelled_count(const int32_t *labels, size_t rows) {
    uint32_t count = 0;
    for (size_t b = 0; b < rows; b++) count += labels[b] >= 0;
    return count;
}

double lyc__hard_label_shard(const float *logits, const int32_t *labels, size_t rows, size_t classes,
                             uint32_t labelled, double weight, float *softmax, float *gradient) {
    if (labelled == 0) return 0.0;
    float scale = (float)(weight / (double)labelled);
    double sum = 0.0;
    lyc_softmax(logits, 1.0F, rows, classes, softmax);
    for (size_t b = 0; b < rows; b++) {
        if (labels[b] < 0) continue;
        float loss;
        lyc_cross_entropy(logits + b * classes, labels + b, 1, classes, &loss);
        sum += (double)loss;
        float *row = gradient + b * classes;
        for (size_t c = 0; c < classes; c++) row[c] += scale * softmax[b * classes + c];
        row[labels[b]] -= scale;
    }
    return sum / (double)labelled;
}

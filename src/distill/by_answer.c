#include "distill/by_answer.h"

#include "base/argmax.h"

void lyc__by_answer(const float *logits, const int32_t *labels, const double *loss, size_t rows, int classes,
                    double *scratch, double *mean_loss, double *accuracy) {
    double losses = 0.0, right = 0.0, *count = scratch;
    for (int c = 0; c < classes; c++) count[c] = mean_loss[c] = accuracy[c] = 0.0;
    for (size_t row = 0; row < rows; row++) {
        const int answer = lyc__argmax(logits + row * (size_t)classes, classes);
        count[answer] += 1.0;
        mean_loss[answer] += loss[row];
        accuracy[answer] += answer == labels[row];
        losses += loss[row];
        right += answer == labels[row];
    }
    const double average = (double)LYC__ROWS_OF_AVERAGE / (double)rows;
    for (int c = 0; c < classes; c++) {
        mean_loss[c] = (mean_loss[c] + average * losses) / (count[c] + LYC__ROWS_OF_AVERAGE);
        accuracy[c] = (accuracy[c] + average * right) / (count[c] + LYC__ROWS_OF_AVERAGE);
    }
}

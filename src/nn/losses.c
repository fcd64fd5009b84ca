/* The elementary losses on logits, for callers outside the engine. */
#include "lyceum/network.h"
#include "nn/vector.h"

void lyc_softmax(const float *logits, float temperature, size_t rows, size_t classes, float *out) {
    lyc__vector()->softmax(logits, temperature, rows, classes, false, out);
}

void lyc_log_softmax(const float *logits, float temperature, size_t rows, size_t classes, float *out) {
    lyc__vector()->softmax(logits, temperature, rows, classes, true, out);
}

void lyc_cross_entropy(const float *logits, const int32_t *labels, size_t rows, size_t classes, float *out) {
    lyc__vector()->cross_entropy(logits, labels, 0, rows, classes, out, NULL);
}

void lyc_cross_entropy_gradient(const float *logits, const int32_t *labels, float weight, size_t rows,
                                size_t classes, float *loss, float *gradient) {
    lyc__vector()->cross_entropy(logits, labels, weight, rows, classes, loss, gradient);
}

void lyc_kl_gradient(const float *logits, const float *targets, float temperature, float weight, size_t rows,
                     size_t classes, float *loss, float *gradient) {
    lyc__vector()->kl(logits, targets, temperature, weight, rows, classes, loss, gradient);
}

/* Cross-entropy with the labels, smoothed or not, at temperature 1: the mean over the labelled rows of the
 * batch. Private to student/. */
#ifndef LYCEUM_STUDENT_HARD_LABEL_H
#define LYCEUM_STUDENT_HARD_LABEL_H

#include <stddef.h>
#include <stdint.h>

/* Rows of the batch that carry a label: known before the shards run, since every shard divides by it. */
uint32_t lyc__labelled_count(const int32_t *labels, size_t rows);

/* One shard's share of the mean over `labelled` rows of the batch; adds weight times its gradient. `softmax`
 * is scratch, [rows, classes]. With smoothing e the target is (1 - e) * label + e / classes. Without labelled
 * rows the mean is 0. */
double lyc__hard_label_shard(const float *logits, const int32_t *labels, size_t rows, size_t classes,
                             uint32_t labelled, double smoothing, double weight, float *softmax,
                             float *gradient);

#endif

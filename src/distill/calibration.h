/* What a classifier's logits are worth apart from their sharpness (temperature scaling: Guo et al. 2017,
 * arXiv 1706.04599).
 *
 * Cross-entropy falls for two reasons: the logits say more about the labels, or their scale fits better. The
 * scale is one number that anybody can mend afterwards; the minimum over it is what the logits say. */
#ifndef LYCEUM_DISTILL_CALIBRATION_H
#define LYCEUM_DISTILL_CALIBRATION_H

#include <stddef.h>
#include <stdint.h>

/* The scale b = 1 / T is looked for between 1 / LYC__MOST_SCALE and LYC__MOST_SCALE. */
#define LYC__MOST_SCALE 64.0

/* min over b of the mean of log sum_c exp(b z_c) - b z_y over the rows with a label, which is convex in b.
 * Logits are finite, [rows, classes]; scratch is room for as many floats. `scale`, where not NULL, gets the
 * b. NAN without a labelled row. Thread-safe. */
double lyc__calibrated_loss(const float *logits, const int32_t *labels, size_t rows, size_t classes,
                            float *scratch, double *scale);

#endif

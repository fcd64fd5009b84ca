/* What a classifier's answers are worth, answer by answer: it may know some classes well and only guess others. */
#ifndef LYCEUM_DISTILL_BY_ANSWER_H
#define LYCEUM_DISTILL_BY_ANSWER_H

#include <stddef.h>
#include <stdint.h>

/* So many rows of the average are counted with each answer's own: one that is hardly ever given is near the
 * average, and one that is never given is the average. */
#define LYC__ROWS_OF_AVERAGE 5

/* For each class c, over the rows that are answered c (the argmax of logits[rows, classes], ties to the lower class):
 * the mean of loss[rows] into mean_loss[classes], the share whose label is c into accuracy[classes]. Every row
 * has a label, rows >= 1. Scratch is room for [classes]. Thread-safe. */
void lyc__by_answer(const float *logits, const int32_t *labels, const double *loss, size_t rows, int classes,
                    double *scratch, double *mean_loss, double *accuracy);

#endif

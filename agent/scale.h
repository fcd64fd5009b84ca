/* The running size of a signal: root of a bias-corrected exponential mean of squares.
 *
 *     s <- decay s + (1 - decay) x^2,   n <- decay n + (1 - decay),   rms = sqrt(s / n)
 *
 * Rewards are relative improvements of the student's loss: they shrink tenfold and more over a run, so the
 * memory is short (decay 0.95, about 20 values).
 */
#ifndef LYC_AGENT_SCALE_H
#define LYC_AGENT_SCALE_H

#define LYC__SCALE_DECAY 0.95

typedef struct lyc__scale {
    double sum, weight; /* part of a checkpoint: two numbers */
} lyc__scale;

void lyc__scale_push(lyc__scale *scale, double value);
/* value / rms, clipped to +-clip; 0 while nothing but zeros was seen. */
double lyc__scale_apply(const lyc__scale *scale, double value, double clip);

#endif

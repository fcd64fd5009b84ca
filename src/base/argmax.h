/* Which class a row of logits answers. */
#ifndef LYCEUM_BASE_ARGMAX_H
#define LYCEUM_BASE_ARGMAX_H

/* The first of the largest of row[classes], classes >= 1. -INFINITY is a class that is not known. */
static inline int lyc__argmax(const float *row, int classes) {
    int best = 0;
    for (int c = 1; c < classes; c++)
        if (row[c] > row[best]) best = c;
    return best;
}

#endif

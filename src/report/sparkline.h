/* A curve in one line of text. */
#ifndef LYC_REPORT_SPARKLINE_H
#define LYC_REPORT_SPARKLINE_H

#include "base/text.h"
#include "lyceum/inspect.h"

/* Draws a series in at most `cells` characters (neighbours are averaged where there are more points), padded
 * with spaces to `cells`. Between `low` and `high`, or between the smallest and the largest value where low
 * is NaN. A point without a value is a blank. utf8: eight heights of block characters; else "_.:-=+*#". */
void lyc__sparkline(lyc__text *text, const lyc_series *series, double low, double high, size_t cells,
                    bool utf8);

#endif

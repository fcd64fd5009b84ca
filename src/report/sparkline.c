#include "report/sparkline.h"

#include <math.h>
#include <string.h>

#define LEVELS 8

static const char *const blocks[LEVELS] = {"\u2581", "\u2582", "\u2583", "\u2584",
                                           "\u2585", "\u2586", "\u2587", "\u2588"};
static const char *const ascii[LEVELS] = {"_", ".", ":", "-", "=", "+", "*", "#"};

/* The mean of the points that fall into cell `cell` of `cells`, NaN where none has a value. */
static double cell_mean(const lyc_series *series, size_t cell, size_t cells) {
    size_t first = cell * series->count / cells, end = (cell + 1) * series->count / cells;
    double sum = 0;
    size_t count = 0;
    for (size_t i = first; i < end; i++) {
        if (!isfinite(series->values[i])) continue;
        sum += series->values[i];
        count++;
    }
    return count > 0 ? sum / (double)count : NAN;
}

static void find_range(const lyc_series *series, size_t cells, double *low, double *high) {
    *low = INFINITY;
    *high = -INFINITY;
    for (size_t i = 0; i < cells; i++) {
        double value = cell_mean(series, i, cells);
        if (value < *low) *low = value;
        if (value > *high) *high = value;
    }
}

void lyc__sparkline(lyc__text *text, const lyc_series *series, double low, double high, size_t cells,
                    bool utf8) {
    size_t drawn = series->count < cells ? series->count : cells;
    if (isnan(low)) find_range(series, drawn, &low, &high);
    for (size_t i = 0; i < drawn; i++) {
        double value = cell_mean(series, i, drawn);
        if (isnan(value)) {
            lyc__text_add_bytes(text, " ", 1);
            continue;
        }
        /* Of a flat curve nobody can say whether it is high or low: it is drawn low. */
        double height = high > low ? (value - low) / (high - low) * LEVELS : 0;
        int level = height <= 0 ? 0 : height >= LEVELS ? LEVELS - 1 : (int)height;
        const char *symbol = utf8 ? blocks[level] : ascii[level];
        lyc__text_add_bytes(text, symbol, strlen(symbol));
    }
    lyc__text_add(text, "%*s", (int)(cells - drawn), "");
}

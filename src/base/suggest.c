#include "base/suggest.h"

#include <ctype.h>
#include <string.h>

#define LONGEST 64

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static int letter(char c) {
    return tolower((unsigned char)c);
}

/* Optimal string alignment: three rows of the table are enough. */
size_t lyc__edit_distance(const char *a, const char *b) {
    size_t rows = strlen(a), columns = strlen(b);
    if (rows > LONGEST || columns > LONGEST) return rows > columns ? rows : columns;
    size_t table[3][LONGEST + 1];
    for (size_t j = 0; j <= columns; j++) table[0][j] = j;
    for (size_t i = 1; i <= rows; i++) {
        size_t *now = table[i % 3], *above = table[(i + 2) % 3], *before = table[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= columns; j++) {
            size_t replace = above[j - 1] + (letter(a[i - 1]) != letter(b[j - 1]));
            now[j] = least(replace, 1 + least(above[j], now[j - 1]));
            if (i > 1 && j > 1 && letter(a[i - 1]) == letter(b[j - 2]) &&
                letter(a[i - 2]) == letter(b[j - 1]))
                now[j] = least(now[j], before[j - 2] + 1);
        }
    }
    return table[rows % 3][columns];
}

int lyc__is_near(const char *a, const char *b) {
    size_t longer = strlen(a) > strlen(b) ? strlen(a) : strlen(b);
    size_t allowed = longer < 6 ? 1 : longer / 3;
    return lyc__edit_distance(a, b) <= allowed;
}

const char *lyc__nearest(const char *word, const char *const *names, size_t count) {
    const char *best = NULL;
    for (size_t i = 0; i < count; i++)
        if (lyc__is_near(word, names[i]) &&
            (!best || lyc__edit_distance(word, names[i]) < lyc__edit_distance(word, best)))
            best = names[i];
    return best;
}

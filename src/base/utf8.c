#include "base/utf8.h"

#include <string.h>

/* Table 3-7 of the Unicode standard: the first byte fixes the length and the range of the second. */
static const struct {
    unsigned char first_low, first_high, second_low, second_high;
    size_t length;
} forms[] = {
    {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
    {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
    {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

size_t lyc__utf8_length(const char *text, size_t size) {
    const unsigned char *byte = (const unsigned char *)text;
    if (size == 0) return 0;
    if (byte[0] < 0x80) return 1;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (byte[0] < forms[i].first_low || byte[0] > forms[i].first_high) continue;
        if (size < forms[i].length || byte[1] < forms[i].second_low || byte[1] > forms[i].second_high)
            return 0;
        for (size_t k = 2; k < forms[i].length; k++)
            if (byte[k] < 0x80 || byte[k] > 0xbf) return 0;
        return forms[i].length;
    }
    return 0;
}

size_t lyc__utf8_count(const char *text) {
    size_t count = 0;
    for (size_t left = strlen(text); left > 0; count++) {
        size_t length = lyc__utf8_length(text, left);
        if (length == 0) length = 1;
        text += length;
        left -= length;
    }
    return count;
}

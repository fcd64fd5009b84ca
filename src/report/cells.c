#include "report/cells.h"

#include <string.h>

#include "base/utf8.h"

/* Bytes of the first `characters` characters of `word`. */
static size_t prefix_size(const char *word, size_t characters) {
    size_t size = strlen(word), used = 0;
    while (characters-- > 0 && used < size) {
        size_t step = lyc__utf8_length(word + used, size - used);
        used += step > 0 ? step : 1;
    }
    return used;
}

static void add_word(lyc__text *text, const char *word, size_t length, size_t columns) {
    if (length <= columns) {
        lyc__text_add_bytes(text, word, strlen(word));
    } else if (columns > 0) {
        lyc__text_add_bytes(text, word, prefix_size(word, columns - 1));
        lyc__text_add_bytes(text, "~", 1);
    }
}

void lyc__cell_left(lyc__text *text, const char *word, size_t columns) {
    size_t length = lyc__utf8_count(word);
    add_word(text, word, length, columns);
    if (length < columns) lyc__text_add(text, "%*s", (int)(columns - length), "");
}

void lyc__cell_right(lyc__text *text, const char *word, size_t columns) {
    size_t length = lyc__utf8_count(word);
    if (length < columns) lyc__text_add(text, "%*s", (int)(columns - length), "");
    add_word(text, word, length, columns);
}

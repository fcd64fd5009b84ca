/* UTF-8, as strictly as RFC 3629 has it. */
#ifndef LYCEUM_BASE_UTF8_H
#define LYCEUM_BASE_UTF8_H

#include <stddef.h>

/* Bytes of the code point that `text` (of `size` bytes) starts with, 1 to 4; 0 where the bytes are no UTF-8:
 * overlong forms, surrogates, beyond U+10FFFF, cut off. */
size_t lyc__utf8_length(const char *text, size_t size);
/* Code points in a terminated text; a byte that is no UTF-8 counts as one. */
size_t lyc__utf8_count(const char *text);

#endif

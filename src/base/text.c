#include "base/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lyceum/memory.h"

/* Room for `size` more bytes and the terminator. */
static bool make_room(lyc__text *text, size_t size) {
    if (text->failed) return false;
    if (text->capacity - text->size > size) return true;
    size_t capacity = size < SIZE_MAX / 4 && text->size < SIZE_MAX / 4 ? (text->size + size + 1) * 2 : 0;
    char *grown = capacity ? lyc_calloc(capacity, 1) : NULL;
    if (!grown) {
        text->failed = true;
        return false;
    }
    if (text->size) memcpy(grown, text->bytes, text->size);
    lyc_free(text->bytes);
    text->bytes = grown;
    text->capacity = capacity;
    return true;
}

void lyc__text_add_bytes(lyc__text *text, const char *bytes, size_t size) {
    if (!make_room(text, size)) return;
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    text->bytes[text->size] = '\0';
}

void lyc__text_add(lyc__text *text, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, arguments);
    if (size >= 0 && make_room(text, (size_t)size)) {
        vsnprintf(text->bytes + text->size, (size_t)size + 1, format, again);
        text->size += (size_t)size;
    }
    va_end(again);
    va_end(arguments);
}

lyc_status lyc__text_finish(lyc__text *text, char **out, lyc_error *err) {
    lyc__text_add_bytes(text, "", 0); /* an empty text is terminated too */
    *out = NULL;
    if (text->failed) {
        lyc__text_discard(text);
        LYC_FAIL(err, LYC_ENOMEM, "no memory for a text");
    }
    *out = text->bytes;
    *text = (lyc__text){0};
    return LYC_OK;
}

void lyc__text_discard(lyc__text *text) {
    lyc_free(text->bytes);
    *text = (lyc__text){0};
}

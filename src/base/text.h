/* A text that grows. A failed allocation is remembered and reported by finish, so that callers check once. */
#ifndef LYCEUM_BASE_TEXT_H
#define LYCEUM_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "lyceum/error.h"

typedef struct lyc__text {
    char *bytes; /* terminated once anything was added */
    size_t size, capacity;
    bool failed;
} lyc__text;

void lyc__text_add_bytes(lyc__text *text, const char *bytes, size_t size);
void lyc__text_add(lyc__text *text, const char *format, ...) LYC_PRINTF(2, 3);
/* *out is the caller's (lyc_free); the text is empty again afterwards. */
LYC_MUST_USE lyc_status lyc__text_finish(lyc__text *text, char **out, lyc_error *err);
void lyc__text_discard(lyc__text *text);

#endif

#include "lyceum/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const names[LYC_STATUS_COUNT] = {
#define NAME(code, name, meaning) [LYC_##code] = (name),
    LYC_STATUS_MAP(NAME)
#undef NAME
};

static const char *const meanings[LYC_STATUS_COUNT] = {
#define MEANING(code, name, meaning) [LYC_##code] = (meaning),
    LYC_STATUS_MAP(MEANING)
#undef MEANING
};

const char *lyc_status_name(lyc_status status) {
    return (unsigned)status < LYC_STATUS_COUNT ? names[status] : "unknown";
}

const char *lyc_status_meaning(lyc_status status) {
    return (unsigned)status < LYC_STATUS_COUNT ? meanings[status] : "not a status of Lyceum";
}

/* A message that does not fit ends in "..." instead of in the middle of a word. */
static void mark_cut(char *message, int wanted) {
    if (wanted >= LYC_ERROR_MESSAGE_SIZE) memcpy(message + LYC_ERROR_MESSAGE_SIZE - 4, "...", 4);
}

lyc_status lyc_error_set(lyc_error *err, lyc_status code, const char *file, int line, const char *format,
                         ...) {
    if (err == NULL) return code;
    /* Formatted aside, since the arguments may point into err->message. */
    char message[LYC_ERROR_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (wanted < 0) snprintf(message, sizeof message, "%s", lyc_status_meaning(code));
    mark_cut(message, wanted);
    memcpy(err->message, message, sizeof message);
    err->code = code;
    err->file = file;
    err->line = line;
    return code;
}

void lyc_error_prefix(lyc_error *err, const char *format, ...) {
    if (err == NULL) return;
    char former[LYC_ERROR_MESSAGE_SIZE];
    memcpy(former, err->message, sizeof former);
    char prefix[LYC_ERROR_MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(prefix, sizeof prefix, format, arguments);
    va_end(arguments);
    if (length < 0) return;
    int wanted = snprintf(err->message, sizeof err->message, "%s: %s", prefix, former);
    mark_cut(err->message, wanted);
}

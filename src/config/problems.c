#include "config/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void hide_controls(char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f) *text = '?';
}

void lyc__problem(lyc__problems *problems, const char *path, const char *format, ...) {
    char message[640];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    hide_controls(message);

    char line[LYC__KEY_PATH_SIZE + sizeof message + 8];
    char shown[LYC__KEY_PATH_SIZE];
    snprintf(shown, sizeof shown, "%s", path);
    hide_controls(shown);
    int length = snprintf(line, sizeof line, "%s%s%s", shown, shown[0] ? ": " : "", message);
    if (problems->count < LYC__PROBLEM_PATHS)
        snprintf(problems->paths[problems->count], LYC__KEY_PATH_SIZE, "%s", path);
    problems->count++;
    if (problems->size + (size_t)length + 4 > sizeof problems->text) {
        problems->untold++;
        return;
    }
    problems->size +=
        (size_t)snprintf(problems->text + problems->size, sizeof problems->text - problems->size, "%s%s",
                         problems->size ? "\n  " : "", line);
}

bool lyc__problems_touch(const lyc__problems *problems, const char *path) {
    size_t length = strlen(path);
    if (problems->count > LYC__PROBLEM_PATHS) return true; /* not every path was kept: it may be any */
    for (size_t i = 0; i < problems->count; i++) {
        const char *other = problems->paths[i];
        size_t shared = strlen(other) < length ? strlen(other) : length;
        /* Below `path`, `path` itself, or a container of it that could not be read at all. */
        if (strncmp(other, path, shared) == 0 && (other[shared] == '\0' || strchr(".[", other[shared])) &&
            (path[shared] == '\0' || strchr(".[", path[shared])))
            return true;
    }
    return false;
}

lyc_status lyc__problems_report(const lyc__problems *problems, const char *origin, lyc_error *err) {
    if (problems->out_of_memory) LYC_FAIL(err, LYC_ENOMEM, "%s: no memory to read the configuration", origin);
    if (problems->count == 0) return LYC_OK;
    if (problems->count == 1) LYC_FAIL(err, LYC_ECONFIG, "%s: %s", origin, problems->text);
    char rest[64] = "";
    if (problems->untold) snprintf(rest, sizeof rest, "\n  ... and %zu more", problems->untold);
    LYC_FAIL(err, LYC_ECONFIG, "%.300s: %zu problems\n  %s%s", origin, problems->count, problems->text, rest);
}

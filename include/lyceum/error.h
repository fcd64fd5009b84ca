/* Status codes and the caller-owned error object.
 *
 * Every function that can fail returns a lyc_status and takes a `lyc_error *err` as its last
 * parameter. The object belongs to the caller, so it can cross threads and cannot go stale; NULL is
 * allowed where only the status matters. On LYC_OK it is left untouched. A message names the file,
 * the key or the row at fault, the reason, and what to do about it, without a trailing newline.
 *
 *     lyc_error err = {0};
 *     if (lyc_dataset_open(&data, path, &err) != LYC_OK) fprintf(stderr, "%s\n", err.message);
 */
#ifndef LYCEUM_ERROR_H
#define LYCEUM_ERROR_H

#include "lyceum/export.h"

LYC_BEGIN_DECLS

/* code, name, what it means to a person */
#define LYC_STATUS_MAP(X)                                                                                    \
    X(OK, "ok", "no error")                                                                                  \
    X(EUSAGE, "usage", "the command line is wrong")                                                          \
    X(ECONFIG, "config", "the configuration is wrong")                                                       \
    X(EFORMAT, "format", "a file does not hold what it should")                                              \
    X(EMISMATCH, "mismatch", "two things that must belong together do not")                                  \
    X(EIO, "io", "reading or writing failed")                                                                \
    X(EBUSY, "busy", "another process is using it")                                                          \
    X(ENOMEM, "memory", "no memory left")                                                                    \
    X(ENUMERIC, "numeric", "a number that is not finite appeared in a computation")                          \
    X(ECANCELLED, "cancelled", "stopped on request")                                                         \
    X(EUNSUPPORTED, "unsupported", "valid, but not supported by this build")                                 \
    X(EENVIRONMENT, "environment", "this machine is not set up as needed")                                   \
    X(EINTERNAL, "internal", "a fault in Lyceum itself")

typedef enum lyc_status {
#define LYC_STATUS_ENUM(code, name, meaning) LYC_##code,
    LYC_STATUS_MAP(LYC_STATUS_ENUM)
#undef LYC_STATUS_ENUM
        LYC_STATUS_COUNT
} lyc_status;

#define LYC_ERROR_MESSAGE_SIZE 4096

typedef struct lyc_error {
    lyc_status code;
    char message[LYC_ERROR_MESSAGE_SIZE]; /* always terminated; may hold several lines */
    const char *file;                     /* source file and line that raised it */
    int line;
} lyc_error;

/* Fills `err` (may be NULL) and returns `code`. Use through LYC_FAIL or LYC_ERROR. */
LYC_API lyc_status lyc_error_set(lyc_error *err, lyc_status code, const char *file, int line,
                                 const char *format, ...) LYC_PRINTF(5, 6);

/* Puts "text: " in front of the message of `err`; keeps code and origin. */
LYC_API void lyc_error_prefix(lyc_error *err, const char *format, ...) LYC_PRINTF(2, 3);

/* Short name ("config") and meaning of a status; never NULL. */
LYC_API const char *lyc_status_name(lyc_status status);
LYC_API const char *lyc_status_meaning(lyc_status status);

/* The value of these is the status: `status = LYC_ERROR(err, LYC_EIO, "..."); goto done;` */
#define LYC_ERROR(err, code, ...) lyc_error_set((err), (code), __FILE__, __LINE__, __VA_ARGS__)
#define LYC_FAIL(err, code, ...)  return lyc_error_set((err), (code), __FILE__, __LINE__, __VA_ARGS__)
#define LYC_TRY(expression)                                                                                  \
    do {                                                                                                     \
        lyc_status lyc_try_status_ = (expression);                                                           \
        if (lyc_try_status_ != LYC_OK) return lyc_try_status_;                                               \
    } while (0)
/* For functions with a single `done:` exit and a local `lyc_status status`. */
#define LYC_TRY_GOTO(expression)                                                                             \
    do {                                                                                                     \
        status = (expression);                                                                               \
        if (status != LYC_OK) goto done;                                                                     \
    } while (0)

LYC_END_DECLS

#endif

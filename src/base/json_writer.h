/* Writing JSON text. Reading it is src/config's business; writing is needed by programs and reports as well.
 *
 *     lyc__json json;
 *     lyc__json_start(&json, true);
 *     lyc__json_object(&json, NULL);
 *     lyc__json_text(&json, "name", "fashion");
 *     lyc__json_array(&json, "weights");
 *     lyc__json_number(&json, NULL, 0.1);
 *     lyc__json_end(&json);
 *     lyc__json_end(&json);
 *     status = lyc__json_finish(&json, &text, err);       // lyc_free(text)
 *
 * `key` is the member's name inside an object and NULL inside an array or at the top. A failed allocation is
 * remembered and reported by finish, so that callers check once. Numbers are written with the fewest digits
 * that read back as the same double, whatever the locale; NaN and infinities, which JSON lacks, become null.
 * Text is written as UTF-8; bytes that are not UTF-8 become U+FFFD.
 */
#ifndef LYCEUM_BASE_JSON_WRITER_H
#define LYCEUM_BASE_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "lyceum/error.h"

#define LYC__JSON_DEPTH 32

typedef struct lyc__json {
    lyc__text text;
    int depth;
    bool pretty; /* two spaces a level, a member a line */
    char closing[LYC__JSON_DEPTH];
    bool filled[LYC__JSON_DEPTH]; /* the container of this depth holds something already */
    bool on_one_line[LYC__JSON_DEPTH];
} lyc__json;

void lyc__json_start(lyc__json *json, bool pretty);
void lyc__json_object(lyc__json *json, const char *key);
void lyc__json_array(lyc__json *json, const char *key);
/* An array or object that stays on one line in a pretty text: lists of numbers, small records. */
void lyc__json_array_inline(lyc__json *json, const char *key);
void lyc__json_object_inline(lyc__json *json, const char *key);
void lyc__json_end(lyc__json *json); /* closes the innermost array or object */
void lyc__json_text(lyc__json *json, const char *key, const char *value); /* NULL is written as null */
void lyc__json_number(lyc__json *json, const char *key, double value);
void lyc__json_integer(lyc__json *json, const char *key, int64_t value);
void lyc__json_unsigned(lyc__json *json, const char *key, uint64_t value);
void lyc__json_bool(lyc__json *json, const char *key, bool value);
void lyc__json_null(lyc__json *json, const char *key);
/* A value that is JSON already, copied as it is. */
void lyc__json_raw(lyc__json *json, const char *key, const char *value);
/* *out is the caller's (lyc_free); a pretty text ends with a newline. */
LYC_MUST_USE lyc_status lyc__json_finish(lyc__json *json, char **out, lyc_error *err);

#define LYC__NUMBER_SIZE 32
/* The fewest digits that read back as `value`, with a point whatever the locale; "nan", "inf", "-inf". */
void lyc__number_format(double value, char out[LYC__NUMBER_SIZE]);
/* strtod with a point whatever the locale. */
double lyc__number_parse(const char *text, char **end);

#endif

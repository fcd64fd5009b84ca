/* Checks shared by the types of single values and of lists. */
#ifndef LYCEUM_CONFIG_TYPES_H
#define LYCEUM_CONFIG_TYPES_H

#include "config/fields.h"

/* Where a field's value lives inside the structure. */
void *lyc__field_at(const lyc__field *field, void *target);
const void *lyc__field_of(const lyc__field *field, const void *source);

/* False, and a problem, unless `value` is a number (a whole one) within the row's bounds. */
bool lyc__check_number(const lyc__reader *reader, const lyc__field *field, const char *path,
                       const struct cJSON *value, double *out);
bool lyc__check_integer(const lyc__reader *reader, const lyc__field *field, const char *path,
                        const struct cJSON *value, double *out);
/* "must be WHAT, not 3.5" */
void lyc__wrong_type(const lyc__reader *reader, const char *path, const char *what,
                     const struct cJSON *value);
/* Arena memory; remembers a failure in the problems. */
void *lyc__take(const lyc__reader *reader, size_t count, size_t size);
const char *lyc__take_text(const lyc__reader *reader, const char *text);

/* minimum, maximum, exclusive... of the row, as members of a schema. */
void lyc__describe_bounds(const lyc__field *field, lyc__json *json);

#endif

/* The keys in which two resolved configurations part. */
#ifndef LYC_REPORT_CONFIG_LINES_H
#define LYC_REPORT_CONFIG_LINES_H

#include <stddef.h>

#include "lyceum/error.h"

typedef struct lyc__config_line {
    char *key;       /* "agent.credit.every", "teachers[1].model" */
    char *values[2]; /* JSON; NULL where one of them has no such key */
} lyc__config_line;

/* Both are texts of lyc_config_resolved: a key a line, two blanks a level. `name` and `output` are left out,
 * as they differ between any two runs and change nothing. Order: the first's keys, then those that only the
 * second has. */
LYC_MUST_USE lyc_status lyc__config_differences(const char *first, const char *second, lyc__config_line **out,
                                                size_t *count, lyc_error *err);
void lyc__config_lines_free(lyc__config_line *lines, size_t count); /* NULL is fine */

#endif

/* JSON as RFC 8259 has it, and no more.
 *
 * cJSON builds the tree, but it also accepts 01, 1., 1e999, a byte-order mark, text behind the value, and
 * cuts strings at \u0000. Whatever this check passes, cJSON reads without loss (except for repeated keys and
 * integers beyond 2^53, which are found in the tree).
 */
#ifndef LYCEUM_CONFIG_STRICT_H
#define LYCEUM_CONFIG_STRICT_H

#include <stdbool.h>
#include <stddef.h>

#define LYC__CONFIG_DEPTH 16                    /* levels of lists and objects */
#define LYC__CONFIG_BYTES ((size_t)1024 * 1024) /* of a whole file */

typedef struct lyc__fault {
    size_t line, column; /* from 1; columns count characters */
    char reason[200];
} lyc__fault;

/* True when text[size] is one JSON value; else `fault` says where and why it is not. */
bool lyc__strict_check(const char *text, size_t size, lyc__fault *fault);

#endif

/* The names of a public table, for messages. Private to student/. */
#ifndef LYCEUM_STUDENT_NAMES_H
#define LYCEUM_STUDENT_NAMES_H

#include <stddef.h>
#include <string.h>

#define LYC__NAMES_SIZE 256

typedef const char *(*lyc__table_name)(size_t index); /* NULL past the end */

/* "a, b, c", cut where it does not fit. */
static inline const char *lyc__table_names(lyc__table_name name, char out[LYC__NAMES_SIZE]) {
    out[0] = '\0';
    for (size_t i = 0; name(i) != NULL; i++) {
        if (i > 0) strncat(out, ", ", LYC__NAMES_SIZE - strlen(out) - 1);
        strncat(out, name(i), LYC__NAMES_SIZE - strlen(out) - 1);
    }
    return out;
}

#endif

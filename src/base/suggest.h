/* "Did you mean ...?": the nearest of a list of names. */
#ifndef LYCEUM_BASE_SUGGEST_H
#define LYCEUM_BASE_SUGGEST_H

#include <stddef.h>

/* Edits (insert, delete, replace, swap neighbours) that make `b` of `a`; upper and lower case count as equal.
 * Words longer than 64 bytes are as far apart as their longer length. */
size_t lyc__edit_distance(const char *a, const char *b);

/* True when `b` is close enough to `a` to be worth suggesting: at most a third of the letters differ. */
int lyc__is_near(const char *a, const char *b);

/* The nearest of names[count] if it is near, else NULL. */
const char *lyc__nearest(const char *word, const char *const *names, size_t count);

#endif

/* All problems of one configuration, collected so that they can be reported at once. */
#ifndef LYCEUM_CONFIG_PROBLEMS_H
#define LYCEUM_CONFIG_PROBLEMS_H

#include <stdbool.h>
#include <stddef.h>

#include "lyceum/error.h"

#define LYC__KEY_PATH_SIZE 160 /* of a key's path in messages; longer ones are cut */
#define LYC__PROBLEM_PATHS 48
#define LYC__PROBLEM_LIMIT 200 /* nobody reads on; callers that could add without end stop here */

typedef struct lyc__problems {
    size_t count;
    size_t size;
    char text[LYC_ERROR_MESSAGE_SIZE - 512]; /* a line each; room for the heading is left in the error */
    size_t untold;                           /* problems that found no room */
    char paths[LYC__PROBLEM_PATHS][LYC__KEY_PATH_SIZE];
    bool out_of_memory;
} lyc__problems;

/* Adds "path: message". Control characters (a key may hold any) are shown as '?'. */
void lyc__problem(lyc__problems *problems, const char *path, const char *format, ...) LYC_PRINTF(3, 4);

/* A problem was found at `path` or below it. */
bool lyc__problems_touch(const lyc__problems *problems, const char *path);

/* LYC_OK without problems, else LYC_ENOMEM or LYC_ECONFIG with "origin: ..." */
LYC_MUST_USE lyc_status lyc__problems_report(const lyc__problems *problems, const char *origin,
                                             lyc_error *err);

#endif

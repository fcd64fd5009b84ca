/* The checks of `lyceum doctor`: one function and one row of the table each. */
#ifndef LYCEUM_APP_DOCTOR_CHECKS_H
#define LYCEUM_APP_DOCTOR_CHECKS_H

#include <stddef.h>

#include "lyceum/error.h"

typedef enum lyc__verdict { LYC__VERDICT_OK, LYC__VERDICT_WARNING, LYC__VERDICT_PROBLEM } lyc__verdict;
const char *lyc__verdict_name(lyc__verdict verdict);

typedef struct lyc__finding {
    lyc__verdict verdict;
    char value[512];                  /* what was found */
    char fix[LYC_ERROR_MESSAGE_SIZE]; /* what to do about it; empty when ok */
} lyc__finding;

typedef struct lyc__check {
    const char *name;
    void (*run)(lyc__finding *out); /* starts from ok, with empty texts */
} lyc__check;
extern const lyc__check lyc__checks[];
extern const size_t lyc__check_count;

#endif

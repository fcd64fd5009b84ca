/* The table of distillation loss terms. */
#include "student/terms.h"

#include <string.h>

#include "lyceum/student.h"

static const lyc__term *const terms[] = {
    &lyc__term_kd,
};
#define TERM_COUNT (sizeof terms / sizeof terms[0])

const char *lyc_loss_term_name(size_t index) {
    return index < TERM_COUNT ? terms[index]->name : NULL;
}

const char *lyc_loss_term_doc(size_t index) {
    return index < TERM_COUNT ? terms[index]->doc : NULL;
}

const lyc__term *lyc__term_find(const char *name) {
    for (size_t i = 0; i < TERM_COUNT; i++)
        if (strcmp(terms[i]->name, name) == 0) return terms[i];
    return NULL;
}

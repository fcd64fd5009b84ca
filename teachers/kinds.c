/* The table of teacher kinds: one row a kind, one file a row. */
#include <stdio.h>
#include <string.h>

#include "teachers/kind.h"

static const lyc__teacher_kind *const kinds[] = {
    &lyc__teacher_kind_network,
    &lyc__teacher_kind_recorded,
};

#define KIND_COUNT (sizeof kinds / sizeof *kinds)

lyc_status lyc__teacher_kind_find(const lyc__teacher_kind **out, const char *name, lyc_error *err) {
    char valid[512];
    size_t used = 0;
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (name != NULL && strcmp(kinds[i]->name, name) == 0) {
            *out = kinds[i];
            return LYC_OK;
        }
        int written = snprintf(valid + used, sizeof valid - used, "%s'%s' (%s)", i > 0 ? ", " : "",
                               kinds[i]->name, kinds[i]->doc);
        if (written > 0 && used + (size_t)written < sizeof valid) used += (size_t)written;
    }
    *out = NULL;
    LYC_FAIL(err, LYC_ECONFIG, "there is no kind of teacher called '%s'; valid: %s", name != NULL ? name : "",
             valid);
}

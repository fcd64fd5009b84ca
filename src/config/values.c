/* Saying in words what a row allows. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "config/fields.h"

/* Appends to out[size] and cuts what does not fit. */
static void add(char *out, size_t size, const char *before, const char *text, const char *after) {
    size_t used = strlen(out);
    snprintf(out + used, size - used, "%s%s%s", before, text, after);
}

static void add_names(const lyc__field *field, char *out, size_t size) {
    for (size_t i = 0; field->names[i]; i++)
        add(out, size, i == 0 ? "\"" : field->names[i + 1] ? ", \"" : " or \"", field->names[i], "\"");
}

static void add_bounds(const lyc__field *field, char *out, size_t size) {
    char low[LYC__NUMBER_SIZE], high[LYC__NUMBER_SIZE];
    lyc__number_format(field->low, low);
    lyc__number_format(field->high, high);
    bool bounded = field->high < LYC__MOST_EXACT;
    if (!field->above && !field->below && bounded) {
        add(out, size, ", ", low, " to ");
        add(out, size, "", high, "");
        return;
    }
    if (field->above) add(out, size, " above ", low, "");
    else add(out, size, ", ", low, " or more");
    if (field->below) add(out, size, ", below ", high, "");
    else if (bounded) add(out, size, ", at most ", high, "");
}

void lyc__field_values(const lyc__field *field, char out[LYC__VALUES_SIZE]) {
    out[0] = '\0';
    if (field->names) {
        add_names(field, out, LYC__VALUES_SIZE);
    } else {
        add(out, LYC__VALUES_SIZE, "", field->type->noun, "");
        if (field->type->is_bounded) add_bounds(field, out, LYC__VALUES_SIZE);
    }
    if (field->type->optional) add(out, LYC__VALUES_SIZE, ", or ", "null", "");
}

/* Types whose value is a list: of numbers, or of objects with rows of their own. */
#include <assert.h>
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "config/types.h"

static void *count_at(const lyc__field *field, void *target) {
    return (char *)target + field->count_offset;
}

static size_t stored_count(const lyc__field *field, const void *source) {
    size_t count = 0;
    memcpy(&count, (const char *)source + field->count_offset, sizeof count);
    return count;
}

/* Number of entries, or -1 and a problem. */
static long check_list(const lyc__reader *reader, const lyc__field *field, const char *path,
                       const cJSON *value) {
    if (!cJSON_IsArray(value)) {
        char allowed[LYC__VALUES_SIZE];
        lyc__field_values(field, allowed);
        lyc__wrong_type(reader, path, allowed, value);
        return -1;
    }
    size_t count = (size_t)cJSON_GetArraySize(value);
    if (count < field->least) {
        lyc__problem(reader->problems, path, "must have at least %zu entr%s", field->least,
                     field->least == 1 ? "y" : "ies");
        return -1;
    }
    if (count > field->most) {
        lyc__problem(reader->problems, path, "has %zu entries; at most %zu are allowed", count, field->most);
        return -1;
    }
    return (long)count;
}

/* Reads the numbers of a list into out[count] with a check for each; false when one failed. */
static bool read_entries(const lyc__reader *reader, const lyc__field *field, const char *path,
                         const cJSON *value, bool whole, double *out) {
    bool good = true;
    size_t index = 0;
    for (const cJSON *entry = value->child; entry; entry = entry->next, index++) {
        char here[LYC__KEY_PATH_SIZE + 32];
        snprintf(here, sizeof here, "%s[%zu]", path, index);
        lyc__field row = *field;
        row.type = whole ? &lyc__type_integer : &lyc__type_number; /* the message speaks of one entry */
        good =
            (whole ? lyc__check_integer : lyc__check_number)(reader, &row, here, entry, &out[index]) && good;
    }
    return good;
}

static double *read_numbers_of(const lyc__reader *reader, const lyc__field *field, const char *path,
                               const cJSON *value, bool whole, size_t *count) {
    long entries = check_list(reader, field, path, value);
    if (entries < 0) return NULL;
    double *numbers = lyc__take(reader, (size_t)entries, sizeof *numbers);
    if (!numbers || !read_entries(reader, field, path, value, whole, numbers)) return NULL;
    *count = (size_t)entries;
    return numbers;
}

static void read_numbers(const lyc__reader *reader, const lyc__field *field, const char *path,
                         const cJSON *value, void *target) {
    size_t count = 0;
    double *numbers = cJSON_IsNull(value) ? NULL : read_numbers_of(reader, field, path, value, false, &count);
    *(double **)lyc__field_at(field, target) = numbers;
    *(size_t *)count_at(field, target) = count;
}

static void write_numbers(const lyc__field *field, const void *source, lyc__json *json, const char *key) {
    const double *numbers = *(double *const *)lyc__field_of(field, source);
    if (!numbers) {
        lyc__json_null(json, key);
        return;
    }
    lyc__json_array_inline(json, key);
    for (size_t i = 0; i < stored_count(field, source); i++) lyc__json_number(json, NULL, numbers[i]);
    lyc__json_end(json);
}

static void describe_list(const lyc__field *field, lyc__json *json, const char *type, const char *entry) {
    lyc__json_raw(json, "type", type);
    lyc__json_object_inline(json, "items");
    lyc__json_text(json, "type", entry);
    lyc__describe_bounds(field, json);
    lyc__json_end(json);
    if (field->least) lyc__json_unsigned(json, "minItems", field->least);
    lyc__json_unsigned(json, "maxItems", field->most);
}

static void describe_numbers(const lyc__field *field, lyc__json *json) {
    describe_list(field, json, "[\"array\", \"null\"]", "number");
}

const lyc__type lyc__type_numbers = {.noun = "a list of numbers",
                                     .is_bounded = true,
                                     .optional = true,
                                     .read = read_numbers,
                                     .write = write_numbers,
                                     .describe = describe_numbers};

static void read_integers(const lyc__reader *reader, const lyc__field *field, const char *path,
                          const cJSON *value, void *target) {
    if (cJSON_IsNull(value)) return;
    size_t count = 0;
    const double *numbers = read_numbers_of(reader, field, path, value, true, &count);
    int32_t *stored = numbers ? lyc__take(reader, count, sizeof *stored) : NULL;
    if (!stored) return;
    for (size_t i = 0; i < count; i++) stored[i] = (int32_t)numbers[i];
    *(const int32_t **)lyc__field_at(field, target) = stored;
    *(size_t *)count_at(field, target) = count;
}

static void write_integers(const lyc__field *field, const void *source, lyc__json *json, const char *key) {
    const int32_t *stored = *(const int32_t *const *)lyc__field_of(field, source);
    if (!stored) {
        lyc__json_null(json, key);
        return;
    }
    lyc__json_array_inline(json, key);
    for (size_t i = 0; i < stored_count(field, source); i++) lyc__json_integer(json, NULL, stored[i]);
    lyc__json_end(json);
}

static void describe_integers(const lyc__field *field, lyc__json *json) {
    describe_list(field, json, "[\"array\", \"null\"]", "integer");
}

const lyc__type lyc__type_integers = {.noun = "a list of whole numbers",
                                      .is_bounded = true,
                                      .optional = true,
                                      .read = read_integers,
                                      .write = write_integers,
                                      .describe = describe_integers};

static void read_widths(const lyc__reader *reader, const lyc__field *field, const char *path,
                        const cJSON *value, void *target) {
    size_t count = 0;
    const double *numbers = read_numbers_of(reader, field, path, value, true, &count);
    if (!numbers) return;
    int *widths = lyc__field_at(field, target);
    for (size_t i = 0; i < count; i++) widths[i] = (int)numbers[i];
    *(int *)count_at(field, target) = (int)count;
}

static void write_widths(const lyc__field *field, const void *source, lyc__json *json, const char *key) {
    const int *widths = lyc__field_of(field, source);
    int count = 0;
    memcpy(&count, (const char *)source + field->count_offset, sizeof count);
    lyc__json_array_inline(json, key);
    for (int i = 0; i < count; i++) lyc__json_integer(json, NULL, widths[i]);
    lyc__json_end(json);
}

static void describe_widths(const lyc__field *field, lyc__json *json) {
    describe_list(field, json, "\"array\"", "integer");
}

const lyc__type lyc__type_widths = {.noun = "a list of whole numbers",
                                    .is_bounded = true,
                                    .read = read_widths,
                                    .write = write_widths,
                                    .describe = describe_widths};

/* ---- lists of objects --------------------------------------------------------------------------- */

static void read_elements(const lyc__reader *reader, const lyc__field *field, const char *path,
                          const cJSON *value, char *elements) {
    char parent[LYC__KEY_PATH_SIZE];
    snprintf(parent, sizeof parent, "%s[]", field->path);
    size_t index = 0;
    for (const cJSON *entry = value->child; entry; entry = entry->next, index++) {
        char here[LYC__KEY_PATH_SIZE + 32];
        snprintf(here, sizeof here, "%s[%zu]", path, index);
        if (cJSON_IsObject(entry))
            lyc__read_object(reader, parent, here, entry, elements + index * field->element_size);
        else lyc__wrong_type(reader, here, "an object", entry);
    }
}

static void write_elements(const lyc__field *field, const char *elements, size_t count, lyc__json *json,
                           const char *key) {
    char parent[LYC__KEY_PATH_SIZE];
    snprintf(parent, sizeof parent, "%s[]", field->path);
    lyc__json_array(json, key);
    for (size_t i = 0; i < count; i++) {
        lyc__json_object_inline(json, NULL);
        lyc__write_object(parent, field->commands, elements + i * field->element_size, json);
        lyc__json_end(json);
    }
    lyc__json_end(json);
}

static void read_objects(const lyc__reader *reader, const lyc__field *field, const char *path,
                         const cJSON *value, void *target) {
    long entries = check_list(reader, field, path, value);
    if (entries < 0) return;
    void *elements = lyc__take(reader, (size_t)entries, field->element_size);
    if (!elements) return;
    *(void **)lyc__field_at(field, target) = elements;
    *(size_t *)count_at(field, target) = (size_t)entries;
    read_elements(reader, field, path, value, elements);
}

static void write_objects(const lyc__field *field, const void *source, lyc__json *json, const char *key) {
    write_elements(field, *(char *const *)lyc__field_of(field, source), stored_count(field, source), json,
                   key);
}

const lyc__type lyc__type_objects = {
    .noun = "a list of objects", .read = read_objects, .write = write_objects};

static void read_objects_inline(const lyc__reader *reader, const lyc__field *field, const char *path,
                                const cJSON *value, void *target) {
    long entries = check_list(reader, field, path, value);
    if (entries < 0) return;
    *(size_t *)count_at(field, target) = (size_t)entries;
    read_elements(reader, field, path, value, lyc__field_at(field, target));
}

static void write_objects_inline(const lyc__field *field, const void *source, lyc__json *json,
                                 const char *key) {
    write_elements(field, lyc__field_of(field, source), stored_count(field, source), json, key);
}

const lyc__type lyc__type_objects_inline = {
    .noun = "a list of objects", .read = read_objects_inline, .write = write_objects_inline};

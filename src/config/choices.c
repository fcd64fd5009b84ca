/* Types whose value is one of a list of names. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "base/suggest.h"
#include "config/types.h"

/* "single:<teacher>" stands for "single:" with any text behind it: the length of what is fixed, else 0. */
static size_t fixed_part(const char *name) {
    const char *bracket = strchr(name, '<');
    return bracket ? (size_t)(bracket - name) : 0;
}

static bool fits(const char *name, const char *text) {
    size_t fixed = fixed_part(name);
    return fixed ? strncmp(name, text, fixed) == 0 && text[fixed] : strcmp(name, text) == 0;
}

/* Index of the name that `value` is; -1 and a problem otherwise. */
static int choose(const lyc__reader *reader, const lyc__field *field, const char *path, const cJSON *value) {
    char allowed[LYC__VALUES_SIZE];
    lyc__field_values(field, allowed);
    const char *text = cJSON_GetStringValue(value);
    if (!text) {
        lyc__wrong_type(reader, path, allowed, value);
        return -1;
    }
    int count = 0;
    for (; field->names[count]; count++)
        if (fits(field->names[count], text)) return count;
    const char *near = lyc__nearest(text, field->names, (size_t)count);
    if (near)
        lyc__problem(reader->problems, path, "unknown \"%.60s\"; did you mean \"%s\"? Allowed: %s", text,
                     near, allowed);
    else lyc__problem(reader->problems, path, "unknown \"%.60s\"; allowed: %s", text, allowed);
    return -1;
}

static void read_choice(const lyc__reader *reader, const lyc__field *field, const char *path,
                        const cJSON *value, void *target) {
    int index = choose(reader, field, path, value);
    if (index >= 0) memcpy(lyc__field_at(field, target), &index, sizeof index);
}

static void write_choice(const lyc__field *field, const void *source, lyc__json *json, const char *key) {
    int index = 0;
    memcpy(&index, lyc__field_of(field, source), sizeof index);
    lyc__json_text(json, key, field->names[index]);
}

static void describe_choice(const lyc__field *field, lyc__json *json) {
    bool open = false;
    for (size_t i = 0; field->names[i]; i++) open = open || fixed_part(field->names[i]);
    if (open) {
        lyc__json_array(json, "anyOf");
        lyc__json_object_inline(json, NULL);
    }
    lyc__json_array_inline(json, "enum");
    for (size_t i = 0; field->names[i]; i++)
        if (!fixed_part(field->names[i])) lyc__json_text(json, NULL, field->names[i]);
    lyc__json_end(json);
    if (!open) return;
    lyc__json_end(json);
    for (size_t i = 0; field->names[i]; i++) {
        size_t fixed = fixed_part(field->names[i]);
        if (!fixed) continue;
        char pattern[64];
        snprintf(pattern, sizeof pattern, "^%.*s.+", (int)fixed, field->names[i]);
        lyc__json_object_inline(json, NULL);
        lyc__json_text(json, "type", "string");
        lyc__json_text(json, "pattern", pattern);
        lyc__json_end(json);
    }
    lyc__json_end(json);
}

const lyc__type lyc__type_choice = {.noun = "a name",
                                    .is_text = true,
                                    .read = read_choice,
                                    .write = write_choice,
                                    .describe = describe_choice};

static void read_choice_text(const lyc__reader *reader, const lyc__field *field, const char *path,
                             const cJSON *value, void *target) {
    if (choose(reader, field, path, value) >= 0)
        *(const char **)lyc__field_at(field, target) = lyc__take_text(reader, value->valuestring);
}

static void write_choice_text(const lyc__field *field, const void *source, lyc__json *json, const char *key) {
    lyc__json_text(json, key, *(const char *const *)lyc__field_of(field, source));
}

const lyc__type lyc__type_choice_text = {.noun = "a name",
                                         .is_text = true,
                                         .read = read_choice_text,
                                         .write = write_choice_text,
                                         .describe = describe_choice};

/* ---- a teacher's source: the key is the kind ---------------------------------------------------- */

static void read_source(const lyc__reader *reader, const lyc__field *field, const char *path,
                        const cJSON *value, void *target) {
    lyc_teacher_options *teacher = target;
    const char *kind = strrchr(field->path, '.') + 1;
    if (cJSON_IsNull(value)) return;
    if (!cJSON_IsString(value)) lyc__wrong_type(reader, path, "the path of a file", value);
    else if (!value->valuestring[0]) lyc__problem(reader->problems, path, "must not be empty");
    else if (teacher->kind)
        lyc__problem(reader->problems, path, "a second source beside \"%s\"; keep one", teacher->kind);
    else {
        teacher->kind = kind;
        teacher->path = lyc__take_text(reader, value->valuestring);
    }
}

static void write_source(const lyc__field *field, const void *source, lyc__json *json, const char *key) {
    (void)field;
    const lyc_teacher_options *teacher = source;
    if (strcmp(teacher->kind, key) == 0) lyc__json_text(json, key, teacher->path);
}

static void describe_source(const lyc__field *field, lyc__json *json) {
    (void)field;
    lyc__json_raw(json, "type", "[\"string\", \"null\"]");
    lyc__json_integer(json, "minLength", 1);
}

const lyc__type lyc__type_source = {.noun = "the path of a file",
                                    .is_text = true,
                                    .optional = true,
                                    .read = read_source,
                                    .write = write_source,
                                    .describe = describe_source};

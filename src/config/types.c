/* Types of single values: how each is checked, stored, written back and described. */
#include "config/types.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define LABEL_PATTERN "^[A-Za-z0-9_.-]{1,64}$"
#define LABEL_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"

void *lyc__field_at(const lyc__field *field, void *target) {
    return (char *)target + field->offset;
}

const void *lyc__field_of(const lyc__field *field, const void *source) {
    return (const char *)source + field->offset;
}

void *lyc__take(const lyc__reader *reader, size_t count, size_t size) {
    void *memory = lyc_arena_alloc(reader->arena, count, size);
    if (!memory) reader->problems->out_of_memory = true;
    return memory;
}

const char *lyc__take_text(const lyc__reader *reader, const char *text) {
    const char *copy = lyc_arena_strdup(reader->arena, text);
    if (!copy) reader->problems->out_of_memory = true;
    return copy;
}

void lyc__wrong_type(const lyc__reader *reader, const char *path, const char *what, const cJSON *value) {
    char shown[64];
    if (cJSON_IsString(value)) {
        snprintf(shown, sizeof shown, "the text \"%.32s\"", value->valuestring);
    } else if (cJSON_IsNumber(value)) {
        char digits[LYC__NUMBER_SIZE];
        lyc__number_format(value->valuedouble, digits);
        snprintf(shown, sizeof shown, "the number %s", digits);
    } else {
        snprintf(shown, sizeof shown, "%s",
                 cJSON_IsNull(value)     ? "null"
                 : cJSON_IsBool(value)   ? (cJSON_IsTrue(value) ? "true" : "false")
                 : cJSON_IsObject(value) ? "an object"
                                         : "a list");
    }
    lyc__problem(reader->problems, path, "must be %s, not %s", what, shown);
}

bool lyc__check_number(const lyc__reader *reader, const lyc__field *field, const char *path,
                       const cJSON *value, double *out) {
    char allowed[LYC__VALUES_SIZE];
    lyc__field_values(field, allowed);
    if (!cJSON_IsNumber(value)) {
        lyc__wrong_type(reader, path, allowed, value);
        return false;
    }
    double number = value->valuedouble;
    bool low = field->above ? number <= field->low : number < field->low;
    bool high = field->below ? number >= field->high : number > field->high;
    if (low || high) {
        char digits[LYC__NUMBER_SIZE];
        lyc__number_format(number, digits);
        if (high && field->high >= LYC__MOST_EXACT)
            lyc__problem(reader->problems, path, "%s is too large; integers are exact up to 2^53 - 1 only",
                         digits);
        else
            lyc__problem(reader->problems, path, "%s is too %s; allowed: %s", digits, low ? "small" : "large",
                         allowed);
        return false;
    }
    *out = number;
    return true;
}

bool lyc__check_integer(const lyc__reader *reader, const lyc__field *field, const char *path,
                        const cJSON *value, double *out) {
    if (cJSON_IsNumber(value) && value->valuedouble != floor(value->valuedouble)) {
        lyc__wrong_type(reader, path, "a whole number", value);
        return false;
    }
    return lyc__check_number(reader, field, path, value, out);
}

void lyc__describe_bounds(const lyc__field *field, lyc__json *json) {
    lyc__json_number(json, field->above ? "exclusiveMinimum" : "minimum", field->low);
    lyc__json_number(json, field->below ? "exclusiveMaximum" : "maximum", field->high);
}

/* ---- group ------------------------------------------------------------------------------------ */

static void read_group(const lyc__reader *reader, const lyc__field *field, const char *path,
                       const cJSON *value, void *target) {
    if (cJSON_IsObject(value)) lyc__read_object(reader, field->path, path, value, target);
    else lyc__wrong_type(reader, path, "an object", value);
}

const lyc__type lyc__type_group = {.noun = "an object", .read = read_group};

/* ---- text ------------------------------------------------------------------------------------- */

static void read_text(const lyc__reader *reader, const lyc__field *field, const char *path,
                      const cJSON *value, void *target) {
    if (!cJSON_IsString(value)) lyc__wrong_type(reader, path, "a text", value);
    else if (!value->valuestring[0]) lyc__problem(reader->problems, path, "must not be empty");
    else *(const char **)lyc__field_at(field, target) = lyc__take_text(reader, value->valuestring);
}

static void write_text(const lyc__field *field, const void *source, lyc__json *json, const char *key) {
    lyc__json_text(json, key, *(const char *const *)lyc__field_of(field, source));
}

static void describe_text(const lyc__field *field, lyc__json *json) {
    (void)field;
    lyc__json_text(json, "type", "string");
    lyc__json_integer(json, "minLength", 1);
}

const lyc__type lyc__type_text = {
    .noun = "a text", .is_text = true, .read = read_text, .write = write_text, .describe = describe_text};

static void read_text_or_null(const lyc__reader *reader, const lyc__field *field, const char *path,
                              const cJSON *value, void *target) {
    if (!cJSON_IsNull(value)) read_text(reader, field, path, value, target);
}

static void write_text_or_null(const lyc__field *field, const void *source, lyc__json *json,
                               const char *key) {
    if (*(const char *const *)lyc__field_of(field, source) != NULL) write_text(field, source, json, key);
    else lyc__json_raw(json, key, "null");
}

static void describe_text_or_null(const lyc__field *field, lyc__json *json) {
    (void)field;
    lyc__json_raw(json, "type", "[\"string\", \"null\"]");
    lyc__json_integer(json, "minLength", 1);
}

const lyc__type lyc__type_text_or_null = {.noun = "a text or null",
                                          .is_text = true,
                                          .read = read_text_or_null,
                                          .write = write_text_or_null,
                                          .describe = describe_text_or_null};

static void read_note(const lyc__reader *reader, const lyc__field *field, const char *path,
                      const cJSON *value, void *target) {
    (void)field, (void)target;
    if (!cJSON_IsString(value) && !cJSON_IsNull(value)) lyc__wrong_type(reader, path, "a text", value);
}

static void write_note(const lyc__field *field, const void *source, lyc__json *json, const char *key) {
    (void)field, (void)source, (void)json, (void)key; /* of the file it stood in, not of the configuration */
}

static void describe_note(const lyc__field *field, lyc__json *json) {
    (void)field;
    lyc__json_raw(json, "type", "[\"string\", \"null\"]");
}

const lyc__type lyc__type_note = {.noun = "a text",
                                  .is_text = true,
                                  .optional = true,
                                  .read = read_note,
                                  .write = write_note,
                                  .describe = describe_note};

static void read_label(const lyc__reader *reader, const lyc__field *field, const char *path,
                       const cJSON *value, void *target) {
    const char *text = cJSON_GetStringValue(value);
    if (text && text[0] && (text[strspn(text, LABEL_LETTERS)] || strlen(text) > 64))
        lyc__problem(reader->problems, path, "\"%.80s\" must be 1 to 64 of the characters A-Z a-z 0-9 _ . -",
                     text);
    else read_text(reader, field, path, value, target);
}

static void describe_label(const lyc__field *field, lyc__json *json) {
    (void)field;
    lyc__json_text(json, "type", "string");
    lyc__json_text(json, "pattern", LABEL_PATTERN);
}

const lyc__type lyc__type_label = {
    .noun = "a text", .is_text = true, .read = read_label, .write = write_text, .describe = describe_label};

/* ---- flag ------------------------------------------------------------------------------------- */

static void read_flag(const lyc__reader *reader, const lyc__field *field, const char *path,
                      const cJSON *value, void *target) {
    if (cJSON_IsBool(value)) *(bool *)lyc__field_at(field, target) = cJSON_IsTrue(value);
    else lyc__wrong_type(reader, path, "true or false", value);
}

static void write_flag(const lyc__field *field, const void *source, lyc__json *json, const char *key) {
    lyc__json_bool(json, key, *(const bool *)lyc__field_of(field, source));
}

static void describe_flag(const lyc__field *field, lyc__json *json) {
    (void)field;
    lyc__json_text(json, "type", "boolean");
}

const lyc__type lyc__type_flag = {
    .noun = "true or false", .read = read_flag, .write = write_flag, .describe = describe_flag};

/* ---- numbers ---------------------------------------------------------------------------------- */

/* Bounds of every row lie within its storage and within the integers that a double holds (tested). */
static void read_integer(const lyc__reader *reader, const lyc__field *field, const char *path,
                         const cJSON *value, void *target) {
    double number = 0;
    if (!lyc__check_integer(reader, field, path, value, &number)) return;
    void *at = lyc__field_at(field, target);
    if (field->storage == LYC__STORE_I32) *(int *)at = (int)number;
    else if (field->storage == LYC__STORE_U32) *(uint32_t *)at = (uint32_t)number;
    else if (field->storage == LYC__STORE_I64) *(int64_t *)at = (int64_t)number;
    else *(uint64_t *)at = (uint64_t)number;
}

static void write_integer(const lyc__field *field, const void *source, lyc__json *json, const char *key) {
    const void *at = lyc__field_of(field, source);
    if (field->storage == LYC__STORE_I32) lyc__json_integer(json, key, *(const int *)at);
    else if (field->storage == LYC__STORE_U32) lyc__json_unsigned(json, key, *(const uint32_t *)at);
    else if (field->storage == LYC__STORE_I64) lyc__json_integer(json, key, *(const int64_t *)at);
    else lyc__json_unsigned(json, key, *(const uint64_t *)at);
}

static void describe_integer(const lyc__field *field, lyc__json *json) {
    lyc__json_text(json, "type", "integer");
    lyc__describe_bounds(field, json);
}

const lyc__type lyc__type_integer = {.noun = "a whole number",
                                     .is_bounded = true,
                                     .read = read_integer,
                                     .write = write_integer,
                                     .describe = describe_integer};

/* In int: no bound of a row reaches LYC__UNSET (tested). */
static void read_integer_auto(const lyc__reader *reader, const lyc__field *field, const char *path,
                              const cJSON *value, void *target) {
    if (cJSON_IsNull(value)) *(int *)lyc__field_at(field, target) = LYC__UNSET;
    else read_integer(reader, field, path, value, target);
}

static void describe_integer_auto(const lyc__field *field, lyc__json *json) {
    lyc__json_raw(json, "type", "[\"integer\", \"null\"]");
    lyc__describe_bounds(field, json);
}

const lyc__type lyc__type_integer_auto = {.noun = "a whole number",
                                          .is_bounded = true,
                                          .optional = true,
                                          .read = read_integer_auto,
                                          .write = write_integer,
                                          .describe = describe_integer_auto};

static void read_milliseconds(const lyc__reader *reader, const lyc__field *field, const char *path,
                              const cJSON *value, void *target) {
    double number = 0;
    if (lyc__check_integer(reader, field, path, value, &number))
        *(double *)lyc__field_at(field, target) = number / 1000;
}

static void write_milliseconds(const lyc__field *field, const void *source, lyc__json *json,
                               const char *key) {
    lyc__json_integer(json, key, llround(*(const double *)lyc__field_of(field, source) * 1000));
}

const lyc__type lyc__type_milliseconds = {.noun = "a whole number",
                                          .is_bounded = true,
                                          .read = read_milliseconds,
                                          .write = write_milliseconds,
                                          .describe = describe_integer};

static void read_number(const lyc__reader *reader, const lyc__field *field, const char *path,
                        const cJSON *value, void *target) {
    double number = 0;
    if (lyc__check_number(reader, field, path, value, &number))
        *(double *)lyc__field_at(field, target) = number;
}

static void write_number(const lyc__field *field, const void *source, lyc__json *json, const char *key) {
    lyc__json_number(json, key, *(const double *)lyc__field_of(field, source));
}

static void describe_number(const lyc__field *field, lyc__json *json) {
    lyc__json_text(json, "type", "number");
    lyc__describe_bounds(field, json);
}

const lyc__type lyc__type_number = {.noun = "a number",
                                    .is_bounded = true,
                                    .read = read_number,
                                    .write = write_number,
                                    .describe = describe_number};

static void read_number_auto(const lyc__reader *reader, const lyc__field *field, const char *path,
                             const cJSON *value, void *target) {
    if (cJSON_IsNull(value)) *(double *)lyc__field_at(field, target) = (double)NAN;
    else read_number(reader, field, path, value, target);
}

static void describe_number_auto(const lyc__field *field, lyc__json *json) {
    lyc__json_raw(json, "type", "[\"number\", \"null\"]");
    lyc__describe_bounds(field, json);
}

const lyc__type lyc__type_number_auto = {.noun = "a number",
                                         .is_bounded = true,
                                         .optional = true,
                                         .read = read_number_auto,
                                         .write = write_number,
                                         .describe = describe_number_auto};

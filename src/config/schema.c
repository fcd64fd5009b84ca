/* The JSON schema (draft 2020-12) of the table, for editors. What only rules can say is left to the program.
 */
#include <stdio.h>
#include <string.h>

#include "config/fields.h"

static void describe_object(lyc__json *json, const char *parent, unsigned command);

static void describe_objects(lyc__json *json, const lyc__field *field, unsigned command) {
    char parent[LYC__KEY_PATH_SIZE];
    snprintf(parent, sizeof parent, "%s[]", field->path);
    lyc__json_text(json, "type", "array");
    if (field->least) lyc__json_unsigned(json, "minItems", field->least);
    lyc__json_unsigned(json, "maxItems", field->most);
    lyc__json_object(json, "items");
    describe_object(json, parent, command);
    lyc__json_end(json);
}

static void describe_field(lyc__json *json, const lyc__field *field, const char *key, unsigned command) {
    bool is_group = field->type == &lyc__type_group;
    bool is_list = field->element_size > 0;
    if (is_group || is_list) lyc__json_object(json, key);
    else lyc__json_object_inline(json, key);
    lyc__json_text(json, "description", field->doc);
    if (is_group) describe_object(json, field->path, command);
    else if (is_list) describe_objects(json, field, command);
    else field->type->describe(field, json);
    if (field->initial) lyc__json_raw(json, "default", field->initial);
    lyc__json_end(json);
}

/* A key must be given when its row, or one below it, has no default. */
static bool is_required(const lyc__field *field, unsigned command) {
    if (field->type != &lyc__type_group) return !field->initial;
    for (size_t i = 0; i < lyc__field_count; i++)
        if (lyc__field_key(lyc__fields[i].path, field->path) && (lyc__fields[i].commands & command) &&
            is_required(&lyc__fields[i], command))
            return true;
    return false;
}

static void describe_object(lyc__json *json, const char *parent, unsigned command) {
    lyc__json_text(json, "type", "object");
    lyc__json_bool(json, "additionalProperties", false);
    lyc__json_array_inline(json, "required");
    for (size_t i = 0; i < lyc__field_count; i++) {
        const char *key = lyc__field_key(lyc__fields[i].path, parent);
        if (key && (lyc__fields[i].commands & command) && is_required(&lyc__fields[i], command))
            lyc__json_text(json, NULL, key);
    }
    lyc__json_end(json);
    lyc__json_object(json, "properties");
    for (size_t i = 0; i < lyc__field_count; i++) {
        const char *key = lyc__field_key(lyc__fields[i].path, parent);
        if (key && (lyc__fields[i].commands & command)) describe_field(json, &lyc__fields[i], key, command);
    }
    lyc__json_end(json);
}

/* Which of the two a file is for shows in its network's key: editors then complain about one schema, not two.
 */
static void choose_command(lyc__json *json) {
    lyc__json_object_inline(json, "if");
    lyc__json_raw(json, "required", "[\"network\"]");
    lyc__json_end(json);
    lyc__json_object_inline(json, "then");
    lyc__json_text(json, "$ref", "#/$defs/train");
    lyc__json_end(json);
    lyc__json_object_inline(json, "else");
    lyc__json_text(json, "$ref", "#/$defs/distill");
    lyc__json_end(json);
}

lyc_status lyc_config_schema(char **out, lyc_error *err) {
    static const lyc_config_command commands[] = {LYC_CONFIG_DISTILL, LYC_CONFIG_TRAIN};
    lyc__json json;
    lyc__json_start(&json, true);
    lyc__json_object(&json, NULL);
    lyc__json_text(&json, "$schema", "https://json-schema.org/draft/2020-12/schema");
    lyc__json_text(&json, "title", "Lyceum configuration");
    lyc__json_text(&json, "description", "Written by `lyceum config schema`.");
    choose_command(&json);
    lyc__json_object(&json, "$defs");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        lyc__json_object(&json, lyc__command_name(commands[i]));
        describe_object(&json, "", 1U << commands[i]);
        lyc__json_end(&json);
    }
    lyc__json_end(&json);
    lyc__json_end(&json);
    return lyc__json_finish(&json, out, err);
}

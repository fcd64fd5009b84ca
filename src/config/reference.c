/* docs/configuration.md and the list of keys that --help prints. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "config/fields.h"

static const char introduction[] =
    "# Configuration\n"
    "\n"
    "Written by `lyceum config reference`; the table in `src/config/fields.c` is the source.\n"
    "\n"
    "`lyceum distill CONFIG`, `lyceum bank CONFIG` and `lyceum train CONFIG` read one JSON file. Keys that "
    "are\n"
    "unknown, repeated, of the wrong type or out of bounds are errors; all are reported at once, each with "
    "its path.\n"
    "Files are looked up from the current directory. `--set path.to.key=value` overrides a key from the "
    "command\n"
    "line, and `lyceum config resolved CONFIG` prints every value that is in force.\n"
    "\n"
    "The smallest configuration that distils:\n"
    "\n"
    "```json\n"
    "{\n"
    "  \"output\": \"runs/first\",\n"
    "  \"data\": {\"path\": \"data/fashion.h5\"},\n"
    "  \"teachers\": [{\"name\": \"cnn\", \"model\": \"models/cnn/model.h5\"}, {\"name\": \"mlp\", "
    "\"model\": "
    "\"models/mlp/model.h5\"}],\n"
    "  \"student\": {\"arch\": \"mlp\"}\n"
    "}\n"
    "```\n"
    "\n"
    "and the smallest that trains a teacher:\n"
    "\n"
    "```json\n"
    "{\n"
    "  \"output\": \"models/cnn\",\n"
    "  \"data\": {\"path\": \"data/fashion.h5\"},\n"
    "  \"network\": {\"arch\": \"lenet5\"}\n"
    "}\n"
    "```\n"
    "\n"
    "Editors complete and check a file that names the schema: `\"$schema\": \"schema.json\"` beside "
    "`configs/schema.json`.\n";

static bool is_heading(const lyc__field *field) {
    return field->type == &lyc__type_group || field->element_size > 0;
}

static const char *read_by(const lyc__field *field) {
    if (field->commands == LYC__FOR_BOTH) return "both";
    return lyc__command_name(field->commands & LYC__FOR_TRAIN ? LYC_CONFIG_TRAIN : LYC_CONFIG_DISTILL);
}

/* A cell must not end early: '|' separates cells and '<' opens HTML outside of code. */
static void add_cell(lyc__text *text, const char *cell) {
    bool code = false;
    for (const char *p = cell; *p; p++) {
        if (*p == '`') code = !code;
        if (*p == '|' || (*p == '<' && !code)) lyc__text_add_bytes(text, "\\", 1);
        lyc__text_add_bytes(text, p, 1);
    }
}

static void add_table_head(lyc__text *text) {
    lyc__text_add(text, "\n| key | values | default | meaning |\n|---|---|---|---|\n");
}

static void add_row(lyc__text *text, const lyc__field *field) {
    char values[LYC__VALUES_SIZE];
    lyc__field_values(field, values);
    lyc__text_add(text, "| `%s` | ", field->path);
    add_cell(text, values);
    if (field->initial) lyc__text_add(text, " | `%s` | ", field->initial);
    else lyc__text_add(text, " | must be given | ");
    add_cell(text, field->doc);
    lyc__text_add(text, " |\n");
}

static void add_heading(lyc__text *text, const lyc__field *field) {
    lyc__text_add(text, "\n## `%s`\n\n%s", field->path, field->doc);
    if (field->element_size) {
        lyc__text_add(text, " A list of up to %zu objects; default `%s`.", field->most, field->initial);
    }
    if (field->commands != LYC__FOR_BOTH) lyc__text_add(text, " Read by `lyceum %s` only.", read_by(field));
    lyc__text_add(text, "\n");
}

lyc_status lyc_config_reference(char **out, lyc_error *err) {
    lyc__text text = {0};
    lyc__text_add(&text, "%s\n## Top level\n", introduction);
    bool open = false; /* a table has been started under the current heading */
    for (size_t i = 0; i < lyc__field_count; i++) {
        if (is_heading(&lyc__fields[i])) add_heading(&text, &lyc__fields[i]);
        else if (!open) add_table_head(&text);
        open = !is_heading(&lyc__fields[i]);
        if (open) add_row(&text, &lyc__fields[i]);
    }
    lyc__text_add(&text, "\n## Rules between keys\n\n");
    for (size_t i = 0; i < lyc__rule_count; i++) lyc__text_add(&text, "- %s\n", lyc__rules[i].doc);
    return lyc__text_finish(&text, out, err);
}

#define MEANING_COLUMN 44
#define HELP_WIDTH     100

/* Words behind MEANING_COLUMN blanks; the first line is there already. */
static void add_wrapped(lyc__text *text, const char *words) {
    size_t room = HELP_WIDTH - MEANING_COLUMN;
    for (bool first = true; *words; first = false) {
        size_t length = strlen(words);
        if (length > room) {
            length = room;
            while (length > 0 && words[length] != ' ') length--;
            if (length == 0) length = strcspn(words, " ");
        }
        lyc__text_add(text, "%*s%.*s\n", first ? 0 : MEANING_COLUMN, "", (int)length, words);
        words += length;
        words += strspn(words, " ");
    }
}

/* "  train.epochs              10             Passes over the training rows." */
static void add_help_row(lyc__text *text, const lyc__field *field) {
    const char *initial = field->initial ? field->initial : "(required)";
    if (strlen(initial) > 14)
        lyc__text_add(text, "  %-26s %s\n%*s", field->path, initial, MEANING_COLUMN, "");
    else lyc__text_add(text, "  %-26s %-14s ", field->path, initial);
    add_wrapped(text, field->doc);
    if (!field->names) return;
    char values[LYC__VALUES_SIZE];
    lyc__field_values(field, values);
    lyc__text_add(text, "%*s", MEANING_COLUMN, "");
    add_wrapped(text, values);
}

lyc_status lyc_config_help(char **out, lyc_config_command command, lyc_error *err) {
    lyc__text text = {0};
    lyc__text_add(&text, "  %-26s %-14s %s\n", "KEY", "DEFAULT", "MEANING");
    for (size_t i = 0; i < lyc__field_count; i++)
        if ((lyc__fields[i].commands & (1U << command)) && !is_heading(&lyc__fields[i]))
            add_help_row(&text, &lyc__fields[i]);
    return lyc__text_finish(&text, out, err);
}

/* Walking the table over one object: unknown and repeated keys, values, defaults; and back. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "base/suggest.h"
#include "config/fields.h"
#include "config/tree.h"

static void join(char *out, size_t size, const char *path, const char *key) {
    snprintf(out, size, "%s%s%s", path, path[0] ? "." : "", key);
}

static bool applies(const lyc__field *field, lyc_config_command command) {
    return (field->commands >> command) & 1U;
}

/* Two rows keep their value in the same place of lyc_config, as `student.arch` and `network.arch` do. */
static bool share_place(const lyc__field *a, const lyc__field *b) {
    return a->type == b->type && a->type->write && a->offset > 0 && a->offset == b->offset &&
           !strchr(a->path, '[') && !strchr(b->path, '[');
}

static bool is_at_or_below(const char *path, const char *top) {
    size_t length = strlen(top);
    return strncmp(path, top, length) == 0 && (path[length] == '\0' || path[length] == '.');
}

/* The row of `command` that means what `path`, or a key below it, means to the other command. */
static const lyc__field *counterpart(const char *path, lyc_config_command command) {
    for (size_t i = 0; i < lyc__field_count; i++) {
        if (!is_at_or_below(lyc__fields[i].path, path)) continue;
        for (size_t k = 0; k < lyc__field_count; k++)
            if (applies(&lyc__fields[k], command) && share_place(&lyc__fields[i], &lyc__fields[k]))
                return &lyc__fields[k];
    }
    return NULL;
}

/* The key exists, but for another command. False when it does not exist at all. */
static bool explain_other_command(const lyc__reader *reader, const char *path) {
    lyc_config_command other = reader->command == LYC_CONFIG_TRAIN ? LYC_CONFIG_DISTILL : LYC_CONFIG_TRAIN;
    const lyc__field *row = lyc__field_find(path, other);
    if (!row) return false;
    const char *mine = lyc__command_name(reader->command), *theirs = lyc__command_name(other);
    const lyc__field *same = counterpart(row->path, reader->command);
    if (same)
        lyc__problem(reader->problems, path, "belongs to `lyceum %s`; `lyceum %s` calls it \"%.*s\"", theirs,
                     mine, (int)strcspn(same->path, "."), same->path);
    else
        lyc__problem(reader->problems, path,
                     "belongs to `lyceum %s` and means nothing to `lyceum %s`; remove it", theirs, mine);
    return true;
}

/* The nearest key of this object, or else a key of that very name elsewhere: its whole path. */
static bool suggest(const lyc__reader *reader, const char *parent, const char *path, const char *key,
                    char *out, size_t size) {
    const char *names[64];
    size_t count = 0;
    for (size_t i = 0; i < lyc__field_count; i++) {
        const char *name = lyc__field_key(lyc__fields[i].path, parent);
        if (name && applies(&lyc__fields[i], reader->command) && count < sizeof names / sizeof *names)
            names[count++] = name;
    }
    const char *near = lyc__nearest(key, names, count);
    if (near) {
        join(out, size, path, near);
        return true;
    }
    for (size_t i = 0; i < lyc__field_count; i++) {
        const char *dot = strrchr(lyc__fields[i].path, '.');
        if (!dot || !applies(&lyc__fields[i], reader->command) || strcmp(dot + 1, key) != 0) continue;
        snprintf(out, size, "%s", lyc__fields[i].path);
        return true;
    }
    return false;
}

static void unknown_key(const lyc__reader *reader, const char *parent, const char *path, const char *key) {
    char here[LYC__KEY_PATH_SIZE + 32], near[LYC__KEY_PATH_SIZE + 32];
    join(here, sizeof here, path, key);
    if (explain_other_command(reader, here)) return;
    if (suggest(reader, parent, path, key, near, sizeof near))
        lyc__problem(reader->problems, here, "unknown key; did you mean \"%s\"?", near);
    else lyc__problem(reader->problems, here, "unknown key; `lyceum config reference` lists the keys");
}

static const lyc__field *row_of(const char *parent, const char *key, lyc_config_command command) {
    for (size_t i = 0; i < lyc__field_count; i++) {
        const char *name = lyc__field_key(lyc__fields[i].path, parent);
        if (name && applies(&lyc__fields[i], command) && strcmp(name, key) == 0) return &lyc__fields[i];
    }
    return NULL;
}

static void check_keys(const lyc__reader *reader, const char *parent, const char *path, const cJSON *object) {
    for (const cJSON *member = object->child; member && reader->problems->count < LYC__PROBLEM_LIMIT;
         member = member->next) {
        if (!row_of(parent, member->string, reader->command))
            unknown_key(reader, parent, path, member->string);
        for (const cJSON *earlier = object->child; earlier != member; earlier = earlier->next) {
            if (strcmp(earlier->string, member->string) != 0) continue;
            char here[LYC__KEY_PATH_SIZE + 32];
            join(here, sizeof here, path, member->string);
            lyc__problem(reader->problems, here, "given twice; keep one");
            break;
        }
    }
}

static void read_default(const lyc__reader *reader, const lyc__field *field, const char *path, void *target) {
    if (field->type == &lyc__type_group) {
        lyc__read_object(reader, field->path, path, NULL, target);
    } else if (field->initial) {
        lyc__reader owner = *reader; /* keys inside the default are known to the command that has the row */
        if (!applies(field, reader->command))
            owner.command = (lyc_config_command)__builtin_ctz(field->commands);
        cJSON *value = NULL;
        if (lyc__tree_parse(&value, field->initial, strlen(field->initial), "default", NULL) == LYC_OK)
            field->type->read(&owner, field, path, value, target);
        else reader->problems->out_of_memory = true; /* the defaults themselves are sound (tested) */
        cJSON_Delete(value);
    } else if (applies(field, reader->command)) {
        char allowed[LYC__VALUES_SIZE];
        lyc__field_values(field, allowed);
        lyc__problem(reader->problems, path, "must be given (%s): %s", allowed, field->doc);
    }
}

void lyc__read_object(const lyc__reader *reader, const char *parent, const char *path, const cJSON *object,
                      void *target) {
    if (object) check_keys(reader, parent, path, object);
    /* Rows of the other command first: `student` and `network` share their place, and the one in use must
     * win. */
    for (int used = 0; used <= 1; used++)
        for (size_t i = 0; i < lyc__field_count; i++) {
            const lyc__field *field = &lyc__fields[i];
            const char *key = lyc__field_key(field->path, parent);
            if (!key || applies(field, reader->command) != (used == 1)) continue;
            char here[LYC__KEY_PATH_SIZE + 32];
            join(here, sizeof here, path, key);
            const cJSON *value = used && object ? cJSON_GetObjectItemCaseSensitive(object, key) : NULL;
            if (value) field->type->read(reader, field, here, value, target);
            else read_default(reader, field, here, target);
        }
}

void lyc__write_object(const char *parent, unsigned commands, const void *source, lyc__json *json) {
    for (size_t i = 0; i < lyc__field_count; i++) {
        const lyc__field *field = &lyc__fields[i];
        const char *key = lyc__field_key(field->path, parent);
        if (!key || !(field->commands & commands)) continue;
        if (field->type != &lyc__type_group) {
            field->type->write(field, source, json, key);
            continue;
        }
        lyc__json_object(json, key);
        lyc__write_object(field->path, commands, source, json);
        lyc__json_end(json);
    }
}

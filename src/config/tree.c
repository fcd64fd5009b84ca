#include "config/tree.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/strict.h"

/* cJSON returns NULL for every failure; this tells "no memory" from the rest. */
static _Thread_local bool allocation_failed;

static void *allocate(size_t size) {
    void *memory = lyc_calloc(size, 1);
    if (!memory) allocation_failed = true;
    return memory;
}

static void install_hooks(void) {
    cJSON_Hooks hooks = {.malloc_fn = allocate, .free_fn = lyc_free};
    cJSON_InitHooks(&hooks);
}

static pthread_once_t hooks_once = PTHREAD_ONCE_INIT;
static pthread_mutex_t parsing = PTHREAD_MUTEX_INITIALIZER; /* cJSON notes each failure in a global */

lyc_status lyc__tree_parse(cJSON **out, const char *text, size_t size, const char *origin, lyc_error *err) {
    *out = NULL;
    lyc__fault fault;
    if (!lyc__strict_check(text, size, &fault))
        LYC_FAIL(err, LYC_ECONFIG, "%s:%zu:%zu: %s", origin, fault.line, fault.column, fault.reason);
    pthread_once(&hooks_once, install_hooks);
    allocation_failed = false;
    pthread_mutex_lock(&parsing);
    *out = cJSON_ParseWithLength(text, size);
    pthread_mutex_unlock(&parsing);
    if (*out) return LYC_OK;
    if (allocation_failed) LYC_FAIL(err, LYC_ENOMEM, "%s: no memory to read the configuration", origin);
    LYC_FAIL(err, LYC_EINTERNAL, "%s: cJSON refuses a text that is valid JSON", origin);
}

lyc_status lyc__tree_load(cJSON **out, const char *path, lyc_error *err) {
    *out = NULL;
    FILE *file = fopen(path, "rbe");
    if (!file) LYC_FAIL(err, LYC_ECONFIG, "%s: %s", path, strerror(errno));
    char *text = NULL;
    lyc_status status =
        lyc_allocate((void **)&text, LYC__CONFIG_BYTES + 1, 1, "the configuration's text", err);
    if (status == LYC_OK) {
        errno = 0;
        size_t size = fread(text, 1, LYC__CONFIG_BYTES + 1, file);
        if (ferror(file)) status = LYC_ERROR(err, LYC_ECONFIG, "%s: %s", path, strerror(errno));
        else status = lyc__tree_parse(out, text, size, path, err);
    }
    lyc_free(text);
    fclose(file);
    return status;
}

/* ---- overrides -------------------------------------------------------------------------------- */

typedef struct assignment {
    cJSON *root;
    const char *text;     /* "a.b[0].c=value" */
    const char *rest;     /* of the path, from the step to take next */
    cJSON *parent, *made; /* the first object made on the way, and what holds it */
    lyc__problems *problems;
} assignment;

/* Finds or makes member `key` of an object. */
static cJSON *enter_member(assignment *a, cJSON *object, const char *key) {
    if (!cJSON_IsObject(object)) {
        lyc__problem(a->problems, "", "--set %s: \"%s\" has no place in a value that is no object", a->text,
                     key);
        return NULL;
    }
    cJSON *member = cJSON_GetObjectItemCaseSensitive(object, key);
    if (member) return member;
    member = cJSON_CreateObject();
    if (!member || !cJSON_AddItemToObject(object, key, member)) {
        cJSON_Delete(member);
        a->problems->out_of_memory = true;
        return NULL;
    }
    if (!a->made) {
        a->parent = object;
        a->made = member;
    }
    return member;
}

static cJSON *enter_entry(const assignment *a, cJSON *list, const char *digits, size_t length) {
    cJSON *entry = length < 7 && cJSON_IsArray(list) ? cJSON_GetArrayItem(list, atoi(digits)) : NULL;
    if (!entry)
        lyc__problem(a->problems, "",
                     "--set %s: there is no entry [%.*s]; a whole list is set with KEY=[...]", a->text,
                     (int)length, digits);
    return entry;
}

/* One step of the path: "key", ".key" or "[3]". NULL and a problem when it cannot be taken. */
static cJSON *step(assignment *a, cJSON *from, bool first) {
    if (*a->rest == '[' && !first) {
        const char *digits = a->rest + 1;
        size_t length = strspn(digits, "0123456789");
        if (length > 0 && digits[length] == ']') {
            a->rest = digits + length + 1;
            return enter_entry(a, from, digits, length);
        }
    } else if (first || *a->rest == '.') {
        char key[LYC__KEY_PATH_SIZE];
        const char *start = a->rest + !first;
        size_t length = strcspn(start, ".[=");
        if (length > 0 && length < sizeof key) {
            snprintf(key, sizeof key, "%.*s", (int)length, start);
            a->rest = start + length;
            return enter_member(a, from, key);
        }
    }
    lyc__problem(a->problems, "",
                 "--set %s: write path.to.key=value, as in train.epochs=3 or teachers[0].name=a", a->text);
    return NULL;
}

/* The value behind '=': JSON, or text. */
static cJSON *parse_value(const assignment *a, const char *path, const char *value,
                          lyc_config_command command) {
    const lyc__field *field = lyc__field_find(path, command);
    bool keeps_text = field && field->type->is_text && value[0] != '"' &&
                      !(field->type->optional && strcmp(value, "null") == 0);
    cJSON *parsed = NULL;
    if (!keeps_text) {
        lyc_error err;
        lyc_status status = lyc__tree_parse(&parsed, value, strlen(value), "its value", &err);
        if (status == LYC_ENOMEM) a->problems->out_of_memory = true;
        if (status == LYC_ECONFIG && (value[0] == '[' || value[0] == '{')) { /* meant as JSON */
            lyc__problem(a->problems, "", "--set %s: %s", a->text, err.message);
            return NULL;
        }
        if (status != LYC_ECONFIG) return parsed;
    }
    pthread_once(&hooks_once, install_hooks);
    parsed = cJSON_CreateString(value);
    if (!parsed) a->problems->out_of_memory = true;
    return parsed;
}

/* Puts `value` in the place of `target`, which keeps its name and neighbours. */
static void replace(cJSON *target, cJSON *value) {
    cJSON former = *target;
    target->child = value->child;
    target->type = value->type;
    target->valuestring = value->valuestring;
    target->valueint = value->valueint;
    target->valuedouble = value->valuedouble;
    value->child = former.child;
    value->type = former.type & ~cJSON_StringIsConst;
    value->valuestring = former.valuestring;
    cJSON_Delete(value);
}

void lyc__tree_set(cJSON *root, const char *text, lyc_config_command command, lyc__problems *problems) {
    assignment a = {.root = root, .text = text, .rest = text, .problems = problems};
    const char *equals = strchr(text, '=');
    if (!equals) {
        lyc__problem(problems, "", "--set %s: \"=value\" is missing; write path.to.key=value", text);
        return;
    }
    cJSON *target = root;
    for (bool first = true; target && (first || a.rest < equals); first = false)
        target = step(&a, target, first);
    char path[LYC__KEY_PATH_SIZE];
    snprintf(path, sizeof path, "%.*s", (int)(equals - text), text);
    cJSON *value = target ? parse_value(&a, path, equals + 1, command) : NULL;
    if (value) replace(target, value);
    else if (a.made)
        cJSON_Delete(cJSON_DetachItemViaPointer(a.parent, a.made)); /* else it reads as a value */
}

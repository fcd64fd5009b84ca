#include "report/config_lines.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lyceum/memory.h"

#define DEPTH    32
#define KEY_SIZE 256

/* Walks the lines of one configuration. */
typedef struct walk {
    const char *at;
    size_t depth;
    char names[DEPTH][KEY_SIZE]; /* of the objects and lists around */
    int index[DEPTH];            /* of the element in the list of this depth; -1 outside of lists */
} walk;

typedef struct field {
    char key[KEY_SIZE];
    const char *value;
    size_t size;
} field;

static void start(walk *w, const char *text) {
    w->at = text;
    w->depth = 0;
    w->index[0] = -1;
    w->names[0][0] = '\0';
}

static void push(walk *w, const char *name, bool is_list) {
    if (w->depth + 1 == DEPTH) return;
    w->depth++;
    (void)snprintf(w->names[w->depth], KEY_SIZE, "%s", name);
    w->index[w->depth] = is_list ? 0 : -1;
}

/* "agent." + "credit.", or "teachers" + "[1]". */
static void name_in(const walk *w, const char *key, size_t size, char out[KEY_SIZE]) {
    const char *around = w->names[w->depth];
    if (w->index[w->depth] >= 0) (void)snprintf(out, KEY_SIZE, "%s[%d]", around, w->index[w->depth]);
    else (void)snprintf(out, KEY_SIZE, "%s%s%.*s", around, around[0] ? "." : "", (int)size, key);
}

/* The next key with a value on its own line; false at the end. */
static bool next(walk *w, field *out) {
    while (*w->at) {
        const char *line = w->at + strspn(w->at, " "), *end = strchr(line, '\n');
        size_t size = end ? (size_t)(end - line) : strlen(line), key_size = 0;
        w->at = end ? end + 1 : line + size;
        if (size > 0 && line[size - 1] == ',') size--;
        const char *value = line, *key = "";
        if (line[0] == '"' && size > 1) {
            const char *close = strstr(line, "\": ");
            if (close && close < line + size) {
                key = line + 1;
                key_size = (size_t)(close - key);
                value = close + 3;
            }
        }
        size_t left = size - (size_t)(value - line);
        bool opens = left == 1 && (*value == '{' || *value == '['),
             closes = left == 1 && (*value == '}' || *value == ']');
        if (closes) {
            if (w->depth > 0) w->depth--;
            if (w->index[w->depth] >= 0) w->index[w->depth]++;
            continue;
        }
        if (opens && w->depth == 0 && key_size == 0) {
            push(w, "", false);
            continue;
        }
        name_in(w, key, key_size, out->key);
        if (opens) {
            char name[KEY_SIZE];
            memcpy(name, out->key, sizeof name);
            push(w, name, *value == '[');
            continue;
        }
        if (w->index[w->depth] >= 0) w->index[w->depth]++;
        if (left == 0) continue;
        out->value = value;
        out->size = left;
        return true;
    }
    return false;
}

static bool find(const char *text, const char *key, field *out) {
    walk w;
    start(&w, text);
    while (next(&w, out))
        if (strcmp(out->key, key) == 0) return true;
    return false;
}

static lyc_status copy(char **out, const char *text, size_t size, lyc_error *err) {
    LYC_TRY(lyc_allocate((void **)out, size + 1, 1, "a key of a configuration", err));
    memcpy(*out, text, size);
    return LYC_OK;
}

static bool is_label(const char *key) {
    return strcmp(key, "name") == 0 || strcmp(key, "output") == 0;
}

/* Room for as many differences as both texts have lines. */
static size_t count_lines(const char *text) {
    size_t lines = 1;
    for (; *text; text++) lines += *text == '\n';
    return lines;
}

/* Keys of text `which` that the other lacks or has another value for; of the second only what the first
 * lacks. */
static lyc_status collect(const char *const texts[2], int which, lyc__config_line *lines, size_t *count,
                          lyc_error *err) {
    walk w;
    field here, there;
    start(&w, texts[which]);
    while (next(&w, &here)) {
        bool known = find(texts[1 - which], here.key, &there);
        bool same = known && here.size == there.size && memcmp(here.value, there.value, here.size) == 0;
        if (is_label(here.key) || same || (which == 1 && known)) continue;
        lyc__config_line *line = &lines[(*count)++];
        LYC_TRY(copy(&line->key, here.key, strlen(here.key), err));
        LYC_TRY(copy(&line->values[which], here.value, here.size, err));
        if (known) LYC_TRY(copy(&line->values[1 - which], there.value, there.size, err));
    }
    return LYC_OK;
}

lyc_status lyc__config_differences(const char *first, const char *second, lyc__config_line **out,
                                   size_t *count, lyc_error *err) {
    const char *const texts[2] = {first, second};
    *count = 0;
    LYC_TRY(LYC_NEW_ARRAY(*out, count_lines(first) + count_lines(second), err));
    for (int which = 0; which < 2; which++) LYC_TRY(collect(texts, which, *out, count, err));
    return LYC_OK;
}

void lyc__config_lines_free(lyc__config_line *lines, size_t count) {
    for (size_t i = 0; lines != NULL && i < count; i++) {
        lyc_free(lines[i].key);
        lyc_free(lines[i].values[0]);
        lyc_free(lines[i].values[1]);
    }
    lyc_free(lines);
}

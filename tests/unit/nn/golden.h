/* Reads the files that nn_goldens.py writes: records of a line "name f4 count" and `count` floats. */
#ifndef NN_TEST_GOLDEN_H
#define NN_TEST_GOLDEN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN_RECORDS 512

typedef struct golden {
    size_t count;
    struct {
        char name[64];
        size_t count;
        float *values;
    } records[GOLDEN_RECORDS];
} golden;

/* Ends the program when the file is missing or torn: a test without its golden must not pass. */
static inline golden *golden_open(const char *name) {
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", LYC_TEST_DATA, name);
    FILE *file = fopen(path, "rb");
    golden *g = calloc(1, sizeof *g);
    int fields = 3;
    while (file != NULL && g != NULL && g->count < GOLDEN_RECORDS) {
        char *record_name = g->records[g->count].name;
        size_t *count = &g->records[g->count].count;
        fields = fscanf(file, "%63s f4 %zu%*1[\n]", record_name, count);
        if (fields != 2) break;
        g->records[g->count].values = malloc(*count * sizeof(float) + 1);
        if (fread(g->records[g->count].values, sizeof(float), *count, file) != *count) break;
        g->count++;
    }
    if (fields != EOF || g == NULL || g->count == 0) {
        (void)fprintf(stderr, "golden file %s is missing, torn or too long\n", path);
        abort();
    }
    (void)fclose(file);
    return g;
}

static inline void golden_close(golden *g) {
    for (size_t i = 0; i < g->count; i++) free(g->records[i].values);
    free(g);
}

/* The record "prefix/field", or NULL. */
static inline const float *golden_find(const golden *g, const char *prefix, const char *field,
                                       size_t *count) {
    char name[128];
    (void)snprintf(name, sizeof name, "%s/%s", prefix, field);
    for (size_t i = 0; i < g->count; i++)
        if (strcmp(g->records[i].name, name) == 0) {
            if (count != NULL) *count = g->records[i].count;
            return g->records[i].values;
        }
    return NULL;
}

/* The same; ends the program when it is missing or not of `count` numbers. */
static inline const float *golden_get(const golden *g, const char *prefix, const char *field, size_t count) {
    size_t found = 0;
    const float *values = golden_find(g, prefix, field, &found);
    if (values != NULL && found == count) return values;
    (void)fprintf(stderr, "golden record %s/%s of %zu numbers is missing (%zu found)\n", prefix, field, count,
                  found);
    abort();
}

#endif

/* Reads the golden files of tests/golden: records of a line "name type count" and `count` little-endian
 * numbers, type f4 or f8. Everything is handed out as double. */
#ifndef LYC_TEST_GOLDEN_H
#define LYC_TEST_GOLDEN_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN_RECORDS 2048

typedef struct golden_record {
    char name[64];
    size_t count;
    double *values;
} golden_record;

typedef struct golden {
    size_t count;
    golden_record records[GOLDEN_RECORDS];
} golden;

static inline int golden_value_read(const char *type, double *out, FILE *file) {
    float single = 0.0F;
    if (strcmp(type, "f8") == 0) return fread(out, sizeof *out, 1, file) == 1;
    if (strcmp(type, "u1") == 0) {
        int byte = fgetc(file);
        *out = (double)byte;
        return byte != EOF;
    }
    if (strcmp(type, "f4") != 0 || fread(&single, sizeof single, 1, file) != 1) return 0;
    *out = (double)single;
    return 1;
}

static inline int golden_record_read(golden_record *record, FILE *file) {
    char type[3];
    if (fscanf(file, "%63s %2s %zu", record->name, type, &record->count) != 3 || fgetc(file) != '\n')
        return 0;
    record->values = malloc(record->count * sizeof(double) + 1);
    for (size_t i = 0; i < record->count; i++)
        if (!golden_value_read(type, &record->values[i], file)) return 0;
    return 1;
}

/* Stops the program when the file is missing or torn: a test without its golden must not pass. */
static inline golden *golden_open(const char *name) {
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", LYC_TEST_DATA, name);
    FILE *file = fopen(path, "rb");
    golden *out = calloc(1, sizeof *out);
    int whole = file != NULL && out != NULL;
    while (whole && out->count < GOLDEN_RECORDS) {
        int next = fgetc(file);
        if (next == EOF) break;
        (void)ungetc(next, file);
        whole = golden_record_read(&out->records[out->count++], file);
    }
    if (!whole || !feof(file)) {
        (void)fprintf(stderr, "golden file %s is missing or torn\n", path);
        abort();
    }
    (void)fclose(file);
    return out;
}

static inline void golden_close(golden *g) {
    for (size_t i = 0; i < g->count; i++) free(g->records[i].values);
    free(g);
}

/* The record "prefix/field"; the program stops when there is none, or not of `count` numbers (0 = any). */
static inline const double *golden_get(const golden *g, const char *prefix, const char *field, size_t count) {
    char name[256];
    (void)snprintf(name, sizeof name, "%s/%s", prefix, field);
    for (size_t i = 0; i < g->count; i++)
        if (strcmp(g->records[i].name, name) == 0 && (count == 0 || g->records[i].count == count))
            return g->records[i].values;
    (void)fprintf(stderr, "golden record %s of %zu numbers is missing\n", name, count);
    abort();
}

static inline void golden_floats(const double *values, size_t count, float *out) {
    for (size_t i = 0; i < count; i++) out[i] = (float)values[i];
}

#endif

/* A run file whose every number follows from table, row, column and place: what is read can be checked
 * without knowing what was written when. */
#ifndef LYC_TEST_RUN_SAMPLE_H
#define LYC_TEST_RUN_SAMPLE_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/runfile.h"
#include "lyceum/memory.h"

#define SAMPLE_TABLES  2
#define SAMPLE_COLUMNS 9

static const lyc_column sample_wide[SAMPLE_COLUMNS] = {
    {"step", LYC_TYPE_U64, 0, {0, 0}, "number of the row"},
    {"epoch", LYC_TYPE_U32, 0, {0, 0}, NULL},
    {"weight", LYC_TYPE_F32, 1, {3, 0}, "three of them"},
    {"reward", LYC_TYPE_F64, 0, {0, 0}, "NaN in every seventh row"},
    {"matrix", LYC_TYPE_F32, 2, {3, 4}, NULL},
    {"select", LYC_TYPE_U8, 1, {3, 0}, NULL},
    {"nothing", LYC_TYPE_F32, 1, {0, 0}, "a row without numbers"},
    {"i32", LYC_TYPE_I32, 1, {2, 0}, NULL},
    {"i64", LYC_TYPE_I64, 0, {0, 0}, NULL},
};
static const lyc_column sample_narrow[1] = {{"value", LYC_TYPE_F64, 0, {0, 0}, NULL}};
static const lyc_table_spec sample_tables[SAMPLE_TABLES] = {{"wide", sample_wide, SAMPLE_COLUMNS, 0},
                                                            {"narrow", sample_narrow, 1, 16}};

static const char *const sample_names[3] = {"cnn", "sch\xc3\xb6n", ""};
static const double sample_matrix[6] = {1, 2, 3, 4, 5, 6};
static const uint64_t sample_total[1] = {4000};
static const lyc_constant sample_constants[] = {
    {.path = "/teachers/name", .texts = sample_names, .rank = 1, .dims = {3, 0}},
    {.path = "/teachers/matrix", .type = LYC_TYPE_F64, .data = sample_matrix, .rank = 2, .dims = {2, 3}},
    {.path = "/run/total", .type = LYC_TYPE_U64, .data = sample_total, .rank = 1, .dims = {1, 0}},
    {.path = "/empty", .texts = sample_names, .rank = 1, .dims = {0, 0}},
};
#define SAMPLE_CONSTANTS (sizeof sample_constants / sizeof sample_constants[0])

static inline double sample_value(size_t table, size_t column, uint64_t row, size_t place) {
    if (table == 0 && column == 0) return (double)row;
    if (table == 0 && column == 3 && row % 7 == 3) return NAN;
    return (double)((row * 31 + column * 7 + place * 3 + table) % 251);
}

typedef union sample_cell {
    float f32[12];
    double f64[12];
    uint64_t u64[12];
    int64_t i64[12];
    uint32_t u32[12];
    int32_t i32[12];
    uint8_t u8[12];
} sample_cell;

static inline size_t sample_width(const lyc_column *column) {
    return (column->rank > 0 ? column->dims[0] : 1) * (column->rank > 1 ? column->dims[1] : 1);
}

static inline void sample_fill(size_t table, size_t index, uint64_t row, sample_cell *cell) {
    const lyc_column *column = &sample_tables[table].columns[index];
    for (size_t i = 0; i < sample_width(column); i++) {
        double value = sample_value(table, index, row, i);
        switch (column->type) {
        case LYC_TYPE_F32:
            cell->f32[i] = (float)value;
            break;
        case LYC_TYPE_F64:
            cell->f64[i] = value;
            break;
        case LYC_TYPE_I32:
            cell->i32[i] = (int32_t)value;
            break;
        case LYC_TYPE_U32:
            cell->u32[i] = (uint32_t)value;
            break;
        case LYC_TYPE_I64:
            cell->i64[i] = (int64_t)value;
            break;
        case LYC_TYPE_U64:
            cell->u64[i] = (uint64_t)value;
            break;
        case LYC_TYPE_U8:
            cell->u8[i] = (uint8_t)value;
            break;
        }
    }
}

static inline lyc_status sample_append(lyc_runfile *file, size_t table, uint64_t row, lyc_error *err) {
    sample_cell cells[SAMPLE_COLUMNS];
    const void *values[SAMPLE_COLUMNS];
    for (size_t i = 0; i < sample_tables[table].column_count; i++) {
        sample_fill(table, i, row, &cells[i]);
        values[i] = sample_width(&sample_tables[table].columns[i]) > 0 ? &cells[i] : NULL;
    }
    return lyc_runfile_append(file, table, values, err);
}

static inline lyc_status sample_create(lyc_runfile **file, const char *path, lyc_error *err) {
    return lyc_runfile_create(file, path, sample_tables, SAMPLE_TABLES, sample_constants, SAMPLE_CONSTANTS,
                              err);
}

static inline lyc_status sample_resume(lyc_runfile **file, const char *path, uint64_t wide, uint64_t narrow,
                                       lyc_error *err) {
    const uint64_t rows[SAMPLE_TABLES] = {wide, narrow};
    return lyc_runfile_resume(file, path, sample_tables, SAMPLE_TABLES, sample_constants, SAMPLE_CONSTANTS,
                              rows, err);
}

/* "" when rows [first, first + count) of the table are what was appended, else the column that is not, or why
 * it cannot be read. */
static inline const char *sample_check(lyc_runreader *reader, size_t table, uint64_t first, uint64_t count) {
    static char text[LYC_ERROR_MESSAGE_SIZE];
    const lyc_table_spec *spec = &sample_tables[table];
    for (size_t k = 0; k < spec->column_count; k++) {
        double *values = NULL;
        size_t width = 99;
        lyc_error err = {0};
        if (lyc_runreader_read(reader, spec->name, spec->columns[k].name, first, count, &values, &width,
                               &err) != LYC_OK)
            return strcpy(text, err.message);
        bool same = width == sample_width(&spec->columns[k]);
        for (size_t i = 0; i < count * width && same; i++) {
            double wanted = sample_value(table, k, first + i / width, i % width);
            same = values[i] == wanted || (isnan(values[i]) && isnan(wanted));
        }
        lyc_free(values);
        if (!same) return spec->columns[k].name;
    }
    return "";
}

#endif

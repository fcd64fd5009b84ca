/* The trajectory as comma-separated lines, a block of rows at a time. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_writer.h"
#include "base/text.h"
#include "lyceum/run_layout.h"
#include "report/inspect.h"

#define BLOCK_ROWS 4096

/* The columns shown, in order: the trajectory's own, with the lists for each teacher right behind the epoch;
 * neither what was looked at nor what was decided for each sample. */
typedef struct shown_column {
    const char *name;
    lyc_type type;
    bool per_teacher;
} shown_column;

#define SHOWN(table, name, type, shape, field, doc) SHOWN_##shape(#name, LYC_TYPE_##type)
#define SHOWN_SCALAR(name, type)                    {name, type, false},
#define SHOWN_TEACHERS(name, type)                  {name, type, true},
#define SHOWN_OBSERVATION(name, type)
#define SHOWN_ROWS(name, type)
#define SHOWN_ROWS_TEACHERS(name, type)
static const shown_column columns[] = {LYC_TRAJECTORY_MAP(SHOWN)};
#define COLUMN_COUNT (sizeof columns / sizeof columns[0])

/* A name with commas, quotes or line ends is quoted. */
static void write_name(lyc__text *text, const char *prefix, const char *name) {
    bool quote = strpbrk(name, ",\"\r\n") != NULL;
    lyc__text_add(text, "%s%s.", quote ? "\"" : "", prefix);
    for (const char *c = name; *c != '\0'; c++) {
        if (*c == '"') lyc__text_add_bytes(text, "\"", 1);
        lyc__text_add_bytes(text, c, 1);
    }
    if (quote) lyc__text_add_bytes(text, "\"", 1);
}

static void write_header(lyc__text *text, char *const *teachers, size_t teacher_count) {
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        if (!columns[i].per_teacher) {
            lyc__text_add(text, "%s%s", i > 0 ? "," : "", columns[i].name);
            continue;
        }
        for (size_t k = 0; k < teacher_count; k++) {
            lyc__text_add_bytes(text, ",", 1);
            write_name(text, columns[i].name, teachers[k]);
        }
    }
    lyc__text_add_bytes(text, "\n", 1);
}

/* The double of the fewest decimals that is the same number in 32 bits: 0.1f is 0.1, not 0.10000000149. Up to
 * 10^22 a power of ten is exact, so that the quotient is what the decimals would be read as. */
static double shortest(double value) {
    double scale = 1;
    for (int decimals = 0; decimals <= 22; decimals++, scale *= 10) {
        double rounded = round(value * scale) / scale;
        if ((float)rounded == (float)value) return rounded;
    }
    return value;
}

static void write_number(lyc__text *text, lyc_type type, double value) {
    char digits[LYC__NUMBER_SIZE];
    if (!isfinite(value)) return;
    lyc__number_format(type == LYC_TYPE_F32 ? shortest(value) : value, digits);
    lyc__text_add(text, "%s", digits);
}

typedef struct block {
    double *values[COLUMN_COUNT];
} block;

static lyc_status read_block(lyc_runreader *reader, const char *path, uint64_t first, uint64_t count,
                             size_t teachers, block *out, lyc_error *err) {
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        size_t width, wanted = columns[i].per_teacher ? teachers : 1;
        LYC_TRY(lyc_runreader_read(reader, "trajectory", columns[i].name, first, count, &out->values[i],
                                   &width, err));
        if (width != wanted)
            LYC_FAIL(err, LYC_EFORMAT,
                     "%s: /trajectory/%s has %zu numbers a row, %zu were expected: the file is damaged", path,
                     columns[i].name, width, wanted);
    }
    return LYC_OK;
}

static void write_rows(lyc__text *text, const block *rows, uint64_t count, size_t teachers) {
    for (uint64_t row = 0; row < count; row++) {
        for (size_t i = 0; i < COLUMN_COUNT; i++) {
            size_t width = columns[i].per_teacher ? teachers : 1;
            for (size_t k = 0; k < width; k++) {
                if (i > 0) lyc__text_add_bytes(text, ",", 1);
                write_number(text, columns[i].type, rows->values[i][row * width + k]);
            }
        }
        lyc__text_add_bytes(text, "\n", 1);
    }
}

static lyc_status send(lyc__text *text, lyc_text_sink sink, void *payload, lyc_error *err) {
    if (text->failed) LYC_FAIL(err, LYC_ENOMEM, "no memory for a block of lines");
    lyc_status status = sink(payload, text->bytes, text->size, err);
    text->size = 0; /* keeps the memory */
    return status;
}

/* `text` holds the heading: it leaves with the first rows, so that a damaged file yields no line at all. */
static lyc_status write_trajectory(lyc_runreader *reader, const char *path, lyc__text *text, size_t teachers,
                                   lyc_text_sink sink, void *payload, lyc_error *err) {
    uint64_t rows;
    lyc_status status = lyc_runreader_rows(reader, "trajectory", &rows, err);
    for (uint64_t first = 0; first < rows && status == LYC_OK; first += BLOCK_ROWS) {
        uint64_t count = rows - first < BLOCK_ROWS ? rows - first : BLOCK_ROWS;
        block values = {{0}};
        status = read_block(reader, path, first, count, teachers, &values, err);
        if (status == LYC_OK) write_rows(text, &values, count, teachers);
        for (size_t i = 0; i < COLUMN_COUNT; i++) lyc_free(values.values[i]);
        if (status == LYC_OK) status = send(text, sink, payload, err);
    }
    return status == LYC_OK && (text->size > 0 || text->failed) ? send(text, sink, payload, err) : status;
}

lyc_status lyc_inspect_csv(const char *path, lyc_text_sink sink, void *payload, lyc_error *err) {
    lyc_runreader *reader = NULL;
    lyc__text text = {0};
    char *file = NULL, **teachers = NULL;
    size_t teacher_count;
    lyc_status status = LYC_OK;
    LYC_TRY_GOTO(lyc__run_path(&file, path, err));
    LYC_TRY_GOTO(lyc_runreader_open(&reader, file, err));
    LYC_TRY_GOTO(lyc_runreader_texts(reader, "/teachers/name", &teachers, &teacher_count, err));
    write_header(&text, teachers, teacher_count);
    LYC_TRY_GOTO(write_trajectory(reader, file, &text, teacher_count, sink, payload, err));
done:
    lyc__text_discard(&text);
    lyc_free(teachers);
    lyc_runreader_close(reader);
    lyc_free(file);
    return status;
}

/* Small files for the tests of src/data: idx files byte by byte, data sets through the writer. */
#ifndef LYC_TEST_DATA_FIXTURE_H
#define LYC_TEST_DATA_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/dataset_file.h"
#include "lyceum/dataset.h"
#include "lyceum/memory.h"
#include "tests/unit/io/scratch.h"

static inline void assert_mentions(const lyc_error *err, const char *what) {
    if (strstr(err->message, what) == NULL) fail_msg("\"%s\" does not mention \"%s\"", err->message, what);
}

/* assert_ok(lyc_dataset_open(&data, path, &failure)); */
static lyc_error failure;
#define assert_ok(call)                                                                                      \
    do {                                                                                                     \
        if ((call) != LYC_OK) fail_msg("%s", failure.message);                                               \
    } while (0)

/* What a made data set holds; the arrays are the caller's and may be NULL (see the defaults). */
typedef struct made {
    uint32_t rows;
    int channels, height, width, classes;
    const uint8_t *x;      /* default: every row another content, pixel i of row r = hash of both */
    const float *floats;   /* instead of x */
    const int32_t *labels; /* default: row % classes */
    const uint8_t *parts;  /* default: the last sixth is test */
    const uint64_t *ids;   /* default: 1000 + row */
} made;

static inline uint8_t fixture_pixel(uint32_t row, size_t i) {
    uint32_t mixed = (row * 2654435761u) ^ ((uint32_t)i * 40503u + 12345u);
    return (uint8_t)((mixed ^ mixed >> 13) >> 5);
}

/* Fills what is missing; everything in `out` is then a block of its own. */
static inline void fixture_columns(lyc__dataset_content *out, const made *what) {
    for (uint32_t row = 0; row < what->rows; row++) {
        out->labels[row] = what->labels ? what->labels[row] : (int32_t)(row % (uint32_t)what->classes);
        out->parts[row] = what->parts ? what->parts[row] : row >= what->rows - what->rows / 6;
        out->ids[row] = what->ids ? what->ids[row] : 1000 + row;
    }
    size_t width = lyc__dataset_row_values(out);
    if (what->floats) memcpy(out->x, what->floats, what->rows * width * sizeof(float));
    else if (what->x) memcpy(out->x, what->x, what->rows * width);
    else
        for (size_t i = 0; i < what->rows * width; i++)
            ((uint8_t *)out->x)[i] = fixture_pixel((uint32_t)(i / width), i % width);
}

/* Writes the data set as "<scratch>/<name>" and returns that path. */
static inline const char *fixture_write(const char *name, const made *what) {
    static char names_text[1024][16];
    static char *names[1024];
    lyc__dataset_content content = {.rows = what->rows,
                                    .channels = what->channels,
                                    .height = what->height,
                                    .width = what->width,
                                    .is_float = what->floats != NULL,
                                    .class_count = what->classes,
                                    .class_names = names};
    for (int c = 0; c < what->classes; c++) {
        (void)snprintf(names_text[c], sizeof names_text[c], "class %d", c);
        names[c] = names_text[c];
    }
    content.labels = lyc_calloc(what->rows, sizeof *content.labels);
    content.parts = lyc_calloc(what->rows, 1);
    content.ids = lyc_calloc(what->rows, sizeof *content.ids);
    content.x = lyc_calloc(what->rows, lyc__dataset_row_bytes(&content));
    fixture_columns(&content, what);
    lyc__dataset_writer *writer = NULL;
    const char *path = scratch_path(name);
    assert_ok(lyc__dataset_writer_open(&writer, path, &content, "made by a test", NULL, &failure));
    assert_ok(lyc__dataset_writer_rows(writer, content.x, what->rows, &failure));
    assert_ok(lyc__dataset_writer_finish(writer, &content, &failure));
    lyc__dataset_writer_close(writer);
    content.class_names = NULL;
    lyc__dataset_release(&content);
    return path;
}

static inline lyc_dataset *fixture_open(const char *name, const made *what) {
    lyc_dataset *data = NULL;
    const char *path = fixture_write(name, what);
    assert_ok(lyc_dataset_open(&data, path, &failure));
    return data;
}

/* ---- an allocator that fails the n-th request --------------------------------------------------- */

typedef struct failing {
    size_t count, fail_at; /* requests so far; 0 = never */
} failing;

static inline void *failing_allocate(void *payload, size_t size, size_t alignment) {
    failing *state = payload;
    void *block = NULL;
    if (++state->count == state->fail_at) return NULL;
    return posix_memalign(&block, alignment, size) == 0 ? block : NULL;
}

static inline void failing_release(void *payload, void *block) {
    (void)payload;
    free(block);
}

/* What HDF5 1.10 itself forgets to free when it refuses a damaged file is not ours. */
LYC_API const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:libhdf5";
}

#endif

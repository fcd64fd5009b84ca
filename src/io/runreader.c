/* Reading a run file that may be growing, finished, or left behind by a kill. */
#include <inttypes.h>
#include <string.h>

#include "io/runfile.h"
#include "lyceum/memory.h"

#define MAX_TEXT_BYTES ((size_t)64 << 20)
#define MAX_TABLES     64
#define STABLE_READS   100
/* HDF5 reads a page whose checksum is wrong again, since a writer may be at it, and doubles the pause each
 * time. Its own 100 attempts would take longer than anyone lives; these take 30 ms, a writer's page
 * microseconds. */
#define READ_ATTEMPTS 25

struct lyc_runreader {
    char *path;
    hid_t file;
    char **tables; /* in the order of /committed */
    size_t table_count;
};

/* ---- opening ---------------------------------------------------------------------------------------- */

static lyc_status check_format(lyc_runreader *reader, lyc_error *err) {
    char *format = NULL;
    lyc_status status = LYC_EFORMAT;
    if (lyc__h5_has_attribute(reader->file, "format"))
        status = lyc__h5_read_text_attribute(reader->file, "format", 64, &format, err);
    if (status != LYC_OK && status != LYC_EFORMAT) return status;
    bool known = status == LYC_OK && strcmp(format, LYC__RUN_FORMAT) == 0;
    if (!known)
        status = LYC_ERROR(
            err, LYC_EFORMAT, "%s: is %s%s%s, not a '" LYC__RUN_FORMAT "'; give the directory of a run",
            reader->path, format ? "a '" : "something else", format ? format : "", format ? "'" : "");
    lyc_free(format);
    return status;
}

/* SWMR first: it opens what is being written, what a kill left behind and what was closed. Files that went
 * through other tools may have an older layout, which only opens plainly. */
static lyc_status open_file(lyc_runreader *reader, lyc_error *err) {
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    lyc_status status = access < 0 || H5Pset_metadata_read_attempts(access, READ_ATTEMPTS) < 0
                            ? LYC_ERROR(err, LYC_ENOMEM, "no memory to open %s", reader->path)
                            : lyc__h5_open(&reader->file, reader->path, "run file",
                                           H5F_ACC_RDONLY | H5F_ACC_SWMR_READ, access, err);
    lyc__h5_release(&access);
    if (status != LYC_EFORMAT) return status;
    if (lyc__h5_open(&reader->file, reader->path, "run file", H5F_ACC_RDONLY, H5P_DEFAULT, NULL) == LYC_OK)
        return LYC_OK;
    return status;
}

static lyc_status read_table_names(lyc_runreader *reader, lyc_error *err) {
    hid_t committed;
    lyc__h5_shape shape;
    LYC_TRY(lyc__h5_open_dataset(&committed, &shape, reader->file, LYC__RUN_COMMITTED, err));
    lyc_status status = lyc__h5_read_texts_attribute(committed, LYC__RUN_TABLES, MAX_TABLES, &reader->tables,
                                                     &reader->table_count, err);
    const uint64_t dims[1] = {reader->table_count};
    if (status == LYC_OK) status = lyc__h5_expect(committed, &shape, H5T_INTEGER, 1, dims, err);
    lyc__h5_release(&committed);
    return status;
}

lyc_status lyc_runreader_open(lyc_runreader **out, const char *path, lyc_error *err) {
    lyc_runreader *reader;
    lyc_status status = LYC_OK;
    *out = NULL;
    lyc__h5_quiet();
    LYC_TRY(lyc_allocate((void **)&reader, 1, sizeof *reader, "a reader", err));
    reader->file = LYC__H5_NONE;
    reader->path = lyc_strdup(path);
    if (reader->path == NULL) {
        status = LYC_ERROR(err, LYC_ENOMEM, "no memory for the path %s", path);
        goto done;
    }
    LYC_TRY_GOTO(open_file(reader, err));
    LYC_TRY_GOTO(check_format(reader, err));
    LYC_TRY_GOTO(read_table_names(reader, err));
    *out = reader;
    return LYC_OK;
done:
    lyc_runreader_close(reader);
    return status;
}

void lyc_runreader_close(lyc_runreader *reader) {
    if (reader == NULL) return;
    lyc__h5_release(&reader->file);
    lyc_free(reader->tables);
    lyc_free(reader->path);
    lyc_free(reader);
}

/* ---- rows ------------------------------------------------------------------------------------------- */

/* The writer may be in the middle of overwriting the counts: they are read until two readings agree. */
static lyc_status read_counts(lyc_runreader *reader, uint64_t counts[MAX_TABLES], lyc_error *err) {
    uint64_t before[MAX_TABLES];
    size_t size = reader->table_count * sizeof counts[0];
    for (int attempt = 0; attempt < STABLE_READS; attempt++) {
        hid_t committed;
        lyc__h5_shape shape;
        memcpy(before, counts, size);
        LYC_TRY(lyc__h5_open_dataset(&committed, &shape, reader->file, LYC__RUN_COMMITTED, err));
        lyc_status status = H5Drefresh(committed) < 0
                                ? lyc__h5_fail(err, LYC_EIO, committed, "cannot be read again")
                                : lyc__h5_read(committed, H5T_NATIVE_UINT64, counts, err);
        lyc__h5_release(&committed);
        if (status != LYC_OK) return status;
        if (attempt > 0 && memcmp(before, counts, size) == 0) return LYC_OK;
    }
    LYC_FAIL(err, LYC_EIO, "%s: changes too fast to be read; try again", reader->path);
}

bool lyc_runreader_has_table(const lyc_runreader *reader, const char *table) {
    for (size_t i = 0; i < reader->table_count; i++)
        if (strcmp(reader->tables[i], table) == 0) return true;
    return false;
}

lyc_status lyc_runreader_rows(lyc_runreader *reader, const char *table, uint64_t *rows, lyc_error *err) {
    uint64_t counts[MAX_TABLES] = {0};
    *rows = 0;
    for (size_t i = 0; i < reader->table_count; i++) {
        if (strcmp(reader->tables[i], table) != 0) continue;
        LYC_TRY(read_counts(reader, counts, err));
        *rows = counts[i];
        return LYC_OK;
    }
    LYC_FAIL(err, LYC_EFORMAT, "%s: has no table '%s': it was not written by this version of Lyceum",
             reader->path, table);
}

static lyc_status describe_again(hid_t dataset, lyc__h5_shape *shape, lyc_error *err) {
    hsize_t dims[LYC__H5_MAX_RANK] = {0};
    if (H5Drefresh(dataset) < 0) return lyc__h5_fail(err, LYC_EIO, dataset, "cannot be read again");
    hid_t space = H5Dget_space(dataset);
    int rank = space < 0 ? -1 : H5Sget_simple_extent_dims(space, dims, NULL);
    lyc__h5_release(&space);
    if (rank != shape->rank) return lyc__h5_fail(err, LYC_EFORMAT, dataset, "cannot be described");
    for (int i = 0; i < rank; i++) shape->dims[i] = dims[i];
    return LYC_OK;
}

lyc_status lyc__runreader_column(lyc_runreader *reader, const char *table, const char *column, hid_t *dataset,
                                 lyc__h5_shape *shape, lyc_error *err) {
    *dataset = LYC__H5_NONE;
    hid_t group = lyc__h5_has(reader->file, table) ? H5Gopen(reader->file, table, H5P_DEFAULT) : LYC__H5_NONE;
    if (group < 0) LYC_FAIL(err, LYC_EFORMAT, "%s: has no table '%s'", reader->path, table);
    lyc_status status = lyc__h5_open_dataset(dataset, shape, group, column, err);
    if (status == LYC_OK) status = describe_again(*dataset, shape, err);
    bool numbers = shape->type == H5T_INTEGER || shape->type == H5T_FLOAT;
    if (status == LYC_OK && (!numbers || shape->rank < 1 || shape->rank > 3))
        status = lyc__h5_fail(err, LYC_EFORMAT, *dataset, "is not a column of numbers");
    if (status != LYC_OK) lyc__h5_release(dataset);
    lyc__h5_release(&group);
    return status;
}

static lyc_status row_width(hid_t dataset, const lyc__h5_shape *shape, uint64_t count, size_t *width,
                            lyc_error *err) {
    size_t total = count > 0 ? (size_t)count : 1;
    *width = 1;
    bool overflow = count > SIZE_MAX / sizeof(double);
    for (int i = 1; i < shape->rank; i++) {
        overflow |= shape->dims[i] > 0 && __builtin_mul_overflow(total, shape->dims[i], &total);
        overflow |= shape->dims[i] > 0 && __builtin_mul_overflow(*width, shape->dims[i], width);
        if (shape->dims[i] == 0) *width = 0;
    }
    if (overflow) return lyc__h5_fail(err, LYC_EFORMAT, dataset, "claims rows that no memory can hold");
    return LYC_OK;
}

lyc_status lyc_runreader_read(lyc_runreader *reader, const char *table, const char *column, uint64_t first,
                              uint64_t count, double **out, size_t *width, lyc_error *err) {
    hid_t dataset;
    lyc__h5_shape shape;
    double *values = NULL;
    *out = NULL;
    lyc__h5_quiet();
    LYC_TRY(lyc__runreader_column(reader, table, column, &dataset, &shape, err));
    lyc_status status = LYC_OK;
    if (first > shape.dims[0] || count > shape.dims[0] - first) {
        status = lyc__h5_fail(err, LYC_EFORMAT, dataset,
                              "holds %" PRIu64 " rows; rows %" PRIu64 " to %" PRIu64 " were expected",
                              shape.dims[0], first, first + count);
        goto done;
    }
    LYC_TRY_GOTO(row_width(dataset, &shape, count, width, err));
    LYC_TRY_GOTO(lyc_allocate((void **)&values, (size_t)count * *width, sizeof *values, column, err));
    if (*width > 0) LYC_TRY_GOTO(lyc__h5_read_rows(dataset, H5T_NATIVE_DOUBLE, first, count, values, err));
    *out = values;
    values = NULL;
done:
    lyc_free(values);
    lyc__h5_release(&dataset);
    return status;
}

/* ---- constants -------------------------------------------------------------------------------------- */

lyc_status lyc_runreader_constant(lyc_runreader *reader, const char *path, double **out, size_t *count,
                                  lyc_error *err) {
    hid_t dataset;
    lyc__h5_shape shape;
    *out = NULL;
    *count = 0;
    lyc__h5_quiet();
    LYC_TRY(lyc__h5_open_dataset(&dataset, &shape, reader->file, path, err));
    lyc_status status = LYC_OK;
    if (shape.type != H5T_INTEGER && shape.type != H5T_FLOAT)
        status = lyc__h5_fail(err, LYC_EFORMAT, dataset, "does not hold numbers");
    if (status == LYC_OK) status = lyc_allocate((void **)out, shape.count, sizeof **out, path, err);
    if (status == LYC_OK && shape.count > 0) status = lyc__h5_read(dataset, H5T_NATIVE_DOUBLE, *out, err);
    if (status == LYC_OK) *count = shape.count;
    else lyc_free(*out), *out = NULL;
    lyc__h5_release(&dataset);
    return status;
}

/* One block: pointers, then the texts with their terminators. `type` is the file's own. */
static lyc_status read_texts(hid_t dataset, const lyc__h5_shape *shape, hid_t type, char ***out,
                             lyc_error *err) {
    size_t count = shape->count, width = shape->size;
    char *raw = NULL;
    lyc_status status = LYC_OK;
    LYC_TRY_GOTO(lyc_allocate((void **)&raw, count, width, "texts", err));
    LYC_TRY_GOTO(lyc_allocate((void **)out, count, sizeof(char *) + width + 1, "texts", err));
    if (count > 0) LYC_TRY_GOTO(lyc__h5_read(dataset, type, raw, err));
    char *next = (char *)(*out + count);
    for (size_t i = 0; i < count; i++, next += width + 1) {
        memcpy(next, raw + i * width, width);
        (*out)[i] = next;
    }
done:
    lyc_free(raw);
    if (status != LYC_OK) {
        lyc_free(*out);
        *out = NULL;
    }
    return status;
}

lyc_status lyc_runreader_texts(lyc_runreader *reader, const char *path, char ***out, size_t *count,
                               lyc_error *err) {
    hid_t dataset;
    lyc__h5_shape shape;
    *out = NULL;
    *count = 0;
    lyc__h5_quiet();
    LYC_TRY(lyc__h5_open_dataset(&dataset, &shape, reader->file, path, err));
    lyc_status status = LYC_OK;
    hid_t type = H5Dget_type(dataset);
    if (shape.type != H5T_STRING || shape.rank != 1 || H5Tis_variable_str(type) != 0 ||
        shape.size > MAX_TEXT_BYTES || shape.count > MAX_TEXT_BYTES / shape.size)
        status = lyc__h5_fail(err, LYC_EFORMAT, dataset, "is not a list of texts of fixed length");
    else status = read_texts(dataset, &shape, type, out, err);
    if (status == LYC_OK) *count = shape.count;
    lyc__h5_release(&type);
    lyc__h5_release(&dataset);
    return status;
}

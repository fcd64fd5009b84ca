/* Making a run file: tables, constants, then SWMR, then its name. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fileio.h"
#include "io/runfile.h"
#include "lyceum/log.h"
#include "lyceum/memory.h"

/* A chunk is what HDF5 reads, and writes at every flush: 64 KiB at most, and few enough rows that short
 * tables stay small files. The buffer holds one chunk. */
#define CHUNK_BYTES ((size_t)64 << 10)
#define CHUNK_ROWS  1024
#define MAX_TABLES  64
#define MAX_COLUMNS 256
#define MAX_WIDTH   ((size_t)1 << 24) /* numbers in one row of one column */

static lyc_status failed(const lyc_runfile *file, const char *what, const char *name, lyc_error *err) {
    char reason[LYC__H5_REASON_SIZE];
    LYC_FAIL(err, LYC_EIO, "%s: cannot create %s '%s'; is the disk full? (HDF5: %s)", file->path, what, name,
             lyc__h5_reason(reason));
}

static lyc_status check_not_started(const lyc_runfile *file, const char *name, lyc_error *err) {
    if (!file->started) return LYC_OK;
    LYC_FAIL(err, LYC_EINTERNAL,
             "%s: '%s' cannot be created: the file is being read by others already, everything in "
             "it is created before the first row",
             file->path, name);
}

/* ---- tables ----------------------------------------------------------------------------------------- */

static lyc_status describe_column(lyc__run_column *column, const lyc_column *spec, lyc_error *err) {
    column->dataset = LYC__H5_NONE;
    column->type = spec->type;
    column->rank = spec->rank + 1;
    size_t width = 1;
    if (spec->rank < 0 || spec->rank > 2 || lyc_type_size(spec->type) == 0)
        LYC_FAIL(err, LYC_EINTERNAL, "column '%s': rows of rank %d and type %d cannot be stored", spec->name,
                 spec->rank, (int)spec->type);
    for (int i = 0; i < spec->rank; i++) {
        if (spec->dims[i] > 0 && width > MAX_WIDTH / spec->dims[i])
            LYC_FAIL(err, LYC_EINTERNAL, "column '%s': rows of [%zu, %zu] numbers are too wide", spec->name,
                     spec->dims[0], spec->rank == 2 ? spec->dims[1] : 1);
        width *= spec->dims[i];
        column->dims[i + 1] = spec->dims[i];
    }
    column->row_bytes = width * lyc_type_size(spec->type);
    column->name = lyc_strdup(spec->name);
    if (column->name == NULL) LYC_FAIL(err, LYC_ENOMEM, "no memory for the column '%s'", spec->name);
    return LYC_OK;
}

/* At most `most` rows. */
static size_t chunk_rows(size_t row_bytes, size_t most) {
    size_t rows = row_bytes > 0 ? CHUNK_BYTES / row_bytes : most;
    return rows < 1 ? 1 : rows > most ? most : rows;
}

static lyc_status create_column(const lyc_runfile *file, hid_t group, lyc__run_column *column, size_t rows,
                                const char *doc, lyc_error *err) {
    hsize_t dims[3] = {0}, limits[3] = {H5S_UNLIMITED}, chunk[3] = {rows};
    for (int i = 1; i < column->rank; i++) {
        dims[i] = column->dims[i];
        limits[i] = dims[i];
        chunk[i] = dims[i] > 0 ? dims[i] : 1;
    }
    hid_t space = H5Screate_simple(column->rank, dims, limits), how = H5Pcreate(H5P_DATASET_CREATE);
    if (space >= 0 && how >= 0 && H5Pset_chunk(how, column->rank, chunk) >= 0)
        column->dataset = H5Dcreate(group, column->name, lyc__type_file(column->type), space, H5P_DEFAULT,
                                    how, H5P_DEFAULT);
    lyc_status status = column->dataset >= 0 ? LYC_OK : failed(file, "column", column->name, err);
    lyc__h5_release(&how);
    lyc__h5_release(&space);
    if (status != LYC_OK || doc == NULL) return status;
    return lyc__h5_write_text_attribute(column->dataset, "doc", doc, err);
}

static lyc_status add_columns(lyc_runfile *file, lyc__run_table *table, const lyc_table_spec *spec,
                              lyc_error *err) {
    lyc_status status = LYC_OK;
    hid_t group = H5Gcreate(file->file, spec->name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    if (group < 0) return failed(file, "table", spec->name, err);
    const size_t most = spec->chunk > 0 && spec->chunk < CHUNK_ROWS ? spec->chunk : CHUNK_ROWS;
    table->capacity = most;
    for (size_t i = 0; i < spec->column_count; i++) {
        lyc__run_column *column = &table->columns[i];
        LYC_TRY_GOTO(describe_column(column, &spec->columns[i], err));
        table->column_count++;
        const size_t rows = chunk_rows(column->row_bytes, most);
        if (rows < table->capacity) table->capacity = rows;
        LYC_TRY_GOTO(create_column(file, group, column, rows, spec->columns[i].doc, err));
    }
    for (size_t i = 0; i < table->column_count; i++) {
        lyc__run_column *column = &table->columns[i];
        LYC_TRY_GOTO(
            lyc_allocate((void **)&column->buffer, table->capacity, column->row_bytes, "buffered rows", err));
    }
done:
    lyc__h5_release(&group);
    return status;
}

lyc_status lyc__runfile_add_table(lyc_runfile *file, const lyc_table_spec *spec, lyc_error *err) {
    LYC_TRY(check_not_started(file, spec->name, err));
    if (spec->column_count == 0 || spec->column_count > MAX_COLUMNS)
        LYC_FAIL(err, LYC_EINTERNAL, "table '%s': a table has 1 to %d columns, not %zu", spec->name,
                 MAX_COLUMNS, spec->column_count);
    lyc__run_table *table = &file->tables[file->table_count++];
    table->name = lyc_strdup(spec->name);
    if (table->name == NULL) LYC_FAIL(err, LYC_ENOMEM, "no memory for the table '%s'", spec->name);
    LYC_TRY(
        lyc_allocate((void **)&table->columns, spec->column_count, sizeof *table->columns, "columns", err));
    return add_columns(file, table, spec, err);
}

/* ---- constants -------------------------------------------------------------------------------------- */

/* Texts are stored in fixed length, that of the longest: the file needs no global heap. */
static bool write_texts(hid_t file, const lyc_constant *constant, hid_t links, lyc_error *err,
                        lyc_status *status) {
    hsize_t count = constant->dims[0];
    size_t width = 1;
    for (size_t i = 0; i < count; i++)
        if (strlen(constant->texts[i]) > width) width = strlen(constant->texts[i]);
    char *block;
    *status = lyc_allocate((void **)&block, count, width, constant->path, err);
    if (*status != LYC_OK) return true;
    for (size_t i = 0; i < count; i++)
        memcpy(block + i * width, constant->texts[i], strlen(constant->texts[i]));
    hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate_simple(1, &count, NULL), dataset = LYC__H5_NONE;
    if (type >= 0 && space >= 0 && H5Tset_size(type, width) >= 0 &&
        H5Tset_strpad(type, H5T_STR_NULLPAD) >= 0 && H5Tset_cset(type, H5T_CSET_UTF8) >= 0)
        dataset = H5Dcreate(file, constant->path, type, space, links, H5P_DEFAULT, H5P_DEFAULT);
    bool written =
        dataset >= 0 && (count == 0 || H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, block) >= 0);
    lyc__h5_release(&dataset);
    lyc__h5_release(&space);
    lyc__h5_release(&type);
    lyc_free(block);
    return written;
}

static bool write_numbers(hid_t file, const lyc_constant *constant, hid_t links) {
    hsize_t dims[2] = {constant->dims[0], constant->dims[1]};
    bool empty = dims[0] == 0 || (constant->rank == 2 && dims[1] == 0);
    hid_t space = H5Screate_simple(constant->rank, dims, NULL), dataset = LYC__H5_NONE;
    if (space >= 0)
        dataset = H5Dcreate(file, constant->path, lyc__type_file(constant->type), space, links, H5P_DEFAULT,
                            H5P_DEFAULT);
    bool written = dataset >= 0 && (empty || H5Dwrite(dataset, lyc__type_memory(constant->type), H5S_ALL,
                                                      H5S_ALL, H5P_DEFAULT, constant->data) >= 0);
    lyc__h5_release(&dataset);
    lyc__h5_release(&space);
    return written;
}

static bool constant_is_complete(const lyc_constant *constant) {
    bool texts = constant->texts != NULL;
    size_t count = constant->dims[0] * (constant->rank == 2 ? constant->dims[1] : 1);
    if (constant->rank < 1 || constant->rank > (texts ? 1 : 2)) return false;
    if (!texts) return lyc_type_size(constant->type) > 0 && (constant->data != NULL || count == 0);
    for (size_t i = 0; i < count; i++)
        if (constant->texts[i] == NULL) return false;
    return true;
}

lyc_status lyc__runfile_add_constant(lyc_runfile *file, const lyc_constant *constant, lyc_error *err) {
    LYC_TRY(check_not_started(file, constant->path, err));
    if (!constant_is_complete(constant))
        LYC_FAIL(err, LYC_EINTERNAL, "constant '%s': rank %d, or a value that is missing", constant->path,
                 constant->rank);
    lyc_status status = LYC_OK;
    hid_t links = H5Pcreate(H5P_LINK_CREATE);
    bool written = links >= 0 && H5Pset_create_intermediate_group(links, 1) >= 0;
    if (written)
        written = constant->texts != NULL ? write_texts(file->file, constant, links, err, &status)
                                          : write_numbers(file->file, constant, links);
    if (!written) status = failed(file, "constant", constant->path, err);
    lyc__h5_release(&links);
    return status;
}

/* ---- the file --------------------------------------------------------------------------------------- */

lyc_status lyc__runfile_temporary(char **out, const char *path, lyc_error *err) {
    size_t size = strlen(path) + sizeof ".tmp";
    LYC_TRY(lyc_allocate((void **)out, size, 1, "a file name", err));
    (void)snprintf(*out, size, "%s.tmp", path);
    return LYC_OK;
}

static lyc_status open_empty(lyc_runfile *file, lyc_error *err) {
    char *temporary;
    hid_t access;
    LYC_TRY(lyc__h5_disk_open(&file->disk, &access, err));
    lyc_status status = lyc__runfile_temporary(&temporary, file->path, err);
    if (status == LYC_OK) {
        status = lyc__h5_create(&file->file, temporary, access, err);
        int error = lyc__h5_disk_error(file->disk);
        if (status != LYC_OK && error != 0)
            status = LYC_ERROR(err, error == ENOMEM ? LYC_ENOMEM : LYC_EIO, "%s: cannot create this file: %s",
                               file->path, strerror(error));
        lyc_free(temporary);
    }
    lyc__h5_release(&access);
    return status;
}

/* /committed knows which of its numbers belongs to which table. */
static lyc_status write_table_names(const lyc_runfile *file, const lyc_table_spec *tables, size_t table_count,
                                    lyc_error *err) {
    const char *names[MAX_TABLES];
    for (size_t i = 0; i < table_count; i++) names[i] = tables[i].name;
    return lyc__h5_write_texts_attribute(file->committed, LYC__RUN_TABLES, names, table_count, err);
}

static lyc_status write_header(lyc_runfile *file, const lyc_table_spec *tables, size_t table_count,
                               lyc_error *err) {
    const uint64_t dims[1] = {table_count};
    if (table_count == 0 || table_count > MAX_TABLES)
        LYC_FAIL(err, LYC_EINTERNAL, "%s: a run file has 1 to %d tables, not %zu", file->path, MAX_TABLES,
                 table_count);
    LYC_TRY(lyc__h5_write_text_attribute(file->file, "format", LYC__RUN_FORMAT, err));
    LYC_TRY(lyc__h5_create_dataset(&file->committed, file->file, LYC__RUN_COMMITTED, H5T_STD_U64LE, 1, dims,
                                   true, err));
    return write_table_names(file, tables, table_count, err);
}

lyc_status lyc__runfile_open_new(lyc_runfile **out, const char *path, const lyc_table_spec *tables,
                                 size_t table_count, const lyc_constant *constants, size_t constant_count,
                                 lyc_error *err) {
    lyc_runfile *file;
    lyc_status status = LYC_OK;
    *out = NULL;
    lyc__h5_quiet();
    LYC_TRY(lyc_allocate((void **)&file, 1, sizeof *file, "a run file", err));
    file->file = file->committed = LYC__H5_NONE;
    file->lock = -1;
    file->path = lyc_strdup(path);
    if (file->path == NULL) {
        status = LYC_ERROR(err, LYC_ENOMEM, "no memory for the path %s", path);
        goto done;
    }
    LYC_TRY_GOTO(lyc_allocate((void **)&file->tables, table_count, sizeof *file->tables, "tables", err));
    LYC_TRY_GOTO(lyc_allocate((void **)&file->counts, table_count, sizeof *file->counts, "tables", err));
    LYC_TRY_GOTO(open_empty(file, err));
    LYC_TRY_GOTO(write_header(file, tables, table_count, err));
    for (size_t i = 0; i < table_count; i++) LYC_TRY_GOTO(lyc__runfile_add_table(file, &tables[i], err));
    for (size_t i = 0; i < constant_count; i++)
        LYC_TRY_GOTO(lyc__runfile_add_constant(file, &constants[i], err));
    *out = file;
    return LYC_OK;
done:
    lyc__runfile_abandon(file);
    return status;
}

lyc_status lyc__runfile_start(lyc_runfile *file, lyc_error *err) {
    char *temporary;
    lyc_status status = LYC_OK;
    LYC_TRY(lyc__runfile_temporary(&temporary, file->path, err));
    LYC_TRY_GOTO(lyc__runfile_check(file, H5Fstart_swmr_write(file->file) >= 0, "the beginning", err));
    file->started = true;
    LYC_TRY_GOTO(lyc__runfile_commit(file, true, err));
    file->lock = lyc__runfile_lock(temporary);
    LYC_TRY_GOTO(lyc__replace_file(temporary, file->path, err));
    file->named = true;
done:
    lyc_free(temporary);
    return status;
}

void lyc__runfile_release(lyc_runfile *file) {
    lyc__h5_quiet();
    for (size_t i = 0; i < file->table_count; i++)
        for (size_t k = 0; k < file->tables[i].column_count; k++)
            lyc__h5_release(&file->tables[i].columns[k].dataset);
    lyc__h5_release(&file->committed);
    lyc__h5_release(&file->file);
}

static void free_table(lyc__run_table *table) {
    for (size_t i = 0; i < table->column_count; i++) {
        lyc_free(table->columns[i].buffer);
        lyc_free(table->columns[i].name);
    }
    lyc_free(table->columns);
    lyc_free(table->name);
}

void lyc__runfile_abandon(lyc_runfile *file) {
    char *temporary = NULL;
    bool made = file->file >= 0;
    lyc__runfile_release(file);
    for (size_t i = 0; i < file->table_count; i++) free_table(&file->tables[i]);
    if (made && !file->named && lyc__runfile_temporary(&temporary, file->path, NULL) == LYC_OK)
        (void)unlink(temporary);
    lyc__h5_disk_close(file->disk);
    lyc__runfile_unlock(file->lock);
    lyc_free(temporary);
    lyc_free(file->tables);
    lyc_free(file->counts);
    lyc_free(file->path);
    lyc_free(file);
}

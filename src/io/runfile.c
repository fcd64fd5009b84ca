/* Appending to a run file: rows wait in buffers and are committed once a second. */
#include "io/runfile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lyceum/log.h"
#include "lyceum/memory.h"

#define FLUSH_SECONDS 1.0

lyc_status lyc_runfile_create(lyc_runfile **out, const char *path, const lyc_table_spec *tables,
                              size_t table_count, const lyc_constant *constants, size_t constant_count,
                              lyc_error *err) {
    lyc_runfile *file;
    *out = NULL;
    LYC_TRY(lyc__runfile_open_new(&file, path, tables, table_count, constants, constant_count, err));
    lyc_status status = lyc__runfile_start(file, err);
    if (status == LYC_OK) *out = file;
    else lyc__runfile_abandon(file);
    return status;
}

lyc_status lyc__runfile_check(lyc_runfile *file, bool done, const char *what, lyc_error *err) {
    int error = lyc__h5_disk_error(file->disk);
    if (done && error == 0) return LYC_OK;
    char reason[LYC__H5_REASON_SIZE];
    lyc__h5_reason(reason);
    file->failed = true;
    LYC_FAIL(err, LYC_EIO,
             "%s: cannot write %s: %s; what was committed before is intact, the run can be resumed%s",
             file->path, what, error != 0 ? strerror(error) : reason,
             error == ENOSPC || error == EDQUOT ? " when there is space again" : "");
}

/* ---- writing ---------------------------------------------------------------------------------------- */

lyc_status lyc__runfile_write(lyc_runfile *file, const lyc__run_table *table, lyc__run_column *column,
                              uint64_t first, uint64_t count, const void *rows, lyc_error *err) {
    hsize_t start[3] = {first, 0, 0}, size[3] = {first + count, column->dims[1], column->dims[2]};
    hid_t there = LYC__H5_NONE, here = LYC__H5_NONE;
    bool written = H5Dset_extent(column->dataset, size) >= 0;
    size[0] = count;
    if (written && column->row_bytes > 0) {
        there = H5Dget_space(column->dataset);
        here = H5Screate_simple(column->rank, size, NULL);
        written =
            there >= 0 && here >= 0 &&
            H5Sselect_hyperslab(there, H5S_SELECT_SET, start, NULL, size, NULL) >= 0 &&
            H5Dwrite(column->dataset, lyc__type_memory(column->type), here, there, H5P_DEFAULT, rows) >= 0;
    }
    lyc__h5_release(&here);
    lyc__h5_release(&there);
    char name[256];
    (void)snprintf(name, sizeof name, "/%s/%s", table->name, column->name);
    return lyc__runfile_check(file, written, name, err);
}

static lyc_status write_buffered(lyc_runfile *file, lyc__run_table *table, lyc_error *err) {
    uint64_t count = table->appended - table->written;
    for (size_t i = 0; i < table->column_count && count > 0; i++) {
        lyc__run_column *column = &table->columns[i];
        LYC_TRY(lyc__runfile_write(file, table, column, table->written, count, column->buffer, err));
    }
    table->written = table->appended;
    return LYC_OK;
}

static lyc_status sync_to_disk(lyc_runfile *file, lyc_error *err) {
    (void)lyc__h5_disk_sync(file->disk);
    return lyc__runfile_check(file, true, "to the disk", err);
}

lyc_status lyc__runfile_commit(lyc_runfile *file, bool sync, lyc_error *err) {
    bool changed = false;
    lyc__h5_quiet();
    for (size_t i = 0; i < file->table_count; i++) {
        LYC_TRY(write_buffered(file, &file->tables[i], err));
        changed |= file->counts[i] != file->tables[i].written;
        file->counts[i] = file->tables[i].written;
    }
    file->flushed = lyc_seconds();
    if (changed)
        LYC_TRY(lyc__runfile_check(file, H5Fflush(file->file, H5F_SCOPE_LOCAL) >= 0, "the columns", err));
    if (sync) LYC_TRY(sync_to_disk(file, err));
    if (!changed) return LYC_OK;
    bool written =
        H5Dwrite(file->committed, H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, file->counts) >= 0 &&
        H5Dflush(file->committed) >= 0;
    LYC_TRY(lyc__runfile_check(file, written, "/" LYC__RUN_COMMITTED, err));
    return sync ? sync_to_disk(file, err) : LYC_OK;
}

static lyc_status check_usable(const lyc_runfile *file, lyc_error *err) {
    if (!file->failed) return LYC_OK;
    LYC_FAIL(err, LYC_EIO, "%s: takes no more rows, an earlier write failed", file->path);
}

lyc_status lyc_runfile_append(lyc_runfile *file, size_t table_index, const void *const *values,
                              lyc_error *err) {
    LYC_TRY(check_usable(file, err));
    if (table_index >= file->table_count)
        LYC_FAIL(err, LYC_EINTERNAL, "%s: has no table number %zu", file->path, table_index);
    lyc__run_table *table = &file->tables[table_index];
    for (size_t i = 0; i < table->column_count; i++)
        if (values[i] == NULL && table->columns[i].row_bytes > 0)
            LYC_FAIL(err, LYC_EINTERNAL, "%s: a row of /%s without a value for '%s'", file->path, table->name,
                     table->columns[i].name);
    size_t slot = (size_t)(table->appended - table->written);
    for (size_t i = 0; i < table->column_count; i++) {
        const lyc__run_column *column = &table->columns[i];
        if (column->row_bytes > 0)
            memcpy(column->buffer + slot * column->row_bytes, values[i], column->row_bytes);
    }
    table->appended++;
    if (lyc_seconds() - file->flushed >= FLUSH_SECONDS) return lyc__runfile_commit(file, false, err);
    if (slot + 1 < table->capacity) return LYC_OK;
    lyc__h5_quiet();
    return write_buffered(file, table, err);
}

lyc_status lyc_runfile_flush(lyc_runfile *file, lyc_error *err) {
    LYC_TRY(check_usable(file, err));
    return lyc__runfile_commit(file, true, err);
}

bool lyc_runfile_has_failed(const lyc_runfile *file) {
    return file != NULL && file->failed;
}

uint64_t lyc_runfile_rows(const lyc_runfile *file, size_t table) {
    return table < file->table_count ? file->tables[table].appended : 0;
}

lyc_status lyc_runfile_close(lyc_runfile *file, lyc_error *err) {
    if (file == NULL) return LYC_OK;
    lyc_status status = lyc_runfile_flush(file, err);
    lyc__runfile_release(file);
    if (status == LYC_OK) status = lyc__runfile_check(file, true, "the end", err);
    lyc__runfile_abandon(file);
    return status;
}

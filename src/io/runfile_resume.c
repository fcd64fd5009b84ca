/* Going on after a kill: the rows that a checkpoint knows, in a file that can be written again.
 *
 * HDF5 opens a file whose writer was killed for SWMR reading only, so it is read so and copied; rows behind
 * the checkpoint are left out, since they will be computed again.
 */
#include <inttypes.h>
#include <string.h>

#include "io/runfile.h"
#include "lyceum/memory.h"

#define COPY_BYTES ((size_t)1 << 20)

static lyc_status check_column(const lyc__run_column *wanted, const lyc__h5_shape *there, hid_t dataset,
                               lyc_error *err) {
    hid_t type = H5Dget_type(dataset);
    bool same = there->rank == wanted->rank && H5Tequal(type, lyc__type_file(wanted->type)) > 0;
    lyc__h5_release(&type);
    for (int i = 1; i < wanted->rank && same; i++) same = there->dims[i] == wanted->dims[i];
    if (same) return LYC_OK;
    return lyc__h5_fail(err, LYC_EMISMATCH, dataset,
                        "has another type or width than this run would write; it belongs to another run");
}

static lyc_status copy_column(lyc_runfile *file, const lyc__run_table *table, lyc__run_column *column,
                              lyc_runreader *old, uint64_t rows, unsigned char *block, lyc_error *err) {
    hid_t dataset;
    lyc__h5_shape shape;
    lyc_status status = LYC_OK;
    LYC_TRY(lyc__runreader_column(old, table->name, column->name, &dataset, &shape, err));
    LYC_TRY_GOTO(check_column(column, &shape, dataset, err));
    if (shape.dims[0] < rows)
        status = lyc__h5_fail(err, LYC_EFORMAT, dataset,
                              "holds %" PRIu64 " rows, the checkpoint knows %" PRIu64, shape.dims[0], rows);
    uint64_t step = column->row_bytes > 0 ? COPY_BYTES / column->row_bytes : rows;
    if (step == 0) step = 1;
    for (uint64_t first = 0; first < rows && status == LYC_OK; first += step) {
        uint64_t count = rows - first < step ? rows - first : step;
        if (column->row_bytes > 0)
            LYC_TRY_GOTO(
                lyc__h5_read_rows(dataset, lyc__type_memory(column->type), first, count, block, err));
        status = lyc__runfile_write(file, table, column, first, count, block, err);
    }
done:
    lyc__h5_release(&dataset);
    return status;
}

static lyc_status copy_table(lyc_runfile *file, lyc__run_table *table, lyc_runreader *old, uint64_t rows,
                             lyc_error *err) {
    uint64_t there;
    LYC_TRY(lyc_runreader_rows(old, table->name, &there, err));
    if (there < rows)
        LYC_FAIL(err, LYC_EFORMAT,
                 "%s: holds %" PRIu64 " rows of /%s, the checkpoint knows %" PRIu64
                 ": it is not the run file of this checkpoint",
                 file->path, there, table->name, rows);
    size_t widest = COPY_BYTES;
    for (size_t i = 0; i < table->column_count; i++)
        if (table->columns[i].row_bytes > widest) widest = table->columns[i].row_bytes;
    unsigned char *block;
    LYC_TRY(lyc_allocate((void **)&block, widest, 1, "rows to copy", err));
    lyc_status status = LYC_OK;
    for (size_t i = 0; i < table->column_count && status == LYC_OK; i++)
        status = copy_column(file, table, &table->columns[i], old, rows, block, err);
    lyc_free(block);
    table->appended = table->written = rows;
    return status;
}

lyc_status lyc_runfile_resume(lyc_runfile **out, const char *path, const lyc_table_spec *tables,
                              size_t table_count, const lyc_constant *constants, size_t constant_count,
                              const uint64_t *rows, lyc_error *err) {
    lyc_runreader *old = NULL;
    lyc_runfile *file = NULL;
    lyc_status status = LYC_OK;
    *out = NULL;
    if (lyc_runfile_is_live(path))
        LYC_FAIL(err, LYC_EBUSY,
                 "%s: another process is writing this run; wait until it has finished, or stop it", path);
    LYC_TRY_GOTO(lyc_runreader_open(&old, path, err));
    LYC_TRY_GOTO(lyc__runfile_open_new(&file, path, tables, table_count, constants, constant_count, err));
    for (size_t i = 0; i < table_count; i++)
        LYC_TRY_GOTO(copy_table(file, &file->tables[i], old, rows[i], err));
    LYC_TRY_GOTO(lyc__runfile_start(file, err));
    *out = file;
    file = NULL;
done:
    lyc_runreader_close(old);
    if (file != NULL) lyc__runfile_abandon(file);
    return status;
}

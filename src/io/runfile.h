/* A run file seen from inside: runfile.c appends and flushes, runfile_create.c makes the file,
 * runfile_resume.c copies what a checkpoint knows, runfile_lock.c tells the living from the dead, runreader.c
 * reads.
 *
 * Order on disk: rows are written to the columns, the columns are flushed, then /committed is written and
 * flushed. So whatever /committed counts is there, whenever the writer was killed.
 */
#ifndef LYC_IO_RUNFILE_H
#define LYC_IO_RUNFILE_H

#include <stdbool.h>

#include "io/hdf5_disk.h"
#include "io/hdf5_util.h"
#include "io/state.h"
#include "lyceum/runfile.h"

#define LYC__RUN_FORMAT    "lyceum run 1"
#define LYC__RUN_COMMITTED "committed"
#define LYC__RUN_TABLES                                                                                      \
    "tables" /* attribute of /committed: names of the tables in the order of its numbers */

typedef struct lyc__run_column {
    char *name;
    lyc_type type;
    hid_t dataset;
    int rank; /* of the data set: 1 + rank of a row */
    uint64_t dims[3];
    size_t row_bytes;
    unsigned char *buffer; /* [capacity of the table] rows */
} lyc__run_column;

typedef struct lyc__run_table {
    char *name;
    lyc__run_column *columns;
    size_t column_count;
    uint64_t appended, written; /* rows; those between are in the buffers */
    size_t capacity;
} lyc__run_table;

struct lyc_runfile {
    char *path;
    lyc__h5_disk *disk;
    hid_t file, committed;
    bool started; /* SWMR: from here on nothing is created */
    bool named;   /* it has its own name; before, a temporary one */
    bool failed;  /* a write failed: no more are tried */
    lyc__run_table *tables;
    size_t table_count;
    uint64_t *counts; /* [table_count] what /committed holds */
    double flushed;   /* seconds, monotonic */
    int lock;
};

/* LYC_OK when `done` and the disk took everything; else LYC_EIO naming the run file, `what` and the reason,
 * and from then on the file takes no more rows. */
LYC_MUST_USE lyc_status lyc__runfile_check(lyc_runfile *file, bool done, const char *what, lyc_error *err);

/* runfile_create.c. All of it is refused with LYC_EINTERNAL once SWMR has started: HDF5 itself would let it
 * pass and readers would find a damaged file. */
LYC_MUST_USE lyc_status lyc__runfile_open_new(lyc_runfile **out, const char *path,
                                              const lyc_table_spec *tables, size_t table_count,
                                              const lyc_constant *constants, size_t constant_count,
                                              lyc_error *err);
LYC_MUST_USE lyc_status lyc__runfile_add_table(lyc_runfile *file, const lyc_table_spec *spec, lyc_error *err);
LYC_MUST_USE lyc_status lyc__runfile_add_constant(lyc_runfile *file, const lyc_constant *constant,
                                                  lyc_error *err);
/* Starts SWMR, syncs, and moves the file from its temporary name to its own. */
LYC_MUST_USE lyc_status lyc__runfile_start(lyc_runfile *file, lyc_error *err);
/* Closes what HDF5 holds; what it still writes shows in the disk's error. */
void lyc__runfile_release(lyc_runfile *file);
/* Frees the rest, and removes the file if it never got its name. */
void lyc__runfile_abandon(lyc_runfile *file);
/* "<path>.tmp": the name until SWMR has started. The caller frees it. */
LYC_MUST_USE lyc_status lyc__runfile_temporary(char **out, const char *path, lyc_error *err);

/* runfile.c. Writes buffered rows to the columns; with `sync` they are on disk afterwards. */
LYC_MUST_USE lyc_status lyc__runfile_commit(lyc_runfile *file, bool sync, lyc_error *err);
/* `count` rows of one column, at `first`, growing it. */
LYC_MUST_USE lyc_status lyc__runfile_write(lyc_runfile *file, const lyc__run_table *table,
                                           lyc__run_column *column, uint64_t first, uint64_t count,
                                           const void *rows, lyc_error *err);

/* runreader.c. Opens "table/column" as it is now and describes it; LYC_EFORMAT unless it is rows of numbers.
 */
LYC_MUST_USE lyc_status lyc__runreader_column(lyc_runreader *reader, const char *table, const char *column,
                                              hid_t *dataset, lyc__h5_shape *shape, lyc_error *err);

/* runfile_lock.c. The writer holds a shared record lock on the file (not the flock that HDF5 uses), which
 * ends with the process however it ends; asking does not take it. -1 where the file system has no locks. */
int lyc__runfile_lock(const char *path);
void lyc__runfile_unlock(int lock);
bool lyc__runfile_is_held(const char *path);

#endif

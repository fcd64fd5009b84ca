/* run.h5: the trajectory of a run, written under SWMR, readable while it grows and after a kill.
 *
 * Tables (groups) of columns that grow together, all created before SWMR starts; creating anything
 * later is refused. Rows are buffered and committed at most once a second, when the next row is appended:
 * the columns are flushed first, then /committed u64 [tables], which holds how many rows of each table are on
 * disk, in the order of its attribute `tables`. Whenever the writer is killed, the rows that /committed
 * counts are there. The file appears under its name only when it can be read.
 *
 * A full disk makes append, flush or close fail with LYC_EIO once and for all; what was committed stays.
 *
 * Thread-safety: one thread owns a run file or a reader. Readers may be in the writer's process or in others, as
 * many as there are. Layout for h5py: docs/files.md; tables of a run: run_layout.h.
 */
#ifndef LYCEUM_RUNFILE_H
#define LYCEUM_RUNFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lyceum/checkpoint.h"
#include "lyceum/error.h"

LYC_BEGIN_DECLS

typedef struct lyc_runfile lyc_runfile;

typedef struct lyc_column {
    const char *name;    /* "select" */
    lyc_type type;
    int rank;            /* of one row: 0 = scalar, 1 = [dims[0]], 2 = [dims[0], dims[1]] */
    size_t dims[2];
    const char *doc;     /* attribute "doc": meaning and unit */
} lyc_column;
typedef struct lyc_table_spec {
    const char *name;    /* "trajectory" */
    const lyc_column *columns;
    size_t column_count;
    size_t chunk;        /* rows that the file grows by; 0: as many as suit a long table */
} lyc_table_spec;

/* Fixed content written once at creation: 1-d or 2-d arrays and text, e.g. "/teachers/name". */
typedef struct lyc_constant {
    const char *path;
    lyc_type type;         /* ignored for text */
    const void *data;      /* array; NULL when `texts` is set */
    const char *const *texts;
    int rank;
    size_t dims[2];
} lyc_constant;

/* `path` is replaced when it exists. Specifications and constants are copied. LYC_EINTERNAL: specifications
 * that make no sense; LYC_EIO: no place, no permission. */
LYC_API LYC_MUST_USE lyc_status lyc_runfile_create(lyc_runfile **out, const char *path, const lyc_table_spec *tables,
                                                   size_t table_count, const lyc_constant *constants,
                                                   size_t constant_count, lyc_error *err);
/* Appends one row to table `table`: values[column] points at the row's data (NULL is fine where a row has no
 * numbers). Copies; allocates nothing of its own. */
LYC_API LYC_MUST_USE lyc_status lyc_runfile_append(lyc_runfile *file, size_t table, const void *const *values, lyc_error *err);
/* Commits every row appended so far and syncs the file: call it before a checkpoint that counts them. */
LYC_API LYC_MUST_USE lyc_status lyc_runfile_flush(lyc_runfile *file, lyc_error *err);
/* An earlier write failed, with an error then; it takes no more rows. NULL has not failed. */
LYC_API bool lyc_runfile_has_failed(const lyc_runfile *file);
LYC_API uint64_t lyc_runfile_rows(const lyc_runfile *file, size_t table); /* appended, flushed or not */
/* Flushes and closes cleanly (afterwards it opens without SWMR too). NULL is fine. */
LYC_API LYC_MUST_USE lyc_status lyc_runfile_close(lyc_runfile *file, lyc_error *err);

/* After a kill: copies the first rows[table] rows of each table into a new file, writes the constants anew
 * (that they still hold is for lyc_state_require to check), syncs, renames it over `path` and opens that for
 * appending. LYC_EFORMAT when fewer rows are there, LYC_EMISMATCH when a column has another type or width,
 * LYC_EBUSY when `path` is being written. After any failure `path` is what it was. */
LYC_API LYC_MUST_USE lyc_status lyc_runfile_resume(lyc_runfile **out, const char *path, const lyc_table_spec *tables,
                                                   size_t table_count, const lyc_constant *constants,
                                                   size_t constant_count, const uint64_t *rows, lyc_error *err);

/* Is a process writing `path` at this moment? False after a kill, after a clean close, and for what is no file. */
LYC_API bool lyc_runfile_is_live(const char *path);

/* ---- reading (inspect, report): live, closed or killed ------------------------------------------ */

typedef struct lyc_runreader lyc_runreader;
/* LYC_EIO: no such file; LYC_EFORMAT: not HDF5, not a run file, damaged. */
LYC_API LYC_MUST_USE lyc_status lyc_runreader_open(lyc_runreader **out, const char *path, lyc_error *err);
LYC_API void lyc_runreader_close(lyc_runreader *reader); /* NULL is fine */
/* Files of former versions have fewer tables. */
LYC_API bool lyc_runreader_has_table(const lyc_runreader *reader, const char *table);
/* Rows of a table that every column holds: what is committed at this moment. LYC_EFORMAT when there is no such
 * table. */
LYC_API LYC_MUST_USE lyc_status lyc_runreader_rows(lyc_runreader *reader, const char *table, uint64_t *rows,
                                                   lyc_error *err);
/* Reads rows [first, first + count) of "table/column", converted to double, row after row; *width gets the
 * numbers per row (1 for a scalar, K * C for a matrix). *out is the caller's (lyc_free). LYC_EFORMAT: no such
 * column, not numbers, fewer rows. */
LYC_API LYC_MUST_USE lyc_status lyc_runreader_read(lyc_runreader *reader, const char *table, const char *column,
                                                   uint64_t first, uint64_t count, double **out, size_t *width,
                                                   lyc_error *err);
/* Constants: texts ("/teachers/name") and numbers ("/teachers/valid_ce"). Each is one block, the caller's:
 * a single lyc_free releases the array of pointers together with the texts. LYC_EFORMAT when there is none. */
LYC_API LYC_MUST_USE lyc_status lyc_runreader_texts(lyc_runreader *reader, const char *path, char ***out,
                                                    size_t *count, lyc_error *err);
LYC_API LYC_MUST_USE lyc_status lyc_runreader_constant(lyc_runreader *reader, const char *path, double **out,
                                                       size_t *count, lyc_error *err);

LYC_END_DECLS

#endif

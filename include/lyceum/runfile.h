/* run.h5: the trajectory of a run, written under SWMR, readable while it grows and after a kill.
 *
 * Tables (groups) of columns that grow together, all created before SWMR starts; creating anything
 * later is refused. Rows are buffered and flushed at most once a second; /committed [tables] holds how
 * many rows of each table are on disk, in order of creation. One thread owns a run file.
 */
#ifndef LYCEUM_RUNFILE_H
#define LYCEUM_RUNFILE_H

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

LYC_API LYC_MUST_USE lyc_status lyc_runfile_create(lyc_runfile **out, const char *path, const lyc_table_spec *tables,
                                                   size_t table_count, const lyc_constant *constants,
                                                   size_t constant_count, lyc_error *err);
/* Appends one row to table `table`: values[column] points at the row's data. */
LYC_API LYC_MUST_USE lyc_status lyc_runfile_append(lyc_runfile *file, size_t table, const void *const *values, lyc_error *err);
LYC_API LYC_MUST_USE lyc_status lyc_runfile_flush(lyc_runfile *file, lyc_error *err);
LYC_API uint64_t lyc_runfile_rows(const lyc_runfile *file, size_t table); /* appended, flushed or not */
/* Flushes and closes cleanly (afterwards it opens without SWMR too). NULL is fine. */
LYC_API LYC_MUST_USE lyc_status lyc_runfile_close(lyc_runfile *file, lyc_error *err);

/* After a kill: copies the first rows[table] rows of each table and the constants into a new file, syncs,
 * renames it over `path` and opens that for appending. Fails with LYC_EFORMAT when fewer rows are there. */
LYC_API LYC_MUST_USE lyc_status lyc_runfile_resume(lyc_runfile **out, const char *path, const lyc_table_spec *tables,
                                                   size_t table_count, const lyc_constant *constants,
                                                   size_t constant_count, const uint64_t *rows, lyc_error *err);

/* ---- reading (inspect, report): live, closed or killed ------------------------------------------ */

typedef struct lyc_runreader lyc_runreader;
LYC_API LYC_MUST_USE lyc_status lyc_runreader_open(lyc_runreader **out, const char *path, lyc_error *err);
LYC_API void lyc_runreader_close(lyc_runreader *reader);
/* Rows of a table that every column holds (what was committed); LYC_EFORMAT when there is no such table. */
LYC_API LYC_MUST_USE lyc_status lyc_runreader_rows(lyc_runreader *reader, const char *table, uint64_t *rows, lyc_error *err);
/* Reads rows [first, first+count) of "table/column", converted to double; `width` gets the values per row.
 * *out is the caller's (lyc_free). */
LYC_API LYC_MUST_USE lyc_status lyc_runreader_read(lyc_runreader *reader, const char *table, const char *column, uint64_t first,
                                                   uint64_t count, double **out, size_t *width, lyc_error *err);
LYC_API LYC_MUST_USE lyc_status lyc_runreader_texts(lyc_runreader *reader, const char *path, char ***out, size_t *count, lyc_error *err);
LYC_API LYC_MUST_USE lyc_status lyc_runreader_constant(lyc_runreader *reader, const char *path, double **out, size_t *count, lyc_error *err);

LYC_END_DECLS

#endif

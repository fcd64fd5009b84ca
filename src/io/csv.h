/* Fields of a CSV file (RFC 4180), plain or gzipped, one after the other: lines end in LF or CR LF; a field
 * in double quotes may hold delimiters, line ends and doubled quotes; a byte-order mark at the start is
 * skipped, and so are empty lines. Bytes must be UTF-8 where it matters: whoever keeps a field checks it. */
#ifndef LYC_IO_CSV_H
#define LYC_IO_CSV_H

#include <stdbool.h>

#include "io/packed_file.h"

#define LYC__CSV_FIELD_BYTES 1024 /* the longest field, its terminator included */

typedef struct lyc__csv lyc__csv;

typedef struct lyc__csv_field {
    const char *text; /* terminated, holds no zero byte; valid until the next call */
    size_t size;
    uint64_t line;   /* where the field starts, from 1 */
    uint32_t column; /* from 0 */
    bool quoted;
    bool last; /* of its record */
} lyc__csv_field;

LYC_MUST_USE lyc_status lyc__csv_open(lyc__csv **out, const char *path, char delimiter, lyc_error *err);
/* *found is false at the end of the file. LYC_EFORMAT with line and column: a quote that never ends or stands
 * within a field, text behind a closing quote, a zero byte, a field that is too long. */
LYC_MUST_USE lyc_status lyc__csv_next(lyc__csv *csv, lyc__csv_field *out, bool *found, lyc_error *err);
void lyc__csv_close(lyc__csv *csv); /* NULL is fine */

#endif

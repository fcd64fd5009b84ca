/* A CSV file as a table of numbers with a label column: records as rows of floats and a label. */
#ifndef LYC_DATA_CSV_TABLE_H
#define LYC_DATA_CSV_TABLE_H

#include "io/csv.h"
#include "lyceum/import.h"

#define LYC__CSV_MOST_COLUMNS ((uint32_t)1 << 20)

typedef struct lyc__csv_table {
    lyc__csv *csv;
    const char *path;
    const lyc_csv_options *options;
    char **names;          /* [columns] of the header, NULL without one */
    size_t names_capacity; /* of `names`, while the header is read */
    uint32_t columns;
    uint32_t label_column; /* columns = there is none */
    float *values;         /* [columns - 1] features of the current record, or [columns] without a label */
    char label[LYC__CSV_FIELD_BYTES];
    uint64_t line;  /* of the current record */
    bool all_bytes; /* every feature so far is a whole number from 0 to 255 */
    bool pending;   /* the first record is read already, since it tells the number of columns */
} lyc__csv_table;

/* Reads the header, or the first record. LYC_EFORMAT: an empty file, no such label column, a bad record.
 * LYC_EUSAGE: options that cannot be. `options` and `path` must outlive the table. */
LYC_MUST_USE lyc_status lyc__csv_table_open(lyc__csv_table *out, const char *path,
                                            const lyc_csv_options *options, lyc_error *err);
uint32_t lyc__csv_table_features(const lyc__csv_table *table);
/* The next record into values[] and label. LYC_EFORMAT with line and column: no number, not finite, more or
 * fewer fields than before. */
LYC_MUST_USE lyc_status lyc__csv_table_next(lyc__csv_table *table, bool *found, lyc_error *err);
void lyc__csv_table_close(lyc__csv_table *table); /* a zeroed one is fine */

#endif

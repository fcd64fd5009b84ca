/* What the importers share. One goes over its files twice: first it counts rows, checks them and collects the
 * labels (a few bytes a row); then it hands every row to the writer. So memory does not grow with the rows,
 * and a fault costs no half-written file.
 *
 *     LYC_TRY_GOTO(lyc__import_check(files, out_path, options, most_classes, err));
 *     for each row of train, then of test: lyc__import_label(&import, part, label, err);
 *     import.content.channels = ..., lyc__import_classes(&import, names, count, err);
 *     LYC_TRY_GOTO(lyc__import_begin(&import, out_path, options, "images", err));
 *     for each row again: fill lyc__import_slot(&import), then lyc__import_commit(&import, path, err);
 *     LYC_TRY_GOTO(lyc__import_end(&import, path, out, err));
 *     done: lyc__import_release(&import);
 */
#ifndef LYC_DATA_IMPORT_H
#define LYC_DATA_IMPORT_H

#include "io/dataset_file.h"
#include "lyceum/import.h"
#include "lyceum/log.h"

typedef struct lyc__import {
    lyc__dataset_content content;
    lyc__dataset_writer *writer;
    lyc_progress progress;
    uint32_t part_rows[2]; /* train, test */
    size_t label_capacity;
    uint8_t *piece; /* rows on their way to the writer */
    size_t piece_rows, piece_used;
    uint64_t done;
} lyc__import;

/* The files of a part, 0 train, 1 test. */
const char *const *lyc__import_part(const lyc_import_parts *files, int part, size_t *count);

/* There is something to read, nothing is replaced unasked, no input is overwritten, and class names are
 * distinct UTF-8 and not too many. */
LYC_MUST_USE lyc_status lyc__import_check(const lyc_import_parts *files, const char *out_path,
                                          const lyc_import_options *options, size_t most_classes,
                                          lyc_error *err);
/* One row more; the train part comes first. Shows progress. */
LYC_MUST_USE lyc_status lyc__import_label(lyc__import *import, int part, int32_t label, lyc_error *err);
/* Copies the names. */
LYC_MUST_USE lyc_status lyc__import_classes(lyc__import *import, const char *const *names, size_t count,
                                            lyc_error *err);
LYC_MUST_USE lyc_status lyc__import_begin(lyc__import *import, const char *out_path,
                                          const lyc_import_options *options, const char *unit,
                                          lyc_error *err);
/* Where the next row goes, at any time after the beginning: channels * height * width bytes or floats. */
void *lyc__import_slot(lyc__import *import);
/* The slot is full. LYC_EFORMAT naming `path` when there are more rows than the first time. */
LYC_MUST_USE lyc_status lyc__import_commit(lyc__import *import, const char *path, lyc_error *err);
/* `out` may be NULL. */
LYC_MUST_USE lyc_status lyc__import_end(lyc__import *import, const char *path, lyc_import_summary *out,
                                        lyc_error *err);
void lyc__import_release(lyc__import *import); /* a zeroed one is fine */

#endif

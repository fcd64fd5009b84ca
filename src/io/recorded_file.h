/* Logits recorded by others: a script with h5py, `lyceum eval --logits`, or a bank. Layout and rules:
 * docs/files.md.
 *
 *   /logits [N,C] floats of any width, or a group with /logits/0 (the clean view), /logits/1, ...
 *   /id     [N] integers >= 0: which sample each row answers for. Required: without it nobody can know.
 *   /check  [N] u64, optional: XXH3-64 of the bytes of each sample, the proof that id and row belong together
 *   /later  as /logits, optional: the answers from step `changes_at_step` of a run on
 *   attributes, all optional: data_fingerprint, view_key, classes (names), unrelated_to_labels (1: the logits
 * are meant to have nothing to do with the labels), changes_at_step, delay_seconds, provenance (text)
 *
 * Rows stay in the file's order here; who they belong to is decided by teachers/recorded.c. */
#ifndef LYC_IO_RECORDED_FILE_H
#define LYC_IO_RECORDED_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lyceum/error.h"

typedef struct lyc__recorded_file {
    size_t rows;
    int classes;
    int views;              /* views read: the first ones, at most as many as asked for */
    float **logits;         /* [views] -> [rows, classes] */
    uint64_t *ids;          /* [rows] */
    uint64_t *checks;       /* [rows], or NULL */
    char **class_names;     /* [classes], one block, or NULL */
    bool unrelated_is_fine; /* as the attribute says; also for banks, whose rows Lyceum placed itself */
    char *data_fingerprint, *view_key; /* NULL where the file has none */
    float **later;                     /* as `logits`; NULL where the teacher stays what it is */
    uint64_t changes_at;               /* step from which `later` answers; 0 without */
    double delay_seconds;              /* before each answer; 0 to 3600 */
    char *provenance;                  /* how the file was made, or NULL */
} lyc__recorded_file;

/* Reads everything, of at most `views` views. LYC_EFORMAT: wrong shapes or types, no /id, as many names as
 * there are not classes, a bank that is not filled or whose checksums do not match. */
LYC_MUST_USE lyc_status lyc__recorded_file_read(lyc__recorded_file *out, const char *path, int views,
                                                lyc_error *err);
void lyc__recorded_file_release(lyc__recorded_file *file); /* zeroes it; a zeroed one is fine */

/* May `path` be written? LYC_EUSAGE where something else than logits that Lyceum wrote is in the way. Asked
 * again by lyc__recorded_file_write; to ask before the work spares the work. */
LYC_MUST_USE lyc_status lyc__recorded_file_check_target(const char *path, lyc_error *err);
/* Writes what `content` holds (recorded_writer.c); one view goes to /logits itself, several to
 * /logits/0, ... Whole or not there. */
LYC_MUST_USE lyc_status lyc__recorded_file_store(const char *path, const lyc__recorded_file *content,
                                                 lyc_error *err);
/* The same for one view; class_names, data_fingerprint and checks may be NULL. */
LYC_MUST_USE lyc_status lyc__recorded_file_write(const char *path, const float *logits, const uint64_t *ids,
                                                 const uint64_t *checks, size_t rows, int classes,
                                                 const char *const *class_names, const char *data_fingerprint,
                                                 lyc_error *err);

#endif

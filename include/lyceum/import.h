/* Importing: files of other tools become a data-set file (docs/files.md).
 *
 *     lyc_idx_files files = {"train-images.gz", "train-labels.gz", "t10k-images.gz", "t10k-labels.gz"};
 *     lyc_import_summary summary;
 *     status = lyc_data_import_idx(&files, "data.h5", NULL, &summary, &err);
 *
 * Rows are read and written in pieces: memory does not grow with the images. The data set is written under a
 * temporary name, synced and renamed, so that `out_path` holds all of it or what it held before.
 */
#ifndef LYCEUM_IMPORT_H
#define LYCEUM_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lyceum/dataset.h"

LYC_BEGIN_DECLS

/* idx files of unsigned bytes, plain or gzipped: images [N,H,W] or [N,C,H,W], labels [N]. The test pair may
 * be left out (both NULL); then the data set has no test part. */
typedef struct lyc_idx_files {
    const char *train_images, *train_labels;
    const char *test_images, *test_labels;
} lyc_idx_files;

typedef struct lyc_import_options {
    const char *const *class_names; /* [class_count], NULL = "0" to "9" */
    size_t class_count;
    const char *source; /* where the data comes from, and its licence: kept in the file; may be NULL */
    const char *licence;
    bool overwrite; /* replace an existing file, unless it is one of the inputs; without it that is LYC_EUSAGE
                     */
} lyc_import_options;

typedef struct lyc_import_summary {
    uint32_t train_rows, test_rows;
    int channels, height, width, classes;
    float mean[16], std[16]; /* [channels], over the train part, of x scaled to 0..1 */
    char fingerprint[LYC_FINGERPRINT_SIZE];
} lyc_import_summary;

/* Rows keep their order: the train part first, then the test part; ids count them from 0. `options` and `out`
 * may be NULL. LYC_EFORMAT names the file, and the byte or the row: wrong magic, cut off, trailing bytes,
 * damaged gzip, counts of images and labels that differ, images of another size than the train part's, a
 * label that has no class name. Shows progress (lyceum/log.h). */
LYC_API LYC_MUST_USE lyc_status lyc_data_import_idx(const lyc_idx_files *files, const char *out_path,
                                                    const lyc_import_options *options,
                                                    lyc_import_summary *out, lyc_error *err);

LYC_END_DECLS

#endif

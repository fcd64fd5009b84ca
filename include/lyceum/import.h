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

/* ---- the other kinds ---------------------------------------------------------------------------- */

/* What the two parts are made of: one or more files each, read in this order. Without test files the data set
 * has no test part. Every function below goes over them twice: the first time it checks and counts. A file
 * that changes in between is LYC_EFORMAT. */
typedef struct lyc_import_parts {
    const char *const *train;
    size_t train_count;
    const char *const *test;
    size_t test_count;
} lyc_import_parts;

/* Records of CIFAR-10 (one label byte, then 3,072 bytes: red, green and blue plane of 32 x 32) and of
 * CIFAR-100 (two label bytes, the coarse and the fine class). */
typedef enum lyc_cifar_labels { LYC_CIFAR10, LYC_CIFAR100_FINE, LYC_CIFAR100_COARSE } lyc_cifar_labels;

/* CIFAR's binary files, plain or gzipped. Without class names there are 10, 100 or 20 classes, called by
 * their numbers. LYC_EFORMAT names file, row and byte: a file that ends within a record, a label without a
 * class. */
LYC_API LYC_MUST_USE lyc_status lyc_data_import_cifar(const lyc_import_parts *files, lyc_cifar_labels labels,
                                                      const char *out_path, const lyc_import_options *options,
                                                      lyc_import_summary *out, lyc_error *err);

typedef enum lyc_csv_header {
    LYC_CSV_HEADER_AUTO, /* there is one when a word stands in the first line, in another column than the
                             label's */
    LYC_CSV_HEADER_PRESENT,
    LYC_CSV_HEADER_ABSENT
} lyc_csv_header;

typedef struct lyc_csv_options {
    lyc_csv_header header;
    const char *label; /* name of the column in the header, else its number from 0, or from the end as
                          -1, -2; NULL = -1 */
    bool unlabelled;   /* there is no label column; `label` is NULL */
    char delimiter;    /* 0 = ',' */
    int channels, height,
        width; /* the features of a row as an image, plane by plane; all 0 = one line of them */
} lyc_csv_options;

/* CSV files of numbers (RFC 4180, UTF-8 with or without byte-order mark, plain or gzipped): one row a sample,
 * a label column, every other column a feature; all files have the same columns. `csv` may be NULL. Features
 * that are all whole numbers from 0 to 255 are stored as bytes (and scaled by 1/255 as pixels are), others as
 * floats. An empty label is no label. Without class names the classes are the distinct labels of both parts,
 * in numeric order where all are whole numbers, else in the order of their bytes; with them a label is a
 * name, or else its number from 0. LYC_EFORMAT names file, line and column. */
LYC_API LYC_MUST_USE lyc_status lyc_data_import_csv(const lyc_import_parts *files, const lyc_csv_options *csv,
                                                    const char *out_path, const lyc_import_options *options,
                                                    lyc_import_summary *out, lyc_error *err);

/* Folders of images: `train` and `test` name roots that hold one folder a class with PNG or JPEG files in it.
 * All images have one size. `channels` is 1 (grey: 0.299 R + 0.587 G + 0.114 B), 3 (colour) or 0, as the
 * first image is: then another kind of image is LYC_EFORMAT. 16 bits are scaled to 8; palettes become
 * colours; an alpha channel must be opaque. Classes are the folders of the train part in the order of their
 * bytes, or the class names, which then name folders; rows are in the order of classes, and of file names
 * within one. Names that start with a dot are passed over, other files with a warning. LYC_EFORMAT names the
 * file: damaged or cut off, of another size, a folder that is no class or holds no image. */
LYC_API LYC_MUST_USE lyc_status lyc_data_import_images(const lyc_import_parts *folders, int channels,
                                                       const char *out_path,
                                                       const lyc_import_options *options,
                                                       lyc_import_summary *out, lyc_error *err);

LYC_END_DECLS

#endif

/* The bank's file: logits of all rows in all views, block by block, with a flag and a checksum a block.
 *
 * HDF5 makes the file, whole, under a temporary name, and checks it on opening. From then on nothing in it
 * moves: the data sets are contiguous, and blocks are read and overwritten at their offsets with plain system
 * calls. So a kill at any moment leaves a valid HDF5 file, no flush is ever pending, several processes and
 * threads see each other's blocks, and h5py can look on while a bank is filled. Layout: docs/files.md.
 *
 * One process at a time holds <path>.lock and may write; the others are readers. */
#ifndef LYC_IO_BANK_FILE_H
#define LYC_IO_BANK_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lyceum/dataset.h"
#include "lyceum/network.h"

#define LYC__BANK_FORMAT    "lyceum bank 1"
#define LYC__BANK_MAX_VIEWS 65536

#define LYC__BANK_PRECISION_SIZE 8

/* Everything that must be the same for the logits to be the same. */
typedef struct lyc__bank_key {
    char data_fingerprint[LYC_FINGERPRINT_SIZE], teacher_fingerprint[LYC_FINGERPRINT_SIZE];
    char view_key[LYC_VIEW_KEY_SIZE];
    char precision[LYC__BANK_PRECISION_SIZE]; /* "f32"; part of the teacher's fingerprint too */
    uint64_t views, rows, classes, block_rows;
} lyc__bank_key;

/* What a new file says besides, for its readers. */
typedef struct lyc__bank_about {
    const char *teacher;   /* its name */
    const uint64_t *ids;   /* [rows] */
    lyc_logit_error error; /* of the precision; rows 0 = none was measured */
} lyc__bank_about;

/* The key in one word: XXH3-128 of its text. */
void lyc__bank_key_hash(const lyc__bank_key *key, char out[LYC_FINGERPRINT_SIZE]);
/* Checksum of a block as stored: XXH3-64 with a seed that tells view and block, so that a whole block in the
 * wrong place does not pass either. */
uint64_t lyc__bank_checksum(uint64_t view, uint64_t block, const float *values, size_t count);

typedef struct lyc__bank_file lyc__bank_file;

/* Opens the file of this key, or makes it.
 * LYC_EMISMATCH if the file has another key: both are shown. LYC_EFORMAT: damaged. LYC_EIO: a full disk, no
 * permission. */
LYC_MUST_USE lyc_status lyc__bank_file_open(lyc__bank_file **out, const char *path, const lyc__bank_key *key,
                                            const lyc__bank_about *about, lyc_error *err);
/* Syncs what was written. The object is gone either way. NULL is fine. */
LYC_MUST_USE lyc_status lyc__bank_file_close(lyc__bank_file *file, lyc_error *err);

bool lyc__bank_file_writable(const lyc__bank_file *file);
const char *lyc__bank_file_path(const lyc__bank_file *file);
/* Blocks of a view, and rows of one of them (the last may be shorter). */
uint64_t lyc__bank_file_blocks(const lyc__bank_key *key);
uint64_t lyc__bank_file_block_rows(const lyc__bank_key *key, uint64_t block);
/* Blocks of all views whose flag is set, counted now. */
LYC_MUST_USE lyc_status lyc__bank_file_filled(lyc__bank_file *file, uint64_t *out, lyc_error *err);

typedef enum lyc__bank_block {
    LYC__BANK_BLOCK_MISSING,
    LYC__BANK_BLOCK_DAMAGED, /* flagged as filled, but the checksum does not match: worth nothing */
    LYC__BANK_BLOCK_WHOLE
} lyc__bank_block;

/* Reads a block into out[rows of the block, classes], which is worth something only when it is whole. The
 * first damaged block draws a warning. Thread-safe; so is writing. */
LYC_MUST_USE lyc_status lyc__bank_file_read(lyc__bank_file *file, uint64_t view, uint64_t block, float *out,
                                            lyc__bank_block *found, lyc_error *err);
/* Stores a block; only when writable. */
LYC_MUST_USE lyc_status lyc__bank_file_write(lyc__bank_file *file, uint64_t view, uint64_t block,
                                             const float *values, lyc_error *err);

#endif

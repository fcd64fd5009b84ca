/* The HDF5 side of the bank's file: making it whole, and finding where things lie in it. */
#ifndef LYC_IO_BANK_LAYOUT_H
#define LYC_IO_BANK_LAYOUT_H

#include "io/bank_file.h"

/* Where the data sets of one view begin, in bytes from the start of the file. */
typedef struct lyc__bank_place {
    uint64_t logits, filled, checksum;
} lyc__bank_place;

/* Makes `path` under a temporary name, with every block unfilled and the space taken; then renames it. The
 * caller holds the lock. */
LYC_MUST_USE lyc_status lyc__bank_layout_create(const char *path, const lyc__bank_key *key,
                                                const lyc__bank_about *about, lyc_error *err);
/* Checks the key and every shape, fills places[key->views]. */
LYC_MUST_USE lyc_status lyc__bank_layout_read(lyc__bank_place *places, const char *path,
                                              const lyc__bank_key *key, lyc_error *err);

#endif

/* Making sure of disk space before HDF5 needs it: HDF5 cannot close a file that it could not write. */
#ifndef LYC_IO_RESERVE_H
#define LYC_IO_RESERVE_H

#include <stdint.h>

#include "lyceum/error.h"

/* Creates or empties `path` and takes `bytes` of disk for it, which HDF5 then gets when it creates the file.
 * LYC_EIO says how much was wanted, why it is not to be had, and, besides freeing some, what else helps
 * (`alternative`). A file system that cannot reserve is taken at its word; the caller removes the file after
 * a failure. */
LYC_MUST_USE lyc_status lyc__file_reserve(const char *path, uint64_t bytes, const char *alternative,
                                          lyc_error *err);

#endif

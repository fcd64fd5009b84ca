/* A new HDF5 file that appears whole or not at all: written under a temporary name, through the driver that
 * outlives a full disk (hdf5_disk.h), synced, renamed.
 *
 *     lyc__h5_output output;
 *     LYC_TRY(lyc__h5_output_open(&output, path, &err));
 *     ... write to output.file, asking lyc__h5_output_check after large pieces ...
 *     status = lyc__h5_output_publish(&output, &err);
 *     lyc__h5_output_close(&output);   // in any case; without a publish nothing is left
 */
#ifndef LYC_IO_HDF5_OUTPUT_H
#define LYC_IO_HDF5_OUTPUT_H

#include "io/hdf5_disk.h"
#include "io/hdf5_util.h"

typedef struct lyc__h5_output {
    hid_t file;
    const char *path; /* the caller's, must outlive it */
    char *temporary;  /* NULL once published */
    lyc__h5_disk *disk;
    hid_t access;
} lyc__h5_output;

/* On failure nothing has to be closed. */
LYC_MUST_USE lyc_status lyc__h5_output_open(lyc__h5_output *out, const char *path, lyc_error *err);
/* LYC_EIO with the system's reason once a write has failed. HDF5's own calls do not fail then. */
LYC_MUST_USE lyc_status lyc__h5_output_check(const lyc__h5_output *output, lyc_error *err);
/* Everything but the file itself must have been released. */
LYC_MUST_USE lyc_status lyc__h5_output_publish(lyc__h5_output *output, lyc_error *err);
void lyc__h5_output_close(lyc__h5_output *output);

#endif

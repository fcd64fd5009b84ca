#include "io/hdf5_output.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fileio.h"
#include "lyceum/memory.h"

static lyc_status open_file(lyc__h5_output *out, lyc_error *err) {
    LYC_TRY(lyc__file_temporary(&out->temporary, out->path, err));
    LYC_TRY(lyc__h5_disk_open(&out->disk, &out->access, err));
    /* structures with checksums, in the oldest format that has them */
    H5Pset_libver_bounds(out->access, H5F_LIBVER_V18, H5F_LIBVER_LATEST);
    if (lyc__h5_create(&out->file, out->temporary, out->access, err) == LYC_OK) return LYC_OK;
    int error = lyc__h5_disk_error(out->disk);
    LYC_FAIL(err, error == ENOMEM ? LYC_ENOMEM : LYC_EIO, "%s: cannot create this file: %s", out->path,
             strerror(error));
}

lyc_status lyc__h5_output_open(lyc__h5_output *out, const char *path, lyc_error *err) {
    *out = (lyc__h5_output){.file = LYC__H5_NONE, .path = path, .access = LYC__H5_NONE};
    lyc_status status = open_file(out, err);
    if (status != LYC_OK) lyc__h5_output_close(out);
    return status;
}

lyc_status lyc__h5_output_check(const lyc__h5_output *output, lyc_error *err) {
    int error = lyc__h5_disk_error(output->disk);
    if (error == 0) return LYC_OK;
    LYC_FAIL(err, LYC_EIO, "%s: cannot be written: %s", output->path, strerror(error));
}

lyc_status lyc__h5_output_publish(lyc__h5_output *output, lyc_error *err) {
    lyc_status status = lyc__h5_close(&output->file, err);
    LYC_TRY(lyc__h5_output_check(output, err)); /* the plainer message of the two */
    LYC_TRY(status);
    LYC_TRY(lyc__replace_file(output->temporary, output->path, err));
    lyc_free(output->temporary);
    output->temporary = NULL;
    return LYC_OK;
}

void lyc__h5_output_close(lyc__h5_output *output) {
    lyc__h5_release(&output->file);
    lyc__h5_release(&output->access);
    lyc__h5_disk_close(output->disk);
    output->disk = NULL;
    if (output->temporary) unlink(output->temporary);
    lyc_free(output->temporary);
    output->temporary = NULL;
}

#include "io/versions.h"

#include <hdf5.h>
#include <stdio.h>
#include <zlib.h>

void lyc__hdf5_version(char out[LYC__VERSION_SIZE]) {
    unsigned major = 0, minor = 0, release = 0;
    H5get_libversion(&major, &minor, &release);
    snprintf(out, LYC__VERSION_SIZE, "%u.%u.%u", major, minor, release);
}

bool lyc__hdf5_is_threadsafe(void) {
    hbool_t safe = false;
    return H5is_library_threadsafe(&safe) >= 0 && safe;
}

void lyc__zlib_version(char out[LYC__VERSION_SIZE]) {
    snprintf(out, LYC__VERSION_SIZE, "%s", zlibVersion());
}

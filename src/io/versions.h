/* Versions of the libraries that this part uses, as loaded (not as compiled against). */
#ifndef LYCEUM_IO_VERSIONS_H
#define LYCEUM_IO_VERSIONS_H

#include <stdbool.h>

#include "base/versions.h"

void lyc__hdf5_version(char out[LYC__VERSION_SIZE]); /* "1.10.8" */
/* Calls from several threads are safe, one at a time: banks are filled while the run file is written. */
bool lyc__hdf5_is_threadsafe(void);
void lyc__zlib_version(char out[LYC__VERSION_SIZE]);

#endif

/* Versions of the libraries that this part uses; OpenBLAS names its own (lyceum/blas.h). */
#ifndef LYCEUM_NN_VERSIONS_H
#define LYCEUM_NN_VERSIONS_H

#include <stdbool.h>

#include "base/versions.h"
#include "lyceum/error.h"

/* As compiled against: the library does not tell. */
void lyc__sleef_version(char out[LYC__VERSION_SIZE]);

/* Version and instruction set ("avx512_core_amx") of the oneDNN that is loaded; false in a build without. */
bool lyc__onednn_version(char out[LYC__VERSION_SIZE], const char **isa);

/* LYC_EENVIRONMENT where the oneDNN that is loaded cannot be held to one thread. */
LYC_MUST_USE lyc_status lyc__onednn_check(lyc_error *err);

#endif

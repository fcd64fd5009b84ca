/* Versions of the libraries that this part uses, as loaded (not as compiled against). */
#ifndef LYCEUM_BASE_VERSIONS_H
#define LYCEUM_BASE_VERSIONS_H

#include <stddef.h>

#define LYC__VERSION_SIZE 48

void lyc__xxhash_version(char out[LYC__VERSION_SIZE]); /* "0.8.1" */

#endif

/* Versions of the libraries that this part uses, as loaded (not as compiled against). */
#ifndef LYCEUM_CONFIG_VERSIONS_H
#define LYCEUM_CONFIG_VERSIONS_H

#include "base/versions.h"

void lyc__cjson_version(char out[LYC__VERSION_SIZE]);

#endif

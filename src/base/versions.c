#include "base/versions.h"

#include <stdio.h>
#include <xxhash.h>

void lyc__xxhash_version(char out[LYC__VERSION_SIZE]) {
    unsigned number = XXH_versionNumber();
    snprintf(out, LYC__VERSION_SIZE, "%u.%u.%u", number / 10000, number / 100 % 100, number % 100);
}

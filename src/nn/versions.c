#include "nn/versions.h"

#include <sleef.h>
#include <stdio.h>

void lyc__sleef_version(char out[LYC__VERSION_SIZE]) {
    snprintf(out, LYC__VERSION_SIZE, "%d.%d.%d", SLEEF_VERSION_MAJOR, SLEEF_VERSION_MINOR,
             SLEEF_VERSION_PATCHLEVEL);
}

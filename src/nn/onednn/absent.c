/* What the rest of the engine sees of this folder in a build without oneDNN. */
#include "nn/versions.h"

bool lyc__onednn_version(char out[LYC__VERSION_SIZE], const char **isa) {
    out[0] = '\0';
    *isa = "";
    return false;
}

/* What the rest of the engine sees of this folder in a build without oneDNN. */
#include "nn/convolution.h"
#include "nn/versions.h"

bool lyc__onednn_version(char out[LYC__VERSION_SIZE], const char **isa) {
    out[0] = '\0';
    *isa = "";
    return false;
}

static bool takes(const lyc__node *node) {
    (void)node;
    return false;
}

static lyc_status prepare(const lyc__setup *setup, lyc__convolution_prepared **out, lyc_error *err) {
    (void)setup;
    (void)err;
    *out = NULL;
    return LYC_OK;
}

const lyc__convolution lyc__convolution_onednn = {.name = "absent", .takes = takes, .prepare = prepare};

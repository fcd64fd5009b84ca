/* What the rest of the engine sees of this folder in a build without oneDNN. */
#include "nn/convolution.h"
#include "nn/frozen.h"
#include "nn/versions.h"

bool lyc__onednn_version(char out[LYC__VERSION_SIZE], const char **isa) {
    out[0] = '\0';
    *isa = "";
    return false;
}

lyc_status lyc__onednn_check(lyc_error *err) {
    (void)err;
    return LYC_OK;
}

static bool never(const lyc__node *node, lyc_precision precision) {
    (void)node;
    (void)precision;
    return false;
}

const lyc__frozen_kernel lyc__frozen_conv2d_onednn = {.name = "absent", .takes = never};
const lyc__frozen_kernel lyc__frozen_linear_onednn = {.name = "absent", .takes = never};

lyc_status lyc__frozen_check_bf16(lyc_error *err) {
    LYC_FAIL(err, LYC_EENVIRONMENT,
             "precision bf16 needs oneDNN, which this build lacks; use f32, or install it (Debian: "
             "libdnnl-dev) and build again");
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

/* A model file: an architecture with its parameters and all that is needed to use it on raw data.
 * HDF5: /config (JSON text), /params/<PyTorch name>; attributes: format, fingerprint, provenance. */
#ifndef LYCEUM_MODEL_H
#define LYCEUM_MODEL_H

#include "lyceum/dataset.h"
#include "lyceum/network.h"

LYC_BEGIN_DECLS

typedef struct lyc_model {
    lyc_network *network;
    float *params;             /* lyc_network_size(network) floats */
    lyc_preprocess preprocess;
    int class_count;
    char **class_names;        /* [class_count] */
    char *provenance;          /* JSON text: how it was made; "{}" if unknown */
    char fingerprint[LYC_FINGERPRINT_SIZE]; /* XXH3-128 over arch, preprocessing, class names, parameters */
} lyc_model;

/* Takes ownership of nothing; copies what it is given. */
LYC_API LYC_MUST_USE lyc_status lyc_model_create(lyc_model **out, const lyc_network_spec *spec,
                                                 const lyc_dataset *data, lyc_error *err);
LYC_API void lyc_model_destroy(lyc_model *model);
/* Written to a temporary file beside `path`, synced, renamed. Updates model->fingerprint. */
LYC_API LYC_MUST_USE lyc_status lyc_model_save(lyc_model *model, const char *path, lyc_error *err);
LYC_API LYC_MUST_USE lyc_status lyc_model_load(lyc_model **out, const char *path, lyc_error *err);

LYC_END_DECLS

#endif

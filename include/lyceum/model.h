/* A model file: an architecture with its parameters and all that is needed to use it on raw data.
 *
 *     lyc_model *model;
 *     if (lyc_model_load(&model, "student.h5", &err) != LYC_OK) return report(&err);
 *     ... lyc_workspace_create(&workspace, model->network, LYC_MODE_INFER, ...), model->params ...
 *     lyc_model_destroy(model);
 *
 * HDF5 (docs/files.md): /params/<name> f32 with the names and the order that PyTorch uses for that
 * architecture, so that a state dict can be written with h5py and loaded here, and the reverse; attributes
 * with the sizes, preprocessing, class names, provenance and fingerprint; /config, the same as JSON.
 *
 * Thread-safety: a model is a plain record; whoever changes it sees to it that nobody reads it meanwhile.
 */
#ifndef LYCEUM_MODEL_H
#define LYCEUM_MODEL_H

#include "lyceum/dataset.h"
#include "lyceum/network.h"

LYC_BEGIN_DECLS

typedef struct lyc_model {
    lyc_network *network;
    float *params; /* lyc_network_size(network) floats */
    lyc_preprocess preprocess;
    int class_count;
    char **class_names; /* [class_count]; one block, released with the model */
    char *provenance;   /* JSON text: how it was made; "{}" if unknown. To replace it: lyc_free, lyc_strdup */
    char fingerprint[LYC_FINGERPRINT_SIZE]; /* XXH3-128 over arch, preprocessing, class names, parameters; ""
                                               before the first save */
} lyc_model;

/* A network for that data set, with its preprocessing and class names; parameters are 0 (lyc_network_init
 * sets them). Sizes of `spec` that are 0 are filled in; others must be the data's (LYC_EMISMATCH). Copies
 * what it is given. */
LYC_API LYC_MUST_USE lyc_status lyc_model_create(lyc_model **out, const lyc_network_spec *spec,
                                                 const lyc_dataset *data, lyc_error *err);
LYC_API void lyc_model_destroy(lyc_model *model); /* NULL is fine */

/* Written to a temporary file beside `path`, synced, renamed: `path` holds all of it or what it held before.
 * Updates model->fingerprint. LYC_ENUMERIC: a parameter that is not finite, by name. LYC_EIO: the disk. */
LYC_API LYC_MUST_USE lyc_status lyc_model_save(lyc_model *model, const char *path, lyc_error *err);

/* Checks everything: format, sizes, every parameter's shape and type, finite values, and the content against
 * the fingerprint that the file states (LYC_EFORMAT with both). A file without a fingerprint was made by hand
 * and gets the one of its content. */
LYC_API LYC_MUST_USE lyc_status lyc_model_load(lyc_model **out, const char *path, lyc_error *err);

LYC_END_DECLS

#endif

/* What a model file says of networks that are made of stages and blocks: attributes `depth`, `shortcut` and
 * `blocks`, each there only where the network's spec has it. */
#ifndef LYCEUM_IO_MODEL_LAYERS_H
#define LYCEUM_IO_MODEL_LAYERS_H

#include "base/hash.h"
#include "base/json_writer.h"
#include "io/hdf5_util.h"
#include "lyceum/network.h"

/* Adds nothing for a spec without. */
void lyc__model_layers_hash(const lyc_network_spec *spec, lyc__hash *hash);
void lyc__model_layers_json(const lyc_network_spec *spec, lyc__json *json);
LYC_MUST_USE lyc_status lyc__model_layers_write(const lyc_network_spec *spec, hid_t file, lyc_error *err);
/* LYC_EFORMAT for values that no network has. */
LYC_MUST_USE lyc_status lyc__model_layers_read(lyc_network_spec *spec, hid_t file, lyc_error *err);

#endif

/* Opening a data set, and looking at it. */
#include "lyceum/dataset.h"

#include <string.h>

#include "base/hash.h"
#include "data/data.h"
#include "lyceum/memory.h"

_Static_assert(sizeof((lyc_preprocess *)0)->mean == LYC__DATASET_MAX_CHANNELS * sizeof(float),
               "a data set's channels fit into a preprocessing");

lyc_status lyc_dataset_open(lyc_dataset **out, const char *path, lyc_error *err) {
    lyc_dataset *data = NULL;
    *out = NULL;
    LYC_TRY(LYC_NEW_ARRAY(data, 1, err));
    lyc_status status = lyc__dataset_read(&data->content, path, err);
    if (status == LYC_OK && !(data->path = lyc_strdup(path)))
        status = LYC_ERROR(err, LYC_ENOMEM, "%s: no memory for the path", path);
    if (status != LYC_OK) {
        lyc_dataset_close(data);
        return status;
    }
    *out = data;
    return LYC_OK;
}

void lyc_dataset_close(lyc_dataset *data) {
    if (!data) return;
    lyc__dataset_release(&data->content);
    lyc_free(data->path);
    lyc_free(data);
}

const char *lyc_dataset_path(const lyc_dataset *data) {
    return data->path;
}

size_t lyc_dataset_rows(const lyc_dataset *data) {
    return data->content.rows;
}

int lyc_dataset_classes(const lyc_dataset *data) {
    return data->content.class_count;
}

const char *lyc_dataset_class_name(const lyc_dataset *data, int class_index) {
    return data->content.class_names[class_index];
}

const char *lyc_dataset_fingerprint(const lyc_dataset *data) {
    return data->content.fingerprint;
}

void lyc_dataset_shape(const lyc_dataset *data, int *channels, int *height, int *width) {
    *channels = data->content.channels;
    *height = data->content.height;
    *width = data->content.width;
}

const float *lyc_dataset_mean(const lyc_dataset *data) {
    return data->content.mean;
}

const float *lyc_dataset_std(const lyc_dataset *data) {
    return data->content.std;
}

const int32_t *lyc_dataset_labels(const lyc_dataset *data) {
    return data->content.labels;
}

const uint64_t *lyc_dataset_ids(const lyc_dataset *data) {
    return data->content.ids;
}

const uint8_t *lyc_dataset_parts(const lyc_dataset *data) {
    return data->content.parts;
}

uint64_t lyc_dataset_row_checksum(const lyc_dataset *data, size_t row) {
    size_t bytes = lyc__dataset_row_bytes(&data->content);
    return lyc__hash64((const char *)data->content.x + row * bytes, bytes);
}

void lyc_preprocess_of(const lyc_dataset *data, lyc_preprocess *out) {
    memset(out, 0, sizeof *out); /* whole, so that it can be compared and hashed */
    out->channels = data->content.channels;
    size_t bytes = (size_t)out->channels * sizeof(float);
    memcpy(out->mean, data->content.mean, bytes);
    memcpy(out->std, data->content.std, bytes);
}

const char *lyc_split_name(lyc_split split) {
    static const char *const names[LYC_SPLIT_COUNT] = {"train", "reward", "valid", "test"};
    return split >= 0 && split < LYC_SPLIT_COUNT ? names[split] : "unknown";
}

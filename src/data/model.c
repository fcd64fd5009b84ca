/* A model for a data set. */
#include "lyceum/model.h"

#include <string.h>

#include "lyceum/memory.h"

/* Sizes left at 0 come from the data; others must be the data's. */
static lyc_status take_size(int *size, int of_data, const char *what, const lyc_dataset *data,
                            lyc_error *err) {
    if (*size != 0 && *size != of_data)
        LYC_FAIL(err, LYC_EMISMATCH, "%s: has %s %d, but the network is made for %d", lyc_dataset_path(data),
                 what, of_data, *size);
    *size = of_data;
    return LYC_OK;
}

static lyc_status fill_spec(lyc_network_spec *spec, const lyc_dataset *data, lyc_error *err) {
    int channels, height, width;
    lyc_dataset_shape(data, &channels, &height, &width);
    LYC_TRY(take_size(&spec->channels, channels, "channels", data, err));
    LYC_TRY(take_size(&spec->height, height, "height", data, err));
    LYC_TRY(take_size(&spec->width, width, "width", data, err));
    return take_size(&spec->classes, lyc_dataset_classes(data), "classes", data, err);
}

/* One block: the pointers, and behind them the texts. */
static lyc_status copy_class_names(lyc_model *model, const lyc_dataset *data, lyc_error *err) {
    size_t count = (size_t)lyc_dataset_classes(data), bytes = count * sizeof(char *);
    for (int c = 0; c < (int)count; c++) bytes += strlen(lyc_dataset_class_name(data, c)) + 1;
    LYC_TRY(lyc_allocate((void **)&model->class_names, bytes, 1, "class names", err));
    char *text = (char *)(model->class_names + count);
    for (int c = 0; c < (int)count; c++) {
        size_t size = strlen(lyc_dataset_class_name(data, c)) + 1;
        model->class_names[c] = memcpy(text, lyc_dataset_class_name(data, c), size);
        text += size;
    }
    model->class_count = (int)count;
    return LYC_OK;
}

static lyc_status fill_model(lyc_model *model, const lyc_network_spec *spec, const lyc_dataset *data,
                             lyc_error *err) {
    lyc_network_spec filled = *spec;
    LYC_TRY(fill_spec(&filled, data, err));
    LYC_TRY(lyc_network_create(&model->network, &filled, err));
    LYC_TRY(lyc_allocate((void **)&model->params, lyc_network_size(model->network), sizeof(float),
                         "parameters", err));
    LYC_TRY(copy_class_names(model, data, err));
    lyc_preprocess_of(data, &model->preprocess);
    model->provenance = lyc_strdup("{}");
    if (!model->provenance) LYC_FAIL(err, LYC_ENOMEM, "no memory for the model's provenance");
    return LYC_OK;
}

lyc_status lyc_model_create(lyc_model **out, const lyc_network_spec *spec, const lyc_dataset *data,
                            lyc_error *err) {
    lyc_model *model = NULL;
    *out = NULL;
    LYC_TRY(LYC_NEW_ARRAY(model, 1, err));
    lyc_status status = fill_model(model, spec, data, err);
    if (status != LYC_OK) lyc_model_destroy(model);
    else *out = model;
    return status;
}

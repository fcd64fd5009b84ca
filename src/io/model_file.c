/* The model file (docs/files.md). What the loader needs is in attributes, which any HDF5 tool reads; /config
 * says the same as JSON, for people and for programs in other languages. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/json_writer.h"
#include "io/dataset_file.h"
#include "io/hdf5_output.h"
#include "io/model_layers.h"
#include "lyceum/memory.h"
#include "lyceum/model.h"

#define MODEL_FORMAT     "lyceum model 1"
#define TEXT_LIMIT       65536
#define PROVENANCE_LIMIT ((size_t)16 << 20)
#define MAX_WIDTH        (1 << 24) /* of a hidden layer */

void lyc_model_destroy(lyc_model *model) {
    if (!model) return;
    lyc_network_destroy(model->network);
    lyc_free(model->params);
    lyc_free(model->class_names);
    lyc_free(model->provenance);
    lyc_free(model);
}

/* ---- what is hashed ----------------------------------------------------------------------------- */

static void hash_network(lyc__hash *hash, const lyc_model *model) {
    char line[256], number[LYC__NUMBER_SIZE];
    const lyc_network_spec *spec = lyc_network_get_spec(model->network);
    lyc__number_format(spec->dropout, number);
    int size = snprintf(line, sizeof line, "%s arch=%.64s channels=%d height=%d width=%d dropout=%s hidden",
                        MODEL_FORMAT, spec->arch, spec->channels, spec->height, spec->width, number);
    lyc__hash_update(hash, line, (size_t)size);
    for (int i = 0; i < spec->hidden_count; i++) {
        size = snprintf(line, sizeof line, " %d", spec->hidden[i]);
        lyc__hash_update(hash, line, (size_t)size);
    }
    lyc__model_layers_hash(spec, hash);
    lyc__hash_update(hash, "\n", 1);
    size_t bytes = (size_t)model->preprocess.channels * sizeof(float);
    lyc__hash_update(hash, model->preprocess.mean, bytes);
    lyc__hash_update(hash, model->preprocess.std, bytes);
    for (int c = 0; c < model->class_count; c++)
        lyc__hash_update(hash, model->class_names[c], strlen(model->class_names[c]) + 1);
}

static void hash_parameter(lyc__hash *hash, const lyc_parameter *parameter, const float *values) {
    lyc__hash_update(hash, parameter->name, strlen(parameter->name) + 1);
    lyc__hash_update(hash, parameter->dims, (size_t)parameter->rank * sizeof *parameter->dims);
    lyc__hash_update(hash, values, parameter->size * sizeof *values);
}

/* ---- parameters, one at a time ------------------------------------------------------------------ */

static lyc_status allocate_largest(const lyc_network *network, float **out, lyc_error *err) {
    size_t largest = 1;
    for (size_t i = 0; i < lyc_network_parameter_count(network); i++)
        if (lyc_network_parameter(network, i)->size > largest)
            largest = lyc_network_parameter(network, i)->size;
    return lyc_allocate((void **)out, largest, sizeof **out, "a parameter of the model", err);
}

static lyc_status check_finite(const char *path, const lyc_parameter *parameter, const float *values,
                               lyc_error *err) {
    for (size_t i = 0; i < parameter->size; i++)
        if (!isfinite(values[i]))
            LYC_FAIL(err, LYC_ENUMERIC,
                     "%s: parameter '%s' holds a number that is not finite (%g at position %zu)", path,
                     parameter->name, (double)values[i], i);
    return LYC_OK;
}

/* "params/fc1.weight" */
#define NAME_SIZE 256
static const char *name_in_file(const lyc_parameter *parameter, char out[NAME_SIZE]) {
    snprintf(out, NAME_SIZE, "params/%s", parameter->name);
    return out;
}

static void dims_in_file(const lyc_parameter *parameter, uint64_t out[4]) {
    for (int i = 0; i < parameter->rank; i++) out[i] = (uint64_t)parameter->dims[i];
}

/* ---- saving ------------------------------------------------------------------------------------- */

static lyc_status write_params(const lyc_model *model, hid_t file, const char *path, char *fingerprint,
                               lyc_error *err) {
    lyc_status status;
    lyc__hash hash;
    float *values = NULL;
    char name[NAME_SIZE];
    uint64_t dims[4];
    LYC_TRY(allocate_largest(model->network, &values, err));
    lyc__hash_start(&hash);
    hash_network(&hash, model);
    for (size_t i = 0; i < lyc_network_parameter_count(model->network); i++) {
        const lyc_parameter *parameter = lyc_network_parameter(model->network, i);
        lyc_network_export(model->network, i, model->params, values);
        LYC_TRY_GOTO(check_finite(path, parameter, values, err));
        hash_parameter(&hash, parameter, values);
        dims_in_file(parameter, dims);
        LYC_TRY_GOTO(lyc__h5_write_dataset(file, name_in_file(parameter, name), H5T_IEEE_F32LE,
                                           H5T_NATIVE_FLOAT, parameter->rank, dims, values, err));
    }
    lyc__hash_finish_hex(&hash, fingerprint);
    status = LYC_OK;
done:
    lyc_free(values);
    return status;
}

static lyc_status write_spec(const lyc_model *model, hid_t file, lyc_error *err) {
    const lyc_network_spec *spec = lyc_network_get_spec(model->network);
    const struct {
        const char *name;
        int value;
    } sizes[] = {{"channels", spec->channels}, {"height", spec->height}, {"width", spec->width}};
    LYC_TRY(lyc__h5_write_text_attribute(file, "arch", spec->arch, err));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int64_t value = sizes[i].value;
        LYC_TRY(lyc__h5_write_attribute(file, sizes[i].name, H5T_NATIVE_INT64, &value, 1, true, err));
    }
    LYC_TRY(lyc__model_layers_write(spec, file, err));
    int64_t hidden[LYC_MAX_HIDDEN];
    for (int i = 0; i < spec->hidden_count; i++) hidden[i] = spec->hidden[i];
    LYC_TRY(lyc__h5_write_attribute(file, "hidden", H5T_NATIVE_INT64, hidden, (size_t)spec->hidden_count,
                                    false, err));
    return lyc__h5_write_attribute(file, "dropout", H5T_NATIVE_DOUBLE, &spec->dropout, 1, true, err);
}

static lyc_status write_attributes(const lyc_model *model, hid_t file, const char *fingerprint,
                                   lyc_error *err) {
    size_t channels = (size_t)model->preprocess.channels;
    LYC_TRY(lyc__h5_write_text_attribute(file, "format", MODEL_FORMAT, err));
    LYC_TRY(write_spec(model, file, err));
    LYC_TRY(lyc__h5_write_attribute(file, "mean", H5T_NATIVE_FLOAT, model->preprocess.mean, channels, false,
                                    err));
    LYC_TRY(
        lyc__h5_write_attribute(file, "std", H5T_NATIVE_FLOAT, model->preprocess.std, channels, false, err));
    LYC_TRY(lyc__h5_write_texts_attribute(file, "classes", (const char *const *)model->class_names,
                                          (size_t)model->class_count, err));
    LYC_TRY(
        lyc__h5_write_text_attribute(file, "provenance", model->provenance ? model->provenance : "{}", err));
    return lyc__h5_write_text_attribute(file, "fingerprint", fingerprint, err);
}

static void write_numbers(lyc__json *json, const char *key, const float *values, int count) {
    lyc__json_array_inline(json, key);
    for (int i = 0; i < count; i++) lyc__json_number(json, NULL, (double)values[i]);
    lyc__json_end(json);
}

static lyc_status write_config(const lyc_model *model, hid_t file, lyc_error *err) {
    const lyc_network_spec *spec = lyc_network_get_spec(model->network);
    char *text = NULL;
    lyc__json json;
    lyc__json_start(&json, true);
    lyc__json_object(&json, NULL);
    lyc__json_text(&json, "format", MODEL_FORMAT);
    lyc__json_text(&json, "arch", spec->arch);
    lyc__json_integer(&json, "channels", spec->channels);
    lyc__json_integer(&json, "height", spec->height);
    lyc__json_integer(&json, "width", spec->width);
    lyc__json_array_inline(&json, "hidden");
    for (int i = 0; i < spec->hidden_count; i++) lyc__json_integer(&json, NULL, spec->hidden[i]);
    lyc__json_end(&json);
    lyc__json_number(&json, "dropout", spec->dropout);
    lyc__model_layers_json(spec, &json);
    write_numbers(&json, "mean", model->preprocess.mean, model->preprocess.channels);
    write_numbers(&json, "std", model->preprocess.std, model->preprocess.channels);
    lyc__json_array(&json, "classes");
    for (int c = 0; c < model->class_count; c++) lyc__json_text(&json, NULL, model->class_names[c]);
    lyc__json_end(&json);
    lyc__json_end(&json);
    LYC_TRY(lyc__json_finish(&json, &text, err));
    lyc_status status = lyc__h5_write_text(file, "config", text, err);
    lyc_free(text);
    return status;
}

lyc_status lyc_model_save(lyc_model *model, const char *path, lyc_error *err) {
    lyc_status status;
    lyc__h5_output output;
    char fingerprint[LYC_FINGERPRINT_SIZE];
    LYC_TRY(lyc__h5_output_open(&output, path, err));
    LYC_TRY_GOTO(write_params(model, output.file, path, fingerprint, err));
    LYC_TRY_GOTO(write_config(model, output.file, err));
    LYC_TRY_GOTO(write_attributes(model, output.file, fingerprint, err));
    LYC_TRY_GOTO(lyc__h5_output_publish(&output, err));
    memcpy(model->fingerprint, fingerprint, sizeof fingerprint);
done:
    lyc__h5_output_close(&output);
    return status;
}

/* ---- loading ------------------------------------------------------------------------------------ */

static lyc_status check_format(hid_t file, lyc_error *err) {
    char *format = NULL;
    LYC_TRY(lyc__h5_read_text_attribute(file, "format", TEXT_LIMIT, &format, err));
    lyc_status status = LYC_OK;
    if (strcmp(format, MODEL_FORMAT) != 0)
        status = lyc__h5_fail(err, LYC_EFORMAT, file, "is a '%.64s'; a model ('%s') was expected", format,
                              MODEL_FORMAT);
    lyc_free(format);
    return status;
}

static lyc_status read_size(int *out, hid_t file, const char *name, uint64_t limit, lyc_error *err) {
    uint64_t value;
    LYC_TRY(lyc__h5_read_u64_attribute(file, name, &value, err));
    if (value < 1 || value > limit)
        return lyc__h5_fail(err, LYC_EFORMAT, file,
                            "attribute '%s' is %" PRIu64 "; 1 to %" PRIu64 " are possible", name, value,
                            limit);
    *out = (int)value;
    return LYC_OK;
}

static lyc_status read_hidden(lyc_network_spec *spec, hid_t file, lyc_error *err) {
    int64_t *hidden = NULL;
    size_t count = 0;
    if (!lyc__h5_has_attribute(file, "hidden")) return LYC_OK;
    LYC_TRY(lyc__h5_read_i64_attribute(file, "hidden", LYC_MAX_HIDDEN, &hidden, &count, err));
    lyc_status status = LYC_OK;
    for (size_t i = 0; i < count && status == LYC_OK; i++) {
        if (hidden[i] < 1 || hidden[i] > MAX_WIDTH)
            status = lyc__h5_fail(err, LYC_EFORMAT, file,
                                  "attribute 'hidden' holds %" PRId64 "; 1 to %d are possible", hidden[i],
                                  MAX_WIDTH);
        spec->hidden[i] = (int)hidden[i];
    }
    spec->hidden_count = (int)count;
    lyc_free(hidden);
    return status;
}

/* `count` numbers, all finite and above `above`. */
static lyc_status read_numbers(double *out, hid_t file, const char *name, size_t count, double above,
                               lyc_error *err) {
    double *values = NULL;
    size_t found = 0;
    LYC_TRY(lyc__h5_read_f64_attribute(file, name, count, &values, &found, err));
    lyc_status status = LYC_OK;
    if (found != count)
        status = lyc__h5_fail(err, LYC_EFORMAT, file, "attribute '%s' has %zu value(s); %zu were expected",
                              name, found, count);
    for (size_t i = 0; i < found && status == LYC_OK; i++) {
        out[i] = values[i];
        if (!isfinite((float)values[i]) || !((float)values[i] > (float)above))
            status = lyc__h5_fail(err, LYC_EFORMAT, file, "attribute '%s' holds %g, which is not possible",
                                  name, values[i]);
    }
    lyc_free(values);
    return status;
}

static lyc_status read_preprocess(lyc_preprocess *out, hid_t file, int channels, lyc_error *err) {
    double mean[LYC__DATASET_MAX_CHANNELS], std[LYC__DATASET_MAX_CHANNELS];
    LYC_TRY(read_numbers(mean, file, "mean", (size_t)channels, -INFINITY, err));
    LYC_TRY(read_numbers(std, file, "std", (size_t)channels, 0, err));
    out->channels = channels;
    for (int c = 0; c < channels; c++) {
        out->mean[c] = (float)mean[c];
        out->std[c] = (float)std[c];
    }
    return LYC_OK;
}

static lyc_status read_network(lyc_model *model, hid_t file, const char *path, lyc_error *err) {
    lyc_network_spec spec = {0};
    char *arch = NULL;
    size_t classes = 0;
    LYC_TRY(read_size(&spec.channels, file, "channels", LYC__DATASET_MAX_CHANNELS, err));
    LYC_TRY(read_size(&spec.height, file, "height", LYC__DATASET_MAX_SIDE, err));
    LYC_TRY(read_size(&spec.width, file, "width", LYC__DATASET_MAX_SIDE, err));
    LYC_TRY(read_hidden(&spec, file, err));
    LYC_TRY(lyc__model_layers_read(&spec, file, err));
    if (lyc__h5_has_attribute(file, "dropout"))
        LYC_TRY(read_numbers(&spec.dropout, file, "dropout", 1, -1, err));
    LYC_TRY(read_preprocess(&model->preprocess, file, spec.channels, err));
    LYC_TRY(lyc__h5_read_texts_attribute(file, "classes", LYC__DATASET_MAX_CLASSES, &model->class_names,
                                         &classes, err));
    if (classes == 0) return lyc__h5_fail(err, LYC_EFORMAT, file, "attribute 'classes' names no class");
    model->class_count = spec.classes = (int)classes;
    LYC_TRY(lyc__h5_read_text_attribute(file, "arch", TEXT_LIMIT, &arch, err));
    spec.arch = arch;
    lyc_status status = lyc_network_create(&model->network, &spec, err);
    lyc_free(arch);
    if (status == LYC_OK) return LYC_OK;
    lyc_error_prefix(err, "%s", path);
    if (status != LYC_ECONFIG) return status;
    if (err) err->code = LYC_EFORMAT; /* there is no config: the file asks for what cannot be */
    return LYC_EFORMAT;
}

/* Every parameter there with its shape, and none besides, before memory is asked for. */
static lyc_status check_params(const lyc_model *model, hid_t file, lyc_error *err) {
    size_t count = lyc_network_parameter_count(model->network);
    char name[NAME_SIZE];
    uint64_t dims[4];
    H5G_info_t group;
    if (!lyc__h5_has(file, "params")) return lyc__h5_fail(err, LYC_EFORMAT, file, "has no group 'params'");
    for (size_t i = 0; i < count; i++) {
        hid_t dataset;
        lyc__h5_shape shape;
        const lyc_parameter *parameter = lyc_network_parameter(model->network, i);
        dims_in_file(parameter, dims);
        LYC_TRY(lyc__h5_open_dataset(&dataset, &shape, file, name_in_file(parameter, name), err));
        lyc_status status = lyc__h5_expect(dataset, &shape, H5T_FLOAT, parameter->rank, dims, err);
        lyc__h5_release(&dataset);
        LYC_TRY(status);
    }
    if (H5Gget_info_by_name(file, "params", &group, H5P_DEFAULT) < 0 || group.nlinks != count)
        return lyc__h5_fail(err, LYC_EFORMAT, file,
                            "group 'params' has %" PRIu64
                            " entries, but the architecture '%s' has %zu parameters",
                            (uint64_t)group.nlinks, lyc_network_get_spec(model->network)->arch, count);
    return LYC_OK;
}

static lyc_status read_params(lyc_model *model, hid_t file, const char *path, lyc_error *err) {
    lyc_status status;
    lyc__hash hash;
    lyc__h5_shape shape;
    hid_t dataset = LYC__H5_NONE;
    float *values = NULL;
    char name[NAME_SIZE];
    LYC_TRY(lyc_allocate((void **)&model->params, lyc_network_size(model->network), sizeof(float),
                         "the model's parameters", err));
    LYC_TRY(allocate_largest(model->network, &values, err));
    lyc__hash_start(&hash);
    hash_network(&hash, model);
    for (size_t i = 0; i < lyc_network_parameter_count(model->network); i++) {
        const lyc_parameter *parameter = lyc_network_parameter(model->network, i);
        LYC_TRY_GOTO(lyc__h5_open_dataset(&dataset, &shape, file, name_in_file(parameter, name), err));
        LYC_TRY_GOTO(lyc__h5_read(dataset, H5T_NATIVE_FLOAT, values, err));
        lyc__h5_release(&dataset);
        LYC_TRY_GOTO(check_finite(path, parameter, values, err));
        hash_parameter(&hash, parameter, values);
        lyc_network_import(model->network, i, values, model->params);
    }
    lyc__hash_finish_hex(&hash, model->fingerprint);
    status = LYC_OK;
done:
    lyc__h5_release(&dataset);
    lyc_free(values);
    return status;
}

static lyc_status check_fingerprint(const lyc_model *model, hid_t file, lyc_error *err) {
    char *stated = NULL;
    if (!lyc__h5_has_attribute(file, "fingerprint")) return LYC_OK; /* made by hand */
    LYC_TRY(lyc__h5_read_text_attribute(file, "fingerprint", TEXT_LIMIT, &stated, err));
    lyc_status status = LYC_OK;
    if (strcmp(stated, model->fingerprint) != 0)
        status = lyc__h5_fail(
            err, LYC_EFORMAT, file,
            "the content has fingerprint %s, but the file states %.32s: it was changed or damaged "
            "after it was made. Make it again, or delete the attribute 'fingerprint' if the change "
            "was meant",
            model->fingerprint, stated);
    lyc_free(stated);
    return status;
}

static lyc_status read_provenance(lyc_model *model, hid_t file, lyc_error *err) {
    if (lyc__h5_has_attribute(file, "provenance"))
        return lyc__h5_read_text_attribute(file, "provenance", PROVENANCE_LIMIT, &model->provenance, err);
    model->provenance = lyc_strdup("{}");
    if (!model->provenance) LYC_FAIL(err, LYC_ENOMEM, "no memory for the model's provenance");
    return LYC_OK;
}

static lyc_status read_model(lyc_model *model, hid_t file, const char *path, lyc_error *err) {
    LYC_TRY(check_format(file, err));
    LYC_TRY(read_network(model, file, path, err));
    LYC_TRY(check_params(model, file, err));
    LYC_TRY(read_params(model, file, path, err));
    LYC_TRY(check_fingerprint(model, file, err));
    return read_provenance(model, file, err);
}

lyc_status lyc_model_load(lyc_model **out, const char *path, lyc_error *err) {
    hid_t file = LYC__H5_NONE;
    lyc_model *model = NULL;
    *out = NULL;
    LYC_TRY(LYC_NEW_ARRAY(model, 1, err));
    lyc_status status = lyc__h5_open(&file, path, "model", H5F_ACC_RDONLY, H5P_DEFAULT, err);
    if (status == LYC_OK) status = read_model(model, file, path, err);
    lyc__h5_release(&file);
    if (status != LYC_OK) lyc_model_destroy(model);
    else *out = model;
    return status;
}

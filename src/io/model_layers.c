#include "io/model_layers.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lyceum/memory.h"

enum { FIELDS = 6, TEXT_LIMIT = 64, MOST_DEPTH = 10000, MOST_SIZE = 1 << 24 };

static const char *const shortcuts[] = {[LYC_SHORTCUT_PAD] = "pad", [LYC_SHORTCUT_PROJECT] = "project"};

/* A block as a row of numbers: channels, kernel, stride, batch norm, pool, dropout. */
static void numbers_of(const lyc_block *block, double out[FIELDS]) {
    const double values[FIELDS] = {block->channels,           block->kernel, block->stride,
                                   block->batch_norm ? 1 : 0, block->pool,   block->dropout};
    memcpy(out, values, sizeof values);
}

static bool has_stages(const lyc_network_spec *spec) {
    return spec->depth != 0 || spec->shortcut != LYC_SHORTCUT_PAD;
}

void lyc__model_layers_hash(const lyc_network_spec *spec, lyc__hash *hash) {
    char line[LYC__NUMBER_SIZE + 64], number[LYC__NUMBER_SIZE];
    if (has_stages(spec)) {
        const int size =
            snprintf(line, sizeof line, " depth %d shortcut %s", spec->depth, shortcuts[spec->shortcut]);
        lyc__hash_update(hash, line, (size_t)size);
    }
    for (size_t i = 0; i < spec->block_count * FIELDS; i++) {
        double values[FIELDS];
        numbers_of(&spec->blocks[i / FIELDS], values);
        lyc__number_format(values[i % FIELDS], number);
        const int size = snprintf(line, sizeof line, "%s %s", i % FIELDS == 0 ? " block" : "", number);
        lyc__hash_update(hash, line, (size_t)size);
    }
}

void lyc__model_layers_json(const lyc_network_spec *spec, lyc__json *json) {
    if (has_stages(spec)) {
        lyc__json_integer(json, "depth", spec->depth);
        lyc__json_text(json, "shortcut", shortcuts[spec->shortcut]);
    }
    if (spec->block_count == 0) return;
    lyc__json_array(json, "blocks");
    for (size_t i = 0; i < spec->block_count; i++) {
        const lyc_block *block = &spec->blocks[i];
        lyc__json_object(json, NULL);
        lyc__json_integer(json, "channels", block->channels);
        lyc__json_integer(json, "kernel", block->kernel);
        lyc__json_integer(json, "stride", block->stride);
        lyc__json_bool(json, "batch_norm", block->batch_norm);
        lyc__json_integer(json, "pool", block->pool);
        lyc__json_number(json, "dropout", block->dropout);
        lyc__json_end(json);
    }
    lyc__json_end(json);
}

lyc_status lyc__model_layers_write(const lyc_network_spec *spec, hid_t file, lyc_error *err) {
    if (has_stages(spec)) {
        const int64_t depth = spec->depth;
        LYC_TRY(lyc__h5_write_attribute(file, "depth", H5T_NATIVE_INT64, &depth, 1, true, err));
        LYC_TRY(lyc__h5_write_text_attribute(file, "shortcut", shortcuts[spec->shortcut], err));
    }
    if (spec->block_count == 0) return LYC_OK;
    double values[LYC_MAX_BLOCKS * FIELDS];
    for (size_t i = 0; i < spec->block_count; i++) numbers_of(&spec->blocks[i], values + i * FIELDS);
    return lyc__h5_write_attribute(file, "blocks", H5T_NATIVE_DOUBLE, values, spec->block_count * FIELDS,
                                   false, err);
}

static lyc_status read_stages(lyc_network_spec *spec, hid_t file, lyc_error *err) {
    uint64_t depth = 0;
    char *name = NULL;
    LYC_TRY(lyc__h5_read_u64_attribute(file, "depth", &depth, err));
    if (depth > MOST_DEPTH)
        return lyc__h5_fail(err, LYC_EFORMAT, file,
                            "attribute 'depth' is %" PRIu64 "; at most %d is possible", depth, MOST_DEPTH);
    spec->depth = (int)depth;
    LYC_TRY(lyc__h5_read_text_attribute(file, "shortcut", TEXT_LIMIT, &name, err));
    size_t i = 0;
    while (i < sizeof shortcuts / sizeof *shortcuts && strcmp(name, shortcuts[i]) != 0) i++;
    lyc_status status = LYC_OK;
    if (i == sizeof shortcuts / sizeof *shortcuts)
        status = lyc__h5_fail(err, LYC_EFORMAT, file,
                              "attribute 'shortcut' is '%s'; pad and project are possible", name);
    else spec->shortcut = (lyc_shortcut)i;
    lyc_free(name);
    return status;
}

static lyc_status read_block(lyc_block *block, const double *values, hid_t file, lyc_error *err) {
    for (int i = 0; i < FIELDS - 1; i++)
        if (!(values[i] >= 0 && values[i] <= MOST_SIZE) || values[i] != (double)(int)values[i])
            return lyc__h5_fail(err, LYC_EFORMAT, file, "attribute 'blocks' holds %g, which is not possible",
                                values[i]);
    *block = (lyc_block){.channels = (int)values[0],
                         .kernel = (int)values[1],
                         .stride = (int)values[2],
                         .batch_norm = values[3] != 0,
                         .pool = (int)values[4],
                         .dropout = values[5]};
    return LYC_OK;
}

static lyc_status read_blocks(lyc_network_spec *spec, hid_t file, lyc_error *err) {
    double *values = NULL;
    size_t count = 0;
    LYC_TRY(
        lyc__h5_read_f64_attribute(file, "blocks", (size_t)LYC_MAX_BLOCKS * FIELDS, &values, &count, err));
    lyc_status status = LYC_OK;
    if (count % FIELDS != 0)
        status = lyc__h5_fail(err, LYC_EFORMAT, file,
                              "attribute 'blocks' has %zu numbers, not %d for each block", count, FIELDS);
    spec->block_count = count / FIELDS;
    for (size_t i = 0; i < spec->block_count && status == LYC_OK; i++)
        status = read_block(&spec->blocks[i], values + i * FIELDS, file, err);
    lyc_free(values);
    return status;
}

lyc_status lyc__model_layers_read(lyc_network_spec *spec, hid_t file, lyc_error *err) {
    if (lyc__h5_has_attribute(file, "depth")) LYC_TRY(read_stages(spec, file, err));
    if (lyc__h5_has_attribute(file, "blocks")) LYC_TRY(read_blocks(spec, file, err));
    return LYC_OK;
}

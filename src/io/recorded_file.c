#include "io/recorded_file.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "io/bank_file.h"
#include "io/hdf5_util.h"
#include "lyceum/memory.h"

#define MAX_CLASSES   UINT64_C(32768)
#define TEXT_LIMIT    4096
#define NAMES_LIMIT   32768
#define NAME_SIZE     48
#define LONGEST_DELAY 3600.0

static void release_views(float **logits, int views) {
    for (int view = 0; logits != NULL && view < views; view++) lyc_free(logits[view]);
    lyc_free(logits);
}

void lyc__recorded_file_release(lyc__recorded_file *file) {
    release_views(file->logits, file->views);
    release_views(file->later, file->views);
    lyc_free(file->provenance);
    lyc_free(file->ids);
    lyc_free(file->checks);
    lyc_free(file->class_names);
    lyc_free(file->data_fingerprint);
    lyc_free(file->view_key);
    *file = (lyc__recorded_file){0};
}

/* ---- logits ---------------------------------------------------------------------------------------- */

/* The first one read says how many rows and classes there are. */
static lyc_status read_view(lyc__recorded_file *out, hid_t file, const char *name, float **values,
                            lyc_error *err) {
    lyc__h5_shape shape;
    hid_t dataset;
    uint64_t dims[2] = {UINT64_MAX, UINT64_MAX};
    LYC_TRY(lyc__h5_open_dataset(&dataset, &shape, file, name, err));
    lyc_status status;
    if (out->rows > 0) {
        dims[0] = out->rows;
        dims[1] = (uint64_t)out->classes;
    }
    LYC_TRY_GOTO(lyc__h5_expect(dataset, &shape, H5T_FLOAT, 2, dims, err));
    if (shape.count == 0 || shape.dims[1] > MAX_CLASSES) {
        status = lyc__h5_fail(err, LYC_EFORMAT, dataset,
                              "has %" PRIu64 " rows of %" PRIu64 " classes; at least 1 row of 1 to %" PRIu64
                              " classes is needed",
                              shape.dims[0], shape.dims[1], MAX_CLASSES);
        goto done;
    }
    out->rows = (size_t)shape.dims[0];
    out->classes = (int)shape.dims[1];
    LYC_TRY_GOTO(lyc_allocate((void **)values, (size_t)shape.count, sizeof(float), name, err));
    status = lyc__h5_read(dataset, H5T_NATIVE_FLOAT, *values, err);
done:
    lyc__h5_release(&dataset);
    return status;
}

static bool is_group(hid_t file, const char *name) {
    H5O_info_t about;
    lyc__h5_quiet();
    bool is = H5Oget_info_by_name2(file, name, &about, H5O_INFO_BASIC, H5P_DEFAULT) >= 0 &&
              about.type == H5O_TYPE_GROUP;
    H5Eclear2(H5E_DEFAULT);
    return is;
}

static lyc_status read_logits(lyc__recorded_file *out, hid_t file, int views, lyc_error *err) {
    if (!lyc__h5_has(file, "logits"))
        return lyc__h5_fail(err, LYC_EFORMAT, file,
                            "has no '/logits'; recorded logits are [rows, classes] there");
    LYC_TRY(LYC_NEW_ARRAY(out->logits, (size_t)views, err));
    out->views = 1;
    if (!is_group(file, "logits")) return read_view(out, file, "logits", &out->logits[0], err);
    for (int view = 0; view < views; view++) {
        char name[NAME_SIZE];
        snprintf(name, sizeof name, "logits/%d", view);
        if (view > 0 && !lyc__h5_has(file, name)) break;
        out->views = view + 1;
        LYC_TRY(read_view(out, file, name, &out->logits[view], err));
    }
    return LYC_OK;
}

/* As many views as /logits gave, in the same form. */
static lyc_status read_later(lyc__recorded_file *out, hid_t file, lyc_error *err) {
    bool group = is_group(file, "later");
    if (!lyc__h5_has(file, "later") && !lyc__h5_has_attribute(file, "changes_at_step")) return LYC_OK;
    LYC_TRY(lyc__h5_read_u64_attribute(file, "changes_at_step", &out->changes_at, err));
    if (out->changes_at == 0)
        return lyc__h5_fail(err, LYC_EFORMAT, file,
                            "attribute 'changes_at_step' is 0, so that '/logits' would never answer; give "
                            "the step, from 1, or store '/later' as '/logits'");
    LYC_TRY(LYC_NEW_ARRAY(out->later, (size_t)out->views, err));
    for (int view = 0; view < out->views; view++) {
        char name[NAME_SIZE] = "later";
        if (group) snprintf(name, sizeof name, "later/%d", view);
        LYC_TRY(read_view(out, file, name, &out->later[view], err));
    }
    return LYC_OK;
}

static lyc_status read_delay(lyc__recorded_file *out, hid_t file, lyc_error *err) {
    double *value = NULL;
    size_t count;
    if (!lyc__h5_has_attribute(file, "delay_seconds")) return LYC_OK;
    LYC_TRY(lyc__h5_read_f64_attribute(file, "delay_seconds", 1, &value, &count, err));
    out->delay_seconds = count == 1 ? value[0] : NAN;
    lyc_free(value);
    if (out->delay_seconds >= 0.0 && out->delay_seconds <= LONGEST_DELAY) return LYC_OK;
    return lyc__h5_fail(err, LYC_EFORMAT, file, "attribute 'delay_seconds' is no number from 0 to %g",
                        LONGEST_DELAY);
}

/* ---- columns --------------------------------------------------------------------------------------- */

static lyc_status read_integers(uint64_t **out, hid_t file, const char *name, uint64_t rows,
                                bool signed_is_fine, lyc_error *err) {
    lyc__h5_shape shape;
    hid_t dataset;
    LYC_TRY(lyc__h5_open_dataset(&dataset, &shape, file, name, err));
    lyc_status status;
    LYC_TRY_GOTO(lyc__h5_expect(dataset, &shape, H5T_INTEGER, 1, &rows, err));
    if (shape.size > sizeof(uint64_t) || (shape.is_signed && !signed_is_fine)) {
        status = lyc__h5_fail(err, LYC_EFORMAT, dataset, "holds %s integers of %zu bytes; store it as uint64",
                              shape.is_signed ? "signed" : "unsigned", shape.size);
        goto done;
    }
    LYC_TRY_GOTO(lyc_allocate((void **)out, (size_t)rows, sizeof **out, name, err));
    LYC_TRY_GOTO(lyc__h5_read(dataset, shape.is_signed ? H5T_NATIVE_INT64 : H5T_NATIVE_UINT64, *out, err));
    for (uint64_t i = 0; shape.is_signed && i < rows; i++)
        if ((*out)[i] > INT64_MAX) {
            status =
                lyc__h5_fail(err, LYC_EFORMAT, dataset, "is negative in row %" PRIu64 "; ids are not", i);
            break;
        }
done:
    lyc__h5_release(&dataset);
    return status;
}

static lyc_status read_ids(lyc__recorded_file *out, hid_t file, lyc_error *err) {
    if (!lyc__h5_has(file, "id"))
        return lyc__h5_fail(
            err, LYC_EFORMAT, file,
            "has no '/id', so that nobody can know which sample each row of '/logits' answers for; add "
            "it: uint64 [%zu], the ids of the data set in the order of '/logits'",
            out->rows);
    return read_integers(&out->ids, file, "id", out->rows, true, err);
}

static lyc_status read_optional_text(char **out, hid_t file, const char *name, lyc_error *err) {
    if (!lyc__h5_has_attribute(file, name)) return LYC_OK;
    return lyc__h5_read_text_attribute(file, name, TEXT_LIMIT, out, err);
}

/* A bank keeps the number of its classes, not their names, under this name. */
static lyc_status read_class_names(lyc__recorded_file *out, hid_t file, bool is_bank, lyc_error *err) {
    size_t count;
    if (is_bank || !lyc__h5_has_attribute(file, "classes")) return LYC_OK;
    LYC_TRY(lyc__h5_read_texts_attribute(file, "classes", NAMES_LIMIT, &out->class_names, &count, err));
    if (count == (size_t)out->classes) return LYC_OK;
    return lyc__h5_fail(err, LYC_EFORMAT, file, "names %zu classes, but '/logits' has %d columns", count,
                        out->classes);
}

static lyc_status read_vouching(lyc__recorded_file *out, hid_t file, bool is_bank, lyc_error *err) {
    uint64_t value = is_bank && out->data_fingerprint != NULL;
    if (lyc__h5_has_attribute(file, "unrelated_to_labels"))
        LYC_TRY(lyc__h5_read_u64_attribute(file, "unrelated_to_labels", &value, err));
    out->unrelated_is_fine = value != 0;
    return LYC_OK;
}

/* ---- banks ------------------------------------------------------------------------------------------ */

static lyc_status check_blocks(const lyc__recorded_file *content, hid_t file, int view,
                               const lyc__bank_key *key, const uint8_t *filled, const uint64_t *checksums,
                               lyc_error *err) {
    for (uint64_t block = 0; block < lyc__bank_file_blocks(key); block++) {
        uint64_t first = block * key->block_rows, rows = lyc__bank_file_block_rows(key, block);
        const float *values = content->logits[view] + first * key->classes;
        if (filled[block] == 0)
            return lyc__h5_fail(
                err, LYC_EFORMAT, file,
                "this bank is not filled: rows %" PRIu64 " to %" PRIu64
                " of view %d are missing; fill it first, with its test rows (lyceum bank --all)",
                first, first + rows - 1, view);
        if (lyc__bank_checksum((uint64_t)view, block, values, (size_t)(rows * key->classes)) !=
            checksums[block])
            return lyc__h5_fail(err, LYC_EFORMAT, file,
                                "this bank is damaged: the checksum of rows %" PRIu64 " to %" PRIu64
                                " of view %d does not match; fill it again (lyceum bank)",
                                first, first + rows - 1, view);
    }
    return LYC_OK;
}

static lyc_status read_column(void *out, hid_t file, const char *group, int view, hid_t type, uint64_t count,
                              lyc_error *err) {
    char name[NAME_SIZE];
    lyc__h5_shape shape;
    hid_t dataset;
    snprintf(name, sizeof name, "%s/%d", group, view);
    LYC_TRY(lyc__h5_open_dataset(&dataset, &shape, file, name, err));
    lyc_status status = lyc__h5_expect(dataset, &shape, H5T_INTEGER, 1, &count, err);
    if (status == LYC_OK) status = lyc__h5_read(dataset, type, out, err);
    lyc__h5_release(&dataset);
    return status;
}

/* A bank says which of its blocks are worth reading: all must be. */
static lyc_status check_bank(const lyc__recorded_file *content, hid_t file, lyc_error *err) {
    lyc__bank_key key = {.rows = content->rows, .classes = (uint64_t)content->classes};
    uint8_t *filled = NULL;
    uint64_t *checksums = NULL;
    lyc_status status;
    LYC_TRY_GOTO(lyc__h5_read_u64_attribute(file, "block_rows", &key.block_rows, err));
    if (key.block_rows == 0) {
        status = lyc__h5_fail(err, LYC_EFORMAT, file, "attribute 'block_rows' is 0");
        goto done;
    }
    size_t blocks = (size_t)lyc__bank_file_blocks(&key);
    LYC_TRY_GOTO(LYC_NEW_ARRAY(filled, blocks, err));
    LYC_TRY_GOTO(LYC_NEW_ARRAY(checksums, blocks, err));
    for (int view = 0; view < content->views; view++) {
        LYC_TRY_GOTO(read_column(filled, file, "filled", view, H5T_NATIVE_UINT8, blocks, err));
        LYC_TRY_GOTO(read_column(checksums, file, "checksum", view, H5T_NATIVE_UINT64, blocks, err));
        LYC_TRY_GOTO(check_blocks(content, file, view, &key, filled, checksums, err));
    }
done:
    lyc_free(checksums);
    lyc_free(filled);
    return status;
}

/* ---- the file ---------------------------------------------------------------------------------------- */

static lyc_status read_content(lyc__recorded_file *out, hid_t file, int views, lyc_error *err) {
    bool is_bank = lyc__h5_has(file, "filled");
    LYC_TRY(read_logits(out, file, views, err));
    LYC_TRY(read_ids(out, file, err));
    if (lyc__h5_has(file, "check"))
        LYC_TRY(read_integers(&out->checks, file, "check", out->rows, false, err));
    LYC_TRY(read_optional_text(&out->data_fingerprint, file, "data_fingerprint", err));
    LYC_TRY(read_optional_text(&out->view_key, file, "view_key", err));
    LYC_TRY(read_class_names(out, file, is_bank, err));
    LYC_TRY(read_vouching(out, file, is_bank, err));
    LYC_TRY(read_optional_text(&out->provenance, file, "provenance", err));
    LYC_TRY(read_delay(out, file, err));
    LYC_TRY(read_later(out, file, err));
    return is_bank ? check_bank(out, file, err) : LYC_OK;
}

lyc_status lyc__recorded_file_read(lyc__recorded_file *out, const char *path, int views, lyc_error *err) {
    hid_t file;
    *out = (lyc__recorded_file){0};
    LYC_TRY(lyc__h5_open(&file, path, "file of recorded logits", H5F_ACC_RDONLY, H5P_DEFAULT, err));
    lyc_status status = read_content(out, file, views, err);
    lyc__h5_release(&file);
    if (status != LYC_OK) lyc__recorded_file_release(out);
    return status;
}

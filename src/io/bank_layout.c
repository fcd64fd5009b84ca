#include "io/bank_layout.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fileio.h"
#include "io/hdf5_util.h"
#include "io/reserve.h"
#include "lyceum/memory.h"

#define HEADER_BYTES    (UINT64_C(1) << 16) /* what HDF5 needs for names and attributes, generously */
#define PER_VIEW_BYTES  UINT64_C(4096)
#define TEXT_LIMIT      4096 /* of an attribute */
#define NAME_SIZE       48   /* of "checksum/65535" */
#define DIFFERENCE_SIZE 2048

static void view_name(char out[NAME_SIZE], const char *group, uint64_t view) {
    snprintf(out, NAME_SIZE, "%s/%" PRIu64, group, view);
}

/* ---- making ---------------------------------------------------------------------------------------- */

/* What the whole file takes at most. */
static lyc_status measure(const char *path, const lyc__bank_key *key, uint64_t *bytes, lyc_error *err) {
    uint64_t blocks = lyc__bank_file_blocks(key), view = 0;
    bool overflow = __builtin_mul_overflow(key->rows, key->classes * sizeof(float), &view) ||
                    __builtin_add_overflow(view, blocks * 9 + PER_VIEW_BYTES, &view) ||
                    __builtin_mul_overflow(view, key->views, bytes) ||
                    __builtin_add_overflow(*bytes, key->rows * sizeof(uint64_t) + HEADER_BYTES, bytes);
    if (overflow || *bytes > (uint64_t)INT64_MAX)
        LYC_FAIL(err, LYC_EIO, "the bank %s would be larger than a file can be", path);
    return LYC_OK;
}

static lyc_status create_zeroed(hid_t file, const char *group, uint64_t view, hid_t type, uint64_t count,
                                lyc_error *err) {
    char name[NAME_SIZE];
    hid_t dataset;
    view_name(name, group, view);
    LYC_TRY(lyc__h5_create_dataset(&dataset, file, name, type, 1, &count, true, err));
    lyc__h5_release(&dataset);
    return LYC_OK;
}

/* Logits that nobody has computed are NaN: whoever reads them without looking at /filled finds out. */
static lyc_status create_logits(hid_t file, uint64_t view, const lyc__bank_key *key, const float *unknown,
                                lyc_error *err) {
    char name[NAME_SIZE];
    uint64_t dims[2] = {key->rows, key->classes};
    hid_t dataset;
    view_name(name, "logits", view);
    LYC_TRY(lyc__h5_create_dataset(&dataset, file, name, H5T_IEEE_F32LE, 2, dims, false, err));
    lyc_status status = LYC_OK;
    for (uint64_t block = 0; block < lyc__bank_file_blocks(key) && status == LYC_OK; block++)
        status = lyc__h5_write_rows(dataset, H5T_NATIVE_FLOAT, block * key->block_rows,
                                    lyc__bank_file_block_rows(key, block), unknown, err);
    lyc__h5_release(&dataset);
    return status;
}

/* What the precision of the teacher changes in its logits, where that was measured. */
static lyc_status write_error(hid_t file, const lyc_logit_error *error, lyc_error *err) {
    const uint64_t rows = error->rows;
    if (rows == 0) return LYC_OK;
    LYC_TRY(lyc__h5_write_attribute(file, "logit_error_rows", H5T_NATIVE_UINT64, &rows, 1, true, err));
    LYC_TRY(lyc__h5_write_attribute(file, "logit_error_largest", H5T_NATIVE_DOUBLE, &error->largest, 1, true,
                                    err));
    LYC_TRY(lyc__h5_write_attribute(file, "logit_error_mean", H5T_NATIVE_DOUBLE, &error->mean, 1, true, err));
    return lyc__h5_write_attribute(file, "logit_error_changed", H5T_NATIVE_DOUBLE, &error->changed, 1, true,
                                   err);
}

static lyc_status write_attributes(hid_t file, const lyc__bank_key *key, const lyc__bank_about *about,
                                   lyc_error *err) {
    const struct {
        const char *name;
        const uint64_t *value;
    } numbers[] = {{"views", &key->views},
                   {"rows", &key->rows},
                   {"classes", &key->classes},
                   {"block_rows", &key->block_rows}};
    LYC_TRY(lyc__h5_write_text_attribute(file, "format", LYC__BANK_FORMAT, err));
    LYC_TRY(lyc__h5_write_text_attribute(file, "teacher", about->teacher, err));
    LYC_TRY(lyc__h5_write_text_attribute(file, "data_fingerprint", key->data_fingerprint, err));
    LYC_TRY(lyc__h5_write_text_attribute(file, "teacher_fingerprint", key->teacher_fingerprint, err));
    LYC_TRY(lyc__h5_write_text_attribute(file, "view_key", key->view_key, err));
    LYC_TRY(lyc__h5_write_text_attribute(file, "precision", key->precision, err));
    LYC_TRY(write_error(file, &about->error, err));
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        LYC_TRY(lyc__h5_write_attribute(file, numbers[i].name, H5T_NATIVE_UINT64, numbers[i].value, 1, true,
                                        err));
    return LYC_OK;
}

static lyc_status write_content(hid_t file, const lyc__bank_key *key, const lyc__bank_about *about,
                                lyc_error *err) {
    float *unknown = NULL;
    size_t values = (size_t)(key->block_rows * key->classes);
    lyc_status status = LYC_OK;
    LYC_TRY(LYC_NEW_ARRAY(unknown, values, err));
    for (size_t i = 0; i < values; i++) unknown[i] = NAN;
    LYC_TRY_GOTO(write_attributes(file, key, about, err));
    LYC_TRY_GOTO(
        lyc__h5_write_dataset(file, "id", H5T_STD_U64LE, H5T_NATIVE_UINT64, 1, &key->rows, about->ids, err));
    for (uint64_t view = 0; view < key->views; view++) {
        LYC_TRY_GOTO(create_logits(file, view, key, unknown, err));
        LYC_TRY_GOTO(create_zeroed(file, "filled", view, H5T_STD_U8LE, lyc__bank_file_blocks(key), err));
        LYC_TRY_GOTO(create_zeroed(file, "checksum", view, H5T_STD_U64LE, lyc__bank_file_blocks(key), err));
    }
done:
    lyc_free(unknown);
    return status;
}

lyc_status lyc__bank_layout_create(const char *path, const lyc__bank_key *key, const lyc__bank_about *about,
                                   lyc_error *err) {
    char *temporary = NULL;
    hid_t file = LYC__H5_NONE;
    lyc_status status;
    size_t size = strlen(path) + sizeof ".part";
    uint64_t bytes = 0;
    LYC_TRY(lyc_allocate((void **)&temporary, size, 1, "the path of a bank", err));
    /* One name is enough under the lock, and what a killed process left there is overwritten. */
    snprintf(temporary, size, "%s.part", path);
    LYC_TRY_GOTO(measure(path, key, &bytes, err));
    LYC_TRY_GOTO(lyc__file_reserve(temporary, bytes, "run without banks (banks.enabled)", err));
    LYC_TRY_GOTO(lyc__h5_create(&file, temporary, H5P_DEFAULT, err));
    LYC_TRY_GOTO(write_content(file, key, about, err));
    LYC_TRY_GOTO(lyc__h5_close(&file, err));
    LYC_TRY_GOTO(lyc__replace_file(temporary, path, err));
done:
    lyc__h5_release(&file);
    if (status != LYC_OK) unlink(temporary);
    lyc_free(temporary);
    return status;
}

/* ---- checking -------------------------------------------------------------------------------------- */

static lyc_status read_text(hid_t file, const char *name, char *out, size_t size, lyc_error *err) {
    char *text;
    LYC_TRY(lyc__h5_read_text_attribute(file, name, TEXT_LIMIT, &text, err));
    snprintf(out, size, "%s", text);
    lyc_free(text);
    return LYC_OK;
}

static lyc_status read_key(hid_t file, lyc__bank_key *out, lyc_error *err) {
    char format[64];
    LYC_TRY(read_text(file, "format", format, sizeof format, err));
    if (strcmp(format, LYC__BANK_FORMAT) != 0)
        return lyc__h5_fail(err, LYC_EFORMAT, file, "has the format '%s'; a bank has '%s'", format,
                            LYC__BANK_FORMAT);
    LYC_TRY(read_text(file, "data_fingerprint", out->data_fingerprint, sizeof out->data_fingerprint, err));
    LYC_TRY(read_text(file, "teacher_fingerprint", out->teacher_fingerprint, sizeof out->teacher_fingerprint,
                      err));
    LYC_TRY(read_text(file, "view_key", out->view_key, sizeof out->view_key, err));
    LYC_TRY(read_text(file, "precision", out->precision, sizeof out->precision, err));
    LYC_TRY(lyc__h5_read_u64_attribute(file, "views", &out->views, err));
    LYC_TRY(lyc__h5_read_u64_attribute(file, "rows", &out->rows, err));
    LYC_TRY(lyc__h5_read_u64_attribute(file, "classes", &out->classes, err));
    return lyc__h5_read_u64_attribute(file, "block_rows", &out->block_rows, err);
}

typedef struct differences {
    char text[DIFFERENCE_SIZE];
    size_t used;
} differences;

static void compare_text(differences *found, const char *name, const char *here, const char *wanted) {
    if (strcmp(here, wanted) == 0 || found->used >= DIFFERENCE_SIZE) return;
    found->used += (size_t)snprintf(found->text + found->used, DIFFERENCE_SIZE - found->used,
                                    "\n  %s: the file has '%s', wanted is '%s'", name, here, wanted);
}

static void compare_number(differences *found, const char *name, uint64_t here, uint64_t wanted) {
    char texts[2][24];
    snprintf(texts[0], sizeof texts[0], "%" PRIu64, here);
    snprintf(texts[1], sizeof texts[1], "%" PRIu64, wanted);
    compare_text(found, name, texts[0], texts[1]);
}

static lyc_status check_key(const char *path, const lyc__bank_key *here, const lyc__bank_key *wanted,
                            lyc_error *err) {
    differences found = {.used = 0};
    compare_text(&found, "data (data_fingerprint)", here->data_fingerprint, wanted->data_fingerprint);
    compare_text(&found, "teacher, its preprocessing or class map (teacher_fingerprint)",
                 here->teacher_fingerprint, wanted->teacher_fingerprint);
    compare_text(&found, "view recipe (view_key)", here->view_key, wanted->view_key);
    compare_text(&found, "what the teacher computes in (precision)", here->precision, wanted->precision);
    compare_number(&found, "views", here->views, wanted->views);
    compare_number(&found, "rows", here->rows, wanted->rows);
    compare_number(&found, "classes", here->classes, wanted->classes);
    compare_number(&found, "rows of a block (block_rows)", here->block_rows, wanted->block_rows);
    if (found.used == 0) return LYC_OK;
    char keys[2][LYC_FINGERPRINT_SIZE];
    lyc__bank_key_hash(here, keys[0]);
    lyc__bank_key_hash(wanted, keys[1]);
    LYC_FAIL(err, LYC_EMISMATCH,
             "the bank %s belongs to something else and is not used: its key is %s, wanted is %s. What "
             "differs:%s\nMove it away, or choose another directory (banks.directory)",
             path, keys[0], keys[1], found.text);
}

/* Finds a data set that must have exactly this type and shape and lie in one piece inside the file. */
static lyc_status locate(uint64_t *offset, hid_t file, const char *group, uint64_t view, hid_t type, int rank,
                         const uint64_t *dims, lyc_error *err) {
    char name[NAME_SIZE];
    lyc__h5_shape shape;
    hid_t dataset, stored = LYC__H5_NONE;
    lyc_status status;
    hsize_t size = 0;
    if (!lyc__h5_has(file, group)) return lyc__h5_fail(err, LYC_EFORMAT, file, "has no group '%s'", group);
    view_name(name, group, view);
    LYC_TRY(lyc__h5_open_dataset(&dataset, &shape, file, name, err));
    LYC_TRY_GOTO(lyc__h5_expect(dataset, &shape, H5Tget_class(type), rank, dims, err));
    stored = H5Dget_type(dataset);
    haddr_t address = H5Dget_offset(dataset);
    if (stored < 0 || H5Tequal(stored, type) <= 0 || address == HADDR_UNDEF) {
        status = lyc__h5_fail(err, LYC_EFORMAT, dataset,
                              "is not stored as a bank stores it; delete the file to have it made again");
        goto done;
    }
    if (H5Fget_filesize(file, &size) < 0 || address > size || shape.count * shape.size > size - address)
        status = lyc__h5_fail(err, LYC_EFORMAT, dataset,
                              "ends outside the file; delete the file to have it made again");
    *offset = address;
done:
    lyc__h5_release(&stored);
    lyc__h5_release(&dataset);
    return status;
}

lyc_status lyc__bank_layout_read(lyc__bank_place *places, const char *path, const lyc__bank_key *key,
                                 lyc_error *err) {
    lyc__bank_key here;
    hid_t file;
    lyc_status status;
    uint64_t dims[2] = {key->rows, key->classes}, blocks = lyc__bank_file_blocks(key);
    LYC_TRY(lyc__h5_open(&file, path, "bank", H5F_ACC_RDONLY, H5P_DEFAULT, err));
    LYC_TRY_GOTO(read_key(file, &here, err));
    LYC_TRY_GOTO(check_key(path, &here, key, err));
    for (uint64_t view = 0; view < key->views; view++) {
        LYC_TRY_GOTO(locate(&places[view].logits, file, "logits", view, H5T_IEEE_F32LE, 2, dims, err));
        LYC_TRY_GOTO(locate(&places[view].filled, file, "filled", view, H5T_STD_U8LE, 1, &blocks, err));
        LYC_TRY_GOTO(locate(&places[view].checksum, file, "checksum", view, H5T_STD_U64LE, 1, &blocks, err));
    }
done:
    lyc__h5_release(&file);
    return status;
}

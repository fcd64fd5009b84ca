/* Reading a data-set file: every size, type and value is checked before anybody works with it. */
#include "io/dataset_file.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "io/hdf5_util.h"
#include "lyceum/memory.h"

#define TEXT_LIMIT 65536

void lyc__dataset_release(lyc__dataset_content *content) {
    lyc_free(content->x);
    lyc_free(content->labels);
    lyc_free(content->parts);
    lyc_free(content->ids);
    lyc_free(content->class_names);
    memset(content, 0, sizeof *content);
}

/* ---- x ------------------------------------------------------------------------------------------ */

/* [N,F] counts as one channel of one line, [N,H,W] as one channel. */
static lyc_status take_shape(lyc__dataset_content *out, hid_t dataset, const lyc__h5_shape *shape,
                             lyc_error *err) {
    static const uint64_t limits[] = {LYC__DATASET_MAX_ROWS, LYC__DATASET_MAX_CHANNELS, LYC__DATASET_MAX_SIDE,
                                      LYC__DATASET_MAX_SIDE};
    uint64_t dims[4] = {0, 1, 1, 1};
    if (shape->rank < 2)
        return lyc__h5_fail(err, LYC_EFORMAT, dataset,
                            "has %d dimension(s); [rows, channels, height, width], [rows, height, width] or "
                            "[rows, features] were expected",
                            shape->rank);
    dims[0] = shape->dims[0];
    for (int i = 1; i < shape->rank; i++) dims[4 - shape->rank + i] = shape->dims[i];
    for (int i = 0; i < 4; i++)
        if (dims[i] == 0 || dims[i] > limits[i])
            return lyc__h5_fail(err, LYC_EFORMAT, dataset,
                                "has a dimension of %" PRIu64 " (%s); 1 to %" PRIu64 " are possible", dims[i],
                                (const char *[]){"rows", "channels", "height", "width"}[i], limits[i]);
    out->rows = (uint32_t)dims[0];
    out->channels = (int)dims[1];
    out->height = (int)dims[2];
    out->width = (int)dims[3];
    return LYC_OK;
}

static lyc_status take_type(lyc__dataset_content *out, hid_t dataset, const lyc__h5_shape *shape,
                            lyc_error *err) {
    out->is_float = shape->type == H5T_FLOAT;
    bool is_byte = shape->type == H5T_INTEGER && shape->size == 1 && !shape->is_signed;
    if (out->is_float || is_byte) return LYC_OK;
    return lyc__h5_fail(err, LYC_EFORMAT, dataset,
                        "holds neither unsigned bytes (pixels 0 to 255) nor floats, but %s%s of %zu byte(s); "
                        "convert it, for instance with astype('uint8') or astype('float32')",
                        shape->is_signed ? "signed " : "", lyc__h5_class_name(shape->type), shape->size);
}

static lyc_status check_memory(hid_t dataset, uint64_t bytes, lyc_error *err) {
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages <= 0 || page <= 0) return LYC_OK;
    uint64_t memory = (uint64_t)pages * (uint64_t)page;
    if (bytes < memory) return LYC_OK;
    return lyc__h5_fail(err, LYC_ENOMEM, dataset,
                        "needs %" PRIu64 " MiB, but this machine has %" PRIu64
                        " MiB of memory; use a part of the rows",
                        bytes >> 20, memory >> 20);
}

static lyc_status check_finite(const lyc__dataset_content *content, hid_t dataset, lyc_error *err) {
    size_t width = lyc__dataset_row_values(content);
    const float *x = content->x;
    for (size_t row = 0; row < content->rows; row++, x += width) {
        size_t bad = 0;
        for (size_t i = 0; i < width; i++) bad += (size_t)!isfinite(x[i]);
        if (bad > 0)
            return lyc__h5_fail(err, LYC_EFORMAT, dataset,
                                "row %zu holds %zu value(s) that are not finite; replace or remove them", row,
                                bad);
    }
    return LYC_OK;
}

static lyc_status read_x(lyc__dataset_content *out, hid_t file, lyc_error *err) {
    lyc_status status;
    lyc__h5_shape shape;
    hid_t dataset;
    LYC_TRY(lyc__h5_open_dataset(&dataset, &shape, file, "x", err));
    LYC_TRY_GOTO(take_shape(out, dataset, &shape, err));
    LYC_TRY_GOTO(take_type(out, dataset, &shape, err));
    /* the product is known to fit: open_dataset checked it with a size at least this large, f16 apart */
    size_t row_bytes = lyc__dataset_row_bytes(out);
    LYC_TRY_GOTO(check_memory(dataset, (uint64_t)out->rows * row_bytes, err));
    LYC_TRY_GOTO(lyc_allocate(&out->x, out->rows, row_bytes, "the data set's /x", err));
    LYC_TRY_GOTO(lyc__h5_read(dataset, out->is_float ? H5T_NATIVE_FLOAT : H5T_NATIVE_UINT8, out->x, err));
    if (out->is_float) LYC_TRY_GOTO(check_finite(out, dataset, err));
done:
    lyc__h5_release(&dataset);
    return status;
}

/* ---- /y, /split, /id ---------------------------------------------------------------------------- */

/* HDF5 would turn negative numbers into 0 on the way to an unsigned type. */
static lyc_status check_not_negative(hid_t dataset, const int64_t *values, uint64_t rows, lyc_error *err) {
    for (uint64_t row = 0; row < rows; row++)
        if (values[row] < 0)
            return lyc__h5_fail(err, LYC_EFORMAT, dataset,
                                "is %" PRId64 " in row %" PRIu64 "; 0 or more is possible", values[row], row);
    return LYC_OK;
}

/* A column of one integer a row, as 64 bits; *out is NULL where the file has none. The caller frees it and
 * releases *dataset. Unsigned numbers beyond 2^63 arrive as 2^63 - 1, unless `type` is unsigned. */
static lyc_status read_column(void **out, hid_t *dataset, hid_t file, const char *name, hid_t type,
                              uint64_t rows, lyc_error *err) {
    lyc__h5_shape shape;
    *out = NULL;
    *dataset = LYC__H5_NONE;
    if (!lyc__h5_has(file, name)) return LYC_OK;
    LYC_TRY(lyc__h5_open_dataset(dataset, &shape, file, name, err));
    LYC_TRY(lyc__h5_expect(*dataset, &shape, H5T_INTEGER, 1, &rows, err));
    LYC_TRY(lyc_allocate(out, rows, 8, "a column of the data set", err));
    LYC_TRY(lyc__h5_read(*dataset, shape.is_signed ? H5T_NATIVE_INT64 : type, *out, err));
    bool unsigned_wanted = H5Tget_sign(type) == H5T_SGN_NONE;
    return shape.is_signed && unsigned_wanted ? check_not_negative(*dataset, *out, rows, err) : LYC_OK;
}

static lyc_status read_labels(lyc__dataset_content *out, hid_t file, lyc_error *err) {
    lyc_status status;
    hid_t dataset = LYC__H5_NONE;
    int64_t *y = NULL;
    LYC_TRY(LYC_NEW_ARRAY(out->labels, out->rows, err));
    LYC_TRY_GOTO(read_column((void **)&y, &dataset, file, "y", H5T_NATIVE_INT64, out->rows, err));
    for (uint32_t row = 0; row < out->rows; row++) {
        int64_t label = y ? y[row] : LYC_UNLABELLED;
        if (label < LYC_UNLABELLED || label >= LYC__DATASET_MAX_CLASSES) {
            status =
                lyc__h5_fail(err, LYC_EFORMAT, dataset,
                             "row %" PRIu32 " has label %" PRId64 "; labels are 0 to %d, and -1 for none",
                             row, label, LYC__DATASET_MAX_CLASSES - 1);
            goto done;
        }
        out->labels[row] = (int32_t)label;
    }
done:
    lyc__h5_release(&dataset);
    lyc_free(y);
    return status;
}

static lyc_status read_parts(lyc__dataset_content *out, hid_t file, lyc_error *err) {
    lyc_status status;
    hid_t dataset = LYC__H5_NONE;
    int64_t *parts = NULL;
    LYC_TRY(LYC_NEW_ARRAY(out->parts, out->rows, err));
    LYC_TRY_GOTO(read_column((void **)&parts, &dataset, file, "split", H5T_NATIVE_INT64, out->rows, err));
    for (uint32_t row = 0; row < out->rows && parts; row++) {
        if (parts[row] != 0 && parts[row] != 1) {
            status =
                lyc__h5_fail(err, LYC_EFORMAT, dataset,
                             "row %" PRIu32 " is in part %" PRId64 "; 0 (train) and 1 (test) are possible",
                             row, parts[row]);
            goto done;
        }
        out->parts[row] = (uint8_t)parts[row];
    }
done:
    lyc__h5_release(&dataset);
    lyc_free(parts);
    return status;
}

typedef struct identified {
    uint64_t id;
    uint32_t row;
} identified;

static int by_id(const void *a, const void *b) {
    const identified *left = a, *right = b;
    if (left->id != right->id) return left->id < right->id ? -1 : 1;
    return left->row < right->row ? -1 : left->row > right->row;
}

static lyc_status check_unique(const lyc__dataset_content *content, hid_t dataset, lyc_error *err) {
    uint32_t ascending = 1, rows = content->rows;
    const uint64_t *ids = content->ids;
    while (ascending < rows && ids[ascending - 1] < ids[ascending]) ascending++;
    if (ascending >= rows) return LYC_OK;
    identified *sorted = NULL;
    LYC_TRY(LYC_NEW_ARRAY(sorted, rows, err));
    for (uint32_t row = 0; row < rows; row++) sorted[row] = (identified){ids[row], row};
    qsort(sorted, rows, sizeof *sorted, by_id);
    lyc_status status = LYC_OK;
    for (uint32_t i = 1; i < rows && status == LYC_OK; i++)
        if (sorted[i].id == sorted[i - 1].id)
            status = lyc__h5_fail(err, LYC_EFORMAT, dataset,
                                  "rows %" PRIu32 " and %" PRIu32 " have the same id %" PRIu64
                                  "; ids tell rows apart and must be unique",
                                  sorted[i - 1].row, sorted[i].row, sorted[i].id);
    lyc_free(sorted);
    return status;
}

static lyc_status read_ids(lyc__dataset_content *out, hid_t file, lyc_error *err) {
    hid_t dataset = LYC__H5_NONE;
    lyc_status status =
        read_column((void **)&out->ids, &dataset, file, "id", H5T_NATIVE_UINT64, out->rows, err);
    if (status == LYC_OK && out->ids) status = check_unique(out, dataset, err);
    if (status == LYC_OK && !out->ids) {
        status = LYC_NEW_ARRAY(out->ids, out->rows, err);
        for (uint32_t row = 0; status == LYC_OK && row < out->rows; row++) out->ids[row] = row;
    }
    lyc__h5_release(&dataset);
    return status;
}

/* ---- attributes --------------------------------------------------------------------------------- */

static lyc_status check_format(hid_t file, lyc_error *err) {
    char *format = NULL;
    if (!lyc__h5_has_attribute(file, "format")) return LYC_OK; /* made by hand, with h5py for instance */
    LYC_TRY(lyc__h5_read_text_attribute(file, "format", TEXT_LIMIT, &format, err));
    lyc_status status = LYC_OK;
    if (strcmp(format, LYC__DATASET_FORMAT) != 0)
        status = lyc__h5_fail(err, LYC_EFORMAT, file, "is a '%.64s'; a data set ('%s') was expected", format,
                              LYC__DATASET_FORMAT);
    lyc_free(format);
    return status;
}

/* Without the attribute the classes are as many as the labels show, named by their numbers. */
static lyc_status number_classes(lyc__dataset_content *out, hid_t file, lyc_error *err) {
    enum { DIGITS = 24 };
    int32_t highest = LYC_UNLABELLED;
    for (uint32_t row = 0; row < out->rows; row++)
        if (out->labels[row] > highest) highest = out->labels[row];
    if (highest < 0)
        return lyc__h5_fail(
            err, LYC_EFORMAT, file,
            "has no labels and no attribute 'classes' (a list of names): nothing says what to learn");
    size_t count = (size_t)highest + 1;
    LYC_TRY(lyc_allocate((void **)&out->class_names, count, sizeof(char *) + DIGITS, "class names", err));
    char *text = (char *)(out->class_names + count);
    for (size_t i = 0; i < count; i++, text += DIGITS) {
        snprintf(text, DIGITS, "%zu", i);
        out->class_names[i] = text;
    }
    out->class_count = (int)count;
    return LYC_OK;
}

static lyc_status read_classes(lyc__dataset_content *out, hid_t file, lyc_error *err) {
    size_t count = 0;
    if (!lyc__h5_has_attribute(file, "classes")) return number_classes(out, file, err);
    LYC_TRY(lyc__h5_read_texts_attribute(file, "classes", LYC__DATASET_MAX_CLASSES, &out->class_names, &count,
                                         err));
    if (count == 0) return lyc__h5_fail(err, LYC_EFORMAT, file, "attribute 'classes' names no class");
    out->class_count = (int)count;
    for (uint32_t row = 0; row < out->rows; row++)
        if (out->labels[row] >= out->class_count)
            return lyc__h5_fail(err, LYC_EFORMAT, file,
                                "/y: row %" PRIu32 " has label %" PRId32
                                ", but 'classes' names only %d (0 to %d)",
                                row, out->labels[row], out->class_count, out->class_count - 1);
    return LYC_OK;
}

static void measure_moments(lyc__dataset_content *out) {
    lyc__moments moments = {0};
    lyc__moments_add(&moments, out, out->x, out->parts, 0, out->rows);
    if (!(moments.values > 0)) lyc__moments_add(&moments, out, out->x, out->parts, 1, out->rows);
    lyc__moments_finish(&moments, out, out->mean, out->std);
}

static lyc_status read_channel_values(float *out, hid_t file, const char *name, int channels, double above,
                                      lyc_error *err) {
    double *values = NULL;
    size_t count = 0;
    LYC_TRY(lyc__h5_read_f64_attribute(file, name, LYC__DATASET_MAX_CHANNELS, &values, &count, err));
    lyc_status status = LYC_OK;
    if (count != (size_t)channels)
        status = lyc__h5_fail(err, LYC_EFORMAT, file, "attribute '%s' has %zu value(s) for %d channel(s)",
                              name, count, channels);
    for (size_t i = 0; i < count && status == LYC_OK; i++) {
        out[i] = (float)values[i];
        if (!isfinite(out[i]) || !((double)out[i] > above))
            status = lyc__h5_fail(err, LYC_EFORMAT, file, "attribute '%s' holds %g, which is not possible",
                                  name, values[i]);
    }
    lyc_free(values);
    return status;
}

static lyc_status read_moments(lyc__dataset_content *out, hid_t file, lyc_error *err) {
    bool mean = lyc__h5_has_attribute(file, "mean"), std = lyc__h5_has_attribute(file, "std");
    if (!mean && !std) {
        measure_moments(out);
        return LYC_OK;
    }
    if (!mean || !std)
        return lyc__h5_fail(err, LYC_EFORMAT, file, "has attribute '%s' but not '%s'; give both or none",
                            mean ? "mean" : "std", mean ? "std" : "mean");
    LYC_TRY(read_channel_values(out->mean, file, "mean", out->channels, -INFINITY, err));
    return read_channel_values(out->std, file, "std", out->channels, 0, err);
}

static lyc_status check_fingerprint(lyc__dataset_content *out, hid_t file, lyc_error *err) {
    lyc__hash hash;
    char *stated = NULL;
    lyc__hash_start(&hash);
    lyc__dataset_hash_head(&hash, out);
    lyc__hash_update(&hash, out->x, out->rows * lyc__dataset_row_bytes(out));
    lyc__dataset_hash_tail(&hash, out);
    lyc__hash_finish_hex(&hash, out->fingerprint);
    if (!lyc__h5_has_attribute(file, "fingerprint")) return LYC_OK;
    LYC_TRY(lyc__h5_read_text_attribute(file, "fingerprint", TEXT_LIMIT, &stated, err));
    lyc_status status = LYC_OK;
    if (strcmp(stated, out->fingerprint) != 0)
        status = lyc__h5_fail(
            err, LYC_EFORMAT, file,
            "the content has fingerprint %s, but the file states %.32s: it was changed or damaged "
            "after it was made. Make it again, or delete the attribute 'fingerprint' if the change "
            "was meant",
            out->fingerprint, stated);
    lyc_free(stated);
    return status;
}

/* ---- the whole ---------------------------------------------------------------------------------- */

static lyc_status read_content(lyc__dataset_content *out, hid_t file, lyc_error *err) {
    LYC_TRY(check_format(file, err));
    LYC_TRY(read_x(out, file, err));
    LYC_TRY(read_labels(out, file, err));
    LYC_TRY(read_parts(out, file, err));
    LYC_TRY(read_ids(out, file, err));
    LYC_TRY(read_classes(out, file, err));
    LYC_TRY(read_moments(out, file, err));
    return check_fingerprint(out, file, err);
}

lyc_status lyc__dataset_read(lyc__dataset_content *out, const char *path, lyc_error *err) {
    hid_t file;
    memset(out, 0, sizeof *out);
    LYC_TRY(lyc__h5_open(&file, path, "data set", H5F_ACC_RDONLY, H5P_DEFAULT, err));
    lyc_status status = read_content(out, file, err);
    lyc__h5_release(&file);
    if (status != LYC_OK) lyc__dataset_release(out);
    return status;
}

/* Attributes that hold numbers. Text: hdf5_text.c. */
#include <string.h>

#include "io/hdf5_util.h"
#include "lyceum/memory.h"

bool lyc__h5_has_attribute(hid_t object, const char *name) {
    lyc__h5_quiet();
    htri_t found = H5Aexists(object, name);
    if (found < 0) H5Eclear2(H5E_DEFAULT);
    return found > 0;
}

lyc_status lyc__h5_write_attribute(hid_t object, const char *name, hid_t type, const void *data, size_t count,
                                   bool scalar, lyc_error *err) {
    lyc_status status = LYC_OK;
    hid_t attribute = LYC__H5_NONE;
    hsize_t dims = count;
    lyc__h5_quiet();
    hid_t space = scalar ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &dims, NULL);
    if (space >= 0) attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute < 0 || (count > 0 && H5Awrite(attribute, type, data) < 0))
        status = lyc__h5_fail(err, LYC_EIO, object, "cannot write attribute '%s'", name);
    lyc__h5_release(&attribute);
    lyc__h5_release(&space);
    return status;
}

typedef struct numbers {
    hid_t attribute;
    H5T_class_t type;
    bool is_signed;
    size_t count;
} numbers;

/* Opens attribute `name` and finds out what it holds. */
static lyc_status open_numbers(numbers *out, hid_t object, const char *name, size_t limit, lyc_error *err) {
    *out = (numbers){.attribute = LYC__H5_NONE};
    if (!lyc__h5_has_attribute(object, name))
        return lyc__h5_fail(err, LYC_EFORMAT, object, "has no attribute '%s'", name);
    out->attribute = H5Aopen(object, name, H5P_DEFAULT);
    hid_t type = out->attribute < 0 ? LYC__H5_NONE : H5Aget_type(out->attribute);
    hid_t space = out->attribute < 0 ? LYC__H5_NONE : H5Aget_space(out->attribute);
    hssize_t count = space < 0 ? -1 : H5Sget_simple_extent_npoints(space);
    out->type = type < 0 ? H5T_NO_CLASS : H5Tget_class(type);
    out->is_signed = out->type == H5T_INTEGER && H5Tget_sign(type) == H5T_SGN_2;
    lyc__h5_release(&type);
    lyc__h5_release(&space);
    if (count < 0) return lyc__h5_fail(err, LYC_EFORMAT, object, "attribute '%s' is damaged", name);
    if ((uint64_t)count > limit)
        return lyc__h5_fail(err, LYC_EFORMAT, object,
                            "attribute '%s' holds %lld numbers; at most %zu make sense", name,
                            (long long)count, limit);
    out->count = (size_t)count;
    return LYC_OK;
}

/* Reads all of it as `type` (8 bytes each) into a new block. */
static lyc_status read_numbers(const numbers *from, hid_t object, const char *name, hid_t type, void **out,
                               lyc_error *err) {
    LYC_TRY(lyc_allocate(out, from->count, 8, name, err));
    if (from->count > 0 && H5Aread(from->attribute, type, *out) < 0) {
        lyc_free(*out);
        *out = NULL;
        return lyc__h5_fail(err, LYC_EFORMAT, object, "cannot read attribute '%s'", name);
    }
    return LYC_OK;
}

lyc_status lyc__h5_read_f64_attribute(hid_t object, const char *name, size_t limit, double **out,
                                      size_t *count, lyc_error *err) {
    lyc_status status;
    numbers from;
    *out = NULL;
    LYC_TRY_GOTO(open_numbers(&from, object, name, limit, err));
    if (from.type != H5T_FLOAT && from.type != H5T_INTEGER) {
        status = lyc__h5_fail(err, LYC_EFORMAT, object, "attribute '%s' does not hold numbers", name);
        goto done;
    }
    LYC_TRY_GOTO(read_numbers(&from, object, name, H5T_NATIVE_DOUBLE, (void **)out, err));
    *count = from.count;
done:
    lyc__h5_release(&from.attribute);
    return status;
}

/* Integers as they are: the 64 bits, and whether those are signed. */
static lyc_status read_integers(hid_t object, const char *name, size_t limit, int64_t **out, size_t *count,
                                bool *is_signed, lyc_error *err) {
    lyc_status status;
    numbers from;
    *out = NULL;
    LYC_TRY_GOTO(open_numbers(&from, object, name, limit, err));
    if (from.type != H5T_INTEGER) {
        status = lyc__h5_fail(err, LYC_EFORMAT, object, "attribute '%s' does not hold integers", name);
        goto done;
    }
    LYC_TRY_GOTO(read_numbers(&from, object, name, from.is_signed ? H5T_NATIVE_INT64 : H5T_NATIVE_UINT64,
                              (void **)out, err));
    *count = from.count;
    *is_signed = from.is_signed;
done:
    lyc__h5_release(&from.attribute);
    return status;
}

lyc_status lyc__h5_read_i64_attribute(hid_t object, const char *name, size_t limit, int64_t **out,
                                      size_t *count, lyc_error *err) {
    bool is_signed = true;
    LYC_TRY(read_integers(object, name, limit, out, count, &is_signed, err));
    for (size_t i = 0; i < *count && !is_signed; i++)
        if ((*out)[i] < 0) {
            lyc_free(*out);
            *out = NULL;
            return lyc__h5_fail(err, LYC_EFORMAT, object, "attribute '%s' holds a number beyond 2^63", name);
        }
    return LYC_OK;
}

lyc_status lyc__h5_read_u64_attribute(hid_t object, const char *name, uint64_t *out, lyc_error *err) {
    int64_t *values = NULL;
    size_t count = 0;
    bool is_signed = true;
    LYC_TRY(read_integers(object, name, 1, &values, &count, &is_signed, err));
    lyc_status status = LYC_OK;
    if (count != 1) status = lyc__h5_fail(err, LYC_EFORMAT, object, "attribute '%s' is empty", name);
    else if (is_signed && values[0] < 0)
        status = lyc__h5_fail(err, LYC_EFORMAT, object, "attribute '%s' is negative", name);
    else *out = (uint64_t)values[0];
    lyc_free(values);
    return status;
}

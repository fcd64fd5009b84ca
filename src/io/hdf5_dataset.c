/* Data sets inside an HDF5 file: what they claim is checked before anything is allocated for them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "io/hdf5_util.h"

/* gzip packs 1,032 to 1 at best; 64 MiB are affordable whatever the file says. */
#define MAX_RATIO  1100u
#define FREE_BYTES (UINT64_C(64) << 20)

bool lyc__h5_has(hid_t location, const char *name) {
    lyc__h5_quiet();
    htri_t found = H5Lexists(location, name, H5P_DEFAULT);
    if (found < 0) H5Eclear2(H5E_DEFAULT);
    return found > 0;
}

/* ---- describing --------------------------------------------------------------------------------- */

static uint64_t file_bytes(hid_t dataset) {
    hsize_t size = 0;
    hid_t file = H5Iget_file_id(dataset);
    if (file >= 0) H5Fget_filesize(file, &size);
    lyc__h5_release(&file);
    return size;
}

static lyc_status describe_space(hid_t dataset, lyc__h5_shape *shape, lyc_error *err) {
    hsize_t dims[H5S_MAX_RANK] = {0};
    hid_t space = H5Dget_space(dataset);
    int rank = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);
    bool simple = rank >= 0 && H5Sget_simple_extent_type(space) != H5S_NULL;
    if (simple) H5Sget_simple_extent_dims(space, dims, NULL);
    lyc__h5_release(&space);
    if (!simple) return lyc__h5_fail(err, LYC_EFORMAT, dataset, "has no dimensions");
    if (rank > LYC__H5_MAX_RANK)
        return lyc__h5_fail(err, LYC_EFORMAT, dataset, "has %d dimensions; at most %d make sense", rank,
                            LYC__H5_MAX_RANK);
    shape->rank = rank;
    for (int i = 0; i < rank; i++) shape->dims[i] = dims[i];
    return LYC_OK;
}

static lyc_status describe_type(hid_t dataset, lyc__h5_shape *shape, lyc_error *err) {
    hid_t type = H5Dget_type(dataset);
    if (type < 0) return lyc__h5_fail(err, LYC_EFORMAT, dataset, "has a damaged type");
    shape->type = H5Tget_class(type);
    shape->size = H5Tget_size(type);
    shape->is_signed = shape->type == H5T_INTEGER && H5Tget_sign(type) == H5T_SGN_2;
    lyc__h5_release(&type);
    return LYC_OK;
}

/* Where another file that a data set points to is missing or cut off, HDF5 reads zeros and says nothing. */
static lyc_status check_layout(hid_t dataset, lyc_error *err) {
    hid_t list = H5Dget_create_plist(dataset);
    bool is_virtual = list >= 0 && H5Pget_layout(list) == H5D_VIRTUAL;
    bool is_external = list >= 0 && H5Pget_external_count(list) > 0;
    lyc__h5_release(&list);
    if (!is_virtual && !is_external) return LYC_OK;
    return lyc__h5_fail(err, LYC_EFORMAT, dataset,
                        "is %s: it shows what other files hold; copy the values into this file",
                        is_virtual ? "virtual" : "external");
}

/* count = product of dims, refused where it overflows or where the file is too small to hold that much */
static lyc_status check_size(hid_t dataset, lyc__h5_shape *shape, lyc_error *err) {
    uint64_t bytes = shape->size;
    bool empty = false, overflow = false;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dims[i] == 0) empty = true;
        else overflow |= __builtin_mul_overflow(bytes, shape->dims[i], &bytes);
    }
    shape->count = empty || shape->size == 0 ? 0 : bytes / shape->size;
    if (empty) return LYC_OK;
    uint64_t file = file_bytes(dataset);
    if (overflow || bytes > (uint64_t)PTRDIFF_MAX)
        return lyc__h5_fail(err, LYC_EFORMAT, dataset, "claims dimensions whose product overflows");
    if (bytes > FREE_BYTES && bytes / MAX_RATIO > file)
        return lyc__h5_fail(err, LYC_EFORMAT, dataset,
                            "claims %" PRIu64 " bytes, which a file of %" PRIu64 " bytes cannot hold", bytes,
                            file);
    return LYC_OK;
}

lyc_status lyc__h5_open_dataset(hid_t *out, lyc__h5_shape *shape, hid_t location, const char *name,
                                lyc_error *err) {
    *out = LYC__H5_NONE;
    memset(shape, 0, sizeof *shape);
    if (!lyc__h5_has(location, name))
        return lyc__h5_fail(err, LYC_EFORMAT, location,
                            "has no HDF5 data set '%s'; docs/files.md says what such a file holds", name);
    hid_t dataset = H5Dopen2(location, name, H5P_DEFAULT);
    if (dataset < 0)
        return lyc__h5_fail(err, LYC_EFORMAT, location, "'%s' is not a data set that can be read", name);
    lyc_status status = check_layout(dataset, err);
    if (status == LYC_OK) status = describe_space(dataset, shape, err);
    if (status == LYC_OK) status = describe_type(dataset, shape, err);
    if (status == LYC_OK) status = check_size(dataset, shape, err);
    if (status != LYC_OK) {
        lyc__h5_release(&dataset);
        return status;
    }
    *out = dataset;
    return LYC_OK;
}

/* ---- expectations ------------------------------------------------------------------------------- */

const char *lyc__h5_class_name(H5T_class_t type) {
    static const struct {
        H5T_class_t type;
        const char *name;
    } names[] = {
        {H5T_INTEGER, "integers"}, {H5T_FLOAT, "floats"}, {H5T_STRING, "text"}, {H5T_ENUM, "an enumeration"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].type == type) return names[i].name;
    return "another type";
}

#define SHAPE_TEXT 128
static const char *shape_text(char out[SHAPE_TEXT], int rank, const uint64_t *dims) {
    size_t used = (size_t)snprintf(out, SHAPE_TEXT, "[");
    for (int i = 0; i < rank && used < SHAPE_TEXT; i++) {
        const char *comma = i ? ", " : "";
        int size = dims[i] == UINT64_MAX
                       ? snprintf(out + used, SHAPE_TEXT - used, "%sany", comma)
                       : snprintf(out + used, SHAPE_TEXT - used, "%s%" PRIu64, comma, dims[i]);
        used += (size_t)size;
    }
    if (used < SHAPE_TEXT) snprintf(out + used, SHAPE_TEXT - used, "]");
    return out;
}

lyc_status lyc__h5_expect(hid_t dataset, const lyc__h5_shape *shape, H5T_class_t type, int rank,
                          const uint64_t *dims, lyc_error *err) {
    char is[SHAPE_TEXT], wanted[SHAPE_TEXT];
    bool fits = shape->rank == rank;
    for (int i = 0; i < rank && fits; i++) fits = dims[i] == UINT64_MAX || dims[i] == shape->dims[i];
    if (!fits)
        return lyc__h5_fail(err, LYC_EFORMAT, dataset, "has shape %s; %s was expected",
                            shape_text(is, shape->rank, shape->dims), shape_text(wanted, rank, dims));
    if (shape->type != type)
        return lyc__h5_fail(err, LYC_EFORMAT, dataset, "holds %s of %zu bytes; %s were expected",
                            lyc__h5_class_name(shape->type), shape->size, lyc__h5_class_name(type));
    return LYC_OK;
}

/* ---- reading and writing ------------------------------------------------------------------------ */

lyc_status lyc__h5_read(hid_t dataset, hid_t type, void *out, lyc_error *err) {
    lyc__h5_quiet();
    if (H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) < 0)
        return lyc__h5_fail(err, LYC_EIO, dataset, "cannot be read");
    return LYC_OK;
}

/* Selects rows [first, first + count) of `dataset`; *memory is a space of the same shape. */
static herr_t select_rows(hid_t dataset, uint64_t first, uint64_t count, hid_t *file, hid_t *memory) {
    hsize_t dims[H5S_MAX_RANK], start[H5S_MAX_RANK] = {0};
    *memory = LYC__H5_NONE;
    lyc__h5_quiet();
    *file = H5Dget_space(dataset);
    int rank = *file < 0 ? -1 : H5Sget_simple_extent_dims(*file, dims, NULL);
    if (rank < 1 || first > dims[0] || count > dims[0] - first) return -1;
    start[0] = first;
    dims[0] = count;
    *memory = H5Screate_simple(rank, dims, NULL);
    if (*memory < 0) return -1;
    return H5Sselect_hyperslab(*file, H5S_SELECT_SET, start, NULL, dims, NULL);
}

lyc_status lyc__h5_read_rows(hid_t dataset, hid_t type, uint64_t first, uint64_t count, void *data,
                             lyc_error *err) {
    hid_t file, memory;
    lyc_status status = LYC_OK;
    if (count == 0) return LYC_OK;
    if (select_rows(dataset, first, count, &file, &memory) < 0 ||
        H5Dread(dataset, type, memory, file, H5P_DEFAULT, data) < 0)
        status = lyc__h5_fail(err, LYC_EIO, dataset, "cannot read rows %" PRIu64 " to %" PRIu64, first,
                              first + count - 1);
    lyc__h5_release(&memory);
    lyc__h5_release(&file);
    return status;
}

lyc_status lyc__h5_write_rows(hid_t dataset, hid_t type, uint64_t first, uint64_t count, const void *data,
                              lyc_error *err) {
    hid_t file, memory;
    lyc_status status = LYC_OK;
    if (count == 0) return LYC_OK;
    if (select_rows(dataset, first, count, &file, &memory) < 0 ||
        H5Dwrite(dataset, type, memory, file, H5P_DEFAULT, data) < 0)
        status = lyc__h5_fail(err, LYC_EIO, dataset,
                              "cannot write rows %" PRIu64 " to %" PRIu64 "; is the disk full?", first,
                              first + count - 1);
    lyc__h5_release(&memory);
    lyc__h5_release(&file);
    return status;
}

/* ---- creating ----------------------------------------------------------------------------------- */

static herr_t creation_lists(hid_t *dataset_list, hid_t *link_list, bool zeroed) {
    *dataset_list = H5Pcreate(H5P_DATASET_CREATE);
    *link_list = H5Pcreate(H5P_LINK_CREATE);
    if (*dataset_list < 0 || *link_list < 0) return -1;
    if (H5Pset_layout(*dataset_list, H5D_CONTIGUOUS) < 0) return -1;
    if (H5Pset_alloc_time(*dataset_list, H5D_ALLOC_TIME_EARLY) < 0) return -1;
    if (H5Pset_fill_time(*dataset_list, zeroed ? H5D_FILL_TIME_ALLOC : H5D_FILL_TIME_NEVER) < 0) return -1;
    return H5Pset_create_intermediate_group(*link_list, 1);
}

lyc_status lyc__h5_create_dataset(hid_t *out, hid_t location, const char *name, hid_t type, int rank,
                                  const uint64_t *dims, bool zeroed, lyc_error *err) {
    hsize_t extent[LYC__H5_MAX_RANK] = {0};
    hid_t space = LYC__H5_NONE, dataset_list, link_list;
    lyc_status status = LYC_OK;
    *out = LYC__H5_NONE;
    if (rank < 0 || rank > LYC__H5_MAX_RANK)
        return lyc__h5_fail(err, LYC_EINTERNAL, location, "cannot create '%s' with %d dimensions", name,
                            rank);
    lyc__h5_quiet();
    for (int i = 0; i < rank; i++) extent[i] = dims[i];
    if (creation_lists(&dataset_list, &link_list, zeroed) >= 0)
        space = rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(rank, extent, NULL);
    if (space >= 0) *out = H5Dcreate2(location, name, type, space, link_list, dataset_list, H5P_DEFAULT);
    if (*out < 0) {
        *out = LYC__H5_NONE;
        status = lyc__h5_fail(err, LYC_EIO, location, "cannot create data set '%s'; is the disk full?", name);
    }
    lyc__h5_release(&space);
    lyc__h5_release(&link_list);
    lyc__h5_release(&dataset_list);
    return status;
}

lyc_status lyc__h5_write_dataset(hid_t location, const char *name, hid_t stored, hid_t type, int rank,
                                 const uint64_t *dims, const void *data, lyc_error *err) {
    hid_t dataset;
    LYC_TRY(lyc__h5_create_dataset(&dataset, location, name, stored, rank, dims, false, err));
    lyc_status status = LYC_OK;
    if (H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
        status = lyc__h5_fail(err, LYC_EIO, dataset, "cannot be written; is the disk full?");
    lyc__h5_release(&dataset);
    return status;
}

#include "tests/fuzz/container.h"

#include <hdf5.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_RANK = 5, NAME_SIZE = 256, MOST_WIDTH = 4096, MOST_BYTES = 1 << 18, CHUNK = 4 };

typedef struct cursor {
    const uint8_t *at;
    size_t left;
} cursor;

static uint32_t take(cursor *from, size_t bytes) {
    uint32_t value = 0;
    for (size_t i = 0; i < bytes && from->left > 0; i++, from->left--)
        value |= (uint32_t)*from->at++ << (8 * i);
    return value;
}

/* Cut at a zero byte, as names are. */
static const char *take_name(cursor *from, char out[NAME_SIZE]) {
    size_t length = take(from, 1);
    if (length > from->left) length = from->left;
    memcpy(out, from->at, length);
    out[length] = '\0';
    from->at += length;
    from->left -= length;
    return out;
}

/* ---- types -------------------------------------------------------------------------------------------- */

static hid_t compound(void) {
    hid_t type = H5Tcreate(H5T_COMPOUND, 5);
    H5Tinsert(type, "a", 0, H5T_STD_U8LE);
    H5Tinsert(type, "b", 1, H5T_IEEE_F32LE);
    return type;
}

static hid_t enumeration(void) {
    hid_t type = H5Tenum_create(H5T_STD_U8LE);
    H5Tenum_insert(type, "no", &(uint8_t){0});
    H5Tenum_insert(type, "yes", &(uint8_t){1});
    return type;
}

static hid_t text(H5T_str_t padding, size_t width) {
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, width);
    H5Tset_strpad(type, padding);
    return type;
}

/* The order is what the corpus was written with: append only. */
enum { TEXT_NULLPAD = 14, TEXT_NULLTERM, TEXT_SPACEPAD, TEXT_VARIABLE, LIST, TYPES = 24 };

static hid_t make_type(uint32_t kind, size_t width) {
    const hid_t numbers[] = {H5T_STD_U8LE,  H5T_STD_I8LE,  H5T_STD_U16LE,  H5T_STD_I16LE,  H5T_STD_U32LE,
                             H5T_STD_I32LE, H5T_STD_U64LE, H5T_STD_I64LE,  H5T_IEEE_F32LE, H5T_IEEE_F64LE,
                             H5T_STD_I32BE, H5T_STD_U64BE, H5T_IEEE_F32BE, H5T_IEEE_F64BE};
    width = 1 + (width + MOST_WIDTH - 1) % MOST_WIDTH;
    switch (kind % TYPES) {
    case TEXT_NULLPAD:
        return text(H5T_STR_NULLPAD, width);
    case TEXT_NULLTERM:
        return text(H5T_STR_NULLTERM, width);
    case TEXT_SPACEPAD:
        return text(H5T_STR_SPACEPAD, width);
    case TEXT_VARIABLE:
        return text(H5T_STR_NULLTERM, H5T_VARIABLE);
    case LIST:
        return H5Tvlen_create(H5T_STD_I32LE);
    case 19:
        return compound();
    case 20:
        return enumeration();
    case 21:
        return H5Tarray_create2(H5T_IEEE_F32LE, 1, &(hsize_t){2});
    case 22:
        return H5Tcreate(H5T_OPAQUE, width);
    case 23:
        return H5Tcopy(H5T_STD_B8LE);
    default:
        return H5Tcopy(numbers[kind % TYPES]);
    }
}

/* ---- values ------------------------------------------------------------------------------------------- */

typedef struct value {
    uint32_t kind;
    hid_t type, space;
    int rank;
    hsize_t dims[MOST_RANK];
    cursor bytes;
} value;

static value take_value(cursor *from) {
    value v = {.kind = take(from, 1) % TYPES};
    v.type = make_type(v.kind, take(from, 2));
    v.rank = (int)(take(from, 1) % (MOST_RANK + 2));
    for (int i = 0; i < v.rank && v.rank <= MOST_RANK; i++) v.dims[i] = take(from, 4);
    v.space = v.rank > MOST_RANK ? H5Screate(H5S_NULL)
              : v.rank == 0      ? H5Screate(H5S_SCALAR)
                                 : H5Screate_simple(v.rank, v.dims, NULL);
    v.bytes = *from;
    return v;
}

static void close_value(value *v) {
    H5Tclose(v->type);
    H5Sclose(v->space);
}

static bool is_small(const value *v) {
    return (uint64_t)H5Sget_simple_extent_npoints(v->space) <= MOST_BYTES / H5Tget_size(v->type);
}

/* What to write: the bytes, repeated; texts and lists of variable length all point to them. NULL: nothing. */
static void *fill(const value *v, char **kept) {
    const hssize_t count = H5Sget_simple_extent_npoints(v->space);
    const size_t size = H5Tget_size(v->type), given = v->bytes.left;
    *kept = NULL;
    if (count <= 0 || given == 0 || !is_small(v)) return NULL;
    uint8_t *out = calloc((size_t)count, size);
    *kept = calloc(given / sizeof(int32_t) + 1, sizeof(int32_t));
    if (!out || !*kept) abort();
    memcpy(*kept, v->bytes.at, given);
    for (size_t i = 0; i < (size_t)count; i++) {
        if (v->kind == TEXT_VARIABLE) memcpy(out + i * size, kept, sizeof *kept);
        else if (v->kind == LIST)
            memcpy(out + i * size, &(hvl_t){given / sizeof(int32_t), *kept}, sizeof(hvl_t));
        else
            for (size_t k = 0; k < size; k++) out[i * size + k] = v->bytes.at[(i * size + k) % given];
    }
    return out;
}

/* ---- records ------------------------------------------------------------------------------------------ */

static hid_t list_of(uint32_t layout, const value *v) {
    enum { CONTIGUOUS, CHUNKED, PACKED, COMPACT, EXTERNAL, LAYOUTS };
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    hsize_t chunk[MOST_RANK];
    for (int i = 0; i < MOST_RANK; i++)
        chunk[i] = v->dims[i] == 0 ? 1 : v->dims[i] < CHUNK ? v->dims[i] : CHUNK;
    layout %= LAYOUTS;
    if ((layout == CHUNKED || layout == PACKED) && v->rank > 0 && v->rank <= MOST_RANK)
        H5Pset_chunk(list, v->rank, chunk);
    if (layout == PACKED) H5Pset_deflate(list, 1);
    if (layout == COMPACT) H5Pset_layout(list, H5D_COMPACT);
    if (layout == EXTERNAL) H5Pset_external(list, "/nowhere/at/all", 0, H5F_UNLIMITED);
    return list;
}

static void add_dataset(hid_t file, const char *name, cursor *from) {
    const uint32_t layout = take(from, 1);
    char *kept;
    value v = take_value(from);
    hid_t list = list_of(layout, &v), links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    hid_t dataset = H5Dcreate2(file, name, v.type, v.space, links, list, H5P_DEFAULT);
    void *out = dataset >= 0 ? fill(&v, &kept) : NULL;
    if (out) H5Dwrite(dataset, v.type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out);
    if (dataset >= 0) free(kept);
    free(out);
    if (dataset >= 0) H5Dclose(dataset);
    H5Pclose(links);
    H5Pclose(list);
    close_value(&v);
}

static void add_attribute(hid_t file, const char *object, cursor *from, const char *mended, const char *sum) {
    char name[NAME_SIZE], *kept;
    take_name(from, name);
    value v = take_value(from);
    if (mended && strcmp(name, mended) == 0) {
        close_value(&v);
        v = (value){.type = text(H5T_STR_NULLPAD, strlen(sum)),
                    .space = H5Screate(H5S_SCALAR),
                    .bytes = {(const uint8_t *)sum, strlen(sum)}};
    }
    hid_t attribute = H5I_INVALID_HID;
    if (is_small(&v))
        attribute =
            H5Acreate_by_name(file, object, name, v.type, v.space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    void *out = attribute >= 0 ? fill(&v, &kept) : NULL;
    if (out) H5Awrite(attribute, v.type, out);
    if (attribute >= 0) free(kept);
    free(out);
    if (attribute >= 0) H5Aclose(attribute);
    close_value(&v);
}

static void add_link(hid_t file, const char *name, cursor *from) {
    char target[NAME_SIZE];
    const uint32_t how = take(from, 1);
    take_name(from, target);
    if (how % 3 == 0) H5Lcreate_soft(target, file, name, H5P_DEFAULT, H5P_DEFAULT);
    if (how % 3 == 1) H5Lcreate_hard(file, target, file, name, H5P_DEFAULT, H5P_DEFAULT);
    if (how % 3 == 2) H5Lcreate_external("/nowhere/at/all", target, file, name, H5P_DEFAULT, H5P_DEFAULT);
}

static void add_record(hid_t file, cursor record, const char *mended, const char *sum) {
    char name[NAME_SIZE];
    const uint32_t kind = take(&record, 1);
    take_name(&record, name);
    switch (kind % 4) {
    case 0: {
        hid_t group = H5Gcreate2(file, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        if (group >= 0) H5Gclose(group);
        break;
    }
    case 1:
        add_dataset(file, name, &record);
        break;
    case 2:
        add_attribute(file, name, &record, mended, sum);
        break;
    default:
        add_link(file, name, &record);
        break;
    }
}

void container_open(fuzz_file *out, const uint8_t *data, size_t size, const char *mended, const char *sum) {
    cursor from = {data, size};
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5set_free_list_limits(0, 0, 0, 0, 0, 0); /* what HDF5 frees is gone, and used no more */
    const char *folder = getenv("TMPDIR");
    out->descriptor = -1; /* HDF5 wants a name that can be found in a directory */
    (void)snprintf(out->path, sizeof out->path, "%s/fuzz-%ld.h5", folder ? folder : P_tmpdir, (long)getpid());
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
    hid_t file = H5Fcreate(out->path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    if (file < 0) abort();
    while (from.left > 2) {
        size_t length = take(&from, 2);
        if (length > from.left) length = from.left;
        add_record(file, (cursor){from.at, length}, mended, sum);
        from.at += length;
        from.left -= length;
    }
    H5Fclose(file);
    H5Pclose(access);
    H5Eclear2(H5E_DEFAULT);
}

int container_sum(const lyc_error *err, const char *phrase, char out[33]) {
    const char *found = strstr(err->message, phrase);
    if (!found || strspn(found + strlen(phrase), "0123456789abcdef") < 32) return 0;
    memcpy(out, found + strlen(phrase), 32);
    out[32] = '\0';
    return 1;
}

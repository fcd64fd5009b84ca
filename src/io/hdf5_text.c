/* Text in attributes and data sets: written in fixed length, read in fixed and variable length.
 *
 * Text of variable length lives in HDF5's global heap, which carries no checksum and over which the library
 * crashes when it is damaged (H5HG_read of 1.10.8). Fixed length keeps it inside checksummed headers. */
#include <string.h>

#include "io/hdf5_util.h"
#include "lyceum/memory.h"

/* An attribute or a data set that holds text: only the calls differ. */
typedef struct text_source {
    hid_t object, id, type, space;
    const char *name;
    const char *kind; /* for messages */
    herr_t (*read)(hid_t id, hid_t type, void *out);
    size_t count, width; /* texts, and bytes of each where the length is fixed (0 = variable) */
} text_source;

static herr_t read_attribute(hid_t id, hid_t type, void *out) {
    return H5Aread(id, type, out);
}

static herr_t read_dataset(hid_t id, hid_t type, void *out) {
    return H5Dread(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out);
}

static void close_source(text_source *source) {
    lyc__h5_release(&source->space);
    lyc__h5_release(&source->type);
    lyc__h5_release(&source->id);
}

static lyc_status describe(text_source *source, size_t limit, lyc_error *err) {
    hssize_t count = source->space < 0 ? -1 : H5Sget_simple_extent_npoints(source->space);
    if (source->type < 0 || count < 0)
        return lyc__h5_fail(err, LYC_EFORMAT, source->object, "%s '%s' is damaged", source->kind,
                            source->name);
    if (H5Tget_class(source->type) != H5T_STRING)
        return lyc__h5_fail(err, LYC_EFORMAT, source->object, "%s '%s' does not hold text", source->kind,
                            source->name);
    if ((uint64_t)count > limit)
        return lyc__h5_fail(err, LYC_EFORMAT, source->object,
                            "%s '%s' holds %lld texts; at most %zu make sense", source->kind, source->name,
                            (long long)count, limit);
    source->count = (size_t)count;
    source->width = H5Tis_variable_str(source->type) > 0 ? 0 : H5Tget_size(source->type);
    return LYC_OK;
}

static lyc_status open_attribute(text_source *source, hid_t object, const char *name, size_t limit,
                                 lyc_error *err) {
    *source = (text_source){.object = object,
                            .id = LYC__H5_NONE,
                            .type = LYC__H5_NONE,
                            .space = LYC__H5_NONE,
                            .name = name,
                            .kind = "attribute",
                            .read = read_attribute};
    if (!lyc__h5_has_attribute(object, name))
        return lyc__h5_fail(err, LYC_EFORMAT, object, "has no attribute '%s'", name);
    source->id = H5Aopen(object, name, H5P_DEFAULT);
    if (source->id >= 0) source->type = H5Aget_type(source->id);
    if (source->id >= 0) source->space = H5Aget_space(source->id);
    return describe(source, limit, err);
}

static lyc_status open_dataset(text_source *source, hid_t object, const char *name, lyc_error *err) {
    *source = (text_source){.object = object,
                            .id = LYC__H5_NONE,
                            .type = LYC__H5_NONE,
                            .space = LYC__H5_NONE,
                            .name = name,
                            .kind = "data set",
                            .read = read_dataset};
    if (!lyc__h5_has(object, name))
        return lyc__h5_fail(err, LYC_EFORMAT, object,
                            "has no HDF5 data set '%s'; docs/files.md says what such a file holds", name);
    source->id = H5Dopen2(object, name, H5P_DEFAULT);
    if (source->id >= 0) source->type = H5Dget_type(source->id);
    if (source->id >= 0) source->space = H5Dget_space(source->id);
    return describe(source, 1, err);
}

/* Lays out pointers and texts in one block. `texts` are not terminated where `lengths` say where they end. */
static lyc_status pack(char ***out, const char *const *texts, const size_t *lengths, size_t count,
                       lyc_error *err) {
    size_t bytes = count * sizeof(char *);
    for (size_t i = 0; i < count; i++) bytes += lengths[i] + 1;
    char **block = NULL;
    LYC_TRY(lyc_allocate((void **)&block, bytes, 1, "texts of a file", err));
    char *end = (char *)(block + count);
    for (size_t i = 0; i < count; i++) {
        block[i] = end;
        if (lengths[i] > 0) memcpy(end, texts[i], lengths[i]);
        end += lengths[i] + 1;
    }
    *out = block;
    return LYC_OK;
}

static lyc_status check_length(const text_source *source, size_t bytes, size_t limit, lyc_error *err) {
    if (bytes <= limit) return LYC_OK;
    return lyc__h5_fail(err, LYC_EFORMAT, source->object,
                        "%s '%s' holds %zu bytes of text; at most %zu make sense", source->kind, source->name,
                        bytes, limit);
}

/* A NULL that HDF5 hands out for a text never written counts as empty. */
static lyc_status read_variable(const text_source *source, size_t limit, char ***out, lyc_error *err) {
    lyc_status status;
    char **texts = NULL;
    size_t *lengths = NULL, bytes = 0;
    bool reclaim = false;
    LYC_TRY_GOTO(LYC_NEW_ARRAY(texts, source->count, err));
    LYC_TRY_GOTO(LYC_NEW_ARRAY(lengths, source->count, err));
    if (source->read(source->id, source->type, texts) < 0) {
        status =
            lyc__h5_fail(err, LYC_EFORMAT, source->object, "cannot read %s '%s'", source->kind, source->name);
        goto done;
    }
    reclaim = true;
    for (size_t i = 0; i < source->count; i++) {
        lengths[i] = texts[i] ? strlen(texts[i]) : 0;
        bytes += lengths[i];
    }
    LYC_TRY_GOTO(check_length(source, bytes, limit, err));
    LYC_TRY_GOTO(pack(out, (const char *const *)texts, lengths, source->count, err));
done:
    if (reclaim) H5Dvlen_reclaim(source->type, source->space, H5P_DEFAULT, texts);
    lyc_free(lengths);
    lyc_free(texts);
    return status;
}

static size_t fixed_length(const char *text, size_t width, bool spaces) {
    size_t length = strnlen(text, width);
    while (spaces && length > 0 && text[length - 1] == ' ') length--;
    return length;
}

static lyc_status read_fixed(const text_source *source, size_t limit, char ***out, lyc_error *err) {
    lyc_status status;
    char *bytes = NULL;
    const char **texts = NULL;
    size_t *lengths = NULL;
    bool spaces = H5Tget_strpad(source->type) == H5T_STR_SPACEPAD;
    if (source->count > 0) LYC_TRY(check_length(source, source->width, limit / source->count, err));
    LYC_TRY_GOTO(lyc_allocate((void **)&bytes, source->count, source->width, "texts of a file", err));
    LYC_TRY_GOTO(LYC_NEW_ARRAY(texts, source->count, err));
    LYC_TRY_GOTO(LYC_NEW_ARRAY(lengths, source->count, err));
    if (source->read(source->id, source->type, bytes) < 0) {
        status =
            lyc__h5_fail(err, LYC_EFORMAT, source->object, "cannot read %s '%s'", source->kind, source->name);
        goto done;
    }
    for (size_t i = 0; i < source->count; i++) {
        texts[i] = bytes + i * source->width;
        lengths[i] = fixed_length(texts[i], source->width, spaces);
    }
    LYC_TRY_GOTO(pack(out, texts, lengths, source->count, err));
done:
    lyc_free(lengths);
    lyc_free(texts);
    lyc_free(bytes);
    return status;
}

static lyc_status read_all(const text_source *source, size_t limit, char ***out, lyc_error *err) {
    return source->width ? read_fixed(source, limit, out, err) : read_variable(source, limit, out, err);
}

/* The one text of `source`, as a block of its own. */
static lyc_status read_single(const text_source *source, size_t limit, char **out, lyc_error *err) {
    char **texts = NULL;
    if (source->count != 1)
        return lyc__h5_fail(err, LYC_EFORMAT, source->object, "%s '%s' is empty; one text was expected",
                            source->kind, source->name);
    LYC_TRY(read_all(source, limit, &texts, err));
    *out = lyc_strdup(texts[0]);
    lyc_free(texts);
    if (!*out) LYC_FAIL(err, LYC_ENOMEM, "no memory for '%s'", source->name);
    return LYC_OK;
}

lyc_status lyc__h5_read_text_attribute(hid_t object, const char *name, size_t limit, char **out,
                                       lyc_error *err) {
    text_source source;
    *out = NULL;
    lyc_status status = open_attribute(&source, object, name, 1, err);
    if (status == LYC_OK) status = read_single(&source, limit, out, err);
    close_source(&source);
    return status;
}

/* Class names and the like: 1 KiB of text each is plenty. */
lyc_status lyc__h5_read_texts_attribute(hid_t object, const char *name, size_t limit, char ***out,
                                        size_t *count, lyc_error *err) {
    text_source source;
    *out = NULL;
    *count = 0;
    lyc_status status = open_attribute(&source, object, name, limit, err);
    if (status == LYC_OK) status = read_all(&source, source.count * 1024, out, err);
    if (status == LYC_OK) *count = source.count;
    close_source(&source);
    return status;
}

lyc_status lyc__h5_read_text(hid_t location, const char *name, size_t limit, char **out, lyc_error *err) {
    text_source source;
    *out = NULL;
    lyc_status status = open_dataset(&source, location, name, err);
    if (status == LYC_OK) status = read_single(&source, limit, out, err);
    close_source(&source);
    return status;
}

/* ---- writing ------------------------------------------------------------------------------------ */

/* Texts in one block, `width` bytes each, and the type of that. */
typedef struct text_block {
    char *bytes;
    size_t width;
    hid_t type;
} text_block;

static void close_block(text_block *block) {
    lyc__h5_release(&block->type);
    lyc_free(block->bytes);
}

static lyc_status fill_block(text_block *out, const char *const *texts, size_t count, lyc_error *err) {
    *out = (text_block){.width = 1, .type = LYC__H5_NONE};
    for (size_t i = 0; i < count; i++)
        if (strlen(texts[i]) > out->width) out->width = strlen(texts[i]);
    LYC_TRY(lyc_allocate((void **)&out->bytes, count, out->width, "texts of a file", err));
    for (size_t i = 0; i < count; i++) memcpy(out->bytes + i * out->width, texts[i], strlen(texts[i]));
    lyc__h5_quiet();
    out->type = H5Tcopy(H5T_C_S1);
    if (out->type < 0 || H5Tset_size(out->type, out->width) < 0 ||
        H5Tset_strpad(out->type, H5T_STR_NULLPAD) < 0 || H5Tset_cset(out->type, H5T_CSET_UTF8) < 0)
        LYC_FAIL(err, LYC_EINTERNAL, "HDF5 knows no type for texts of %zu bytes", out->width);
    return LYC_OK;
}

static lyc_status write_attribute(hid_t object, const char *name, const char *const *texts, size_t count,
                                  bool scalar, lyc_error *err) {
    text_block block;
    lyc_status status = fill_block(&block, texts, count, err);
    if (status == LYC_OK)
        status = lyc__h5_write_attribute(object, name, block.type, block.bytes, count, scalar, err);
    close_block(&block);
    return status;
}

lyc_status lyc__h5_write_text_attribute(hid_t object, const char *name, const char *text, lyc_error *err) {
    return write_attribute(object, name, &text, 1, true, err);
}

lyc_status lyc__h5_write_texts_attribute(hid_t object, const char *name, const char *const *texts,
                                         size_t count, lyc_error *err) {
    return write_attribute(object, name, texts, count, false, err);
}

lyc_status lyc__h5_write_text(hid_t location, const char *name, const char *text, lyc_error *err) {
    text_block block;
    lyc_status status = fill_block(&block, &text, 1, err);
    if (status == LYC_OK)
        status = lyc__h5_write_dataset(location, name, block.type, block.type, 0, NULL, block.bytes, err);
    close_block(&block);
    return status;
}

/* Writing a state to a file that is either whole or not there.
 *
 * The HDF5 image is built in memory and written with plain calls: then every error of the disk is visible
 * where it happens, and HDF5 is never left with a file that it cannot close.
 */
#include "io/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fileio.h"
#include "io/hdf5_util.h"
#include "lyceum/memory.h"

/* ---- the image: HDF5's `core` driver, writing into a block of ours that outlives the file ---------- */

typedef struct image {
    char *bytes;
    size_t size; /* of the block, later of the file */
    bool no_memory;
} image;

static void *image_resize(void *block, size_t size, H5FD_file_image_op_t operation, void *payload) {
    (void)block, (void)operation;
    image *made = payload;
    char *bigger = lyc_calloc(size, 1);
    if (bigger == NULL) {
        made->no_memory = true;
        return NULL;
    }
    if (made->bytes != NULL) memcpy(bigger, made->bytes, made->size < size ? made->size : size);
    lyc_free(made->bytes);
    made->bytes = bigger;
    made->size = size;
    return bigger;
}

static void *image_allocate(size_t size, H5FD_file_image_op_t operation, void *payload) {
    return image_resize(NULL, size, operation, payload);
}

static void *image_copy(void *to, const void *from, size_t size, H5FD_file_image_op_t operation,
                        void *payload) {
    (void)operation, (void)payload;
    return memcpy(to, from, size);
}

/* Closing the file must not take the block along. */
static herr_t image_keep(void *block, H5FD_file_image_op_t operation, void *payload) {
    (void)block, (void)operation, (void)payload;
    return 0;
}

static void *share_payload(void *payload) {
    return payload;
}

static herr_t keep_payload(void *payload) {
    (void)payload;
    return 0;
}

static hid_t image_access(image *made, size_t expected) {
    H5FD_file_image_callbacks_t callbacks = {image_allocate, image_copy,   image_resize, image_keep,
                                             share_payload,  keep_payload, made};
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (access < 0 || H5Pset_fapl_core(access, expected, false) < 0 ||
        H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST) < 0 ||
        H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) < 0 ||
        H5Pset_file_image_callbacks(access, &callbacks) < 0)
        lyc__h5_release(&access);
    return access;
}

/* ---- what goes into it ------------------------------------------------------------------------------- */

static hid_t fixed_text(size_t size) {
    hid_t type = H5Tcopy(H5T_C_S1);
    if (type >= 0 && (H5Tset_size(type, size) < 0 || H5Tset_cset(type, H5T_CSET_UTF8) < 0))
        lyc__h5_release(&type);
    return type;
}

static bool write_item(hid_t file, hid_t links, const lyc__state_item *item) {
    bool is_text = item->type == LYC__STATE_TEXT;
    hsize_t count = item->count;
    hid_t type = is_text ? fixed_text(item->count + 1) : H5Tcopy(lyc__type_file((lyc_type)item->type));
    hid_t space = is_text ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &count, NULL);
    hid_t dataset = LYC__H5_NONE;
    if (type >= 0 && space >= 0)
        dataset = H5Dcreate(file, item->name, type, space, links, H5P_DEFAULT, H5P_DEFAULT);
    bool written = dataset >= 0 && (item->count == 0 && !is_text ? true
                                                                 : H5Dwrite(dataset, type, H5S_ALL, H5S_ALL,
                                                                            H5P_DEFAULT, item->bytes) >= 0);
    lyc__h5_release(&dataset);
    lyc__h5_release(&space);
    lyc__h5_release(&type);
    return written;
}

static bool write_attribute(hid_t file, const char *name, hid_t type, const void *value) {
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute = LYC__H5_NONE;
    if (space >= 0) attribute = H5Acreate(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    bool written = attribute >= 0 && H5Awrite(attribute, type, value) >= 0;
    lyc__h5_release(&attribute);
    lyc__h5_release(&space);
    return written;
}

static bool write_text_attribute(hid_t file, const char *name, const char *value) {
    hid_t type = fixed_text(strlen(value) + 1);
    bool written = type >= 0 && write_attribute(file, name, type, value);
    lyc__h5_release(&type);
    return written;
}

static bool fill_file(hid_t file, const lyc__state_item *items, size_t count, uint64_t step,
                      const char *checksum) {
    hid_t links = H5Pcreate(H5P_LINK_CREATE);
    bool written = links >= 0 && H5Pset_create_intermediate_group(links, 1) >= 0;
    for (size_t i = 0; i < count && written; i++) written = write_item(file, links, &items[i]);
    lyc__h5_release(&links);
    return written && write_text_attribute(file, "format", LYC__STATE_FORMAT) &&
           write_attribute(file, "step", H5T_STD_U64LE, &step) &&
           write_text_attribute(file, "checksum", checksum);
}

/* Room for the numbers and, generously, for HDF5's own blocks, so that the image is allocated once. */
static size_t expected_size(const lyc__state_item *items, size_t count) {
    size_t size = 1 << 16;
    for (size_t i = 0; i < count; i++) {
        size_t width = items[i].type == LYC__STATE_TEXT ? 1 : lyc_type_size((lyc_type)items[i].type);
        size += items[i].count * width + 1024 + strlen(items[i].name);
    }
    return size;
}

static lyc_status build_image(image *out, const lyc__state_item *items, size_t count, uint64_t step,
                              const char *checksum, lyc_error *err) {
    lyc__h5_quiet();
    hid_t access = image_access(out, expected_size(items, count));
    hid_t file = access < 0 ? access : H5Fcreate("checkpoint", H5F_ACC_TRUNC, H5P_DEFAULT, access);
    bool written =
        file >= 0 && fill_file(file, items, count, step, checksum) && H5Fflush(file, H5F_SCOPE_GLOBAL) >= 0;
    ssize_t size = written ? H5Fget_file_image(file, NULL, 0) : -1;
    char reason[LYC__H5_REASON_SIZE] = "";
    if (size <= 0) lyc__h5_reason(reason);
    if (file >= 0 && H5Fclose(file) < 0 && size > 0) {
        size = -1;
        lyc__h5_reason(reason);
    }
    lyc__h5_release(&access);
    if (out->no_memory) LYC_FAIL(err, LYC_ENOMEM, "no memory for the image of a checkpoint");
    if (size <= 0 || (size_t)size > out->size)
        LYC_FAIL(err, LYC_EINTERNAL, "the image of a checkpoint cannot be made (HDF5: %s)", reason);
    out->size = (size_t)size;
    return LYC_OK;
}

/* ---- the file ------------------------------------------------------------------------------------- */

static lyc_status write_file(const char *path, const image *made, lyc_error *err) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) LYC_FAIL(err, LYC_EIO, "cannot create %s: %s; check the permissions", path, strerror(errno));
    lyc_status status = lyc__write_all(fd, made->bytes, made->size, path, err);
    if (status == LYC_OK && fsync(fd) != 0 && errno != EINVAL)
        status = LYC_ERROR(err, LYC_EIO, "cannot sync %s: %s", path, strerror(errno));
    if (close(fd) != 0 && status == LYC_OK)
        status = LYC_ERROR(err, LYC_EIO, "cannot write %s: %s", path, strerror(errno));
    return status;
}

/* The name is fixed, so that what a kill left behind is overwritten. */
static lyc_status publish(const char *path, const image *made, lyc_error *err) {
    size_t size = strlen(path) + sizeof ".tmp";
    char *temporary;
    LYC_TRY(lyc_allocate((void **)&temporary, size, 1, "a file name", err));
    (void)snprintf(temporary, size, "%s.tmp", path);
    lyc_status status = write_file(temporary, made, err);
    if (status == LYC_OK) status = lyc__replace_file(temporary, path, err);
    if (status != LYC_OK) {
        (void)unlink(temporary);
        lyc_error_prefix(err, "%s: not saved (%zu bytes), what was there before is untouched", path,
                         made->size);
    }
    lyc_free(temporary);
    return status;
}

/* The arrays and, under require/, the texts; the names of the latter live in *names. */
static lyc_status collect(const lyc_state *state, lyc__state_item **items, char **names, lyc_error *err) {
    size_t count = state->array_count + state->text_count, length = 1;
    for (size_t i = 0; i < state->text_count; i++)
        length += strlen(state->texts[i].name) + sizeof LYC__STATE_REQUIRE + 1;
    *names = NULL;
    LYC_TRY(lyc_allocate((void **)items, count, sizeof **items, "the list of a checkpoint", err));
    LYC_TRY(lyc_allocate((void **)names, length, 1, "the names of a checkpoint", err));
    for (size_t i = 0; i < state->array_count; i++) {
        const lyc__state_array *array = &state->arrays[i];
        (*items)[i] = (lyc__state_item){array->name, (int)array->type, array->count, array->data};
    }
    char *next = *names;
    for (size_t i = 0; i < state->text_count; i++) {
        const lyc__state_text *text = &state->texts[i];
        int used = snprintf(next, length - (size_t)(next - *names), "%s/%s", LYC__STATE_REQUIRE, text->name);
        (*items)[state->array_count + i] =
            (lyc__state_item){next, LYC__STATE_TEXT, strlen(text->value), text->value};
        next += used + 1;
    }
    return LYC_OK;
}

lyc_status lyc__state_write(const lyc_state *state, const char *path, uint64_t step, lyc_error *err) {
    lyc_status status = LYC_OK;
    lyc__state_item *items = NULL;
    char *names = NULL, checksum[LYC__HASH_HEX_SIZE];
    image made = {0};
    size_t count = state->array_count + state->text_count;
    LYC_TRY_GOTO(collect(state, &items, &names, err));
    lyc__state_checksum(items, count, step, checksum);
    LYC_TRY_GOTO(build_image(&made, items, count, step, checksum, err));
    LYC_TRY_GOTO(publish(path, &made, err));
done:
    if (status == LYC_ENOMEM || status == LYC_EINTERNAL) lyc_error_prefix(err, "%s: not saved", path);
    lyc_free(made.bytes);
    lyc_free(names);
    lyc_free(items);
    return status;
}

lyc_status lyc_state_save(const lyc_state *state, const char *path, lyc_error *err) {
    return lyc__state_write(state, path, 0, err);
}

/* Folders of images -> data set. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "data/import.h"
#include "io/image.h"
#include "lyceum/memory.h"

#define PATH_SIZE 4096

typedef struct names {
    char **items;
    size_t count, capacity;
} names;

typedef struct reader {
    lyc__import import;
    const lyc_import_options *options;
    int part;
    bool writing;          /* the second pass */
    char first[PATH_SIZE]; /* the image that the others are compared with */
    uint64_t others;       /* files that are no images */
    char other[PATH_SIZE]; /* one of them */
    char path[PATH_SIZE];  /* of the image being read */
} reader;

/* ---- folders ------------------------------------------------------------------------------------- */

static void release_names(names *list) {
    for (size_t i = 0; i < list->count; i++) lyc_free(list->items[i]);
    lyc_free(list->items);
    *list = (names){0};
}

static lyc_status add_name(names *list, const char *name, lyc_error *err) {
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 64;
        char **items = NULL;
        LYC_TRY(LYC_NEW_ARRAY(items, capacity, err));
        if (list->items) memcpy(items, list->items, list->count * sizeof *items);
        lyc_free(list->items);
        list->items = items;
        list->capacity = capacity;
    }
    char *copy = lyc_strdup(name);
    if (!copy) LYC_FAIL(err, LYC_ENOMEM, "no memory for a list of files");
    list->items[list->count++] = copy;
    return LYC_OK;
}

static lyc_status join(char out[PATH_SIZE], const char *folder, const char *name, lyc_error *err) {
    if (snprintf(out, PATH_SIZE, "%s/%s", folder, name) >= PATH_SIZE)
        LYC_FAIL(err, LYC_EIO, "%s: a path of more than %d bytes", folder, PATH_SIZE - 1);
    return LYC_OK;
}

static bool is_image_name(const char *name) {
    static const char *const endings[] = {".png", ".jpg", ".jpeg"};
    const char *ending = strrchr(name, '.');
    for (size_t i = 0; ending && i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(ending, endings[i]) == 0) return true;
    return false;
}

/* Folders of a root, or images of a folder; what is neither is counted. */
static lyc_status take_entry(reader *r, names *list, const char *folder, const char *name, bool folders,
                             lyc_error *err) {
    struct stat about;
    char path[PATH_SIZE];
    if (name[0] == '.') return LYC_OK;
    LYC_TRY(join(path, folder, name, err));
    if (stat(path, &about) != 0) LYC_FAIL(err, LYC_EIO, "%s: cannot be read: %s", path, strerror(errno));
    if (folders ? S_ISDIR(about.st_mode) : S_ISREG(about.st_mode) && is_image_name(name))
        return add_name(list, name, err);
    if (r->writing) return LYC_OK;
    if (r->others++ == 0) memcpy(r->other, path, sizeof path);
    return LYC_OK;
}

static int by_bytes(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static lyc_status list_folder(reader *r, names *list, const char *path, bool folders, lyc_error *err) {
    DIR *folder = opendir(path);
    lyc_status status = LYC_OK;
    if (!folder) LYC_FAIL(err, LYC_EIO, "%s: cannot open this folder: %s", path, strerror(errno));
    while (status == LYC_OK) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (!entry && errno != 0)
            status = LYC_ERROR(err, LYC_EIO, "%s: cannot list this folder: %s", path, strerror(errno));
        if (!entry) break;
        status = take_entry(r, list, path, entry->d_name, folders, err);
    }
    closedir(folder);
    if (status == LYC_OK && list->count == 0)
        status = LYC_ERROR(err, LYC_EFORMAT, "%s: %s", path,
                           folders ? "holds no folder; one folder a class is expected, with its images in it"
                                   : "holds no PNG or JPEG image; fill it or remove it");
    if (status == LYC_OK) qsort(list->items, list->count, sizeof *list->items, by_bytes);
    return status;
}

/* ---- images -------------------------------------------------------------------------------------- */

/* The first image decides what all are like. */
static lyc_status take_shape(reader *r, const char *path, lyc_error *err) {
    lyc__image image;
    lyc__dataset_content *content = &r->import.content;
    LYC_TRY(lyc__image_read(&image, path, err));
    if (content->channels == 0) content->channels = image.channels;
    content->height = image.height;
    content->width = image.width;
    memcpy(r->first, path, strlen(path) + 1);
    lyc__image_release(&image);
    return LYC_OK;
}

static lyc_status check_shape(const reader *r, const lyc__image *image, bool any_channels, lyc_error *err) {
    const lyc__dataset_content *content = &r->import.content;
    if (image->height != content->height || image->width != content->width)
        LYC_FAIL(err, LYC_EFORMAT,
                 "%s: is %d x %d pixels large, but %s is %d x %d; bring all images to one size first",
                 r->path, image->width, image->height, r->first, content->width, content->height);
    if (!any_channels && image->channels != content->channels)
        LYC_FAIL(err, LYC_EFORMAT,
                 "%s: is a %s image, but %s is not; ask for one of them (--channels 1 or 3)", r->path,
                 image->channels == 1 ? "grey" : "colour", r->first);
    return LYC_OK;
}

static uint8_t grey_of(const uint8_t *pixel) {
    return (uint8_t)((299u * pixel[0] + 587u * pixel[1] + 114u * pixel[2] + 500u) / 1000u);
}

/* Pixel by pixel to plane by plane. */
static void fill_slot(const lyc__image *image, int channels, uint8_t *slot) {
    size_t plane = (size_t)image->height * (size_t)image->width, from = (size_t)image->channels;
    for (size_t i = 0; i < plane; i++) {
        const uint8_t *pixel = image->pixels + i * from;
        for (size_t c = 0; c < (size_t)channels; c++)
            slot[c * plane + i] = image->channels > channels ? grey_of(pixel) : pixel[c % from];
    }
}

static lyc_status read_image(reader *r, int32_t class_index, bool any_channels, lyc_error *err) {
    lyc__image image;
    const lyc__dataset_content *content = &r->import.content;
    if (r->import.done < content->rows && content->labels[r->import.done] != class_index)
        LYC_FAIL(err, LYC_EFORMAT, "%s: has changed while it was being read; try again when nobody writes it",
                 r->path);
    LYC_TRY(lyc__image_read(&image, r->path, err));
    lyc_status status = check_shape(r, &image, any_channels, err);
    if (status == LYC_OK) {
        fill_slot(&image, content->channels, lyc__import_slot(&r->import));
        status = lyc__import_commit(&r->import, r->path, err);
    }
    lyc__image_release(&image);
    return status;
}

/* ---- the two passes ------------------------------------------------------------------------------ */

static lyc_status find_class(const reader *r, const char *root, const char *name, int32_t *out,
                             lyc_error *err) {
    const lyc__dataset_content *content = &r->import.content;
    for (int i = 0; i < content->class_count; i++)
        if (strcmp(content->class_names[i], name) == 0) {
            *out = i;
            return LYC_OK;
        }
    LYC_FAIL(err, LYC_EFORMAT, "%s/%s: is no class; there are %d, '%s' to '%s'%s", root, name,
             content->class_count, content->class_names[0], content->class_names[content->class_count - 1],
             r->options->class_names ? " (--classes)" : " (the folders of the first --train)");
}

static lyc_status read_class(reader *r, const char *folder, int32_t class_index, bool any_channels,
                             lyc_error *err) {
    names files = {0};
    lyc_status status = list_folder(r, &files, folder, false, err);
    for (size_t i = 0; status == LYC_OK && i < files.count; i++) {
        status = join(r->path, folder, files.items[i], err);
        if (status == LYC_OK && r->import.content.rows == 0) status = take_shape(r, r->path, err);
        if (status != LYC_OK) break;
        status = r->writing ? read_image(r, class_index, any_channels, err)
                            : lyc__import_label(&r->import, r->part, class_index, err);
    }
    release_names(&files);
    return status;
}

/* The folders of the first root are the classes where nobody names them. */
static lyc_status read_root(reader *r, const char *root, bool any_channels, lyc_error *err) {
    lyc_status status;
    names folders = {0};
    const lyc_import_options *options = r->options;
    LYC_TRY_GOTO(list_folder(r, &folders, root, true, err));
    if (r->import.content.class_count == 0) {
        const char *const *list =
            options->class_names ? options->class_names : (const char *const *)folders.items;
        size_t count = options->class_names ? options->class_count : folders.count;
        if (count > LYC__DATASET_MAX_CLASSES) {
            status =
                LYC_ERROR(err, LYC_EFORMAT, "%s: holds more than %d folders", root, LYC__DATASET_MAX_CLASSES);
            goto done;
        }
        LYC_TRY_GOTO(lyc__import_classes(&r->import, list, count, err));
    }
    for (size_t i = 0; i < folders.count; i++) {
        char path[PATH_SIZE];
        int32_t class_index = 0;
        LYC_TRY_GOTO(find_class(r, root, folders.items[i], &class_index, err));
        LYC_TRY_GOTO(join(path, root, folders.items[i], err));
        LYC_TRY_GOTO(read_class(r, path, class_index, any_channels, err));
    }
    status = LYC_OK;
done:
    release_names(&folders);
    return status;
}

static lyc_status read_roots(reader *r, const lyc_import_parts *roots, bool any_channels, lyc_error *err) {
    for (r->part = 0; r->part < 2; r->part++) {
        size_t count;
        const char *const *paths = lyc__import_part(roots, r->part, &count);
        for (size_t i = 0; i < count; i++) LYC_TRY(read_root(r, paths[i], any_channels, err));
    }
    return LYC_OK;
}

static lyc_status import(reader *r, const lyc_import_parts *folders, int channels, const char *out_path,
                         lyc_import_summary *out, lyc_error *err) {
    if (channels != 0 && channels != 1 && channels != 3)
        LYC_FAIL(err, LYC_EUSAGE, "images of %d channels are not possible; 1 (grey) or 3 (colour)", channels);
    r->import.content.channels = channels;
    LYC_TRY(lyc__import_check(folders, out_path, r->options, LYC__DATASET_MAX_CLASSES, err));
    LYC_TRY(read_roots(r, folders, channels != 0, err));
    if (r->others > 0)
        lyc_log(LYC_LOG_WARNING,
                "%" PRIu64 " file(s) passed over that are no images of a class, for instance %s", r->others,
                r->other);
    LYC_TRY(lyc__import_begin(&r->import, out_path, r->options, "images", err));
    r->writing = true;
    LYC_TRY(read_roots(r, folders, channels != 0, err));
    return lyc__import_end(&r->import, r->path, out, err);
}

lyc_status lyc_data_import_images(const lyc_import_parts *folders, int channels, const char *out_path,
                                  const lyc_import_options *options, lyc_import_summary *out,
                                  lyc_error *err) {
    static const lyc_import_options defaults = {0};
    reader *r = NULL; /* paths make it large */
    LYC_TRY(LYC_NEW_ARRAY(r, 1, err));
    r->options = options ? options : &defaults;
    lyc_status status = import(r, folders, channels, out_path, out, err);
    lyc__import_release(&r->import);
    lyc_free(r);
    return status;
}

#include "data/import.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/utf8.h"
#include "lyceum/memory.h"

#define PIECE_BYTES ((size_t)1 << 20)

const char *const *lyc__import_part(const lyc_import_parts *files, int part, size_t *count) {
    *count = part == 0 ? files->train_count : files->test_count;
    return part == 0 ? files->train : files->test;
}

/* ---- arguments ---------------------------------------------------------------------------------- */

static lyc_status check_class_names(const lyc_import_options *options, size_t most, lyc_error *err) {
    if (options->class_count == 0 || options->class_count > most)
        LYC_FAIL(err, LYC_EUSAGE, "%zu class names were given; 1 to %zu are possible here",
                 options->class_count, most);
    for (size_t i = 0; i < options->class_count; i++) {
        const char *name = options->class_names[i];
        for (const char *at = name; *at;) {
            size_t length = lyc__utf8_length(at, strlen(at));
            if (length == 0) LYC_FAIL(err, LYC_EUSAGE, "class name %zu is not UTF-8", i);
            at += length;
        }
        for (size_t k = 0; k < i; k++)
            if (strcmp(name, options->class_names[k]) == 0)
                LYC_FAIL(err, LYC_EUSAGE, "classes %zu and %zu are both called '%s'; give each its own name",
                         k, i, name);
    }
    return LYC_OK;
}

/* Overwriting must not be the end of what is read. */
static lyc_status check_not_input(const lyc_import_parts *files, const char *out_path, lyc_error *err) {
    struct stat out, in;
    if (stat(out_path, &out) != 0) return LYC_OK;
    for (int part = 0; part < 2; part++) {
        size_t count;
        const char *const *paths = lyc__import_part(files, part, &count);
        for (size_t i = 0; i < count; i++)
            if (stat(paths[i], &in) == 0 && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
                LYC_FAIL(err, LYC_EUSAGE, "%s: is one of the files to read; write to another place",
                         out_path);
    }
    return LYC_OK;
}

lyc_status lyc__import_check(const lyc_import_parts *files, const char *out_path,
                             const lyc_import_options *options, size_t most_classes, lyc_error *err) {
    if (files->train_count == 0) LYC_FAIL(err, LYC_EUSAGE, "nothing to read: the train part has no file");
    if (options->class_names) LYC_TRY(check_class_names(options, most_classes, err));
    if (!options->overwrite && access(out_path, F_OK) == 0)
        LYC_FAIL(err, LYC_EUSAGE, "%s: is there already; remove it, or overwrite it (--force)", out_path);
    return check_not_input(files, out_path, err);
}

/* ---- the first pass ----------------------------------------------------------------------------- */

static lyc_status grow_labels(lyc__import *import, lyc_error *err) {
    size_t capacity = import->label_capacity ? 2 * import->label_capacity : 4096;
    int32_t *labels = NULL;
    LYC_TRY(LYC_NEW_ARRAY(labels, capacity, err));
    if (import->content.labels)
        memcpy(labels, import->content.labels, import->label_capacity * sizeof *labels);
    lyc_free(import->content.labels);
    import->content.labels = labels;
    import->label_capacity = capacity;
    return LYC_OK;
}

lyc_status lyc__import_label(lyc__import *import, int part, int32_t label, lyc_error *err) {
    lyc__dataset_content *content = &import->content;
    if (content->rows == 0) lyc_progress_start(&import->progress, "check", "rows", 0);
    if (content->rows == LYC__DATASET_MAX_ROWS)
        LYC_FAIL(err, LYC_EFORMAT, "more than %d rows; a data set holds no more", LYC__DATASET_MAX_ROWS);
    if (content->rows == import->label_capacity) LYC_TRY(grow_labels(import, err));
    content->labels[content->rows++] = label;
    import->part_rows[part]++;
    lyc_progress_update(&import->progress, content->rows);
    return LYC_OK;
}

lyc_status lyc__import_classes(lyc__import *import, const char *const *names, size_t count, lyc_error *err) {
    size_t bytes = count * sizeof(char *);
    for (size_t i = 0; i < count; i++) bytes += strlen(names[i]) + 1;
    LYC_TRY(lyc_allocate((void **)&import->content.class_names, bytes, 1, "class names", err));
    char *text = (char *)(import->content.class_names + count);
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(names[i]) + 1;
        import->content.class_names[i] = memcpy(text, names[i], size);
        text += size;
    }
    import->content.class_count = (int)count;
    return LYC_OK;
}

/* ---- the second pass ---------------------------------------------------------------------------- */

lyc_status lyc__import_begin(lyc__import *import, const char *out_path, const lyc_import_options *options,
                             const char *unit, lyc_error *err) {
    lyc__dataset_content *content = &import->content;
    if (import->part_rows[0] == 0) LYC_FAIL(err, LYC_EFORMAT, "the train part holds no row");
    LYC_TRY(LYC_NEW_ARRAY(content->parts, content->rows, err));
    LYC_TRY(LYC_NEW_ARRAY(content->ids, content->rows, err));
    for (uint32_t row = 0; row < content->rows; row++) {
        content->parts[row] = row >= import->part_rows[0];
        content->ids[row] = row;
    }
    size_t row_bytes = lyc__dataset_row_bytes(content);
    import->piece_rows = row_bytes < PIECE_BYTES ? PIECE_BYTES / row_bytes : 1;
    if (import->piece_rows > content->rows) import->piece_rows = content->rows;
    LYC_TRY(lyc_allocate((void **)&import->piece, import->piece_rows, row_bytes, "a piece of the rows", err));
    LYC_TRY(
        lyc__dataset_writer_open(&import->writer, out_path, content, options->source, options->licence, err));
    lyc_progress_start(&import->progress, "import", unit, content->rows);
    return LYC_OK;
}

void *lyc__import_slot(lyc__import *import) {
    return import->piece + import->piece_used * lyc__dataset_row_bytes(&import->content);
}

static lyc_status write_piece(lyc__import *import, lyc_error *err) {
    LYC_TRY(lyc__dataset_writer_rows(import->writer, import->piece, import->piece_used, err));
    import->piece_used = 0;
    lyc_progress_update(&import->progress, import->done);
    return LYC_OK;
}

static lyc_status fail_changed(const char *path, lyc_error *err) {
    LYC_FAIL(err, LYC_EFORMAT, "%s: has changed while it was being read; try again when nobody writes it",
             path);
}

lyc_status lyc__import_commit(lyc__import *import, const char *path, lyc_error *err) {
    if (import->done == import->content.rows) return fail_changed(path, err);
    import->done++;
    bool full = ++import->piece_used == import->piece_rows;
    return full || import->done == import->content.rows ? write_piece(import, err) : LYC_OK;
}

static void summarise(const lyc__import *import, lyc_import_summary *out) {
    const lyc__dataset_content *content = &import->content;
    *out = (lyc_import_summary){.train_rows = import->part_rows[0],
                                .test_rows = import->part_rows[1],
                                .channels = content->channels,
                                .height = content->height,
                                .width = content->width,
                                .classes = content->class_count};
    memcpy(out->mean, content->mean, sizeof out->mean);
    memcpy(out->std, content->std, sizeof out->std);
    memcpy(out->fingerprint, content->fingerprint, sizeof out->fingerprint);
}

lyc_status lyc__import_end(lyc__import *import, const char *path, lyc_import_summary *out, lyc_error *err) {
    if (import->done != import->content.rows) return fail_changed(path, err);
    LYC_TRY(lyc__dataset_writer_finish(import->writer, &import->content, err));
    lyc_progress_finish(&import->progress);
    if (out) summarise(import, out);
    return LYC_OK;
}

void lyc__import_release(lyc__import *import) {
    lyc__dataset_writer_close(import->writer);
    lyc__dataset_release(&import->content);
    lyc_free(import->piece);
    *import = (lyc__import){0};
}

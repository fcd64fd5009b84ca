/* Writing files of recorded logits. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fileio.h"
#include "io/hdf5_util.h"
#include "io/recorded_file.h"
#include "io/reserve.h"
#include "lyceum/memory.h"

#define FORMAT       "lyceum logits 1"
#define TEXT_LIMIT   4096
#define NAME_SIZE    48
#define HEADER_BYTES (UINT64_C(1) << 16)

lyc_status lyc__recorded_file_check_target(const char *path, lyc_error *err) {
    hid_t file;
    char *format = NULL;
    bool ours = false;
    if (access(path, F_OK) != 0) return LYC_OK;
    lyc_status status = lyc__h5_open(&file, path, "file of logits", H5F_ACC_RDONLY, H5P_DEFAULT, NULL);
    if (status == LYC_OK) status = lyc__h5_read_text_attribute(file, "format", TEXT_LIMIT, &format, NULL);
    if (status == LYC_OK) ours = strcmp(format, FORMAT) == 0;
    lyc_free(format);
    lyc__h5_release(&file);
    if (ours) return LYC_OK;
    LYC_FAIL(err, LYC_EUSAGE,
             "%s: is there already, and no logits that Lyceum wrote; remove it, or write to another place",
             path);
}

static lyc_status write_views(hid_t file, const char *name, const lyc__recorded_file *content,
                              float *const *logits, lyc_error *err) {
    uint64_t dims[2] = {content->rows, (uint64_t)content->classes};
    for (int view = 0; view < content->views; view++) {
        char path[NAME_SIZE];
        if (content->views == 1) snprintf(path, sizeof path, "%s", name);
        else snprintf(path, sizeof path, "%s/%d", name, view);
        LYC_TRY(
            lyc__h5_write_dataset(file, path, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, 2, dims, logits[view], err));
    }
    return LYC_OK;
}

static lyc_status write_column(hid_t file, const char *name, const lyc__recorded_file *content,
                               const uint64_t *values, lyc_error *err) {
    uint64_t rows = content->rows;
    return lyc__h5_write_dataset(file, name, H5T_STD_U64LE, H5T_NATIVE_UINT64, 1, &rows, values, err);
}

static lyc_status write_attributes(hid_t file, const lyc__recorded_file *content, lyc_error *err) {
    const struct {
        const char *name, *text;
    } texts[] = {{"data_fingerprint", content->data_fingerprint},
                 {"view_key", content->view_key},
                 {"provenance", content->provenance}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].text != NULL)
            LYC_TRY(lyc__h5_write_text_attribute(file, texts[i].name, texts[i].text, err));
    uint64_t unrelated = 1;
    if (content->unrelated_is_fine)
        LYC_TRY(lyc__h5_write_attribute(file, "unrelated_to_labels", H5T_NATIVE_UINT64, &unrelated, 1, true,
                                        err));
    if (content->changes_at > 0)
        LYC_TRY(lyc__h5_write_attribute(file, "changes_at_step", H5T_NATIVE_UINT64, &content->changes_at, 1,
                                        true, err));
    if (content->delay_seconds > 0.0)
        LYC_TRY(lyc__h5_write_attribute(file, "delay_seconds", H5T_NATIVE_DOUBLE, &content->delay_seconds, 1,
                                        true, err));
    return lyc__h5_write_text_attribute(file, "format", FORMAT, err);
}

static lyc_status write_content(hid_t file, const lyc__recorded_file *content, lyc_error *err) {
    LYC_TRY(write_views(file, "logits", content, content->logits, err));
    if (content->later != NULL) LYC_TRY(write_views(file, "later", content, content->later, err));
    LYC_TRY(write_column(file, "id", content, content->ids, err));
    if (content->checks != NULL) LYC_TRY(write_column(file, "check", content, content->checks, err));
    if (content->class_names != NULL)
        LYC_TRY(lyc__h5_write_texts_attribute(file, "classes", (const char *const *)content->class_names,
                                              (size_t)content->classes, err));
    return write_attributes(file, content, err);
}

static uint64_t bytes_of(const lyc__recorded_file *content) {
    uint64_t matrices = (uint64_t)content->views * (content->later != NULL ? 2 : 1);
    uint64_t row = matrices * (uint64_t)content->classes * sizeof(float) + 2 * sizeof(uint64_t);
    return content->rows * row + HEADER_BYTES;
}

lyc_status lyc__recorded_file_store(const char *path, const lyc__recorded_file *content, lyc_error *err) {
    char *temporary = NULL;
    hid_t file = LYC__H5_NONE;
    lyc_status status;
    LYC_TRY(lyc__recorded_file_check_target(path, err));
    LYC_TRY(lyc__file_temporary(&temporary, path, err));
    LYC_TRY_GOTO(lyc__file_reserve(temporary, bytes_of(content), "write to another place", err));
    LYC_TRY_GOTO(lyc__h5_create(&file, temporary, H5P_DEFAULT, err));
    LYC_TRY_GOTO(write_content(file, content, err));
    LYC_TRY_GOTO(lyc__h5_close(&file, err));
    LYC_TRY_GOTO(lyc__replace_file(temporary, path, err));
done:
    lyc__h5_release(&file);
    if (status != LYC_OK) unlink(temporary);
    lyc_free(temporary);
    return status;
}

/* What is written is only read: the structure, which owns what was read from a file, knows no const. */
lyc_status lyc__recorded_file_write(const char *path, const float *logits, const uint64_t *ids,
                                    const uint64_t *checks, size_t rows, int classes,
                                    const char *const *class_names, const char *data_fingerprint,
                                    lyc_error *err) {
    float *views[1] = {(float *)logits};
    lyc__recorded_file content = {.rows = rows,
                                  .classes = classes,
                                  .views = 1,
                                  .logits = views,
                                  .ids = (uint64_t *)ids,
                                  .checks = (uint64_t *)checks,
                                  .class_names = (char **)class_names,
                                  .data_fingerprint = (char *)data_fingerprint};
    return lyc__recorded_file_store(path, &content, err);
}

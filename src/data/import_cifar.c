/* CIFAR records -> data set. */
#include <inttypes.h>
#include <stdio.h>

#include "data/import.h"
#include "io/cifar.h"

#define MOST_CLASSES 256 /* labels are bytes */

typedef struct layout {
    int bytes, which; /* label bytes of a record, and the one that is the label */
    int classes;
} layout;

static const layout layouts[] = {
    [LYC_CIFAR10] = {1, 0, 10}, [LYC_CIFAR100_FINE] = {2, 1, 100}, [LYC_CIFAR100_COARSE] = {2, 0, 20}};

typedef struct reader {
    lyc__import import;
    const layout *layout;
    const char *path; /* of the file being read */
    int part;
    bool writing; /* the second pass */
} reader;

static lyc_status check_label(const reader *r, uint8_t label, uint64_t row, lyc_error *err) {
    const layout *l = r->layout;
    if (label < r->import.content.class_count) return LYC_OK;
    uint64_t offset = row * (uint64_t)(l->bytes + LYC__CIFAR_PIXELS) + (uint64_t)l->which;
    LYC_FAIL(
        err, LYC_EFORMAT,
        "%s: row %" PRIu64 " (byte %" PRIu64
        ") has label %d, but there are %d classes (0 to %d); are these records of another kind (--labels), "
        "or with more classes (--classes)?",
        r->path, row, offset, label, r->import.content.class_count, r->import.content.class_count - 1);
}

static lyc_status read_rows(reader *r, lyc__cifar *cifar, lyc_error *err) {
    uint8_t labels[2], unused[LYC__CIFAR_PIXELS];
    for (uint64_t row = 0;; row++) {
        bool found;
        uint8_t *pixels = r->writing ? lyc__import_slot(&r->import) : unused;
        LYC_TRY(lyc__cifar_next(cifar, labels, pixels, &found, err));
        if (!found) return LYC_OK;
        uint8_t label = labels[r->layout->which];
        LYC_TRY(check_label(r, label, row, err));
        LYC_TRY(r->writing ? lyc__import_commit(&r->import, r->path, err)
                           : lyc__import_label(&r->import, r->part, label, err));
    }
}

static lyc_status read_files(reader *r, const lyc_import_parts *files, lyc_error *err) {
    for (r->part = 0; r->part < 2; r->part++) {
        size_t count;
        const char *const *paths = lyc__import_part(files, r->part, &count);
        for (size_t i = 0; i < count; i++) {
            lyc__cifar cifar = {0};
            r->path = paths[i];
            lyc_status status = lyc__cifar_open(&cifar, r->path, r->layout->bytes, err);
            if (status == LYC_OK) status = read_rows(r, &cifar, err);
            if (status == LYC_OK && cifar.row == 0)
                status = LYC_ERROR(err, LYC_EFORMAT, "%s: is empty", r->path);
            lyc__cifar_close(&cifar);
            if (status != LYC_OK) return status;
        }
    }
    return LYC_OK;
}

/* Classes are numbers where nobody names them. */
static lyc_status name_classes(reader *r, const lyc_import_options *options, lyc_error *err) {
    if (options->class_names)
        return lyc__import_classes(&r->import, options->class_names, options->class_count, err);
    char digits[MOST_CLASSES][4];
    const char *names[MOST_CLASSES];
    for (int i = 0; i < r->layout->classes; i++) {
        (void)snprintf(digits[i], sizeof digits[i], "%d", (unsigned char)i);
        names[i] = digits[i];
    }
    return lyc__import_classes(&r->import, names, (size_t)r->layout->classes, err);
}

lyc_status lyc_data_import_cifar(const lyc_import_parts *files, lyc_cifar_labels labels, const char *out_path,
                                 const lyc_import_options *options, lyc_import_summary *out, lyc_error *err) {
    static const lyc_import_options defaults = {0};
    lyc_status status;
    reader r = {.layout = &layouts[labels]};
    if (!options) options = &defaults;
    r.import.content.channels = LYC__CIFAR_CHANNELS;
    r.import.content.height = r.import.content.width = LYC__CIFAR_SIDE;
    LYC_TRY_GOTO(lyc__import_check(files, out_path, options, MOST_CLASSES, err));
    LYC_TRY_GOTO(name_classes(&r, options, err));
    LYC_TRY_GOTO(read_files(&r, files, err));
    LYC_TRY_GOTO(lyc__import_begin(&r.import, out_path, options, "images", err));
    r.writing = true;
    LYC_TRY_GOTO(read_files(&r, files, err));
    LYC_TRY_GOTO(lyc__import_end(&r.import, r.path, out, err));
done:
    lyc__import_release(&r.import);
    return status;
}

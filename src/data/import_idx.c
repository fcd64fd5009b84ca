/* idx files -> data set. */
#include <inttypes.h>

#include "data/import.h"
#include "io/idx.h"
#include "lyceum/memory.h"

#define MOST_CLASSES 256 /* labels are bytes */

static const char *const digits[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};

/* One of the two parts while it is open. */
typedef struct part {
    const char *images_path, *labels_path;
    lyc__idx *images;
    lyc__idx_shape shape;
    uint32_t rows;
} part;

typedef struct reader {
    lyc__import import;
    part parts[2]; /* train, test */
} reader;

/* ---- images ------------------------------------------------------------------------------------- */

static lyc_status check_image_shape(const part *from, lyc_error *err) {
    const lyc__idx_shape *shape = &from->shape;
    if (shape->rank < 3)
        LYC_FAIL(err, LYC_EFORMAT,
                 "%s: has %d dimension(s), which is not images; are images and labels exchanged?",
                 from->images_path, shape->rank);
    uint64_t channels = shape->rank == 4 ? shape->dims[1] : 1;
    if (shape->dims[0] > LYC__DATASET_MAX_ROWS || channels > LYC__DATASET_MAX_CHANNELS ||
        shape->dims[shape->rank - 2] > LYC__DATASET_MAX_SIDE ||
        shape->dims[shape->rank - 1] > LYC__DATASET_MAX_SIDE)
        LYC_FAIL(err, LYC_EFORMAT,
                 "%s: images of this size or number are not supported (at most %d rows, %d channels, %d "
                 "pixels a side)",
                 from->images_path, LYC__DATASET_MAX_ROWS, LYC__DATASET_MAX_CHANNELS, LYC__DATASET_MAX_SIDE);
    return LYC_OK;
}

static lyc_status open_images(part *from, lyc_error *err) {
    LYC_TRY(lyc__idx_open(&from->images, from->images_path, &from->shape, err));
    LYC_TRY(check_image_shape(from, err));
    from->rows = (uint32_t)from->shape.dims[0];
    return LYC_OK;
}

/* Both parts are open. */
static lyc_status take_shape(reader *r, lyc_error *err) {
    const part *train = &r->parts[0], *test = &r->parts[1];
    const int rank = train->shape.rank;
    r->import.content.channels = rank == 4 ? (int)train->shape.dims[1] : 1;
    r->import.content.height = (int)train->shape.dims[rank - 2];
    r->import.content.width = (int)train->shape.dims[rank - 1];
    if (!test->images) return LYC_OK;
    bool same = test->shape.rank == rank;
    for (int i = 1; same && i < rank; i++) same = test->shape.dims[i] == train->shape.dims[i];
    if (!same)
        LYC_FAIL(err, LYC_EFORMAT, "%s: its images are of another size than those of %s", test->images_path,
                 train->images_path);
    return LYC_OK;
}

static lyc_status copy_images(reader *r, lyc_error *err) {
    for (int i = 0; i < 2; i++) {
        const part *from = &r->parts[i];
        for (uint32_t row = 0; row < from->rows; row++) {
            LYC_TRY(lyc__idx_read(from->images, 1, lyc__import_slot(&r->import), err));
            LYC_TRY(lyc__import_commit(&r->import, from->images_path, err));
        }
    }
    return LYC_OK;
}

/* ---- labels ------------------------------------------------------------------------------------- */

static lyc_status check_label_shape(const part *from, const lyc__idx_shape *shape, lyc_error *err) {
    if (shape->rank != 1)
        LYC_FAIL(err, LYC_EFORMAT,
                 "%s: has %d dimensions, which is not labels; are images and labels exchanged?",
                 from->labels_path, shape->rank);
    if (shape->dims[0] != from->rows)
        LYC_FAIL(err, LYC_EFORMAT, "%s: %" PRIu64 " labels for the %" PRIu32 " images of %s",
                 from->labels_path, shape->dims[0], from->rows, from->images_path);
    return LYC_OK;
}

static lyc_status take_labels(reader *r, int which, lyc__idx *idx, lyc_error *err) {
    const part *from = &r->parts[which];
    const int classes = r->import.content.class_count;
    for (uint32_t row = 0; row < from->rows; row++) {
        uint8_t label;
        LYC_TRY(lyc__idx_read(idx, 1, &label, err));
        if (label >= classes)
            LYC_FAIL(err, LYC_EFORMAT,
                     "%s: row %" PRIu32 " (byte %" PRIu32
                     ") has label %d, but there are %d class names (0 to %d); name every class",
                     from->labels_path, row, row + 8, label, classes, classes - 1);
        LYC_TRY(lyc__import_label(&r->import, which, label, err));
    }
    return LYC_OK;
}

static lyc_status read_labels(reader *r, int which, lyc_error *err) {
    lyc__idx *idx = NULL;
    lyc__idx_shape shape;
    LYC_TRY(lyc__idx_open(&idx, r->parts[which].labels_path, &shape, err));
    lyc_status status = check_label_shape(&r->parts[which], &shape, err);
    if (status == LYC_OK) status = take_labels(r, which, idx, err);
    lyc__idx_close(idx);
    return status;
}

/* ---- the whole ---------------------------------------------------------------------------------- */

static lyc_status check_arguments(const lyc_idx_files *files, const char *out_path,
                                  const lyc_import_options *options, lyc_error *err) {
    if (!files->train_images || !files->train_labels)
        LYC_FAIL(err, LYC_EUSAGE, "an idx data set needs a file of train images and one of train labels");
    if (!files->test_images != !files->test_labels)
        LYC_FAIL(err, LYC_EUSAGE, "the test part needs both images and labels; '%s' stands alone",
                 files->test_images ? files->test_images : files->test_labels);
    const char *const train[] = {files->train_images, files->train_labels}, *const test[] = {
                                                                                files->test_images,
                                                                                files->test_labels};
    const lyc_import_parts parts = {train, 2, test, files->test_images ? 2 : 0};
    return lyc__import_check(&parts, out_path, options, MOST_CLASSES, err);
}

static lyc_status read_files(reader *r, const char *out_path, const lyc_import_options *options,
                             lyc_error *err) {
    const int parts = r->parts[1].images_path ? 2 : 1;
    const bool named = options->class_names != NULL;
    LYC_TRY(lyc__import_classes(&r->import, named ? options->class_names : digits,
                                named ? options->class_count : sizeof digits / sizeof *digits, err));
    for (int i = 0; i < parts; i++) LYC_TRY(open_images(&r->parts[i], err));
    LYC_TRY(take_shape(r, err));
    for (int i = 0; i < parts; i++) LYC_TRY(read_labels(r, i, err));
    LYC_TRY(lyc__import_begin(&r->import, out_path, options, "images", err));
    return copy_images(r, err);
}

lyc_status lyc_data_import_idx(const lyc_idx_files *files, const char *out_path,
                               const lyc_import_options *options, lyc_import_summary *out, lyc_error *err) {
    static const lyc_import_options defaults = {0};
    if (!options) options = &defaults;
    LYC_TRY(check_arguments(files, out_path, options, err));
    reader r = {.parts = {{.images_path = files->train_images, .labels_path = files->train_labels},
                          {.images_path = files->test_images, .labels_path = files->test_labels}}};
    lyc_status status = read_files(&r, out_path, options, err);
    if (status == LYC_OK) status = lyc__import_end(&r.import, files->train_images, out, err);
    for (int i = 0; i < 2; i++) lyc__idx_close(r.parts[i].images);
    lyc__import_release(&r.import);
    return status;
}

/* idx files -> data set. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/utf8.h"
#include "io/dataset_file.h"
#include "io/idx.h"
#include "lyceum/import.h"
#include "lyceum/log.h"
#include "lyceum/memory.h"

#define PIECE_BYTES ((size_t)1 << 20)

static const char *const digits[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};

/* One of the two parts while it is open. */
typedef struct part {
    const char *images_path, *labels_path;
    lyc__idx *images;
    lyc__idx_shape shape;
    uint32_t rows;
} part;

typedef struct job {
    part parts[2]; /* train, test */
    lyc__dataset_content content;
    lyc__dataset_writer *writer;
    uint8_t *piece;
} job;

static void finish_job(job *import) {
    for (int i = 0; i < 2; i++) lyc__idx_close(import->parts[i].images);
    lyc__dataset_writer_close(import->writer);
    import->content.class_names = NULL; /* the caller's */
    lyc__dataset_release(&import->content);
    lyc_free(import->piece);
}

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
    if (!from->images_path) return LYC_OK;
    LYC_TRY(lyc__idx_open(&from->images, from->images_path, &from->shape, err));
    LYC_TRY(check_image_shape(from, err));
    from->rows = (uint32_t)from->shape.dims[0];
    return LYC_OK;
}

/* Both parts are open: the size of the whole is known. */
static lyc_status take_shape(job *import, lyc_error *err) {
    const part *train = &import->parts[0], *test = &import->parts[1];
    int rank = train->shape.rank;
    import->content.channels = rank == 4 ? (int)train->shape.dims[1] : 1;
    import->content.height = (int)train->shape.dims[rank - 2];
    import->content.width = (int)train->shape.dims[rank - 1];
    if (test->images) {
        bool same = test->shape.rank == train->shape.rank;
        for (int i = 1; same && i < train->shape.rank; i++)
            same = test->shape.dims[i] == train->shape.dims[i];
        if (!same)
            LYC_FAIL(err, LYC_EFORMAT, "%s: its images are of another size than those of %s",
                     test->images_path, train->images_path);
    }
    if ((uint64_t)train->rows + test->rows > LYC__DATASET_MAX_ROWS)
        LYC_FAIL(err, LYC_EFORMAT, "%s: together with the train part more than %d rows", test->images_path,
                 LYC__DATASET_MAX_ROWS);
    import->content.rows = train->rows + test->rows;
    return LYC_OK;
}

/* ---- labels ------------------------------------------------------------------------------------- */

static lyc_status check_labels(const part *from, const uint8_t *labels, int classes, int32_t *out,
                               lyc_error *err) {
    for (uint32_t row = 0; row < from->rows; row++) {
        if (labels[row] >= classes)
            LYC_FAIL(err, LYC_EFORMAT,
                     "%s: row %" PRIu32 " (byte %" PRIu32
                     ") has label %d, but there are %d class names (0 to %d); "
                     "name every class",
                     from->labels_path, row, row + 8, labels[row], classes, classes - 1);
        out[row] = labels[row];
    }
    return LYC_OK;
}

static lyc_status read_labels(const part *from, int classes, int32_t *out, lyc_error *err) {
    lyc_status status;
    lyc__idx *idx = NULL;
    lyc__idx_shape shape;
    uint8_t *labels = NULL;
    LYC_TRY_GOTO(lyc__idx_open(&idx, from->labels_path, &shape, err));
    if (shape.rank != 1) {
        status = LYC_ERROR(err, LYC_EFORMAT,
                           "%s: has %d dimensions, which is not labels; are images and labels exchanged?",
                           from->labels_path, shape.rank);
        goto done;
    }
    if (shape.dims[0] != from->rows) {
        status = LYC_ERROR(err, LYC_EFORMAT, "%s: %" PRIu64 " labels for the %" PRIu32 " images of %s",
                           from->labels_path, shape.dims[0], from->rows, from->images_path);
        goto done;
    }
    LYC_TRY_GOTO(LYC_NEW_ARRAY(labels, from->rows, err));
    LYC_TRY_GOTO(lyc__idx_read(idx, from->rows, labels, err));
    status = check_labels(from, labels, classes, out, err);
done:
    lyc_free(labels);
    lyc__idx_close(idx);
    return status;
}

/* Labels, parts and ids of all rows: a few bytes a row, held whole. */
static lyc_status make_columns(job *import, lyc_error *err) {
    lyc__dataset_content *content = &import->content;
    const part *train = &import->parts[0], *test = &import->parts[1];
    LYC_TRY(LYC_NEW_ARRAY(content->labels, content->rows, err));
    LYC_TRY(LYC_NEW_ARRAY(content->parts, content->rows, err));
    LYC_TRY(LYC_NEW_ARRAY(content->ids, content->rows, err));
    for (uint32_t row = 0; row < content->rows; row++) {
        content->parts[row] = row >= train->rows;
        content->ids[row] = row;
    }
    LYC_TRY(read_labels(train, content->class_count, content->labels, err));
    if (!test->images) return LYC_OK;
    return read_labels(test, content->class_count, content->labels + train->rows, err);
}

/* ---- the whole ---------------------------------------------------------------------------------- */

static lyc_status copy_images(job *import, lyc_progress *progress, lyc_error *err) {
    size_t row_bytes = lyc__dataset_row_bytes(&import->content);
    size_t rows = row_bytes < PIECE_BYTES ? PIECE_BYTES / row_bytes : 1;
    uint64_t done = 0;
    LYC_TRY(lyc_allocate((void **)&import->piece, rows, row_bytes, "a piece of the images", err));
    for (int i = 0; i < 2; i++) {
        const part *from = &import->parts[i];
        for (uint32_t first = 0; first < from->rows;) {
            uint32_t count = from->rows - first < rows ? from->rows - first : (uint32_t)rows;
            LYC_TRY(lyc__idx_read(from->images, count, import->piece, err));
            LYC_TRY(lyc__dataset_writer_rows(import->writer, import->piece, count, err));
            first += count;
            done += count;
            lyc_progress_update(progress, done);
        }
    }
    return LYC_OK;
}

static lyc_status check_class_names(const lyc_import_options *options, lyc_error *err) {
    if (options->class_count == 0 || options->class_count > 256)
        LYC_FAIL(err, LYC_EUSAGE,
                 "%zu class names were given; idx labels are bytes, so that 1 to 256 are possible",
                 options->class_count);
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
static lyc_status check_not_input(const lyc_idx_files *files, const char *out_path, lyc_error *err) {
    const char *const inputs[] = {files->train_images, files->train_labels, files->test_images,
                                  files->test_labels};
    struct stat out, in;
    if (stat(out_path, &out) != 0) return LYC_OK;
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
        if (inputs[i] && stat(inputs[i], &in) == 0 && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
            LYC_FAIL(err, LYC_EUSAGE, "%s: is one of the files to read; write to another place", out_path);
    return LYC_OK;
}

static lyc_status check_arguments(const lyc_idx_files *files, const char *out_path,
                                  const lyc_import_options *options, lyc_error *err) {
    if (!files->train_images || !files->train_labels)
        LYC_FAIL(err, LYC_EUSAGE, "an idx data set needs a file of train images and one of train labels");
    if (!files->test_images != !files->test_labels)
        LYC_FAIL(err, LYC_EUSAGE, "the test part needs both images and labels; '%s' stands alone",
                 files->test_images ? files->test_images : files->test_labels);
    if (options->class_names) LYC_TRY(check_class_names(options, err));
    if (!options->overwrite && access(out_path, F_OK) == 0)
        LYC_FAIL(err, LYC_EUSAGE, "%s: is there already; remove it, or overwrite it (--force)", out_path);
    return check_not_input(files, out_path, err);
}

static void summarise(const job *import, lyc_import_summary *out) {
    const lyc__dataset_content *content = &import->content;
    *out = (lyc_import_summary){.train_rows = import->parts[0].rows,
                                .test_rows = import->parts[1].rows,
                                .channels = content->channels,
                                .height = content->height,
                                .width = content->width,
                                .classes = content->class_count};
    memcpy(out->mean, content->mean, sizeof out->mean);
    memcpy(out->std, content->std, sizeof out->std);
    memcpy(out->fingerprint, content->fingerprint, sizeof out->fingerprint);
}

lyc_status lyc_data_import_idx(const lyc_idx_files *files, const char *out_path,
                               const lyc_import_options *options, lyc_import_summary *out, lyc_error *err) {
    static const lyc_import_options defaults = {0};
    lyc_status status;
    lyc_progress progress;
    job import = {.parts = {{.images_path = files->train_images, .labels_path = files->train_labels},
                            {.images_path = files->test_images, .labels_path = files->test_labels}}};
    if (!options) options = &defaults;
    LYC_TRY(check_arguments(files, out_path, options, err));
    const char *const *names = options->class_names ? options->class_names : digits;
    import.content.class_names = (char **)(uintptr_t)names; /* read only */
    import.content.class_count = options->class_names ? (int)options->class_count : 10;
    for (int i = 0; i < 2; i++) LYC_TRY_GOTO(open_images(&import.parts[i], err));
    LYC_TRY_GOTO(take_shape(&import, err));
    LYC_TRY_GOTO(make_columns(&import, err));
    LYC_TRY_GOTO(lyc__dataset_writer_open(&import.writer, out_path, &import.content, options->source,
                                          options->licence, err));
    lyc_progress_start(&progress, "import", "images", import.content.rows);
    LYC_TRY_GOTO(copy_images(&import, &progress, err));
    LYC_TRY_GOTO(lyc__dataset_writer_finish(import.writer, &import.content, err));
    lyc_progress_finish(&progress);
    if (out) summarise(&import, out);
done:
    finish_job(&import);
    return status;
}

/* Writing a data-set file row by row, under a temporary name until it is whole. */

#include "base/hash.h"
#include "io/dataset_file.h"
#include "io/hdf5_output.h"
#include "lyceum/memory.h"

struct lyc__dataset_writer {
    const lyc__dataset_content *about;
    const char *source, *licence;
    char *path;
    lyc__h5_output output;
    hid_t x;
    uint64_t written;
    lyc__moments moments, test_moments; /* the second serves files without a train part */
    lyc__hash hash;
};

static lyc_status write_columns(lyc__dataset_writer *writer, lyc_error *err) {
    const lyc__dataset_content *about = writer->about;
    uint64_t rows = about->rows;
    LYC_TRY(lyc__h5_write_dataset(writer->output.file, "y", H5T_STD_I64LE, H5T_NATIVE_INT32, 1, &rows,
                                  about->labels, err));
    LYC_TRY(lyc__h5_write_dataset(writer->output.file, "split", H5T_STD_U8LE, H5T_NATIVE_UINT8, 1, &rows,
                                  about->parts, err));
    return lyc__h5_write_dataset(writer->output.file, "id", H5T_STD_U64LE, H5T_NATIVE_UINT64, 1, &rows,
                                 about->ids, err);
}

lyc_status lyc__dataset_writer_open(lyc__dataset_writer **out, const char *path,
                                    const lyc__dataset_content *about, const char *source,
                                    const char *licence, lyc_error *err) {
    lyc_status status;
    lyc__dataset_writer *writer = NULL;
    *out = NULL;
    LYC_TRY(LYC_NEW_ARRAY(writer, 1, err));
    writer->x = writer->output.file = writer->output.access = LYC__H5_NONE;
    writer->about = about;
    writer->source = source;
    writer->licence = licence;
    writer->path = lyc_strdup(path);
    if (!writer->path) {
        status = LYC_ERROR(err, LYC_ENOMEM, "%s: no memory to write this data set", path);
        goto done;
    }
    LYC_TRY_GOTO(lyc__h5_output_open(&writer->output, writer->path, err));
    uint64_t dims[4] = {about->rows, (uint64_t)about->channels, (uint64_t)about->height,
                        (uint64_t)about->width};
    LYC_TRY_GOTO(lyc__h5_create_dataset(&writer->x, writer->output.file, "x",
                                        about->is_float ? H5T_IEEE_F32LE : H5T_STD_U8LE, 4, dims, false,
                                        err));
    LYC_TRY_GOTO(write_columns(writer, err));
    lyc__hash_start(&writer->hash);
    lyc__dataset_hash_head(&writer->hash, about);
    *out = writer;
    writer = NULL;
done:
    lyc__dataset_writer_close(writer);
    return status;
}

lyc_status lyc__dataset_writer_rows(lyc__dataset_writer *writer, const void *x, size_t count,
                                    lyc_error *err) {
    const lyc__dataset_content *about = writer->about;
    const uint8_t *parts = about->parts + writer->written;
    if (count > about->rows - writer->written)
        LYC_FAIL(err, LYC_EINTERNAL, "%s: more rows than announced", writer->path);
    hid_t type = about->is_float ? H5T_NATIVE_FLOAT : H5T_NATIVE_UINT8;
    LYC_TRY(lyc__h5_write_rows(writer->x, type, writer->written, count, x, err));
    LYC_TRY(lyc__h5_output_check(&writer->output, err));
    lyc__moments_add(&writer->moments, about, x, parts, 0, count);
    lyc__moments_add(&writer->test_moments, about, x, parts, 1, count);
    lyc__hash_update(&writer->hash, x, count * lyc__dataset_row_bytes(about));
    writer->written += count;
    return LYC_OK;
}

static lyc_status write_attributes(const lyc__dataset_writer *writer, lyc_error *err) {
    const lyc__dataset_content *about = writer->about;
    hid_t file = writer->output.file;
    size_t channels = (size_t)about->channels;
    LYC_TRY(lyc__h5_write_text_attribute(file, "format", LYC__DATASET_FORMAT, err));
    LYC_TRY(lyc__h5_write_texts_attribute(file, "classes", (const char *const *)about->class_names,
                                          (size_t)about->class_count, err));
    LYC_TRY(lyc__h5_write_attribute(file, "mean", H5T_NATIVE_FLOAT, about->mean, channels, false, err));
    LYC_TRY(lyc__h5_write_attribute(file, "std", H5T_NATIVE_FLOAT, about->std, channels, false, err));
    if (writer->source) LYC_TRY(lyc__h5_write_text_attribute(file, "source", writer->source, err));
    if (writer->licence) LYC_TRY(lyc__h5_write_text_attribute(file, "licence", writer->licence, err));
    return lyc__h5_write_text_attribute(file, "fingerprint", about->fingerprint, err);
}

lyc_status lyc__dataset_writer_finish(lyc__dataset_writer *writer, lyc__dataset_content *about,
                                      lyc_error *err) {
    if (writer->written != about->rows)
        LYC_FAIL(err, LYC_EINTERNAL, "%s: fewer rows than announced", writer->path);
    const lyc__moments *moments = writer->moments.values > 0 ? &writer->moments : &writer->test_moments;
    lyc__moments_finish(moments, about, about->mean, about->std);
    lyc__dataset_hash_tail(&writer->hash, about);
    lyc__hash_finish_hex(&writer->hash, about->fingerprint);
    LYC_TRY(write_attributes(writer, err));
    lyc__h5_release(&writer->x);
    return lyc__h5_output_publish(&writer->output, err);
}

void lyc__dataset_writer_close(lyc__dataset_writer *writer) {
    if (!writer) return;
    lyc__h5_release(&writer->x);
    lyc__h5_output_close(&writer->output);
    lyc_free(writer->path);
    lyc_free(writer);
}

#include "io/idx.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "lyceum/memory.h"

#define BUFFER_BYTES (256u << 10)
#define READ_BYTES   (1u << 20) /* gzread counts in int */
#define MAX_RATIO    1100u      /* gzip packs 1,032 to 1 at best */
#define TYPE_BYTES   8

struct lyc__idx {
    gzFile file;
    char *path;
    lyc__idx_shape shape;
    uint64_t header_bytes;
    uint64_t row, offset; /* the next of each */
};

void lyc__idx_close(lyc__idx *idx) {
    if (!idx) return;
    if (idx->file) gzclose(idx->file);
    lyc_free(idx->path);
    lyc_free(idx);
}

/* Where the byte at `offset` belongs, for a message. */
#define PLACE_SIZE 64
static const char *place_of(const lyc__idx *idx, uint64_t offset, char out[PLACE_SIZE]) {
    if (offset < idx->header_bytes) snprintf(out, PLACE_SIZE, "the header");
    else
        snprintf(out, PLACE_SIZE, "row %" PRIu64 " of %" PRIu64,
                 (offset - idx->header_bytes) / idx->shape.row_bytes, idx->shape.dims[0]);
    return out;
}

/* zlib puts "<fd:3>: " before its words, for want of a name. */
static const char *reason_of(const lyc__idx *idx, int *code) {
    const char *text = gzerror(idx->file, code), *end = strstr(text, ">: ");
    return end && text[0] == '<' ? end + 3 : text;
}

static lyc_status fail_at(const lyc__idx *idx, uint64_t offset, int got, lyc_error *err) {
    char place[PLACE_SIZE];
    int code = Z_OK, system = errno;
    const char *reason = reason_of(idx, &code);
    place_of(idx, offset, place);
    if (got < 0 && code == Z_ERRNO)
        LYC_FAIL(err, LYC_EIO, "%s: reading failed at byte %" PRIu64 " (%s): %s", idx->path, offset, place,
                 strerror(system));
    if (got < 0 && code != Z_BUF_ERROR)
        LYC_FAIL(err, LYC_EFORMAT,
                 "%s: the gzip data is damaged near byte %" PRIu64 " (%s): %s; fetch it again", idx->path,
                 offset, place, reason);
    LYC_FAIL(err, LYC_EFORMAT, "%s: cut off at byte %" PRIu64 " (%s); fetch it again", idx->path, offset,
             place);
}

/* Reads exactly `size` bytes. */
static lyc_status read_bytes(lyc__idx *idx, void *out, uint64_t size, lyc_error *err) {
    uint64_t done = 0;
    while (done < size) {
        unsigned wanted = size - done < READ_BYTES ? (unsigned)(size - done) : READ_BYTES;
        int got = gzread(idx->file, (char *)out + done, wanted);
        if (got > 0) done += (uint64_t)got;
        if (got < 0 || (unsigned)got < wanted) return fail_at(idx, idx->offset + done, got, err);
    }
    idx->offset += size;
    return LYC_OK;
}

static lyc_status check_magic(const lyc__idx *idx, const uint8_t magic[4], lyc_error *err) {
    if (magic[0] != 0 || magic[1] != 0)
        LYC_FAIL(err, LYC_EFORMAT, "%s: not an idx file: bytes 0 and 1 are %02x %02x, not 00 00", idx->path,
                 magic[0], magic[1]);
    if (magic[2] != TYPE_BYTES)
        LYC_FAIL(err, LYC_EFORMAT, "%s: byte 2 gives value type 0x%02x; only unsigned bytes (0x08) are read",
                 idx->path, magic[2]);
    if (magic[3] < 1 || magic[3] > LYC__IDX_MAX_RANK)
        LYC_FAIL(err, LYC_EFORMAT, "%s: byte 3 gives %d dimensions; 1 to %d are possible", idx->path,
                 magic[3], LYC__IDX_MAX_RANK);
    return LYC_OK;
}

/* A header of 16 bytes must not make anybody reserve the size of a disk. */
static lyc_status check_size(const lyc__idx *idx, lyc_error *err) {
    struct stat about;
    uint64_t bytes = idx->shape.row_bytes;
    if (__builtin_mul_overflow(bytes, idx->shape.dims[0], &bytes))
        LYC_FAIL(err, LYC_EFORMAT, "%s: announces dimensions whose product overflows", idx->path);
    if (stat(idx->path, &about) != 0)
        LYC_FAIL(err, LYC_EIO, "%s: cannot ask for the file's size: %s", idx->path, strerror(errno));
    uint64_t ratio = gzdirect(idx->file) ? 1 : MAX_RATIO;
    if (bytes / ratio > (uint64_t)about.st_size)
        LYC_FAIL(err, LYC_EFORMAT,
                 "%s: announces %" PRIu64 " bytes of values, which a file of %" PRIu64
                 " bytes cannot hold: cut off, or its header is damaged",
                 idx->path, bytes, (uint64_t)about.st_size);
    return LYC_OK;
}

static lyc_status read_header(lyc__idx *idx, lyc_error *err) {
    uint8_t magic[4], bytes[4];
    idx->header_bytes = sizeof magic;
    LYC_TRY(read_bytes(idx, magic, sizeof magic, err));
    LYC_TRY(check_magic(idx, magic, err));
    idx->shape.rank = magic[3];
    idx->header_bytes = 4 + 4 * (uint64_t)magic[3];
    idx->shape.row_bytes = 1;
    for (int i = 0; i < idx->shape.rank; i++) {
        LYC_TRY(read_bytes(idx, bytes, sizeof bytes, err));
        uint64_t dim =
            (uint64_t)bytes[0] << 24 | (uint64_t)bytes[1] << 16 | (uint64_t)bytes[2] << 8 | bytes[3];
        if (dim == 0) LYC_FAIL(err, LYC_EFORMAT, "%s: dimension %d (byte %d) is 0", idx->path, i, 4 + 4 * i);
        idx->shape.dims[i] = dim;
        if (i > 0 && __builtin_mul_overflow(idx->shape.row_bytes, dim, &idx->shape.row_bytes))
            LYC_FAIL(err, LYC_EFORMAT, "%s: announces dimensions whose product overflows", idx->path);
    }
    return check_size(idx, err);
}

static lyc_status open_file(lyc__idx *idx, const char *path, lyc_error *err) {
    struct stat about;
    idx->path = lyc_strdup(path);
    if (!idx->path) LYC_FAIL(err, LYC_ENOMEM, "%s: no memory to read this file", path);
    /* A pipe without a writer would keep us waiting, and has no size to check the header against. */
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) LYC_FAIL(err, LYC_EIO, "%s: cannot open this idx file: %s", path, strerror(errno));
    if (fstat(descriptor, &about) == 0 && !S_ISREG(about.st_mode)) {
        close(descriptor);
        LYC_FAIL(err, LYC_EIO, "%s: is %s; an idx file was expected", path,
                 S_ISDIR(about.st_mode) ? "a directory" : "a pipe or a device");
    }
    idx->file = gzdopen(descriptor, "rb");
    if (!idx->file) {
        close(descriptor);
        LYC_FAIL(err, LYC_ENOMEM, "%s: no memory to unpack this file", path);
    }
    gzbuffer(idx->file, BUFFER_BYTES);
    return LYC_OK;
}

lyc_status lyc__idx_open(lyc__idx **out, const char *path, lyc__idx_shape *shape, lyc_error *err) {
    lyc__idx *idx = NULL;
    *out = NULL;
    LYC_TRY(LYC_NEW_ARRAY(idx, 1, err));
    lyc_status status = open_file(idx, path, err);
    if (status == LYC_OK) status = read_header(idx, err);
    if (status != LYC_OK) {
        lyc__idx_close(idx);
        return status;
    }
    *shape = idx->shape;
    *out = idx;
    return LYC_OK;
}

/* Asking for one byte more also makes zlib compare the checksum at the end. */
static lyc_status check_end(lyc__idx *idx, lyc_error *err) {
    uint8_t byte;
    int code = Z_OK, got = gzread(idx->file, &byte, 1);
    if (got > 0)
        LYC_FAIL(err, LYC_EFORMAT,
                 "%s: goes on after the %" PRIu64 " rows that its header announces (byte %" PRIu64 ")",
                 idx->path, idx->shape.dims[0], idx->offset);
    const char *reason = reason_of(idx, &code);
    if (got < 0 || code == Z_BUF_ERROR)
        LYC_FAIL(err, LYC_EFORMAT, "%s: the gzip data is damaged at its end: %s; fetch it again", idx->path,
                 reason);
    return LYC_OK;
}

lyc_status lyc__idx_read(lyc__idx *idx, uint64_t rows, uint8_t *out, lyc_error *err) {
    if (rows > idx->shape.dims[0] - idx->row)
        LYC_FAIL(err, LYC_EINTERNAL, "%s: asked for more rows than there are", idx->path);
    LYC_TRY(read_bytes(idx, out, rows * idx->shape.row_bytes, err));
    idx->row += rows;
    return idx->row == idx->shape.dims[0] ? check_end(idx, err) : LYC_OK;
}

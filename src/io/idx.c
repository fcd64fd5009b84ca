#include "io/idx.h"

#include <inttypes.h>
#include <stdio.h>

#include "io/packed_file.h"
#include "lyceum/memory.h"

#define TYPE_BYTES 8

struct lyc__idx {
    lyc__packed *packed;
    lyc__idx_shape shape;
    uint64_t header_bytes;
    uint64_t row; /* the next */
};

void lyc__idx_close(lyc__idx *idx) {
    if (!idx) return;
    lyc__packed_close(idx->packed);
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

static lyc_status read_bytes(lyc__idx *idx, void *out, uint64_t size, lyc_error *err) {
    size_t got = 0;
    char place[PLACE_SIZE];
    LYC_TRY(lyc__packed_read(idx->packed, out, size, &got, err));
    if (got == size) return LYC_OK;
    uint64_t offset = lyc__packed_offset(idx->packed);
    LYC_FAIL(err, LYC_EFORMAT, "%s: cut off at byte %" PRIu64 " (%s); fetch it again",
             lyc__packed_path(idx->packed), offset, place_of(idx, offset, place));
}

static lyc_status check_magic(const lyc__idx *idx, const uint8_t magic[4], lyc_error *err) {
    if (magic[0] != 0 || magic[1] != 0)
        LYC_FAIL(err, LYC_EFORMAT, "%s: not an idx file: bytes 0 and 1 are %02x %02x, not 00 00",
                 lyc__packed_path(idx->packed), magic[0], magic[1]);
    if (magic[2] != TYPE_BYTES)
        LYC_FAIL(err, LYC_EFORMAT, "%s: byte 2 gives value type 0x%02x; only unsigned bytes (0x08) are read",
                 lyc__packed_path(idx->packed), magic[2]);
    if (magic[3] < 1 || magic[3] > LYC__IDX_MAX_RANK)
        LYC_FAIL(err, LYC_EFORMAT, "%s: byte 3 gives %d dimensions; 1 to %d are possible",
                 lyc__packed_path(idx->packed), magic[3], LYC__IDX_MAX_RANK);
    return LYC_OK;
}

/* A header of 16 bytes must not make anybody reserve the size of a disk. */
static lyc_status check_size(const lyc__idx *idx, lyc_error *err) {
    const char *path = lyc__packed_path(idx->packed);
    uint64_t bytes = idx->shape.row_bytes;
    if (__builtin_mul_overflow(bytes, idx->shape.dims[0], &bytes))
        LYC_FAIL(err, LYC_EFORMAT, "%s: announces dimensions whose product overflows", path);
    if (bytes > lyc__packed_most(idx->packed))
        LYC_FAIL(err, LYC_EFORMAT,
                 "%s: announces %" PRIu64
                 " bytes of values, which a file of its size cannot hold: cut off, or its header is damaged",
                 path, bytes);
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
        if (dim == 0)
            LYC_FAIL(err, LYC_EFORMAT, "%s: dimension %d (byte %d) is 0", lyc__packed_path(idx->packed), i,
                     4 + 4 * i);
        idx->shape.dims[i] = dim;
        if (i > 0 && __builtin_mul_overflow(idx->shape.row_bytes, dim, &idx->shape.row_bytes))
            LYC_FAIL(err, LYC_EFORMAT, "%s: announces dimensions whose product overflows",
                     lyc__packed_path(idx->packed));
    }
    return check_size(idx, err);
}

lyc_status lyc__idx_open(lyc__idx **out, const char *path, lyc__idx_shape *shape, lyc_error *err) {
    lyc__idx *idx = NULL;
    *out = NULL;
    LYC_TRY(LYC_NEW_ARRAY(idx, 1, err));
    lyc_status status = lyc__packed_open(&idx->packed, path, "an idx file", err);
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
    size_t got = 0;
    uint64_t end = lyc__packed_offset(idx->packed);
    LYC_TRY(lyc__packed_read(idx->packed, &byte, 1, &got, err));
    if (got > 0)
        LYC_FAIL(err, LYC_EFORMAT,
                 "%s: goes on after the %" PRIu64 " rows that its header announces (byte %" PRIu64 ")",
                 lyc__packed_path(idx->packed), idx->shape.dims[0], end);
    return LYC_OK;
}

lyc_status lyc__idx_read(lyc__idx *idx, uint64_t rows, uint8_t *out, lyc_error *err) {
    if (rows > idx->shape.dims[0] - idx->row)
        LYC_FAIL(err, LYC_EINTERNAL, "%s: asked for more rows than there are", lyc__packed_path(idx->packed));
    LYC_TRY(read_bytes(idx, out, rows * idx->shape.row_bytes, err));
    idx->row += rows;
    return idx->row == idx->shape.dims[0] ? check_end(idx, err) : LYC_OK;
}

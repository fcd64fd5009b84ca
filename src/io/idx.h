/* The idx format (Yann LeCun's MNIST files), plain or gzipped: two zero bytes, a type byte, the rank, `rank`
 * big-endian 32-bit dimensions, then the values, row by row. Only unsigned bytes (type 0x08) are read.
 *
 * Every error names the file, the byte or row, and the reason; offsets are those of the unpacked content. */
#ifndef LYC_IO_IDX_H
#define LYC_IO_IDX_H

#include <stddef.h>
#include <stdint.h>

#include "lyceum/error.h"

#define LYC__IDX_MAX_RANK 4

typedef struct lyc__idx lyc__idx;

typedef struct lyc__idx_shape {
    int rank;
    uint64_t dims[LYC__IDX_MAX_RANK];
    uint64_t row_bytes; /* product of dims[1..]; 1 for labels */
} lyc__idx_shape;

/* Opens a file and reads its header. The size that it announces is one that the file can hold. */
LYC_MUST_USE lyc_status lyc__idx_open(lyc__idx **out, const char *path, lyc__idx_shape *shape,
                                      lyc_error *err);
/* The next `rows` rows. After the last announced row it also checks that nothing follows (and, for gzip, the
 * checksum of the whole). */
LYC_MUST_USE lyc_status lyc__idx_read(lyc__idx *idx, uint64_t rows, uint8_t *out, lyc_error *err);
void lyc__idx_close(lyc__idx *idx); /* NULL is fine */

#endif

/* A file of bytes, plain or gzipped, read once from its start. Offsets are those of the unpacked content. Not
 * thread-safe. */
#ifndef LYC_IO_PACKED_FILE_H
#define LYC_IO_PACKED_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "lyceum/error.h"

typedef struct lyc__packed lyc__packed;

/* `what` is what messages call such a file, with its article ("a CIFAR file"). LYC_EIO: it cannot be opened,
 * or is no regular file.
 */
LYC_MUST_USE lyc_status lyc__packed_open(lyc__packed **out, const char *path, const char *what,
                                         lyc_error *err);
/* The next bytes: *got is below `size` only at the end, where the gzip checksum has been compared as well.
 * LYC_EFORMAT: gzip data that is damaged or cut off. */
LYC_MUST_USE lyc_status lyc__packed_read(lyc__packed *packed, void *out, size_t size, size_t *got,
                                         lyc_error *err);
uint64_t lyc__packed_offset(const lyc__packed *packed); /* bytes read so far */
/* No content of a file of this size is longer: what a header announces can be checked before it is reserved.
 */
uint64_t lyc__packed_most(const lyc__packed *packed);
const char *lyc__packed_path(const lyc__packed *packed);
void lyc__packed_close(lyc__packed *packed); /* NULL is fine */

#endif

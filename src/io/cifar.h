/* The binary records of CIFAR-10 and CIFAR-100 (Alex Krizhevsky), plain or gzipped: one or two label bytes,
 * then 3,072 bytes of a colour image of 32 x 32, red plane first. There is no header: only the size of the
 * file tells how many records it holds. */
#ifndef LYC_IO_CIFAR_H
#define LYC_IO_CIFAR_H

#include <stdbool.h>

#include "io/packed_file.h"

#define LYC__CIFAR_SIDE     32
#define LYC__CIFAR_CHANNELS 3
#define LYC__CIFAR_PIXELS   (LYC__CIFAR_CHANNELS * LYC__CIFAR_SIDE * LYC__CIFAR_SIDE)

typedef struct lyc__cifar {
    lyc__packed *packed;
    int label_bytes; /* 1 or 2 */
    uint64_t row;    /* of the next record */
} lyc__cifar;

LYC_MUST_USE lyc_status lyc__cifar_open(lyc__cifar *out, const char *path, int label_bytes, lyc_error *err);
/* One record: labels[label_bytes], pixels[LYC__CIFAR_PIXELS]. *found is false at the end of the file.
 * LYC_EFORMAT: the file ends within a record. */
LYC_MUST_USE lyc_status lyc__cifar_next(lyc__cifar *cifar, uint8_t *labels, uint8_t *pixels, bool *found,
                                        lyc_error *err);
void lyc__cifar_close(lyc__cifar *cifar); /* a zeroed one is fine */

#endif

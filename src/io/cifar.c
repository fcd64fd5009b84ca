#include "io/cifar.h"

#include <inttypes.h>
#include <string.h>

lyc_status lyc__cifar_open(lyc__cifar *out, const char *path, int label_bytes, lyc_error *err) {
    *out = (lyc__cifar){.label_bytes = label_bytes};
    return lyc__packed_open(&out->packed, path, "a CIFAR file", err);
}

lyc_status lyc__cifar_next(lyc__cifar *cifar, uint8_t *labels, uint8_t *pixels, bool *found, lyc_error *err) {
    uint8_t record[2 + LYC__CIFAR_PIXELS];
    size_t size = (size_t)cifar->label_bytes + LYC__CIFAR_PIXELS, got = 0;
    *found = false;
    LYC_TRY(lyc__packed_read(cifar->packed, record, size, &got, err));
    if (got == 0) return LYC_OK;
    if (got < size)
        LYC_FAIL(err, LYC_EFORMAT,
                 "%s: ends at byte %" PRIu64 ", within row %" PRIu64
                 ": it is cut off, or its records are not %zu bytes long (%d label byte%s and %d pixels)",
                 lyc__packed_path(cifar->packed), lyc__packed_offset(cifar->packed), cifar->row, size,
                 cifar->label_bytes, cifar->label_bytes == 1 ? "" : "s", LYC__CIFAR_PIXELS);
    memcpy(labels, record, (size_t)cifar->label_bytes);
    memcpy(pixels, record + cifar->label_bytes, LYC__CIFAR_PIXELS);
    cifar->row++;
    *found = true;
    return LYC_OK;
}

void lyc__cifar_close(lyc__cifar *cifar) {
    lyc__packed_close(cifar->packed);
    cifar->packed = NULL;
}

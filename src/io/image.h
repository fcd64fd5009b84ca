/* PNG and JPEG images. What they hold is told by their first bytes, not by their names. */
#ifndef LYC_IO_IMAGE_H
#define LYC_IO_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "lyceum/error.h"

#define LYC__IMAGE_MOST_BYTES  ((size_t)256 << 20) /* of a file */
#define LYC__IMAGE_MOST_PIXELS ((size_t)64 << 20)
#define LYC__IMAGE_MOST_SIDE   65535u

typedef struct lyc__image {
    int channels; /* 1 grey, 3 red, green, blue */
    int height, width;
    uint8_t *pixels; /* [height, width, channels] */
} lyc__image;

/* LYC_EIO: cannot be read. LYC_EFORMAT: neither PNG nor JPEG, damaged, cut off, too large, transparent, CMYK.
 * Nothing is printed, and nothing of a damaged image is used. */
LYC_MUST_USE lyc_status lyc__image_read(lyc__image *out, const char *path, lyc_error *err);
void lyc__image_release(lyc__image *image); /* zeroes it; a zeroed one is fine */

/* ---- one function a format; `path` is for messages ------------------------------------------------ */

LYC_MUST_USE lyc_status lyc__png_decode(lyc__image *out, const uint8_t *bytes, size_t size, const char *path,
                                        lyc_error *err);
LYC_MUST_USE lyc_status lyc__jpeg_decode(lyc__image *out, const uint8_t *bytes, size_t size, const char *path,
                                         lyc_error *err);
/* Takes the size from a header: checks it and allocates the pixels. */
LYC_MUST_USE lyc_status lyc__image_allocate(lyc__image *out, size_t channels, size_t height, size_t width,
                                            const char *path, lyc_error *err);

#endif

#include "io/image.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lyceum/memory.h"

typedef struct format {
    const char *start;
    size_t start_size;
    lyc_status (*decode)(lyc__image *out, const uint8_t *bytes, size_t size, const char *path,
                         lyc_error *err);
} format;

static const format formats[] = {
    {"\x89PNG\r\n\x1a\n", 8, lyc__png_decode},
    {"\xff\xd8\xff", 3, lyc__jpeg_decode},
};

lyc_status lyc__image_allocate(lyc__image *out, size_t channels, size_t height, size_t width,
                               const char *path, lyc_error *err) {
    if (height == 0 || width == 0 || height > LYC__IMAGE_MOST_SIDE || width > LYC__IMAGE_MOST_SIDE ||
        height * width > LYC__IMAGE_MOST_PIXELS)
        LYC_FAIL(err, LYC_EFORMAT, "%s: is %zu x %zu pixels large; at most %u a side and %zu in all are read",
                 path, width, height, LYC__IMAGE_MOST_SIDE, LYC__IMAGE_MOST_PIXELS);
    out->channels = (int)channels;
    out->height = (int)height;
    out->width = (int)width;
    return lyc_allocate((void **)&out->pixels, height * width, channels, "the pixels of an image", err);
}

static lyc_status decode(lyc__image *out, const uint8_t *bytes, size_t size, const char *path,
                         lyc_error *err) {
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (size >= formats[i].start_size && memcmp(bytes, formats[i].start, formats[i].start_size) == 0)
            return formats[i].decode(out, bytes, size, path, err);
    LYC_FAIL(err, LYC_EFORMAT, "%s: is neither a PNG nor a JPEG image%s", path,
             size == 0 ? ", but empty" : "");
}

static lyc_status read_file(int descriptor, uint8_t *bytes, size_t size, const char *path, lyc_error *err) {
    for (size_t done = 0; done < size;) {
        ssize_t got = read(descriptor, bytes + done, size - done);
        if (got < 0) LYC_FAIL(err, LYC_EIO, "%s: reading failed: %s", path, strerror(errno));
        if (got == 0) LYC_FAIL(err, LYC_EIO, "%s: became shorter while it was being read", path);
        done += (size_t)got;
    }
    return LYC_OK;
}

lyc_status lyc__image_read(lyc__image *out, const char *path, lyc_error *err) {
    lyc_status status;
    struct stat about;
    uint8_t *bytes = NULL;
    *out = (lyc__image){0};
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) LYC_FAIL(err, LYC_EIO, "%s: cannot open this image: %s", path, strerror(errno));
    if (fstat(descriptor, &about) != 0 || !S_ISREG(about.st_mode)) {
        status = LYC_ERROR(err, LYC_EIO, "%s: is no regular file; an image was expected", path);
        goto done;
    }
    if ((uint64_t)about.st_size > LYC__IMAGE_MOST_BYTES) {
        status = LYC_ERROR(err, LYC_EFORMAT, "%s: is larger than %zu MiB", path, LYC__IMAGE_MOST_BYTES >> 20);
        goto done;
    }
    size_t size = (size_t)about.st_size;
    LYC_TRY_GOTO(lyc_allocate((void **)&bytes, size, 1, "an image file", err));
    LYC_TRY_GOTO(read_file(descriptor, bytes, size, path, err));
    status = decode(out, bytes, size, path, err);
done:
    close(descriptor);
    lyc_free(bytes);
    if (status != LYC_OK) lyc__image_release(out);
    return status;
}

void lyc__image_release(lyc__image *image) {
    lyc_free(image->pixels);
    *image = (lyc__image){0};
}

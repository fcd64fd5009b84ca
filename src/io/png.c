/* PNG through libpng: the only file that includes it.
 *
 * libpng leaves its functions by longjmp. Each of the functions below that calls setjmp has no local variable
 * that changes after it; what must outlive the jump is in the reader. */
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <png.h>

#include "io/image.h"
#include "lyceum/memory.h"

#define MOST_RATIO 1100 /* deflate packs 1,032 to 1 at best; a pixel has at least a bit */

typedef struct reader {
    png_structp png;
    png_infop info;
    const uint8_t *bytes;
    size_t size, at;
    lyc__image image; /* as it is in the file: 1 to 4 channels */
    png_bytep *lines; /* into its pixels */
    bool no_memory;
    char message[128];
} reader;

static PNG_NORETURN void leave(png_structp png, png_const_charp message) {
    reader *r = png_get_error_ptr(png);
    (void)snprintf(r->message, sizeof r->message, "%s", message);
    png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp message) {
    (void)png, (void)message;
}

static png_voidp take_memory(png_structp png, png_alloc_size_t size) {
    reader *r = png_get_mem_ptr(png);
    void *block = lyc_calloc(1, size);
    r->no_memory = r->no_memory || !block;
    return block;
}

static void give_memory(png_structp png, png_voidp block) {
    (void)png;
    lyc_free(block);
}

static void read_bytes(png_structp png, png_bytep out, size_t size) {
    reader *r = png_get_io_ptr(png);
    if (size > r->size - r->at) png_error(png, "cut off");
    memcpy(out, r->bytes + r->at, size);
    r->at += size;
}

/* Whatever the file has becomes 8 bits a channel: grey or colour, with or without alpha. */
static bool read_header(reader *r) {
    if (setjmp(png_jmpbuf(r->png))) return false;
    png_set_read_fn(r->png, r, read_bytes);
    png_set_user_limits(r->png, LYC__IMAGE_MOST_SIDE, LYC__IMAGE_MOST_SIDE);
    png_read_info(r->png, r->info);
    png_set_scale_16(r->png);
    png_set_expand(r->png);
    png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);
    return true;
}

static bool read_lines(reader *r) {
    if (setjmp(png_jmpbuf(r->png))) return false;
    png_read_image(r->png, r->lines);
    png_read_end(r->png, NULL);
    return true;
}

static lyc_status fail(const reader *r, const char *path, lyc_error *err) {
    if (r->no_memory) LYC_FAIL(err, LYC_ENOMEM, "%s: no memory to read this image", path);
    LYC_FAIL(err, LYC_EFORMAT, "%s: this PNG image is damaged: %s", path, r->message);
}

/* [height, width, channels + 1] -> [height, width, channels] */
static lyc_status drop_alpha(lyc__image *image, const char *path, lyc_error *err) {
    size_t channels = (size_t)image->channels - 1, pixels = (size_t)image->height * (size_t)image->width;
    for (size_t i = 0; i < pixels; i++) {
        const uint8_t *from = image->pixels + i * (channels + 1);
        if (from[channels] != 255)
            LYC_FAIL(err, LYC_EFORMAT,
                     "%s: is transparent at line %zu, column %zu; put it on a background first", path,
                     i / (size_t)image->width, i % (size_t)image->width);
        memmove(image->pixels + i * channels, from, channels);
    }
    image->channels--;
    return LYC_OK;
}

static lyc_status decode(reader *r, const char *path, lyc_error *err) {
    if (!read_header(r)) return fail(r, path, err);
    size_t height = png_get_image_height(r->png, r->info), width = png_get_image_width(r->png, r->info);
    size_t channels = png_get_channels(r->png, r->info);
    if (height * width / (8 * MOST_RATIO) > r->size)
        LYC_FAIL(err, LYC_EFORMAT, "%s: announces %zu x %zu pixels, which a file of %zu bytes cannot hold",
                 path, width, height, r->size);
    LYC_TRY(lyc__image_allocate(&r->image, channels, height, width, path, err));
    LYC_TRY(lyc_allocate((void **)&r->lines, height, sizeof *r->lines, "the lines of an image", err));
    if (png_get_rowbytes(r->png, r->info) != width * channels)
        LYC_FAIL(err, LYC_EFORMAT, "%s: this PNG image is of an unknown kind", path);
    for (size_t y = 0; y < height; y++) r->lines[y] = r->image.pixels + y * width * channels;
    if (!read_lines(r)) return fail(r, path, err);
    return channels == 2 || channels == 4 ? drop_alpha(&r->image, path, err) : LYC_OK;
}

lyc_status lyc__png_decode(lyc__image *out, const uint8_t *bytes, size_t size, const char *path,
                           lyc_error *err) {
    reader r = {.bytes = bytes, .size = size};
    r.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &r, leave, ignore, &r, take_memory, give_memory);
    if (r.png) r.info = png_create_info_struct(r.png);
    lyc_status status =
        r.info ? decode(&r, path, err) : LYC_ERROR(err, LYC_ENOMEM, "%s: no memory to read this image", path);
    png_destroy_read_struct(&r.png, &r.info, NULL);
    lyc_free(r.lines);
    if (status == LYC_OK) *out = r.image;
    else lyc_free(r.image.pixels);
    return status;
}

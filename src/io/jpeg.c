/* JPEG through libjpeg-turbo: the only file that includes it.
 *
 * libjpeg leaves its functions by longjmp, and only warns of data that is damaged or cut off, filling in
 * grey; here a warning is an error. Functions that call setjmp have no local variable that changes after it.
 */
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>

#include <jpeglib.h>

#include "io/image.h"
#include "lyceum/memory.h"

typedef struct reader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr manager;
    jmp_buf back;
    lyc__image image;
    char message[JMSG_LENGTH_MAX];
} reader;

static void leave(j_common_ptr jpeg) {
    reader *r = jpeg->client_data;
    r->manager.format_message(jpeg, r->message);
    longjmp(r->back, 1);
}

static void take_message(j_common_ptr jpeg, int level) {
    if (level < 0) leave(jpeg);
}

static void print_nothing(j_common_ptr jpeg) {
    (void)jpeg;
}

static bool read_header(reader *r, const uint8_t *bytes, size_t size) {
    if (setjmp(r->back)) return false;
    jpeg_create_decompress(&r->jpeg);
    r->jpeg.mem->max_memory_to_use = (long)LYC__IMAGE_MOST_BYTES;
    jpeg_mem_src(&r->jpeg, bytes, size);
    jpeg_read_header(&r->jpeg, TRUE);
    return true;
}

static bool read_lines(reader *r) {
    if (setjmp(r->back)) return false;
    jpeg_start_decompress(&r->jpeg);
    while (r->jpeg.output_scanline < r->jpeg.output_height) {
        JSAMPROW line = r->image.pixels +
                        (size_t)r->jpeg.output_scanline * r->jpeg.output_width * (size_t)r->image.channels;
        jpeg_read_scanlines(&r->jpeg, &line, 1);
    }
    jpeg_finish_decompress(&r->jpeg);
    return true;
}

static lyc_status decode(reader *r, const uint8_t *bytes, size_t size, const char *path, lyc_error *err) {
    if (!read_header(r, bytes, size))
        LYC_FAIL(err, LYC_EFORMAT, "%s: this JPEG image is damaged: %s", path, r->message);
    if (r->jpeg.num_components != 1 && r->jpeg.num_components != 3)
        LYC_FAIL(err, LYC_EFORMAT, "%s: is a JPEG image of %d components (CMYK?); convert it to RGB", path,
                 r->jpeg.num_components);
    r->jpeg.out_color_space = r->jpeg.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    LYC_TRY(lyc__image_allocate(&r->image, (size_t)r->jpeg.num_components, r->jpeg.image_height,
                                r->jpeg.image_width, path, err));
    if (!read_lines(r)) LYC_FAIL(err, LYC_EFORMAT, "%s: this JPEG image is damaged: %s", path, r->message);
    return LYC_OK;
}

lyc_status lyc__jpeg_decode(lyc__image *out, const uint8_t *bytes, size_t size, const char *path,
                            lyc_error *err) {
    reader *r = NULL; /* on the heap: nothing of it may live in registers across a jump */
    LYC_TRY(LYC_NEW_ARRAY(r, 1, err));
    r->jpeg.err = jpeg_std_error(&r->manager);
    r->jpeg.client_data = r;
    r->manager.error_exit = leave;
    r->manager.emit_message = take_message;
    r->manager.output_message = print_nothing;
    lyc_status status = decode(r, bytes, size, path, err);
    jpeg_destroy_decompress(&r->jpeg);
    if (status == LYC_OK) *out = r->image;
    else lyc_free(r->image.pixels);
    lyc_free(r);
    return status;
}

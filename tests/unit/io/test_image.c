/* PNG and JPEG files: the pixels of each kind, and each way of being wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/image.h"
#include "lyceum/memory.h"
#include "tests/unit/io/scratch.h"

#define GOLDEN(name) LYC_TEST_DATA "/images/" name

enum { HEIGHT = 3, WIDTH = 5 };

/* As in tests/golden/image_goldens.py. */
static uint8_t pixel(int y, int x, int c) {
    return (uint8_t)(y * 70 + x * 13 + c * 50);
}

static void check_png(const char *path, int channels) {
    lyc__image image;
    lyc_error err = {0};
    if (lyc__image_read(&image, path, &err) != LYC_OK) fail_msg("%s", err.message);
    assert_int_equal(image.channels, channels);
    assert_int_equal(image.height, HEIGHT);
    assert_int_equal(image.width, WIDTH);
    for (int i = 0; i < HEIGHT * WIDTH * channels; i++)
        assert_int_equal(image.pixels[i], pixel(i / channels / WIDTH, i / channels % WIDTH, i % channels));
    lyc__image_release(&image);
}

static void test_every_kind_of_png(void **state) {
    (void)state;
    check_png(GOLDEN("grey.png"), 1);
    check_png(GOLDEN("colour.png"), 3);
    check_png(GOLDEN("colour16.png"), 3);
    check_png(GOLDEN("palette.png"), 3);
    check_png(GOLDEN("opaque.png"), 3);
    check_png(GOLDEN("opaque_grey.png"), 1);
    check_png(GOLDEN("interlaced.png"), 3);
}

/* Blocks of one colour each; the second of colour.jpg is luminance 120, blue 90, red 200. */
static void check_jpeg(const char *path, int channels, const uint8_t *first, const uint8_t *second) {
    lyc__image image;
    lyc_error err = {0};
    if (lyc__image_read(&image, path, &err) != LYC_OK) fail_msg("%s", err.message);
    assert_int_equal(image.channels, channels);
    assert_int_equal(image.height, 8);
    assert_int_equal(image.width, 16);
    for (int i = 0; i < 8 * 16 * channels; i++)
        assert_int_equal(image.pixels[i], (i / channels % 16 < 8 ? first : second)[i % channels]);
    lyc__image_release(&image);
}

static void test_grey_and_colour_jpeg(void **state) {
    (void)state;
    check_jpeg(GOLDEN("grey.jpg"), 1, (uint8_t[]){40}, (uint8_t[]){200});
    /* R = Y + 1.402 (Cr - 128), G = Y - 0.344136 (Cb - 128) - 0.714136 (Cr - 128), B = Y + 1.772 (Cb - 128)
     */
    check_jpeg(GOLDEN("colour.jpg"), 3, (uint8_t[]){100, 100, 100}, (uint8_t[]){221, 82, 53});
}

/* What libraries print on their own goes to the process's stderr: there it must not appear. */
static void test_a_warning_is_not_printed(void **state) {
    (void)state;
    size_t size = 0;
    int former = dup(STDERR_FILENO);
    assert_non_null(freopen(scratch_path("said"), "w", stderr));
    check_png(GOLDEN("warning.png"), 1);
    (void)fflush(stderr);
    assert_true(dup2(former, STDERR_FILENO) >= 0);
    (void)close(former);
    free(scratch_read("said", &size));
    assert_int_equal(size, 0);
}

static void expect_refused(const char *path, lyc_status status, const char *says) {
    lyc__image image;
    lyc_error err = {0};
    assert_int_equal(lyc__image_read(&image, path, &err), status);
    assert_null(image.pixels);
    if (!strstr(err.message, says) || !strstr(err.message, path))
        fail_msg("\"%s\" does not mention \"%s\"", err.message, says);
}

static void test_each_fault_is_named(void **state) {
    (void)state;
    expect_refused(GOLDEN("crc.png"), LYC_EFORMAT, "this PNG image is damaged: ");
    expect_refused(GOLDEN("transparent.png"), LYC_EFORMAT, "is transparent at line 1, column 2");
    expect_refused(GOLDEN("huge.png"), LYC_EFORMAT, "announces 60000 x 1000 pixels, which a file of");
    expect_refused(GOLDEN("cmyk.jpg"), LYC_EFORMAT, "JPEG image of 4 components");
    expect_refused(GOLDEN("absent.png"), LYC_EIO, "No such file");
    expect_refused(LYC_TEST_DATA, LYC_EIO, "is no regular file");
    assert_true(scratch_write("text.png", "not an image", 12));
    expect_refused(scratch_path("text.png"), LYC_EFORMAT, "is neither a PNG nor a JPEG image");
    assert_true(scratch_write("empty.png", "", 0));
    expect_refused(scratch_path("empty.png"), LYC_EFORMAT, "but empty");
}

static unsigned char *load(const char *path, size_t *size) {
    static unsigned char bytes[4096];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    *size = fread(bytes, 1, sizeof bytes, file);
    assert_int_equal(fclose(file), 0);
    return bytes;
}

static const char *const whole[] = {GOLDEN("grey.png"),       GOLDEN("colour16.png"), GOLDEN("palette.png"),
                                    GOLDEN("interlaced.png"), GOLDEN("grey.jpg"),     GOLDEN("colour.jpg")};

/* Cut anywhere: an error. Any bit flipped: an error or an image, and no harm (sanitizers look on). */
static void test_damage_at_every_byte(void **state) {
    (void)state;
    lyc__image image;
    lyc_error err = {0};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        size_t size;
        unsigned char *bytes = load(whole[i], &size);
        bool is_png = strstr(whole[i], ".png") != NULL;
        lyc_status (*decode)(lyc__image *, const uint8_t *, size_t, const char *, lyc_error *) =
            is_png ? lyc__png_decode : lyc__jpeg_decode;
        for (size_t cut = 0; cut < size; cut++)
            assert_int_equal(decode(&image, bytes, cut, "cut", &err), LYC_EFORMAT);
        for (size_t bit = 0; bit < 8 * size; bit++) {
            image = (lyc__image){0};
            bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
            lyc_status status = decode(&image, bytes, size, "flipped", &err);
            assert_true(status == LYC_OK || status == LYC_EFORMAT || status == LYC_ENOMEM);
            lyc__image_release(&image);
            bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        }
    }
}

static size_t requests, fail_at;
static void *failing_allocate(void *payload, size_t size, size_t alignment) {
    void *block = NULL;
    (void)payload;
    if (++requests == fail_at) return NULL;
    return posix_memalign(&block, alignment, size) == 0 ? block : NULL;
}
static void failing_release(void *payload, void *block) {
    (void)payload;
    free(block);
}

static void test_no_memory_is_an_error_and_no_leak(void **state) {
    (void)state;
    lyc_allocator allocator = {failing_allocate, failing_release, NULL};
    lyc_error err = {0};
    size_t wrong = 0, tried = 0;
    lyc_allocator_set(&allocator);
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        lyc_status status = LYC_ENOMEM;
        for (fail_at = 1; status != LYC_OK && fail_at < 100; fail_at++) {
            lyc__image image;
            requests = 0;
            status = lyc__image_read(&image, whole[i], &err);
            wrong += status != LYC_OK && status != LYC_ENOMEM;
            tried += status != LYC_OK;
            lyc__image_release(&image);
        }
        wrong += status != LYC_OK;
    }
    lyc_allocator_set(NULL);
    assert_int_equal(wrong, 0);
    assert_true(tried > 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_of_png),
        cmocka_unit_test(test_grey_and_colour_jpeg),
        cmocka_unit_test(test_a_warning_is_not_printed),
        cmocka_unit_test(test_each_fault_is_named),
        cmocka_unit_test(test_damage_at_every_byte),
        cmocka_unit_test(test_no_memory_is_an_error_and_no_leak),
    };
    return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}

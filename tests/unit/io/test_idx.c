/* idx files: what is read, and how each way of being wrong is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <zlib.h>

#include "io/idx.h"
#include "tests/unit/io/scratch.h"

/* Two images of 2 x 3. */
static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0,  0,  0,  2,  0,  0,
                                 0, 3, 1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16};

static void write_gz(const char *name, const uint8_t *bytes, size_t size) {
    gzFile file = gzopen(scratch_path(name), "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, bytes, (unsigned)size), (int)size);
    assert_int_equal(gzclose(file), Z_OK);
}

/* Opens and reads everything, row by row. */
static lyc_status read_all(const char *name, lyc_error *err) {
    lyc__idx *idx = NULL;
    lyc__idx_shape shape;
    uint8_t row[4096];
    lyc_status status = lyc__idx_open(&idx, scratch_path(name), &shape, err);
    for (uint64_t i = 0; status == LYC_OK && i < shape.dims[0]; i++) {
        assert_true(shape.row_bytes <= sizeof row);
        status = lyc__idx_read(idx, 1, row, err);
    }
    lyc__idx_close(idx);
    return status;
}

static void check_images(const char *name) {
    lyc__idx *idx = NULL;
    lyc__idx_shape shape;
    lyc_error err = {0};
    uint8_t values[12];
    if (lyc__idx_open(&idx, scratch_path(name), &shape, &err) != LYC_OK) fail_msg("%s", err.message);
    assert_int_equal(shape.rank, 3);
    assert_int_equal(shape.dims[0], 2);
    assert_int_equal(shape.dims[1], 2);
    assert_int_equal(shape.dims[2], 3);
    assert_int_equal(shape.row_bytes, 6);
    if (lyc__idx_read(idx, 2, values, &err) != LYC_OK) fail_msg("%s", err.message);
    assert_memory_equal(values, images + 16, 12);
    lyc__idx_close(idx);
}

static void test_plain_and_gzip_hold_the_same(void **state) {
    (void)state;
    assert_true(scratch_write("plain.idx", images, sizeof images));
    write_gz("packed.idx.gz", images, sizeof images);
    check_images("plain.idx");
    check_images("packed.idx.gz");
}

typedef struct fault {
    const char *label;
    size_t at;     /* byte that is changed ... */
    uint8_t value; /* ... to this; at = SIZE_MAX: none */
    size_t size;   /* bytes kept; may be more than there are (zeros follow) */
    lyc_status status;
    const char *says;
} fault;

static const fault faults[] = {
    {"magic", 0, 7, 28, LYC_EFORMAT, "bytes 0 and 1 are 07 00"},
    {"type", 2, 0x0d, 28, LYC_EFORMAT, "byte 2 gives value type 0x0d"},
    {"no dimension", 3, 0, 28, LYC_EFORMAT, "byte 3 gives 0 dimensions"},
    {"too many dimensions", 3, 5, 28, LYC_EFORMAT, "byte 3 gives 5 dimensions"},
    {"empty dimension", 11, 0, 28, LYC_EFORMAT, "dimension 1 (byte 8) is 0"},
    {"cut in the header", SIZE_MAX, 0, 9, LYC_EFORMAT, "cut off at byte 9 (the header)"},
    {"huge", 4, 0x7f, 28, LYC_EFORMAT, "cannot hold"},
    {"overflow", 3, 4, 28, LYC_EFORMAT, "overflows"},
    {"trailing", SIZE_MAX, 0, 29, LYC_EFORMAT,
     "goes on after the 2 rows that its header announces (byte 28)"},
};

static void make_fault(const fault *wanted, uint8_t *bytes) {
    memset(bytes, 0, 64);
    memcpy(bytes, images, sizeof images);
    if (wanted->at != SIZE_MAX) bytes[wanted->at] = wanted->value;
    if (strcmp(wanted->label, "overflow") == 0) memset(bytes + 4, 0xff, 16); /* (2^32 - 1)^4 */
}

static void test_each_fault_has_its_own_message(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        uint8_t bytes[64];
        lyc_error err = {0};
        make_fault(&faults[i], bytes);
        for (int packed = 0; packed < 2; packed++) {
            if (packed) write_gz("fault", bytes, faults[i].size);
            else assert_true(scratch_write("fault", bytes, faults[i].size));
            assert_int_equal(read_all("fault", &err), faults[i].status);
            if (!strstr(err.message, faults[i].says) || !strstr(err.message, scratch_path("fault")))
                fail_msg("%s: \"%s\" does not mention \"%s\"", faults[i].label, err.message, faults[i].says);
        }
    }
}

/* A plain file that ends early is caught by its size, a packed one only on the way. */
static void test_a_cut_file_names_the_row(void **state) {
    (void)state;
    lyc_error err = {0};
    assert_true(scratch_write("cut", images, 25));
    assert_int_equal(read_all("cut", &err), LYC_EFORMAT);
    assert_non_null(strstr(err.message, "cut off at byte 25 (row 1 of 2)"));
    write_gz("cut", images, 25);
    assert_int_equal(read_all("cut", &err), LYC_EFORMAT);
    assert_non_null(strstr(err.message, "cut off at byte 25 (row 1 of 2)"));
}

/* A gzip file of noise that does not shrink, so that a cut or a flipped byte meets the values. */
static size_t write_noise(const char *name, unsigned char **bytes) {
    static uint8_t noise[16 + 64 * 64];
    uint32_t x = 1;
    memcpy(noise, (uint8_t[]){0, 0, 8, 3, 0, 0, 0, 64, 0, 0, 0, 8, 0, 0, 0, 8}, 16);
    for (size_t i = 16; i < sizeof noise; i++) noise[i] = (uint8_t)((x = x * 1664525u + 1013904223u) >> 24);
    write_gz(name, noise, sizeof noise);
    size_t size = 0;
    *bytes = scratch_read(name, &size);
    assert_non_null(*bytes);
    return size;
}

static void test_damaged_gzip_is_noticed(void **state) {
    (void)state;
    lyc_error err = {0};
    unsigned char *bytes = NULL;
    size_t size = write_noise("noise.gz", &bytes);
    assert_int_equal(read_all("noise.gz", &err), LYC_OK);

    assert_true(scratch_write("noise.gz", bytes, size / 2));
    assert_int_equal(read_all("noise.gz", &err), LYC_EFORMAT);
    assert_non_null(strstr(err.message, "cut off at byte"));

    assert_true(scratch_write("noise.gz", bytes, size - 6)); /* inside the checksum at the end */
    assert_int_equal(read_all("noise.gz", &err), LYC_EFORMAT);
    assert_non_null(strstr(err.message, "the gzip data is cut off at byte"));

    bytes[size - 8] ^= 1; /* the checksum itself */
    assert_true(scratch_write("noise.gz", bytes, size));
    assert_int_equal(read_all("noise.gz", &err), LYC_EFORMAT);
    assert_non_null(strstr(err.message, "damaged"));
    free(bytes);
}

static void test_what_is_no_file(void **state) {
    (void)state;
    lyc_error err = {0};
    assert_int_equal(read_all("absent", &err), LYC_EIO);
    assert_non_null(strstr(err.message, "No such file"));
    assert_int_equal(read_all(".", &err), LYC_EIO);
    assert_non_null(strstr(err.message, "is a directory"));
    assert_true(scratch_write("empty", "", 0));
    assert_int_equal(read_all("empty", &err), LYC_EFORMAT);
    assert_non_null(strstr(err.message, "cut off at byte 0 (the header)"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_and_gzip_hold_the_same),
        cmocka_unit_test(test_each_fault_has_its_own_message),
        cmocka_unit_test(test_a_cut_file_names_the_row),
        cmocka_unit_test(test_damaged_gzip_is_noticed),
        cmocka_unit_test(test_what_is_no_file),
    };
    return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}

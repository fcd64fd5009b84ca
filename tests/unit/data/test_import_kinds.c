/* CIFAR records, CSV tables and folders of images to data sets: what arrives, and how each fault is named. */
#include <zlib.h>

#include "lyceum/import.h"
#include "tests/unit/data/fixture.h"

#define IMAGE(name) LYC_TEST_DATA "/images/" name

static const char *fresh_output(void) {
    const char *path = scratch_path("out.h5");
    (void)remove(path);
    return path;
}

static void write_text(const char *name, const char *text) {
    assert_true(scratch_write(name, text, strlen(text)));
}

/* A data set's values as they are stored, plane by plane. */
static float stored(const lyc_dataset *data, uint32_t row, size_t value, bool bytes) {
    static float out[3 * 32 * 32];
    int channels, height, width;
    lyc_preprocess raw = {
        .std = {bytes ? 1.0f / 255 : 1.0f, bytes ? 1.0f / 255 : 1.0f, bytes ? 1.0f / 255 : 1.0f}};
    lyc_dataset_shape(data, &channels, &height, &width);
    raw.channels = channels;
    size_t plane = (size_t)height * (size_t)width;
    lyc_dataset_fill(data, &raw, NULL, 0, &row, 1, out);
    return out[value % plane * (size_t)channels + value / plane];
}

static lyc_dataset *open_output(void) {
    lyc_dataset *data = NULL;
    assert_ok(lyc_dataset_open(&data, scratch_path("out.h5"), &failure));
    return data;
}

#define EXPECT_FAULT(call, status, says)                                                                     \
    do {                                                                                                     \
        lyc_error err = {0};                                                                                 \
        const char *path = fresh_output();                                                                   \
        (void)path;                                                                                          \
        assert_int_equal((call), (status));                                                                  \
        assert_mentions(&err, (says));                                                                       \
        assert_false(scratch_has("out.h5"));                                                                 \
    } while (0)

/* ---- CIFAR --------------------------------------------------------------------------------------- */

enum { PIXELS = 3072 };

static void write_records(const char *name, bool packed, int label_bytes, uint32_t first, uint32_t rows) {
    gzFile file = gzopen(scratch_path(name), packed ? "wb" : "wbT");
    assert_non_null(file);
    for (uint32_t row = first; row < first + rows; row++) {
        for (int i = 0; i < label_bytes; i++)
            assert_true(gzputc(file, (int)(row + 5 * (uint32_t)i) % 10) >= 0);
        for (size_t i = 0; i < PIXELS; i++) assert_true(gzputc(file, fixture_pixel(row, i)) >= 0);
    }
    assert_int_equal(gzclose(file), Z_OK);
}

static void test_cifar_records_arrive_in_order(void **state) {
    (void)state;
    char paths[3][SCRATCH_PATH];
    const char *train[] = {paths[0], paths[1]}, *test[] = {paths[2]};
    for (int i = 0; i < 3; i++) (void)snprintf(paths[i], SCRATCH_PATH, "%s/records%d", scratch_directory, i);
    for (int labels = LYC_CIFAR10; labels <= LYC_CIFAR100_COARSE; labels++) {
        int bytes = labels == LYC_CIFAR10 ? 1 : 2;
        write_records("records0", false, bytes, 0, 401); /* more than one piece for the writer */
        write_records("records1", true, bytes, 401, 3);
        write_records("records2", true, bytes, 404, 5);
        lyc_import_parts files = {train, 2, test, 1};
        lyc_import_summary summary;
        assert_ok(lyc_data_import_cifar(&files, (lyc_cifar_labels)labels, fresh_output(), NULL, &summary,
                                        &failure));
        assert_int_equal(summary.train_rows, 404);
        assert_int_equal(summary.test_rows, 5);
        assert_int_equal(summary.classes, labels == LYC_CIFAR10         ? 10
                                          : labels == LYC_CIFAR100_FINE ? 100
                                                                        : 20);
        lyc_dataset *data = open_output();
        for (uint32_t row = 0; row < 409; row++) {
            uint32_t label = labels == LYC_CIFAR100_FINE ? (row + 5) % 10 : row % 10;
            assert_int_equal(lyc_dataset_labels(data)[row], label);
            assert_int_equal(lyc_dataset_parts(data)[row], row >= 404);
            for (size_t i = 0; i < PIXELS; i += 397)
                assert_float_equal(stored(data, row, i, true), (float)fixture_pixel(row, i), 1e-3);
        }
        lyc_dataset_close(data);
    }
}

static lyc_status import_cifar(const char *name, const lyc_import_options *options, lyc_error *err) {
    const char *paths[] = {scratch_path(name)};
    lyc_import_parts files = {paths, 1, NULL, 0};
    return lyc_data_import_cifar(&files, LYC_CIFAR10, scratch_path("out.h5"), options, NULL, err);
}

static void test_cifar_faults(void **state) {
    (void)state;
    static const char *const two[] = {"a", "b"}, *const twice[] = {"a", "a"};
    lyc_import_options few = {.class_names = two, .class_count = 2}, same = {twice, 2, NULL, NULL, false};
    size_t size = 0;
    write_records("good", false, 1, 0, 3);
    unsigned char *bytes = scratch_read("good", &size);
    assert_true(scratch_write("cut", bytes, size - 1));
    assert_true(scratch_write("label", bytes, size));
    write_records("packed", true, 1, 0, 3);
    free(bytes);
    bytes = scratch_read("packed", &size);
    assert_true(scratch_write("half", bytes, size / 2));
    memset(bytes + size / 2, 0x55, 40);
    assert_true(scratch_write("damaged", bytes, size));
    free(bytes);
    write_text("empty", "");
    EXPECT_FAULT(import_cifar("cut", NULL, &err), LYC_EFORMAT, "cut: ends at byte 9218, within row 2");
    EXPECT_FAULT(import_cifar("half", NULL, &err), LYC_EFORMAT, "half: the gzip data is cut off at byte");
    EXPECT_FAULT(import_cifar("damaged", NULL, &err), LYC_EFORMAT,
                 "damaged: the gzip data is damaged near byte");
    EXPECT_FAULT(import_cifar("empty", NULL, &err), LYC_EFORMAT, "empty: is empty");
    EXPECT_FAULT(import_cifar("absent", NULL, &err), LYC_EIO,
                 "absent: cannot open this CIFAR file: No such file");
    EXPECT_FAULT(import_cifar(".", NULL, &err), LYC_EIO, ".: is a directory");
    EXPECT_FAULT(import_cifar("good", &few, &err), LYC_EFORMAT,
                 "good: row 2 (byte 6146) has label 2, but there are 2 classes (0 to 1)");
    EXPECT_FAULT(import_cifar("good", &same, &err), LYC_EUSAGE, "classes 0 and 1 are both called 'a'");
    lyc_error err = {0};
    assert_ok(import_cifar("good", NULL, &failure));
    assert_int_equal(import_cifar("good", NULL, &err), LYC_EUSAGE);
    assert_mentions(&err, "is there already");
}

/* ---- CSV ----------------------------------------------------------------------------------------- */

static lyc_status import_csv(const char *train, const char *test, const lyc_csv_options *csv,
                             const lyc_import_options *options, lyc_error *err) {
    char train_path[SCRATCH_PATH], test_path[SCRATCH_PATH];
    const char *trains[] = {train_path}, *tests[] = {test_path};
    (void)snprintf(train_path, sizeof train_path, "%s", scratch_path("train.csv"));
    (void)snprintf(test_path, sizeof test_path, "%s", scratch_path("test.csv"));
    lyc_import_parts files = {trains, 1, tests, test != NULL};
    write_text("train.csv", train);
    if (test) write_text("test.csv", test);
    return lyc_data_import_csv(&files, csv, fresh_output(), options, NULL, err);
}

static void test_csv_tables(void **state) {
    (void)state;
    int channels, height, width;
    /* words as classes, of both parts, in order; an empty one is none */
    assert_ok(import_csv("\xEF\xBB\xBFu,kind,v\r\n1.5,dog,-2e1\r\n 3 ,,4\r\n", "u,kind,v\n0,ape,+.5\n",
                         &(lyc_csv_options){.label = "kind"}, NULL, &failure));
    lyc_dataset *data = open_output();
    lyc_dataset_shape(data, &channels, &height, &width);
    assert_true(channels == 1 && height == 1 && width == 2);
    assert_int_equal(lyc_dataset_classes(data), 2);
    assert_string_equal(lyc_dataset_class_name(data, 0), "ape");
    const int32_t labels[] = {1, LYC_UNLABELLED, 0};
    const float values[] = {1.5f, -20, 3, 4, 0, 0.5f};
    for (uint32_t i = 0; i < 6; i++) assert_float_equal(stored(data, i / 2, i % 2, false), values[i], 0);
    assert_memory_equal(lyc_dataset_labels(data), labels, sizeof labels);
    assert_int_equal(lyc_dataset_parts(data)[2], 1);
    lyc_dataset_close(data);

    /* whole numbers: bytes, classes in numeric order, an image plane by plane, no header */
    assert_ok(import_csv("10,0,1,2,3,4,5,6,255\n9,8,7,6,5,4,3,2,1\n", NULL,
                         &(lyc_csv_options){.label = "0", .channels = 2, .height = 1, .width = 4}, NULL,
                         &failure));
    data = open_output();
    lyc_dataset_shape(data, &channels, &height, &width);
    assert_true(channels == 2 && height == 1 && width == 4);
    assert_string_equal(lyc_dataset_class_name(data, 0), "9");
    assert_int_equal(lyc_dataset_labels(data)[0], 1);
    assert_float_equal(stored(data, 0, 7, true), 255, 1e-4);
    assert_float_equal(stored(data, 1, 4, true), 4, 1e-4);
    lyc_dataset_close(data);

    /* named classes: by name or number; another delimiter; a header of numbers */
    static const char *const names[] = {"no", "yes"};
    lyc_import_options named = {.class_names = names, .class_count = 2};
    assert_ok(import_csv("0;1;2\n7;8;yes\n7;9;0\n", NULL,
                         &(lyc_csv_options){.header = LYC_CSV_HEADER_PRESENT, .delimiter = ';'}, &named,
                         &failure));
    data = open_output();
    assert_int_equal(lyc_dataset_rows(data), 2);
    assert_int_equal(lyc_dataset_labels(data)[0], 1);
    assert_int_equal(lyc_dataset_labels(data)[1], 0);
    lyc_dataset_close(data);
    assert_ok(import_csv("1,2\n3,4\n", NULL, &(lyc_csv_options){.unlabelled = true}, &named, &failure));
    data = open_output();
    assert_int_equal(lyc_dataset_labels(data)[1], LYC_UNLABELLED);
    lyc_dataset_close(data);
}

static void test_csv_faults(void **state) {
    (void)state;
    static const char *const names[] = {"no", "yes"};
    lyc_import_options named = {.class_names = names, .class_count = 2};
    lyc_csv_options shape = {.channels = 1, .height = 2, .width = 2},
                    wide = {.channels = 17, .height = 1, .width = 1}, other = {.label = "kind"},
                    minus = {.delimiter = '-'}, none = {.unlabelled = true};
    const struct {
        const char *train, *test;
        const lyc_csv_options *csv;
        const lyc_import_options *options;
        lyc_status status;
        const char *says;
    } cases[] = {
        {"", NULL, NULL, NULL, LYC_EFORMAT, "train.csv: is empty"},
        {"a,b\n", NULL, NULL, NULL, LYC_EFORMAT, "train.csv: holds a header and no row"},
        {"a,b\n1,x\n", "a,b\n", NULL, NULL, LYC_EFORMAT, "test.csv: holds a header and no row"},
        {"1,2,x\n3,4\n", NULL, NULL, NULL, LYC_EFORMAT, "line 2 has 2 field(s), the first line 3"},
        {"1,2,x\n3,4,5,6\n", NULL, NULL, NULL, LYC_EFORMAT,
         "line 2 has more fields than the 3 of the first line"},
        {"a,b,c\n1,x,c\n", NULL, NULL, NULL, LYC_EFORMAT, "line 2, column 2 (\"b\"): \"x\" is no number"},
        {"1,2,c\n1,nan,c\n", NULL, NULL, NULL, LYC_EFORMAT, "line 2, column 2: \"nan\" is no number"},
        {"1,2,c\n1,0x10,c\n", NULL, NULL, NULL, LYC_EFORMAT, "\"0x10\" is no number"},
        {"1,2,c\n1,1.2.3,c\n", NULL, NULL, NULL, LYC_EFORMAT, "\"1.2.3\" is no number"},
        {"1,2,c\n,2,c\n", NULL, NULL, NULL, LYC_EFORMAT, "line 2, column 1: \"\" is empty"},
        {"1,2,c\n1e39,2,c\n", NULL, NULL, NULL, LYC_EFORMAT, "is too large for a 32-bit float"},
        {"1\n2\n", NULL, NULL, NULL, LYC_EFORMAT, "has a single column, the label"},
        {"1,2,3,a\n", NULL, &shape, NULL, LYC_EFORMAT, "3 features a row, but a shape of 1 x 2 x 2 needs 4"},
        {"1,2,a\n", NULL, &wide, NULL, LYC_EUSAGE, "a shape of 17 x 1 x 1 is not possible"},
        {"1,2,a\n", "1,2,3,a\n", NULL, NULL, LYC_EFORMAT,
         "test.csv: has 3 features a row, but the first file has 2"},
        {"1,nan,c\n1,2,c\n", NULL, NULL, NULL, LYC_EUSAGE, "line 1 holds numbers and, in column 2, \"nan\""},
        {"a,b,c\n1,2,x\n", "b,a,c\n1,2,x\n", NULL, NULL, LYC_EFORMAT,
         "test.csv: its header names other columns"},
        {"1,2,3\n", NULL, &other, NULL, LYC_EFORMAT, "has no label column 'kind'"},
        {"kind,kind,b\n1,2,3\n", NULL, &other, NULL, LYC_EFORMAT, "columns 1 and 2 are both called 'kind'"},
        {"1,2,3\n", NULL, &minus, NULL, LYC_EUSAGE, "'-' cannot separate numbers"},
        {"1,2\n", NULL, &none, NULL, LYC_EUSAGE, "no row has a label"},
        {"1,2,maybe\n", NULL, NULL, &named, LYC_EFORMAT,
         "line 1, column 3: label \"maybe\" is neither the name"},
        {"1,2,2\n", NULL, NULL, &named, LYC_EFORMAT, "label \"2\" is neither the name"},
        {"1,2,\xFF\n", NULL, NULL, NULL, LYC_EFORMAT, "is not UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        EXPECT_FAULT(import_csv(cases[i].train, cases[i].test, cases[i].csv, cases[i].options, &err),
                     cases[i].status, cases[i].says);
}

/* ---- folders of images ---------------------------------------------------------------------------- */

static void copy_image(const char *golden, const char *to) {
    unsigned char bytes[4096];
    char folder[SCRATCH_PATH];
    FILE *file = fopen(golden, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    assert_int_equal(fclose(file), 0);
    (void)snprintf(folder, sizeof folder, "%s", scratch_path(to));
    for (char *at = strchr(folder + strlen(scratch_directory) + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = '\0';
        (void)mkdir(folder, 0777);
        *at = '/';
    }
    assert_true(scratch_write(to, bytes, size));
}

static lyc_status import_folders(const char *train, const char *test, int channels, lyc_error *err) {
    const char *trains[] = {scratch_path(train)}, *tests[] = {test ? scratch_path(test) : NULL};
    lyc_import_parts folders = {trains, 1, tests, test != NULL};
    return lyc_data_import_images(&folders, channels, fresh_output(), NULL, NULL, err);
}

static void test_folders_of_images(void **state) {
    (void)state;
    int channels, height, width;
    copy_image(IMAGE("colour.png"), "train/b/2.PNG");
    copy_image(IMAGE("grey.png"), "train/b/1.png");
    copy_image(IMAGE("palette.png"), "train/a/x.jpeg"); /* the content tells */
    copy_image(IMAGE("grey.png"), "test/b/1.png");
    write_text("train/b/.hidden", "");
    write_text("train/b/notes.txt", "");
    scratch_warnings[0] = '\0';
    assert_ok(import_folders("train", "test", 3, &failure));
    assert_non_null(strstr(scratch_warnings, "1 file(s) passed over"));
    assert_non_null(strstr(scratch_warnings, "notes.txt"));
    lyc_dataset *data = open_output();
    lyc_dataset_shape(data, &channels, &height, &width);
    assert_true(channels == 3 && height == 3 && width == 5);
    const int32_t labels[] = {0, 1, 1, 1};
    assert_int_equal(lyc_dataset_rows(data), 4);
    assert_memory_equal(lyc_dataset_labels(data), labels, sizeof labels);
    for (size_t i = 0; i < 45; i++) { /* pixel (y, x, c) is 70 y + 13 x + 50 c; grey has c = 0 thrice */
        float grey = (float)((i % 15 / 5 * 70 + i % 5 * 13) % 256);
        float colour = (float)((i % 15 / 5 * 70 + i % 5 * 13 + i / 15 * 50) % 256);
        assert_float_equal(stored(data, 0, i, true), colour, 1e-3);
        assert_float_equal(stored(data, 1, i, true), grey, 1e-3);
        assert_float_equal(stored(data, 2, i, true), colour, 1e-3);
        assert_float_equal(stored(data, 3, i, true), grey, 1e-3);
    }
    lyc_dataset_close(data);
    assert_ok(import_folders("train", NULL, 1, &failure));
    data = open_output();
    for (size_t i = 0; i < 15; i++) {
        size_t base = i / 5 * 70 + i % 5 * 13;
        size_t grey =
            (299 * (base % 256) + 587 * ((base + 50) % 256) + 114 * ((base + 100) % 256) + 500) / 1000;
        assert_float_equal(stored(data, 0, i, true), (float)grey, 1e-3);
    }
    lyc_dataset_close(data);
}

static void test_faults_of_folders(void **state) {
    (void)state;
    copy_image(IMAGE("grey.png"), "bad/a/1.png");
    EXPECT_FAULT(import_folders("bad/a", NULL, 0, &err), LYC_EFORMAT, "bad/a: holds no folder");
    EXPECT_FAULT(import_folders("absent", NULL, 0, &err), LYC_EIO,
                 "absent: cannot open this folder: No such file");
    EXPECT_FAULT(import_folders("bad", NULL, 2, &err), LYC_EUSAGE, "images of 2 channels");
    copy_image(IMAGE("colour.png"), "bad/a/2.png");
    EXPECT_FAULT(import_folders("bad", NULL, 0, &err), LYC_EFORMAT, "bad/a/2.png: is a colour image, but");
    copy_image(IMAGE("crc.png"), "bad/a/2.png");
    EXPECT_FAULT(import_folders("bad", NULL, 1, &err), LYC_EFORMAT, "bad/a/2.png: this PNG image is damaged");
    copy_image(IMAGE("grey.jpg"), "bad/a/2.png");
    EXPECT_FAULT(import_folders("bad", NULL, 0, &err), LYC_EFORMAT,
                 "bad/a/2.png: is 16 x 8 pixels large, but");
    copy_image(IMAGE("grey.png"), "bad/a/2.png");
    copy_image(IMAGE("grey.png"), "other/z/1.png");
    EXPECT_FAULT(import_folders("bad", "other", 0, &err), LYC_EFORMAT,
                 "other/z: is no class; there are 1, 'a' to 'a'");
    assert_int_equal(mkdir(scratch_path("bad/b"), 0777), 0);
    EXPECT_FAULT(import_folders("bad", NULL, 0, &err), LYC_EFORMAT, "bad/b: holds no PNG or JPEG image");
}

/* ---- memory -------------------------------------------------------------------------------------- */

static lyc_status run_cifar(lyc_error *err) {
    (void)fresh_output();
    return import_cifar("good", NULL, err);
}
static lyc_status run_csv(lyc_error *err) {
    return import_csv("u,v\n1,a\n2,b\n", NULL, NULL, NULL, err);
}
static lyc_status run_folders(lyc_error *err) {
    return import_folders("train", NULL, 3, err);
}

static void test_no_memory_is_an_error_and_no_leak(void **state) {
    (void)state;
    static lyc_status (*const runs[])(lyc_error *) = {run_cifar, run_csv, run_folders};
    write_records("good", false, 1, 0, 3);
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        failing counter = {0};
        lyc_allocator allocator = {failing_allocate, failing_release, &counter};
        lyc_error err = {0};
        lyc_allocator_set(&allocator);
        lyc_status status = runs[i](&err);
        size_t requests = counter.count, wrong = 0, failures = 0;
        for (size_t n = 1; n <= requests; n++) {
            counter = (failing){.fail_at = n};
            lyc_status outcome = runs[i](&err);
            failures += outcome == LYC_ENOMEM;
            wrong += outcome != LYC_ENOMEM && outcome != LYC_OK; /* HDF5 tries to create a file twice */
        }
        lyc_allocator_set(NULL);
        if (status != LYC_OK || wrong > 0) fail_msg("%zu: %s", i, err.message);
        assert_in_range(failures, requests - 1, requests);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cifar_records_arrive_in_order),
        cmocka_unit_test(test_cifar_faults),
        cmocka_unit_test(test_csv_tables),
        cmocka_unit_test(test_csv_faults),
        cmocka_unit_test(test_folders_of_images),
        cmocka_unit_test(test_faults_of_folders),
        cmocka_unit_test(test_no_memory_is_an_error_and_no_leak),
    };
    return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}

/* The bank's file: blocks, flags and checksums; files that are damaged or somebody else's; a full disk. */
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "io/bank_file.h"
#include "io/hdf5_util.h"
#include "lyceum/memory.h"
#include "scratch.h"

enum { ROWS = 10, CLASSES = 3, BLOCK = 4, BLOCKS = 3, VIEWS = 2 };

static const lyc__bank_key key = {.data_fingerprint = "dddddddddddddddddddddddddddddddd",
                                  .teacher_fingerprint = "tttttttttttttttttttttttttttttttt",
                                  .view_key = "shift=1 flip=0 seed=2",
                                  .precision = "f32",
                                  .views = VIEWS,
                                  .rows = ROWS,
                                  .classes = CLASSES,
                                  .block_rows = BLOCK};
static const uint64_t ids[ROWS] = {9, 8, 7, 6, 5, 4, 3, 2, 1, 0};
static const lyc__bank_about about = {.teacher = "someone", .ids = ids};

#define EXPECT_OK(call)                                                                                      \
    do {                                                                                                     \
        lyc_status expect_status_ = (call);                                                                  \
        if (expect_status_ != LYC_OK) fail_msg("%s: %s", #call, err.message);                                \
    } while (0)

static void expect_text(const lyc_error *err, const char *text) {
    if (strstr(err->message, text) == NULL) fail_msg("no '%s' in: %s", text, err->message);
}

static lyc__bank_file *open_bank(void) {
    lyc__bank_file *file;
    lyc_error err = {0};
    EXPECT_OK(lyc__bank_file_open(&file, scratch_path("bank.h5"), &key, &about, &err));
    return file;
}

static void close_bank(lyc__bank_file *file) {
    lyc_error err = {0};
    EXPECT_OK(lyc__bank_file_close(file, &err));
}

static void write_block(lyc__bank_file *file, uint64_t view, uint64_t block, float first) {
    float values[BLOCK * CLASSES];
    lyc_error err = {0};
    for (int i = 0; i < BLOCK * CLASSES; i++) values[i] = first + (float)i;
    EXPECT_OK(lyc__bank_file_write(file, view, block, values, &err));
}

static lyc__bank_block read_block(lyc__bank_file *file, uint64_t view, uint64_t block, float *out) {
    lyc__bank_block found;
    lyc_error err = {0};
    EXPECT_OK(lyc__bank_file_read(file, view, block, out, &found, &err));
    return found;
}

static uint64_t filled(lyc__bank_file *file) {
    uint64_t count;
    lyc_error err = {0};
    EXPECT_OK(lyc__bank_file_filled(file, &count, &err));
    return count;
}

static void what_is_written_comes_back(void **state) {
    (void)state;
    float out[BLOCK * CLASSES];
    lyc__bank_file *file = open_bank();
    assert_true(lyc__bank_file_writable(file));
    assert_int_equal(lyc__bank_file_blocks(&key), BLOCKS);
    assert_int_equal(lyc__bank_file_block_rows(&key, 1), 4);
    assert_int_equal(lyc__bank_file_block_rows(&key, 2), 2);
    for (uint64_t view = 0; view < VIEWS; view++)
        for (uint64_t block = 0; block < BLOCKS; block++)
            assert_int_equal(read_block(file, view, block, out), LYC__BANK_BLOCK_MISSING);
    assert_int_equal(filled(file), 0);
    write_block(file, 0, 1, 100.0f);
    write_block(file, 1, 2, 200.0f); /* the short one */
    close_bank(file);
    file = open_bank();
    assert_int_equal(filled(file), 2);
    assert_int_equal(read_block(file, 0, 1, out), LYC__BANK_BLOCK_WHOLE);
    for (int i = 0; i < 12; i++) assert_true(out[i] == 100.0f + (float)i);
    out[6] = -1.0f;
    assert_int_equal(read_block(file, 1, 2, out), LYC__BANK_BLOCK_WHOLE);
    for (int i = 0; i < 6; i++) assert_true(out[i] == 200.0f + (float)i);
    assert_true(out[6] == -1.0f);
    assert_int_equal(read_block(file, 1, 1, out), LYC__BANK_BLOCK_MISSING);
    close_bank(file);
    close_bank(NULL);
}

/* What h5py sees: numbers where a block is filled, NaN elsewhere, and the ids. */
static void the_file_is_plain_hdf5(void **state) {
    (void)state;
    lyc_error err = {0};
    hid_t file, dataset;
    lyc__h5_shape shape;
    float logits[ROWS * CLASSES];
    uint64_t stored[ROWS];
    uint8_t flags[BLOCKS];
    char *text;
    lyc__bank_file *bank = open_bank();
    write_block(bank, 1, 1, 0.0f);
    /* Readable while the bank is open for filling. */
    EXPECT_OK(lyc__h5_open(&file, scratch_path("bank.h5"), "bank", H5F_ACC_RDONLY, H5P_DEFAULT, &err));
    EXPECT_OK(lyc__h5_open_dataset(&dataset, &shape, file, "logits/1", &err));
    EXPECT_OK(lyc__h5_read(dataset, H5T_NATIVE_FLOAT, logits, &err));
    lyc__h5_release(&dataset);
    for (int i = 0; i < ROWS * CLASSES; i++) {
        if (i >= 12 && i < 24) assert_true(logits[i] == (float)(i - 12));
        else assert_true(isnan(logits[i]));
    }
    EXPECT_OK(lyc__h5_open_dataset(&dataset, &shape, file, "filled/1", &err));
    EXPECT_OK(lyc__h5_read(dataset, H5T_NATIVE_UINT8, flags, &err));
    lyc__h5_release(&dataset);
    assert_memory_equal(flags, ((const uint8_t[]){0, 1, 0}), 3);
    EXPECT_OK(lyc__h5_open_dataset(&dataset, &shape, file, "id", &err));
    EXPECT_OK(lyc__h5_read(dataset, H5T_NATIVE_UINT64, stored, &err));
    lyc__h5_release(&dataset);
    assert_memory_equal(stored, ids, sizeof ids);
    EXPECT_OK(lyc__h5_read_text_attribute(file, "teacher", 100, &text, &err));
    assert_string_equal(text, "someone");
    lyc_free(text);
    lyc__h5_release(&file);
    close_bank(bank);
}

static void flip_byte(off_t offset) {
    unsigned char byte = 0;
    int fd = open(scratch_path("bank.h5"), O_RDWR);
    assert_true(fd >= 0 && pread(fd, &byte, 1, offset) == 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
    assert_int_equal(close(fd), 0);
}

static off_t offset_of(const char *dataset_name) {
    hid_t file, dataset;
    lyc__h5_shape shape;
    lyc_error err = {0};
    EXPECT_OK(lyc__h5_open(&file, scratch_path("bank.h5"), "bank", H5F_ACC_RDONLY, H5P_DEFAULT, &err));
    EXPECT_OK(lyc__h5_open_dataset(&dataset, &shape, file, dataset_name, &err));
    off_t offset = (off_t)H5Dget_offset(dataset);
    lyc__h5_release(&dataset);
    lyc__h5_release(&file);
    return offset;
}

static void every_byte_of_a_block_counts(void **state) {
    (void)state;
    float out[BLOCK * CLASSES];
    lyc__bank_file *file = open_bank();
    write_block(file, 0, 0, 1.0f);
    off_t logits = offset_of("logits/0"), sum = offset_of("checksum/0"), flag = offset_of("filled/0");
    off_t places[] = {logits, logits + 47, sum, sum + 7, flag};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        flip_byte(places[i]);
        assert_int_equal(read_block(file, 0, 0, out), LYC__BANK_BLOCK_DAMAGED);
        flip_byte(places[i]);
        assert_int_equal(read_block(file, 0, 0, out), LYC__BANK_BLOCK_WHOLE);
    }
    const char *first = strstr(scratch_warnings, "block 0 of view 0");
    assert_non_null(first);
    assert_null(strstr(first + 1, "block 0 of view 0")); /* said once, not for every block */
    flip_byte(logits);
    write_block(file, 0, 0, 1.0f);
    assert_int_equal(read_block(file, 0, 0, out), LYC__BANK_BLOCK_WHOLE);
    close_bank(file);
}

/* The same bytes under the flag of another block, or of another view, are not that block. */
static void a_block_in_the_wrong_place_is_damaged(void **state) {
    (void)state;
    const float values[BLOCK * CLASSES] = {1.0f};
    uint64_t sum = lyc__bank_checksum(0, 0, values, 12);
    assert_true(sum != lyc__bank_checksum(0, 1, values, 12));
    assert_true(sum != lyc__bank_checksum(1, 0, values, 12));
    assert_true(sum != lyc__bank_checksum(0, 0, values, 11));
    assert_true(sum == lyc__bank_checksum(0, 0, values, 12));
}

static void another_key_is_refused_with_both(void **state) {
    (void)state;
    close_bank(open_bank());
    lyc__bank_key cases[8];
    for (size_t i = 0; i < 8; i++) cases[i] = key;
    cases[0].data_fingerprint[3] = 'x';
    cases[1].teacher_fingerprint[3] = 'x';
    (void)snprintf(cases[2].view_key, LYC_VIEW_KEY_SIZE, "shift=2 flip=0 seed=2");
    cases[3].views = 1;
    cases[4].rows = 11;
    cases[5].classes = 4;
    cases[6].block_rows = 5;
    (void)snprintf(cases[7].precision, LYC__BANK_PRECISION_SIZE, "bf16");
    const char *texts[8][2] = {{"data_fingerprint", "'dddxdddd"},
                               {"teacher_fingerprint", "'tttxtttt"},
                               {"view_key", "'shift=2 flip=0 seed=2'"},
                               {"views: the file has '2'", "wanted is '1'"},
                               {"rows: the file has '10'", "wanted is '11'"},
                               {"classes: the file has '3'", "wanted is '4'"},
                               {"block_rows", "wanted is '5'"},
                               {"(precision): the file has 'f32'", "wanted is 'bf16'"}};
    for (size_t i = 0; i < 8; i++) {
        lyc__bank_file *file;
        lyc_error err = {0};
        char hashes[2][LYC_FINGERPRINT_SIZE];
        lyc__bank_key_hash(&key, hashes[0]);
        lyc__bank_key_hash(&cases[i], hashes[1]);
        lyc_status status = lyc__bank_file_open(&file, scratch_path("bank.h5"), &cases[i], &about, &err);
        assert_int_equal(status, LYC_EMISMATCH);
        assert_null(file);
        for (size_t j = 0; j < 2; j++) {
            expect_text(&err, texts[i][j]);
            expect_text(&err, hashes[j]);
        }
        expect_text(&err, scratch_path("bank.h5"));
        /* Only what differs is listed. */
        assert_int_equal(strstr(err.message, "data_fingerprint") != NULL, i == 0);
        assert_int_equal(strstr(err.message, "block_rows") != NULL, i == 6);
    }
    close_bank(open_bank()); /* and the lock is free again */
}

static void expect_unreadable(const char *text) {
    lyc__bank_file *file;
    lyc_error err = {0};
    lyc_status status = lyc__bank_file_open(&file, scratch_path("bank.h5"), &key, &about, &err);
    if (status != LYC_EFORMAT) fail_msg("status %s: %s", lyc_status_name(status), err.message);
    expect_text(&err, scratch_path("bank.h5"));
    expect_text(&err, text);
}

static void damaged_and_truncated_files_are_refused(void **state) {
    (void)state;
    size_t size = 0;
    close_bank(open_bank());
    unsigned char *bytes = scratch_read("bank.h5", &size);
    assert_non_null(bytes);
    bytes[1] ^= 0xff; /* the signature */
    assert_true(scratch_write("bank.h5", bytes, size));
    expect_unreadable("not an HDF5 file");
    bytes[1] ^= 0xff;
    assert_true(scratch_write("bank.h5", bytes, size / 2));
    expect_unreadable("damaged or cut off");
    assert_true(scratch_write("bank.h5", bytes, 0));
    expect_unreadable("empty");
    free(bytes);
}

/* Truncated while it is open: no signal, an error. */
static void cut_off_under_our_hands_it_is_an_error(void **state) {
    (void)state;
    float out[BLOCK * CLASSES];
    lyc__bank_block found;
    lyc_error err = {0};
    lyc__bank_file *file = open_bank();
    write_block(file, 1, 2, 5.0f);
    assert_int_equal(truncate(scratch_path("bank.h5"), 100), 0);
    assert_int_equal(lyc__bank_file_read(file, 1, 2, out, &found, &err), LYC_EFORMAT);
    expect_text(&err, "cut off");
    assert_int_equal(found, LYC__BANK_BLOCK_MISSING);
    close_bank(file);
}

/* Files of the right key whose data sets are not what a bank's are. */
static void make_foreign(const char *format, hid_t logits_type, uint64_t rows, bool chunked,
                         bool with_flags) {
    lyc_error err = {0};
    hid_t file, dataset, list = LYC__H5_NONE;
    const struct {
        const char *name, *text;
    } texts[] = {{"format", format},
                 {"data_fingerprint", key.data_fingerprint},
                 {"teacher_fingerprint", key.teacher_fingerprint},
                 {"view_key", key.view_key},
                 {"precision", key.precision}};
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {{"views", VIEWS}, {"rows", ROWS}, {"classes", CLASSES}, {"block_rows", BLOCK}};
    hsize_t dims[2] = {rows, CLASSES};
    uint64_t blocks = BLOCKS;
    EXPECT_OK(lyc__h5_create(&file, scratch_path("bank.h5"), H5P_DEFAULT, &err));
    for (size_t i = 0; i < 5; i++)
        EXPECT_OK(lyc__h5_write_text_attribute(file, texts[i].name, texts[i].text, &err));
    for (size_t i = 0; i < 4; i++)
        EXPECT_OK(lyc__h5_write_attribute(file, numbers[i].name, H5T_NATIVE_UINT64, &numbers[i].value, 1,
                                          true, &err));
    hid_t group = H5Gcreate2(file, "logits", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    hid_t space = H5Screate_simple(2, dims, NULL);
    list = H5Pcreate(H5P_DATASET_CREATE);
    if (chunked) assert_true(H5Pset_chunk(list, 2, dims) >= 0);
    else assert_true(H5Pset_alloc_time(list, H5D_ALLOC_TIME_EARLY) >= 0);
    for (int view = 0; view < VIEWS; view++) {
        dataset =
            H5Dcreate2(group, view == 0 ? "0" : "1", logits_type, space, H5P_DEFAULT, list, H5P_DEFAULT);
        lyc__h5_release(&dataset);
    }
    lyc__h5_release(&list);
    lyc__h5_release(&space);
    lyc__h5_release(&group);
    for (int view = 0; with_flags && view < VIEWS; view++) {
        char name[32];
        (void)snprintf(name, sizeof name, "filled/%d", view);
        EXPECT_OK(lyc__h5_create_dataset(&dataset, file, name, H5T_STD_U8LE, 1, &blocks, true, &err));
        lyc__h5_release(&dataset);
    }
    EXPECT_OK(lyc__h5_close(&file, &err));
}

static void foreign_layouts_are_refused(void **state) {
    (void)state;
    make_foreign("lyceum bank 9", H5T_IEEE_F32LE, ROWS, false, true);
    expect_unreadable("'lyceum bank 9'");
    make_foreign(LYC__BANK_FORMAT, H5T_IEEE_F64LE, ROWS, false, true);
    expect_unreadable("logits/0");
    make_foreign(LYC__BANK_FORMAT, H5T_IEEE_F32BE, ROWS, false, true);
    expect_unreadable("not stored as a bank stores it");
    make_foreign(LYC__BANK_FORMAT, H5T_IEEE_F32LE, ROWS, true, true);
    expect_unreadable("not stored as a bank stores it");
    make_foreign(LYC__BANK_FORMAT, H5T_IEEE_F32LE, ROWS - 1, false, true);
    expect_unreadable("[10, 3] was expected");
    make_foreign(LYC__BANK_FORMAT, H5T_IEEE_F32LE, ROWS, false, false);
    expect_unreadable("no group 'filled'");
    make_foreign(LYC__BANK_FORMAT, H5T_IEEE_F32LE, ROWS, false, true);
    expect_unreadable("no group 'checksum'");
}

static void a_full_disk_leaves_no_file(void **state) {
    (void)state;
    struct rlimit former, tight;
    lyc__bank_file *file;
    lyc_error err = {0};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &former), 0);
    tight = former;
    tight.rlim_cur = 30000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    lyc_status status = lyc__bank_file_open(&file, scratch_path("bank.h5"), &key, &about, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &former), 0);
    assert_int_equal(status, LYC_EIO);
    expect_text(&err, scratch_path("bank.h5"));
    expect_text(&err, "File too large");
    assert_false(scratch_has("bank.h5"));
    assert_false(scratch_has("bank.h5.part"));
    close_bank(open_bank());
}

static void a_directory_that_cannot_be_written_serves_readers(void **state) {
    (void)state;
    float out[BLOCK * CLASSES];
    lyc__bank_file *file = open_bank();
    write_block(file, 0, 0, 3.0f);
    close_bank(file);
    assert_int_equal(unlink(scratch_path("bank.h5.lock")), 0);
    assert_int_equal(mkdir(scratch_path("bank.h5.lock"), 0700),
                     0); /* a lock that nobody can take, not even root */
    file = open_bank();
    assert_false(lyc__bank_file_writable(file));
    assert_int_equal(read_block(file, 0, 0, out), LYC__BANK_BLOCK_WHOLE);
    lyc_error err = {0};
    assert_int_equal(lyc__bank_file_write(file, 0, 1, out, &err), LYC_EINTERNAL);
    close_bank(file);
    assert_int_equal(unlink(scratch_path("bank.h5")), 0);
    assert_int_equal(lyc__bank_file_open(&file, scratch_path("bank.h5"), &key, &about, &err), LYC_EIO);
    expect_text(&err, "bank.h5.lock");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_comes_back, scratch_open, scratch_close),
        cmocka_unit_test_setup_teardown(the_file_is_plain_hdf5, scratch_open, scratch_close),
        cmocka_unit_test_setup_teardown(every_byte_of_a_block_counts, scratch_open, scratch_close),
        cmocka_unit_test_setup_teardown(a_block_in_the_wrong_place_is_damaged, scratch_open, scratch_close),
        cmocka_unit_test_setup_teardown(another_key_is_refused_with_both, scratch_open, scratch_close),
        cmocka_unit_test_setup_teardown(damaged_and_truncated_files_are_refused, scratch_open, scratch_close),
        cmocka_unit_test_setup_teardown(cut_off_under_our_hands_it_is_an_error, scratch_open, scratch_close),
        cmocka_unit_test_setup_teardown(foreign_layouts_are_refused, scratch_open, scratch_close),
        cmocka_unit_test_setup_teardown(a_full_disk_leaves_no_file, scratch_open, scratch_close),
        cmocka_unit_test_setup_teardown(a_directory_that_cannot_be_written_serves_readers, scratch_open,
                                        scratch_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Recorded logits: files that scripts write with h5py (tests/golden/recorded_goldens.py), matched by id or
 * refused. */
#include "fake.h"
#include "io/recorded_file.h"

enum { ROWS = 240, CLASSES = 4 };

static lyc_dataset *data;
static float golden[ROWS * CLASSES]; /* in the data set's order */
static const lyc_view_recipe clean = {.views = 1}, moved = {.views = 2, .shift = 1, .seed = 7};

static const char *golden_path(const char *name) {
    static char paths[2][SCRATCH_PATH];
    static unsigned next;
    char *path = paths[next++ % 2];
    (void)snprintf(path, SCRATCH_PATH, "%s/recorded/%s", LYC_TEST_DATA, name);
    return path;
}

static int open_data(void **state) {
    lyc_error err = {0};
    if (scratch_open(state) != 0) return -1;
    EXPECT_OK(lyc_dataset_open(&data, golden_path("data.h5"), &err));
    FILE *file = fopen(golden_path("logits.bin"), "rb");
    if (file == NULL) return -1;
    size_t got = fread(golden, sizeof(float), ROWS * CLASSES, file);
    (void)fclose(file);
    return got == ROWS * CLASSES && lyc_dataset_rows(data) == ROWS ? 0 : -1;
}

static int close_data(void **state) {
    lyc_dataset_close(data);
    return scratch_close(state);
}

static lyc_status open_file(lyc_teacher **out, const char *path, const lyc_view_recipe *recipe,
                            lyc_error *err) {
    lyc_teacher_options options = {.name = "rec", .kind = "bank", .path = path};
    return lyc_teacher_open(out, &options, data, recipe, err);
}

/* Opens the file and compares everything with the golden logits, times `factor` in view 1. */
static void expect_golden(const char *path, const lyc_view_recipe *recipe, float tolerance) {
    lyc_teacher *teacher;
    lyc_error err = {0};
    uint32_t rows[ROWS];
    float out[ROWS * CLASSES];
    EXPECT_OK(open_file(&teacher, path, recipe, &err));
    assert_true(lyc_teacher_get_info(teacher)->knows_all);
    assert_false(lyc_teacher_get_info(teacher)->blocking);
    for (uint32_t i = 0; i < ROWS; i++) rows[i] = (i * 11 + 5) % ROWS;
    for (int view = 0; view < recipe->views; view++) {
        EXPECT_OK(lyc_teacher_logits(teacher, rows, ROWS, view, out, NULL, &err));
        for (uint32_t i = 0; i < ROWS * CLASSES; i++) {
            float wanted = golden[rows[i / CLASSES] * CLASSES + i % CLASSES] * (view == 1 ? 2.0f : 1.0f);
            assert_true(fabsf(out[i] - wanted) <= tolerance * fabsf(wanted));
        }
    }
    lyc_teacher_close(teacher);
}

#define EXPECT_REFUSED(path, recipe, status, ...)                                                            \
    do {                                                                                                     \
        lyc_teacher *refused_;                                                                               \
        lyc_error error_ = {0};                                                                              \
        EXPECT_ERROR(open_file(&refused_, (path), (recipe), &error_), (status), error_, "'rec'",             \
                     __VA_ARGS__);                                                                           \
        assert_null(refused_);                                                                               \
    } while (0)

/* What a test changes in a file of its own. */
typedef struct content {
    float logits[(ROWS + 1) * CLASSES];
    uint64_t ids[ROWS + 1], checks[ROWS + 1];
    size_t rows;
    bool with_checks;
    const char *const *names;
    const char *fingerprint;
} content;

static content *golden_content(void) {
    static content made;
    made = (content){.rows = ROWS};
    memcpy(made.logits, golden, sizeof golden);
    memcpy(made.ids, lyc_dataset_ids(data), ROWS * sizeof(uint64_t));
    for (size_t i = 0; i < ROWS; i++) made.checks[i] = lyc_dataset_row_checksum(data, i);
    return &made;
}

static const char *write_content(const content *made) {
    const char *path = scratch_path("made.h5");
    lyc_error err = {0};
    EXPECT_OK(lyc__recorded_file_write(path, made->logits, made->ids, made->with_checks ? made->checks : NULL,
                                       made->rows, CLASSES, made->names, made->fingerprint, &err));
    return path;
}

/* ---- order ----------------------------------------------------------------------------------------- */

static void rows_are_matched_by_id(void **state) {
    (void)state;
    expect_golden(golden_path("in_order.h5"), &clean, 0.0f);
    expect_golden(golden_path("any_order.h5"), &clean, 0.0f); /* and 64-bit floats, signed ids */
    expect_golden(golden_path("half.h5"), &clean, 1e-3f);
    assert_string_equal(scratch_warnings, "");
}

static void the_order_of_the_file_does_not_change_the_fingerprint(void **state) {
    (void)state;
    static const char *const names[] = {"in_order.h5", "any_order.h5", "half.h5"};
    char prints[3][LYC_FINGERPRINT_SIZE];
    lyc_error err = {0};
    for (size_t i = 0; i < 3; i++) {
        lyc_teacher *teacher;
        EXPECT_OK(open_file(&teacher, golden_path(names[i]), &clean, &err));
        memcpy(prints[i], lyc_teacher_get_info(teacher)->fingerprint, sizeof prints[i]);
        lyc_teacher_close(teacher);
    }
    assert_string_equal(prints[0], prints[1]);
    assert_string_not_equal(prints[0], prints[2]); /* rounded: other logits */
}

static void without_ids_it_is_refused(void **state) {
    (void)state;
    EXPECT_REFUSED(golden_path("no_id.h5"), &clean, LYC_EFORMAT, "no_id.h5", "no '/id'", "uint64 [240]");
}

static void misordered_rows_are_refused(void **state) {
    (void)state;
    EXPECT_REFUSED(golden_path("misordered.h5"), &clean, LYC_EMISMATCH, "misordered.h5", "misordered",
                   "200 labelled", "/check");
    content *made = golden_content();
    for (size_t i = 0; i < ROWS / 2; i++)
        for (size_t c = 0; c < CLASSES; c++) {
            float kept = made->logits[i * CLASSES + c];
            made->logits[i * CLASSES + c] = made->logits[(ROWS - 1 - i) * CLASSES + c];
            made->logits[(ROWS - 1 - i) * CLASSES + c] = kept;
        }
    EXPECT_REFUSED(write_content(made), &clean, LYC_EMISMATCH, "misordered");
}

/* Two rows only: no statistics would see it, the checksum of the samples does. */
static void checksums_find_a_single_misplaced_row(void **state) {
    (void)state;
    content *made = golden_content();
    made->with_checks = true;
    expect_golden(write_content(made), &clean, 0.0f);
    made->ids[17] = lyc_dataset_ids(data)[150];
    made->ids[150] = lyc_dataset_ids(data)[17];
    char id[64];
    (void)snprintf(id, sizeof id, "row 150 claims to answer for id %llu", (unsigned long long)made->ids[150]);
    EXPECT_REFUSED(write_content(made), &clean, LYC_EMISMATCH, id, "/check", "misordered");
}

/* A teacher that knows nothing is not forbidden, only suspicious: who proves the order is believed. */
static void a_useless_teacher_must_prove_its_order(void **state) {
    (void)state;
    lyc_teacher *teacher;
    lyc_error err = {0};
    content *made = golden_content();
    for (size_t i = 0; i < ROWS * CLASSES; i++) {
        lyc_random_key key = {.seed = 5, .purpose = LYC_PURPOSE_TEST, .sample = (uint32_t)i};
        lyc_random random = lyc_random_start(key);
        made->logits[i] = (float)lyc_random_normal(&random);
    }
    EXPECT_REFUSED(write_content(made), &clean, LYC_EMISMATCH, "nothing to do with the labels");
    made->with_checks = true;
    EXPECT_OK(open_file(&teacher, write_content(made), &clean, &err));
    lyc_teacher_close(teacher);
}

/* Or who says so; and a bank of such a teacher needs to prove nothing. */
static void a_useless_teacher_may_be_declared(void **state) {
    (void)state;
    lyc_error err = {0};
    lyc_teacher *teacher, *again;
    lyc_bank *bank;
    char path[SCRATCH_PATH];
    const uint32_t row[1] = {0};
    float out[CLASSES];
    EXPECT_OK(open_file(&teacher, golden_path("unrelated.h5"), &clean, &err));
    EXPECT_OK(lyc_bank_open(&bank, scratch_directory, teacher, data, &clean, &err));
    (void)snprintf(path, sizeof path, "%s", lyc_bank_path(bank));
    EXPECT_OK(lyc_bank_logits(bank, row, 1, 0, out, NULL, &err));
    EXPECT_OK(lyc_bank_close(bank, &err));
    EXPECT_OK(open_file(&again, path, &clean, &err));
    lyc_teacher_close(again);
    lyc_teacher_close(teacher);
}

/* Scrambled classes are another matter: related to the labels, and warned about. */
static void scrambled_classes_draw_a_warning(void **state) {
    (void)state;
    lyc_teacher *teacher;
    lyc_error err = {0};
    content *made = golden_content();
    for (size_t i = 0; i < ROWS * CLASSES; i++)
        made->logits[i] = golden[i / CLASSES * CLASSES + (i % CLASSES + 1) % CLASSES];
    EXPECT_OK(open_file(&teacher, write_content(made), &clean, &err));
    lyc_teacher_close(teacher);
    assert_non_null(strstr(scratch_warnings, "'rec'"));
    assert_non_null(strstr(scratch_warnings, "class_map"));
}

static void ids_must_be_those_of_the_data(void **state) {
    (void)state;
    char id[32];
    content *made = golden_content();
    made->ids[100] = 1;
    EXPECT_REFUSED(write_content(made), &clean, LYC_EMISMATCH, "row 100", "id 1,", "other data");
    made->ids[100] = 999999;
    (void)snprintf(id, sizeof id, "no row for id %llu", (unsigned long long)lyc_dataset_ids(data)[100]);
    EXPECT_REFUSED(write_content(made), &clean, LYC_EMISMATCH, id, "240 rows");

    made = golden_content();
    made->rows = ROWS - 1;
    (void)snprintf(id, sizeof id, "no row for id %llu", (unsigned long long)lyc_dataset_ids(data)[ROWS - 1]);
    EXPECT_REFUSED(write_content(made), &clean, LYC_EMISMATCH, id, "239 rows, 240", "record every row");

    made = golden_content();
    made->rows = ROWS + 1;
    made->ids[ROWS] = 999999;
    EXPECT_REFUSED(write_content(made), &clean, LYC_EMISMATCH, "row 240", "id 999999");
    made->ids[ROWS] = made->ids[50];
    (void)snprintf(id, sizeof id, "50 and 240 both answer");
    EXPECT_REFUSED(write_content(made), &clean, LYC_EMISMATCH, id);
}

static void other_data_is_refused(void **state) {
    (void)state;
    content *made = golden_content();
    made->fingerprint = lyc_dataset_fingerprint(data);
    expect_golden(write_content(made), &clean, 0.0f);
    made->fingerprint = "0123456789abcdef0123456789abcdef";
    EXPECT_REFUSED(write_content(made), &clean, LYC_EMISMATCH, made->fingerprint,
                   lyc_dataset_fingerprint(data));
}

/* ---- views, values, classes ------------------------------------------------------------------------ */

static void views_must_be_recorded_and_of_the_same_recipe(void **state) {
    (void)state;
    lyc_view_recipe other = moved, more = moved;
    other.seed = 8;
    more.views = 3;
    expect_golden(golden_path("views.h5"), &moved, 0.0f);
    expect_golden(golden_path("views.h5"), &clean, 0.0f);
    EXPECT_REFUSED(golden_path("views.h5"), &other, LYC_EMISMATCH, "'shift=1 flip=0 seed=7'",
                   "'shift=1 flip=0 seed=8'");
    EXPECT_REFUSED(golden_path("views.h5"), &more, LYC_EMISMATCH, "holds 2 views", "3 are asked");
    EXPECT_REFUSED(golden_path("in_order.h5"), &moved, LYC_EMISMATCH, "holds 1 view ", "2 are asked",
                   "views to 1");
}

static void values_must_be_numbers(void **state) {
    (void)state;
    char id[32];
    content *made = golden_content();
    (void)snprintf(id, sizeof id, "id %llu", (unsigned long long)lyc_dataset_ids(data)[60]);
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < 3; i++) {
        made->logits[60 * CLASSES + 1] = bad[i];
        EXPECT_REFUSED(write_content(made), &clean, LYC_ENUMERIC, id, "column 1");
    }
    for (size_t i = 0; i < ROWS * CLASSES; i++) made->logits[i] = -INFINITY;
    EXPECT_REFUSED(write_content(made), &clean, LYC_ENUMERIC, "every logit");
}

static void a_whole_column_may_be_unknown(void **state) {
    (void)state;
    lyc_teacher *teacher;
    lyc_error err = {0};
    const uint32_t row[1] = {9};
    float out[CLASSES];
    content *made = golden_content();
    for (size_t i = 0; i < ROWS; i++) made->logits[i * CLASSES + 2] = -INFINITY;
    EXPECT_OK(open_file(&teacher, write_content(made), &clean, &err));
    assert_false(lyc_teacher_get_info(teacher)->knows_all);
    EXPECT_OK(lyc_teacher_logits(teacher, row, 1, 0, out, NULL, &err));
    assert_true(out[2] == -INFINITY && out[1] == golden[9 * CLASSES + 1]);
    lyc_teacher_close(teacher);
}

static void names_of_classes_are_compared(void **state) {
    (void)state;
    EXPECT_REFUSED(golden_path("named.h5"), &clean, LYC_EMISMATCH, "another order", "[1, 0, 2, 3]");
    EXPECT_REFUSED(golden_path("labels.h5"), &clean, LYC_EFORMAT, "labels.h5", "integers");
}

/* ---- banks as recordings ---------------------------------------------------------------------------- */

static void a_bank_serves_as_recorded_logits(void **state) {
    (void)state;
    lyc_error err = {0};
    char path[SCRATCH_PATH];
    float out[CLASSES];
    const uint32_t row[1] = {200};
    lyc_teacher *teacher, *again;
    lyc_bank *bank;
    EXPECT_OK(open_file(&teacher, golden_path("views.h5"), &moved, &err));
    EXPECT_OK(lyc_bank_open(&bank, scratch_directory, teacher, data, &moved, &err));
    (void)snprintf(path, sizeof path, "%s", lyc_bank_path(bank));
    EXPECT_REFUSED(path, &moved, LYC_EFORMAT, "not filled", "rows 0 to 239 of view 0");
    for (int view = 0; view < 2; view++) {
        EXPECT_OK(lyc_bank_logits(bank, row, 1, view, out, NULL, &err));
        if (view == 0) EXPECT_REFUSED(path, &moved, LYC_EFORMAT, "not filled", "rows 0 to 239 of view 1");
    }
    EXPECT_OK(lyc_bank_close(bank, &err));
    expect_golden(path, &moved, 0.0f);
    EXPECT_OK(open_file(&again, path, &moved, &err));
    assert_string_equal(lyc_teacher_get_info(again)->fingerprint, lyc_teacher_get_info(teacher)->fingerprint);
    lyc_teacher_close(again);
    lyc_teacher_close(teacher);

    size_t size = 0;
    const char *name = strrchr(path, '/') + 1;
    unsigned char *bytes = scratch_read(name, &size);
    assert_non_null(bytes);
    unsigned char *value = memmem(bytes, size, &golden[12], sizeof golden[12]);
    assert_non_null(value);
    value[2] ^= 1;
    assert_true(scratch_write(name, bytes, size));
    free(bytes);
    EXPECT_REFUSED(path, &moved, LYC_EFORMAT, "damaged", "rows 0 to 239 of view 0");
}

/* ---- delays ----------------------------------------------------------------------------------------- */

static void a_delay_is_waited_once_an_answer(void **state) {
    (void)state;
    lyc_teacher *teacher;
    lyc_error err = {0};
    uint32_t rows[ROWS];
    float out[ROWS * CLASSES];
    lyc_teacher_options options = {
        .name = "slow", .kind = "bank", .path = golden_path("in_order.h5"), .delay_seconds = 0.03};
    for (uint32_t i = 0; i < ROWS; i++) rows[i] = i;
    EXPECT_OK(lyc_teacher_open(&teacher, &options, data, &clean, &err));
    assert_true(lyc_teacher_get_info(teacher)->blocking);
    double began = lyc_seconds();
    EXPECT_OK(lyc_teacher_logits(teacher, rows, ROWS, 0, out, NULL, &err));
    EXPECT_OK(lyc_teacher_logits(teacher, rows, 1, 0, out, NULL, &err));
    double took = lyc_seconds() - began;
    assert_true(took >= 0.06 && took < 1.0);
    lyc__teacher_interrupt(teacher, true);
    EXPECT_ERROR(lyc_teacher_logits(teacher, rows, 1, 0, out, NULL, &err), LYC_ECANCELLED, err, "stopped");
    lyc__teacher_interrupt(teacher, false);
    EXPECT_OK(lyc_teacher_logits(teacher, rows, 1, 0, out, NULL, &err));
    lyc_teacher_close(teacher);
    options.delay_seconds = -1.0;
    EXPECT_ERROR(lyc_teacher_open(&teacher, &options, data, &clean, &err), LYC_ECONFIG, err, "'slow'", "-1");
}

static void files_that_are_none_are_named(void **state) {
    (void)state;
    EXPECT_REFUSED(scratch_path("absent.h5"), &clean, LYC_EIO, "absent.h5", "No such file");
    assert_true(scratch_write("text.h5", "logits", 6));
    EXPECT_REFUSED(scratch_path("text.h5"), &clean, LYC_EFORMAT, "text.h5", "not an HDF5 file");
    EXPECT_REFUSED(golden_path("data.h5"), &clean, LYC_EFORMAT, "data.h5", "no '/logits'");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_are_matched_by_id, open_data, close_data),
        cmocka_unit_test_setup_teardown(the_order_of_the_file_does_not_change_the_fingerprint, open_data,
                                        close_data),
        cmocka_unit_test_setup_teardown(without_ids_it_is_refused, open_data, close_data),
        cmocka_unit_test_setup_teardown(misordered_rows_are_refused, open_data, close_data),
        cmocka_unit_test_setup_teardown(checksums_find_a_single_misplaced_row, open_data, close_data),
        cmocka_unit_test_setup_teardown(a_useless_teacher_must_prove_its_order, open_data, close_data),
        cmocka_unit_test_setup_teardown(a_useless_teacher_may_be_declared, open_data, close_data),
        cmocka_unit_test_setup_teardown(scrambled_classes_draw_a_warning, open_data, close_data),
        cmocka_unit_test_setup_teardown(ids_must_be_those_of_the_data, open_data, close_data),
        cmocka_unit_test_setup_teardown(other_data_is_refused, open_data, close_data),
        cmocka_unit_test_setup_teardown(views_must_be_recorded_and_of_the_same_recipe, open_data, close_data),
        cmocka_unit_test_setup_teardown(values_must_be_numbers, open_data, close_data),
        cmocka_unit_test_setup_teardown(a_whole_column_may_be_unknown, open_data, close_data),
        cmocka_unit_test_setup_teardown(names_of_classes_are_compared, open_data, close_data),
        cmocka_unit_test_setup_teardown(a_bank_serves_as_recorded_logits, open_data, close_data),
        cmocka_unit_test_setup_teardown(a_delay_is_waited_once_an_answer, open_data, close_data),
        cmocka_unit_test_setup_teardown(files_that_are_none_are_named, open_data, close_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

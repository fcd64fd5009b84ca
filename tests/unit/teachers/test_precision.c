/* Teachers in bf16: what they say of their error, and that their answers are never taken for those in f32.
 * Where the build or the CPU has no bf16: that it is refused. */
#include <math.h>

#include "fake.h"
#include "lyceum/model.h"

static lyc_dataset *data;
static lyc_model *model;
static bool has_bf16;
static const lyc_view_recipe recipe = {.views = 2, .shift = 1, .flip = true, .seed = 4};

static int open_all(void **state) {
    if (scratch_open(state) != 0) return -1;
    lyc_error err = {0};
    lyc_frozen *frozen = NULL;
    const lyc_network_spec spec = {
        .arch = "convnet",
        .blocks = {{.channels = 16, .kernel = 3, .stride = 1, .batch_norm = true, .pool = 2}},
        .block_count = 1};
    data = fake_dataset(scratch_path("data.h5"), 0);
    EXPECT_OK(lyc_model_create(&model, &spec, data, &err));
    lyc_network_init(model->network, 3, model->params);
    const lyc_status status =
        lyc_frozen_create(&frozen, model->network, model->params, LYC_PRECISION_BF16, 256, &err);
    has_bf16 = status == LYC_OK;
    if (!has_bf16) assert_int_equal(status, LYC_EENVIRONMENT);
    lyc_frozen_destroy(frozen);
    EXPECT_OK(lyc_model_save(model, scratch_path("model.h5"), &err));
    return 0;
}

static int close_all(void **state) {
    lyc_model_destroy(model);
    lyc_dataset_close(data);
    return scratch_close(state);
}

static lyc_teacher *open_in(lyc_precision precision) {
    lyc_teacher *teacher;
    lyc_error err = {0};
    lyc_teacher_options options = {
        .name = "net", .kind = "model", .path = scratch_path("model.h5"), .precision = precision};
    EXPECT_OK(lyc_teacher_open(&teacher, &options, data, &recipe, &err));
    return teacher;
}

static void says_its_error(void **state) {
    (void)state;
    if (!has_bf16) return;
    enum { ROWS = 512 };
    static float exact[ROWS * FAKE_CLASSES], logits[ROWS * FAKE_CLASSES];
    uint32_t rows[ROWS];
    lyc_error err = {0};
    for (uint32_t i = 0; i < ROWS; i++) rows[i] = i * FAKE_ROWS / ROWS;
    lyc_teacher *wide = open_in(LYC_PRECISION_F32), *narrow = open_in(LYC_PRECISION_BF16);
    EXPECT_OK(lyc_teacher_logits(wide, rows, ROWS, 0, exact, NULL, &err));
    EXPECT_OK(lyc_teacher_logits(narrow, rows, ROWS, 0, logits, NULL, &err));
    double largest = 0, sum = 0, changed = 0;
    for (size_t i = 0; i < ROWS; i++) {
        size_t best[2] = {0, 0};
        for (size_t c = 0; c < FAKE_CLASSES; c++) {
            const double a = (double)exact[i * FAKE_CLASSES + c], b = (double)logits[i * FAKE_CLASSES + c];
            largest = fmax(largest, fabs(a - b));
            sum += fabs(a - b);
            if (a > (double)exact[i * FAKE_CLASSES + best[0]]) best[0] = c;
            if (b > (double)logits[i * FAKE_CLASSES + best[1]]) best[1] = c;
        }
        changed += best[0] != best[1];
    }
    const lyc_teacher_info *info = lyc_teacher_get_info(narrow);
    assert_int_equal(info->precision, LYC_PRECISION_BF16);
    assert_int_equal(info->error.rows, ROWS);
    assert_true(info->error.largest == largest && largest > 0 && largest < 0.02); /* the logits are about 1 */
    assert_true(fabs(info->error.mean - sum / (ROWS * FAKE_CLASSES)) < 1e-12);
    assert_true(fabs(info->error.changed - changed / ROWS) < 1e-12);
    assert_int_equal(lyc_teacher_get_info(wide)->precision, LYC_PRECISION_F32);
    assert_int_equal(lyc_teacher_get_info(wide)->error.rows, 0);
    lyc_teacher_close(wide);
    lyc_teacher_close(narrow);
}

static void same_bits_for_any_number_of_threads(void **state) {
    (void)state;
    if (!has_bf16) return;
    enum { COUNT = 300 };
    static float first[COUNT * FAKE_CLASSES], out[COUNT * FAKE_CLASSES];
    static const int threads[] = {1, 2, 3, 8};
    uint32_t rows[COUNT];
    lyc_error err = {0};
    lyc_teacher *teacher = open_in(LYC_PRECISION_BF16);
    for (uint32_t i = 0; i < COUNT; i++) rows[i] = (i * 17) % FAKE_ROWS;
    EXPECT_OK(lyc_teacher_logits(teacher, rows, COUNT, 1, first, NULL, &err));
    for (size_t i = 0; i < 4; i++) {
        lyc_pool *pool;
        EXPECT_OK(lyc_pool_create(&pool, threads[i], &err));
        EXPECT_OK(lyc_teacher_logits(teacher, rows, COUNT, 1, out, pool, &err));
        assert_memory_equal(out, first, sizeof out);
        lyc_pool_destroy(pool);
    }
    lyc_teacher_close(teacher);
}

/* One directory, one name, one model: two banks; and one put in the place of the other is refused by name. */
static void banks_do_not_mix(void **state) {
    (void)state;
    if (!has_bf16) return;
    lyc_error err = {0};
    lyc_teacher *teachers[] = {open_in(LYC_PRECISION_F32), open_in(LYC_PRECISION_BF16)};
    lyc_bank *bank;
    char paths[2][SCRATCH_PATH], banks[SCRATCH_PATH];
    (void)snprintf(banks, sizeof banks, "%s", scratch_path("banks"));
    assert_string_not_equal(lyc_teacher_get_info(teachers[0])->fingerprint,
                            lyc_teacher_get_info(teachers[1])->fingerprint);
    for (int i = 0; i < 2; i++) {
        EXPECT_OK(lyc_bank_open(&bank, banks, teachers[i], data, &recipe, &err));
        (void)snprintf(paths[i], sizeof paths[i], "%s", lyc_bank_path(bank));
        EXPECT_OK(lyc_bank_close(bank, &err));
    }
    assert_string_not_equal(paths[0], paths[1]);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(rename(paths[1 - i], paths[i]), 0);
        EXPECT_ERROR(lyc_bank_open(&bank, banks, teachers[i], data, &recipe, &err), LYC_EMISMATCH, err,
                     "'net'", "(precision): the file has", i == 0 ? "wanted is 'f32'" : "wanted is 'bf16'");
        EXPECT_OK(lyc_bank_open(&bank, banks, teachers[1 - i], data, &recipe, &err)); /* made again */
        EXPECT_OK(lyc_bank_close(bank, &err));
        assert_int_equal(remove(paths[i]), 0);
        EXPECT_OK(lyc_bank_open(&bank, banks, teachers[i], data, &recipe, &err));
        EXPECT_OK(lyc_bank_close(bank, &err));
    }
    lyc_teacher_close(teachers[0]);
    lyc_teacher_close(teachers[1]);
}

static void what_computes_nothing_has_no_precision(void **state) {
    (void)state;
    lyc_error err = {0};
    lyc_teacher *teacher;
    lyc_teacher_options options = fake_options("t", "0");
    fake_reset();
    options.precision = LYC_PRECISION_BF16;
    EXPECT_ERROR(lyc__teacher_open_kind(&teacher, &fake_kind, &options, data, &recipe, &err), LYC_ECONFIG,
                 err, "'t'", "bf16", "remove");
}

static void refused_where_there_is_none(void **state) {
    (void)state;
    if (has_bf16) return;
    lyc_error err = {0};
    lyc_teacher *teacher;
    lyc_teacher_options options = {
        .name = "net", .kind = "model", .path = scratch_path("model.h5"), .precision = LYC_PRECISION_BF16};
    EXPECT_ERROR(lyc_teacher_open(&teacher, &options, data, &recipe, &err), LYC_EENVIRONMENT, err, "'net'",
                 "bf16", "use f32");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(says_its_error, open_all, close_all),
        cmocka_unit_test_setup_teardown(same_bits_for_any_number_of_threads, open_all, close_all),
        cmocka_unit_test_setup_teardown(banks_do_not_mix, open_all, close_all),
        cmocka_unit_test_setup_teardown(what_computes_nothing_has_no_precision, open_all, close_all),
        cmocka_unit_test_setup_teardown(refused_where_there_is_none, open_all, close_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What every kind of teacher has in common: class maps, checks of the answers, fingerprints. */
#include "fake.h"

static lyc_dataset *data;
static const lyc_view_recipe clean = {.views = 1}, augmented = {.views = 3, .shift = 1};

static int open_data(void **state) {
    if (scratch_open(state) != 0) return -1;
    fake_reset();
    data = fake_dataset(scratch_path("data.h5"), 0);
    return 0;
}

static int close_data(void **state) {
    lyc_dataset_close(data);
    return scratch_close(state);
}

static lyc_teacher *open_fake(const lyc_teacher_options *options, const lyc_view_recipe *recipe) {
    lyc_teacher *teacher;
    lyc_error err = {0};
    EXPECT_OK(lyc__teacher_open_kind(&teacher, &fake_kind, options, data, recipe, &err));
    return teacher;
}

static void unknown_kind_lists_the_valid_ones(void **state) {
    (void)state;
    lyc_teacher *teacher;
    lyc_error err = {0};
    lyc_teacher_options options = {.name = "t", .kind = "modell", .path = "x"};
    EXPECT_ERROR(lyc_teacher_open(&teacher, &options, data, &clean, &err), LYC_ECONFIG, err, "'t'", "modell",
                 "'model'", "'bank'");
    assert_null(teacher);
}

static void options_are_checked(void **state) {
    (void)state;
    lyc_teacher *teacher;
    lyc_error err = {0};
    lyc_teacher_options options = fake_options("", "0");
    EXPECT_ERROR(lyc__teacher_open_kind(&teacher, &fake_kind, &options, data, &clean, &err), LYC_ECONFIG, err,
                 "no name");
    options = fake_options("t", NULL);
    EXPECT_ERROR(lyc__teacher_open_kind(&teacher, &fake_kind, &options, data, &clean, &err), LYC_ECONFIG, err,
                 "no file");
    options = fake_options("t", "0");
    options.delay_seconds = 0.1;
    EXPECT_ERROR(lyc__teacher_open_kind(&teacher, &fake_kind, &options, data, &clean, &err), LYC_ECONFIG, err,
                 "takes no delay");
    options.delay_seconds = NAN;
    EXPECT_ERROR(lyc__teacher_open_kind(&teacher, &fake_kind, &options, data, &clean, &err), LYC_ECONFIG, err,
                 "nan");
    assert_int_equal(atomic_load(&fake_plans[0].alive), 0);
}

static void class_map_moves_and_fills_columns(void **state) {
    (void)state;
    lyc_error err = {0};
    const int32_t map[2] = {2, 0};
    const uint32_t rows[5] = {7, 1000, 3, 7, 512};
    float out[5 * FAKE_CLASSES];
    fake_plans[0].classes = 2;
    lyc_teacher_options options = fake_options("partial", "0");
    options.class_map = map;
    options.class_map_count = 2;
    lyc_teacher *teacher = open_fake(&options, &augmented);
    assert_false(lyc_teacher_get_info(teacher)->knows_all);
    assert_int_equal(lyc_teacher_get_info(teacher)->classes, FAKE_CLASSES);
    EXPECT_OK(lyc_teacher_logits(teacher, rows, 5, 2, out, NULL, &err));
    float beside = fake_neighbours(rows, 5);
    for (size_t i = 0; i < 5; i++) {
        uint64_t id = lyc_dataset_ids(data)[rows[i]];
        assert_true(out[i * 3 + 2] == fake_value(1, id, 2, 0) + beside);
        assert_true(out[i * 3 + 0] == fake_value(1, id, 2, 1) + beside);
        assert_true(out[i * 3 + 1] == -INFINITY);
    }
    lyc_teacher_close(teacher);
}

static void bad_class_maps_are_refused(void **state) {
    (void)state;
    static const int32_t twice[3] = {0, 2, 2}, outside[3] = {0, 1, 3}, negative[3] = {-1, 0, 1};
    static const struct {
        const int32_t *map;
        size_t count;
        const char *texts[3];
    } cases[] = {
        {twice, 3, {"class 2", "outputs 1 and 2", "'t'"}},
        {outside, 3, {"class_map[2] is 3", "0 to 2", "'t'"}},
        {negative, 3, {"class_map[0] is -1", "0 to 2", "'t'"}},
        {twice, 2, {"2 entries", "3 outputs", "'t'"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lyc_teacher *teacher;
        lyc_error err = {0};
        lyc_teacher_options options = fake_options("t", "0");
        options.class_map = cases[i].map;
        options.class_map_count = cases[i].count;
        lyc_status status = lyc__teacher_open_kind(&teacher, &fake_kind, &options, data, &clean, &err);
        expect_error(status, LYC_ECONFIG, &err, cases[i].texts, 3);
    }
    assert_int_equal(atomic_load(&fake_plans[0].alive), 0);
}

static void other_classes_are_refused_with_the_map_that_fixes_them(void **state) {
    (void)state;
    static const char *const order[] = {"blue", "red", "green"},
                             *const foreign[] = {"red", "green", "purple"}, *const few[] = {"blue", "green"},
                             *const twice[] = {"red", "red", "blue"};
    lyc_teacher *teacher;
    lyc_error err = {0};
    lyc_teacher_options options = fake_options("t", "0");
    fake_plans[0].class_names = order;
    EXPECT_ERROR(lyc__teacher_open_kind(&teacher, &fake_kind, &options, data, &clean, &err), LYC_EMISMATCH,
                 err, "another order", "\"class_map\": [2, 0, 1]");
    fake_plans[0].class_names = foreign;
    EXPECT_ERROR(lyc__teacher_open_kind(&teacher, &fake_kind, &options, data, &clean, &err), LYC_EMISMATCH,
                 err, "output 2", "'purple'", "'blue'", "class_map");
    fake_plans[0].class_names = twice;
    EXPECT_ERROR(lyc__teacher_open_kind(&teacher, &fake_kind, &options, data, &clean, &err), LYC_EMISMATCH,
                 err, "output 1", "'red'", "'green'");
    fake_plans[0].class_names = few;
    fake_plans[0].classes = 2;
    EXPECT_ERROR(lyc__teacher_open_kind(&teacher, &fake_kind, &options, data, &clean, &err), LYC_EMISMATCH,
                 err, "2 classes", "has 3", "\"class_map\": [2, 1]");

    fake_plans[0].class_names = order;
    fake_plans[0].classes = 3;
    const int32_t fix[3] = {2, 0, 1}, against[3] = {0, 1, 2};
    options.class_map = fix;
    options.class_map_count = 3;
    lyc_teacher_close(open_fake(&options, &clean));
    assert_string_equal(scratch_warnings, "");
    options.class_map = against;
    lyc_teacher_close(open_fake(&options, &clean));
    assert_non_null(strstr(scratch_warnings, "output 0, called 'blue', class 0 ('red')"));
}

static void answers_are_checked(void **state) {
    (void)state;
    static const float values[] = {NAN, INFINITY, -INFINITY};
    const uint32_t rows[3] = {5, 600, 8};
    float out[9];
    lyc_teacher_options options = fake_options("sick", "0");
    lyc_teacher *teacher = open_fake(&options, &clean);
    char id[64];
    (void)snprintf(id, sizeof id, "id %llu (row 600)", (unsigned long long)lyc_dataset_ids(data)[600]);
    for (size_t i = 0; i < 3; i++) {
        lyc_error err = {0};
        fake_plans[0].bad_row = 600;
        fake_plans[0].bad_value = values[i];
        EXPECT_ERROR(lyc_teacher_logits(teacher, rows, 3, 0, out, NULL, &err), LYC_ENUMERIC, err, "'sick'",
                     id, "class 2");
    }
    lyc_error err = {0};
    EXPECT_ERROR(lyc_teacher_logits(teacher, rows, 3, 1, out, NULL, &err), LYC_EINTERNAL, err, "view 1 of 1");
    const uint32_t outside[1] = {FAKE_ROWS};
    EXPECT_ERROR(lyc_teacher_logits(teacher, outside, 1, 0, out, NULL, &err), LYC_EINTERNAL, err,
                 "row 1100 of 1100");
    lyc_teacher_close(teacher);
}

static const char *fingerprint_of(const char *plan, const int32_t *map) {
    static char out[4][LYC_FINGERPRINT_SIZE];
    static unsigned next;
    lyc_teacher_options options = fake_options("t", plan);
    options.class_map = map;
    options.class_map_count = map != NULL ? FAKE_CLASSES : 0;
    lyc_teacher *teacher = open_fake(&options, &clean);
    char *text = out[next++ % 4];
    memcpy(text, lyc_teacher_get_info(teacher)->fingerprint, LYC_FINGERPRINT_SIZE);
    lyc_teacher_close(teacher);
    return text;
}

static void fingerprint_covers_content_and_class_map(void **state) {
    (void)state;
    const int32_t identity[3] = {0, 1, 2}, swapped[3] = {1, 0, 2};
    assert_int_equal(strlen(fingerprint_of("0", NULL)), 32);
    assert_string_equal(fingerprint_of("0", NULL), fingerprint_of("0", identity));
    assert_string_not_equal(fingerprint_of("0", NULL), fingerprint_of("0", swapped));
    assert_string_not_equal(fingerprint_of("0", NULL), fingerprint_of("1", NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(unknown_kind_lists_the_valid_ones, open_data, close_data),
        cmocka_unit_test_setup_teardown(options_are_checked, open_data, close_data),
        cmocka_unit_test_setup_teardown(class_map_moves_and_fills_columns, open_data, close_data),
        cmocka_unit_test_setup_teardown(bad_class_maps_are_refused, open_data, close_data),
        cmocka_unit_test_setup_teardown(other_classes_are_refused_with_the_map_that_fixes_them, open_data,
                                        close_data),
        cmocka_unit_test_setup_teardown(answers_are_checked, open_data, close_data),
        cmocka_unit_test_setup_teardown(fingerprint_covers_content_and_class_map, open_data, close_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Splits that cannot be, or that are worth a warning. */
#include "tests/unit/data/splits_fixture.h"

typedef struct refused {
    lyc_split_options options;
    const char *says;
} refused;

static void test_bad_options_are_named(void **state) {
    (void)state;
    static const int32_t twice[] = {0, 1, 1, 3}, beyond[] = {0, 1, 2, 4};
    const refused cases[] = {
        {{.reward_fraction = -0.1, .valid_fraction = 0.1}, "data.reward_fraction (-0.1)"},
        {{.reward_fraction = 0.5, .valid_fraction = 0.5}, "together less than 1"},
        {{.reward_fraction = 0.1, .valid_fraction = 0.1, .labelled = -1}, "data.labelled is -1"},
        {{.reward_fraction = 0, .valid_fraction = 0.1},
         "the reward split is empty; raise data.reward_fraction"},
        {{.reward_fraction = 0.1, .valid_fraction = 0.0001},
         "the valid split is empty; raise data.valid_fraction"},
        {{.reward_fraction = 0.1, .valid_fraction = 0.1, .labelled = 1601},
         "asks for 1601 labels, but the train split"},
        {{.reward_fraction = 0.1, .valid_fraction = 0.1, .labelled = 3}, "every class needs at least one"},
        {{.reward_fraction = 0.1, .valid_fraction = 0.1, .train_rows = -1}, "data.train_rows is -1"},
        {{.reward_fraction = 0.1, .valid_fraction = 0.1, .train_rows = 1601},
         "data.train_rows asks for 1601 labelled rows, but the train split"},
        {{.reward_fraction = 0.1, .valid_fraction = 0.1, .train_rows = 3},
         "data.train_rows asks for 3 labelled rows for 4 classes"},
        {{.reward_fraction = 0.1, .valid_fraction = 0.1, .train_rows = 100, .labelled = 101},
         "data.labelled asks for 101 labels, but the train split"},
        {{.reward_fraction = 0.1, .valid_fraction = 0.1, .class_order = beyond, .class_order_count = 3},
         "data.class_order has 3 entries, but the data set has 4 classes"},
        {{.reward_fraction = 0.1, .valid_fraction = 0.1, .class_order = beyond, .class_order_count = 4},
         "data.class_order: entry 3 is 4"},
        {{.reward_fraction = 0.1, .valid_fraction = 0.1, .class_order = twice, .class_order_count = 4},
         "data.class_order: class 1 is there twice"},
        {{.reward_fraction = 0.1, .valid_fraction = 0.1, .only_classes = beyond, .only_class_count = 0},
         "data.only_classes is empty"},
        {{.reward_fraction = 0.1, .valid_fraction = 0.1, .only_classes = beyond, .only_class_count = 4},
         "data.only_classes: entry 3 is 4"},
        {{.reward_fraction = 0.1, .valid_fraction = 0.1, .only_classes = twice, .only_class_count = 3},
         "data.only_classes: class 1 is there twice"},
    };
    made what = base();
    lyc_dataset *data = fixture_open("splits.h5", &what);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lyc_error err = {0};
        lyc_splits *splits = NULL;
        assert_int_equal(lyc_splits_create(&splits, data, &cases[i].options, &err), LYC_ECONFIG);
        assert_null(splits);
        assert_mentions(&err, cases[i].says);
    }
    lyc_dataset_close(data);
}

static void test_nan_fractions_are_refused(void **state) {
    (void)state;
    lyc_error err = {0};
    lyc_splits *splits = NULL;
    made what = base();
    lyc_dataset *data = fixture_open("splits.h5", &what);
    lyc_split_options options = {.reward_fraction = strtod("nan", NULL), .valid_fraction = 0.1};
    assert_int_equal(lyc_splits_create(&splits, data, &options, &err), LYC_ECONFIG);
    assert_mentions(&err, "data.reward_fraction (nan)");
    lyc_dataset_close(data);
}

static void test_a_file_of_test_rows_has_nothing_to_train_on(void **state) {
    (void)state;
    lyc_error err = {0};
    lyc_splits *splits = NULL;
    made what = base();
    memset(parts, 1, sizeof parts);
    lyc_dataset *data = fixture_open("splits.h5", &what);
    assert_int_equal(lyc_splits_create(&splits, data, &usual, &err), LYC_ECONFIG);
    assert_mentions(&err, "no row is in the train part (/split = 0)");
    lyc_dataset_close(data);
}

static void test_small_splits_draw_a_warning(void **state) {
    (void)state;
    made what = base();
    lyc_dataset *data = fixture_open("splits.h5", &what);
    lyc_split_options options = {.reward_fraction = 0.0995, .valid_fraction = 0.1};
    scratch_warnings[0] = '\0';
    lyc_splits *splits = cut(data, &options);
    assert_non_null(strstr(scratch_warnings, "the reward split has only 199 rows"));
    assert_null(strstr(scratch_warnings, "valid"));
    lyc_splits_destroy(splits);
    lyc_dataset_close(data);

    memset(parts, 0, sizeof parts);
    data = fixture_open("splits.h5", &what);
    scratch_warnings[0] = '\0';
    splits = cut(data, &usual);
    assert_non_null(strstr(scratch_warnings, "there is no test part"));
    assert_int_equal(splits->count[LYC_SPLIT_TEST], 0);
    lyc_splits_destroy(splits);
    lyc_dataset_close(data);
}

/* A class of one row is trained on, not measured on. */
static void test_a_rare_class_stays_in_train(void **state) {
    (void)state;
    made what = base();
    int place[ROWS];
    for (uint32_t row = 0; row < ROWS; row++)
        if (labels[row] == 0) labels[row] = 1;
    labels[77] = 0;
    lyc_dataset *data = fixture_open("splits.h5", &what);
    lyc_split_options options = {.reward_fraction = 0.6, .valid_fraction = 0.3};
    for (options.seed = 0; options.seed < 10; options.seed++) {
        lyc_splits *splits = cut(data, &options);
        places(splits, place);
        assert_int_equal(place[77], LYC_SPLIT_TRAIN);
        lyc_splits_destroy(splits);
    }
    lyc_dataset_close(data);
}

static void test_no_memory_is_an_error_and_no_leak(void **state) {
    (void)state;
    made what = base();
    lyc_dataset *data = fixture_open("splits.h5", &what);
    lyc_split_options options = usual;
    options.labelled = 100;
    lyc_splits *splits = NULL;
    lyc_error err = {0};
    size_t failures = 0;
    failing counter = {.fail_at = 1};
    lyc_allocator allocator = {failing_allocate, failing_release, &counter};
    lyc_allocator_set(&allocator); /* blocks of both allocators end in free() */
    while (lyc_splits_create(&splits, data, &options, &err) == LYC_ENOMEM && failures < 100)
        counter = (failing){.fail_at = 1 + ++failures};
    lyc_splits_destroy(splits);
    lyc_dataset_close(data);
    lyc_allocator_set(NULL);
    assert_in_range(failures, 10, 99);
}

static void test_names(void **state) {
    (void)state;
    assert_string_equal(lyc_split_name(LYC_SPLIT_TRAIN), "train");
    assert_string_equal(lyc_split_name(LYC_SPLIT_TEST), "test");
    assert_string_equal(lyc_split_name(LYC_SPLIT_COUNT), "unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_options_are_named),
        cmocka_unit_test(test_nan_fractions_are_refused),
        cmocka_unit_test(test_a_file_of_test_rows_has_nothing_to_train_on),
        cmocka_unit_test(test_small_splits_draw_a_warning),
        cmocka_unit_test(test_a_rare_class_stays_in_train),
        cmocka_unit_test(test_no_memory_is_an_error_and_no_leak),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}

/* The four splits: disjoint, stratified, deterministic, without copies of a row on two sides. */
#include "base/hash.h"
#include "data/data.h"
#include "lyceum/random.h"
#include "tests/unit/data/fixture.h"

enum { ROWS = 2400, CLASSES = 4, TRAIN_PART = 2000, VALUES = 6 };

static uint8_t x[ROWS * VALUES];
static int32_t labels[ROWS];
static uint8_t parts[ROWS];

/* Every row another content, classes of 1:2:3:4, the last 400 rows the test part. */
static made base(void) {
    for (uint32_t row = 0; row < ROWS; row++) {
        static const int32_t pattern[] = {0, 1, 1, 2, 2, 2, 3, 3, 3, 3};
        labels[row] = pattern[row % 10];
        parts[row] = row >= TRAIN_PART;
        for (size_t i = 0; i < VALUES; i++) x[row * VALUES + i] = i < 2 ? (uint8_t)(row >> (8 * i)) : 9;
    }
    return (made){.rows = ROWS,
                  .channels = 1,
                  .height = 1,
                  .width = VALUES,
                  .classes = CLASSES,
                  .x = x,
                  .labels = labels,
                  .parts = parts};
}

static void same_content(uint32_t row, uint32_t as) {
    memcpy(x + row * VALUES, x + as * VALUES, VALUES);
}

static const lyc_split_options usual = {.reward_fraction = 0.11, .valid_fraction = 0.2, .seed = 5};

static lyc_splits *cut(const lyc_dataset *data, const lyc_split_options *options) {
    lyc_splits *splits = NULL;
    assert_ok(lyc_splits_create(&splits, data, options, &failure));
    return splits;
}

/* place[row] = the split that row is in, or -1; checks that lists are ascending and disjoint. */
static void places(const lyc_splits *splits, int place[ROWS]) {
    for (int row = 0; row < ROWS; row++) place[row] = -1;
    for (int split = 0; split < LYC_SPLIT_COUNT; split++)
        for (uint32_t i = 0; i < splits->count[split]; i++) {
            uint32_t row = splits->rows[split][i];
            assert_true(row < ROWS);
            assert_true(i == 0 || splits->rows[split][i - 1] < row);
            assert_int_equal(place[row], -1);
            place[row] = split;
        }
}

static void count_classes(const lyc_splits *splits, int split, uint32_t out[CLASSES]) {
    memset(out, 0, CLASSES * sizeof *out);
    for (uint32_t i = 0; i < splits->count[split]; i++) out[labels[splits->rows[split][i]]]++;
}

static void test_every_row_in_one_split_and_classes_in_proportion(void **state) {
    (void)state;
    made what = base();
    lyc_dataset *data = fixture_open("splits.h5", &what);
    lyc_splits *splits = cut(data, &usual);
    int place[ROWS];
    uint32_t found[CLASSES];
    places(splits, place);
    for (uint32_t row = 0; row < ROWS; row++) {
        assert_true(place[row] >= 0);
        assert_int_equal(place[row] == LYC_SPLIT_TEST, row >= TRAIN_PART);
        assert_int_equal(splits->labels[row], labels[row]);
    }
    count_classes(splits, LYC_SPLIT_REWARD, found);
    assert_memory_equal(found, ((uint32_t[]){22, 44, 66, 88}), sizeof found);
    count_classes(splits, LYC_SPLIT_VALID, found);
    assert_memory_equal(found, ((uint32_t[]){40, 80, 120, 160}), sizeof found);
    count_classes(splits, LYC_SPLIT_TRAIN, found);
    assert_memory_equal(found, ((uint32_t[]){138, 276, 414, 552}), sizeof found);
    assert_int_equal(splits->labelled, 1380);
    assert_int_equal(splits->duplicates_dropped + splits->duplicates_grouped, 0);
    assert_string_equal(scratch_warnings, "");
    lyc_splits_destroy(splits);
    lyc_splits_destroy(NULL);
    lyc_dataset_close(data);
}

static void test_seeds_decide_and_nothing_else(void **state) {
    (void)state;
    made what = base();
    lyc_dataset *data = fixture_open("splits.h5", &what);
    lyc_split_options options = usual;
    lyc_splits *first = cut(data, &usual), *again = cut(data, &usual);
    int a[ROWS], b[ROWS];
    places(first, a);
    places(again, b);
    assert_memory_equal(a, b, sizeof a);
    options.seed = 6;
    lyc_splits *other = cut(data, &options);
    places(other, b);
    assert_memory_not_equal(a, b, sizeof a);
    lyc_splits_destroy(first);
    lyc_splits_destroy(again);
    lyc_splits_destroy(other);
    lyc_dataset_close(data);
}

/* Teachers made with a class filter, another class order or fewer labels must not meet rows that others hold
 * out: what they train on is inside everybody's train split, and likewise for the other splits. */
static void test_filters_do_not_move_rows_between_splits(void **state) {
    (void)state;
    made what = base();
    const int32_t only[] = {2, 0}, order[] = {1, 2, 3, 0};
    lyc_dataset *data = fixture_open("splits.h5", &what);
    lyc_split_options options = usual;
    options.only_classes = only;
    options.only_class_count = 2;
    options.class_order = order;
    options.class_order_count = 4;
    options.labelled = 100;
    lyc_splits *whole = cut(data, &usual), *filtered = cut(data, &options);
    int a[ROWS], b[ROWS];
    places(whole, a);
    places(filtered, b);
    for (uint32_t row = 0; row < ROWS; row++) {
        int32_t label = order[labels[row]]; /* the filter goes by the label as it is read */
        bool kept = label == 2 || label == 0 || parts[row] == 1;
        assert_int_equal(b[row], kept ? a[row] : -1);
        if (b[row] != LYC_SPLIT_TRAIN) assert_int_equal(filtered->labels[row], kept ? label : LYC_UNLABELLED);
    }
    assert_int_equal(filtered->labelled, 100);
    lyc_splits_destroy(whole);
    lyc_splits_destroy(filtered);
    lyc_dataset_close(data);
}

static void test_class_order_applies_to_every_split(void **state) {
    (void)state;
    made what = base();
    const int32_t order[] = {3, 0, 1, 2};
    lyc_dataset *data = fixture_open("splits.h5", &what);
    lyc_split_options options = usual;
    options.class_order = order;
    options.class_order_count = 4;
    lyc_splits *splits = cut(data, &options);
    for (uint32_t row = 0; row < ROWS; row++) assert_int_equal(splits->labels[row], order[labels[row]]);
    lyc_splits_destroy(splits);
    lyc_dataset_close(data);
}

static void test_classes_are_shuffled_each_by_itself(void **state) {
    (void)state;
    enum { EACH = 50 };
    int32_t classes[2 * EACH + 1];
    lyc__strata strata;
    for (int i = 0; i < 2 * EACH; i++) classes[i] = i % 2;
    classes[2 * EACH] = LYC_UNLABELLED;
    assert_ok(lyc__strata_create(&strata, classes, 2 * EACH + 1, 3, 1, LYC_PURPOSE_TEST, &failure));
    assert_memory_equal(strata.first, ((uint32_t[]){0, EACH, 2 * EACH, 2 * EACH}), 4 * sizeof(uint32_t));
    uint32_t seen[2 * EACH] = {0}, alike = 0;
    for (uint32_t i = 0; i < 2 * EACH; i++) {
        assert_int_equal(classes[strata.members[i]], i >= EACH);
        seen[strata.members[i]]++;
    }
    for (uint32_t i = 0; i < 2 * EACH; i++) assert_int_equal(seen[i], 1);
    for (uint32_t i = 0; i < EACH; i++) alike += strata.members[i] + 1 == strata.members[EACH + i];
    assert_in_range(alike, 0, 10);
    lyc__strata_release(&strata);
}

/* ---- labels ------------------------------------------------------------------------------------- */

static void kept_labels(const lyc_splits *splits, uint32_t out[CLASSES]) {
    memset(out, 0, CLASSES * sizeof *out);
    for (uint32_t i = 0; i < splits->count[LYC_SPLIT_TRAIN]; i++) {
        uint32_t row = splits->rows[LYC_SPLIT_TRAIN][i];
        if (splits->labels[row] == LYC_UNLABELLED) continue;
        assert_int_equal(splits->labels[row], labels[row]);
        out[labels[row]]++;
    }
}

static void test_labelled_is_exact_and_stratified(void **state) {
    (void)state;
    static const struct {
        int64_t labelled;
        uint32_t wanted[CLASSES];
    } cases[] = {
        {690, {69, 138, 207, 276}}, /* half */
        {7, {1, 1, 2, 3}},          /* 0.7 1.4 2.1 2.8: floors, then the largest remainders 0.8 and 0.7 */
        {4, {1, 1, 1, 1}},          /* 0.4 0.8 1.2 1.6 -> 0 1 1 2; class 0 gets one of class 3 */
        {1380, {138, 276, 414, 552}},
        {0, {138, 276, 414, 552}},
    };
    made what = base();
    lyc_dataset *data = fixture_open("splits.h5", &what);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lyc_split_options options = usual;
        uint32_t found[CLASSES];
        options.labelled = cases[i].labelled;
        lyc_splits *splits = cut(data, &options);
        kept_labels(splits, found);
        assert_memory_equal(found, cases[i].wanted, sizeof found);
        assert_int_equal(splits->labelled, found[0] + found[1] + found[2] + found[3]);
        for (uint32_t row = 0; row < ROWS; row++) /* held-out rows keep theirs */
            if (parts[row] == 1) assert_int_equal(splits->labels[row], labels[row]);
        lyc_splits_destroy(splits);
    }
    lyc_dataset_close(data);
}

static void test_rows_without_label_stay_in_train(void **state) {
    (void)state;
    made what = base();
    for (uint32_t row = 0; row < TRAIN_PART; row += 2) labels[row] = LYC_UNLABELLED;
    lyc_dataset *data = fixture_open("splits.h5", &what);
    lyc_splits *splits = cut(data, &usual);
    int place[ROWS];
    places(splits, place);
    for (uint32_t row = 0; row < TRAIN_PART; row += 2) assert_int_equal(place[row], LYC_SPLIT_TRAIN);
    assert_int_equal(splits->count[LYC_SPLIT_REWARD], 110); /* of 1,000 labelled rows */
    assert_int_equal(splits->count[LYC_SPLIT_VALID], 200);
    assert_int_equal(splits->labelled, 690);
    lyc_splits_destroy(splits);
    lyc_dataset_close(data);
}

/* A row without a label that equals a labelled one goes where that goes, or nowhere: it is of no use where
 * something is measured. The label may stand on either of the two. */
static void test_rows_without_label_follow_their_copies(void **state) {
    (void)state;
    made what = base();
    int place[ROWS];
    for (uint32_t row = 0; row < TRAIN_PART; row += 2) {
        same_content(row + 1, row);
        labels[row % 4 == 0 ? row : row + 1] = LYC_UNLABELLED;
    }
    lyc_dataset *data = fixture_open("splits.h5", &what);
    lyc_splits *splits = cut(data, &usual);
    places(splits, place);
    for (uint32_t row = 0; row < TRAIN_PART; row += 2) {
        uint32_t labelled = row % 4 == 0 ? row + 1 : row, other = row % 4 == 0 ? row : row + 1;
        assert_true(place[labelled] >= 0);
        assert_int_equal(place[other], place[labelled] == LYC_SPLIT_TRAIN ? LYC_SPLIT_TRAIN : -1);
    }
    assert_int_equal(splits->count[LYC_SPLIT_REWARD], 110);
    assert_int_equal(splits->count[LYC_SPLIT_VALID], 200);
    lyc_splits_destroy(splits);
    lyc_dataset_close(data);
}

/* ---- equal content ------------------------------------------------------------------------------ */

/* 400 pairs, a group of 30, and 25 rows that equal a test row. */
static made with_duplicates(void) {
    made what = base();
    for (uint32_t i = 0; i < 400; i++) same_content(1000 + i, i);
    for (uint32_t i = 0; i < 29; i++) same_content(1900 + i, 1500);
    for (uint32_t i = 0; i < 25; i++) same_content(1600 + i, 2000 + i % 20);
    same_content(2399, 2398); /* two test rows: nobody's business */
    return what;
}

static void test_equal_rows_share_a_split(void **state) {
    (void)state;
    made what = with_duplicates();
    lyc_dataset *data = fixture_open("splits.h5", &what);
    for (uint64_t seed = 0; seed < 20; seed++) {
        lyc_split_options options = usual;
        int place[ROWS];
        options.seed = seed;
        lyc_splits *splits = cut(data, &options);
        places(splits, place);
        for (uint32_t i = 0; i < 400; i++) assert_int_equal(place[1000 + i], place[i]);
        for (uint32_t i = 0; i < 29; i++) assert_int_equal(place[1900 + i], place[1500]);
        for (uint32_t i = 0; i < 25; i++) {
            assert_int_equal(place[1600 + i], -1);
            assert_int_equal(splits->labels[1600 + i], LYC_UNLABELLED);
        }
        assert_int_equal(splits->duplicates_grouped, 830);
        assert_int_equal(splits->duplicates_dropped, 25);
        assert_int_equal(splits->count[LYC_SPLIT_TEST], 400);
        assert_int_equal(splits->count[LYC_SPLIT_REWARD],
                         217); /* 0.11 x 1,975: groups fit around each other */
        lyc_splits_destroy(splits);
    }
    lyc_dataset_close(data);
}

static void test_strict_refuses_duplicates(void **state) {
    (void)state;
    lyc_split_options options = usual;
    lyc_splits *splits = NULL;
    lyc_error err = {0};
    options.strict = true;
    made what = with_duplicates();
    lyc_dataset *data = fixture_open("splits.h5", &what);
    assert_int_equal(lyc_splits_create(&splits, data, &options, &err), LYC_EFORMAT);
    assert_mentions(&err, "830 rows of the train part equal another one, 25 equal a test row");
    assert_mentions(&err, "the first: rows 0 and 1000 (ids 1000 and 2000)");
    lyc_dataset_close(data);

    what = base(); /* only test rows equal each other: fine */
    same_content(2399, 2398);
    data = fixture_open("splits.h5", &what);
    splits = cut(data, &options);
    lyc_splits_destroy(splits);
    lyc_dataset_close(data);
}

static uint64_t same_for_all(const void *bytes, size_t size) {
    (void)bytes, (void)size;
    return 4;
}

/* With a hash that is no help the bytes still decide, and the lowest row leads. */
static void test_the_bytes_decide(void **state) {
    (void)state;
    made what = with_duplicates();
    uint32_t *leaders = NULL, *checked = NULL;
    lyc_dataset *data = fixture_open("splits.h5", &what);
    assert_ok(lyc__equal_rows(&leaders, data, lyc__hash64, &failure));
    assert_ok(lyc__equal_rows(&checked, data, same_for_all, &failure));
    assert_memory_equal(leaders, checked, ROWS * sizeof *leaders);
    for (uint32_t row = 0; row < ROWS; row++) {
        uint32_t lowest = 0;
        while (memcmp(x + lowest * VALUES, x + row * VALUES, VALUES) != 0) lowest++;
        assert_int_equal(leaders[row], lowest);
    }
    lyc_free(leaders);
    lyc_free(checked);
    lyc_dataset_close(data);
}

/* Rows that differ in one bit of one value are different. */
static void test_nearly_equal_rows_are_not_equal(void **state) {
    (void)state;
    made what = base();
    for (uint32_t row = 0; row < ROWS; row++) {
        memset(x + row * VALUES, 0, VALUES);
        x[row * VALUES + 4] = (uint8_t)row;
        x[row * VALUES + 5] = (uint8_t)(row >> 8);
    }
    lyc_dataset *data = fixture_open("splits.h5", &what);
    lyc_splits *splits = cut(data, &usual);
    assert_int_equal(splits->duplicates_grouped + splits->duplicates_dropped, 0);
    lyc_splits_destroy(splits);
    lyc_dataset_close(data);
}

/* ---- what is refused ---------------------------------------------------------------------------- */

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
    assert_mentions(&err, "the train split is empty");
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
        cmocka_unit_test(test_every_row_in_one_split_and_classes_in_proportion),
        cmocka_unit_test(test_seeds_decide_and_nothing_else),
        cmocka_unit_test(test_filters_do_not_move_rows_between_splits),
        cmocka_unit_test(test_class_order_applies_to_every_split),
        cmocka_unit_test(test_labelled_is_exact_and_stratified),
        cmocka_unit_test(test_rows_without_label_stay_in_train),
        cmocka_unit_test(test_rows_without_label_follow_their_copies),
        cmocka_unit_test(test_classes_are_shuffled_each_by_itself),
        cmocka_unit_test(test_equal_rows_share_a_split),
        cmocka_unit_test(test_strict_refuses_duplicates),
        cmocka_unit_test(test_the_bytes_decide),
        cmocka_unit_test(test_nearly_equal_rows_are_not_equal),
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

/* The four splits: disjoint, stratified, deterministic, without copies of a row on two sides. */
#include "base/hash.h"
#include "data/data.h"
#include "lyceum/random.h"
#include "tests/unit/data/splits_fixture.h"

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

/* The rows that stay are those whose labels `labelled` keeps; what is held out does not move. */
static void test_train_rows_are_exact_and_stratified(void **state) {
    (void)state;
    made what = base();
    lyc_dataset *data = fixture_open("splits.h5", &what);
    lyc_split_options fewer_rows = usual, fewer_labels = usual;
    fewer_rows.train_rows = fewer_labels.labelled = 690;
    lyc_splits *few = cut(data, &fewer_rows), *hidden = cut(data, &fewer_labels);
    assert_int_equal(few->count[LYC_SPLIT_TRAIN], 690);
    assert_int_equal(few->labelled, 690);
    uint32_t at = 0;
    for (uint32_t i = 0; i < hidden->count[LYC_SPLIT_TRAIN]; i++) {
        const uint32_t row = hidden->rows[LYC_SPLIT_TRAIN][i];
        if (hidden->labels[row] < 0) continue;
        assert_true(at < 690 && few->rows[LYC_SPLIT_TRAIN][at++] == row);
        assert_int_equal(few->labels[row], hidden->labels[row]);
    }
    assert_int_equal(at, 690);
    for (int split = LYC_SPLIT_REWARD; split < LYC_SPLIT_COUNT; split++) {
        assert_int_equal(few->count[split], hidden->count[split]);
        assert_memory_equal(few->rows[split], hidden->rows[split], few->count[split] * sizeof(uint32_t));
    }
    lyc_splits_destroy(hidden);
    lyc_splits_destroy(few);
    fewer_rows.labelled = 7;
    few = cut(data, &fewer_rows);
    assert_int_equal(few->count[LYC_SPLIT_TRAIN], 690);
    assert_int_equal(few->labelled, 7);
    lyc_splits_destroy(few);
    lyc_dataset_close(data);
}

static void test_train_may_hold_the_reward_rows_as_well(void **state) {
    (void)state;
    made what = base();
    lyc_dataset *data = fixture_open("splits.h5", &what);
    lyc_split_options options = usual;
    options.labelled = 100;
    lyc_splits *apart = cut(data, &options);
    options.train_on_reward = true;
    lyc_splits *both = cut(data, &options);
    uint32_t reward = apart->count[LYC_SPLIT_REWARD], train = apart->count[LYC_SPLIT_TRAIN], at[2] = {0, 0};
    assert_int_equal(both->count[LYC_SPLIT_TRAIN], train + reward);
    assert_int_equal(both->labelled, 100 + reward);
    for (int split = LYC_SPLIT_REWARD; split < LYC_SPLIT_COUNT; split++) {
        assert_int_equal(both->count[split], apart->count[split]);
        assert_memory_equal(both->rows[split], apart->rows[split], apart->count[split] * sizeof(uint32_t));
    }
    assert_memory_equal(both->labels, apart->labels, ROWS * sizeof *both->labels);
    for (uint32_t i = 0; i < train + reward; i++) { /* each row of either, ascending */
        uint32_t row = both->rows[LYC_SPLIT_TRAIN][i];
        bool is_reward = at[1] < reward && apart->rows[LYC_SPLIT_REWARD][at[1]] == row;
        if (!is_reward) assert_int_equal(apart->rows[LYC_SPLIT_TRAIN][at[0]], row);
        at[is_reward]++;
        assert_true(i == 0 || row > both->rows[LYC_SPLIT_TRAIN][i - 1]);
    }
    lyc_splits_destroy(apart);
    lyc_splits_destroy(both);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_in_one_split_and_classes_in_proportion),
        cmocka_unit_test(test_seeds_decide_and_nothing_else),
        cmocka_unit_test(test_filters_do_not_move_rows_between_splits),
        cmocka_unit_test(test_class_order_applies_to_every_split),
        cmocka_unit_test(test_labelled_is_exact_and_stratified),
        cmocka_unit_test(test_train_rows_are_exact_and_stratified),
        cmocka_unit_test(test_train_may_hold_the_reward_rows_as_well),
        cmocka_unit_test(test_rows_without_label_stay_in_train),
        cmocka_unit_test(test_rows_without_label_follow_their_copies),
        cmocka_unit_test(test_classes_are_shuffled_each_by_itself),
        cmocka_unit_test(test_equal_rows_share_a_split),
        cmocka_unit_test(test_strict_refuses_duplicates),
        cmocka_unit_test(test_the_bytes_decide),
        cmocka_unit_test(test_nearly_equal_rows_are_not_equal),
    };
    return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}

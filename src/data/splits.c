/* The four splits.
 *
 * Which row goes where depends on the file, the fractions and the split seed, and on nothing else: a teacher
 * that sees few classes, or labels in another order, still learns from the rows of `train` that everybody
 * else calls `train`, and the reward and validation rows stay unseen by all. So the cut comes first, by the
 * labels of the file; class order and class filter come after it. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "data/data.h"
#include "lyceum/log.h"
#include "lyceum/memory.h"
#include "lyceum/random.h"

#define SMALL_SPLIT 200 /* below this, what is measured on it is mostly noise */
#define NOWHERE     LYC_SPLIT_COUNT

/* Everything that one call works with. */
typedef struct cut {
    const lyc_dataset *data;
    const lyc__dataset_content *content;
    const lyc_split_options *options;
    lyc_splits *out;
    uint32_t *leaders;     /* [rows], see lyc__equal_rows */
    uint8_t *place;        /* [rows], lyc_split or NOWHERE */
    uint32_t *group_size;  /* [rows], at leaders: rows of the train part that share the content */
    int32_t *group_class;  /* [rows], at leaders: class by which the group is dealt; -1 elsewhere */
    uint32_t *class_count; /* [classes] */
    uint32_t *reward_left, *valid_left, *labels_left; /* [classes], quotas */
} cut;

static void release(cut *work) {
    lyc_free(work->leaders);
    lyc_free(work->place);
    lyc_free(work->group_size);
    lyc_free(work->group_class);
    lyc_free(work->class_count);
    lyc_free(work->reward_left);
    lyc_free(work->valid_left);
    lyc_free(work->labels_left);
}

static lyc_status allocate(cut *work, lyc_error *err) {
    size_t rows = work->content->rows, classes = (size_t)work->content->class_count;
    LYC_TRY(LYC_NEW_ARRAY(work->place, rows, err));
    LYC_TRY(LYC_NEW_ARRAY(work->group_size, rows, err));
    LYC_TRY(LYC_NEW_ARRAY(work->group_class, rows, err));
    LYC_TRY(LYC_NEW_ARRAY(work->class_count, classes, err));
    LYC_TRY(LYC_NEW_ARRAY(work->reward_left, classes, err));
    LYC_TRY(LYC_NEW_ARRAY(work->valid_left, classes, err));
    LYC_TRY(LYC_NEW_ARRAY(work->labels_left, classes, err));
    return LYC_NEW_ARRAY(work->out->labels, rows, err);
}

/* ---- options ------------------------------------------------------------------------------------ */

static lyc_status check_fractions(const lyc_split_options *options, lyc_error *err) {
    double reward = options->reward_fraction, valid = options->valid_fraction;
    if (!isfinite(reward) || !isfinite(valid) || reward < 0 || valid < 0 || reward + valid >= 1)
        LYC_FAIL(
            err, LYC_ECONFIG,
            "data.reward_fraction (%g) and data.valid_fraction (%g) must not be negative, and must leave "
            "something to train on: together less than 1",
            reward, valid);
    return LYC_OK;
}

/* Each entry of list[count] is a class, none twice. */
static lyc_status check_class_list(const char *key, const int32_t *list, size_t count, int classes,
                                   lyc_error *err) {
    uint8_t *seen = NULL;
    lyc_status status = LYC_NEW_ARRAY(seen, (size_t)classes, err);
    for (size_t i = 0; i < count && status == LYC_OK; i++) {
        if (list[i] < 0 || list[i] >= classes)
            status = LYC_ERROR(err, LYC_ECONFIG,
                               "%s: entry %zu is %" PRId32 "; the data set's classes are 0 to %d", key, i,
                               list[i], classes - 1);
        else if (seen[list[i]]++)
            status = LYC_ERROR(err, LYC_ECONFIG, "%s: class %" PRId32 " is there twice", key, list[i]);
    }
    lyc_free(seen);
    return status;
}

static lyc_status check_options(const lyc_split_options *options, int classes, lyc_error *err) {
    LYC_TRY(check_fractions(options, err));
    if (options->labelled < 0)
        LYC_FAIL(err, LYC_ECONFIG,
                 "data.labelled is %" PRId64 "; give the number of labels to keep, 0 for all",
                 options->labelled);
    if (options->train_rows < 0)
        LYC_FAIL(err, LYC_ECONFIG,
                 "data.train_rows is %" PRId64 "; give the number of rows to keep, 0 for all",
                 options->train_rows);
    if (options->class_order) {
        if (options->class_order_count != (size_t)classes)
            LYC_FAIL(err, LYC_ECONFIG, "data.class_order has %zu entries, but the data set has %d classes",
                     options->class_order_count, classes);
        LYC_TRY(check_class_list("data.class_order", options->class_order, (size_t)classes, classes, err));
    }
    if (options->only_classes) {
        if (options->only_class_count == 0)
            LYC_FAIL(err, LYC_ECONFIG, "data.only_classes is empty; leave it out to keep every class");
        LYC_TRY(check_class_list("data.only_classes", options->only_classes, options->only_class_count,
                                 classes, err));
    }
    return LYC_OK;
}

/* ---- equal content ------------------------------------------------------------------------------ */

/* Test rows take their place; rows of the train part that equal one get none. */
static void place_test_rows(cut *work) {
    const uint8_t *parts = work->content->parts;
    uint32_t rows = work->content->rows;
    memset(work->place, LYC_SPLIT_TRAIN, rows);
    for (uint32_t row = 0; row < rows; row++)
        if (parts[row] == 1) work->place[work->leaders[row]] = NOWHERE; /* the mark of the group, for now */
    for (uint32_t row = 0; row < rows; row++)
        if (parts[row] == 0 && work->place[work->leaders[row]] == NOWHERE) {
            work->place[row] = NOWHERE;
            work->out->duplicates_dropped++;
        }
    for (uint32_t row = 0; row < rows; row++)
        if (parts[row] == 1) work->place[row] = LYC_SPLIT_TEST;
}

/* Groups of the train part: their size, and the label of their first labelled row. */
static void collect_groups(cut *work) {
    const int32_t *labels = work->content->labels;
    uint32_t rows = work->content->rows;
    for (uint32_t row = 0; row < rows; row++) work->group_class[row] = LYC_UNLABELLED;
    for (uint32_t row = 0; row < rows; row++) {
        uint32_t leader = work->leaders[row];
        if (work->place[row] != LYC_SPLIT_TRAIN) continue;
        work->group_size[leader]++;
        if (work->group_class[leader] < 0) work->group_class[leader] = labels[row];
    }
    for (uint32_t row = 0; row < rows; row++)
        if (work->group_size[row] > 1) work->out->duplicates_grouped += work->group_size[row];
}

/* The first row that equals an earlier one, one of the two in the train part. */
static uint32_t first_duplicate(const cut *work) {
    const uint8_t *parts = work->content->parts;
    const uint32_t *leaders = work->leaders;
    uint32_t row = 0;
    while (leaders[row] == row || (parts[row] == 1 && parts[leaders[row]] == 1)) row++;
    return row;
}

static lyc_status report_duplicates(const cut *work, lyc_error *err) {
    uint32_t grouped = work->out->duplicates_grouped, dropped = work->out->duplicates_dropped;
    const uint64_t *ids = work->content->ids;
    if (grouped == 0 && dropped == 0) return LYC_OK;
    if (!work->options->strict) {
        lyc_log(LYC_LOG_INFO,
                "%s: %" PRIu32 " rows of the train part equal another one and stay in one split; %" PRIu32
                " equal a test row and are left out",
                work->data->path, grouped, dropped);
        return LYC_OK;
    }
    uint32_t row = first_duplicate(work), other = work->leaders[row];
    LYC_FAIL(err, LYC_EFORMAT,
             "%s: %" PRIu32 " rows of the train part equal another one, %" PRIu32
             " equal a test row; the first: rows %" PRIu32 " and %" PRIu32 " (ids %" PRIu64 " and %" PRIu64
             "). Remove them, or set data.strict to false to have them grouped and left out",
             work->data->path, grouped, dropped, other, row, ids[other], ids[row]);
}

/* ---- the cut ------------------------------------------------------------------------------------ */

/* Reward and validation rows of each class; each class keeps at least one row to train on. */
static void share_out(cut *work) {
    int classes = work->content->class_count;
    uint64_t labelled = 0;
    for (uint32_t row = 0; row < work->content->rows; row++)
        if (work->group_class[row] >= 0) {
            work->class_count[work->group_class[row]] += work->group_size[row];
            labelled += work->group_size[row];
        }
    uint32_t reward = (uint32_t)llround(work->options->reward_fraction * (double)labelled);
    uint32_t valid = (uint32_t)llround(work->options->valid_fraction * (double)labelled);
    lyc__quotas(work->reward_left, work->class_count, classes, reward);
    lyc__quotas(work->valid_left, work->class_count, classes, valid);
    for (int c = 0; c < classes; c++) {
        uint32_t spare = work->class_count[c] > 0 ? work->class_count[c] - 1 : 0;
        if (work->reward_left[c] > spare) work->reward_left[c] = spare;
        if (work->valid_left[c] > spare - work->reward_left[c])
            work->valid_left[c] = spare - work->reward_left[c];
    }
}

/* Deals the groups of each class, in the order of the permutation, to whoever still has room for the whole
 * group. */
static lyc_status deal(cut *work, lyc_error *err) {
    lyc__strata strata;
    uint32_t rows = work->content->rows;
    LYC_TRY(lyc__strata_create(&strata, work->group_class, rows, work->content->class_count,
                               work->options->seed, LYC_PURPOSE_SPLIT, err));
    for (int c = 0; c < strata.classes; c++)
        for (uint32_t i = strata.first[c]; i < strata.first[c + 1]; i++) {
            uint32_t leader = strata.members[i], size = work->group_size[leader];
            if (size <= work->reward_left[c]) {
                work->reward_left[c] -= size;
                work->place[leader] = LYC_SPLIT_REWARD;
            } else if (size <= work->valid_left[c]) {
                work->valid_left[c] -= size;
                work->place[leader] = LYC_SPLIT_VALID;
            }
        }
    lyc__strata_release(&strata);
    for (uint32_t row = 0; row < rows; row++)
        if (work->place[row] == LYC_SPLIT_TRAIN) work->place[row] = work->place[work->leaders[row]];
    return LYC_OK;
}

/* ---- labels ------------------------------------------------------------------------------------- */

/* Labels as this run reads them, and the class filter. Rows without a label are of no use where something is
 * measured (they get there when they equal a labelled row). */
static lyc_status read_labels(cut *work, lyc_error *err) {
    const lyc_split_options *options = work->options;
    int classes = work->content->class_count;
    uint8_t *keep = NULL;
    LYC_TRY(LYC_NEW_ARRAY(keep, (size_t)classes, err));
    for (int c = 0; c < classes; c++) keep[c] = options->only_classes == NULL;
    for (size_t i = 0; i < options->only_class_count && options->only_classes; i++)
        keep[options->only_classes[i]] = 1;
    for (uint32_t row = 0; row < work->content->rows; row++) {
        int32_t label = work->content->labels[row];
        if (label >= 0 && options->class_order) label = options->class_order[label];
        bool measured = work->place[row] == LYC_SPLIT_REWARD || work->place[row] == LYC_SPLIT_VALID;
        bool kept = label >= 0 ? keep[label] != 0 : options->only_classes == NULL && !measured;
        if (work->place[row] != LYC_SPLIT_TEST && !kept) work->place[row] = NOWHERE;
        work->out->labels[row] = work->place[row] == NOWHERE ? LYC_UNLABELLED : label;
    }
    lyc_free(keep);
    return LYC_OK;
}

/* Class of each row of train that has a label, by the file, else -1. */
static uint32_t labelled_rows(cut *work) {
    uint32_t count = 0;
    memset(work->class_count, 0, (size_t)work->content->class_count * sizeof *work->class_count);
    for (uint32_t row = 0; row < work->content->rows; row++) {
        int32_t label = work->place[row] == LYC_SPLIT_TRAIN ? work->content->labels[row] : LYC_UNLABELLED;
        work->group_class[row] = label;
        if (label < 0) continue;
        work->class_count[label]++;
        count++;
    }
    return count;
}

/* Largest remainder may leave a rare class without a label: it gets one from the class that has most. */
static void serve_every_class(cut *work) {
    int classes = work->content->class_count;
    for (int c = 0; c < classes; c++) {
        if (work->class_count[c] == 0 || work->labels_left[c] > 0) continue;
        int richest = 0;
        for (int other = 1; other < classes; other++)
            if (work->labels_left[other] > work->labels_left[richest]) richest = other;
        work->labels_left[richest]--;
        work->labels_left[c]++;
    }
}

/* `wanted` labelled rows of train, evenly by class, stay as they are; the others lose their label, or leave.
 * The rows that stay are the same either way. */
static lyc_status withhold(cut *work, uint32_t wanted, bool leave, lyc_error *err) {
    lyc__strata strata;
    int classes = work->content->class_count;
    lyc__quotas(work->labels_left, work->class_count, classes, wanted);
    serve_every_class(work);
    LYC_TRY(lyc__strata_create(&strata, work->group_class, work->content->rows, classes, work->options->seed,
                               LYC_PURPOSE_LABELLED, err));
    for (int c = 0; c < classes; c++)
        for (uint32_t i = strata.first[c] + work->labels_left[c]; i < strata.first[c + 1]; i++) {
            work->out->labels[strata.members[i]] = LYC_UNLABELLED;
            if (leave) work->place[strata.members[i]] = NOWHERE;
        }
    lyc__strata_release(&strata);
    return LYC_OK;
}

static lyc_status check_wanted(const cut *work, const char *key, const char *what, int64_t wanted,
                               uint32_t available, lyc_error *err) {
    uint32_t classes = 0;
    for (int c = 0; c < work->content->class_count; c++) classes += work->class_count[c] > 0;
    if (wanted > available)
        LYC_FAIL(err, LYC_ECONFIG,
                 "%s asks for %" PRId64 " %s, but the train split of %s has %" PRIu32
                 "; ask for fewer, or 0 for all",
                 key, wanted, what, work->data->path, available);
    if (wanted < classes)
        LYC_FAIL(err, LYC_ECONFIG,
                 "%s asks for %" PRId64 " %s for %" PRIu32 " classes; every class needs at least one", key,
                 wanted, what, classes);
    return LYC_OK;
}

static lyc_status keep_rows(cut *work, lyc_error *err) {
    const int64_t wanted = work->options->train_rows;
    if (wanted == 0) return LYC_OK;
    LYC_TRY(check_wanted(work, "data.train_rows", "labelled rows", wanted, labelled_rows(work), err));
    for (uint32_t row = 0; row < work->content->rows; row++)
        if (work->place[row] == LYC_SPLIT_TRAIN && work->out->labels[row] < 0) work->place[row] = NOWHERE;
    return withhold(work, (uint32_t)wanted, true, err);
}

static lyc_status keep_labelled(cut *work, lyc_error *err) {
    const int64_t wanted = work->options->labelled;
    work->out->labelled = labelled_rows(work);
    if (wanted == 0) return LYC_OK;
    LYC_TRY(check_wanted(work, "data.labelled", "labels", wanted, work->out->labelled, err));
    work->out->labelled = (uint32_t)wanted;
    return withhold(work, (uint32_t)wanted, false, err);
}

/* ---- the lists ---------------------------------------------------------------------------------- */

static lyc_status list_rows(cut *work, lyc_error *err) {
    lyc_splits *out = work->out;
    uint32_t rows = work->content->rows, next[LYC_SPLIT_COUNT] = {0};
    bool both = work->options->train_on_reward;
    for (uint32_t row = 0; row < rows; row++)
        if (work->place[row] != NOWHERE) out->count[work->place[row]]++;
    if (both) {
        out->count[LYC_SPLIT_TRAIN] += out->count[LYC_SPLIT_REWARD];
        out->labelled += out->count[LYC_SPLIT_REWARD];
    }
    for (int split = 0; split < LYC_SPLIT_COUNT; split++)
        LYC_TRY(lyc_allocate((void **)&out->rows[split], out->count[split], sizeof(uint32_t),
                             "rows of a split", err));
    for (uint32_t row = 0; row < rows; row++) {
        uint8_t place = work->place[row];
        if (place == NOWHERE) continue;
        out->rows[place][next[place]++] = row;
        if (both && place == LYC_SPLIT_REWARD) out->rows[LYC_SPLIT_TRAIN][next[LYC_SPLIT_TRAIN]++] = row;
    }
    return LYC_OK;
}

/* Nothing to train on: because of what? */
static lyc_status explain_empty_train(const cut *work, uint32_t part_rows, lyc_error *err) {
    const char *path = work->data->path;
    if (part_rows == 0)
        LYC_FAIL(err, LYC_ECONFIG,
                 "%s: no row is in the train part (/split = 0): there is nothing to train on", path);
    if (work->out->duplicates_dropped == part_rows)
        LYC_FAIL(err, LYC_ECONFIG,
                 "%s: the train split is empty; all %" PRIu32
                 " rows of the train part (/split = 0) equal a test row",
                 path, part_rows);
    if (work->options->only_classes)
        LYC_FAIL(err, LYC_ECONFIG,
                 "%s: the train split is empty; data.only_classes leaves none of %" PRIu32 " rows", path,
                 part_rows);
    LYC_FAIL(err, LYC_ECONFIG, "%s: the train split is empty; the train part (/split = 0) has too few rows",
             path);
}

static lyc_status check_sizes(const cut *work, lyc_error *err) {
    static const char *const keys[LYC_SPLIT_COUNT] = {
        [LYC_SPLIT_REWARD] = "data.reward_fraction", [LYC_SPLIT_VALID] = "data.valid_fraction"};
    const lyc_splits *out = work->out;
    const char *path = work->data->path,
               *also = work->options->only_classes ? ", or ask for more of data.only_classes" : "";
    uint32_t part_rows = 0, labelled = 0;
    for (uint32_t row = 0; row < work->content->rows; row++) {
        part_rows += work->content->parts[row] == 0;
        labelled += work->content->parts[row] == 0 && work->content->labels[row] >= 0;
    }
    if (out->count[LYC_SPLIT_TRAIN] == 0) return explain_empty_train(work, part_rows, err);
    if (labelled == 0)
        LYC_FAIL(
            err, LYC_ECONFIG,
            "%s: no row of the train part (/split = 0) has a label; the reward and valid splits are made of "
            "rows that have one",
            path);
    for (int split = LYC_SPLIT_REWARD; split <= LYC_SPLIT_VALID; split++) {
        const char *name = lyc_split_name((lyc_split)split);
        if (out->count[split] == 0)
            LYC_FAIL(err, LYC_ECONFIG,
                     "%s: the %s split is empty; raise %s (a share of the labelled rows of the train part)%s",
                     path, name, keys[split], also);
        if (out->count[split] < SMALL_SPLIT)
            lyc_log(LYC_LOG_WARNING,
                    "%s: the %s split has only %" PRIu32
                    " rows; what is measured on fewer than %d is mostly noise. "
                    "Raise %s",
                    path, name, out->count[split], SMALL_SPLIT, keys[split]);
    }
    if (out->count[LYC_SPLIT_TEST] == 0)
        lyc_log(LYC_LOG_WARNING, "%s: there is no test part (/split = 1): nothing can be measured on it",
                path);
    return LYC_OK;
}

static lyc_status create(cut *work, lyc_error *err) {
    LYC_TRY(check_options(work->options, work->content->class_count, err));
    LYC_TRY(allocate(work, err));
    LYC_TRY(lyc__equal_rows(&work->leaders, work->data, lyc__hash64, err));
    place_test_rows(work);
    collect_groups(work);
    LYC_TRY(report_duplicates(work, err));
    share_out(work);
    LYC_TRY(deal(work, err));
    LYC_TRY(read_labels(work, err));
    LYC_TRY(keep_rows(work, err));
    LYC_TRY(keep_labelled(work, err));
    LYC_TRY(list_rows(work, err));
    return check_sizes(work, err);
}

lyc_status lyc_splits_create(lyc_splits **out, const lyc_dataset *data, const lyc_split_options *options,
                             lyc_error *err) {
    cut work = {.data = data, .content = &data->content, .options = options};
    *out = NULL;
    LYC_TRY(LYC_NEW_ARRAY(work.out, 1, err));
    lyc_status status = create(&work, err);
    release(&work);
    if (status != LYC_OK) lyc_splits_destroy(work.out);
    else *out = work.out;
    return status;
}

void lyc_splits_destroy(lyc_splits *splits) {
    if (!splits) return;
    for (int split = 0; split < LYC_SPLIT_COUNT; split++) lyc_free(splits->rows[split]);
    lyc_free(splits->labels);
    lyc_free(splits);
}

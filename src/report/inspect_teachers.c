/* Credit, habits by class, and one sentence for each teacher. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "report/inspect.h"

/* ---- credit ------------------------------------------------------------------------------------------- */

typedef struct pairs {
    uint64_t count;
    const double *select[2], *weight[2]; /* [count][teachers] */
    const double *difference;            /* [count] */
} pairs;

static lyc_status read_pairs(lyc__inspector *run, pairs *out, lyc_error *err) {
    size_t teachers = run->shown.teacher_count;
    LYC_TRY(lyc_runreader_rows(run->reader, "probes", &out->count, err));
    LYC_TRY(lyc__inspector_column(run, "probes", "select_a", teachers, out->count, &out->select[0], err));
    LYC_TRY(lyc__inspector_column(run, "probes", "select_b", teachers, out->count, &out->select[1], err));
    LYC_TRY(lyc__inspector_column(run, "probes", "weight_a", teachers, out->count, &out->weight[0], err));
    LYC_TRY(lyc__inspector_column(run, "probes", "weight_b", teachers, out->count, &out->weight[1], err));
    return lyc__inspector_column(run, "probes", "advantage", 1, out->count, &out->difference, err);
}

static bool any_selection_differs(const pairs *probed, size_t teachers) {
    for (size_t i = 0; i < probed->count * teachers; i++)
        if (probed->select[0][i] != probed->select[1][i]) return true;
    return false;
}

/* Mean and standard error by Welford's recurrence. */
static void credit_teacher(const pairs *probed, size_t teachers, size_t index, bool by_weight,
                           lyc_inspected_teacher *teacher) {
    const double *const *by = by_weight ? probed->weight : probed->select;
    double mean = 0, squares = 0;
    uint64_t count = 0;
    for (uint64_t i = 0; i < probed->count; i++) {
        double a = by[0][i * teachers + index], b = by[1][i * teachers + index], d = probed->difference[i];
        if (a == b || !isfinite(d)) continue;
        double credit = a > b ? d : -d, before = credit - mean;
        mean += before / (double)++count;
        squares += before * (credit - mean);
    }
    teacher->credit_pairs = count;
    teacher->credit = count > 0 ? mean : NAN;
    teacher->credit_error = count > 1 ? sqrt(squares / (double)(count - 1) / (double)count) : NAN;
}

/* ---- by class ------------------------------------------------------------------------------------------ */

/* Means over the epochs, each weighted by its rows of the class. */
static lyc_status mean_by_class(lyc__inspector *run, const char *column, const double *class_rows,
                                uint64_t epochs, const double **out, lyc_error *err) {
    size_t teachers = run->shown.teacher_count, classes = run->shown.class_count, cells = teachers * classes;
    const double *values;
    double *means;
    LYC_TRY(lyc__inspector_column(run, "epochs", column, cells, epochs, &values, err));
    LYC_TRY(lyc__inspector_allocate(run, (void **)&means, cells, sizeof *means, err));
    for (size_t cell = 0; cell < cells; cell++) {
        double sum = 0, rows = 0;
        for (uint64_t e = 0; e < epochs; e++) {
            double seen = class_rows[e * classes + cell % classes];
            if (seen > 0) sum += seen * values[e * cells + cell];
            rows += seen;
        }
        means[cell] = rows > 0 ? sum / rows : NAN;
    }
    *out = means;
    return LYC_OK;
}

/* ---- the sentence ---------------------------------------------------------------------------------------
 */

/* docs/inspect.md explains these to users. `equal` is the weight of a teacher when all have the same. */
#define DROPPED_SHARE 0.4 /* of `equal`: below it a teacher counts as dropped */
#define MAIN_WEIGHT   0.5
#define MAIN_SHARE    1.6
#define FAVOURED      1.4 /* of `equal` */
#define MUCH_MORE     1.25
#define MUCH_LESS     0.8
#define NOTICEABLE    0.05
#define CLASS_SPREAD  0.2
#define FEW_BATCHES   40
#define SENTENCE_SIZE 512

typedef struct sentence {
    char text[SENTENCE_SIZE];
    size_t used;
} sentence;

static void say(sentence *to, const char *format, ...) LYC_PRINTF(2, 3);
static void say(sentence *to, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(to->text + to->used, SENTENCE_SIZE - to->used, format, arguments);
    va_end(arguments);
    if (size > 0) to->used += (size_t)size;
    if (to->used >= SENTENCE_SIZE) to->used = SENTENCE_SIZE - 1;
}

/* "27 %", and not "0 %" for what is more than nothing. */
static const char *percent(double share, char out[16]) {
    if (share > 0 && share < 0.005) (void)snprintf(out, 16, "under 1 %%");
    else (void)snprintf(out, 16, "%.0f %%", 100 * share);
    return out;
}

static void say_from_to(sentence *to, const char *what, const lyc_inspected_teacher *teacher) {
    char first[16], last[16];
    say(to, "%s, from %s of the weight in the first quarter to %s in the last", what,
        percent(teacher->first_weight, first), percent(teacher->last_weight, last));
}

static void say_last(sentence *to, const char *what, const lyc_inspected_teacher *teacher) {
    char last[16];
    say(to, "%s, %s of the weight in the last quarter", what, percent(teacher->last_weight, last));
}

/* The end of the last window in which the teacher still counted; 0 where it never did. */
static uint64_t last_step_above(const lyc__inspector *run, const lyc_series *coarse, double weight) {
    uint64_t window = lyc__coarse_window(run->rows);
    for (size_t i = coarse->count; i-- > 0;) {
        if (!(coarse->values[i] >= weight)) continue;
        uint64_t end = (uint64_t)(i + 1) * window;
        return end < run->rows ? end : run->rows;
    }
    return 0;
}

static void say_dropped(sentence *to, lyc_inspected_teacher *teacher, uint64_t step) {
    char what[64];
    teacher->dropped = step > 0;
    teacher->dropped_after = step;
    (void)snprintf(what, sizeof what, "dropped after step %llu", (unsigned long long)step);
    say_last(to, step > 0 ? what : "hardly listened to from the start", teacher);
}

static void say_trend(sentence *to, const lyc_inspected_teacher *teacher, double equal) {
    double first = teacher->first_weight, last = teacher->last_weight;
    bool is_main = last >= MAIN_WEIGHT && last >= MAIN_SHARE * equal;
    bool rises = last >= MUCH_MORE * first && last - first >= NOTICEABLE;
    bool falls = last <= MUCH_LESS * first && first - last >= NOTICEABLE;
    if (is_main && rises) say_from_to(to, "became the main teacher", teacher);
    else if (is_main) say_last(to, "the main teacher throughout", teacher);
    else if (rises) say_from_to(to, "listened to more and more", teacher);
    else if (falls) say_from_to(to, "listened to less and less", teacher);
    else say_last(to, last >= FAVOURED * equal ? "favoured throughout" : "kept throughout", teacher);
}

/* Only strategies that decide row by row can tell classes apart. */
static void say_classes(sentence *to, const lyc__inspector *run, const lyc_inspected_teacher *teacher) {
    size_t most = 0, least = 0, classes = run->shown.class_count;
    const double *weight = teacher->class_weight;
    for (size_t c = 0; c < classes; c++) {
        if (!(weight[most] >= weight[c]) && isfinite(weight[c])) most = c;
        if (!(weight[least] <= weight[c]) && isfinite(weight[c])) least = c;
    }
    if (classes == 0 || !(weight[most] - weight[least] >= CLASS_SPREAD)) return;
    char high[16], low[16];
    say(to, "; most for %.40s (%s), least for %.40s (%s)", run->shown.class_names[most],
        percent(weight[most], high), run->shown.class_names[least], percent(weight[least], low));
}

static lyc_status judge(lyc__inspector *run, const lyc_series *coarse_weight, lyc_inspected_teacher *teacher,
                        lyc_error *err) {
    sentence made = {{0}, 0};
    char share[16];
    double equal = 1.0 / (double)run->shown.teacher_count;
    double dropped = DROPPED_SHARE * equal;
    if (run->rows == 0) say(&made, "no batch yet");
    else if (!(teacher->mean_weight > 0)) say(&made, "never taught");
    else if (run->shown.teacher_count == 1) say(&made, "the only teacher");
    else if (run->rows < FEW_BATCHES)
        say(&made, "%s of the weight so far; too early to say more", percent(teacher->mean_weight, share));
    else if (teacher->last_weight < dropped)
        say_dropped(&made, teacher, last_step_above(run, coarse_weight, dropped));
    else say_trend(&made, teacher, equal);
    say_classes(&made, run, teacher);
    teacher->verdict = lyc_arena_strdup(run->arena, made.text);
    if (teacher->verdict == NULL) LYC_FAIL(err, LYC_ENOMEM, "no memory for a sentence");
    return LYC_OK;
}

/* ---- all of it ------------------------------------------------------------------------------------------
 */

typedef struct constants {
    const char *const *names, *const *kinds, *const *fingerprints;
    const double *reward_ce, *reward_accuracy, *valid_ce, *valid_accuracy;
} constants;

static lyc_status read_constants(lyc__inspector *run, constants *out, lyc_error *err) {
    size_t count = run->shown.teacher_count;
    LYC_TRY(lyc__inspector_texts(run, "/teachers/name", count, &out->names, err));
    LYC_TRY(lyc__inspector_texts(run, "/teachers/kind", count, &out->kinds, err));
    LYC_TRY(lyc__inspector_texts(run, "/teachers/fingerprint", count, &out->fingerprints, err));
    LYC_TRY(lyc__inspector_numbers(run, "/teachers/reward_ce", count, &out->reward_ce, err));
    LYC_TRY(lyc__inspector_numbers(run, "/teachers/reward_accuracy", count, &out->reward_accuracy, err));
    LYC_TRY(lyc__inspector_numbers(run, "/teachers/valid_ce", count, &out->valid_ce, err));
    return lyc__inspector_numbers(run, "/teachers/valid_accuracy", count, &out->valid_accuracy, err);
}

static void fill_teacher(lyc_inspected_teacher *teacher, size_t k, const constants *known,
                         const lyc__column_summary *select, const lyc__column_summary *weight) {
    *teacher = (lyc_inspected_teacher){
        .name = known->names[k],
        .kind = known->kinds[k],
        .fingerprint = known->fingerprints[k],
        .reward_ce = known->reward_ce[k],
        .reward_accuracy = known->reward_accuracy[k],
        .valid_ce = known->valid_ce[k],
        .valid_accuracy = known->valid_accuracy[k],
        .select_rate = select[k].mean,
        .mean_weight = weight[k].mean,
        .last_select_rate = select[k].last,
        .last_weight = weight[k].last,
        .first_weight = weight[k].first,
        .select = select[k].series,
        .weight = weight[k].series,
    };
}

lyc_status lyc__inspect_teachers(lyc__inspector *run, lyc_error *err) {
    size_t count = run->shown.teacher_count, classes = run->shown.class_count;
    lyc_inspected_teacher *teachers;
    lyc__column_summary *select, *weight;
    constants known;
    pairs probed = {0};
    const double *class_rows, *class_weight, *class_select;
    uint64_t epochs = run->shown.epoch_count;
    LYC_TRY(read_constants(run, &known, err));
    LYC_TRY(lyc__inspector_allocate(run, (void **)&teachers, count, sizeof *teachers, err));
    LYC_TRY(lyc__inspector_allocate(run, (void **)&select, count, sizeof *select, err));
    LYC_TRY(lyc__inspector_allocate(run, (void **)&weight, count, sizeof *weight, err));
    LYC_TRY(lyc__summarise_column(run, "select", count, select, err));
    LYC_TRY(lyc__summarise_column(run, "weight", count, weight, err));
    LYC_TRY(read_pairs(run, &probed, err));
    LYC_TRY(lyc__inspector_column(run, "epochs", "class_rows", classes, epochs, &class_rows, err));
    LYC_TRY(mean_by_class(run, "class_weight", class_rows, epochs, &class_weight, err));
    LYC_TRY(mean_by_class(run, "class_select", class_rows, epochs, &class_select, err));
    run->shown.probes = probed.count;
    run->shown.credit_by_weight = probed.count > 0 && !any_selection_differs(&probed, count);
    for (size_t k = 0; k < count; k++) {
        fill_teacher(&teachers[k], k, &known, select, weight);
        credit_teacher(&probed, count, k, run->shown.credit_by_weight, &teachers[k]);
        teachers[k].class_weight = class_weight + k * classes;
        teachers[k].class_select = class_select + k * classes;
        LYC_TRY(judge(run, &weight[k].coarse, &teachers[k], err));
    }
    run->shown.teachers = teachers;
    LYC_TRY(lyc__inspect_worth(run, teachers, err));
    return lyc__inspect_changes(run, weight, err);
}

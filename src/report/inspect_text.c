/* A run as tables and curves for a terminal. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "lyceum/agent.h"
#include "lyceum/inspect.h"
#include "lyceum/run_layout.h"
#include "report/cells.h"
#include "report/sparkline.h"

#define DEFAULT_COLUMNS  80
#define LEAST_COLUMNS    72
#define NAME_MAX_COLUMNS 16
#define CELL             8 /* of the table by class */
#define MANY_CLASSES     64
#define CELL_TEXT        48
#define BIN_CELL         8    /* of the table by confidence */
#define NOTICED          0.05 /* change of a weight worth a word */
#define MOST_MOVED       4
#define MOVE_COLUMNS     14 /* of the numbers behind a name */

/* The text being made, and how it should look. */
typedef struct page {
    lyc__text text;
    const lyc_inspection *run;
    const char *bold, *dim, *good, *bad, *reset;
    bool utf8;
    size_t columns, name; /* width of the page, and of the column of names */
} page;

static const char *or_nothing(const char *sequence) {
    return sequence != NULL ? sequence : "";
}

static page start_page(const lyc_inspection *run, const lyc_inspect_style *style) {
    int columns = style->columns > 0 ? style->columns : DEFAULT_COLUMNS;
    page made = {.run = run,
                 .bold = or_nothing(style->bold),
                 .dim = or_nothing(style->dim),
                 .good = or_nothing(style->good),
                 .bad = or_nothing(style->bad),
                 .reset = or_nothing(style->reset),
                 .utf8 = style->utf8,
                 .columns = (size_t)(columns < LEAST_COLUMNS ? LEAST_COLUMNS : columns),
                 .name = sizeof "valid accuracy" - 1};
    for (size_t k = 0; k < run->teacher_count; k++) {
        size_t length = lyc__utf8_count(run->teachers[k].name);
        if (length > made.name) made.name = length < NAME_MAX_COLUMNS ? length : NAME_MAX_COLUMNS;
    }
    return made;
}

static void heading(page *p, const char *text) {
    lyc__text_add(&p->text, "\n%s%s%s\n", p->bold, text, p->reset);
}

static void name_cell(page *p, const char *name) {
    lyc__cell_left(&p->text, name, p->name);
    lyc__text_add_bytes(&p->text, "  ", 2);
}

/* "-" where there is no value */
static const char *number(char out[CELL_TEXT], const char *format, double value) LYC_PRINTF(2, 0);
static const char *number(char out[CELL_TEXT], const char *format, double value) {
    (void)snprintf(out, CELL_TEXT, format, value);
    return isfinite(value) ? out : "-";
}

static void right_cell(page *p, const char *format, double value, size_t columns) LYC_PRINTF(2, 0);
static void right_cell(page *p, const char *format, double value, size_t columns) {
    char text[CELL_TEXT];
    lyc__cell_right(&p->text, number(text, format, value), columns);
}

static void count_text(char out[CELL_TEXT], uint64_t count) {
    char digits[CELL_TEXT];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, count);
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) *out++ = ',';
        *out++ = digits[i];
    }
    *out = '\0';
}

/* ---- head ------------------------------------------------------------------------------------------ */

static void write_stages(page *p) {
    double total = 0;
    for (size_t i = 0; i < LYC_INSPECT_STAGES; i++) total += p->run->stages[i].seconds;
    if (!(total > 0)) return;
    lyc__text_add(&p->text, "%stime %.3g s:", p->dim, total);
    for (size_t i = 0; i < LYC_INSPECT_STAGES; i++)
        lyc__text_add(&p->text, "%s %s %.0f %%", i > 0 ? "," : "", p->run->stages[i].name,
                      100 * p->run->stages[i].seconds / total);
    lyc__text_add(&p->text, "%s\n", p->reset);
}

static void write_head(page *p) {
    const lyc_inspection *run = p->run;
    char steps[CELL_TEXT], total[CELL_TEXT];
    count_text(steps, run->steps);
    count_text(total, run->total_steps);
    lyc__text_add(&p->text, "%s%s%s: strategy %s, %s of %s steps", p->bold, run->name, p->reset,
                  run->strategy, steps, total);
    if (run->total_steps > 0)
        lyc__text_add(&p->text, " (%.0f %%)", 100.0 * (double)run->steps / (double)run->total_steps);
    lyc__text_add(&p->text, ", %zu epoch%s complete, %s%s\n", run->epoch_count,
                  run->epoch_count == 1 ? "" : "s", lyc_phase_name(run->phase),
                  run->phase == LYC_PHASE_STOPPED ? " (--resume goes on with it)" : "");
    if (run->steps == 0) lyc__text_add(&p->text, "No batch is recorded yet.\n");
    else write_stages(p);
}

/* ---- teachers --------------------------------------------------------------------------------------- */

static void write_credit(page *p, const lyc_inspected_teacher *teacher) {
    char mean[CELL_TEXT], error[CELL_TEXT], text[2 * CELL_TEXT + 8];
    double sure = 2 * teacher->credit_error; /* two standard errors from nothing */
    bool helps = teacher->credit > sure, harms = teacher->credit < -sure;
    if (teacher->credit_pairs == 0) (void)snprintf(text, sizeof text, "-");
    else
        (void)snprintf(text, sizeof text, "%s %s %s", number(mean, "%+.3f", teacher->credit),
                       p->utf8 ? "\u00b1" : "+-", number(error, "%.3f", teacher->credit_error));
    lyc__text_add(&p->text, "%s", helps ? p->good : harms ? p->bad : "");
    lyc__cell_right(&p->text, text, 20);
    lyc__text_add(&p->text, "%s", helps || harms ? p->reset : "");
    lyc__text_add(&p->text, "%8" PRIu64 "\n", teacher->credit_pairs);
}

static void write_worth(page *p) {
    heading(p, "teachers: accuracy, and credit (did selecting it help the student?)");
    lyc__text_add(&p->text, "%s", p->dim);
    name_cell(p, "");
    lyc__cell_right(&p->text, "reward", 9);
    lyc__cell_right(&p->text, "valid", 9);
    lyc__cell_right(&p->text, p->utf8 ? "credit \u00b1 s.e." : "credit +- s.e.", 20);
    lyc__cell_right(&p->text, "pairs", 8);
    lyc__text_add(&p->text, "%s\n", p->reset);
    for (size_t k = 0; k < p->run->teacher_count; k++) {
        const lyc_inspected_teacher *teacher = &p->run->teachers[k];
        name_cell(p, teacher->name);
        right_cell(p, "%.2f %%", 100 * teacher->reward_accuracy, 9);
        right_cell(p, "%.2f %%", 100 * teacher->valid_accuracy, 9);
        write_credit(p, teacher);
    }
    if (p->run->credit_by_weight)
        lyc__text_add(&p->text, "%sEvery teacher was always selected: credit is for more weight.%s\n", p->dim,
                      p->reset);
}

static void write_probe_worth(page *p) {
    if (p->run->teacher_count == 0 || !isfinite(p->run->teachers[0].worth)) return;
    heading(p, "worth: held-out loss saved by one probe, were all the weight its own");
    lyc__text_add(&p->text, "%s", p->dim);
    name_cell(p, "");
    lyc__cell_right(&p->text, "worth", 9);
    lyc__cell_right(&p->text, "95 % interval", 22);
    lyc__text_add(&p->text, "%s\n", p->reset);
    for (size_t k = 0; k < p->run->teacher_count; k++) {
        const lyc_inspected_teacher *teacher = &p->run->teachers[k];
        char interval[CELL_TEXT];
        bool helps = teacher->worth_low > 0, harms = teacher->worth_high < 0;
        (void)snprintf(interval, sizeof interval, "%+.2f to %+.2f", 100 * teacher->worth_low,
                       100 * teacher->worth_high);
        name_cell(p, teacher->name);
        lyc__text_add(&p->text, "%s", helps ? p->good : harms ? p->bad : "");
        right_cell(p, "%+.2f %%", 100 * teacher->worth, 9);
        lyc__cell_right(&p->text, interval, 22);
        lyc__text_add(&p->text, "%s\n", helps || harms ? p->reset : "");
    }
    lyc__text_add(&p->text,
                  "%sagainst the mean of all teachers, from %" PRIu64 " pairs of different weights%s\n",
                  p->dim, p->run->worth_pairs, p->reset);
}

/* ---- what each adds ---------------------------------------------------------------------------------- */

/* Differences in points, of places first .. end - 1. */
static void difference_cells(page *p, const double *whole, const double *without, size_t first, size_t end,
                             size_t columns) {
    for (size_t i = first; i < end; i++) right_cell(p, "%+.2f", 100 * (whole[i] - without[i]), columns);
    lyc__text_add_bytes(&p->text, "\n", 1);
}

static void write_bins(page *p) {
    static const double edges[LYC_RUN_BINS - 1] = LYC_RUN_BIN_EDGES;
    const lyc_inspected_mixture *whole = &p->run->mixtures[0];
    char text[CELL_TEXT];
    lyc__text_add(&p->text, "%s", p->dim);
    name_cell(p, "");
    lyc__text_add(&p->text, "                where the mixture is so sure\n");
    name_cell(p, "");
    lyc__cell_right(&p->text, "accuracy", 8);
    lyc__cell_right(&p->text, "NLL", 8);
    for (size_t i = 0; i < LYC_RUN_BINS; i++) {
        if (i + 1 < LYC_RUN_BINS) (void)snprintf(text, sizeof text, "to %.2g", edges[i]);
        else (void)snprintf(text, sizeof text, "to 1");
        lyc__cell_right(&p->text, text, BIN_CELL);
    }
    lyc__text_add(&p->text, "%s\n", p->reset);
    name_cell(p, "all of them");
    right_cell(p, "%.2f %%", 100 * whole->accuracy, 8);
    right_cell(p, "%.3f", whole->nll, 8);
    for (size_t i = 0; i < LYC_RUN_BINS; i++) right_cell(p, "%.2f", 100 * whole->bin_accuracy[i], BIN_CELL);
    lyc__text_add_bytes(&p->text, "\n", 1);
    for (size_t m = 1; m < p->run->mixture_count; m++) {
        const lyc_inspected_mixture *without = &p->run->mixtures[m];
        name_cell(p, p->run->teachers[without->without].name);
        right_cell(p, "%+.2f", 100 * (whole->accuracy - without->accuracy), 8);
        right_cell(p, "%+.3f", whole->nll - without->nll, 8);
        difference_cells(p, whole->bin_accuracy, without->bin_accuracy, 0, LYC_RUN_BINS, BIN_CELL);
    }
}

static void write_added_by_class(page *p, size_t first, size_t end) {
    lyc__text_add(&p->text, "%s", p->dim);
    name_cell(p, "");
    for (size_t c = first; c < end; c++) {
        lyc__text_add_bytes(&p->text, " ", 1);
        lyc__cell_right(&p->text, p->run->class_names[c], CELL - 1);
    }
    lyc__text_add(&p->text, "%s\n", p->reset);
    for (size_t m = 1; m < p->run->mixture_count; m++) {
        name_cell(p, p->run->teachers[p->run->mixtures[m].without].name);
        difference_cells(p, p->run->mixtures[0].class_accuracy, p->run->mixtures[m].class_accuracy, first,
                         end, CELL);
    }
}

static void write_added(page *p) {
    size_t classes = p->run->class_count < MANY_CLASSES ? p->run->class_count : MANY_CLASSES;
    size_t per_block = (p->columns - p->name - 2) / CELL;
    if (p->run->mixture_count < 2) return;
    heading(p, "what each adds to the others: their mixture on reward, with it less without it");
    write_bins(p);
    for (size_t first = 0; first < classes; first += per_block)
        write_added_by_class(p, first, first + per_block < classes ? first + per_block : classes);
}

/* ---- changes ------------------------------------------------------------------------------------------ */

/* The teacher whose weight moved most but for those shown; teacher_count when none is left that moved. */
static size_t next_moved(const lyc_inspection *run, const lyc_inspected_change *change, const bool *shown) {
    size_t best = run->teacher_count;
    double most = NOTICED;
    for (size_t k = 0; k < run->teacher_count; k++) {
        double moved = fabs(change->after_weight[k] - change->before_weight[k]);
        if (shown[k] || !(moved >= most)) continue;
        best = k;
        most = moved;
    }
    return best;
}

/* " name 0.22 -> 0.02"; its width. */
static size_t add_move(page *p, const lyc_inspected_change *change, size_t k) {
    size_t width = lyc__utf8_count(p->run->teachers[k].name);
    if (width > p->name) width = p->name;
    lyc__text_add(&p->text, " %s", p->bold);
    lyc__cell_left(&p->text, p->run->teachers[k].name, width);
    lyc__text_add(&p->text, "%s %.2f %s %.2f", p->reset, change->before_weight[k], p->utf8 ? "\u2192" : "->",
                  change->after_weight[k]);
    return width + MOVE_COLUMNS;
}

static void write_change(page *p, const lyc_inspected_change *change) {
    bool shown[LYC_MAX_TEACHERS] = {false};
    char step[CELL_TEXT];
    count_text(step, change->after);
    lyc__text_add(&p->text, "after step %s:", step);
    size_t used = strlen(step) + sizeof "after step :" - 1;
    for (size_t i = 0; i < MOST_MOVED; i++) {
        size_t k = next_moved(p->run, change, shown);
        if (k == p->run->teacher_count) break;
        shown[k] = true;
        if (i > 0) lyc__text_add_bytes(&p->text, ",", 1);
        if (used + p->name + MOVE_COLUMNS > p->columns) {
            lyc__text_add(&p->text, "\n   ");
            used = 3;
        }
        used += add_move(p, change, k) + 1;
    }
    lyc__text_add_bytes(&p->text, "\n", 1);
}

static void write_changes(page *p) {
    if (p->run->change_count == 0 || p->run->teacher_count > LYC_MAX_TEACHERS) return;
    heading(p, "when it changed its mind: mean weight before and after");
    for (size_t i = 0; i < p->run->change_count; i++) write_change(p, &p->run->changes[i]);
}

static void write_use(page *p) {
    size_t fixed = p->name + 2 + 8 + 2 + 2 + 8 + 2 + 2 + 12;
    size_t room = p->columns > fixed ? (p->columns - fixed) / 2 : 0;
    size_t cells = room < 8 ? 8 : room > 40 ? 40 : room;
    heading(p, "whom the agent listened to");
    lyc__text_add(&p->text, "%s", p->dim);
    name_cell(p, "");
    lyc__cell_right(&p->text, "selected", 8);
    lyc__text_add(&p->text, "  %-*s  ", (int)cells, "over time");
    lyc__cell_right(&p->text, "weight", 8);
    lyc__text_add(&p->text, "  %-*s  %s%s\n", (int)cells, "over time", "last quarter", p->reset);
    for (size_t k = 0; k < p->run->teacher_count; k++) {
        const lyc_inspected_teacher *teacher = &p->run->teachers[k];
        name_cell(p, teacher->name);
        right_cell(p, "%.0f %%", 100 * teacher->select_rate, 8);
        lyc__text_add_bytes(&p->text, "  ", 2);
        lyc__sparkline(&p->text, &teacher->select, 0, 1, cells, p->utf8);
        lyc__text_add_bytes(&p->text, "  ", 2);
        right_cell(p, "%.3f", teacher->mean_weight, 8);
        lyc__text_add_bytes(&p->text, "  ", 2);
        lyc__sparkline(&p->text, &teacher->weight, 0, 1, cells, p->utf8);
        lyc__text_add_bytes(&p->text, "  ", 2);
        right_cell(p, "%.3f", teacher->last_weight, 12);
        lyc__text_add_bytes(&p->text, "\n", 1);
    }
}

static void write_class_block(page *p, size_t first, size_t end) {
    lyc__text_add(&p->text, "%s", p->dim);
    name_cell(p, "");
    for (size_t c = first; c < end; c++) {
        lyc__text_add_bytes(&p->text, " ", 1);
        lyc__cell_right(&p->text, p->run->class_names[c], CELL - 1);
    }
    lyc__text_add(&p->text, "%s\n", p->reset);
    for (size_t k = 0; k < p->run->teacher_count; k++) {
        name_cell(p, p->run->teachers[k].name);
        for (size_t c = first; c < end; c++) right_cell(p, "%.3f", p->run->teachers[k].class_weight[c], CELL);
        lyc__text_add_bytes(&p->text, "\n", 1);
    }
}

static void write_classes(page *p) {
    size_t classes = p->run->class_count, per_block = (p->columns - p->name - 2) / CELL;
    if (p->run->epoch_count == 0 || classes == 0) return;
    heading(p, "mean weight by class of the row, over the complete epochs");
    size_t shown = classes < MANY_CLASSES ? classes : MANY_CLASSES;
    for (size_t first = 0; first < shown; first += per_block)
        write_class_block(p, first, first + per_block < shown ? first + per_block : shown);
    if (shown < classes)
        lyc__text_add(&p->text, "... and %zu more classes: --json has them all\n", classes - shown);
}

/* ---- student ---------------------------------------------------------------------------------------- */

static const char *value_text(char out[CELL_TEXT], double value, bool is_share) {
    if (is_share) return number(out, "%.2f %%", 100 * value);
    bool tiny = value != 0 && fabs(value) < 0.001;
    return tiny ? number(out, "%.2e", value) : number(out, "%.4f", value);
}

/* A curve with its first and last value; nothing where there is no value at all. */
static void write_curve(page *p, const char *label, const lyc_series *series, bool is_share) {
    size_t first = 0, last = series->count, cells = p->columns > p->name + 34 ? p->columns - p->name - 34 : 8;
    char from[CELL_TEXT], to[CELL_TEXT];
    while (first < series->count && !isfinite(series->values[first])) first++;
    if (first == series->count) return;
    while (!isfinite(series->values[last - 1])) last--;
    name_cell(p, label);
    lyc__sparkline(&p->text, series, NAN, NAN, cells > 40 ? 40 : cells, p->utf8);
    lyc__text_add_bytes(&p->text, "  ", 2);
    lyc__cell_right(&p->text, value_text(from, series->values[first], is_share), 9);
    lyc__text_add(&p->text, " %s %s\n", p->utf8 ? "\u2192" : "->",
                  value_text(to, series->values[last - 1], is_share));
}

static void write_epochs(page *p) {
    const lyc_inspection *run = p->run;
    double best = -INFINITY, values[MANY_CLASSES * 4];
    size_t at = 0, limit = sizeof values / sizeof values[0];
    size_t skipped = run->epoch_count > limit ? run->epoch_count - limit : 0;
    for (size_t i = 0; i < run->epoch_count; i++) {
        if (i >= skipped) values[i - skipped] = run->epochs[i].valid_accuracy;
        if (!(run->epochs[i].valid_accuracy > best)) continue;
        best = run->epochs[i].valid_accuracy;
        at = i;
    }
    if (run->epoch_count == 0) return;
    lyc_series series = {run->epoch_count - skipped, values};
    write_curve(p, "valid accuracy", &series, true);
    name_cell(p, "");
    lyc__text_add(&p->text, "%sby epoch; best %.2f %% after epoch %zu%s\n", p->dim, 100 * best, at + 1,
                  p->reset);
}

static void write_student(page *p) {
    static const struct {
        const char *column, *label;
    } labels[] = {{"loss_total", "loss"},
                  {"loss_ce", "labels (CE)"},
                  {"loss_kd", "teachers (KD)"},
                  {"reward", "reward"},
                  {"entropy", "entropy"}};
    if (p->run->steps == 0) return;
    heading(p, "the student over time, first and last window");
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        for (size_t k = 0; k < LYC_INSPECT_CURVES; k++)
            if (strcmp(labels[i].column, p->run->curves[k].name) == 0)
                write_curve(p, labels[i].label, &p->run->curves[k].values, false);
    write_epochs(p);
    char window[CELL_TEXT];
    count_text(window, p->run->window);
    lyc__text_add(&p->text, "%sone point of a curve: %s batches%s\n", p->dim, window, p->reset);
}

static void write_evaluations(page *p) {
    if (p->run->evaluation_count == 0) return;
    heading(p, "the student that the run hands out");
    for (size_t i = 0; i < p->run->evaluation_count; i++) {
        const lyc_inspected_evaluation *measured = &p->run->evaluations[i];
        char rows[CELL_TEXT];
        count_text(rows, (uint64_t)measured->rows);
        name_cell(p, measured->split);
        lyc__text_add(&p->text, "accuracy %.2f %%, NLL %.4f, ECE %.4f, macro F1 %.4f on %s rows",
                      100 * measured->accuracy, measured->nll, measured->ece, measured->f1_macro, rows);
        if (strcmp(measured->split, "test") == 0)
            lyc__text_add(&p->text, ", looked at %.0f time%s", measured->touched,
                          measured->touched > 1 ? "s" : "");
        lyc__text_add_bytes(&p->text, "\n", 1);
    }
}

static void write_verdicts(page *p) {
    heading(p, "what became of the teachers");
    for (size_t k = 0; k < p->run->teacher_count; k++) {
        const lyc_inspected_teacher *teacher = &p->run->teachers[k];
        lyc__text_add(&p->text, "%s%s%s: %s\n", p->bold, teacher->name, p->reset, teacher->verdict);
    }
}

lyc_status lyc_inspect_text(const lyc_inspection *run, const lyc_inspect_style *style, char **out,
                            lyc_error *err) {
    page p = start_page(run, style);
    write_head(&p);
    if (run->teacher_count > 0) {
        write_worth(&p);
        write_probe_worth(&p);
        write_use(&p);
        write_changes(&p);
        write_classes(&p);
        write_added(&p);
    }
    write_student(&p);
    write_evaluations(&p);
    if (run->teacher_count > 0) write_verdicts(&p);
    return lyc__text_finish(&p.text, out, err);
}

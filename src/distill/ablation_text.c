/* The table for people: aligned text and Markdown from the same cells, and sentences that say what it shows.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/utf8.h"
#include "distill/ablation.h"
#include "lyceum/memory.h"

#define CELL_SIZE    72
#define LABEL_WIDTH  40
#define SIGNIFICANCE 0.05

/* ---- cells -------------------------------------------------------------------------------------------- */

typedef struct column {
    char heading[CELL_SIZE];
    bool left;     /* texts; numbers stand to the right */
    size_t widest; /* characters */
} column;

typedef struct grid {
    size_t rows, columns, capacity;
    column *heads;
    char (*cells)[CELL_SIZE]; /* [rows][capacity] */
} grid;

typedef struct filling {
    const lyc_ablation *ablation;
    const lyc_ablation_setting *setting;
    char *out; /* [CELL_SIZE] */
} filling;

static void put(const filling *f, const char *format, ...) LYC_PRINTF(2, 3);
static void put(const filling *f, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(f->out, CELL_SIZE, format, arguments);
    va_end(arguments);
}

/* A text cut to the width of a column, at the end of a character. */
static void put_label(const filling *f, const char *label) {
    size_t used = 0, length = strlen(label);
    for (size_t shown = 0; used < length && shown < LABEL_WIDTH && used < CELL_SIZE - 8; shown++) {
        size_t step = lyc__utf8_length(label + used, length - used);
        used += step > 0 ? step : 1;
    }
    put(f, "%.*s%s", (int)used, label, used < length ? "~" : "");
}

static void put_spread(const filling *f, const lyc_ablation_spread *spread, double scale, int digits) {
    if (isnan(spread->mean)) put(f, "-");
    else if (isnan(spread->deviation)) put(f, "%.*f", digits, scale * spread->mean);
    else put(f, "%.*f \xc2\xb1 %.*f", digits, scale * spread->mean, digits, scale * spread->deviation);
}

static void put_seeds(const filling *f) {
    if (f->setting->finished == f->setting->runs) put(f, "%zu", f->setting->runs);
    else put(f, "%zu of %zu", f->setting->finished, f->setting->runs);
}
static void put_accuracy(const filling *f) {
    put_spread(f, &f->setting->accuracy, 100, 2);
}
static void put_nll(const filling *f) {
    put_spread(f, &f->setting->nll, 1, 3);
}
static void put_ece(const filling *f) {
    put_spread(f, &f->setting->ece, 100, 2);
}
static void put_agreement(const filling *f) {
    put_spread(f, &f->setting->agreement, 100, 2);
}

static void put_time(const filling *f) {
    double seconds = f->setting->seconds.mean;
    if (isnan(seconds)) put(f, "-");
    else if (seconds < 60) put(f, "%.1f s", seconds);
    else put(f, "%.1f min", seconds / 60);
}

static void put_flops(const filling *f) {
    static const char *const units[] = {"", "k", "M", "G", "T", "P", "E"};
    double flops = f->setting->flops.mean;
    size_t unit = 0;
    while (flops >= 1000 && unit + 1 < sizeof units / sizeof *units) {
        flops /= 1000;
        unit++;
    }
    if (isnan(flops)) put(f, "-");
    else put(f, "%.3g %s", flops, units[unit]);
}

static bool is_reference(const lyc_ablation *ablation, const lyc_ablation_setting *setting) {
    size_t index = (size_t)(setting - ablation->settings);
    for (size_t i = 0; i < ablation->setting_count; i++)
        if (ablation->settings[i].reference == index) return true;
    return false;
}

static void put_difference(const filling *f) {
    if (isnan(f->setting->difference.mean)) put(f, is_reference(f->ablation, f->setting) ? "reference" : "-");
    else put(f, "%+.2f", 100 * f->setting->difference.mean);
}

static void put_interval(const filling *f) {
    const lyc_ablation_difference *d = &f->setting->difference;
    if (isnan(d->low)) put(f, "-");
    else put(f, "%+.2f to %+.2f", 100 * d->low, 100 * d->high);
}

static void put_p(const filling *f) {
    double p = f->setting->difference.p_holm;
    if (isnan(p)) put(f, "-");
    else if (p < 0.001) put(f, "<0.001");
    else put(f, "%.3f", p);
}

static const struct kind {
    const char *heading;
    void (*fill)(const filling *);
    bool compares; /* only where there is a reference */
} kinds[] = {
    {"seeds", put_seeds, false}, {"accuracy %", put_accuracy, false},   {"NLL", put_nll, false},
    {"ECE %", put_ece, false},   {"agreement %", put_agreement, false}, {"time", put_time, false},
    {"FLOPs", put_flops, false}, {"difference", put_difference, true},  {"95 % interval", put_interval, true},
    {"p (Holm)", put_p, true},
};
#define KINDS (sizeof kinds / sizeof *kinds)

static char *cell(const grid *g, size_t row, size_t at) {
    return g->cells[row * g->capacity + at];
}

static lyc_status grid_open(grid *g, const lyc_ablation *ablation, size_t most_columns, lyc_error *err) {
    *g = (grid){.rows = ablation->setting_count, .capacity = most_columns};
    LYC_TRY(LYC_NEW_ARRAY(g->heads, most_columns, err));
    return lyc_allocate((void **)&g->cells, g->rows * most_columns, CELL_SIZE, "the table", err);
}

static void grid_close(grid *g) {
    lyc_free(g->heads);
    lyc_free(g->cells);
}

static size_t add_column(grid *g, const char *heading, bool left) {
    column *head = &g->heads[g->columns];
    (void)snprintf(head->heading, sizeof head->heading, "%s", heading);
    head->left = left;
    return g->columns++;
}

static void add_axes(grid *g, const lyc_ablation *ablation) {
    for (size_t a = 0; a < ablation->axis_count; a++) {
        if (a == ablation->seeds) continue;
        size_t at = add_column(g, ablation->axes[a].heading, true);
        for (size_t i = 0; i < g->rows; i++) {
            filling f = {ablation, &ablation->settings[i], cell(g, i, at)};
            put_label(&f, ablation->axes[a].labels[f.setting->choice[a]]);
        }
    }
    if (g->columns > 0) return;
    size_t at = add_column(g, "setting", true);
    for (size_t i = 0; i < g->rows; i++) put_label(&(filling){ablation, NULL, cell(g, i, at)}, "base");
}

static void add_budgets(grid *g, const lyc_ablation *ablation) {
    if (!ablation->has_budgets) return;
    size_t at = add_column(g, "budget", true);
    for (size_t i = 0; i < g->rows; i++) {
        const lyc_ablation_setting *setting = &ablation->settings[i];
        filling f = {ablation, setting, cell(g, i, at)};
        if (setting->epochs > 0) put(&f, "flops (%u epochs)", setting->epochs);
        else put(&f, "%s", lyc_ablation_budget_name(setting->budget));
    }
}

static void add_kinds(grid *g, const lyc_ablation *ablation) {
    for (size_t k = 0; k < KINDS; k++) {
        if (kinds[k].compares && !ablation->has_reference) continue;
        size_t at = add_column(g, kinds[k].heading, false);
        for (size_t i = 0; i < g->rows; i++)
            kinds[k].fill(&(filling){ablation, &ablation->settings[i], cell(g, i, at)});
    }
}

/* The column of a teacher; made when it is new. */
static size_t teacher_column(grid *g, size_t first, const char *name) {
    for (size_t at = first; at < g->columns; at++)
        if (strcmp(g->heads[at].heading, name) == 0) return at;
    return g->columns < g->capacity ? add_column(g, name, false) : g->capacity;
}

static bool add_weights(grid *g, const lyc_ablation *ablation) {
    size_t first = g->columns;
    for (size_t i = 0; i < g->rows; i++) {
        const lyc_ablation_setting *setting = &ablation->settings[i];
        for (size_t k = 0; k < setting->weight_count; k++) {
            size_t at = teacher_column(g, first, setting->teachers[k]);
            if (at < g->capacity)
                put(&(filling){ablation, setting, cell(g, i, at)}, "%.3f", setting->weight[k]);
        }
    }
    for (size_t i = 0; i < g->rows; i++)
        for (size_t at = first; at < g->columns; at++)
            if (!cell(g, i, at)[0]) put(&(filling){ablation, NULL, cell(g, i, at)}, "-");
    return g->columns > first;
}

/* ---- layout ------------------------------------------------------------------------------------------- */

static void add_aligned(lyc__text *text, const char *word, const column *head, bool is_last) {
    size_t length = lyc__utf8_count(word), missing = head->widest > length ? head->widest - length : 0;
    if (!head->left) lyc__text_add(text, "%*s", (int)missing, "");
    lyc__text_add_bytes(text, word, strlen(word));
    if (head->left && !is_last) lyc__text_add(text, "%*s", (int)missing, "");
    lyc__text_add(text, "%s", is_last ? "\n" : "  ");
}

static void lay_out_text(grid *g, lyc__text *text) {
    for (size_t at = 0; at < g->columns; at++) {
        g->heads[at].widest = lyc__utf8_count(g->heads[at].heading);
        for (size_t i = 0; i < g->rows; i++) {
            size_t length = lyc__utf8_count(cell(g, i, at));
            if (length > g->heads[at].widest) g->heads[at].widest = length;
        }
    }
    for (size_t at = 0; at < g->columns; at++)
        add_aligned(text, g->heads[at].heading, &g->heads[at], at + 1 == g->columns);
    for (size_t i = 0; i < g->rows; i++)
        for (size_t at = 0; at < g->columns; at++)
            add_aligned(text, cell(g, i, at), &g->heads[at], at + 1 == g->columns);
}

static void add_escaped(lyc__text *text, const char *word) {
    for (; *word; word++) lyc__text_add(text, strchr("|\\*_<", *word) ? "\\%c" : "%c", *word);
}

static void lay_out_markdown(grid *g, lyc__text *text) {
    for (size_t at = 0; at < g->columns; at++) {
        lyc__text_add(text, "| ");
        add_escaped(text, g->heads[at].heading);
        lyc__text_add(text, at + 1 == g->columns ? " |\n" : " ");
    }
    for (size_t at = 0; at < g->columns; at++)
        lyc__text_add(text, "|%s%s", g->heads[at].left ? "---" : "--:", at + 1 == g->columns ? "|\n" : "");
    for (size_t i = 0; i < g->rows; i++)
        for (size_t at = 0; at < g->columns; at++) {
            lyc__text_add(text, "| ");
            add_escaped(text, cell(g, i, at));
            lyc__text_add(text, at + 1 == g->columns ? " |\n" : " ");
        }
}

/* ---- sentences ---------------------------------------------------------------------------------------- */

static bool is_apart(const lyc_ablation_difference *d) {
    return d->p_holm < SIGNIFICANCE;
}
static bool is_alike(const lyc_ablation_difference *d) {
    return d->p_holm >= SIGNIFICANCE;
}
static bool is_untested(const lyc_ablation_difference *d) {
    return d->pairs > 0 && isnan(d->p);
}

/* What of the settings a sentence speaks; with their differences and intervals. */
static void list_settings(lyc__text *text, const lyc_ablation *ablation, const char *heading,
                          bool (*wanted)(const lyc_ablation_difference *), bool with_interval) {
    bool any = false;
    for (size_t i = 0; i < ablation->setting_count; i++) {
        const lyc_ablation_difference *d = &ablation->settings[i].difference;
        if (!wanted(d)) continue;
        if (!any) lyc__text_add(text, "\n%s\n", heading);
        any = true;
        lyc__text_add(text, "- %s: %+.2f", ablation->settings[i].label, 100 * d->mean);
        if (with_interval) lyc__text_add(text, ", between %+.2f and %+.2f", 100 * d->low, 100 * d->high);
        lyc__text_add(text, "\n");
    }
}

static size_t count_tests(const lyc_ablation *ablation) {
    size_t tests = 0;
    for (size_t i = 0; i < ablation->setting_count; i++)
        if (!isnan(ablation->settings[i].difference.p)) tests++;
    return tests;
}

static void say_differences(lyc__text *text, const lyc_ablation *ablation) {
    if (!ablation->has_reference) return;
    size_t tests = count_tests(ablation);
    lyc__text_add(
        text, "\nDifferences are in points of test accuracy, paired by seed, against the row marked as the "
              "reference; ");
    if (tests > 0)
        lyc__text_add(
            text, "intervals are 95 %% by Student's t, p-values corrected by Holm for %zu comparison%s.\n",
            tests, tests == 1 ? "" : "s");
    else
        lyc__text_add(
            text, "there is no interval and no p-value: that takes two seeds that both settings have, and "
                  "some spread between them.\n");
    list_settings(text, ablation, "Different from the reference (corrected p under 0.05):", is_apart, true);
    list_settings(
        text, ablation,
        "Not distinguishable from the reference with these seeds; the interval says what remains possible:",
        is_alike, true);
    list_settings(text, ablation,
                  "Not tested, for want of two seeds that both have, or of any spread between them:",
                  is_untested, false);
}

static void say_problems(lyc__text *text, const lyc_ablation *ablation) {
    size_t open = 0;
    bool any = false;
    for (size_t i = 0; i < ablation->run_count; i++) {
        const lyc_ablation_run *run = &ablation->runs[i];
        open += run->state == LYC_ABLATION_OPEN;
        if (run->state != LYC_ABLATION_FAILED) continue;
        if (!any) lyc__text_add(text, "\nFailed, and left out of the table:\n");
        any = true;
        lyc__text_add(text, "- %s: %s\n", run->name, run->error);
    }
    if (open > 0)
        lyc__text_add(text, "\n%zu of %zu runs are not finished: the table is of the others.\n", open,
                      ablation->run_count);
}

/* ---- both formats ------------------------------------------------------------------------------------- */

static lyc_status render(const lyc_ablation *ablation, void (*lay_out)(grid *, lyc__text *),
                         const char *title, char **out, lyc_error *err) {
    grid table = {0}, weights = {0};
    lyc__text text = {0};
    *out = NULL;
    lyc_status status;
    LYC_TRY_GOTO(grid_open(&table, ablation, LYC_ABLATION_AXES + 2 + KINDS, err));
    LYC_TRY_GOTO(grid_open(&weights, ablation, LYC_ABLATION_AXES + 2 + 2 * LYC_MAX_TEACHERS, err));
    add_axes(&table, ablation);
    add_budgets(&table, ablation);
    add_kinds(&table, ablation);
    add_axes(&weights, ablation);
    add_budgets(&weights, ablation);
    lyc__text_add(&text, "%s%s\n\n", title, ablation->name);
    lay_out(&table, &text);
    lyc__text_add(
        &text,
        "\nMean \xc2\xb1 deviation over the seeds, on the test split. Agreement: share of test rows with "
        "the answer of the mixture of all teachers. Time and FLOPs: mean of a run.\n");
    if (ablation->has_budgets)
        lyc__text_add(
            &text,
            "Budget: with labels, the rows of the reward split are training rows; with flops, the rule "
            "trains for as many more epochs as the learned strategy's probes cost at most.\n");
    say_differences(&text, ablation);
    if (add_weights(&weights, ablation)) {
        lyc__text_add(&text, "\nWeight of each teacher, mean over the last quarter of the batches:\n\n");
        lay_out(&weights, &text);
    }
    say_problems(&text, ablation);
    status = lyc__text_finish(&text, out, err);
done:
    lyc__text_discard(&text);
    grid_close(&weights);
    grid_close(&table);
    return status;
}

lyc_status lyc__ablation_text(const lyc_ablation *ablation, char **out, lyc_error *err) {
    return render(ablation, lay_out_text, "", out, err);
}

lyc_status lyc__ablation_markdown(const lyc_ablation *ablation, char **out, lyc_error *err) {
    return render(ablation, lay_out_markdown, "# ", out, err);
}

/* Two runs side by side. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lyceum/memory.h"
#include "report/cells.h"
#include "report/config_lines.h"
#include "report/inspect.h"

#define NAME_SIZE    96
#define VALUE_SIZE   32
#define NAME_COLUMNS 32
#define RUN_COLUMNS  16
#define MOST_FIGURES (16 + 4 * 64)

/* One line: a figure of both runs, and how to write it. */
typedef struct figure {
    char name[NAME_SIZE];
    double values[2];
    const char *format; /* of the text; takes the value times `scale` */
    double scale;
} figure;

typedef struct comparison {
    const lyc_inspection *runs[2];
    figure *figures; /* [MOST_FIGURES] */
    size_t count;
    lyc__config_line *lines; /* keys in which the configurations part */
    size_t line_count;
} comparison;

/* ---- figures ------------------------------------------------------------------------------------------ */

static void add(comparison *c, const char *subject, const char *name, const double values[2],
                const char *format, double scale) {
    if (c->count == MOST_FIGURES || (isnan(values[0]) && isnan(values[1]))) return;
    figure *made = &c->figures[c->count++];
    *made = (figure){.values = {values[0], values[1]}, .format = format, .scale = scale};
    (void)snprintf(made->name, sizeof made->name, "%s%s%s", subject, subject[0] ? ": " : "", name);
}

static double best_valid(const lyc_inspection *run) {
    double best = NAN;
    for (size_t i = 0; i < run->epoch_count; i++)
        if (!(run->epochs[i].valid_accuracy <= best)) best = run->epochs[i].valid_accuracy;
    return best;
}

static const lyc_inspected_evaluation *evaluation_of(const lyc_inspection *run, const char *split) {
    for (size_t i = 0; i < run->evaluation_count; i++)
        if (strcmp(run->evaluations[i].split, split) == 0) return &run->evaluations[i];
    return NULL;
}

static void add_evaluation(comparison *c, const char *split) {
    double values[3][2];
    for (int i = 0; i < 2; i++) {
        const lyc_inspected_evaluation *measured = evaluation_of(c->runs[i], split);
        values[0][i] = measured ? measured->accuracy : NAN;
        values[1][i] = measured ? measured->nll : NAN;
        values[2][i] = measured ? measured->ece : NAN;
    }
    add(c, split, "accuracy", values[0], "%.2f %%", 100);
    add(c, split, "NLL", values[1], "%.4f", 1);
    add(c, split, "ECE", values[2], "%.4f", 1);
}

static void add_runs(comparison *c) {
    double values[3][2];
    for (int i = 0; i < 2; i++) {
        values[0][i] = (double)c->runs[i]->steps;
        values[1][i] = best_valid(c->runs[i]);
        values[2][i] = 0;
        for (size_t s = 0; s < LYC_INSPECT_STAGES; s++) values[2][i] += c->runs[i]->stages[s].seconds;
    }
    add(c, "", "steps", values[0], "%.0f", 1);
    add(c, "", "seconds of batches", values[2], "%.1f", 1);
    add(c, "", "best epoch: valid accuracy", values[1], "%.2f %%", 100);
    add_evaluation(c, "valid");
    add_evaluation(c, "test");
}

static const lyc_inspected_teacher *teacher_of(const lyc_inspection *run, const char *name) {
    for (size_t k = 0; k < run->teacher_count; k++)
        if (strcmp(run->teachers[k].name, name) == 0) return &run->teachers[k];
    return NULL;
}

static void add_teacher(comparison *c, const char *name) {
    double values[4][2];
    for (int i = 0; i < 2; i++) {
        const lyc_inspected_teacher *teacher = teacher_of(c->runs[i], name);
        values[0][i] = teacher ? teacher->mean_weight : NAN;
        values[1][i] = teacher ? teacher->last_weight : NAN;
        values[2][i] = teacher ? teacher->credit : NAN;
        values[3][i] = teacher ? teacher->worth : NAN;
    }
    add(c, name, "weight", values[0], "%.3f", 1);
    add(c, name, "weight, last quarter", values[1], "%.3f", 1);
    add(c, name, "credit", values[2], "%+.3f", 1);
    add(c, name, "worth", values[3], "%+.2f %%", 100);
}

static void add_teachers(comparison *c) {
    for (size_t k = 0; k < c->runs[0]->teacher_count; k++) add_teacher(c, c->runs[0]->teachers[k].name);
    for (size_t k = 0; k < c->runs[1]->teacher_count; k++)
        if (!teacher_of(c->runs[0], c->runs[1]->teachers[k].name))
            add_teacher(c, c->runs[1]->teachers[k].name);
}

static lyc_status compare(comparison *c, const lyc_inspection *first, const lyc_inspection *second,
                          lyc_error *err) {
    *c = (comparison){.runs = {first, second}};
    LYC_TRY(LYC_NEW_ARRAY(c->figures, MOST_FIGURES, err));
    add_runs(c);
    add_teachers(c);
    return lyc__config_differences(first->config, second->config, &c->lines, &c->line_count, err);
}

static void release(comparison *c) {
    lyc_free(c->figures);
    lyc__config_lines_free(c->lines, c->line_count);
}

/* ---- text --------------------------------------------------------------------------------------------- */

static const char *or_nothing(const char *sequence) {
    return sequence != NULL ? sequence : "";
}

static const char *show(char out[VALUE_SIZE], const figure *of, double value) {
    (void)snprintf(out, VALUE_SIZE, of->format, value * of->scale);
    return isfinite(value) ? out : "-";
}

static void write_figures(lyc__text *text, const comparison *c, size_t columns) {
    char value[VALUE_SIZE];
    for (size_t i = 0; i < c->count; i++) {
        const figure *of = &c->figures[i];
        lyc__cell_left(text, of->name, columns);
        for (int r = 0; r < 2; r++) lyc__cell_right(text, show(value, of, of->values[r]), RUN_COLUMNS);
        lyc__cell_right(text, show(value, of, of->values[1] - of->values[0]), RUN_COLUMNS - 2);
        lyc__text_add_bytes(text, "\n", 1);
    }
}

static void write_lines(lyc__text *text, const comparison *c, size_t columns) {
    for (size_t i = 0; i < c->line_count; i++) {
        const lyc__config_line *line = &c->lines[i];
        lyc__cell_left(text, line->key, columns);
        lyc__text_add(text, "  %s  |  %s\n", line->values[0] ? line->values[0] : "(not there)",
                      line->values[1] ? line->values[1] : "(not there)");
    }
}

static size_t name_columns(const lyc_inspect_style *style) {
    size_t columns = style->columns > 0 ? (size_t)style->columns : 80, rest = 3 * RUN_COLUMNS - 2;
    return columns > rest + NAME_COLUMNS ? columns - rest : NAME_COLUMNS;
}

lyc_status lyc_inspect_compare_text(const lyc_inspection *first, const lyc_inspection *second,
                                    const lyc_inspect_style *style, char **out, lyc_error *err) {
    comparison c;
    lyc__text text = {0};
    const char *bold = or_nothing(style->bold), *dim = or_nothing(style->dim),
               *reset = or_nothing(style->reset);
    size_t columns = name_columns(style);
    lyc_status status = compare(&c, first, second, err);
    for (int r = 0; r < 2 && status == LYC_OK; r++)
        lyc__text_add(&text, "%s%s%s  %s: strategy %s, %s\n", bold, r == 0 ? "A" : "B", reset,
                      c.runs[r]->path, c.runs[r]->strategy, lyc_phase_name(c.runs[r]->phase));
    if (status == LYC_OK) {
        lyc__text_add(&text, "\n%s", dim);
        lyc__cell_left(&text, "", columns);
        lyc__cell_right(&text, "A", RUN_COLUMNS);
        lyc__cell_right(&text, "B", RUN_COLUMNS);
        lyc__cell_right(&text, "B - A", RUN_COLUMNS - 2);
        lyc__text_add(&text, "%s\n", reset);
        write_figures(&text, &c, columns);
        lyc__text_add(&text, "\n%s%s%s\n", bold,
                      c.line_count > 0 ? "keys in which the configurations part, A | B"
                                       : "the configurations do not part in any key that changes a result",
                      reset);
        write_lines(&text, &c, NAME_COLUMNS);
        status = lyc__text_finish(&text, out, err);
    }
    release(&c);
    return status;
}

/* ---- JSON and CSV ---------------------------------------------------------------------------------------
 */

lyc_status lyc_inspect_compare_json(const lyc_inspection *first, const lyc_inspection *second, char **out,
                                    lyc_error *err) {
    comparison c;
    lyc__json json;
    lyc_status status = compare(&c, first, second, err);
    if (status == LYC_OK) {
        lyc__json_start(&json, true);
        lyc__json_object(&json, NULL);
        lyc__json_array(&json, "figures");
        for (size_t i = 0; i < c.count; i++) {
            lyc__json_object_inline(&json, NULL);
            lyc__json_text(&json, "figure", c.figures[i].name);
            lyc__json_number(&json, "a", c.figures[i].values[0]);
            lyc__json_number(&json, "b", c.figures[i].values[1]);
            lyc__json_end(&json);
        }
        lyc__json_end(&json);
        lyc__json_array(&json, "configuration");
        for (size_t i = 0; i < c.line_count; i++) {
            lyc__json_object_inline(&json, NULL);
            lyc__json_text(&json, "key", c.lines[i].key);
            lyc__json_text(&json, "a", c.lines[i].values[0]);
            lyc__json_text(&json, "b", c.lines[i].values[1]);
            lyc__json_end(&json);
        }
        lyc__json_end(&json);
        lyc__json_array(&json, "runs");
        for (int r = 0; r < 2; r++) lyc__inspect_write(&json, c.runs[r]);
        lyc__json_end(&json);
        lyc__json_end(&json);
        status = lyc__json_finish(&json, out, err);
    }
    release(&c);
    return status;
}

lyc_status lyc_inspect_compare_csv(const lyc_inspection *first, const lyc_inspection *second, char **out,
                                   lyc_error *err) {
    comparison c;
    lyc__text text = {0};
    lyc_status status = compare(&c, first, second, err);
    if (status == LYC_OK) {
        lyc__text_add(&text, "figure,a,b\n");
        for (size_t i = 0; i < c.count; i++) {
            lyc__text_add(&text, "\"");
            for (const char *p = c.figures[i].name; *p; p++)
                lyc__text_add(&text, *p == '"' ? "\"\"" : "%c", *p);
            lyc__text_add(&text, "\"");
            for (int r = 0; r < 2; r++) {
                char digits[LYC__NUMBER_SIZE] = "";
                if (isfinite(c.figures[i].values[r])) lyc__number_format(c.figures[i].values[r], digits);
                lyc__text_add(&text, ",%s", digits);
            }
            lyc__text_add_bytes(&text, "\n", 1);
        }
        status = lyc__text_finish(&text, out, err);
    }
    release(&c);
    return status;
}

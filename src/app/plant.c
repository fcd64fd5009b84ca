/* `lyceum bank --plant KIND`: teachers that are bad in a known way. */
#include "app/plant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/format.h"
#include "lyceum/memory.h"
#include "lyceum/plant.h"

/* ---- what applies ----------------------------------------------------------------------------------- */

/* `takes`: the bit of the kinds that look at it; 0 = all do. */
typedef struct given_option {
    const char *name;
    unsigned takes;
    bool given;
} given_option;

enum { PLANT_OPTIONS = 11 };

static void list_given(const lyc__bank_options *o, given_option out[PLANT_OPTIONS]) {
    const given_option list[PLANT_OPTIONS] = {
        {"data", 0, o->data != NULL},
        {"output", 0, o->output != NULL},
        {"seed", 0, o->seed >= 0},
        {"share", LYC_PLANT_TAKES_SHARE, o->share >= 0.0},
        {"margin", LYC_PLANT_TAKES_MARGIN, o->margin >= 0.0},
        {"errors", LYC_PLANT_TAKES_ERRORS, o->errors != NULL},
        {"classes", LYC_PLANT_TAKES_CLASSES, o->classes != NULL},
        {"elsewhere", LYC_PLANT_TAKES_ELSEWHERE, o->elsewhere != NULL},
        {"until", LYC_PLANT_TAKES_UNTIL, o->until >= 0},
        {"then", LYC_PLANT_TAKES_THEN, o->then != NULL},
        {"delay-ms", LYC_PLANT_TAKES_DELAY, o->delay_ms >= 0.0},
    };
    memcpy(out, list, sizeof list);
}

static lyc_status check_not_planting(const lyc__bank_options *o, lyc_error *err) {
    given_option list[PLANT_OPTIONS];
    list_given(o, list);
    for (size_t i = 0; i < PLANT_OPTIONS; i++)
        if (list[i].given)
            LYC_FAIL(err, LYC_EUSAGE,
                     "--%s goes with --plant only; where banks go: --set banks.directory=DIR", list[i].name);
    return LYC_OK;
}

static lyc_status find_kind(const char *name, size_t *out, lyc_error *err) {
    const char *names[LYC__TEXTS_MAX];
    size_t count = 0;
    for (; count < LYC__TEXTS_MAX && lyc_plant_name(count) != NULL; count++) {
        names[count] = lyc_plant_name(count);
        *out = count;
        if (strcmp(names[count], name) == 0) return LYC_OK;
    }
    return lyc__unknown_name("kind to plant", name, names, count, err);
}

static lyc_status check_planting(const lyc__bank_options *o, lyc_error *err) {
    given_option list[PLANT_OPTIONS];
    size_t kind = 0;
    LYC_TRY(find_kind(o->plant, &kind, err));
    unsigned takes = lyc_plant_takes(kind);
    list_given(o, list);
    for (size_t i = 0; i < PLANT_OPTIONS; i++)
        if (list[i].given && list[i].takes != 0 && (takes & list[i].takes) == 0)
            LYC_FAIL(err, LYC_EUSAGE, "--%s says nothing about a teacher that is %s", list[i].name, o->plant);
    if (o->all || o->common.sets.count > 0 || o->common.threads > 0)
        LYC_FAIL(err, LYC_EUSAGE, "--%s is for filling banks; --plant reads no config and computes nothing",
                 o->all                     ? "all"
                 : o->common.sets.count > 0 ? "set"
                                            : "threads");
    if (o->data == NULL)
        LYC_FAIL(err, LYC_EUSAGE, "--data FILE, the data set of the recorded logits, is missing");
    if (o->output == NULL) LYC_FAIL(err, LYC_EUSAGE, "--output FILE, where to write, is missing");
    if ((takes & LYC_PLANT_TAKES_CLASSES) && o->classes == NULL)
        LYC_FAIL(err, LYC_EUSAGE, "--classes LIST, what the specialist knows, is missing");
    if ((takes & LYC_PLANT_TAKES_UNTIL) && o->until < 0)
        LYC_FAIL(err, LYC_EUSAGE, "--until STEP, the step at which it changes, is missing");
    if ((takes & LYC_PLANT_TAKES_DELAY) && o->delay_ms < 0.0)
        LYC_FAIL(err, LYC_EUSAGE, "--delay-ms X, how slow it is, is missing");
    return LYC_OK;
}

lyc_status lyc__plant_check(const lyc__bank_options *options, lyc_error *err) {
    return options->plant != NULL ? check_planting(options, err) : check_not_planting(options, err);
}

/* ---- values ----------------------------------------------------------------------------------------- */

/* A name of the data set's, or else a number. */
static lyc_status find_class(const lyc_dataset *data, const char *word, size_t length, int32_t *out,
                             lyc_error *err) {
    for (int c = 0; c < lyc_dataset_classes(data); c++) {
        const char *name = lyc_dataset_class_name(data, c);
        *out = c;
        if (strlen(name) == length && strncmp(name, word, length) == 0) return LYC_OK;
    }
    char *end;
    long number = strtol(word, &end, 10);
    *out = (int32_t)number;
    if (length > 0 && end == word + length && number >= 0 && number < lyc_dataset_classes(data))
        return LYC_OK;
    LYC_FAIL(err, LYC_EUSAGE,
             "--classes: \"%.*s\" is no class of %s: neither a name nor a number from 0 to %d", (int)length,
             word, lyc_dataset_path(data), lyc_dataset_classes(data) - 1);
}

static lyc_status parse_classes(const lyc_dataset *data, const char *list, int32_t **out, size_t *count,
                                lyc_error *err) {
    LYC_TRY(LYC_NEW_ARRAY(*out, strlen(list) + 1, err));
    for (const char *word = list;;) {
        size_t length = strcspn(word, ",");
        LYC_TRY(find_class(data, word, length, &(*out)[*count], err));
        (*count)++;
        if (word[length] == '\0') return LYC_OK;
        word += length + 1;
    }
}

static lyc_status choose(const char *what, const char *value, const char *const names[2], int *out,
                         lyc_error *err) {
    *out = 0;
    if (value == NULL || strcmp(value, names[0]) == 0) return LYC_OK;
    *out = 1;
    if (strcmp(value, names[1]) == 0) return LYC_OK;
    return lyc__unknown_name(what, value, names, 2, err);
}

static lyc_status read_options(const lyc__bank_options *o, lyc_plant_options *out, lyc_error *err) {
    static const char *const errors[2] = {"hard", "drawn"}, *const elsewhere[2] = {"chance", "wrong"};
    int which, how;
    LYC_TRY(choose("value of --errors", o->errors, errors, &which, err));
    LYC_TRY(choose("value of --elsewhere", o->elsewhere, elsewhere, &how, err));
    *out = (lyc_plant_options){
        .kind = o->plant,
        .source = o->common.arguments.items[0],
        .output = o->output,
        .seed = o->seed > 0 ? (uint64_t)o->seed : 0,
        .share = o->share >= 0.0                  ? o->share
                 : strcmp(o->plant, "noisy") == 0 ? 0.4
                                                  : 0.2,
        .margin = o->margin >= 0.0 ? o->margin : 20.0,
        .errors = (lyc_plant_errors)which,
        .elsewhere = (lyc_plant_elsewhere)how,
        .until = o->until > 0 ? (uint64_t)o->until : 0,
        .then = o->then,
        .delay_seconds = o->delay_ms / 1000.0,
    };
    return LYC_OK;
}

/* ---- reporting -------------------------------------------------------------------------------------- */

static lyc_status print_json(const lyc_plant_options *options, const lyc_plant_report *report,
                             lyc_error *err) {
    lyc__json json;
    lyc__json_start(&json, true);
    lyc__json_object(&json, NULL);
    lyc__json_text(&json, "planted", options->kind);
    lyc__json_text(&json, "source", options->source);
    lyc__json_text(&json, "output", options->output);
    lyc__json_text(&json, "source_fingerprint", report->source_fingerprint);
    lyc__json_unsigned(&json, "rows", report->rows);
    lyc__json_integer(&json, "views", report->views);
    lyc__json_unsigned(&json, "changed", report->changed);
    lyc__json_number(&json, "accuracy_before", report->accuracy_before);
    lyc__json_number(&json, "accuracy_after", report->accuracy_after);
    lyc__json_end(&json);
    return lyc__print_json(&json, err);
}

static void print_text(const lyc_plant_options *options, const lyc_plant_report *report) {
    char rows[LYC__SHORT], changed[LYC__SHORT], before[LYC__SHORT], after[LYC__SHORT];
    lyc__format_count(report->rows, rows);
    lyc__format_count(report->changed, changed);
    lyc__format_percent(report->accuracy_before, before);
    lyc__format_percent(report->accuracy_after, after);
    printf("%s: %s, made of %s\n", options->output, options->kind, options->source);
    printf("  %s of %s rows have another answer%s\n", changed, rows,
           options->until > 0 ? " after the change" : "");
    printf("  accuracy on the train part  %s -> %s\n", before, after);
}

lyc_status lyc__plant_run(const lyc__bank_options *o, lyc_error *err) {
    lyc_dataset *data = NULL;
    lyc_plant_options options;
    lyc_plant_report report;
    int32_t *classes = NULL;
    size_t class_count = 0;
    lyc_status status;
    LYC_TRY(read_options(o, &options, err));
    LYC_TRY(lyc_dataset_open(&data, o->data, err));
    if (o->classes != NULL) LYC_TRY_GOTO(parse_classes(data, o->classes, &classes, &class_count, err));
    options.classes = classes;
    options.class_count = class_count;
    LYC_TRY_GOTO(lyc_plant(&options, data, &report, err));
    lyc__terminal_stop();
    if (o->common.json) status = print_json(&options, &report, err);
    else print_text(&options, &report);
done:
    lyc_free(classes);
    lyc_dataset_close(data);
    return status;
}

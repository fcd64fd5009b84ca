/* The table for programs: CSV, a line a setting, and JSON, which has the single runs as well. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/json_writer.h"
#include "distill/ablation.h"

/* Numbers of a structure by name. */
typedef struct number {
    const char *name;
    size_t offset;
} number;

#define IN_SETTING(member) offsetof(lyc_ablation_setting, member)
#define IN_FIGURES(member) offsetof(lyc_ablation_figures, member)
#define SPREAD(name)                                                                                         \
    {#name "_mean", IN_SETTING(name.mean)}, {                                                                \
#name "_deviation", IN_SETTING(name.deviation)                                                       \
    }

static const number setting_numbers[] = {
    SPREAD(accuracy),
    SPREAD(nll),
    SPREAD(ece),
    SPREAD(agreement),
    SPREAD(seconds),
    SPREAD(flops),
    {"difference", IN_SETTING(difference.mean)},
    {"difference_low", IN_SETTING(difference.low)},
    {"difference_high", IN_SETTING(difference.high)},
    {"p", IN_SETTING(difference.p)},
    {"p_holm", IN_SETTING(difference.p_holm)},
};
#define SETTING_NUMBERS (sizeof setting_numbers / sizeof *setting_numbers)

static const number run_numbers[] = {
    {"test_accuracy", IN_FIGURES(test_accuracy)}, {"test_nll", IN_FIGURES(test_nll)},
    {"test_ece", IN_FIGURES(test_ece)},           {"valid_accuracy", IN_FIGURES(valid_accuracy)},
    {"agreement", IN_FIGURES(agreement)},         {"seconds", IN_FIGURES(seconds)},
    {"flops_student", IN_FIGURES(flops_student)}, {"flops_teachers", IN_FIGURES(flops_teachers)},
    {"flops_probes", IN_FIGURES(flops_probes)},
};
#define RUN_NUMBERS (sizeof run_numbers / sizeof *run_numbers)

static double number_in(const void *structure, const number *which) {
    double value;
    memcpy(&value, (const char *)structure + which->offset, sizeof value);
    return value;
}

/* ---- CSV ---------------------------------------------------------------------------------------------- */

/* RFC 4180: quoted where it must be. */
static void add_field(lyc__text *text, const char *value) {
    if (text->size > 0 && text->bytes[text->size - 1] != '\n') lyc__text_add(text, ",");
    if (value[0] && !value[strcspn(value, ",\"\r\n")]) {
        lyc__text_add(text, "%s", value);
        return;
    }
    lyc__text_add(text, "\"");
    for (; *value; value++) lyc__text_add(text, *value == '"' ? "\"\"" : "%c", *value);
    lyc__text_add(text, "\"");
}

/* NaN leaves the field empty. */
static void add_number(lyc__text *text, double value) {
    char digits[LYC__NUMBER_SIZE] = "";
    if (!isnan(value)) lyc__number_format(value, digits);
    lyc__text_add(text, ",%s", digits);
}

/* Names of all teachers of the table, each once, in the order of their appearance. */
static size_t teacher_names(const lyc_ablation *ablation, const char *names[2 * LYC_MAX_TEACHERS]) {
    size_t count = 0;
    for (size_t i = 0; i < ablation->setting_count; i++)
        for (size_t k = 0; k < ablation->settings[i].weight_count; k++) {
            bool known = count == 2 * LYC_MAX_TEACHERS;
            for (size_t n = 0; n < count && !known; n++)
                known = strcmp(names[n], ablation->settings[i].teachers[k]) == 0;
            if (!known) names[count++] = ablation->settings[i].teachers[k];
        }
    return count;
}

static double weight_of(const lyc_ablation_setting *setting, const char *name) {
    for (size_t k = 0; k < setting->weight_count; k++)
        if (strcmp(setting->teachers[k], name) == 0) return setting->weight[k];
    return NAN;
}

lyc_status lyc__ablation_csv(const lyc_ablation *ablation, char **out, lyc_error *err) {
    lyc__text text = {0};
    const char *names[2 * LYC_MAX_TEACHERS];
    size_t teachers = teacher_names(ablation, names);
    add_field(&text, "setting");
    for (size_t a = 0; a < ablation->axis_count; a++)
        if (a != ablation->seeds) add_field(&text, ablation->axes[a].key);
    lyc__text_add(&text, ",budget,runs,finished,pairs");
    for (size_t n = 0; n < SETTING_NUMBERS; n++) add_field(&text, setting_numbers[n].name);
    for (size_t k = 0; k < teachers; k++) {
        lyc__text_add(&text, ",weight.%s", names[k]); /* names of teachers need no quotes */
    }
    lyc__text_add(&text, "\n");
    for (size_t i = 0; i < ablation->setting_count; i++) {
        const lyc_ablation_setting *setting = &ablation->settings[i];
        add_field(&text, setting->label);
        for (size_t a = 0; a < ablation->axis_count; a++)
            if (a != ablation->seeds) add_field(&text, ablation->axes[a].labels[setting->choice[a]]);
        add_field(&text, lyc_ablation_budget_name(setting->budget));
        lyc__text_add(&text, ",%zu,%zu,%zu", setting->runs, setting->finished, setting->difference.pairs);
        for (size_t n = 0; n < SETTING_NUMBERS; n++)
            add_number(&text, number_in(setting, &setting_numbers[n]));
        for (size_t k = 0; k < teachers; k++) add_number(&text, weight_of(setting, names[k]));
        lyc__text_add(&text, "\n");
    }
    return lyc__text_finish(&text, out, err);
}

/* ---- JSON --------------------------------------------------------------------------------------------- */

static void add_choice(lyc__json *json, const lyc_ablation *ablation, const size_t *choice) {
    lyc__json_object_inline(json, "values");
    for (size_t a = 0; a < ablation->axis_count; a++)
        if (a != ablation->seeds)
            lyc__json_text(json, ablation->axes[a].key, ablation->axes[a].labels[choice[a]]);
    lyc__json_end(json);
}

static void add_weights(lyc__json *json, const lyc_ablation_setting *setting, const double *weights,
                        size_t count) {
    lyc__json_object_inline(json, "last_quarter_weight");
    for (size_t k = 0; k < count; k++) lyc__json_number(json, setting->teachers[k], weights[k]);
    lyc__json_end(json);
}

static void add_setting(lyc__json *json, const lyc_ablation *ablation, const lyc_ablation_setting *setting) {
    lyc__json_object(json, NULL);
    lyc__json_text(json, "setting", setting->label);
    add_choice(json, ablation, setting->choice);
    lyc__json_text(json, "budget", lyc_ablation_budget_name(setting->budget));
    if (setting->epochs > 0) lyc__json_unsigned(json, "epochs", setting->epochs);
    lyc__json_text(json, "reference",
                   setting->reference == LYC_NO_SETTING ? NULL
                                                        : ablation->settings[setting->reference].label);
    lyc__json_unsigned(json, "runs", setting->runs);
    lyc__json_unsigned(json, "finished", setting->finished);
    lyc__json_unsigned(json, "pairs", setting->difference.pairs);
    for (size_t n = 0; n < SETTING_NUMBERS; n++)
        lyc__json_number(json, setting_numbers[n].name, number_in(setting, &setting_numbers[n]));
    add_weights(json, setting, setting->weight, setting->weight_count);
    lyc__json_end(json);
}

static void add_run(lyc__json *json, const lyc_ablation *ablation, const lyc_ablation_run *run) {
    static const char *const states[] = {
        [LYC_ABLATION_OPEN] = "open", [LYC_ABLATION_FINISHED] = "finished", [LYC_ABLATION_FAILED] = "failed"};
    const lyc_ablation_setting *setting = &ablation->settings[run->setting];
    lyc__json_object(json, NULL);
    lyc__json_text(json, "name", run->name);
    lyc__json_text(json, "output", run->output);
    lyc__json_text(json, "setting", setting->label);
    lyc__json_unsigned(json, "seed", run->config->train.seed);
    lyc__json_text(json, "state", states[run->state]);
    if (run->state == LYC_ABLATION_FAILED) lyc__json_text(json, "error", run->error);
    if (run->state == LYC_ABLATION_FINISHED) {
        for (size_t n = 0; n < RUN_NUMBERS; n++)
            lyc__json_number(json, run_numbers[n].name, number_in(&run->figures, &run_numbers[n]));
        add_weights(json, setting, run->figures.weight, run->figures.weight_count);
    }
    lyc__json_end(json);
}

lyc_status lyc__ablation_json(const lyc_ablation *ablation, char **out, lyc_error *err) {
    lyc__json json;
    lyc__json_start(&json, true);
    lyc__json_object(&json, NULL);
    lyc__json_text(&json, "name", ablation->name);
    lyc__json_text(&json, "base", ablation->base);
    lyc__json_array(&json, "settings");
    for (size_t i = 0; i < ablation->setting_count; i++) add_setting(&json, ablation, &ablation->settings[i]);
    lyc__json_end(&json);
    lyc__json_array(&json, "runs");
    for (size_t i = 0; i < ablation->run_count; i++) add_run(&json, ablation, &ablation->runs[i]);
    lyc__json_end(&json);
    lyc__json_end(&json);
    return lyc__json_finish(&json, out, err);
}

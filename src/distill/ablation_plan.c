/* From an ablation file to the runs that it asks for, each with a configuration that is known to be good. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json_writer.h"
#include "distill/ablation.h"

#define CHUNK       ((size_t)64 * 1024)
#define MOST_FAULTS 20 /* different messages told; nobody reads on */

typedef struct planner {
    lyc_ablation *ablation;
    lyc__ablation_file file;
    lyc__text faults; /* a line each */
    size_t fault_count;
} planner;

static lyc_status take(lyc_ablation *ablation, void *out, size_t count, size_t size, lyc_error *err) {
    void *block = lyc_arena_alloc(ablation->memory, count, size);
    if (!block) LYC_FAIL(err, LYC_ENOMEM, "no memory for the plan of the ablation");
    *(void **)out = block;
    return LYC_OK;
}

static lyc_status format_text(lyc_ablation *ablation, const char **out, lyc_error *err, const char *format,
                              ...) LYC_PRINTF(4, 5);
static lyc_status format_text(lyc_ablation *ablation, const char **out, lyc_error *err, const char *format,
                              ...) {
    va_list arguments;
    char text[4096];
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (size < 0 || (size_t)size >= sizeof text)
        LYC_FAIL(err, LYC_ECONFIG, "output: the path is too long (%d bytes)", size);
    *out = lyc_arena_strdup(ablation->memory, text);
    if (!*out) LYC_FAIL(err, LYC_ENOMEM, "no memory for the plan of the ablation");
    return LYC_OK;
}

/* ---- settings ----------------------------------------------------------------------------------------- */

/* Digits of `index` in the mixed base that the axes make, the last axis fastest; the seeds' stays 0. */
static void choose(const lyc_ablation *ablation, size_t index, size_t choice[LYC_ABLATION_AXES]) {
    for (size_t a = ablation->axis_count; a-- > 0;) {
        size_t count = a == ablation->seeds ? 1 : ablation->axes[a].count;
        choice[a] = index % count;
        index /= count;
    }
}

static size_t index_of(const lyc_ablation *ablation, const size_t *choice) {
    size_t index = 0;
    for (size_t a = 0; a < ablation->axis_count; a++)
        if (a != ablation->seeds) index = index * ablation->axes[a].count + choice[a];
    return index;
}

/* The setting that has the reference's values where it names some, and this one's elsewhere. */
static size_t reference_of(const planner *p, size_t setting) {
    size_t choice[LYC_ABLATION_AXES];
    if (!p->file.has_reference) return LYC_NO_SETTING;
    memcpy(choice, p->ablation->settings[setting].choice, sizeof choice);
    for (size_t a = 0; a < p->ablation->axis_count; a++)
        if (p->file.reference[a] != SIZE_MAX) choice[a] = p->file.reference[a];
    size_t reference = index_of(p->ablation, choice);
    return reference == setting ? LYC_NO_SETTING : reference;
}

static lyc_status count_runs(const lyc_ablation *ablation, size_t *settings, lyc_error *err) {
    size_t runs = 1;
    for (size_t a = 0; a < ablation->axis_count && runs <= LYC_ABLATION_RUNS; a++)
        runs *= ablation->axes[a].count;
    if (runs > LYC_ABLATION_RUNS)
        LYC_FAIL(err, LYC_ECONFIG, "axes: more than %d combinations; ask for fewer", LYC_ABLATION_RUNS);
    *settings = ablation->seeds < ablation->axis_count ? runs / ablation->axes[ablation->seeds].count : runs;
    return LYC_OK;
}

static lyc_status plan_setting(const planner *p, size_t at, size_t combination, lyc_ablation_budget budget,
                               lyc_error *err) {
    lyc_ablation *ablation = p->ablation;
    lyc_ablation_setting *setting = &ablation->settings[at];
    choose(ablation, combination, setting->choice);
    setting->budget = budget;
    setting->reference = reference_of(p, combination);
    /* With a larger budget the reference itself has something to be compared with. */
    if (budget != LYC_BUDGET_SAME && p->file.has_reference && setting->reference == LYC_NO_SETTING)
        setting->reference = combination;
    return lyc__ablation_label(ablation, setting->choice, budget, &setting->label, err);
}

static bool is_repeated(const planner *p, size_t combination, lyc_ablation_budget budget) {
    if (p->file.budget_axis == p->ablation->axis_count) return false;
    bool wanted = budget == LYC_BUDGET_LABELS ? p->file.budget_labels : p->file.budget_flops;
    return wanted && p->file.budget_rule[p->ablation->settings[combination].choice[p->file.budget_axis]];
}

/* All combinations, then those that are repeated with a larger budget. */
static lyc_status plan_settings(const planner *p, lyc_error *err) {
    lyc_ablation *ablation = p->ablation;
    size_t combinations = 0;
    LYC_TRY(count_runs(ablation, &combinations, err));
    LYC_TRY(take(ablation, &ablation->settings, 3 * combinations, sizeof *ablation->settings, err));
    for (size_t i = 0; i < combinations; i++) LYC_TRY(plan_setting(p, i, i, LYC_BUDGET_SAME, err));
    ablation->setting_count = combinations;
    for (lyc_ablation_budget budget = LYC_BUDGET_LABELS; budget <= LYC_BUDGET_FLOPS; budget++)
        for (size_t i = 0; i < combinations; i++)
            if (is_repeated(p, i, budget))
                LYC_TRY(plan_setting(p, ablation->setting_count++, i, budget, err));
    ablation->has_budgets = ablation->setting_count > combinations;
    return LYC_OK;
}

/* ---- runs --------------------------------------------------------------------------------------------- */

/* Keys on which the banks that a run needs depend. */
static bool concerns_banks(const char *key) {
    static const char *const parts[] = {"data", "teachers", "banks"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t length = strlen(parts[i]);
        if (strncmp(key, parts[i], length) == 0 && (key[length] == '\0' || strchr(".[", key[length])))
            return true;
    }
    return false;
}

static bool same_ensemble(const lyc_ablation *ablation, const size_t *one, const size_t *other) {
    for (size_t a = 0; a < ablation->axis_count; a++)
        if (one[a] != other[a] && concerns_banks(ablation->axes[a].key)) return false;
    return true;
}

static size_t ensemble_of(lyc_ablation *ablation, const lyc_ablation_run *run) {
    for (const lyc_ablation_run *other = ablation->runs; other < run; other++)
        if (same_ensemble(ablation, ablation->settings[other->setting].choice,
                          ablation->settings[run->setting].choice))
            return other->ensemble;
    return ablation->ensemble_count++;
}

static lyc_status quote(lyc_ablation *ablation, const char *key, const char *value, const char **out,
                        lyc_error *err) {
    lyc__json json;
    char *quoted = NULL;
    lyc__json_start(&json, false);
    lyc__json_text(&json, NULL, value);
    LYC_TRY(lyc__json_finish(&json, &quoted, err));
    lyc_status status = format_text(ablation, out, err, "%s=%s", key, quoted);
    lyc_free(quoted);
    return status;
}

/* A run as this one would be if its strategy learned: the base, the file's sets and the axes but that of the
 * strategy, which is "learned". */
static lyc_status load_learned(const planner *p, const lyc_ablation_run *run, lyc_config **out,
                               lyc_error *err) {
    const char **sets = NULL;
    LYC_TRY(take(p->ablation, &sets, run->set_count + 1, sizeof *sets, err));
    for (size_t i = 0; i < run->set_count; i++) sets[i] = run->sets[i];
    sets[p->file.set_count + p->file.budget_axis] = "agent.strategy=\"learned\"";
    sets[run->set_count] = "output=\"unused\"";
    lyc_status status =
        lyc_config_load(out, LYC_CONFIG_DISTILL, p->ablation->base, sets, run->set_count + 1, err);
    if (status != LYC_OK) lyc_error_prefix(err, "budget: what the learned strategy costs cannot be told");
    return status;
}

/* Settings that differ in the rule alone have the same budget. */
static uint32_t known_epochs(const planner *p, size_t setting) {
    const lyc_ablation *ablation = p->ablation;
    for (size_t i = 0; i < ablation->setting_count; i++) {
        bool same = ablation->settings[i].epochs > 0;
        for (size_t a = 0; a < ablation->axis_count; a++)
            same = same && (a == p->file.budget_axis ||
                            ablation->settings[i].choice[a] == ablation->settings[setting].choice[a]);
        if (same) return ablation->settings[i].epochs;
    }
    return 0;
}

static lyc_status plan_epochs(const planner *p, const lyc_ablation_run *run, lyc_error *err) {
    lyc_ablation_setting *setting = &p->ablation->settings[run->setting];
    setting->epochs = known_epochs(p, run->setting);
    if (setting->epochs > 0) return LYC_OK;
    lyc_config *config = NULL;
    LYC_TRY(load_learned(p, run, &config, err));
    lyc_status status = lyc__ablation_epochs(config, &setting->epochs, err);
    lyc_config_destroy(config);
    return status;
}

/* *out: what the budget changes in the configuration; NULL where it changes nothing. */
static lyc_status plan_budget(const planner *p, const lyc_ablation_run *run, const char **out,
                              lyc_error *err) {
    const lyc_ablation_setting *setting = &p->ablation->settings[run->setting];
    *out = setting->budget == LYC_BUDGET_LABELS ? "data.train_on_reward=true" : NULL;
    if (setting->budget != LYC_BUDGET_FLOPS) return LYC_OK;
    LYC_TRY(plan_epochs(p, run, err));
    return format_text(p->ablation, out, err, "train.epochs=%u", setting->epochs);
}

static lyc_status plan_sets(const planner *p, lyc_ablation_run *run, const size_t *choice, lyc_error *err) {
    lyc_ablation *ablation = p->ablation;
    const char **sets = NULL, *name = NULL;
    LYC_TRY(take(ablation, &sets, p->file.set_count + ablation->axis_count + 3, sizeof *sets, err));
    run->sets = sets;
    for (size_t i = 0; i < p->file.set_count; i++) sets[run->set_count++] = p->file.sets[i];
    for (size_t a = 0; a < ablation->axis_count; a++) {
        lyc__text text = {0};
        char *set = NULL;
        lyc__text_add(&text, "%s=%s", p->file.axes[a].key, p->file.axes[a].values[choice[a]]);
        LYC_TRY(lyc__text_finish(&text, &set, err));
        sets[run->set_count++] = lyc_arena_strdup(ablation->memory, set);
        lyc_free(set);
        if (!sets[run->set_count - 1]) LYC_FAIL(err, LYC_ENOMEM, "no memory for the plan of the ablation");
    }
    LYC_TRY(plan_budget(p, run, &sets[run->set_count], err));
    if (sets[run->set_count]) run->set_count++;
    LYC_TRY(format_text(ablation, &name, err, "%s: %s", ablation->name, run->name));
    LYC_TRY(quote(ablation, "name", name, &sets[run->set_count++], err));
    return quote(ablation, "output", run->output, &sets[run->set_count++], err);
}

/* Remembers what is wrong with a configuration; the same fault of many is told once. */
static void add_fault(planner *p, const lyc_ablation_run *run, const lyc_error *fault) {
    const char *known = p->faults.bytes ? p->faults.bytes : "";
    if (strstr(known, fault->message) || p->fault_count++ >= MOST_FAULTS) return;
    lyc__text_add(&p->faults, "\n  %s:\n  %s", run->name, fault->message);
}

static lyc_status plan_run(planner *p, lyc_ablation_run *run, size_t setting, size_t seed, lyc_error *err) {
    lyc_ablation *ablation = p->ablation;
    size_t choice[LYC_ABLATION_AXES];
    char name[LYC__RUN_NAME_SIZE];
    memcpy(choice, ablation->settings[setting].choice, sizeof choice);
    if (ablation->seeds < ablation->axis_count) choice[ablation->seeds] = seed;
    run->setting = setting;
    run->ensemble = ensemble_of(ablation, run);
    LYC_TRY(lyc__ablation_run_name(ablation, choice, ablation->settings[setting].budget, name, err));
    LYC_TRY(format_text(ablation, &run->name, err, "%s", name));
    LYC_TRY(format_text(ablation, &run->output, err, "%s/runs/%s", ablation->output, name));
    LYC_TRY(plan_sets(p, run, choice, err));
    lyc_error fault = {0};
    lyc_status status =
        lyc_config_load(&run->config, LYC_CONFIG_DISTILL, ablation->base, run->sets, run->set_count, &fault);
    if (status == LYC_ECONFIG) add_fault(p, run, &fault);
    else if (status != LYC_OK) LYC_FAIL(err, status, "%s", fault.message);
    return LYC_OK;
}

static lyc_status plan_runs(planner *p, lyc_error *err) {
    lyc_ablation *ablation = p->ablation;
    size_t seeds = ablation->seeds < ablation->axis_count ? ablation->axes[ablation->seeds].count : 1;
    LYC_TRY(take(ablation, &ablation->runs, seeds * ablation->setting_count, sizeof *ablation->runs, err));
    for (size_t seed = 0; seed < seeds; seed++)
        for (size_t setting = 0; setting < ablation->setting_count; setting++) {
            LYC_TRY(plan_run(p, &ablation->runs[ablation->run_count], setting, seed, err));
            ablation->run_count++;
            ablation->settings[setting].runs++;
        }
    return LYC_OK;
}

/* ---- the whole ---------------------------------------------------------------------------------------- */

static lyc_status plan(planner *p, const char *path, lyc_error *err) {
    lyc_ablation *ablation = p->ablation;
    LYC_TRY(lyc__ablation_file_read(&p->file, path, ablation->memory, err));
    ablation->name = p->file.name;
    ablation->base = p->file.base;
    ablation->output = p->file.output;
    ablation->has_reference = p->file.has_reference;
    lyc_status status = lyc__ablation_axes(ablation, &p->file, err);
    if (status == LYC_OK) status = plan_settings(p, err);
    if (status == LYC_OK) status = plan_runs(p, err);
    if (status != LYC_OK) {
        lyc_error_prefix(err, "%s", path);
        return status;
    }
    if (p->fault_count > 0)
        LYC_FAIL(err, LYC_ECONFIG, "%s: some combinations make no valid configuration%s%s", path,
                 p->faults.bytes ? p->faults.bytes : "", p->fault_count > MOST_FAULTS ? "\n  and more" : "");
    return LYC_OK;
}

lyc_status lyc_ablation_load(lyc_ablation **out, const char *path, lyc_error *err) {
    *out = NULL;
    lyc_arena *memory = NULL;
    LYC_TRY(lyc_arena_create(&memory, CHUNK, err));
    lyc_ablation *ablation = lyc_arena_alloc(memory, 1, sizeof *ablation);
    if (!ablation) {
        lyc_arena_destroy(memory);
        LYC_FAIL(err, LYC_ENOMEM, "no memory for an ablation");
    }
    ablation->memory = memory;
    planner p = {.ablation = ablation};
    lyc_status status = plan(&p, path, err);
    lyc__text_discard(&p.faults);
    if (status == LYC_OK) *out = ablation;
    else lyc_ablation_destroy(ablation);
    return status;
}

void lyc_ablation_destroy(lyc_ablation *ablation) {
    if (!ablation) return;
    for (size_t i = 0; i < ablation->run_count; i++) lyc_config_destroy(ablation->runs[i].config);
    lyc_arena_destroy(ablation->memory);
}

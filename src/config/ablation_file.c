#include "config/ablation_file.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/suggest.h"
#include "config/tree.h"
#include "config/types.h"

typedef struct reading {
    lyc__reader tools; /* arena and problems */
    lyc__ablation_file *out;
} reading;

/* ---- values ------------------------------------------------------------------------------------------- */

static const char *json_of(const reading *r, const cJSON *value) {
    char *printed = cJSON_PrintUnformatted(value);
    const char *kept = printed ? lyc__take_text(&r->tools, printed) : NULL;
    if (!printed) r->tools.problems->out_of_memory = true;
    cJSON_free(printed);
    return kept ? kept : "null";
}

static const char *label_of(const reading *r, const cJSON *value) {
    const char *kept =
        cJSON_IsString(value) ? lyc__take_text(&r->tools, value->valuestring) : json_of(r, value);
    return kept ? kept : "";
}

/* False, and a problem, unless `value` is an object without a repeated key. */
static bool check_object(const reading *r, const char *path, const cJSON *value) {
    if (!cJSON_IsObject(value)) {
        lyc__wrong_type(&r->tools, path, "an object", value);
        return false;
    }
    bool good = true;
    for (const cJSON *member = value->child; member; member = member->next)
        for (const cJSON *earlier = value->child; earlier != member; earlier = earlier->next)
            if (strcmp(earlier->string, member->string) == 0) {
                lyc__problem(r->tools.problems, path, "\"%s\" is given twice; keep one", member->string);
                good = false;
                break;
            }
    return good;
}

static void read_text(const reading *r, const char *key, const cJSON *value, const char **out) {
    if (cJSON_IsString(value) && value->valuestring[0]) *out = lyc__take_text(&r->tools, value->valuestring);
    else lyc__wrong_type(&r->tools, key, "a text that is not empty", value);
}

static void read_name(const reading *r, const char *key, const cJSON *value) {
    read_text(r, key, value, &r->out->name);
}

static void read_base(const reading *r, const char *key, const cJSON *value) {
    read_text(r, key, value, &r->out->base);
}

static void read_output(const reading *r, const char *key, const cJSON *value) {
    read_text(r, key, value, &r->out->output);
}

/* ---- axes --------------------------------------------------------------------------------------------- */

static bool is_own_key(const char *key) {
    return strcmp(key, "output") == 0 || strcmp(key, "name") == 0 || strcmp(key, "$schema") == 0;
}

static bool contains(const char *outer, const char *inner) {
    size_t length = strlen(outer);
    return strncmp(outer, inner, length) == 0 && (inner[length] == '\0' || strchr(".[", inner[length]));
}

/* `members`: other keys of the same file. One that lies within another would depend on their order. */
static void check_key(const reading *r, const char *path, const cJSON *member, const cJSON *members) {
    if (is_own_key(member->string))
        lyc__problem(r->tools.problems, path, "the ablation sets it for each run; remove it");
    for (const cJSON *other = members; other; other = other->next)
        if (other != member && contains(other->string, member->string))
            lyc__problem(r->tools.problems, path,
                         "lies within \"%s\", which has values too; keep one of them", other->string);
}

static void check_labels(const reading *r, const char *path, const lyc__axis *axis) {
    for (size_t i = 1; i < axis->count; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(axis->labels[i], axis->labels[k]) == 0)
                lyc__problem(r->tools.problems, path, "has the value %s twice; keep one", axis->labels[i]);
}

static void read_axis(const reading *r, const char *path, const cJSON *member, lyc__axis *axis) {
    bool is_seed = strcmp(member->string, LYC__SEED_KEY) == 0;
    if (!cJSON_IsArray(member) && (is_seed || !cJSON_IsObject(member))) {
        lyc__wrong_type(&r->tools, path,
                        is_seed ? "a list of seeds" : "a list of values, or an object label: value", member);
        return;
    }
    if (cJSON_IsObject(member) && !check_object(r, path, member)) return;
    int count = cJSON_GetArraySize(member);
    if (count < 1 || count > LYC__AXIS_VALUES) {
        lyc__problem(r->tools.problems, path, "has %d values; 1 to %d are possible", count, LYC__AXIS_VALUES);
        return;
    }
    axis->key = lyc__take_text(&r->tools, member->string);
    axis->labels = lyc__take(&r->tools, (size_t)count, sizeof *axis->labels);
    axis->values = lyc__take(&r->tools, (size_t)count, sizeof *axis->values);
    if (!axis->key || !axis->labels || !axis->values) return;
    for (const cJSON *value = member->child; value; value = value->next, axis->count++) {
        axis->labels[axis->count] =
            cJSON_IsObject(member) ? lyc__take_text(&r->tools, value->string) : label_of(r, value);
        axis->values[axis->count] = json_of(r, value);
        if (!axis->labels[axis->count]) return;
    }
    check_labels(r, path, axis);
}

static void read_axes(const reading *r, const char *key, const cJSON *value) {
    if (!check_object(r, key, value)) return;
    int count = cJSON_GetArraySize(value);
    if (count == 0) lyc__problem(r->tools.problems, key, "names no key; give one with the values to try");
    r->out->axes = lyc__take(&r->tools, (size_t)count, sizeof *r->out->axes);
    if (!r->out->axes) return;
    for (const cJSON *member = value->child; member; member = member->next, r->out->axis_count++) {
        char path[LYC__KEY_PATH_SIZE];
        (void)snprintf(path, sizeof path, "axes.%s", member->string);
        check_key(r, path, member, value->child);
        read_axis(r, path, member, &r->out->axes[r->out->axis_count]);
    }
}

static void read_set(const reading *r, const char *key, const cJSON *value) {
    if (!check_object(r, key, value)) return;
    r->out->sets = lyc__take(&r->tools, (size_t)cJSON_GetArraySize(value), sizeof *r->out->sets);
    if (!r->out->sets) return;
    for (const cJSON *member = value->child; member; member = member->next) {
        char path[LYC__KEY_PATH_SIZE];
        (void)snprintf(path, sizeof path, "set.%s", member->string);
        check_key(r, path, member, value->child);
        const char *json = json_of(r, member);
        size_t size = strlen(member->string) + strlen(json) + 2;
        char *set = lyc__take(&r->tools, size, 1);
        if (!set) return;
        (void)snprintf(set, size, "%s=%s", member->string, json);
        r->out->sets[r->out->set_count++] = set;
    }
}

/* ---- the reference ------------------------------------------------------------------------------------ */

static void read_reference_value(const reading *r, const cJSON *member, size_t *reference) {
    char path[LYC__KEY_PATH_SIZE];
    (void)snprintf(path, sizeof path, "reference.%s", member->string);
    if (strcmp(member->string, LYC__SEED_KEY) == 0) {
        lyc__problem(r->tools.problems, path,
                     "runs are paired by seed, so all seeds of the reference count; remove it");
        return;
    }
    for (size_t a = 0; a < r->out->axis_count; a++) {
        const lyc__axis *axis = &r->out->axes[a];
        if (!axis->key || strcmp(axis->key, member->string) != 0) continue;
        const char *label = label_of(r, member);
        for (size_t i = 0; i < axis->count; i++)
            if (strcmp(axis->labels[i], label) == 0) reference[a] = i;
        if (reference[a] == SIZE_MAX)
            lyc__problem(r->tools.problems, path, "%s is not among the values of that axis", label);
        return;
    }
    lyc__problem(r->tools.problems, path, "is not one of the axes");
}

static void read_reference(const reading *r, const cJSON *value) {
    if (!check_object(r, "reference", value)) return;
    size_t *reference = lyc__take(&r->tools, r->out->axis_count, sizeof *reference);
    if (!reference) return;
    for (size_t a = 0; a < r->out->axis_count; a++) reference[a] = SIZE_MAX;
    for (const cJSON *member = value->child; member; member = member->next)
        read_reference_value(r, member, reference);
    r->out->reference = reference;
    r->out->has_reference = value->child != NULL;
}

/* ---- budgets ------------------------------------------------------------------------------------------ */

static const char *const budget_keys[] = {"rules", "more"};

/* What cannot be given more: it spends the budget already, or needs the reward split. */
static bool is_learnt(const char *strategy) {
    static const char *const kinds[] = {"learned", "frozen", "influence"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strncmp(strategy, kinds[i], strlen(kinds[i])) == 0) return true;
    return false;
}

static void read_rules(const reading *r, const cJSON *list, const lyc__axis *axis, uint8_t *chosen) {
    for (size_t i = 0; i < axis->count; i++) chosen[i] = list == NULL && !is_learnt(axis->labels[i]);
    if (list == NULL) return;
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) == 0) {
        lyc__wrong_type(&r->tools, "budget.rules", "a list of values of the axis agent.strategy", list);
        return;
    }
    for (const cJSON *value = list->child; value; value = value->next) {
        const char *label = label_of(r, value);
        size_t at = 0;
        while (at < axis->count && strcmp(axis->labels[at], label) != 0) at++;
        if (at == axis->count)
            lyc__problem(r->tools.problems, "budget.rules",
                         "%s is not among the values of the axis agent.strategy", label);
        else if (is_learnt(label))
            lyc__problem(r->tools.problems, "budget.rules", "%s is no fixed rule; remove it", label);
        else chosen[at] = 1;
    }
}

static void read_more(const reading *r, const cJSON *list) {
    r->out->budget_labels = r->out->budget_flops = list == NULL;
    if (list == NULL) return;
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) == 0) {
        lyc__wrong_type(&r->tools, "budget.more", "a list of \"labels\", \"flops\" or both", list);
        return;
    }
    for (const cJSON *value = list->child; value; value = value->next) {
        const char *label = label_of(r, value);
        if (strcmp(label, "labels") == 0) r->out->budget_labels = true;
        else if (strcmp(label, "flops") == 0) r->out->budget_flops = true;
        else lyc__problem(r->tools.problems, "budget.more", "%s is neither \"labels\" nor \"flops\"", label);
    }
}

static void check_budget_keys(const reading *r, const cJSON *value) {
    for (const cJSON *member = value->child; member; member = member->next) {
        bool known = false;
        for (size_t i = 0; i < sizeof budget_keys / sizeof *budget_keys; i++)
            known = known || strcmp(member->string, budget_keys[i]) == 0;
        if (!known)
            lyc__problem(r->tools.problems, "budget", "unknown key \"%s\"; there are rules and more",
                         member->string);
    }
}

static void read_budget(const reading *r, const cJSON *value) {
    if (!check_object(r, "budget", value)) return;
    check_budget_keys(r, value);
    size_t axis = 0;
    while (axis < r->out->axis_count &&
           (!r->out->axes[axis].key || strcmp(r->out->axes[axis].key, "agent.strategy") != 0))
        axis++;
    if (axis == r->out->axis_count) {
        lyc__problem(r->tools.problems, "budget",
                     "repeats rules with more, so agent.strategy must be one of the axes");
        return;
    }
    uint8_t *chosen = lyc__take(&r->tools, r->out->axes[axis].count, sizeof *chosen);
    if (!chosen) return;
    read_rules(r, cJSON_GetObjectItemCaseSensitive(value, "rules"), &r->out->axes[axis], chosen);
    read_more(r, cJSON_GetObjectItemCaseSensitive(value, "more"));
    r->out->budget_axis = axis;
    r->out->budget_rule = chosen;
}

/* ---- the file ----------------------------------------------------------------------------------------- */

static const struct member {
    const char *key;
    void (*read)(const reading *, const char *key, const cJSON *value);
    const char *needed; /* what it is, where it must be given */
} members[] = {
    {"$schema", NULL, NULL},
    {"name", read_name, "what reports call the ablation"},
    {"base", read_base, "the configuration that every run starts from"},
    {"output", read_output, "the folder for runs and tables"},
    {"axes", read_axes, "keys of the configuration, each with a list of values"},
    {"set", read_set, NULL},
    {"reference", NULL, NULL}, /* read last, as budget: they need the axes */
    {"budget", NULL, NULL},
};
#define MEMBERS (sizeof members / sizeof *members)

static void check_names(const reading *r, const cJSON *tree) {
    const char *names[MEMBERS];
    for (size_t i = 0; i < MEMBERS; i++) names[i] = members[i].key;
    for (const cJSON *member = tree->child; member; member = member->next) {
        bool known = false;
        for (size_t i = 0; i < MEMBERS; i++) known = known || strcmp(names[i], member->string) == 0;
        const char *near = known ? NULL : lyc__nearest(member->string, names, MEMBERS);
        if (near) lyc__problem(r->tools.problems, member->string, "unknown key; did you mean \"%s\"?", near);
        else if (!known)
            lyc__problem(r->tools.problems, member->string,
                         "unknown key of an ablation; keys of the configuration go into \"axes\" or \"set\"");
    }
}

static void read_tree(const reading *r, const cJSON *tree) {
    if (!check_object(r, "", tree)) return;
    check_names(r, tree);
    for (size_t i = 0; i < MEMBERS; i++) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(tree, members[i].key);
        if (value && members[i].read) members[i].read(r, members[i].key, value);
        if (!value && members[i].needed)
            lyc__problem(r->tools.problems, members[i].key, "must be given: %s", members[i].needed);
    }
    for (size_t i = 0; i < r->out->set_count; i++)
        for (size_t a = 0; a < r->out->axis_count; a++) {
            char key[LYC__KEY_PATH_SIZE];
            (void)snprintf(key, sizeof key, "%.*s", (int)strcspn(r->out->sets[i], "="), r->out->sets[i]);
            const char *axis = r->out->axes[a].key;
            if (axis && (contains(axis, key) || contains(key, axis)))
                lyc__problem(r->tools.problems, "set", "\"%s\" has values in \"axes\" too; keep one of them",
                             key);
        }
    const cJSON *reference = cJSON_GetObjectItemCaseSensitive(tree, "reference");
    if (reference) read_reference(r, reference);
    const cJSON *budget = cJSON_GetObjectItemCaseSensitive(tree, "budget");
    r->out->budget_axis = r->out->axis_count;
    if (budget) read_budget(r, budget);
}

lyc_status lyc__ablation_file_read(lyc__ablation_file *out, const char *path, lyc_arena *arena,
                                   lyc_error *err) {
    *out = (lyc__ablation_file){0};
    cJSON *tree = NULL;
    LYC_TRY(lyc__tree_load(&tree, path, err));
    lyc__problems *problems = NULL;
    lyc_status status = lyc_allocate((void **)&problems, 1, sizeof *problems, "the list of problems", err);
    if (status == LYC_OK) {
        reading r = {.tools = {.arena = arena, .problems = problems}, .out = out};
        read_tree(&r, tree);
        status = lyc__problems_report(problems, path, err);
    }
    lyc_free(problems);
    cJSON_Delete(tree);
    return status;
}

/* ---- figures ------------------------------------------------------------------------------------------ */

static lyc_status number_at(const cJSON *tree, const char *path, const char *key, double *out,
                            lyc_error *err) {
    const cJSON *at = tree;
    for (const char *rest = key; at && *rest;) {
        char name[LYC__KEY_PATH_SIZE];
        size_t length = strcspn(rest, ".");
        (void)snprintf(name, sizeof name, "%.*s", (int)length, rest);
        at = cJSON_GetObjectItemCaseSensitive(at, name);
        rest += length + (rest[length] == '.');
    }
    if (!at || !(cJSON_IsNumber(at) || cJSON_IsNull(at)))
        LYC_FAIL(err, LYC_EFORMAT, "%s: holds no number \"%s\"; was it written by another version?", path,
                 key);
    *out = cJSON_IsNull(at) ? (double)NAN : at->valuedouble;
    return LYC_OK;
}

lyc_status lyc__json_numbers(const char *path, const char *const *keys, size_t count, double *out,
                             lyc_error *err) {
    cJSON *tree = NULL;
    LYC_TRY(lyc__tree_load(&tree, path, err));
    lyc_status status = LYC_OK;
    for (size_t i = 0; status == LYC_OK && i < count; i++)
        status = number_at(tree, path, keys[i], &out[i], err);
    cJSON_Delete(tree);
    return status;
}

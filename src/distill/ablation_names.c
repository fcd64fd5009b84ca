/* What axes, settings and runs are called. */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "distill/ablation.h"
#include "lyceum/memory.h"

#define PLAIN      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+:@%-"
#define VALUE_SIZE 40 /* of one value in a folder's name */

static const char *last_part(const char *key) {
    const char *dot = strrchr(key, '.');
    return dot ? dot + 1 : key;
}

lyc_status lyc__ablation_axes(lyc_ablation *ablation, const lyc__ablation_file *file, lyc_error *err) {
    if (file->axis_count > LYC_ABLATION_AXES)
        LYC_FAIL(err, LYC_ECONFIG, "axes: %zu keys; at most %d are possible", file->axis_count,
                 LYC_ABLATION_AXES);
    ablation->axis_count = ablation->seeds = file->axis_count;
    for (size_t a = 0; a < file->axis_count; a++) {
        const lyc__axis *axis = &file->axes[a];
        bool unique = true;
        for (size_t b = 0; b < file->axis_count; b++)
            unique = unique && (a == b || strcmp(last_part(axis->key), last_part(file->axes[b].key)) != 0);
        ablation->axes[a] = (lyc_ablation_axis){.key = axis->key,
                                                .heading = unique ? last_part(axis->key) : axis->key,
                                                .count = axis->count,
                                                .labels = axis->labels};
        if (strcmp(axis->key, LYC__SEED_KEY) == 0) ablation->seeds = a;
    }
    return LYC_OK;
}

/* Eight digits stand for what cannot be written: enough among the thousand values that an axis may have. */
static void folder_value(const char *label, char out[VALUE_SIZE]) {
    size_t length = strlen(label), kept = 0;
    for (const char *p = label; *p && kept < VALUE_SIZE - 10; p++)
        if (strchr(PLAIN, *p)) out[kept++] = *p;
    out[kept] = '\0';
    if (kept == length) return;
    unsigned long long sum = lyc__hash64(label, length) & 0xffffffffU;
    (void)snprintf(out + kept, VALUE_SIZE - kept, "%s%08llx", kept ? "-" : "", sum);
}

lyc_status lyc__ablation_run_name(const lyc_ablation *ablation, const size_t *choice,
                                  lyc_ablation_budget budget, char out[LYC__RUN_NAME_SIZE], lyc_error *err) {
    lyc__text text = {0};
    for (size_t a = 0; a < ablation->axis_count; a++) {
        char value[VALUE_SIZE];
        folder_value(ablation->axes[a].labels[choice[a]], value);
        lyc__text_add(&text, "%s%s=%s", text.size ? "," : "", ablation->axes[a].heading, value);
    }
    if (budget != LYC_BUDGET_SAME) lyc__text_add(&text, ",budget=%s", lyc_ablation_budget_name(budget));
    char *whole;
    LYC_TRY(lyc__text_finish(&text, &whole, err));
    size_t length = strlen(whole);
    if (length < LYC__RUN_NAME_SIZE) (void)snprintf(out, LYC__RUN_NAME_SIZE, "%s", whole);
    else
        (void)snprintf(out, LYC__RUN_NAME_SIZE, "%.*s-%016llx", LYC__RUN_NAME_SIZE - 18, whole,
                       (unsigned long long)lyc__hash64(whole, length));
    lyc_free(whole);
    return LYC_OK;
}

const char *lyc_ablation_budget_name(lyc_ablation_budget budget) {
    static const char *const names[] = {
        [LYC_BUDGET_SAME] = "same", [LYC_BUDGET_LABELS] = "labels", [LYC_BUDGET_FLOPS] = "flops"};
    return names[budget];
}

lyc_status lyc__ablation_label(const lyc_ablation *ablation, const size_t *choice, lyc_ablation_budget budget,
                               const char **out, lyc_error *err) {
    lyc__text text = {0};
    char *label = NULL;
    for (size_t a = 0; a < ablation->axis_count; a++)
        if (a != ablation->seeds)
            lyc__text_add(&text, "%s%s=%s", text.size ? ", " : "", ablation->axes[a].heading,
                          ablation->axes[a].labels[choice[a]]);
    if (!text.size) lyc__text_add(&text, "base");
    if (budget != LYC_BUDGET_SAME) lyc__text_add(&text, ", budget=%s", lyc_ablation_budget_name(budget));
    LYC_TRY(lyc__text_finish(&text, &label, err));
    *out = lyc_arena_strdup(ablation->memory, label);
    lyc_free(label);
    if (!*out) LYC_FAIL(err, LYC_ENOMEM, "no memory for the name of a setting");
    return LYC_OK;
}

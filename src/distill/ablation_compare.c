/* From the figures of runs to means, deviations and tested differences of settings. */
#include <math.h>
#include <stddef.h>

#include "distill/ablation.h"
#include "distill/statistics.h"
#include "lyceum/memory.h"

const lyc_ablation_run *lyc__ablation_run_of(const lyc_ablation *ablation, size_t setting, size_t seed) {
    size_t index = seed * ablation->setting_count + setting;
    return index < ablation->run_count ? &ablation->runs[index] : NULL;
}

static const lyc_ablation_figures *figures_of(const lyc_ablation *ablation, size_t setting, size_t seed) {
    const lyc_ablation_run *run = lyc__ablation_run_of(ablation, setting, seed);
    return run && run->state == LYC_ABLATION_FINISHED ? &run->figures : NULL;
}

static size_t seed_count(const lyc_ablation *ablation) {
    return ablation->setting_count > 0 ? ablation->run_count / ablation->setting_count : 0;
}

/* ---- means -------------------------------------------------------------------------------------------- */

static double accuracy_of(const lyc_ablation_figures *f) {
    return f->test_accuracy;
}
static double nll_of(const lyc_ablation_figures *f) {
    return f->test_nll;
}
static double ece_of(const lyc_ablation_figures *f) {
    return f->test_ece;
}
static double agreement_of(const lyc_ablation_figures *f) {
    return f->agreement;
}
static double seconds_of(const lyc_ablation_figures *f) {
    return f->seconds;
}
static double flops_of(const lyc_ablation_figures *f) {
    return f->flops_student + f->flops_teachers + f->flops_probes;
}

static const struct summary {
    double (*value)(const lyc_ablation_figures *);
    size_t offset; /* of the spread in the setting */
} summaries[] = {
    {accuracy_of, offsetof(lyc_ablation_setting, accuracy)},
    {nll_of, offsetof(lyc_ablation_setting, nll)},
    {ece_of, offsetof(lyc_ablation_setting, ece)},
    {agreement_of, offsetof(lyc_ablation_setting, agreement)},
    {seconds_of, offsetof(lyc_ablation_setting, seconds)},
    {flops_of, offsetof(lyc_ablation_setting, flops)},
};

static void summarise(const lyc_ablation *ablation, size_t index, double *values) {
    lyc_ablation_setting *setting = &ablation->settings[index];
    for (size_t i = 0; i < sizeof summaries / sizeof *summaries; i++) {
        size_t count = 0;
        for (size_t seed = 0; seed < seed_count(ablation); seed++) {
            const lyc_ablation_figures *figures = figures_of(ablation, index, seed);
            if (figures) values[count++] = summaries[i].value(figures);
        }
        lyc__sample sample = lyc__sample_of(values, count);
        *(lyc_ablation_spread *)(void *)((char *)setting + summaries[i].offset) =
            (lyc_ablation_spread){.mean = sample.mean, .deviation = sample.deviation};
        setting->finished = count;
    }
}

static void mean_weights(const lyc_ablation *ablation, size_t index) {
    lyc_ablation_setting *setting = &ablation->settings[index];
    setting->weight_count = 0;
    for (size_t k = 0; k < LYC_MAX_TEACHERS; k++) setting->weight[k] = 0;
    for (size_t seed = 0; seed < seed_count(ablation); seed++) {
        const lyc_ablation_figures *figures = figures_of(ablation, index, seed);
        if (!figures) continue;
        setting->weight_count = figures->weight_count;
        for (size_t k = 0; k < figures->weight_count; k++)
            setting->weight[k] += figures->weight[k] / (double)setting->finished;
    }
}

/* ---- differences -------------------------------------------------------------------------------------- */

static void compare(const lyc_ablation *ablation, size_t index, double *values, double *others) {
    lyc_ablation_setting *setting = &ablation->settings[index];
    size_t pairs = 0;
    for (size_t seed = 0; setting->reference != LYC_NO_SETTING && seed < seed_count(ablation); seed++) {
        const lyc_ablation_figures *mine = figures_of(ablation, index, seed);
        const lyc_ablation_figures *theirs = figures_of(ablation, setting->reference, seed);
        if (!mine || !theirs || isnan(mine->test_accuracy) || isnan(theirs->test_accuracy)) continue;
        values[pairs] = mine->test_accuracy;
        others[pairs++] = theirs->test_accuracy;
    }
    lyc__paired paired = lyc__paired_difference(values, others, pairs);
    setting->difference = (lyc_ablation_difference){.pairs = pairs,
                                                    .mean = paired.mean,
                                                    .low = paired.low,
                                                    .high = paired.high,
                                                    .p = paired.p,
                                                    .p_holm = NAN};
}

lyc_status lyc__ablation_compare(lyc_ablation *ablation, lyc_error *err) {
    double *values = NULL, *others = NULL;
    size_t size =
        ablation->run_count > ablation->setting_count ? ablation->run_count : ablation->setting_count;
    LYC_TRY(LYC_NEW_ARRAY(values, size, err));
    lyc_status status = LYC_NEW_ARRAY(others, size, err);
    if (status == LYC_OK) {
        for (size_t i = 0; i < ablation->setting_count; i++) {
            summarise(ablation, i, values);
            mean_weights(ablation, i);
            compare(ablation, i, values, others);
        }
        for (size_t i = 0; i < ablation->setting_count; i++) values[i] = ablation->settings[i].difference.p;
        lyc__holm(values, ablation->setting_count, others);
        for (size_t i = 0; i < ablation->setting_count; i++)
            ablation->settings[i].difference.p_holm = others[i];
    }
    lyc_free(others);
    lyc_free(values);
    return status;
}

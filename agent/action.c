#include "agent/action.h"

#include <string.h>

#include "agent/scores.h"
#include "agent/subset.h"

static const struct {
    bool selects, weighs;
} modes[] = {
    [LYC_ACTION_SELECT] = {.selects = true},
    [LYC_ACTION_WEIGHT] = {.weighs = true},
    [LYC_ACTION_SELECT_WEIGHT] = {.selects = true, .weighs = true},
};

lyc__action_law lyc__action_law_of(const lyc_agent_options *options, int teachers) {
    return (lyc__action_law){.teachers = teachers,
                             .selects = modes[options->action].selects,
                             .weighs = modes[options->action].weighs,
                             .sigma = options->sigma};
}

/* weight[] normalised inside the selection, as floats. */
static void set_weights(const double *weight, int teachers, lyc_action *out) {
    double sum = 0.0;
    for (int k = 0; k < teachers; k++) sum += out->select[k] ? weight[k] : 0.0;
    for (int k = 0; k < teachers; k++) out->weight[k] = out->select[k] ? (float)(weight[k] / sum) : 0.0F;
}

void lyc__action_sample(const lyc__action_law *law, const lyc__heads *heads, lyc_random *random,
                        lyc_action *out) {
    double weight[LYC_MAX_TEACHERS];
    *out = (lyc_action){0};
    memset(out->select, 1, (size_t)law->teachers);
    if (law->selects) lyc__subset_sample(heads->select, law->teachers, random, out->select);
    if (law->weighs)
        lyc__scores_sample(heads->score, law->sigma, out->select, law->teachers, random, out->score);
    lyc__scores_softmax(out->score, out->select, law->teachers, weight);
    set_weights(weight, law->teachers, out);
    out->log_prob = lyc__action_log_prob(law, heads, out);
    for (int k = 0; k < law->teachers; k++) out->selected += out->select[k] / (double)law->teachers;
}

double lyc__action_log_prob(const lyc__action_law *law, const lyc__heads *heads, const lyc_action *action) {
    double sum = 0.0;
    if (law->selects) sum += lyc__subset_log_prob(heads->select, law->teachers, action->select);
    if (law->weighs)
        sum +=
            lyc__scores_log_density(heads->score, law->sigma, action->select, action->score, law->teachers);
    return sum;
}

void lyc__action_log_prob_gradient(const lyc__action_law *law, const lyc__heads *heads,
                                   const lyc_action *action, double scale, lyc__heads *gradient) {
    if (law->selects)
        lyc__subset_log_prob_gradient(heads->select, law->teachers, action->select, scale, gradient->select);
    if (law->weighs)
        lyc__scores_log_density_gradient(heads->score, law->sigma, action->select, action->score,
                                         law->teachers, scale, gradient->score);
}

double lyc__action_entropy(const lyc__action_law *law, const lyc__heads *heads) {
    return law->selects ? lyc__subset_entropy(heads->select, law->teachers) : 0.0;
}

void lyc__action_entropy_gradient(const lyc__action_law *law, const lyc__heads *heads, double scale,
                                  lyc__heads *gradient) {
    if (law->selects) lyc__subset_entropy_gradient(heads->select, law->teachers, scale, gradient->select);
}

void lyc__action_mean_weights(const lyc__action_law *law, const lyc__heads *heads, double *weight) {
    uint8_t everybody[LYC_MAX_TEACHERS];
    memset(everybody, 1, sizeof everybody);
    if (!law->selects) lyc__scores_softmax(heads->score, everybody, law->teachers, weight);
    else if (law->weighs) lyc__scores_mean_weights(heads->select, heads->score, law->teachers, weight);
    else lyc__subset_mean_weights(heads->select, law->teachers, weight);
}

void lyc__action_greedy(const lyc__action_law *law, const lyc__heads *heads, double *mean, double *entropy,
                        lyc_action *out) {
    *out = (lyc_action){0};
    memset(out->select, 1, (size_t)law->teachers);
    if (law->selects) lyc__subset_greedy(heads->select, law->teachers, out->select);
    if (law->selects && !law->weighs) {
        lyc__subset_describe(heads->select, law->teachers, out->select, mean, &out->log_prob, entropy);
    } else {
        for (int k = 0; k < law->teachers; k++) out->score[k] = out->select[k] ? heads->score[k] : 0.0;
        lyc__action_mean_weights(law, heads, mean);
        out->log_prob = lyc__action_log_prob(law, heads, out);
        *entropy = lyc__action_entropy(law, heads);
    }
    set_weights(mean, law->teachers, out);
}

bool lyc__action_equal(const lyc__action_law *law, const lyc_action *a, const lyc_action *b) {
    size_t teachers = (size_t)law->teachers;
    return memcmp(a->select, b->select, teachers * sizeof a->select[0]) == 0 &&
           memcmp(a->weight, b->weight, teachers * sizeof a->weight[0]) == 0;
}

#include "distill/reward.h"

#include <math.h>

#define LOSS_EPSILON 1e-8

static double relative_fall(double before, double after) {
    return (before - after) / (fabs(before) + LOSS_EPSILON);
}

static double rise(double before, double after) {
    return after - before;
}

static double accuracy(const lyc_metrics *metrics) {
    return metrics->accuracy;
}

static double f1_macro(const lyc_metrics *metrics) {
    return metrics->f1_macro;
}

static const struct {
    double (*improvement)(double before, double after);
    double (*figure)(const lyc_metrics *metrics); /* NULL: the mean cross-entropy, which needs no metrics */
} kinds[] = {
    [LYC_REWARD_LOSS] = {relative_fall, NULL},
    [LYC_REWARD_ACCURACY] = {rise, accuracy},
    [LYC_REWARD_F1] = {rise, f1_macro},
};

bool lyc__reward_needs_logits(lyc_reward_kind kind) {
    return kinds[kind].figure != NULL;
}

lyc_status lyc__reward_measure(lyc__job *job, lyc_student *student, const lyc__held_out *samples, lyc_priority priority,
                               float *logits, double *out, lyc_error *err) {
    lyc_reward_kind kind = job->config->agent.reward.kind;
    if (!lyc__reward_needs_logits(kind)) {
        *out = lyc_student_held_out_loss(student, samples->rows, samples->labels, samples->count, priority, job->pool);
        return LYC_OK;
    }
    lyc_metrics metrics;
    lyc_student_held_out_logits(student, samples->rows, samples->count, logits, priority, job->pool);
    LYC_TRY(lyc_metrics_compute(&metrics, logits, samples->labels, samples->count, job->classes, err));
    *out = kinds[kind].figure(&metrics);
    return LYC_OK;
}

double lyc__reward_of(const lyc_agent_options *agent, double before, double after, double selected) {
    return kinds[agent->reward.kind].improvement(before, after) - agent->reward.cost * selected;
}

#include "distill/reward.h"

#include <math.h>

#include "distill/calibration.h"

#define LOSS_EPSILON 1e-8

static double relative_fall(double before, double after) {
    return (before - after) / (fabs(before) + LOSS_EPSILON);
}

static double rise(double before, double after) {
    return after - before;
}

/* ---- what a student is worth, from its logits on the samples -------------------------------------- */

typedef lyc_status worth_fn(const lyc__held_out *samples, int classes, float *logits, double *out,
                            lyc_error *err);

static lyc_status metrics_of(const lyc__held_out *samples, int classes, const float *logits, lyc_metrics *out,
                             lyc_error *err) {
    return lyc_metrics_compute(out, logits, samples->labels, samples->count, classes, err);
}

static lyc_status accuracy(const lyc__held_out *samples, int classes, float *logits, double *out,
                           lyc_error *err) {
    lyc_metrics metrics;
    LYC_TRY(metrics_of(samples, classes, logits, &metrics, err));
    *out = metrics.accuracy;
    return LYC_OK;
}

static lyc_status f1_macro(const lyc__held_out *samples, int classes, float *logits, double *out,
                           lyc_error *err) {
    lyc_metrics metrics;
    LYC_TRY(metrics_of(samples, classes, logits, &metrics, err));
    *out = metrics.f1_macro;
    return LYC_OK;
}

static lyc_status calibrated_loss(const lyc__held_out *samples, int classes, float *logits, double *out,
                                  lyc_error *err) {
    (void)err; /* logits that are not numbers make it NAN, which nobody learns from */
    float *scratch = logits + (size_t)samples->count * (size_t)classes;
    *out = lyc__calibrated_loss(logits, samples->labels, samples->count, (size_t)classes, scratch, NULL);
    return LYC_OK;
}

static const struct {
    double (*improvement)(double before, double after);
    worth_fn *worth; /* NULL: the mean cross-entropy, which needs no logits */
    size_t rooms;    /* of [samples, classes] floats that `worth` takes: the logits, and scratch */
} kinds[] = {
    [LYC_REWARD_LOSS] = {relative_fall, NULL, 0},
    [LYC_REWARD_CALIBRATED] = {relative_fall, calibrated_loss, 2},
    [LYC_REWARD_ACCURACY] = {rise, accuracy, 1},
    [LYC_REWARD_F1] = {rise, f1_macro, 1},
};

size_t lyc__reward_room(lyc_reward_kind kind, size_t samples, size_t classes) {
    return kinds[kind].rooms * samples * classes;
}

lyc_status lyc__reward_measure(lyc__job *job, lyc_student *student, const lyc__held_out *samples,
                               lyc_priority priority, float *room, double *out, lyc_error *err) {
    worth_fn *worth = kinds[job->config->agent.reward.kind].worth;
    if (worth == NULL) {
        *out = lyc_student_held_out_loss(student, samples->rows, samples->labels, samples->count, priority,
                                         job->pool);
        return LYC_OK;
    }
    lyc_student_held_out_logits(student, samples->rows, samples->count, room, priority, job->pool);
    return worth(samples, job->classes, room, out, err);
}

double lyc__reward_of(const lyc_agent_options *agent, double before, double after, double selected) {
    return kinds[agent->reward.kind].improvement(before, after) - agent->reward.cost * selected;
}

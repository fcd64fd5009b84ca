/* Students of a run: the real one, and the clones that probes teach. */
#include "distill/job.h"

static lyc_status open_student(lyc__job *job, double ema_decay, double smoothing, lyc_student **out, lyc_error *err) {
    const lyc_config *config = job->config;
    lyc_student_options options = {
        .loss = config->loss,
        .optimizer = config->optimizer,
        .learning_rate = config->learning_rate,
        .schedule = config->schedule,
        .ema_decay = ema_decay,
        .total_steps = job->total_steps,
        .batch = config->train.batch,
        .seed = config->train.seed,
    };
    options.loss.label_smoothing = smoothing;
    lyc_student_data data = {.data = job->data, .labels = job->splits->labels, .preprocess = job->model->preprocess,
                             .recipe = config->data.view};
    return lyc_student_create(out, job->model->network, &data, &options, err);
}

lyc_status lyc__job_student(lyc__job *job, lyc_student **out, lyc_error *err) {
    return open_student(job, job->config->train.ema_decay, job->config->loss.label_smoothing, out, err);
}

lyc_status lyc__job_clone(lyc__job *job, lyc_student **out, lyc_error *err) {
    return open_student(job, 0.0, job->config->loss.label_smoothing, out, err);
}

lyc_status lyc__job_measuring_clone(lyc__job *job, lyc_student **out, lyc_error *err) {
    return open_student(job, 0.0, 0.0, out, err);
}

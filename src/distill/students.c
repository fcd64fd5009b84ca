/* Students of a run: the real one, and the clones that probes teach. */
#include "distill/job.h"

lyc_status lyc__job_student(lyc__job *job, lyc_student **out, lyc_error *err) {
    const lyc_config *config = job->config;
    lyc_student_options options = {
        .loss = config->loss,
        .optimizer = config->optimizer,
        .learning_rate = config->learning_rate,
        .schedule = config->schedule.kind,
        .warmup = config->schedule.warmup,
        .total_steps = job->total_steps,
        .batch = config->train.batch,
        .seed = config->train.seed,
    };
    lyc_student_data data = {.data = job->data, .labels = job->splits->labels, .preprocess = job->model->preprocess,
                             .recipe = config->data.view};
    return lyc_student_create(out, job->model->network, &data, &options, err);
}

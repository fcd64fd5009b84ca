/* Influence within a run: when it is renewed, on which held-out rows. */
#include "distill/influence.h"
#include "distill/job.h"
#include "lyceum/memory.h"
#include "lyceum/random.h"

static uint32_t sample_count(const lyc__job *job) {
    uint32_t held_out = job->splits->count[LYC_SPLIT_REWARD],
             wanted = (uint32_t)job->config->agent.credit.samples;
    return wanted < held_out ? wanted : held_out;
}

lyc_status lyc__job_influence_open(lyc__job *job, lyc_error *err) {
    lyc__influence_options options = {
        .network = job->model->network,
        .form = lyc_strategy_influence(job->strategy),
        .batch = job->config->train.batch,
        .teachers = job->teachers,
        .classes = job->classes,
    };
    if (options.form == LYC_INFLUENCE_NONE) return LYC_OK;
    LYC_TRY(LYC_NEW_ARRAY(job->influence_rows, job->splits->count[LYC_SPLIT_REWARD], err));
    LYC_TRY(lyc__job_measuring_clone(job, &options.measured, err));
    return lyc__influence_create(&job->influence, &options, err);
}

void lyc__job_influence_close(lyc__job *job) {
    lyc__influence_destroy(job->influence);
    lyc_free(job->influence_rows);
}

/* All rows of the split in an order that belongs to the step: its first ones are measured. */
static void draw_rows(lyc__job *job, const lyc_batch *batch) {
    uint32_t held_out = job->splits->count[LYC_SPLIT_REWARD];
    lyc_random_permutation((lyc_random_key){.seed = job->config->train.seed,
                                            .purpose = LYC_PURPOSE_REWARD,
                                            .epoch = batch->epoch,
                                            .step = batch->step},
                           job->influence_rows, held_out);
    for (uint32_t i = 0; i < held_out; i++)
        job->influence_rows[i] = job->splits->rows[LYC_SPLIT_REWARD][job->influence_rows[i]];
}

lyc_status lyc__job_influence(lyc__job *job, const lyc_batch *batch, lyc_decision_input *input,
                              lyc_error *err) {
    if (job->influence == NULL) return LYC_OK;
    if (job->cursor.global_step % (uint64_t)job->config->agent.credit.every == 0) {
        draw_rows(job, batch);
        LYC_TRY(lyc__influence_renew(job->influence, job->student, job->influence_rows, sample_count(job),
                                     batch, job->pool, err));
    }
    lyc__influence_measure(job->influence, job->student, batch, input->student_logits, input->teacher_logits,
                           input->temperature, job->pool, &input->influence);
    return LYC_OK;
}

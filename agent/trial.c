/* Trials per instance: what one clone of the student decides, row by row, on the batches of a probe. */
#include <string.h>

#include "agent/learned.h"

lyc_status lyc__trial_create(lyc__trial *trial, lyc_strategy *strategy, const lyc__learner *learner,
                             lyc_error *err) {
    size_t rows = strategy->max_rows, teachers = (size_t)strategy->facts.teachers;
    trial->memory = (lyc__memory){.batches = learner->interval,
                                  .rows = rows,
                                  .observation_size = learner->observation_size,
                                  .teachers = teachers};
    LYC_TRY(lyc__memory_create(&trial->memory, strategy, err));
    LYC_TRY(lyc__observation_scratch_create(&trial->scratch, strategy, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, trial->workspace, learner->policy->workspace(&learner->shape), err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, trial->observation, rows * learner->observation_size, err));
    return LYC__STRATEGY_NEW(strategy, trial->weights, rows * teachers, err);
}

void lyc__trial_start(lyc__trial *trial, const lyc_decision_input *input) {
    lyc__memory_clear(&trial->memory);
    memset(trial->weight_sum, 0, sizeof trial->weight_sum);
    trial->selected_sum = 0.0;
    trial->epoch = input->epoch;
    trial->step = input->step;
}

/* Decision `row` of the batch that was opened last. Its key is the trial's, not the batch's: probes that meet
 * the same batch draw independently. */
static void decide_row(lyc__trial *trial, const lyc__learned *own, const lyc_decision_input *input, int draw,
                       size_t row, lyc_action *out) {
    const lyc__learner *learner = &own->learner;
    const double *observation = trial->observation + row * learner->observation_size;
    size_t number = ((size_t)*trial->memory.count - 1) * trial->memory.rows + row;
    lyc_random random = lyc_random_start((lyc_random_key){.seed = input->seed,
                                                          .purpose = LYC_PURPOSE_ACTION,
                                                          .epoch = trial->epoch,
                                                          .step = trial->step,
                                                          .sample = (uint32_t)(2 * number) + (uint32_t)draw});
    lyc__heads heads;
    lyc__learner_heads(learner, observation, trial->workspace, NULL, &heads);
    lyc__action_sample(&learner->law, &heads, &random, out);
    lyc__memory_push(&trial->memory, observation, out);
}

lyc_status lyc__trial_follow(lyc__trial *trial, const lyc__learned *own, const lyc_decision_input *input,
                             int draw, lyc_action *action, lyc_taught *out, lyc_error *err) {
    size_t teachers = trial->memory.teachers;
    if (lyc__memory_full(&trial->memory))
        LYC_FAIL(err, LYC_EINTERNAL, "follow: %zu batches are all that agent.credit.steps allows a trial",
                 trial->memory.batches);
    LYC_TRY(lyc__observation_look(&own->observe, &trial->scratch, input, trial->observation, err));
    lyc__memory_open(&trial->memory);
    for (size_t row = 0; row < input->rows; row++) {
        lyc_action one;
        decide_row(trial, own, input, draw, row, &one);
        memcpy(trial->weights + row * teachers, one.weight, teachers * sizeof one.weight[0]);
        action->log_prob += one.log_prob;
        trial->selected_sum += one.selected;
        for (size_t k = 0; k < teachers; k++) {
            action->select[k] |= one.select[k];
            trial->weight_sum[k] += (double)one.weight[k];
        }
    }
    double decisions = (double)lyc__memory_decisions(&trial->memory);
    for (size_t k = 0; k < teachers; k++) action->weight[k] = (float)(trial->weight_sum[k] / decisions);
    action->selected = trial->selected_sum / decisions;
    *out = (lyc_taught){.weights = trial->weights, .per_row = true};
    return LYC_OK;
}

/* Trials per instance: what one clone of the student decides, row by row, on the batches of a probe. */
#include <string.h>

#include "agent/learned.h"

lyc_status lyc__trial_create(lyc__trial *trial, lyc_strategy *strategy, const lyc__learned *own,
                             lyc_error *err) {
    const lyc__learner *learner = &own->learner;
    size_t rows = strategy->max_rows, teachers = (size_t)strategy->facts.teachers;
    trial->memory = (lyc__memory){.batches = learner->interval,
                                  .rows = rows,
                                  .observation_size = learner->observation_size,
                                  .teachers = teachers};
    LYC_TRY(lyc__memory_create(&trial->memory, strategy, err));
    LYC_TRY(lyc__observation_create_copy(&trial->observe, &own->observe, strategy, err));
    LYC_TRY(lyc__lots_create(&trial->lots, strategy, learner->policy, &learner->shape, rows, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, trial->log_prob, rows, err));
    LYC_TRY(LYC__STRATEGY_NEW(strategy, trial->observation, rows * learner->observation_size, err));
    return LYC__STRATEGY_NEW(strategy, trial->weights, rows * teachers, err);
}

void lyc__trial_start(lyc__trial *trial, const lyc__observation *observe, const lyc_decision_input *input) {
    lyc__observation_copy(&trial->observe, observe);
    lyc__memory_clear(&trial->memory);
    memset(trial->weight_sum, 0, sizeof trial->weight_sum);
    trial->selected = 0;
    trial->epoch = input->epoch;
    trial->step = input->step;
}

/* A batch that a trial decides on. */
typedef struct following {
    lyc__trial *trial;
    const lyc__learner *learner;
    const lyc_decision_input *input;
    int draw;
} following;

/* Decision `row` of the batch that was opened last. Its key is the trial's, not the batch's: probes that meet
 * the same batch draw independently. */
static void decide_row(const following *task, size_t row, const lyc__heads *heads) {
    lyc__trial *trial = task->trial;
    size_t teachers = trial->memory.teachers,
           number = ((size_t)*trial->memory.count - 1) * trial->memory.rows + row;
    lyc_random random =
        lyc_random_start((lyc_random_key){.seed = task->input->seed,
                                          .purpose = LYC_PURPOSE_ACTION,
                                          .epoch = trial->epoch,
                                          .step = trial->step,
                                          .sample = (uint32_t)(2 * number) + (uint32_t)task->draw});
    lyc_action action;
    lyc__action_sample(&task->learner->law, heads, &random, &action);
    lyc__memory_put(&trial->memory, row, trial->observation + row * trial->memory.observation_size, &action);
    memcpy(trial->weights + row * teachers, action.weight, teachers * sizeof action.weight[0]);
    trial->log_prob[row] = action.log_prob;
}

static void decide_block(void *payload, size_t lot, size_t first, size_t count, double *workspace) {
    (void)lot;
    const following *task = payload;
    lyc__heads heads[LYC__BLOCK_ROWS];
    lyc__learner_heads(task->learner, task->trial->observation + first * task->learner->observation_size,
                       count, workspace, NULL, heads);
    for (size_t i = 0; i < count; i++) decide_row(task, first + i, &heads[i]);
}

/* The batch that was decided last enters what the action sums up. */
static void summarise(lyc__trial *trial, size_t rows, lyc_action *action) {
    const size_t teachers = trial->memory.teachers;
    const uint8_t *select =
        trial->memory.select + ((size_t)*trial->memory.count - 1) * trial->memory.rows * teachers;
    double decisions = (double)lyc__memory_decisions(&trial->memory);
    for (size_t row = 0; row < rows; row++) {
        action->log_prob += trial->log_prob[row];
        for (size_t k = 0; k < teachers; k++) {
            action->select[k] |= select[row * teachers + k];
            trial->selected += select[row * teachers + k];
            trial->weight_sum[k] += (double)trial->weights[row * teachers + k];
        }
    }
    for (size_t k = 0; k < teachers; k++) action->weight[k] = (float)(trial->weight_sum[k] / decisions);
    action->selected = (double)trial->selected / ((double)teachers * decisions);
}

lyc_status lyc__trial_follow(lyc__trial *trial, const lyc__learner *learner, const lyc_decision_input *input,
                             int draw, lyc_action *action, lyc_taught *out, lyc_error *err) {
    if (lyc__memory_full(&trial->memory))
        LYC_FAIL(err, LYC_EINTERNAL, "follow: %zu batches are all that agent.credit.steps allows a trial",
                 trial->memory.batches);
    LYC_TRY(lyc__observation_look(&trial->observe, input, trial->observation, err));
    lyc__memory_open(&trial->memory, input->rows);
    following task = {trial, learner, input, draw};
    lyc__lots_run(&trial->lots, input->pool, input->priority, input->rows, decide_block, &task);
    summarise(trial, input->rows, action);
    *out = (lyc_taught){.weights = trial->weights, .per_row = true};
    return LYC_OK;
}

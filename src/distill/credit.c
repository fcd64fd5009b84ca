#include "distill/credit.h"

#include "distill/held_out.h"
#include "distill/probe.h"
#include "lyceum/memory.h"

struct lyc__credit {
    lyc__probe *probe;           /* else on policy: */
    uint64_t interval;           /* batches to a reward */
    lyc__held_out_draw held_out; /* what it is measured on */
};

lyc_status lyc__credit_open(lyc__job *job, lyc_error *err) {
    const lyc_agent_options *agent = &job->config->agent;
    lyc__credit *credit;
    LYC_TRY(lyc_allocate((void **)&credit, 1, sizeof *credit, "credit", err));
    job->credit = credit;
    if (agent->credit.kind == LYC_CREDIT_PROBE) return lyc__probe_open(&credit->probe, job, err);
    credit->interval = (uint64_t)agent->credit.steps;
    return lyc__held_out_open(&credit->held_out, job, 1, err);
}

void lyc__credit_close(lyc__credit *credit) {
    if (credit == NULL) return;
    lyc__probe_close(credit->probe);
    lyc__held_out_close(&credit->held_out);
    lyc_free(credit);
}

lyc_status lyc__credit_register(lyc__credit *credit, lyc_state *state, lyc_error *err) {
    return credit->probe != NULL ? lyc__probe_register(credit->probe, state, err) : LYC_OK;
}

lyc_status lyc__credit_settle(lyc__credit *credit, lyc_error *err) {
    return credit->probe != NULL ? lyc__probe_settle(credit->probe, err) : LYC_OK;
}

/* ---- on policy --------------------------------------------------------------------------------- */

static lyc_status measure_student(lyc__job *job, uint64_t interval_start, double *worth, lyc_error *err) {
    lyc__held_out_draw *held_out = &job->credit->held_out;
    lyc__held_out_take(held_out, job, interval_start);
    return lyc__held_out_measure(held_out, job, job->student, LYC_PRIORITY_STUDENT, 0, worth, err);
}

/* Share of the teachers that a decision selects, mean over the rows. */
static double share_selected(const lyc__job *job, const lyc_decision *decision, size_t rows) {
    const uint8_t *select = decision->row_select != NULL ? decision->row_select : decision->select;
    size_t cells = (decision->row_select != NULL ? rows : 1) * (size_t)job->teachers, count = 0;
    for (size_t i = 0; i < cells; i++) count += select[i];
    return (double)count / (double)cells;
}

static lyc_status open_interval(lyc__job *job, lyc_error *err) {
    job->tally.on_policy_selected = 0.0;
    return measure_student(job, job->cursor.global_step, &job->tally.on_policy_before, err);
}

static lyc_status close_interval(lyc__job *job, lyc__step_record *record, lyc_error *err) {
    uint64_t start = job->cursor.global_step + 1 - job->credit->interval;
    double worth, selected = job->tally.on_policy_selected / (double)job->credit->interval;
    LYC_TRY(measure_student(job, start, &worth, err));
    double reward = lyc__reward_of(&job->config->agent, job->tally.on_policy_before, worth, selected);
    lyc_feedback feedback;
    LYC_TRY(lyc_strategy_learn_reward(job->strategy, reward, &feedback, err));
    record->reward = reward;
    record->advantage = feedback.advantage;
    return LYC_OK;
}

/* ---- the two hooks of the loop ------------------------------------------------------------------- */

lyc_status lyc__credit_before_update(lyc__job *job, const lyc_decision_input *input, lyc__step_record *record,
                                     lyc_error *err) {
    lyc__credit *credit = job->credit;
    if (credit->probe != NULL) return lyc__probe_step(credit->probe, input, record, err);
    return job->cursor.global_step % credit->interval == 0 ? open_interval(job, err) : LYC_OK;
}

lyc_status lyc__credit_after_update(lyc__job *job, lyc__step_record *record, lyc_error *err) {
    lyc__credit *credit = job->credit;
    if (credit->probe != NULL) return LYC_OK;
    job->tally.on_policy_selected += share_selected(job, record->decision, record->batch->count);
    return (job->cursor.global_step + 1) % credit->interval == 0 ? close_interval(job, record, err) : LYC_OK;
}

#include "distill/credit.h"

#include <string.h>

#include "distill/reward.h"
#include "lyceum/memory.h"
#include "lyceum/random.h"

#define PAIR 2

struct lyc__credit {
    uint64_t every, steps;
    uint32_t samples;                  /* capped at the size of the reward split */
    uint32_t *permutation;             /* [size of the reward split] */
    uint32_t *rows;                    /* [samples] */
    int32_t *labels;                   /* [samples] */
    size_t room;                       /* floats that one measurement takes */
    float *rooms;                      /* [PAIR + 1][room]; NULL where it takes none */
    lyc_student *clones[PAIR];         /* probe only */
    const lyc_teacher_batch **batches; /* [steps]: what the virtual steps learn from */
    int32_t *batch_labels;             /* [steps][batch]: what the student may see of them */
};

lyc_status lyc__credit_open(lyc__job *job, lyc_error *err) {
    const lyc_agent_options *agent = &job->config->agent;
    lyc__credit *credit = NULL;
    LYC_TRY(lyc_allocate((void **)&credit, 1, sizeof *credit, "credit", err));
    job->credit = credit;
    uint32_t held_out = job->splits->count[LYC_SPLIT_REWARD];
    credit->every = (uint64_t)agent->credit.every;
    credit->steps = (uint64_t)agent->credit.steps;
    credit->samples = (uint32_t)agent->credit.samples < held_out ? (uint32_t)agent->credit.samples : held_out;
    LYC_TRY(LYC_NEW_ARRAY(credit->permutation, held_out, err));
    LYC_TRY(LYC_NEW_ARRAY(credit->rows, credit->samples, err));
    LYC_TRY(LYC_NEW_ARRAY(credit->labels, credit->samples, err));
    credit->room = lyc__reward_room(agent->reward.kind, credit->samples, (size_t)job->classes);
    if (credit->room > 0) LYC_TRY(LYC_NEW_ARRAY(credit->rooms, (PAIR + 1) * credit->room, err));
    if (agent->credit.kind != LYC_CREDIT_PROBE) return LYC_OK;
    LYC_TRY(LYC_NEW_ARRAY(credit->batches, credit->steps, err));
    LYC_TRY(LYC_NEW_ARRAY(credit->batch_labels, credit->steps * job->config->train.batch, err));
    for (int i = 0; i < PAIR; i++) LYC_TRY(lyc__job_clone(job, &credit->clones[i], err));
    return LYC_OK;
}

void lyc__credit_close(lyc__credit *credit) {
    if (credit == NULL) return;
    for (int i = 0; i < PAIR; i++) lyc_student_destroy(credit->clones[i]);
    lyc_free(credit->batch_labels);
    lyc_free(credit->batches);
    lyc_free(credit->rooms);
    lyc_free(credit->labels);
    lyc_free(credit->rows);
    lyc_free(credit->permutation);
    lyc_free(credit);
}

/* The held-out samples that belong to global step `step`: the same before and after, and after a resume. */
static void draw_samples(lyc__job *job, uint64_t step) {
    lyc__credit *credit = job->credit;
    lyc_random_key key = {.seed = job->config->train.seed,
                          .purpose = LYC_PURPOSE_REWARD,
                          .epoch = (uint32_t)(step / job->steps_per_epoch),
                          .step = (uint32_t)(step % job->steps_per_epoch)};
    lyc_random_permutation(key, credit->permutation, job->splits->count[LYC_SPLIT_REWARD]);
    for (uint32_t i = 0; i < credit->samples; i++) {
        uint32_t row = job->splits->rows[LYC_SPLIT_REWARD][credit->permutation[i]];
        credit->rows[i] = row;
        credit->labels[i] = job->splits->labels[row];
    }
}

/* What `student` is worth on them; `slot` says whose room it takes where several are measured at a time. */
static lyc_status measure(lyc__job *job, lyc_student *student, lyc_priority priority, size_t slot,
                          double *out, lyc_error *err) {
    const lyc__credit *credit = job->credit;
    lyc__held_out samples = {.rows = credit->rows, .labels = credit->labels, .count = credit->samples};
    float *room = credit->rooms == NULL ? NULL : credit->rooms + slot * credit->room;
    return lyc__reward_measure(job, student, &samples, priority, room, out, err);
}

/* ---- probe ------------------------------------------------------------------------------------- */

typedef struct probe {
    lyc__job *job;
    lyc_action *actions;    /* [PAIR] */
    double worth[PAIR + 1]; /* after the first, after the second action; before (the student's) */
    lyc_status status[PAIR + 1];
    lyc_error errors[PAIR + 1];
} probe;

/* What the policy sees of virtual step `r`, were it the real one: the clone's logits, its schedule. */
static lyc_decision_input virtual_input(const lyc__job *job, const lyc_student *clone, uint64_t r,
                                        const float *logits) {
    const lyc_teacher_batch *batch = job->credit->batches[r];
    uint64_t step = job->cursor.global_step + r;
    return (lyc_decision_input){
        .seed = job->config->train.seed,
        .epoch = batch->epoch,
        .step = batch->step,
        .global_step = step,
        .rows = batch->count,
        .teacher_logits = batch->logits,
        .student_logits = logits,
        .labels = job->credit->batch_labels + r * job->config->train.batch,
        .temperature = job->config->loss.temperature,
        .progress = (double)step / (double)job->total_steps,
        .lr_fraction = lyc_student_lr_fraction(clone),
        .pool = job->pool,
        .priority = LYC_PRIORITY_PROBE,
    };
}

static lyc_status follow(lyc__job *job, int draw, lyc_action *action, lyc_error *err) {
    lyc__credit *credit = job->credit;
    lyc_student *clone = credit->clones[draw];
    lyc_student_copy(clone, job->student);
    for (uint64_t r = 0; r < credit->steps; r++) {
        const lyc_teacher_batch *batch = credit->batches[r];
        lyc_batch taken = {.epoch = batch->epoch,
                           .step = batch->step,
                           .view = batch->view,
                           .count = batch->count,
                           .rows = batch->rows};
        const float *logits = lyc_student_forward(clone, &taken, LYC_PRIORITY_PROBE, job->pool);
        lyc_decision_input input = virtual_input(job, clone, r, logits);
        lyc_taught taught;
        LYC_TRY(lyc_strategy_follow(job->strategy, &input, draw, action, &taught, err));
        lyc_lesson lesson = {.ids = batch->ids,
                             .logits = batch->logits,
                             .teachers = batch->teachers,
                             .weights = taught.weights,
                             .per_row = taught.per_row};
        lyc_losses losses;
        LYC_TRY(lyc_student_learn(clone, &lesson, LYC_PRIORITY_PROBE, job->pool, &losses, err));
    }
    return LYC_OK;
}

/* Independent work for idle threads: items 0 and 1 are the clones' steps, item 2 says on which samples they
 * are measured. */
static void try_item(void *payload, size_t item, int slot) {
    (void)slot;
    probe *p = payload;
    if (item < PAIR) p->status[item] = follow(p->job, (int)item, &p->actions[item], &p->errors[item]);
    else draw_samples(p->job, p->job->cursor.global_step);
}

/* The clones, and the student as it is. */
static void measure_item(void *payload, size_t item, int slot) {
    (void)slot;
    probe *p = payload;
    lyc_student *measured = item < PAIR ? p->job->credit->clones[item] : p->job->student;
    if (p->status[item] != LYC_OK) return;
    p->status[item] = measure(p->job, measured, LYC_PRIORITY_PROBE, item, &p->worth[item], &p->errors[item]);
}

/* Actions that are held for the whole probe and equal teach the same. */
static bool same_action(const lyc_action *a, const lyc_action *b, int teachers) {
    return memcmp(a->select, b->select, (size_t)teachers * sizeof a->select[0]) == 0 &&
           memcmp(a->weight, b->weight, (size_t)teachers * sizeof a->weight[0]) == 0;
}

/* The next `steps` batches; false near the end of the run, where there are not as many left. */
static lyc_status fetch_batches(lyc__job *job, bool *complete, lyc_error *err) {
    lyc__credit *credit = job->credit;
    *complete = true;
    for (uint64_t r = 0; r < credit->steps && *complete; r++) {
        LYC_TRY(lyc_ensemble_batch(job->ensemble, (uint32_t)r, &credit->batches[r], err));
        *complete = credit->batches[r] != NULL;
        if (*complete)
            lyc__gather_labels(job, credit->batches[r]->rows, credit->batches[r]->count,
                               credit->batch_labels + r * job->config->train.batch);
    }
    return LYC_OK;
}

static lyc_status run_probe(lyc__job *job, const lyc_decision_input *input, lyc__step_record *record,
                            lyc_error *err) {
    bool complete;
    LYC_TRY(fetch_batches(job, &complete, err));
    if (!complete) return LYC_OK;
    lyc_action actions[PAIR];
    for (int i = 0; i < PAIR; i++) lyc_strategy_sample(job->strategy, input, i, &actions[i]);
    double reward[PAIR] = {0.0, 0.0};
    if (job->by_row || !same_action(&actions[0], &actions[1], job->teachers)) {
        probe p = {.job = job, .actions = actions};
        lyc_pool_run(job->pool, LYC_PRIORITY_PROBE, PAIR + 1, try_item, &p);
        lyc_pool_run(job->pool, LYC_PRIORITY_PROBE, PAIR + 1, measure_item, &p);
        for (int i = 0; i <= PAIR; i++) {
            if (p.status[i] == LYC_OK) continue;
            lyc_error_prefix(&p.errors[i], "probe at step %llu", (unsigned long long)job->cursor.global_step);
            LYC_FAIL(err, p.status[i], "%s", p.errors[i].message);
        }
        for (int i = 0; i < PAIR; i++)
            reward[i] = lyc__reward_of(&job->config->agent, p.worth[PAIR], p.worth[i], actions[i].selected);
        record->reward = reward[0];
    }
    lyc_feedback feedback;
    LYC_TRY(lyc_strategy_learn_pair(job->strategy, &actions[0], &actions[1], reward[0], reward[1], &feedback,
                                    err));
    record->advantage = feedback.advantage;
    return lyc__record_probe(job, actions, reward, &feedback, err);
}

/* ---- on policy --------------------------------------------------------------------------------- */

static lyc_status measure_student(lyc__job *job, uint64_t interval_start, double *worth, lyc_error *err) {
    draw_samples(job, interval_start);
    return measure(job, job->student, LYC_PRIORITY_STUDENT, 0, worth, err);
}

/* Share of the teachers that a decision selects, mean over the rows. */
static double share_selected(const lyc__job *job, const lyc_decision *decision, size_t rows) {
    const uint8_t *select = decision->row_select != NULL ? decision->row_select : decision->select;
    size_t cells = (decision->row_select != NULL ? rows : 1) * (size_t)job->teachers, count = 0;
    for (size_t i = 0; i < cells; i++) count += select[i];
    return (double)count / (double)cells;
}

static lyc_status close_interval(lyc__job *job, lyc__step_record *record, lyc_error *err) {
    uint64_t start = job->cursor.global_step + 1 - job->credit->steps;
    double worth, selected = job->tally.on_policy_selected / (double)job->credit->steps;
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
    uint64_t step = job->cursor.global_step;
    if (job->config->agent.credit.kind == LYC_CREDIT_PROBE)
        return step % job->credit->every == 0 ? run_probe(job, input, record, err) : LYC_OK;
    if (step % job->credit->steps != 0) return LYC_OK;
    job->tally.on_policy_selected = 0.0;
    return measure_student(job, step, &job->tally.on_policy_before, err);
}

lyc_status lyc__credit_after_update(lyc__job *job, lyc__step_record *record, lyc_error *err) {
    if (job->config->agent.credit.kind != LYC_CREDIT_ON_POLICY) return LYC_OK;
    job->tally.on_policy_selected += share_selected(job, record->decision, record->batch->count);
    if ((job->cursor.global_step + 1) % job->credit->steps != 0) return LYC_OK;
    return close_interval(job, record, err);
}

#include "distill/probe.h"

#include <stdatomic.h>
#include <string.h>

#include "distill/held_out.h"
#include "lyceum/memory.h"

#define PAIR 2

/* The state of a probe that has not taught yet. Unsigned 64-bit values only, so that it can be registered as
 * one array. */
typedef struct flight {
    uint64_t pending; /* 1 from the beginning of a probe until it teaches */
    uint64_t step;    /* global step at which it began */
    uint64_t tried;   /* 0: the two actions were the same, and nothing was measured */
} flight;

/* Bytes of an action are all its own, so that equal ones have equal checkpoints. */
_Static_assert(sizeof(lyc_action) ==
                   LYC_MAX_TEACHERS * (1 + sizeof(float) + sizeof(double)) + 2 * sizeof(double),
               "lyc_action has no padding");

struct lyc__probe {
    lyc__job *job;
    uint64_t every, steps, delay;
    lyc__held_out_draw held_out;
    lyc_student *clones[PAIR];
    lyc_teacher_batch *batches; /* [steps]: what the virtual steps learn from */
    const float **logits;       /* [steps][teachers]: the lists in them */
    int32_t *batch_labels;      /* [steps][batch]: what the student may see of them */
    lyc_background *background; /* PAIR items: the clones */
    atomic_bool abandoned;
    flight flight;
    lyc_action actions[PAIR];
    double before, worth[PAIR]; /* of the student as it was; of the clones at the end */
    lyc_status status[PAIR];
    lyc_error errors[PAIR];
};

/* ---- life ---------------------------------------------------------------------------------------- */

static lyc_status make(lyc__probe *probe, lyc_error *err) {
    lyc__job *job = probe->job;
    LYC_TRY(lyc__held_out_open(&probe->held_out, job, PAIR, err));
    LYC_TRY(LYC_NEW_ARRAY(probe->batches, probe->steps, err));
    LYC_TRY(LYC_NEW_ARRAY(probe->logits, probe->steps * (size_t)job->teachers, err));
    LYC_TRY(LYC_NEW_ARRAY(probe->batch_labels, probe->steps * job->config->train.batch, err));
    for (int i = 0; i < PAIR; i++) LYC_TRY(lyc__job_clone(job, &probe->clones[i], err));
    return lyc_background_create(&probe->background, job->pool, err);
}

lyc_status lyc__probe_open(lyc__probe **out, lyc__job *job, lyc_error *err) {
    const lyc_agent_options *agent = &job->config->agent;
    lyc__probe *probe;
    *out = NULL;
    LYC_TRY(lyc_allocate((void **)&probe, 1, sizeof *probe, "probes", err));
    probe->job = job;
    probe->every = (uint64_t)agent->credit.every;
    probe->steps = (uint64_t)agent->credit.steps;
    probe->delay = (uint64_t)agent->credit.delay;
    lyc_status status = make(probe, err);
    if (status == LYC_OK) *out = probe;
    else lyc__probe_close(probe);
    return status;
}

void lyc__probe_close(lyc__probe *probe) {
    if (probe == NULL) return;
    atomic_store(&probe->abandoned, true);
    lyc_background_destroy(probe->background);
    for (int i = 0; i < PAIR; i++) lyc_student_destroy(probe->clones[i]);
    lyc_free(probe->batch_labels);
    lyc_free(probe->logits);
    lyc_free(probe->batches);
    lyc__held_out_close(&probe->held_out);
    lyc_free(probe);
}

lyc_status lyc__probe_register(lyc__probe *probe, lyc_state *state, lyc_error *err) {
    LYC_TRY(lyc_state_add(state, "probe/flight", LYC_TYPE_U64, &probe->flight,
                          sizeof probe->flight / sizeof(uint64_t), err));
    LYC_TRY(lyc_state_add(state, "probe/actions", LYC_TYPE_U8, probe->actions, sizeof probe->actions, err));
    LYC_TRY(lyc_state_add(state, "probe/before", LYC_TYPE_F64, &probe->before, 1, err));
    return lyc_state_add(state, "probe/worth", LYC_TYPE_F64, probe->worth, PAIR, err);
}

/* ---- in flight: on any thread, while the student goes on ------------------------------------------- */

/* What the policy sees of virtual step `r`, were it the real one: the clone's logits, its schedule. */
static lyc_decision_input virtual_input(const lyc__probe *probe, const lyc_student *clone, uint64_t r,
                                        const float *logits) {
    const lyc__job *job = probe->job;
    const lyc_teacher_batch *batch = &probe->batches[r];
    uint64_t step = probe->flight.step + r;
    return (lyc_decision_input){
        .seed = job->config->train.seed,
        .epoch = batch->epoch,
        .step = batch->step,
        .global_step = step,
        .rows = batch->count,
        .teacher_logits = batch->logits,
        .student_logits = logits,
        .labels = probe->batch_labels + r * job->config->train.batch,
        .temperature = job->config->loss.temperature,
        .progress = (double)step / (double)job->total_steps,
        .lr_fraction = lyc_student_lr_fraction(clone),
        .pool = job->pool,
        .priority = LYC_PRIORITY_PROBE,
    };
}

static lyc_status take_virtual_step(lyc__probe *probe, int draw, uint64_t r, lyc_error *err) {
    lyc__job *job = probe->job;
    lyc_student *clone = probe->clones[draw];
    const lyc_teacher_batch *batch = &probe->batches[r];
    lyc_batch taken = {.epoch = batch->epoch,
                       .step = batch->step,
                       .view = batch->view,
                       .count = batch->count,
                       .rows = batch->rows};
    const float *logits = lyc_student_forward(clone, &taken, LYC_PRIORITY_PROBE, job->pool);
    lyc_decision_input input = virtual_input(probe, clone, r, logits);
    lyc_taught taught;
    LYC_TRY(lyc_strategy_follow(job->strategy, &input, draw, &probe->actions[draw], &taught, err));
    lyc_lesson lesson = {.ids = batch->ids,
                         .logits = batch->logits,
                         .teachers = batch->teachers,
                         .weights = taught.weights,
                         .per_row = taught.per_row};
    lyc_losses losses;
    return lyc_student_learn(clone, &lesson, LYC_PRIORITY_PROBE, job->pool, &losses, err);
}

static lyc_status measure(lyc__probe *probe, int draw, double *out, lyc_error *err) {
    return lyc__held_out_measure(&probe->held_out, probe->job, probe->clones[draw], LYC_PRIORITY_PROBE,
                                 (size_t)draw, out, err);
}

/* The first clone says, before its first step, what the student was worth. */
static lyc_status try_action(lyc__probe *probe, int draw, lyc_error *err) {
    if (draw == 0) LYC_TRY(measure(probe, draw, &probe->before, err));
    for (uint64_t r = 0; r < probe->steps && !atomic_load(&probe->abandoned); r++)
        LYC_TRY(take_virtual_step(probe, draw, r, err));
    return measure(probe, draw, &probe->worth[draw], err);
}

static void try_item(void *payload, size_t item, int slot) {
    (void)slot;
    lyc__probe *probe = payload;
    probe->status[item] = try_action(probe, (int)item, &probe->errors[item]);
}

/* ---- the beginning and the end ---------------------------------------------------------------------- */

/* The next `steps` batches; false near the end of the run, where there are not as many left. */
static lyc_status fetch_batches(lyc__probe *probe, bool *complete, lyc_error *err) {
    lyc__job *job = probe->job;
    size_t teachers = (size_t)job->teachers;
    *complete = false;
    for (uint64_t r = 0; r < probe->steps; r++) {
        const lyc_teacher_batch *batch;
        LYC_TRY(lyc_ensemble_batch(job->ensemble, (uint32_t)r, &batch, err));
        if (batch == NULL) return LYC_OK;
        const float **logits = probe->logits + r * teachers;
        memcpy(logits, batch->logits, teachers * sizeof *logits);
        probe->batches[r] = *batch;
        probe->batches[r].logits = logits;
        lyc__gather_labels(job, batch->rows, batch->count,
                           probe->batch_labels + r * job->config->train.batch);
    }
    *complete = true;
    return LYC_OK;
}

/* Actions that are held for the whole probe and equal teach the same. */
static bool same_action(const lyc_action *a, const lyc_action *b, int teachers) {
    return memcmp(a->select, b->select, (size_t)teachers * sizeof a->select[0]) == 0 &&
           memcmp(a->weight, b->weight, (size_t)teachers * sizeof a->weight[0]) == 0;
}

static lyc_status begin(lyc__probe *probe, const lyc_decision_input *input, lyc_error *err) {
    lyc__job *job = probe->job;
    bool complete;
    if (job->cursor.global_step + probe->delay >= job->total_steps) return LYC_OK;
    LYC_TRY(fetch_batches(probe, &complete, err));
    if (!complete) return LYC_OK;
    for (int i = 0; i < PAIR; i++) lyc_strategy_sample(job->strategy, input, i, &probe->actions[i]);
    probe->flight = (flight){.pending = 1, .step = job->cursor.global_step};
    probe->flight.tried = job->by_row || !same_action(&probe->actions[0], &probe->actions[1], job->teachers);
    if (!probe->flight.tried) return LYC_OK;
    for (int i = 0; i < PAIR; i++) lyc_student_copy(probe->clones[i], job->student);
    lyc__held_out_take(&probe->held_out, job, probe->flight.step);
    lyc_background_start(probe->background, LYC_PRIORITY_PROBE, PAIR, try_item, probe);
    return LYC_OK;
}

lyc_status lyc__probe_settle(lyc__probe *probe, lyc_error *err) {
    lyc_background_finish(probe->background);
    for (int i = 0; i < PAIR; i++) {
        if (probe->status[i] == LYC_OK) continue;
        lyc_error_prefix(&probe->errors[i], "probe at step %llu", (unsigned long long)probe->flight.step);
        LYC_FAIL(err, probe->status[i], "%s", probe->errors[i].message);
    }
    return LYC_OK;
}

static lyc_status learn(lyc__probe *probe, lyc__step_record *record, lyc_error *err) {
    lyc__job *job = probe->job;
    LYC_TRY(lyc__probe_settle(probe, err));
    double reward[PAIR] = {0.0, 0.0};
    for (int i = 0; i < PAIR && probe->flight.tried; i++)
        reward[i] =
            lyc__reward_of(&job->config->agent, probe->before, probe->worth[i], probe->actions[i].selected);
    if (probe->flight.tried) record->reward = reward[0];
    lyc_feedback feedback;
    LYC_TRY(lyc_strategy_learn_pair(job->strategy, &probe->actions[0], &probe->actions[1], reward[0],
                                    reward[1], &feedback, err));
    record->advantage = feedback.advantage;
    probe->flight.pending = 0;
    return lyc__record_probe(job, probe->flight.step, probe->actions, reward, &feedback, err);
}

static bool is_due(const lyc__probe *probe) {
    return probe->flight.pending && probe->job->cursor.global_step == probe->flight.step + probe->delay;
}

lyc_status lyc__probe_step(lyc__probe *probe, const lyc_decision_input *input, lyc__step_record *record,
                           lyc_error *err) {
    if (is_due(probe)) LYC_TRY(learn(probe, record, err));
    if (probe->job->cursor.global_step % probe->every == 0) LYC_TRY(begin(probe, input, err));
    return probe->delay == 0 && is_due(probe) ? learn(probe, record, err) : LYC_OK;
}

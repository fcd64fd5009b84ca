/* A student's life: created, taught batch by batch, copied, saved. */
#include "student/student.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lyceum/memory.h"

/* ---- life -------------------------------------------------------------------------------------- */

static lyc_status check_options(const lyc_student_options *options, lyc_error *err) {
    LYC_TRY(lyc_schedule_check(&options->schedule, err));
    if (!(options->ema_decay >= 0.0 && options->ema_decay < 1.0))
        LYC_FAIL(err, LYC_ECONFIG, "train.ema_decay is %g; it is from 0 on and below 1", options->ema_decay);
    if (!(options->learning_rate > 0.0) || !isfinite(options->learning_rate))
        LYC_FAIL(err, LYC_ECONFIG, "optimizer.lr is %g; it must be a number above 0", options->learning_rate);
    if (options->batch == 0) LYC_FAIL(err, LYC_ECONFIG, "train.batch is 0; a batch has at least one row");
    if (options->total_steps == 0) LYC_FAIL(err, LYC_ECONFIG, "the run has no steps; raise train.epochs");
    return LYC_OK;
}

static lyc_status check_fit(const lyc_network_spec *spec, const lyc_student_data *source, lyc_error *err) {
    int channels, height, width, classes = lyc_dataset_classes(source->data);
    lyc_dataset_shape(source->data, &channels, &height, &width);
    const char *path = lyc_dataset_path(source->data);
    if (spec->classes != classes)
        LYC_FAIL(err, LYC_EMISMATCH, "%s has %d classes but the student's network has %d; make them equal",
                 path, classes, spec->classes);
    if (spec->channels != channels || spec->height != height || spec->width != width)
        LYC_FAIL(err, LYC_EMISMATCH,
                 "%s holds images of %dx%dx%d but the student's network takes %dx%dx%d; make them equal",
                 path, channels, height, width, spec->channels, spec->height, spec->width);
    if (source->preprocess.channels != channels)
        LYC_FAIL(err, LYC_EMISMATCH,
                 "%s has %d channels but the student's preprocessing has %d; make them equal", path, channels,
                 source->preprocess.channels);
    size_t rows = lyc_dataset_rows(source->data);
    for (size_t row = 0; row < rows; row++)
        if (source->labels[row] < LYC_UNLABELLED || source->labels[row] >= classes)
            LYC_FAIL(err, LYC_EMISMATCH,
                     "%s: row %zu has label %d, but there are %d classes; labels are 0 to %d, or %d for none",
                     path, row, source->labels[row], classes, classes - 1, LYC_UNLABELLED);
    return LYC_OK;
}

static lyc_status copy_schedule(lyc_student *student, const lyc_schedule_options *options, lyc_error *err) {
    lyc_schedule_options *out = &student->schedule;
    size_t count = options->milestone_count;
    *out = *options;
    out->milestones = NULL;
    out->kind = student->schedule_kind = lyc_strdup(options->kind);
    if (out->kind == NULL) LYC_FAIL(err, LYC_ENOMEM, "no memory for the student's schedule");
    LYC_TRY(LYC_NEW_ARRAY(out->milestones, count, err));
    if (count > 0) memcpy(out->milestones, options->milestones, count * sizeof *out->milestones);
    return LYC_OK;
}

static lyc_status allocate_student(lyc_student *student, const lyc_student_options *options, lyc_error *err) {
    size_t size = lyc_network_size(student->network), batch = student->max_rows;
    LYC_TRY(copy_schedule(student, &options->schedule, err));
    LYC_TRY(lyc__objective_init(&student->objective, &options->loss, (int)student->classes, batch, err));
    LYC_TRY(LYC_NEW_ARRAY(student->params, size, err));
    LYC_TRY(LYC_NEW_ARRAY(student->gradient, size, err));
    if (options->ema_decay > 0.0) LYC_TRY(LYC_NEW_ARRAY(student->average, size, err));
    LYC_TRY(LYC_NEW_ARRAY(student->bad_blocks, size / LYC__GRADIENT_BLOCK + 1, err));
    LYC_TRY(LYC_NEW_ARRAY(student->batch_rows, batch, err));
    LYC_TRY(LYC_NEW_ARRAY(student->batch_labels, batch, err));
    LYC_TRY(LYC_NEW_ARRAY(student->chunk_loss, LYC__EVALUATION_ROWS, err));
    LYC_TRY(lyc_optimizer_create(&student->optimizer, student->network, &options->optimizer, err));
    LYC_TRY(lyc_workspace_create(&student->training, student->network, LYC_MODE_TRAIN, batch, err));
    LYC_TRY(lyc_frozen_create(&student->frozen, student->network, student->params, LYC_PRECISION_F32,
                              LYC__EVALUATION_ROWS, err));
    return lyc_workspace_create_frozen(&student->evaluation, student->frozen, err);
}

lyc_status lyc_student_create(lyc_student **out, const lyc_network *network, const lyc_student_data *data,
                              const lyc_student_options *options, lyc_error *err) {
    *out = NULL;
    LYC_TRY(check_options(options, err));
    LYC_TRY(check_fit(lyc_network_get_spec(network), data, err));
    lyc_student *student;
    LYC_TRY(LYC_NEW_ARRAY(student, 1, err));
    student->network = network;
    student->data = *data;
    student->classes = (size_t)lyc_network_get_spec(network)->classes;
    student->learning_rate = options->learning_rate;
    student->ema_decay = options->ema_decay;
    student->total_steps = options->total_steps;
    student->seed = options->seed;
    student->max_rows = options->batch;
    lyc_status status = allocate_student(student, options, err);
    if (status != LYC_OK) {
        lyc_student_destroy(student);
        return status;
    }
    lyc_network_init(network, options->seed, student->params);
    if (student->average != NULL)
        memcpy(student->average, student->params, lyc_network_size(network) * sizeof *student->average);
    *out = student;
    return LYC_OK;
}

void lyc_student_destroy(lyc_student *student) {
    if (student == NULL) return;
    lyc_workspace_destroy(student->evaluation);
    lyc_frozen_destroy(student->frozen);
    lyc_workspace_destroy(student->training);
    lyc_optimizer_destroy(student->optimizer);
    lyc_free(student->chunk_loss);
    lyc_free(student->batch_labels);
    lyc_free(student->batch_rows);
    lyc_free(student->bad_blocks);
    lyc_free(student->average);
    lyc_free(student->gradient);
    lyc_free(student->params);
    lyc__objective_free(&student->objective);
    lyc_free(student->schedule.milestones);
    lyc_free(student->schedule_kind);
    lyc_free(student);
}

float *lyc_student_params(lyc_student *student) {
    return student->params;
}

uint64_t lyc_student_steps(const lyc_student *student) {
    return student->steps;
}

double lyc_student_lr_fraction(const lyc_student *student) {
    return lyc_schedule_factor(&student->schedule, student->steps, student->total_steps);
}

void lyc_student_copy(lyc_student *dst, const lyc_student *src) {
    assert(dst->network == src->network);
    size_t bytes = lyc_network_size(src->network) * sizeof *dst->params;
    memcpy(dst->params, src->params, bytes);
    if (dst->average != NULL) memcpy(dst->average, src->average != NULL ? src->average : src->params, bytes);
    lyc_optimizer_copy(dst->optimizer, src->optimizer);
    dst->steps = src->steps;
    dst->rows = 0; /* a forward made with the former parameters teaches nothing */
}

lyc_status lyc_student_register(lyc_student *student, lyc_state *state, lyc_error *err) {
    size_t moments;
    float *moment = lyc_optimizer_moments(student->optimizer, &moments);
    LYC_TRY(lyc_state_add(state, "student/params", LYC_TYPE_F32, student->params,
                          lyc_network_size(student->network), err));
    if (moments > 0) LYC_TRY(lyc_state_add(state, "student/moments", LYC_TYPE_F32, moment, moments, err));
    if (student->average != NULL)
        LYC_TRY(lyc_state_add(state, "student/average", LYC_TYPE_F32, student->average,
                              lyc_network_size(student->network), err));
    LYC_TRY(lyc_state_add(state, "student/steps", LYC_TYPE_U64, &student->steps, 1, err));
    char shards[64];
    (void)snprintf(shards, sizeof shards, "%zu of %u, %zu frozen",
                   lyc_shard_rows(student->network, LYC_MODE_TRAIN, student->max_rows), student->max_rows,
                   lyc_frozen_shard_rows(student->network));
    return lyc_state_require(state, "student/shard_rows", shards,
                             "resume with the train.batch and the build that made the checkpoint", err);
}

/* ---- the training step --------------------------------------------------------------------------- */

uint64_t lyc__student_batch_id(const lyc_student *student, uint32_t index) {
    return lyc_dataset_ids(student->data.data)[student->batch_rows[index]];
}

static void fill_batch(void *payload, size_t first, size_t rows, float *out) {
    const lyc_student *student = payload;
    lyc_dataset_fill(student->data.data, &student->data.preprocess, &student->data.recipe, student->view,
                     student->batch_rows + first, rows, out);
}

const float *lyc_student_forward(lyc_student *student, const lyc_batch *batch, lyc_priority priority,
                                 lyc_pool *pool) {
    assert(batch->count > 0 && batch->count <= student->max_rows);
    if (batch->count == 0 || batch->count > student->max_rows) return NULL;
    student->epoch = batch->epoch;
    student->step = batch->step;
    student->view = batch->view;
    student->rows = batch->count;
    for (uint32_t i = 0; i < batch->count; i++) {
        student->batch_rows[i] = batch->rows[i];
        student->batch_labels[i] = student->data.labels[batch->rows[i]];
    }
    lyc_pass pass = {.rows = batch->count,
                     .input = fill_batch,
                     .input_payload = student,
                     .seed = student->seed,
                     .epoch = batch->epoch,
                     .step = batch->step,
                     .priority = priority};
    lyc_workspace_forward(student->training, student->params, &pass, pool);
    return lyc_workspace_logits(student->training);
}

lyc_status lyc_student_learn(lyc_student *student, const lyc_lesson *lesson, lyc_priority priority,
                             lyc_pool *pool, lyc_losses *out, lyc_error *err) {
    LYC_TRY(lyc__lesson_check(student, lesson, err));
    lyc__objective_begin(&student->objective, lesson, student->batch_labels, student->rows);
    lyc_workspace_backward(student->training, student->params, student->gradient, lyc__objective_shard,
                           &student->objective, pool);
    lyc__objective_end(&student->objective, out);
    LYC_TRY(lyc__step_check(student, lesson, out, priority, pool, err));
    lyc_optimizer_set_steps(student->optimizer, student->steps);
    lyc_optimizer_step(student->optimizer, student->params, student->gradient,
                       student->learning_rate * lyc_student_lr_fraction(student), priority, pool);
    student->steps++;
    lyc__average_update(student, priority, pool);
    student->rows = 0; /* one update a forward: the activations belong to the former parameters */
    return LYC_OK;
}

lyc_status lyc_student_gradient(lyc_student *student, float *out, uint32_t *labelled, lyc_priority priority,
                                lyc_pool *pool, lyc_error *err) {
    const lyc_lesson lesson = {0};
    lyc_losses losses;
    LYC_TRY(lyc__lesson_check(student, &lesson, err));
    lyc__objective_begin(&student->objective, &lesson, student->batch_labels, student->rows);
    lyc_workspace_backward(student->training, student->params, student->gradient, lyc__objective_shard,
                           &student->objective, pool);
    lyc__objective_end(&student->objective, &losses);
    LYC_TRY(lyc__step_check(student, &lesson, &losses, priority, pool, err));
    memcpy(out, student->gradient, lyc_network_trainable(student->network) * sizeof *out);
    *labelled = losses.labelled;
    student->rows = 0;
    return LYC_OK;
}

void lyc_student_precondition(const lyc_student *student, float *direction) {
    lyc_optimizer_set_steps(student->optimizer, student->steps);
    lyc_optimizer_precondition(student->optimizer, direction);
}

#include "teachers/look_ahead.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "lyceum/log.h"
#include "lyceum/memory.h"

/* What one teacher answered for one batch, and what it was asked. */
typedef struct answer {
    uint32_t epoch, step, count;
    int view;
    uint32_t *rows; /* [batch] */
    uint64_t *ids;  /* [batch], of the rows that were computed */
    float *logits;  /* [batch, classes] */
} answer;

typedef struct driver {
    lyc__look_ahead *ahead;
    lyc__look_ahead_member member;
    lyc_sampler *sampler;
    answer *answers; /* [capacity], batch i in place i % capacity */
    uint32_t *rows;  /* one block each for all answers */
    uint64_t *ids;
    float *logits;
    pthread_t thread;
    bool started, ended; /* `ended`: under the mutex, as the rest */
    uint64_t produced;   /* batches ready, counted from the start */
    lyc_status status;   /* of the batch that it stopped at */
    lyc_error error;
} driver;

struct lyc__look_ahead {
    const lyc_dataset *data;
    lyc_pool *pool;
    int classes;
    uint32_t first_epoch, first_step, steps, batch; /* steps: of an epoch */
    uint64_t total;                                 /* batches from the first to the last */
    uint64_t capacity, kept_behind;
    bool clean;     /* as in the options */
    uint32_t *rows; /* of the samplers */
    driver *drivers;
    size_t driver_count;
    lyc_teacher_batch *batches; /* [capacity] */
    const float **logits;       /* [capacity, drivers] */
    pthread_mutex_t mutex;
    pthread_cond_t room;  /* the student has moved on, or everything stops */
    pthread_cond_t ready; /* an answer or an end; for waiting without a pool */
    uint64_t current;     /* under the mutex for drivers; only the owner changes it */
    atomic_bool stopping;
    double waited; /* the owner's */
};

/* ---- drivers -------------------------------------------------------------------------------------- */

static lyc_status answer_batch(driver *self, uint64_t index, lyc_error *err) {
    lyc__look_ahead *ahead = self->ahead;
    answer *out = &self->answers[index % ahead->capacity];
    uint64_t position = ahead->first_step + index;
    lyc_batch batch;
    lyc_sampler_batch(self->sampler, ahead->first_epoch + (uint32_t)(position / ahead->steps),
                      (uint32_t)(position % ahead->steps), &batch);
    *out = (answer){.epoch = batch.epoch,
                    .step = batch.step,
                    .count = batch.count,
                    .view = batch.view,
                    .rows = out->rows,
                    .ids = out->ids,
                    .logits = out->logits};
    memcpy(out->rows, batch.rows, batch.count * sizeof *out->rows);
    lyc_status status;
    int view = ahead->clean ? 0 : out->view;
    if (self->member.bank != NULL)
        status = lyc__bank_logits(self->member.bank, out->rows, out->count, view, out->logits, ahead->pool,
                                  &ahead->stopping, err);
    else
        status = lyc__teacher_logits_at(self->member.teacher,
                                        (uint64_t)ahead->first_epoch * ahead->steps + position, out->rows,
                                        out->count, view, out->logits, ahead->pool, err);
    const uint64_t *ids = lyc_dataset_ids(ahead->data);
    for (uint32_t i = 0; i < out->count; i++) out->ids[i] = ids[out->rows[i]];
    return status;
}

/* With the mutex held: the first batch whose place in the ring is still needed. */
static uint64_t oldest_kept(const lyc__look_ahead *ahead) {
    return ahead->current > ahead->kept_behind ? ahead->current - ahead->kept_behind : 0;
}

/* False when everything stops. */
static bool wait_for_room(lyc__look_ahead *ahead, uint64_t index) {
    pthread_mutex_lock(&ahead->mutex);
    while (!atomic_load(&ahead->stopping) && index >= oldest_kept(ahead) + ahead->capacity)
        pthread_cond_wait(&ahead->room, &ahead->mutex);
    pthread_mutex_unlock(&ahead->mutex);
    return !atomic_load(&ahead->stopping);
}

/* Tells the student, whether it waits in the pool or, without one, here. */
static void report(driver *self, uint64_t produced, lyc_status status, bool ended) {
    lyc__look_ahead *ahead = self->ahead;
    lyc_pool *pool = ahead->pool;
    pthread_mutex_lock(&ahead->mutex);
    self->produced = produced;
    self->status = status;
    self->ended = ended;
    pthread_cond_broadcast(&ahead->ready);
    pthread_mutex_unlock(&ahead->mutex);
    lyc_pool_notify(pool);
}

static void *drive(void *argument) {
    driver *self = argument;
    lyc_status status = LYC_OK;
    uint64_t index = 0;
    while (index < self->ahead->total && wait_for_room(self->ahead, index)) {
        status = answer_batch(self, index, &self->error);
        if (status != LYC_OK) break;
        report(self, ++index, LYC_OK, false);
    }
    report(self, index, status, true);
    return NULL;
}

/* ---- waiting -------------------------------------------------------------------------------------- */

typedef struct wanted_batch {
    lyc__look_ahead *ahead;
    uint64_t index;
} wanted_batch;

/* With the mutex held: has every driver answered, or given up? */
static bool is_settled(const wanted_batch *wanted) {
    for (size_t t = 0; t < wanted->ahead->driver_count; t++) {
        const driver *other = &wanted->ahead->drivers[t];
        if (other->produced <= wanted->index && !other->ended) return false;
    }
    return true;
}

/* With the mutex held: is every thread about to return? */
static bool is_over(const wanted_batch *wanted) {
    for (size_t t = 0; t < wanted->ahead->driver_count; t++)
        if (wanted->ahead->drivers[t].started && !wanted->ahead->drivers[t].ended) return false;
    return true;
}

typedef struct waiting {
    bool (*done)(const wanted_batch *wanted);
    wanted_batch wanted;
} waiting;

static bool ask(void *payload) {
    const waiting *wait = payload;
    pthread_mutex_lock(&wait->wanted.ahead->mutex);
    bool done = wait->done(&wait->wanted);
    pthread_mutex_unlock(&wait->wanted.ahead->mutex);
    return done;
}

/* In the pool the owner works while it waits: the drivers may need its hands. */
static void wait_until(lyc__look_ahead *ahead, bool (*done)(const wanted_batch *wanted), uint64_t index) {
    waiting wait = {.done = done, .wanted = {.ahead = ahead, .index = index}};
    if (ahead->pool != NULL) {
        lyc_pool_wait(ahead->pool, ask, &wait);
        return;
    }
    pthread_mutex_lock(&ahead->mutex);
    while (!done(&wait.wanted)) pthread_cond_wait(&ahead->ready, &ahead->mutex);
    pthread_mutex_unlock(&ahead->mutex);
}

/* ---- batches -------------------------------------------------------------------------------------- */

/* The failure of the earliest batch, and of the first teacher there: the same whatever the timing. */
static const driver *first_failure(const lyc__look_ahead *ahead, uint64_t index) {
    const driver *first = NULL;
    for (size_t t = 0; t < ahead->driver_count; t++) {
        const driver *other = &ahead->drivers[t];
        if (other->produced > index) continue;
        if (first == NULL || other->produced < first->produced) first = other;
    }
    return first;
}

/* All teachers must have answered for the same samples, in the same order. */
static lyc_status compare_answers(const lyc__look_ahead *ahead, uint64_t place, lyc_error *err) {
    const answer *first = &ahead->drivers[0].answers[place];
    for (size_t t = 1; t < ahead->driver_count; t++) {
        const answer *other = &ahead->drivers[t].answers[place];
        const char *names[2] = {lyc_teacher_get_info(ahead->drivers[0].member.teacher)->name,
                                lyc_teacher_get_info(ahead->drivers[t].member.teacher)->name};
        if (other->epoch != first->epoch || other->step != first->step || other->view != first->view ||
            other->count != first->count)
            LYC_FAIL(err, LYC_EMISMATCH,
                     "teachers '%s' and '%s' answered for different batches in step %u of epoch %u", names[0],
                     names[1], first->step, first->epoch);
        for (uint32_t i = 0; i < first->count; i++)
            if (other->ids[i] != first->ids[i])
                LYC_FAIL(err, LYC_EMISMATCH,
                         "in place %u of step %u of epoch %u teacher '%s' answered for id %" PRIu64
                         ", teacher '%s' for "
                         "id %" PRIu64,
                         i, first->step, first->epoch, names[0], first->ids[i], names[1], other->ids[i]);
    }
    return LYC_OK;
}

static lyc_status assemble(lyc__look_ahead *ahead, uint64_t index, const lyc_teacher_batch **out,
                           lyc_error *err) {
    uint64_t place = index % ahead->capacity;
    const answer *first = &ahead->drivers[0].answers[place];
    const float **logits = ahead->logits + place * ahead->driver_count;
    LYC_TRY(compare_answers(ahead, place, err));
    for (size_t t = 0; t < ahead->driver_count; t++) logits[t] = ahead->drivers[t].answers[place].logits;
    ahead->batches[place] = (lyc_teacher_batch){
        .epoch = first->epoch,
        .step = first->step,
        .view = first->view,
        .count = first->count,
        .rows = first->rows,
        .ids = first->ids,
        .teachers = (int)ahead->driver_count,
        .classes = ahead->classes,
        .logits = logits,
    };
    *out = &ahead->batches[place];
    return LYC_OK;
}

lyc_status lyc__look_ahead_batch(lyc__look_ahead *ahead, uint32_t offset, const lyc_teacher_batch **out,
                                 lyc_error *err) {
    *out = NULL;
    uint64_t index = ahead->current + offset;
    if (index >= ahead->total) return LYC_OK;
    if (offset >= ahead->capacity - ahead->kept_behind)
        LYC_FAIL(err, LYC_EINTERNAL, "a batch %u ahead was asked for, but only %" PRIu64 " are kept", offset,
                 ahead->capacity - ahead->kept_behind);
    waiting wait = {.done = is_settled, .wanted = {.ahead = ahead, .index = index}};
    if (!ask(&wait)) {
        double began = lyc_seconds();
        wait_until(ahead, is_settled, index);
        ahead->waited += lyc_seconds() - began;
    }
    pthread_mutex_lock(&ahead->mutex);
    const driver *failure = first_failure(ahead, index);
    pthread_mutex_unlock(&ahead->mutex);
    if (failure == NULL) return assemble(ahead, index, out, err);
    /* A driver that has ended writes no more. */
    if (err != NULL) *err = failure->error;
    lyc_error_prefix(err, "teacher '%s'", lyc_teacher_get_info(failure->member.teacher)->name);
    return failure->status;
}

void lyc__look_ahead_advance(lyc__look_ahead *ahead) {
    pthread_mutex_lock(&ahead->mutex);
    if (ahead->current < ahead->total) ahead->current++;
    pthread_cond_broadcast(&ahead->room);
    pthread_mutex_unlock(&ahead->mutex);
}

double lyc__look_ahead_waited(const lyc__look_ahead *ahead) {
    return ahead->waited;
}

/* ---- starting and stopping ------------------------------------------------------------------------- */

static lyc_status check_options(const lyc__look_ahead_options *options, lyc_error *err) {
    size_t limit = lyc_dataset_rows(options->data);
    if (options->row_count == 0 || options->batch == 0)
        LYC_FAIL(err, LYC_EINTERNAL, "teachers were started on %u rows in batches of %u", options->row_count,
                 options->batch);
    for (uint32_t i = 0; i < options->row_count; i++)
        if (options->rows[i] >= limit)
            LYC_FAIL(err, LYC_EINTERNAL, "teachers were started on row %u of %zu", options->rows[i], limit);
    return LYC_OK;
}

/* How many batches to run from where; the first sampler knows the steps of an epoch. */
static lyc_status plan(lyc__look_ahead *ahead, const lyc__look_ahead_options *options, lyc_error *err) {
    ahead->steps = lyc_sampler_steps(ahead->drivers[0].sampler);
    uint64_t from = (uint64_t)options->first_epoch * ahead->steps + options->first_step;
    uint64_t all = (uint64_t)options->epochs * ahead->steps;
    if (from > all)
        LYC_FAIL(err, LYC_EINTERNAL, "teachers were started at epoch %u, step %u of %u epochs of %u steps",
                 options->first_epoch, options->first_step, options->epochs, ahead->steps);
    ahead->total = all - from;
    ahead->first_epoch = options->first_epoch;
    ahead->first_step = options->first_step;
    size_t each =
        options->batch * ((size_t)ahead->classes * sizeof(float) + sizeof(uint64_t) + sizeof(uint32_t));
    uint64_t capacity = options->bytes / (each * options->member_count);
    if (capacity > ahead->total) capacity = ahead->total;
    uint64_t least = (uint64_t)options->min_ahead + 1 + options->kept_behind;
    if (capacity < least) capacity = least;
    ahead->capacity = capacity;
    ahead->kept_behind = options->kept_behind;
    return LYC_OK;
}

static lyc_status allocate_answers(driver *self, lyc_error *err) {
    lyc__look_ahead *ahead = self->ahead;
    size_t capacity = (size_t)ahead->capacity, batch = ahead->batch, matrix = batch * (size_t)ahead->classes;
    LYC_TRY(LYC_NEW_ARRAY(self->answers, capacity, err));
    LYC_TRY(lyc_allocate((void **)&self->rows, capacity, batch * sizeof *self->rows, "batches ahead", err));
    LYC_TRY(lyc_allocate((void **)&self->ids, capacity, batch * sizeof *self->ids, "batches ahead", err));
    LYC_TRY(lyc_allocate((void **)&self->logits, capacity, matrix * sizeof *self->logits,
                         "batches ahead (banks.look_ahead_mb)", err));
    for (size_t i = 0; i < capacity; i++)
        self->answers[i] = (answer){.rows = self->rows + i * batch,
                                    .ids = self->ids + i * batch,
                                    .logits = self->logits + i * matrix};
    return LYC_OK;
}

static lyc_status prepare(lyc__look_ahead *ahead, const lyc__look_ahead_options *options, lyc_error *err) {
    LYC_TRY(LYC_NEW_ARRAY(ahead->rows, options->row_count, err));
    memcpy(ahead->rows, options->rows, options->row_count * sizeof *ahead->rows);
    LYC_TRY(LYC_NEW_ARRAY(ahead->drivers, options->member_count, err));
    ahead->driver_count = options->member_count;
    for (size_t t = 0; t < ahead->driver_count; t++) {
        ahead->drivers[t].ahead = ahead;
        ahead->drivers[t].member = options->members[t];
        LYC_TRY(lyc_sampler_create(&ahead->drivers[t].sampler, ahead->rows, options->row_count,
                                   options->batch, options->views, options->seed, err));
    }
    LYC_TRY(plan(ahead, options, err));
    for (size_t t = 0; t < ahead->driver_count; t++) LYC_TRY(allocate_answers(&ahead->drivers[t], err));
    LYC_TRY(LYC_NEW_ARRAY(ahead->batches, (size_t)ahead->capacity, err));
    return lyc_allocate((void **)&ahead->logits, (size_t)ahead->capacity,
                        ahead->driver_count * sizeof *ahead->logits, "batches ahead", err);
}

static lyc_status start_drivers(lyc__look_ahead *ahead, lyc_error *err) {
    /* Signals are for the application's own threads. */
    sigset_t all, former;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &former);
    int reason = 0;
    for (size_t t = 0; t < ahead->driver_count && reason == 0; t++) {
        driver *self = &ahead->drivers[t];
        lyc__teacher_interrupt(self->member.teacher, false);
        reason = pthread_create(&self->thread, NULL, drive, self);
        self->started = reason == 0;
    }
    pthread_sigmask(SIG_SETMASK, &former, NULL);
    if (reason != 0)
        LYC_FAIL(err, LYC_EENVIRONMENT, "cannot start the thread of a teacher: %s", strerror(reason));
    return LYC_OK;
}

lyc_status lyc__look_ahead_start(lyc__look_ahead **out, const lyc__look_ahead_options *options,
                                 lyc_error *err) {
    lyc__look_ahead *ahead;
    *out = NULL;
    LYC_TRY(check_options(options, err));
    LYC_TRY(lyc_allocate((void **)&ahead, 1, sizeof *ahead, "the teachers' look-ahead", err));
    ahead->data = options->data;
    ahead->pool = options->pool;
    ahead->batch = options->batch;
    ahead->clean = options->clean;
    ahead->classes = lyc_dataset_classes(options->data);
    pthread_mutex_init(&ahead->mutex, NULL);
    pthread_cond_init(&ahead->room, NULL);
    pthread_cond_init(&ahead->ready, NULL);
    lyc_status status = prepare(ahead, options, err);
    if (status == LYC_OK) status = start_drivers(ahead, err);
    if (status == LYC_OK) *out = ahead;
    else lyc__look_ahead_stop(ahead);
    return status;
}

static void free_driver(driver *self) {
    lyc_sampler_destroy(self->sampler);
    lyc_free(self->answers);
    lyc_free(self->rows);
    lyc_free(self->ids);
    lyc_free(self->logits);
}

void lyc__look_ahead_stop(lyc__look_ahead *ahead) {
    if (ahead == NULL) return;
    pthread_mutex_lock(&ahead->mutex);
    atomic_store(&ahead->stopping, true);
    pthread_cond_broadcast(&ahead->room);
    pthread_mutex_unlock(&ahead->mutex);
    for (size_t t = 0; t < ahead->driver_count; t++)
        if (ahead->drivers[t].started) lyc__teacher_interrupt(ahead->drivers[t].member.teacher, true);
    wait_until(ahead, is_over, 0);
    for (size_t t = 0; t < ahead->driver_count; t++) {
        driver *self = &ahead->drivers[t];
        if (self->started) pthread_join(self->thread, NULL);
        if (self->started) lyc__teacher_interrupt(self->member.teacher, false);
        free_driver(self);
    }
    lyc_free(ahead->drivers);
    lyc_free(ahead->batches);
    lyc_free((void *)ahead->logits);
    lyc_free(ahead->rows);
    pthread_cond_destroy(&ahead->ready);
    pthread_cond_destroy(&ahead->room);
    pthread_mutex_destroy(&ahead->mutex);
    lyc_free(ahead);
}

/* For tests of teachers: a small data set in a scratch directory, and a kind of teacher that computes on the
 * spot.
 *
 * The fake's logits depend on the rows computed beside a row, as those of real kernels do: whoever stores or
 * compares them without canonical blocks or shards is found out. */
#ifndef LYC_TEST_FAKE_H
#define LYC_TEST_FAKE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "../io/scratch.h"
#include "io/dataset_file.h"
#include "lyceum/memory.h"
#include "lyceum/random.h"
#include "teachers/kind.h"

#define FAKE_ROWS    1100 /* five blocks of a bank, the last one short */
#define FAKE_CLASSES 3

typedef struct fake_plan {
    uint64_t weights; /* other weights, other logits */
    int classes;      /* own outputs; 0 = FAKE_CLASSES */
    const char *const *class_names;
    double sleep_seconds; /* before each answer */
    bool blocking;
    int64_t bad_row; /* answers `bad_value` for this row; -1 = none */
    float bad_value;
    int64_t fail_at_call; /* LYC_EIO from this call on; -1 = never */
    atomic_int calls, rows, alive;
} fake_plan;

static fake_plan fake_plans[4];

static inline void fake_reset(void) {
    for (size_t i = 0; i < 4; i++) {
        memset(&fake_plans[i], 0, sizeof fake_plans[i]);
        fake_plans[i].weights = i + 1;
        fake_plans[i].bad_row = fake_plans[i].fail_at_call = -1;
    }
}

static inline void fake_sleep(double seconds) {
    struct timespec time = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - floor(seconds)) * 1e9)};
    while (nanosleep(&time, &time) != 0) {
    }
}

typedef struct fake_state {
    fake_plan *plan;
    const lyc_dataset *data;
} fake_state;

static inline int fake_classes(const fake_plan *plan) {
    return plan->classes > 0 ? plan->classes : FAKE_CLASSES;
}

static inline float fake_value(uint64_t weights, uint64_t id, int view, int class_index) {
    lyc_random_key key = {.seed = weights,
                          .purpose = LYC_PURPOSE_TEST,
                          .epoch = (uint32_t)view,
                          .step = (uint32_t)id,
                          .sample = (uint32_t)class_index};
    lyc_random random = lyc_random_start(key);
    return 4.0f * lyc_random_uniform_f32(&random) - 2.0f;
}

/* What the rows beside a row do to it: tiny, and different for any other set of rows. */
static inline float fake_neighbours(const uint32_t *rows, size_t count) {
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) sum += (double)rows[i] * (double)(i + 1);
    return 1e-3f * (float)fmod(sum, 1.0 + 17.0);
}

typedef struct fake_job {
    const fake_state *state;
    const uint32_t *rows;
    size_t count;
    int view;
    float *out;
} fake_job;

enum { FAKE_SHARD = 16 };

static inline void fake_shard(void *payload, size_t item, int slot) {
    (void)slot;
    const fake_job *job = payload;
    const fake_plan *plan = job->state->plan;
    size_t first = item * FAKE_SHARD, classes = (size_t)fake_classes(plan);
    size_t count = job->count - first < FAKE_SHARD ? job->count - first : FAKE_SHARD;
    float beside = fake_neighbours(job->rows + first, count);
    for (size_t i = first; i < first + count; i++)
        for (size_t c = 0; c < classes; c++) {
            uint64_t id = lyc_dataset_ids(job->state->data)[job->rows[i]];
            float value = fake_value(plan->weights, id, job->view, (int)c) + beside;
            bool bad = plan->bad_row == (int64_t)job->rows[i] && c == classes - 1;
            job->out[i * classes + c] = bad ? plan->bad_value : value;
        }
}

static inline lyc_status fake_logits(void *state, const uint32_t *rows, size_t count, int view, float *out,
                                     lyc_pool *pool, lyc_error *err) {
    fake_plan *plan = ((fake_state *)state)->plan;
    int call = atomic_fetch_add(&plan->calls, 1);
    atomic_fetch_add(&plan->rows, (int)count);
    if (plan->sleep_seconds > 0.0) fake_sleep(plan->sleep_seconds);
    if (plan->fail_at_call >= 0 && call >= plan->fail_at_call) LYC_FAIL(err, LYC_EIO, "planned failure");
    fake_job job = {.state = state, .rows = rows, .count = count, .view = view, .out = out};
    lyc_pool_run(pool, LYC_PRIORITY_TEACHER, (count + FAKE_SHARD - 1) / FAKE_SHARD, fake_shard, &job);
    return LYC_OK;
}

static inline lyc_status fake_open(void **state, const lyc__teacher_source *source, lyc_error *err) {
    fake_state *fake;
    LYC_TRY(LYC_NEW_ARRAY(fake, 1, err));
    fake->plan = &fake_plans[atoi(source->options->path)];
    fake->data = source->data;
    atomic_fetch_add(&fake->plan->alive, 1);
    *state = fake;
    return LYC_OK;
}

static inline void fake_close(void *state) {
    atomic_fetch_sub(&((fake_state *)state)->plan->alive, 1);
    lyc_free(state);
}

static inline void fake_info(const void *state, lyc__teacher_traits *out) {
    const fake_plan *plan = ((const fake_state *)state)->plan;
    *out = (lyc__teacher_traits){
        .classes = fake_classes(plan), .class_names = plan->class_names, .blocking = plan->blocking};
    (void)snprintf(out->fingerprint, sizeof out->fingerprint, "%032llx", (unsigned long long)plan->weights);
}

static const lyc__teacher_kind fake_kind = {.name = "fake",
                                            .doc = "for tests",
                                            .open = fake_open,
                                            .logits = fake_logits,
                                            .close = fake_close,
                                            .info = fake_info};

/* A plan's number as the path of a teacher. */
static inline lyc_teacher_options fake_options(const char *name, const char *plan) {
    return (lyc_teacher_options){.name = name, .kind = "fake", .path = plan};
}

/* ---- data ----------------------------------------------------------------------------------------- */

static inline lyc_dataset *fake_dataset(const char *path, uint8_t seed) {
    static char *names[FAKE_CLASSES] = {"red", "green", "blue"};
    static uint8_t parts[FAKE_ROWS], x[FAKE_ROWS * 16];
    static int32_t labels[FAKE_ROWS];
    static uint64_t ids[FAKE_ROWS];
    for (uint32_t i = 0; i < FAKE_ROWS; i++) {
        labels[i] = (int32_t)(i * 7 % 11 % FAKE_CLASSES);
        parts[i] = i >= FAKE_ROWS - 100;
        ids[i] = 50000 + (i * 37) % FAKE_ROWS; /* 37 and 1100 share no divisor: unique, in no order */
        for (uint32_t j = 0; j < 16; j++) x[i * 16 + j] = (uint8_t)(i * 31 + j * 17 + (i >> 8) * 5 + seed);
    }
    lyc__dataset_content about = {.rows = FAKE_ROWS,
                                  .channels = 1,
                                  .height = 4,
                                  .width = 4,
                                  .labels = labels,
                                  .parts = parts,
                                  .ids = ids,
                                  .class_names = names,
                                  .class_count = FAKE_CLASSES};
    lyc__dataset_writer *writer;
    lyc_dataset *data;
    lyc_error err = {0};
    assert_int_equal(lyc__dataset_writer_open(&writer, path, &about, NULL, NULL, &err), LYC_OK);
    assert_int_equal(lyc__dataset_writer_rows(writer, x, FAKE_ROWS, &err), LYC_OK);
    assert_int_equal(lyc__dataset_writer_finish(writer, &about, &err), LYC_OK);
    lyc__dataset_writer_close(writer);
    assert_int_equal(lyc_dataset_open(&data, path, &err), LYC_OK);
    return data;
}

/* Fails the test with the message, unless the status is as wanted and the message holds every one of the
 * texts. */
static inline void expect_error(lyc_status status, lyc_status wanted, const lyc_error *err,
                                const char *const *texts, size_t count) {
    if (status != wanted)
        fail_msg("status %s, wanted %s: %s", lyc_status_name(status), lyc_status_name(wanted), err->message);
    for (size_t i = 0; i < count; i++)
        if (strstr(err->message, texts[i]) == NULL) fail_msg("no '%s' in: %s", texts[i], err->message);
}
#define EXPECT_ERROR(status, wanted, err, ...)                                                               \
    expect_error((status), (wanted), &(err), (const char *const[]){__VA_ARGS__},                             \
                 sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))
#define EXPECT_OK(call)                                                                                      \
    do {                                                                                                     \
        lyc_status expect_status_ = (call);                                                                  \
        if (expect_status_ != LYC_OK) fail_msg("%s: %s", #call, err.message);                                \
    } while (0)

#endif

/* Kind "bank": logits recorded by others. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"
#include "io/recorded_file.h"
#include "lyceum/memory.h"
#include "teachers/class_map.h"
#include "teachers/kind.h"
#include "teachers/recorded_order.h"

typedef struct recorded {
    int classes, views;
    float **logits; /* [views] -> [data rows, classes], in the data set's order */
    float **later;  /* the same, from step `changes_at` on; NULL where nothing changes */
    uint64_t changes_at;
    char **class_names; /* one block, or NULL */
    uint8_t *known;     /* [classes] */
    char fingerprint[LYC_FINGERPRINT_SIZE];
    double delay_seconds;
    pthread_mutex_t mutex; /* guards `stopped` */
    pthread_cond_t stop;   /* on the monotonic clock */
    bool stopped;
} recorded;

/* ---- belonging together --------------------------------------------------------------------------- */

static lyc_status check_views(const lyc__recorded_file *file, const lyc__teacher_source *source,
                              lyc_error *err) {
    const lyc_teacher_options *options = source->options;
    char wanted[LYC_VIEW_KEY_SIZE];
    if (source->recipe->views <= 1) return LYC_OK; /* the clean view is the same in every recipe */
    lyc_view_key(source->recipe, wanted);
    if (file->views < source->recipe->views)
        LYC_FAIL(err, LYC_EMISMATCH,
                 "teacher '%s': %s holds %d view%s of each sample, but %d are asked for; record the "
                 "others as /logits/1 and so on, or set data.augment.views to %d",
                 options->name, options->path, file->views, file->views == 1 ? "" : "s",
                 source->recipe->views, file->views);
    if (file->view_key == NULL || strcmp(file->view_key, wanted) != 0)
        LYC_FAIL(err, LYC_EMISMATCH,
                 "teacher '%s': %s holds views made by another recipe: its view_key is '%s', wanted is '%s'",
                 options->name, options->path, file->view_key != NULL ? file->view_key : "(none)", wanted);
    return LYC_OK;
}

static lyc_status check_data(const lyc__recorded_file *file, const lyc__teacher_source *source,
                             lyc_error *err) {
    const char *wanted = lyc_dataset_fingerprint(source->data);
    if (file->data_fingerprint == NULL || strcmp(file->data_fingerprint, wanted) == 0) return LYC_OK;
    LYC_FAIL(err, LYC_EMISMATCH,
             "teacher '%s': %s was recorded for other data: its data_fingerprint is '%s', that of %s is '%s'",
             source->options->name, source->options->path, file->data_fingerprint,
             lyc_dataset_path(source->data), wanted);
}

/* ---- values --------------------------------------------------------------------------------------- */

static void find_known(recorded *teacher, float *const *logits, size_t count) {
    size_t classes = (size_t)teacher->classes;
    for (int view = 0; view < teacher->views; view++)
        for (size_t i = 0; i < count; i++)
            if (logits[view][i] != -INFINITY) teacher->known[i % classes] = 1;
}

/* A class is known in every row or in none: a column that is -inf here and there is damage. */
static lyc_status check_values(const recorded *teacher, float *const *logits,
                               const lyc__teacher_source *source, lyc_error *err) {
    size_t classes = (size_t)teacher->classes, rows = lyc_dataset_rows(source->data);
    for (int view = 0; view < teacher->views; view++)
        for (size_t i = 0; i < rows * classes; i++) {
            float value = logits[view][i];
            if (isfinite(value) || !teacher->known[i % classes]) continue;
            LYC_FAIL(err, LYC_ENUMERIC,
                     "teacher '%s': %s holds %g for the sample with id %" PRIu64
                     ", view %d, column %zu; logits are finite (or -inf in a whole column, for a class "
                     "that the teacher does not know)",
                     source->options->name, source->options->path, (double)value,
                     lyc_dataset_ids(source->data)[i / classes], view, i % classes);
        }
    return LYC_OK;
}

static lyc_status check_all_values(recorded *teacher, const lyc__teacher_source *source, lyc_error *err) {
    size_t classes = (size_t)teacher->classes, count = lyc_dataset_rows(source->data) * classes, known = 0;
    find_known(teacher, teacher->logits, count);
    if (teacher->later != NULL) find_known(teacher, teacher->later, count);
    for (size_t c = 0; c < classes; c++) known += teacher->known[c];
    if (known == 0)
        LYC_FAIL(err, LYC_ENUMERIC, "teacher '%s': every logit in %s is -inf", source->options->name,
                 source->options->path);
    LYC_TRY(check_values(teacher, teacher->logits, source, err));
    return teacher->later != NULL ? check_values(teacher, teacher->later, source, err) : LYC_OK;
}

/* What it answers for each sample, whatever the order of the file. */
static void make_fingerprint(recorded *teacher, const lyc_dataset *data) {
    lyc__hash hash;
    char text[64];
    size_t rows = lyc_dataset_rows(data);
    int length = snprintf(text, sizeof text, "recorded views=%d rows=%zu classes=%d\n", teacher->views, rows,
                          teacher->classes);
    lyc__hash_start(&hash);
    lyc__hash_update(&hash, text, (size_t)length);
    lyc__hash_update(&hash, lyc_dataset_ids(data), rows * sizeof(uint64_t));
    for (int view = 0; view < teacher->views; view++)
        lyc__hash_update(&hash, teacher->logits[view], rows * (size_t)teacher->classes * sizeof(float));
    if (teacher->later != NULL) {
        length = snprintf(text, sizeof text, "later from=%" PRIu64 "\n", teacher->changes_at);
        lyc__hash_update(&hash, text, (size_t)length);
        for (int view = 0; view < teacher->views; view++)
            lyc__hash_update(&hash, teacher->later[view], rows * (size_t)teacher->classes * sizeof(float));
    }
    lyc__hash_finish_hex(&hash, teacher->fingerprint);
}

/* ---- opening and closing ----------------------------------------------------------------------------- */

static void release_views(float **logits, int views) {
    for (int view = 0; logits != NULL && view < views; view++) lyc_free(logits[view]);
    lyc_free(logits);
}

static void close_recorded(void *state) {
    recorded *teacher = state;
    release_views(teacher->logits, teacher->views);
    release_views(teacher->later, teacher->views);
    lyc_free(teacher->class_names);
    lyc_free(teacher->known);
    pthread_cond_destroy(&teacher->stop);
    pthread_mutex_destroy(&teacher->mutex);
    lyc_free(teacher);
}

static void describe(const void *state, lyc__teacher_traits *out) {
    const recorded *teacher = state;
    *out = (lyc__teacher_traits){
        .classes = teacher->classes,
        .class_names = (const char *const *)teacher->class_names,
        .known = teacher->known,
        .blocking = teacher->delay_seconds > 0.0,
        .changes_at = teacher->changes_at,
    };
    memcpy(out->fingerprint, teacher->fingerprint, sizeof out->fingerprint);
}

/* Moves the file's views over, each row to the place of its sample. */
static lyc_status take_rows(float ***out, float **from, const lyc__recorded_file *file, const uint32_t *order,
                            size_t rows, lyc_error *err) {
    size_t classes = (size_t)file->classes;
    LYC_TRY(LYC_NEW_ARRAY(*out, (size_t)file->views, err));
    for (int view = 0; view < file->views; view++) {
        float *values = NULL;
        LYC_TRY(lyc_allocate((void **)&values, rows * classes, sizeof *values, "recorded logits", err));
        for (size_t row = 0; row < rows; row++)
            memcpy(values + row * classes, from[view] + order[row] * classes, classes * sizeof *values);
        (*out)[view] = values;
        lyc_free(from[view]);
        from[view] = NULL;
    }
    return LYC_OK;
}

/* Judged with the class map that will be used; where that is wrong, its own error is the better one. */
static lyc_status check_labels(const recorded *teacher, const lyc__teacher_source *source, lyc_error *err) {
    lyc__teacher_traits traits;
    int32_t *map = NULL;
    describe(teacher, &traits);
    LYC_TRY(LYC_NEW_ARRAY(map, (size_t)teacher->classes, err));
    lyc_status status = lyc__class_map_resolve(map, source->options, &traits, source->data, err);
    if (status == LYC_OK)
        status = lyc__recorded_check_labels(teacher->logits[0], teacher->classes, map, source->options->name,
                                            source->options->path, source->data, err);
    lyc_free(map);
    return status;
}

static lyc_status take_file(recorded *teacher, lyc__recorded_file *file, const lyc__teacher_source *source,
                            lyc_error *err) {
    size_t rows = lyc_dataset_rows(source->data);
    uint32_t *order = NULL;
    lyc_status status;
    LYC_TRY(check_data(file, source, err));
    LYC_TRY(check_views(file, source, err));
    LYC_TRY(LYC_NEW_ARRAY(order, rows, err));
    status = lyc__recorded_match(order, file, source->options->path, source->data, err);
    if (status != LYC_OK) lyc_error_prefix(err, "teacher '%s'", source->options->name);
    teacher->views = file->views;
    if (status == LYC_OK) status = take_rows(&teacher->logits, file->logits, file, order, rows, err);
    if (status == LYC_OK && file->later != NULL)
        status = take_rows(&teacher->later, file->later, file, order, rows, err);
    lyc_free(order);
    LYC_TRY(status);
    teacher->changes_at = file->changes_at;
    if (teacher->delay_seconds <= 0.0) teacher->delay_seconds = file->delay_seconds;
    teacher->classes = file->classes;
    teacher->class_names = file->class_names;
    file->class_names = NULL;
    LYC_TRY(LYC_NEW_ARRAY(teacher->known, (size_t)teacher->classes, err));
    LYC_TRY(check_all_values(teacher, source, err));
    if (file->checks == NULL && !file->unrelated_is_fine) LYC_TRY(check_labels(teacher, source, err));
    make_fingerprint(teacher, source->data);
    return LYC_OK;
}

static lyc_status open_recorded(void **state, const lyc__teacher_source *source, lyc_error *err) {
    lyc__recorded_file file = {0};
    recorded *teacher;
    pthread_condattr_t clock;
    LYC_TRY(lyc_allocate((void **)&teacher, 1, sizeof *teacher, "a teacher", err));
    pthread_mutex_init(&teacher->mutex, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&teacher->stop, &clock);
    pthread_condattr_destroy(&clock);
    teacher->delay_seconds = source->options->delay_seconds;
    lyc_status status = lyc__recorded_file_read(&file, source->options->path, source->recipe->views, err);
    if (status != LYC_OK) lyc_error_prefix(err, "teacher '%s'", source->options->name);
    else status = take_file(teacher, &file, source, err);
    lyc__recorded_file_release(&file);
    if (status == LYC_OK) *state = teacher;
    else close_recorded(teacher);
    return status;
}

/* ---- answering -------------------------------------------------------------------------------------- */

static struct timespec later(double seconds) {
    struct timespec when;
    clock_gettime(CLOCK_MONOTONIC, &when);
    double whole = floor(seconds);
    when.tv_sec += (time_t)whole;
    when.tv_nsec += (long)((seconds - whole) * 1e9);
    if (when.tv_nsec >= 1000000000L) {
        when.tv_sec++;
        when.tv_nsec -= 1000000000L;
    }
    return when;
}

static lyc_status wait_delay(recorded *teacher, lyc_error *err) {
    if (teacher->delay_seconds <= 0.0) return LYC_OK;
    struct timespec until = later(teacher->delay_seconds);
    int reason = 0;
    pthread_mutex_lock(&teacher->mutex);
    while (!teacher->stopped && reason != ETIMEDOUT)
        reason = pthread_cond_timedwait(&teacher->stop, &teacher->mutex, &until);
    bool stopped = teacher->stopped;
    pthread_mutex_unlock(&teacher->mutex);
    if (stopped) LYC_FAIL(err, LYC_ECANCELLED, "stopped while waiting for recorded logits");
    return LYC_OK;
}

static lyc_status copy_rows(recorded *teacher, const float *logits, const uint32_t *rows, size_t count,
                            float *out, lyc_error *err) {
    size_t classes = (size_t)teacher->classes;
    LYC_TRY(wait_delay(teacher, err));
    for (size_t i = 0; i < count; i++)
        memcpy(out + i * classes, logits + rows[i] * classes, classes * sizeof *out);
    return LYC_OK;
}

/* No pool: copying is over before a thread could help. */
static lyc_status answer(void *state, const uint32_t *rows, size_t count, int view, float *out,
                         lyc_pool *pool, lyc_error *err) {
    (void)pool;
    recorded *teacher = state;
    return copy_rows(teacher, teacher->logits[view], rows, count, out, err);
}

static lyc_status answer_later(void *state, const uint32_t *rows, size_t count, int view, float *out,
                               lyc_pool *pool, lyc_error *err) {
    (void)pool;
    recorded *teacher = state;
    return copy_rows(teacher, teacher->later[view], rows, count, out, err);
}

static void interrupt(void *state, bool stop) {
    recorded *teacher = state;
    pthread_mutex_lock(&teacher->mutex);
    teacher->stopped = stop;
    pthread_cond_broadcast(&teacher->stop);
    pthread_mutex_unlock(&teacher->mutex);
}

const lyc__teacher_kind lyc__teacher_kind_recorded = {
    .name = "bank",
    .doc = "logits recorded in an HDF5 file, by a script or by Lyceum",
    .open = open_recorded,
    .logits = answer,
    .logits_later = answer_later,
    .close = close_recorded,
    .info = describe,
    .interrupt = interrupt,
};

/* Kind "model": a network in a Lyceum model file, with the preprocessing that it was trained with. */
#include <pthread.h>
#include <string.h>

#include "base/hash.h"
#include "lyceum/memory.h"
#include "lyceum/model.h"
#include "teachers/kind.h"

/* Rows computed at once at most: bounds the memory of a workspace. A longer request is cut by this alone, so
 * that the bits depend on the request and not on who computes it. */
#define CHUNK_ROWS ((size_t)256)

#define ERROR_ROWS 512 /* that the error of a precision is measured on */

/* A workspace serves one call at a time; idle ones wait here for the next. There are never more than calls
 * that ran at the same time. */
typedef struct spare {
    lyc_workspace *workspace;
    struct spare *next;
} spare;

typedef struct network {
    lyc_model *model;
    lyc_frozen *frozen;
    lyc_precision precision;
    lyc_logit_error error;
    const lyc_dataset *data;
    const lyc_view_recipe *recipe;
    pthread_mutex_t mutex; /* guards `spares` */
    spare *spares;
} network;

/* Rows of a request, as the engine's shards ask for them. */
typedef struct request {
    const network *network;
    const uint32_t *rows;
    int view;
} request;

static void fill_input(void *payload, size_t first, size_t rows, float *out) {
    const request *wanted = payload;
    lyc_dataset_fill(wanted->network->data, &wanted->network->model->preprocess, wanted->network->recipe,
                     wanted->view, wanted->rows + first, rows, out);
}

static lyc_status borrow_spare(network *teacher, spare **out, lyc_error *err) {
    pthread_mutex_lock(&teacher->mutex);
    *out = teacher->spares;
    if (*out != NULL) teacher->spares = (*out)->next;
    pthread_mutex_unlock(&teacher->mutex);
    if (*out != NULL) return LYC_OK;
    LYC_TRY(lyc_allocate((void **)out, 1, sizeof **out, "a teacher's workspace", err));
    lyc_status status = lyc_workspace_create_frozen(&(*out)->workspace, teacher->frozen, err);
    if (status != LYC_OK) lyc_free(*out);
    return status;
}

static void return_spare(network *teacher, spare *borrowed) {
    pthread_mutex_lock(&teacher->mutex);
    borrowed->next = teacher->spares;
    teacher->spares = borrowed;
    pthread_mutex_unlock(&teacher->mutex);
}

static lyc_status compute(void *state, const uint32_t *rows, size_t count, int view, float *out,
                          lyc_pool *pool, lyc_error *err) {
    network *teacher = state;
    size_t classes = (size_t)teacher->model->class_count;
    spare *borrowed;
    LYC_TRY(borrow_spare(teacher, &borrowed, err));
    for (size_t first = 0; first < count; first += CHUNK_ROWS) {
        size_t chunk = count - first < CHUNK_ROWS ? count - first : CHUNK_ROWS;
        request wanted = {.network = teacher, .rows = rows + first, .view = view};
        lyc_pass pass = {
            .rows = chunk, .input = fill_input, .input_payload = &wanted, .priority = LYC_PRIORITY_TEACHER};
        lyc_workspace_forward(borrowed->workspace, NULL, &pass, pool);
        memcpy(out + first * classes, lyc_workspace_logits(borrowed->workspace),
               chunk * classes * sizeof *out);
    }
    return_spare(teacher, borrowed);
    return LYC_OK;
}

static lyc_status check_input(const lyc_model *model, const lyc__teacher_source *source, lyc_error *err) {
    const lyc_network_spec *spec = lyc_network_get_spec(model->network);
    int channels, height, width;
    lyc_dataset_shape(source->data, &channels, &height, &width);
    if (spec->channels != channels || spec->height != height || spec->width != width)
        LYC_FAIL(
            err, LYC_EMISMATCH,
            "teacher '%s': %s takes samples of %d x %d x %d (channels x height x width), those of %s are "
            "%d x %d x %d; use a teacher trained on data of this shape",
            source->options->name, source->options->path, spec->channels, spec->height, spec->width,
            lyc_dataset_path(source->data), channels, height, width);
    return LYC_OK;
}

static void close_spares(network *teacher) {
    while (teacher->spares != NULL) {
        spare *next = teacher->spares->next;
        lyc_workspace_destroy(teacher->spares->workspace);
        lyc_free(teacher->spares);
        teacher->spares = next;
    }
}

static void close_network(void *state) {
    network *teacher = state;
    close_spares(teacher);
    pthread_mutex_destroy(&teacher->mutex);
    lyc_frozen_destroy(teacher->frozen);
    lyc_model_destroy(teacher->model);
    lyc_free(teacher);
}

static lyc_status freeze(network *teacher, lyc_precision precision, lyc_error *err) {
    close_spares(teacher);
    lyc_frozen_destroy(teacher->frozen);
    teacher->frozen = NULL;
    return lyc_frozen_create(&teacher->frozen, teacher->model->network, teacher->model->params, precision,
                             CHUNK_ROWS, err);
}

/* The logits of rows that are evenly spread over the data set, clean. */
static lyc_status compute_spread(network *teacher, size_t count, float *out, lyc_error *err) {
    uint32_t rows[ERROR_ROWS];
    const size_t total = lyc_dataset_rows(teacher->data);
    for (size_t i = 0; i < count; i++) rows[i] = (uint32_t)(i * total / count);
    return compute(teacher, rows, count, 0, out, NULL, err);
}

/* Answers in f32 first, to measure what the other precision changes. */
static lyc_status measure_error(network *teacher, lyc_error *err) {
    const size_t total = lyc_dataset_rows(teacher->data), count = total < ERROR_ROWS ? total : ERROR_ROWS;
    const size_t classes = (size_t)teacher->model->class_count;
    float *exact = NULL, *logits = NULL;
    lyc_status status;
    LYC_TRY_GOTO(LYC_NEW_ARRAY(exact, count * classes, err));
    LYC_TRY_GOTO(LYC_NEW_ARRAY(logits, count * classes, err));
    LYC_TRY_GOTO(compute_spread(teacher, count, exact, err));
    LYC_TRY_GOTO(freeze(teacher, teacher->precision, err));
    LYC_TRY_GOTO(compute_spread(teacher, count, logits, err));
    lyc_logit_error_measure(&teacher->error, logits, exact, count, classes);
done:
    lyc_free(logits);
    lyc_free(exact);
    return status;
}

static lyc_status freeze_network(network *teacher, const lyc__teacher_source *source, lyc_error *err) {
    teacher->precision = source->options->precision;
    lyc_status status = freeze(teacher, LYC_PRECISION_F32, err);
    if (status == LYC_OK && teacher->precision != LYC_PRECISION_F32) status = measure_error(teacher, err);
    if (status != LYC_OK) lyc_error_prefix(err, "teacher '%s'", source->options->name);
    return status;
}

static lyc_status open_network(void **state, const lyc__teacher_source *source, lyc_error *err) {
    network *teacher;
    LYC_TRY(lyc_allocate((void **)&teacher, 1, sizeof *teacher, "a teacher", err));
    teacher->data = source->data;
    teacher->recipe = source->recipe;
    pthread_mutex_init(&teacher->mutex, NULL);
    lyc_status status = lyc_model_load(&teacher->model, source->options->path, err);
    if (status != LYC_OK) lyc_error_prefix(err, "teacher '%s'", source->options->name);
    else status = check_input(teacher->model, source, err);
    if (status == LYC_OK) status = freeze_network(teacher, source, err);
    if (status == LYC_OK) *state = teacher;
    else close_network(teacher);
    return status;
}

/* What is computed of the parameters: another way to fold and fuse gives other bits, and takes another
 * number. */
static const char method[] = "frozen 2";

/* The model's fingerprint covers architecture, preprocessing, class names and parameters; the preprocessing
 * enters once more as the very numbers that are applied. */
static void describe(const void *state, lyc__teacher_traits *out) {
    const network *teacher = state;
    const lyc_model *model = teacher->model;
    *out = (lyc__teacher_traits){
        .classes = model->class_count,
        .class_names = (const char *const *)model->class_names,
        .flops_per_row = lyc_network_flops_forward(model->network),
        .precision = teacher->precision,
        .error = teacher->error,
    };
    lyc__hash hash;
    size_t channels = (size_t)model->preprocess.channels;
    lyc__hash_start(&hash);
    lyc__hash_update(&hash, method, strlen(method));
    lyc__hash_update(&hash, model->fingerprint, strlen(model->fingerprint));
    lyc__hash_update(&hash, model->preprocess.mean, channels * sizeof(float));
    lyc__hash_update(&hash, model->preprocess.std, channels * sizeof(float));
    lyc__hash_finish_hex(&hash, out->fingerprint);
}

const lyc__teacher_kind lyc__teacher_kind_network = {
    .name = "model",
    .doc = "a network in a Lyceum model file",
    .open = open_network,
    .logits = compute,
    .close = close_network,
    .info = describe,
};

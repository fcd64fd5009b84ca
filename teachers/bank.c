/* The bank: a teacher's logits by blocks, in memory and in a file; whatever is missing is computed once. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/fileio.h"
#include "io/bank_file.h"
#include "lyceum/log.h"
#include "lyceum/memory.h"
#include "teachers/kind.h"

/* Rows computed at once. Part of every bank's key: another size gives other bits. */
#define BLOCK_ROWS 256

#define NAME_LIMIT 64 /* of a teacher, in the name of its file */

struct lyc_bank {
    lyc_teacher *teacher;
    const lyc_dataset *data;
    lyc__bank_key key;
    lyc__bank_file *file;
    size_t blocks;         /* of a view */
    pthread_mutex_t mutex; /* guards everything below; a block that is ready may be read without it */
    float **values;        /* [views] -> [rows, classes], NULL until the first block of the view */
    atomic_uchar *ready;   /* [views * blocks] */
    lyc_bank_stats stats;
};

/* ---- opening and closing -------------------------------------------------------------------------- */

static lyc_status make_key(lyc_bank *bank, const lyc_view_recipe *recipe, lyc_error *err) {
    const lyc_teacher_info *info = lyc_teacher_get_info(bank->teacher);
    lyc__bank_key *key = &bank->key;
    char own[LYC_VIEW_KEY_SIZE];
    lyc_view_key(lyc__teacher_recipe(bank->teacher), own);
    lyc_view_key(recipe, key->view_key);
    if (strcmp(lyc_dataset_fingerprint(lyc__teacher_data(bank->teacher)),
               lyc_dataset_fingerprint(bank->data)) != 0 ||
        strcmp(own, key->view_key) != 0 || lyc__teacher_recipe(bank->teacher)->views != recipe->views)
        LYC_FAIL(err, LYC_EINTERNAL, "teacher '%s' was opened for other data or views than its bank",
                 info->name);
    snprintf(key->data_fingerprint, sizeof key->data_fingerprint, "%s", lyc_dataset_fingerprint(bank->data));
    snprintf(key->teacher_fingerprint, sizeof key->teacher_fingerprint, "%s", info->fingerprint);
    snprintf(key->precision, sizeof key->precision, "%s", lyc_precision_name(info->precision));
    key->views = (uint64_t)recipe->views;
    key->rows = lyc_dataset_rows(bank->data);
    key->classes = (uint64_t)info->classes;
    key->block_rows = BLOCK_ROWS;
    return LYC_OK;
}

/* "<directory>/<teacher name>-<12 digits of the key>.h5", with '_' for what does not belong in a file's name.
 */
static lyc_status make_path(char **out, const char *directory, const lyc_bank *bank, lyc_error *err) {
    char name[NAME_LIMIT + 1], hash[LYC_FINGERPRINT_SIZE];
    snprintf(name, sizeof name, "%s", lyc_teacher_get_info(bank->teacher)->name);
    for (char *c = name; *c != '\0'; c++)
        if (*c == '/' || (unsigned char)*c < ' ' || (c == name && *c == '.')) *c = '_';
    lyc__bank_key_hash(&bank->key, hash);
    size_t size = strlen(directory) + sizeof name + sizeof hash + 8;
    LYC_TRY(lyc_allocate((void **)out, size, 1, "the path of a bank", err));
    snprintf(*out, size, "%s/%s-%.12s.h5", directory, name, hash);
    return LYC_OK;
}

static lyc_status open_inside(lyc_bank *bank, const char *directory, const lyc_view_recipe *recipe,
                              lyc_error *err) {
    char *path = NULL;
    LYC_TRY(make_key(bank, recipe, err));
    bank->blocks = (size_t)lyc__bank_file_blocks(&bank->key);
    LYC_TRY(LYC_NEW_ARRAY(bank->values, (size_t)bank->key.views, err));
    LYC_TRY(LYC_NEW_ARRAY(bank->ready, (size_t)bank->key.views * bank->blocks, err));
    LYC_TRY(lyc__make_directories(directory, err));
    LYC_TRY(make_path(&path, directory, bank, err));
    const lyc_teacher_info *info = lyc_teacher_get_info(bank->teacher);
    const lyc__bank_about about = {
        .teacher = info->name, .ids = lyc_dataset_ids(bank->data), .error = info->error};
    lyc_status status = lyc__bank_file_open(&bank->file, path, &bank->key, &about, err);
    lyc_free(path);
    LYC_TRY(status);
    bank->stats.blocks = bank->key.views * bank->blocks;
    bank->stats.writable = lyc__bank_file_writable(bank->file);
    return lyc__bank_file_filled(bank->file, &bank->stats.filled, err);
}

lyc_status lyc_bank_open(lyc_bank **out, const char *directory, lyc_teacher *teacher, const lyc_dataset *data,
                         const lyc_view_recipe *recipe, lyc_error *err) {
    lyc_bank *bank;
    *out = NULL;
    if (lyc_teacher_get_info(teacher)->changes_at > 0)
        LYC_FAIL(err, LYC_ECONFIG,
                 "teacher '%s' changes at step %" PRIu64 ": it has no one answer that a bank could keep",
                 lyc_teacher_get_info(teacher)->name, lyc_teacher_get_info(teacher)->changes_at);
    LYC_TRY(lyc_allocate((void **)&bank, 1, sizeof *bank, "a bank", err));
    bank->teacher = teacher;
    bank->data = data;
    pthread_mutex_init(&bank->mutex, NULL);
    lyc_status status = open_inside(bank, directory, recipe, err);
    if (status == LYC_OK) {
        *out = bank;
    } else {
        lyc_error_prefix(err, "teacher '%s'", lyc_teacher_get_info(teacher)->name);
        lyc_status ignored = lyc_bank_close(bank, NULL);
        (void)ignored;
    }
    return status;
}

lyc_status lyc_bank_close(lyc_bank *bank, lyc_error *err) {
    if (bank == NULL) return LYC_OK;
    lyc_status status = lyc__bank_file_close(bank->file, err);
    for (uint64_t view = 0; bank->values != NULL && view < bank->key.views; view++)
        lyc_free(bank->values[view]);
    lyc_free(bank->values);
    lyc_free(bank->ready);
    pthread_mutex_destroy(&bank->mutex);
    lyc_free(bank);
    return status;
}

const char *lyc_bank_path(const lyc_bank *bank) {
    return lyc__bank_file_path(bank->file);
}

void lyc_bank_get_stats(lyc_bank *bank, lyc_bank_stats *out) {
    pthread_mutex_lock(&bank->mutex);
    *out = bank->stats;
    pthread_mutex_unlock(&bank->mutex);
}

/* ---- filling -------------------------------------------------------------------------------------- */

/* A call's missing blocks, one item of work each. */
typedef struct filling {
    lyc_bank *bank;
    int view;
    const uint32_t *blocks;
    const atomic_bool *cancel;
    pthread_mutex_t mutex; /* guards the error: that of the first block in order, whoever was first in time */
    size_t failed_item;
    lyc_status status;
    lyc_error error;
} filling;

static atomic_uchar *ready_flag(lyc_bank *bank, int view, size_t block) {
    return &bank->ready[(size_t)view * bank->blocks + block];
}

static bool is_ready(lyc_bank *bank, int view, size_t block) {
    return atomic_load_explicit(ready_flag(bank, view, block), memory_order_acquire) != 0;
}

/* All of a block at once, always with BLOCK_ROWS rows: the last one repeats the data set's last row. */
static lyc_status compute_block(lyc_bank *bank, int view, size_t block, float *out, lyc_error *err) {
    uint32_t rows[BLOCK_ROWS];
    size_t first = block * BLOCK_ROWS, last = (size_t)bank->key.rows - 1;
    for (size_t i = 0; i < BLOCK_ROWS; i++) rows[i] = (uint32_t)(first + i < last ? first + i : last);
    return lyc_teacher_logits(bank->teacher, rows, BLOCK_ROWS, view, out, NULL, err);
}

/* Puts a whole block where readers look. Two callers may have computed the same one: the bits are the same.
 */
static lyc_status publish_block(lyc_bank *bank, int view, size_t block, const float *values, bool computed,
                                bool stored, lyc_error *err) {
    size_t classes = (size_t)bank->key.classes;
    size_t count = (size_t)lyc__bank_file_block_rows(&bank->key, block) * classes;
    lyc_status status = LYC_OK;
    pthread_mutex_lock(&bank->mutex);
    if (!is_ready(bank, view, block)) {
        if (bank->values[view] == NULL)
            status = LYC_NEW_ARRAY(bank->values[view], (size_t)bank->key.rows * classes, err);
        if (status == LYC_OK) {
            memcpy(bank->values[view] + block * BLOCK_ROWS * classes, values, count * sizeof *values);
            atomic_store_explicit(ready_flag(bank, view, block), 1, memory_order_release);
            bank->stats.computed_now += computed;
            bank->stats.filled += stored;
        }
    }
    pthread_mutex_unlock(&bank->mutex);
    return status;
}

static lyc_status provide_block(lyc_bank *bank, int view, size_t block, lyc_error *err) {
    float *values;
    lyc__bank_block found;
    bool stored = false;
    if (is_ready(bank, view, block)) return LYC_OK;
    LYC_TRY(LYC_NEW_ARRAY(values, BLOCK_ROWS * (size_t)bank->key.classes, err));
    lyc_status status = lyc__bank_file_read(bank->file, (uint64_t)view, block, values, &found, err);
    if (status == LYC_OK && found != LYC__BANK_BLOCK_WHOLE) {
        status = compute_block(bank, view, block, values, err);
        if (status == LYC_OK && bank->stats.writable) {
            status = lyc__bank_file_write(bank->file, (uint64_t)view, block, values, err);
            stored = found == LYC__BANK_BLOCK_MISSING;
        }
    }
    bool computed = found != LYC__BANK_BLOCK_WHOLE;
    if (status == LYC_OK) status = publish_block(bank, view, block, values, computed, stored, err);
    lyc_free(values);
    return status;
}

static void fill_item(void *payload, size_t item, int slot) {
    (void)slot;
    filling *work = payload;
    lyc_error error = {0};
    lyc_status status;
    pthread_mutex_lock(&work->mutex);
    bool hopeless = item > work->failed_item;
    pthread_mutex_unlock(&work->mutex);
    if (hopeless) return;
    if (work->cancel != NULL && atomic_load(work->cancel))
        status = LYC_ERROR(&error, LYC_ECANCELLED, "stopped while filling a bank");
    else status = provide_block(work->bank, work->view, work->blocks[item], &error);
    if (status == LYC_OK) return;
    pthread_mutex_lock(&work->mutex);
    if (item < work->failed_item) {
        work->failed_item = item;
        work->status = status;
        work->error = error;
    }
    pthread_mutex_unlock(&work->mutex);
}

static lyc_status fill_blocks(lyc_bank *bank, int view, const uint32_t *blocks, size_t count, lyc_pool *pool,
                              const atomic_bool *cancel, lyc_error *err) {
    filling *work;
    LYC_TRY(lyc_allocate((void **)&work, 1, sizeof *work, "the filling of a bank", err));
    *work =
        (filling){.bank = bank, .view = view, .blocks = blocks, .cancel = cancel, .failed_item = SIZE_MAX};
    pthread_mutex_init(&work->mutex, NULL);
    /* A teacher that only waits must not make the pool's threads wait. */
    bool blocking = lyc_teacher_get_info(bank->teacher)->blocking;
    lyc_pool_run(blocking ? NULL : pool, LYC_PRIORITY_TEACHER, count, fill_item, work);
    lyc_status status = work->status;
    if (status != LYC_OK && err != NULL) *err = work->error;
    pthread_mutex_destroy(&work->mutex);
    lyc_free(work);
    return status;
}

/* The blocks of these rows that are not ready, ascending, each once. *out is NULL when there are none. */
static lyc_status find_missing(lyc_bank *bank, const uint32_t *rows, size_t count, int view, uint32_t **out,
                               size_t *missing, lyc_error *err) {
    size_t i = 0;
    *out = NULL;
    *missing = 0;
    while (i < count && is_ready(bank, view, rows[i] / BLOCK_ROWS)) i++;
    if (i == count) return LYC_OK;
    uint8_t *wanted = NULL;
    LYC_TRY(LYC_NEW_ARRAY(wanted, bank->blocks, err));
    lyc_status status = LYC_NEW_ARRAY(*out, bank->blocks, err);
    if (status == LYC_OK) {
        for (; i < count; i++) wanted[rows[i] / BLOCK_ROWS] = 1;
        for (size_t block = 0; block < bank->blocks; block++)
            if (wanted[block] && !is_ready(bank, view, block)) (*out)[(*missing)++] = (uint32_t)block;
    }
    lyc_free(wanted);
    return status;
}

/* ---- answering ------------------------------------------------------------------------------------ */

lyc_status lyc__bank_logits(lyc_bank *bank, const uint32_t *rows, size_t count, int view, float *out,
                            lyc_pool *pool, const atomic_bool *cancel, lyc_error *err) {
    uint32_t *missing;
    size_t missing_count;
    LYC_TRY(lyc__teacher_check_request(bank->teacher, rows, count, view, err));
    LYC_TRY(find_missing(bank, rows, count, view, &missing, &missing_count, err));
    if (missing != NULL) {
        lyc_status status = fill_blocks(bank, view, missing, missing_count, pool, cancel, err);
        lyc_free(missing);
        LYC_TRY(status);
    }
    size_t classes = (size_t)bank->key.classes;
    for (size_t i = 0; i < count; i++)
        memcpy(out + i * classes, bank->values[view] + rows[i] * classes, classes * sizeof *out);
    return LYC_OK;
}

lyc_status lyc_bank_logits(lyc_bank *bank, const uint32_t *rows, size_t count, int view, float *out,
                           lyc_pool *pool, lyc_error *err) {
    return lyc__bank_logits(bank, rows, count, view, out, pool, NULL, err);
}

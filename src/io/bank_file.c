#include "io/bank_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fileio.h"
#include "base/hash.h"
#include "io/bank_layout.h"
#include "lyceum/log.h"
#include "lyceum/memory.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "blocks are stored as they lie in memory");

/* How long to wait for another process that is just making the file. */
#define WAIT_STEP_NANOSECONDS 10000000L
#define WAIT_STEPS            3000

struct lyc__bank_file {
    char *path;
    lyc__bank_key key;
    lyc__bank_place *places; /* [views] */
    int file, lock;          /* descriptors; -1 = none. With a lock the file is open for writing */
    atomic_bool written, warned;
};

/* ---- key ---------------------------------------------------------------------------------------- */

void lyc__bank_key_hash(const lyc__bank_key *key, char out[LYC_FINGERPRINT_SIZE]) {
    char text[512];
    int length = snprintf(text, sizeof text,
                          "lyceum bank 1\ndata=%s\nteacher=%s\nview=%s\nprecision=%s\nviews=%" PRIu64
                          "\nrows=%" PRIu64 "\nclasses=%" PRIu64 "\nblock=%" PRIu64 "\n",
                          key->data_fingerprint, key->teacher_fingerprint, key->view_key, key->precision,
                          key->views, key->rows, key->classes, key->block_rows);
    lyc__hash hash;
    lyc__hash_start(&hash);
    lyc__hash_update(&hash, text, (size_t)length);
    lyc__hash_finish_hex(&hash, out);
}

uint64_t lyc__bank_checksum(uint64_t view, uint64_t block, const float *values, size_t count) {
    return XXH3_64bits_withSeed(values, count * sizeof *values, view << 40 ^ (block + 1));
}

uint64_t lyc__bank_file_blocks(const lyc__bank_key *key) {
    return key->rows / key->block_rows + (key->rows % key->block_rows != 0);
}

uint64_t lyc__bank_file_block_rows(const lyc__bank_key *key, uint64_t block) {
    uint64_t left = key->rows - block * key->block_rows;
    return left < key->block_rows ? left : key->block_rows;
}

/* ---- plain reading and writing ------------------------------------------------------------------- */

static lyc_status read_at(const lyc__bank_file *file, void *out, size_t size, uint64_t offset,
                          lyc_error *err) {
    char *here = out;
    while (size > 0) {
        ssize_t got = pread(file->file, here, size, (off_t)offset);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) LYC_FAIL(err, LYC_EIO, "cannot read the bank %s: %s", file->path, strerror(errno));
        if (got == 0)
            LYC_FAIL(err, LYC_EFORMAT,
                     "the bank %s was cut off at byte %" PRIu64 "; delete it to have it made again",
                     file->path, offset);
        here += got;
        size -= (size_t)got;
        offset += (uint64_t)got;
    }
    return LYC_OK;
}

static lyc_status write_at(const lyc__bank_file *file, const void *bytes, size_t size, uint64_t offset,
                           lyc_error *err) {
    const char *here = bytes;
    while (size > 0) {
        ssize_t put = pwrite(file->file, here, size, (off_t)offset);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0)
            LYC_FAIL(err, LYC_EIO,
                     "cannot write to the bank %s: %s; free some space, or run without banks (banks.enabled)",
                     file->path, strerror(put < 0 ? errno : ENOSPC));
        here += put;
        size -= (size_t)put;
        offset += (uint64_t)put;
    }
    return LYC_OK;
}

/* ---- blocks -------------------------------------------------------------------------------------- */

typedef struct block_place {
    uint64_t logits, filled, checksum; /* offsets */
    size_t values;
} block_place;

static block_place place_of(const lyc__bank_file *file, uint64_t view, uint64_t block) {
    const lyc__bank_place *place = &file->places[view];
    return (block_place){
        .logits = place->logits + block * file->key.block_rows * file->key.classes * sizeof(float),
        .filled = place->filled + block,
        .checksum = place->checksum + block * sizeof(uint64_t),
        .values = (size_t)(lyc__bank_file_block_rows(&file->key, block) * file->key.classes),
    };
}

lyc_status lyc__bank_file_read(lyc__bank_file *file, uint64_t view, uint64_t block, float *out,
                               lyc__bank_block *found, lyc_error *err) {
    block_place place = place_of(file, view, block);
    uint8_t filled;
    uint64_t checksum;
    *found = LYC__BANK_BLOCK_MISSING;
    LYC_TRY(read_at(file, &filled, sizeof filled, place.filled, err));
    if (filled == 0) return LYC_OK;
    LYC_TRY(read_at(file, &checksum, sizeof checksum, place.checksum, err));
    LYC_TRY(read_at(file, out, place.values * sizeof *out, place.logits, err));
    bool whole = filled == 1 && checksum == lyc__bank_checksum(view, block, out, place.values);
    *found = whole ? LYC__BANK_BLOCK_WHOLE : LYC__BANK_BLOCK_DAMAGED;
    if (!whole && !atomic_exchange(&file->warned, true))
        lyc_log(LYC_LOG_WARNING,
                "the bank %s is damaged at block %" PRIu64 " of view %" PRIu64
                " (its checksum does not match); this block is computed again, and so is any other like it",
                file->path, block, view);
    return LYC_OK;
}

/* The flag goes down first and up last: whatever stands between is never taken for a block. */
lyc_status lyc__bank_file_write(lyc__bank_file *file, uint64_t view, uint64_t block, const float *values,
                                lyc_error *err) {
    static const uint8_t down = 0, up = 1;
    block_place place = place_of(file, view, block);
    uint64_t checksum = lyc__bank_checksum(view, block, values, place.values);
    if (!lyc__bank_file_writable(file))
        LYC_FAIL(err, LYC_EINTERNAL, "the bank %s is open for reading only", file->path);
    atomic_store(&file->written, true);
    LYC_TRY(write_at(file, &down, sizeof down, place.filled, err));
    LYC_TRY(write_at(file, values, place.values * sizeof *values, place.logits, err));
    LYC_TRY(write_at(file, &checksum, sizeof checksum, place.checksum, err));
    return write_at(file, &up, sizeof up, place.filled, err);
}

lyc_status lyc__bank_file_filled(lyc__bank_file *file, uint64_t *out, lyc_error *err) {
    uint64_t blocks = lyc__bank_file_blocks(&file->key), count = 0;
    uint8_t flags[4096];
    for (uint64_t view = 0; view < file->key.views; view++)
        for (uint64_t first = 0; first < blocks; first += sizeof flags) {
            size_t size = blocks - first < sizeof flags ? (size_t)(blocks - first) : sizeof flags;
            LYC_TRY(read_at(file, flags, size, file->places[view].filled + first, err));
            for (size_t i = 0; i < size; i++) count += flags[i] != 0;
        }
    *out = count;
    return LYC_OK;
}

/* ---- opening and closing --------------------------------------------------------------------------- */

static bool exists(const char *path) {
    struct stat about;
    return stat(path, &about) == 0;
}

/* Takes the lock and makes the file if need be; or leaves file->lock at -1 where the file is there but the
 * lock is not to be had. */
static lyc_status lock_and_make(lyc__bank_file *file, const lyc__bank_about *about, lyc_error *err) {
    char *lock = NULL;
    size_t size = strlen(file->path) + sizeof ".lock";
    lyc_error reason = {0};
    lyc_status status = LYC_OK;
    LYC_TRY(lyc_allocate((void **)&lock, size, 1, "the path of a bank", err));
    snprintf(lock, size, "%s.lock", file->path);
    for (int step = 0; step < WAIT_STEPS; step++) {
        status = lyc__lock_file(&file->lock, lock, &reason);
        if (status == LYC_OK || exists(file->path) || status != LYC_EBUSY) break;
        /* Another process is making it: a matter of moments, unless that one dies and leaves us the lock. */
        nanosleep(&(struct timespec){.tv_nsec = WAIT_STEP_NANOSECONDS}, NULL);
    }
    lyc_free(lock);
    if (status == LYC_OK)
        return exists(file->path) ? LYC_OK : lyc__bank_layout_create(file->path, &file->key, about, err);
    if (!exists(file->path))
        LYC_FAIL(err, reason.code, "cannot make the bank %s: %s", file->path, reason.message);
    lyc_log(LYC_LOG_INFO, "the bank %s is only read: %s", file->path, reason.message);
    return LYC_OK;
}

static lyc_status open_inside(lyc__bank_file *file, const lyc__bank_about *about, lyc_error *err) {
    LYC_TRY(LYC_NEW_ARRAY(file->places, (size_t)file->key.views, err));
    LYC_TRY(lock_and_make(file, about, err));
    LYC_TRY(lyc__bank_layout_read(file->places, file->path, &file->key, err));
    if (file->lock >= 0) file->file = open(file->path, O_RDWR | O_CLOEXEC);
    if (file->file >= 0) return LYC_OK;
    /* The directory may be ours and the file not: it can be read all the same. */
    lyc__unlock_file(&file->lock);
    file->file = open(file->path, O_RDONLY | O_CLOEXEC);
    if (file->file < 0) LYC_FAIL(err, LYC_EIO, "cannot open the bank %s: %s", file->path, strerror(errno));
    return LYC_OK;
}

lyc_status lyc__bank_file_open(lyc__bank_file **out, const char *path, const lyc__bank_key *key,
                               const lyc__bank_about *about, lyc_error *err) {
    *out = NULL;
    if (key->views == 0 || key->views > LYC__BANK_MAX_VIEWS || key->rows == 0 || key->classes == 0 ||
        key->block_rows == 0)
        LYC_FAIL(err, LYC_EINTERNAL, "a bank of nothing was asked for: %s", path);
    lyc__bank_file *file;
    LYC_TRY(lyc_allocate((void **)&file, 1, sizeof *file, "a bank", err));
    file->file = file->lock = -1;
    file->key = *key;
    file->path = lyc_strdup(path);
    lyc_status status = file->path != NULL ? open_inside(file, about, err)
                                           : LYC_ERROR(err, LYC_ENOMEM, "no memory for the path %s", path);
    if (status == LYC_OK) {
        *out = file;
    } else {
        lyc_status ignored = lyc__bank_file_close(file, NULL);
        (void)ignored;
    }
    return status;
}

lyc_status lyc__bank_file_close(lyc__bank_file *file, lyc_error *err) {
    lyc_status status = LYC_OK;
    if (file == NULL) return LYC_OK;
    if (file->file >= 0) {
        int reason = atomic_load(&file->written) && fdatasync(file->file) != 0 ? errno : 0;
        if (close(file->file) != 0 && reason == 0) reason = errno;
        if (reason != 0)
            status = LYC_ERROR(err, LYC_EIO, "cannot sync the bank %s: %s", file->path, strerror(reason));
    }
    lyc__unlock_file(&file->lock);
    lyc_free(file->places);
    lyc_free(file->path);
    lyc_free(file);
    return status;
}

bool lyc__bank_file_writable(const lyc__bank_file *file) {
    return file->lock >= 0;
}

const char *lyc__bank_file_path(const lyc__bank_file *file) {
    return file->path;
}

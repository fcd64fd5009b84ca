#include "distill/run_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fileio.h"
#include "lyceum/memory.h"

struct lyc__directory {
    char *path;
    size_t existed; /* how much of the path was there before */
    bool begun;     /* it holds a run */
    int lock;
    int log;
    uint64_t log_bytes;
};

void lyc__directory_file(const lyc__directory *directory, const char *name, char out[LYC__PATH_SIZE]) {
    (void)snprintf(out, LYC__PATH_SIZE, "%s/%s", directory->path, name);
}

bool lyc__directory_has(const lyc__directory *directory, const char *name) {
    char path[LYC__PATH_SIZE];
    lyc__directory_file(directory, name, path);
    return access(path, F_OK) == 0;
}

/* A directory without our lock was not made by a run: files of our names in it are someone's own. */
static lyc_status check_not_foreign(const lyc__directory *directory, lyc_error *err) {
    static const char *const names[] = {"config.json", "log.jsonl", "student.h5", "model.h5", "result.json"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (lyc__directory_has(directory, names[i]))
            LYC_FAIL(err, LYC_ECONFIG, "output: %s holds a %s that no run has left there; move it away, or choose another --output",
                     directory->path, names[i]);
    return LYC_OK;
}

static lyc_status lock(lyc__directory *directory, lyc_error *err) {
    char path[LYC__PATH_SIZE];
    lyc__directory_file(directory, "lock", path);
    bool ours = lyc__directory_has(directory, "lock") || lyc__directory_has(directory, "run.h5") ||
                lyc__directory_has(directory, "checkpoints");
    if (!ours) LYC_TRY(check_not_foreign(directory, err));
    lyc_status status = lyc__lock_file(&directory->lock, path, err);
    if (status == LYC_EBUSY) lyc_error_prefix(err, "run directory %s is in use", directory->path);
    return status;
}

/* Length of the longest part of `path` that is there. */
static size_t existing_part(const char *path) {
    char part[LYC__PATH_SIZE];
    size_t length = (size_t)snprintf(part, sizeof part, "%s", path);
    while (length > 0 && access(part, F_OK) != 0) {
        while (length > 0 && part[length - 1] == '/') length--;
        while (length > 0 && part[length - 1] != '/') length--;
        part[length] = '\0';
    }
    return length;
}

/* A run that failed before it began leaves nothing behind. A directory that somebody has put something into stays. */
static void remove_empty(const lyc__directory *directory) {
    char path[LYC__PATH_SIZE];
    lyc__directory_file(directory, "lock", path);
    (void)unlink(path);
    size_t length = (size_t)snprintf(path, sizeof path, "%s", directory->path);
    while (length > directory->existed && rmdir(path) == 0) {
        while (length > 0 && path[length - 1] == '/') length--;
        while (length > 0 && path[length - 1] != '/') length--;
        path[length] = '\0';
    }
}

lyc_status lyc__directory_open(lyc__directory **out, const char *path, bool resume, bool *holds_run, lyc_error *err) {
    *out = NULL;
    if (strlen(path) > LYC__PATH_SIZE - 256) LYC_FAIL(err, LYC_ECONFIG, "output: the path is too long (%zu bytes)", strlen(path));
    lyc__directory *directory = NULL;
    LYC_TRY(lyc_allocate((void **)&directory, 1, sizeof *directory, "run directory", err));
    directory->lock = directory->log = -1;
    directory->existed = existing_part(path);
    lyc_status status = LYC_OK;
    directory->path = lyc_strdup(path);
    if (directory->path == NULL) {
        status = LYC_ERROR(err, LYC_ENOMEM, "no memory for the path %s", path);
        goto done;
    }
    LYC_TRY_GOTO(lyc__make_directories(path, err));
    LYC_TRY_GOTO(lock(directory, err));
    *holds_run = lyc__directory_has(directory, "run.h5") || lyc__directory_has(directory, "checkpoints");
    directory->begun = *holds_run || lyc__directory_has(directory, "config.json");
    if (*holds_run && !resume) {
        status = LYC_ERROR(err, LYC_ECONFIG,
                           "output: %s already holds a run: add --resume to go on with it, or choose another --output", path);
        goto done;
    }
    *out = directory;
    return LYC_OK;
done:
    lyc__directory_close(directory);
    return status;
}

void lyc__directory_close(lyc__directory *directory) {
    if (directory == NULL) return;
    if (directory->log >= 0) (void)close(directory->log);
    if (directory->lock >= 0 && !directory->begun) remove_empty(directory);
    lyc__unlock_file(&directory->lock);
    lyc_free(directory->path);
    lyc_free(directory);
}

/* Is the file `path` this text, byte by byte? *there is false when it does not exist. */
static lyc_status compare_text(const char *path, const char *text, bool *there, bool *same, lyc_error *err) {
    char piece[4096];
    size_t left = strlen(text), got;
    FILE *file = fopen(path, "rbe");
    *there = file != NULL || errno != ENOENT;
    *same = true;
    if (!*there) return LYC_OK;
    if (file == NULL) LYC_FAIL(err, LYC_EIO, "%s: cannot read it: %s", path, strerror(errno));
    while (*same && (got = fread(piece, 1, sizeof piece, file)) > 0) {
        *same = got <= left && memcmp(piece, text, got) == 0;
        left -= *same ? got : 0;
        text += *same ? got : 0;
    }
    *same = *same && left == 0;
    bool failed = ferror(file) != 0;
    fclose(file);
    if (failed) LYC_FAIL(err, LYC_EIO, "%s: cannot read it", path);
    return LYC_OK;
}

lyc_status lyc__directory_begin(lyc__directory *directory, const char *config, bool holds_run, lyc_error *err) {
    char path[LYC__PATH_SIZE];
    bool there, same;
    lyc__directory_file(directory, "config.json", path);
    LYC_TRY(compare_text(path, config, &there, &same, err));
    if (holds_run && there && !same)
        LYC_FAIL(err, LYC_EMISMATCH, "%s: the run in this directory was started with another configuration, and has no checkpoint "
                 "yet: resume with that file as configuration, or start a new run in another --output", path);
    LYC_TRY(lyc__write_text_atomically(path, config, err));
    directory->begun = true;
    return LYC_OK;
}

lyc_status lyc__directory_log_open(lyc__directory *directory, bool create, lyc_error *err) {
    char path[LYC__PATH_SIZE];
    lyc__directory_file(directory, "log.jsonl", path);
    directory->log = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | (create ? O_CREAT : 0), 0666);
    struct stat info;
    if (directory->log < 0 || fstat(directory->log, &info) != 0)
        LYC_FAIL(err, LYC_EIO, "%s: cannot open the log: %s", path, strerror(errno));
    directory->log_bytes = (uint64_t)info.st_size;
    return LYC_OK;
}

lyc_status lyc__directory_log(lyc__directory *directory, const char *line, lyc_error *err) {
    char path[LYC__PATH_SIZE];
    lyc__directory_file(directory, "log.jsonl", path);
    size_t size = strlen(line);
    LYC_TRY(lyc__write_all(directory->log, line, size, path, err));
    LYC_TRY(lyc__write_all(directory->log, "\n", 1, path, err));
    directory->log_bytes += size + 1;
    return LYC_OK;
}

uint64_t lyc__directory_log_bytes(const lyc__directory *directory) {
    return directory->log_bytes;
}

lyc_status lyc__directory_log_truncate(lyc__directory *directory, uint64_t bytes, lyc_error *err) {
    if (bytes > directory->log_bytes)
        LYC_FAIL(err, LYC_EFORMAT, "%s/log.jsonl: %llu bytes, but the checkpoint knows %llu: something else has cut it; bring it back, "
                 "or start a new run in another --output",
                 directory->path, (unsigned long long)directory->log_bytes, (unsigned long long)bytes);
    if (ftruncate(directory->log, (off_t)bytes) != 0)
        LYC_FAIL(err, LYC_EIO, "%s/log.jsonl: cannot cut it back: %s", directory->path, strerror(errno));
    directory->log_bytes = bytes;
    return LYC_OK;
}

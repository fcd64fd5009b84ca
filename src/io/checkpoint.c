/* A directory of checkpoints: step-<number>.h5, the newest intact one counts. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fileio.h"
#include "io/state.h"
#include "lyceum/log.h"
#include "lyceum/memory.h"

#define FOLDER "checkpoints"

typedef struct listing {
    char *folder;
    uint64_t *steps; /* descending */
    size_t count, capacity;
} listing;

#define NAME_SIZE 64
static void step_name(char out[NAME_SIZE], uint64_t step, const char *suffix) {
    (void)snprintf(out, NAME_SIZE, "step-%09" PRIu64 ".h5%s", step, suffix);
}

/* Is this what step_name writes for some step? */
static bool parse_name(const char *name, const char *suffix, uint64_t *step) {
    static const char prefix[] = "step-";
    char canonical[NAME_SIZE];
    if (strncmp(name, prefix, sizeof prefix - 1) != 0) return false;
    *step = strtoull(name + sizeof prefix - 1, NULL, 10);
    step_name(canonical, *step, suffix);
    return strcmp(name, canonical) == 0;
}

static lyc_status join(char **out, const char *folder, const char *name, lyc_error *err) {
    size_t size = strlen(folder) + strlen(name) + 2;
    LYC_TRY(lyc_allocate((void **)out, size, 1, "a file name", err));
    (void)snprintf(*out, size, "%s/%s", folder, name);
    return LYC_OK;
}

static lyc_status step_path(char **out, const char *folder, uint64_t step, const char *suffix,
                            lyc_error *err) {
    char name[NAME_SIZE];
    step_name(name, step, suffix);
    return join(out, folder, name, err);
}

static lyc_status add_step(listing *list, uint64_t step, lyc_error *err) {
    if (list->count == list->capacity) {
        uint64_t *bigger;
        size_t capacity = list->capacity == 0 ? 32 : list->capacity * 2;
        LYC_TRY(lyc_allocate((void **)&bigger, capacity, sizeof *bigger, "the list of checkpoints", err));
        if (list->count > 0) memcpy(bigger, list->steps, list->count * sizeof *bigger);
        lyc_free(list->steps);
        list->steps = bigger;
        list->capacity = capacity;
    }
    list->steps[list->count++] = step;
    return LYC_OK;
}

static int descending(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left < right) - (left > right);
}

/* Files named "step-<number>.h5<suffix>"; a folder that is not there holds none. */
static lyc_status list_steps(listing *list, const char *suffix, lyc_error *err) {
    DIR *folder = opendir(list->folder);
    if (folder == NULL && errno == ENOENT) return LYC_OK;
    if (folder == NULL)
        LYC_FAIL(err, LYC_EIO, "cannot read the directory %s: %s", list->folder, strerror(errno));
    lyc_status status = LYC_OK;
    for (struct dirent *entry; status == LYC_OK && (errno = 0, entry = readdir(folder)) != NULL;) {
        uint64_t step;
        if (parse_name(entry->d_name, suffix, &step)) status = add_step(list, step, err);
    }
    if (status == LYC_OK && errno != 0)
        status = LYC_ERROR(err, LYC_EIO, "cannot read the directory %s: %s", list->folder, strerror(errno));
    (void)closedir(folder);
    if (status == LYC_OK && list->count > 1) qsort(list->steps, list->count, sizeof *list->steps, descending);
    return status;
}

static void release_listing(listing *list) {
    lyc_free(list->folder);
    lyc_free(list->steps);
}

/* A file that cannot be removed costs space, not the run: a warning. */
static void remove_file(const char *path) {
    if (unlink(path) != 0 && errno != ENOENT)
        lyc_log(LYC_LOG_WARNING, "%s: an old checkpoint that cannot be removed: %s", path, strerror(errno));
}

/* Older files than the newest `keep`. Newer ones than `step`, the one just written, are left alone: they were
 * found damaged, or someone put them there. */
static lyc_status prune(const char *folder, uint64_t step, int keep, lyc_error *err) {
    listing list = {0};
    lyc_status status = LYC_OK;
    LYC_TRY_GOTO(join(&list.folder, folder, ".", err));
    LYC_TRY_GOTO(list_steps(&list, "", err));
    int newest = 0;
    for (size_t i = 0; i < list.count; i++) {
        char *path;
        if (list.steps[i] > step || ++newest <= keep) continue;
        LYC_TRY_GOTO(step_path(&path, folder, list.steps[i], "", err));
        remove_file(path);
        lyc_free(path);
    }
done:
    release_listing(&list);
    return status;
}

/* What a kill in the middle of a save left behind. */
static lyc_status remove_unfinished(const char *folder, lyc_error *err) {
    listing list = {0};
    lyc_status status = LYC_OK;
    LYC_TRY_GOTO(join(&list.folder, folder, ".", err));
    LYC_TRY_GOTO(list_steps(&list, ".tmp", err));
    for (size_t i = 0; i < list.count; i++) {
        char *path;
        LYC_TRY_GOTO(step_path(&path, folder, list.steps[i], ".tmp", err));
        remove_file(path);
        lyc_free(path);
    }
done:
    release_listing(&list);
    return status;
}

lyc_status lyc_checkpoint_save(const lyc_state *state, const char *run_directory, uint64_t step, int keep,
                               lyc_error *err) {
    char *folder = NULL, *path = NULL;
    lyc_status status = LYC_OK;
    LYC_TRY_GOTO(join(&folder, run_directory, FOLDER, err));
    LYC_TRY_GOTO(lyc__make_directories(folder, err));
    LYC_TRY_GOTO(lyc__sync_directory(run_directory, err));
    LYC_TRY_GOTO(remove_unfinished(folder, err));
    LYC_TRY_GOTO(step_path(&path, folder, step, "", err));
    LYC_TRY_GOTO(lyc__state_write(state, path, step, err));
    if (keep > 0) LYC_TRY_GOTO(prune(folder, step, keep, err));
done:
    lyc_free(path);
    lyc_free(folder);
    return status;
}

/* Damaged files and files that cannot be read are passed over; anything else would fail for the older ones
 * as well, or must be seen by a person. */
static bool can_be_skipped(lyc_status status) {
    return status == LYC_EFORMAT || status == LYC_EIO;
}

static lyc_status load_newest(lyc_state *state, const listing *list, int *found, uint64_t *step,
                              lyc_error *err) {
    for (size_t i = 0; i < list->count; i++) {
        char *path;
        lyc_error why = {0};
        LYC_TRY(step_path(&path, list->folder, list->steps[i], "", err));
        lyc_status status = lyc__state_read(state, path, step, &why);
        lyc_free(path);
        *found = status == LYC_OK;
        if (status == LYC_OK) return LYC_OK;
        if (!can_be_skipped(status)) LYC_FAIL(err, status, "%s", why.message);
        if (i + 1 == list->count)
            LYC_FAIL(
                err, LYC_EFORMAT,
                "%s: none of the %zu checkpoints is intact; the last one tried: %s; start again in another "
                "directory",
                list->folder, list->count, why.message);
        lyc_log(LYC_LOG_WARNING, "%s; trying the checkpoint before it", why.message);
    }
    return LYC_OK;
}

lyc_status lyc_checkpoint_load(lyc_state *state, const char *run_directory, int *found, uint64_t *step,
                               lyc_error *err) {
    listing list = {0};
    lyc_status status = LYC_OK;
    *found = 0;
    LYC_TRY_GOTO(join(&list.folder, run_directory, FOLDER, err));
    LYC_TRY_GOTO(list_steps(&list, "", err));
    LYC_TRY_GOTO(load_newest(state, &list, found, step, err));
done:
    release_listing(&list);
    return status;
}

lyc_status lyc_state_load_part(lyc_state *state, const char *path, lyc_error *err) {
    struct stat about;
    int found = 1;
    uint64_t step;
    lyc_status status;
    state->part = true;
    if (stat(path, &about) == 0 && S_ISDIR(about.st_mode))
        status = lyc_checkpoint_load(state, path, &found, &step, err);
    else status = lyc__state_read(state, path, &step, err);
    state->part = false;
    if (!found) LYC_FAIL(err, LYC_EIO, "%s: holds no checkpoint; name a run that has one, or a file", path);
    return status;
}

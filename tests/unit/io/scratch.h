/* For tests that write files: a directory of their own, and a log sink that remembers. */
#ifndef LYC_TEST_SCRATCH_H
#define LYC_TEST_SCRATCH_H

#include <ftw.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lyceum/log.h"

#define SCRATCH_PATH 1024

static char scratch_directory[SCRATCH_PATH / 2];
static char scratch_warnings[16384];

static inline void scratch_remember(void *payload, lyc_log_level level, const char *message) {
    (void)payload;
    if (level != LYC_LOG_WARNING) return;
    size_t used = strlen(scratch_warnings);
    (void)snprintf(scratch_warnings + used, sizeof scratch_warnings - used, "%s\n", message);
}

static inline int scratch_delete(const char *path, const struct stat *info, int flag, struct FTW *walk) {
    (void)info, (void)flag, (void)walk;
    return remove(path);
}

static inline int scratch_open(void **state) {
    (void)state;
    const char *parent = getenv("TMPDIR");
    (void)snprintf(scratch_directory, sizeof scratch_directory, "%s/lyceum-test-XXXXXX",
                   parent ? parent : P_tmpdir);
    scratch_warnings[0] = '\0';
    lyc_log_set_sink(scratch_remember, NULL);
    return mkdtemp(scratch_directory) == NULL;
}

static inline int scratch_close(void **state) {
    (void)state;
    lyc_log_set_sink(NULL, NULL);
    return nftw(scratch_directory, scratch_delete, 16, FTW_DEPTH | FTW_PHYS);
}

/* "<scratch>/<name>", valid until the fourth call from now. */
static inline const char *scratch_path(const char *name) {
    static char paths[4][SCRATCH_PATH];
    static unsigned next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, SCRATCH_PATH, "%s/%s", scratch_directory, name);
    return path;
}

static inline bool scratch_has(const char *name) {
    return access(scratch_path(name), F_OK) == 0;
}

/* Bytes of a file; the caller frees them with free. */
static inline unsigned char *scratch_read(const char *name, size_t *size) {
    FILE *file = fopen(scratch_path(name), "rb");
    if (file == NULL) return NULL;
    struct stat info;
    unsigned char *bytes = fstat(fileno(file), &info) == 0 ? malloc((size_t)info.st_size + 1) : NULL;
    *size = bytes != NULL ? fread(bytes, 1, (size_t)info.st_size, file) : 0;
    (void)fclose(file);
    return bytes;
}

static inline bool scratch_write(const char *name, const void *bytes, size_t size) {
    FILE *file = fopen(scratch_path(name), "wb");
    if (file == NULL) return false;
    bool written = fwrite(bytes, 1, size, file) == size;
    return fclose(file) == 0 && written;
}

#endif

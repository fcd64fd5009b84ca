#include "base/fileio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lyceum/memory.h"

/* The message of every failed system call: what was tried, on which path, why, and what helps. */
static lyc_status failed(lyc_error *err, const char *tried, const char *path, int reason) {
    static const struct {
        int reason;
        const char *advice;
    } advices[] = {
        {ENOSPC, "; free some space and run again"},
        {EDQUOT, "; free some space and run again"},
        {EACCES, "; check the permissions"},
        {EROFS, "; choose a place that can be written"},
        {ENOENT, "; check the path"},
    };
    const char *advice = "";
    for (size_t i = 0; i < sizeof advices / sizeof *advices; i++)
        if (advices[i].reason == reason) advice = advices[i].advice;
    return LYC_ERROR(err, LYC_EIO, "cannot %s %s: %s%s", tried, path, strerror(reason), advice);
}

/* fsync; file systems that have nothing to sync say EINVAL. */
static int sync_descriptor(int fd) {
    return fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
}

static lyc_status sync_path(const char *path, int flags, lyc_error *err) {
    int fd = open(path, flags | O_RDONLY | O_CLOEXEC);
    if (fd < 0) return failed(err, "open", path, errno);
    int reason = sync_descriptor(fd);
    close(fd);
    return reason == 0 ? LYC_OK : failed(err, "sync", path, reason);
}

lyc_status lyc__sync_directory(const char *path, lyc_error *err) {
    return sync_path(path, O_DIRECTORY, err);
}

static lyc_status make_directory(const char *path, lyc_error *err) {
    if (mkdir(path, 0777) == 0) return LYC_OK;
    int reason = errno;
    struct stat there;
    if (stat(path, &there) != 0) return failed(err, "create the directory", path, reason);
    if (S_ISDIR(there.st_mode)) return LYC_OK;
    LYC_FAIL(err, LYC_EIO, "cannot create the directory %s: a file of that name is in the way", path);
}

lyc_status lyc__make_directories(const char *path, lyc_error *err) {
    char *partial = lyc_strdup(path);
    if (partial == NULL) LYC_FAIL(err, LYC_ENOMEM, "no memory for the path %s", path);
    lyc_status status = LYC_OK;
    for (char *end = partial; *end != '\0' && status == LYC_OK; end++) {
        if (*end != '/' || end == partial || end[-1] == '/') continue;
        *end = '\0';
        status = make_directory(partial, err);
        *end = '/';
    }
    if (status == LYC_OK) status = make_directory(partial, err);
    lyc_free(partial);
    return status;
}

lyc_status lyc__write_all(int fd, const void *bytes, size_t size, const char *path, lyc_error *err) {
    const char *here = bytes;
    while (size > 0) {
        ssize_t written = write(fd, here, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return failed(err, "write", path, written < 0 ? errno : ENOSPC);
        here += written;
        size -= (size_t)written;
    }
    return LYC_OK;
}

/* The directory that `path` stands in, as a new string; NULL without memory. */
static char *parent_directory(const char *path) {
    const char *slash = strrchr(path, '/');
    if (slash == NULL) return lyc_strdup(".");
    if (slash == path) return lyc_strdup("/");
    char *parent = lyc_strdup(path);
    if (parent != NULL) parent[slash - path] = '\0';
    return parent;
}

lyc_status lyc__replace_file(const char *temporary, const char *final, lyc_error *err) {
    LYC_TRY(sync_path(temporary, 0, err));
    char *parent = parent_directory(final);
    if (parent == NULL) LYC_FAIL(err, LYC_ENOMEM, "no memory for the path %s", final);
    lyc_status status =
        rename(temporary, final) == 0 ? LYC_OK : failed(err, "put a new version in place of", final, errno);
    if (status == LYC_OK) status = lyc__sync_directory(parent, err);
    lyc_free(parent);
    return status;
}

lyc_status lyc__write_text_atomically(const char *path, const char *text, lyc_error *err) {
    size_t size = strlen(path) + 32;
    char *temporary = NULL;
    LYC_TRY(lyc_allocate((void **)&temporary, size, 1, path, err));
    snprintf(temporary, size, "%s.tmp-%ld", path, (long)getpid());
    lyc_status status;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        status = failed(err, "write", path, errno);
    } else {
        status = lyc__write_all(fd, text, strlen(text), path, err);
        if (close(fd) != 0 && status == LYC_OK) status = failed(err, "write", path, errno);
        if (status == LYC_OK) status = lyc__replace_file(temporary, path, err);
        if (status != LYC_OK) unlink(temporary);
    }
    lyc_free(temporary);
    return status;
}

/* "process 123" as the holder wrote it, or "another process" while it has not. */
static void describe_holder(int fd, char *out, size_t size) {
    char text[32] = {0};
    ssize_t length = pread(fd, text, sizeof text - 1, 0);
    long holder = length > 0 ? strtol(text, NULL, 10) : 0;
    if (holder > 0) snprintf(out, size, "process %ld", holder);
    else snprintf(out, size, "another process");
}

lyc_status lyc__lock_file(int *fd, const char *path, lyc_error *err) {
    *fd = -1;
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0) return failed(err, "open the lock file", path, errno);
    if (flock(file, LOCK_EX | LOCK_NB) != 0) {
        int reason = errno;
        char holder[48];
        describe_holder(file, holder, sizeof holder);
        close(file);
        if (reason != EWOULDBLOCK) return failed(err, "lock", path, reason);
        LYC_FAIL(err, LYC_EBUSY, "%s is held by %s; wait until it has finished, or stop it", path, holder);
    }
    /* The id only serves the message above; a full disk must not keep anyone from the lock. */
    if (ftruncate(file, 0) == 0) dprintf(file, "%ld\n", (long)getpid());
    *fd = file;
    return LYC_OK;
}

void lyc__unlock_file(int *fd) {
    if (*fd < 0) return;
    /* Emptied, so that nobody blames a process that is long gone; closing releases the lock either way. */
    int emptied = ftruncate(*fd, 0);
    (void)emptied;
    close(*fd);
    *fd = -1;
}

/* Files that are either whole or not there, directories, and locks between processes. Every error
 * names the path and the system's reason. */
#ifndef LYC_BASE_FILEIO_H
#define LYC_BASE_FILEIO_H

#include <stddef.h>

#include "lyceum/error.h"

/* Makes the entries of a directory (a rename, a new file) survive a power cut. */
LYC_MUST_USE lyc_status lyc__sync_directory(const char *path, lyc_error *err);

/* Creates `path` and whatever is missing above it; fine when it is there. */
LYC_MUST_USE lyc_status lyc__make_directories(const char *path, lyc_error *err);

/* Writes every byte or fails; `path` is for the message. */
LYC_MUST_USE lyc_status lyc__write_all(int fd, const void *bytes, size_t size, const char *path,
                                       lyc_error *err);

/* Syncs `temporary`, renames it to `final` (same file system) and syncs the directory. After a failure
 * `final` is what it was; `temporary` is left for the caller to remove. */
LYC_MUST_USE lyc_status lyc__replace_file(const char *temporary, const char *final, lyc_error *err);

/* Replaces `path` by `text` in one step: readers see the former content or the new one. */
LYC_MUST_USE lyc_status lyc__write_text_atomically(const char *path, const char *text, lyc_error *err);

/* Takes the lock file `path` (created, and left in place for ever: removing it would race). Held until
 * lyc__unlock_file or until the process ends, however it ends. LYC_EBUSY when someone else, in this
 * process or another, holds it; the message names the path and the holder's process id if known. */
LYC_MUST_USE lyc_status lyc__lock_file(int *fd, const char *path, lyc_error *err);
void lyc__unlock_file(int *fd); /* *fd = -1 afterwards; -1 is fine */

#endif

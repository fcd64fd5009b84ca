#include "io/reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

lyc_status lyc__file_reserve(const char *path, uint64_t bytes, const char *alternative, lyc_error *err) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) LYC_FAIL(err, LYC_EIO, "cannot make %s: %s", path, strerror(errno));
    int reason = posix_fallocate(fd, 0, (off_t)bytes);
    if (close(fd) != 0 && reason == 0) reason = errno;
    if (reason != 0 && reason != EOPNOTSUPP && reason != EINVAL)
        LYC_FAIL(err, LYC_EIO, "cannot make %s, which takes %" PRIu64 " bytes: %s; free some space, or %s",
                 path, bytes, strerror(reason), alternative);
    return LYC_OK;
}

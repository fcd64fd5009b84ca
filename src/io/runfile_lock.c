/* Is someone writing this run file right now? */
#include <fcntl.h>
#include <unistd.h>

#include "io/runfile.h"

/* Open-file-description locks: independent of flock, released by the kernel with the last descriptor. The
 * writer's is a shared one, so that on network file systems, where flock turns into the same kind of lock, it
 * does not keep HDF5's readers out; asking whether an exclusive one would be granted finds it all the same.
 */
static int record_lock(int fd, int command, short type, short *found) {
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    int result = fcntl(fd, command, &lock);
    if (found != NULL) *found = lock.l_type;
    return result;
}

int lyc__runfile_lock(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && record_lock(fd, F_OFD_SETLK, F_RDLCK, NULL) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

void lyc__runfile_unlock(int lock) {
    if (lock >= 0) (void)close(lock);
}

bool lyc__runfile_is_held(const char *path) {
    short found = F_UNLCK;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool held = record_lock(fd, F_OFD_GETLK, F_WRLCK, &found) == 0 && found != F_UNLCK;
    (void)close(fd);
    return held;
}

bool lyc_runfile_is_live(const char *path) {
    return lyc__runfile_is_held(path);
}

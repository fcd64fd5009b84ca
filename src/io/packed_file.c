#include "io/packed_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "lyceum/memory.h"

#define BUFFER_BYTES (256u << 10)
#define READ_BYTES   (1u << 20) /* gzread counts in int */
#define MAX_RATIO    1100u      /* gzip packs 1,032 to 1 at best */

struct lyc__packed {
    gzFile file;
    char *path;
    uint64_t size; /* of the file */
    uint64_t offset;
};

void lyc__packed_close(lyc__packed *packed) {
    if (!packed) return;
    if (packed->file) gzclose(packed->file);
    lyc_free(packed->path);
    lyc_free(packed);
}

static lyc_status open_file(lyc__packed *packed, const char *path, const char *what, lyc_error *err) {
    struct stat about;
    packed->path = lyc_strdup(path);
    if (!packed->path) LYC_FAIL(err, LYC_ENOMEM, "%s: no memory to read this file", path);
    /* Opening a pipe without a writer must not wait for one; regular files do not mind the flag. */
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        LYC_FAIL(err, LYC_EIO, "%s: cannot open this%s: %s", path, strchr(what, ' '), strerror(errno));
    if (fstat(descriptor, &about) != 0) {
        int code = errno;
        close(descriptor);
        LYC_FAIL(err, LYC_EIO, "%s: cannot ask for the file's size: %s", path, strerror(code));
    }
    if (!S_ISREG(about.st_mode)) {
        close(descriptor);
        LYC_FAIL(err, LYC_EIO, "%s: is %s; %s was expected", path,
                 S_ISDIR(about.st_mode) ? "a directory" : "a pipe or a device", what);
    }
    packed->size = (uint64_t)about.st_size;
    packed->file = gzdopen(descriptor, "rb");
    if (!packed->file) {
        close(descriptor);
        LYC_FAIL(err, LYC_ENOMEM, "%s: no memory to unpack this file", path);
    }
    gzbuffer(packed->file, BUFFER_BYTES);
    return LYC_OK;
}

lyc_status lyc__packed_open(lyc__packed **out, const char *path, const char *what, lyc_error *err) {
    lyc__packed *packed = NULL;
    *out = NULL;
    LYC_TRY(LYC_NEW_ARRAY(packed, 1, err));
    lyc_status status = open_file(packed, path, what, err);
    if (status != LYC_OK) {
        lyc__packed_close(packed);
        return status;
    }
    *out = packed;
    return LYC_OK;
}

/* zlib puts "<fd:3>: " before its words, for want of a name. */
static const char *plain_reason(const char *text) {
    const char *end = strstr(text, ">: ");
    return end && text[0] == '<' ? end + 3 : text;
}

/* After fewer bytes than wanted: the end of a whole file is no error. */
static lyc_status check_end(const lyc__packed *packed, int got, lyc_error *err) {
    int code = Z_OK, system = errno;
    const char *reason = gzerror(packed->file, &code);
    if (got < 0 && code == Z_ERRNO)
        LYC_FAIL(err, LYC_EIO, "%s: reading failed at byte %" PRIu64 ": %s", packed->path, packed->offset,
                 strerror(system));
    if (code == Z_BUF_ERROR)
        LYC_FAIL(err, LYC_EFORMAT, "%s: the gzip data is cut off at byte %" PRIu64 "; fetch it again",
                 packed->path, packed->offset);
    if (got < 0)
        LYC_FAIL(err, LYC_EFORMAT, "%s: the gzip data is damaged near byte %" PRIu64 ": %s; fetch it again",
                 packed->path, packed->offset, plain_reason(reason));
    return LYC_OK;
}

lyc_status lyc__packed_read(lyc__packed *packed, void *out, size_t size, size_t *got, lyc_error *err) {
    *got = 0;
    while (*got < size) {
        unsigned wanted = size - *got < READ_BYTES ? (unsigned)(size - *got) : READ_BYTES;
        int count = gzread(packed->file, (char *)out + *got, wanted);
        if (count > 0) {
            *got += (size_t)count;
            packed->offset += (uint64_t)count;
        }
        if (count < 0 || (unsigned)count < wanted) return check_end(packed, count, err);
    }
    return LYC_OK;
}

uint64_t lyc__packed_offset(const lyc__packed *packed) {
    return packed->offset;
}

uint64_t lyc__packed_most(const lyc__packed *packed) {
    if (gzdirect(packed->file)) return packed->size;
    return packed->size < UINT64_MAX / MAX_RATIO ? packed->size * MAX_RATIO : UINT64_MAX;
}

const char *lyc__packed_path(const lyc__packed *packed) {
    return packed->path;
}

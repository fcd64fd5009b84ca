/* HDF5's file driver interface over one descriptor, with a memory for what the disk refused. */
#include "io/hdf5_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

#include "io/hdf5_util.h"
#include "lyceum/memory.h"

/* Bytes that could not be written, in the order of the attempts. */
typedef struct patch {
    struct patch *next;
    haddr_t address;
    size_t size;
    unsigned char bytes[];
} patch;

struct lyc__h5_disk {
    hid_t driver;
    int fd;
    int error;
    patch *first, **last;
};

/* HDF5's handle of the open file; its own fields must come first. */
typedef struct handle {
    H5FD_t base;
    lyc__h5_disk *disk;
    haddr_t eoa, eof;
} handle;

/* What travels in the property list; HDF5 copies it byte by byte. */
typedef struct settings {
    lyc__h5_disk *disk;
} settings;

/* ---- bytes ------------------------------------------------------------------------------------------ */

static herr_t keep(lyc__h5_disk *disk, haddr_t address, size_t size, const void *bytes) {
    patch *kept = lyc_calloc(1, sizeof *kept + size);
    if (kept == NULL) return -1;
    kept->address = address;
    kept->size = size;
    memcpy(kept->bytes, bytes, size);
    *disk->last = kept;
    disk->last = &kept->next;
    return 0;
}

static void overlay(const lyc__h5_disk *disk, haddr_t address, size_t size, unsigned char *out) {
    for (const patch *kept = disk->first; kept != NULL; kept = kept->next) {
        haddr_t begin = kept->address > address ? kept->address : address;
        haddr_t end =
            kept->address + kept->size < address + size ? kept->address + kept->size : address + size;
        if (begin < end)
            memcpy(out + (begin - address), kept->bytes + (begin - kept->address), (size_t)(end - begin));
    }
}

static herr_t disk_write(H5FD_t *base, H5FD_mem_t type, hid_t list, haddr_t address, size_t size,
                         const void *bytes) {
    (void)type, (void)list;
    handle *file = (handle *)base;
    lyc__h5_disk *disk = file->disk;
    for (size_t done = 0; done < size && disk->error == 0;) {
        ssize_t count = pwrite(disk->fd, (const char *)bytes + done, size - done, (off_t)(address + done));
        if (count > 0) done += (size_t)count;
        else if (count == 0) disk->error = ENOSPC;
        else if (errno != EINTR) disk->error = errno;
    }
    if (address + size > file->eof) file->eof = address + size;
    return disk->error == 0 ? 0 : keep(disk, address, size, bytes);
}

/* Behind the end of the file there are zeros, as HDF5 expects of a driver. */
static herr_t disk_read(H5FD_t *base, H5FD_mem_t type, hid_t list, haddr_t address, size_t size, void *out) {
    (void)type, (void)list;
    const lyc__h5_disk *disk = ((handle *)base)->disk;
    for (size_t done = 0; done < size;) {
        ssize_t count = pread(disk->fd, (char *)out + done, size - done, (off_t)(address + done));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return -1;
        if (count == 0) memset((char *)out + done, 0, size - done);
        done = count == 0 ? size : done + (size_t)count;
    }
    overlay(disk, address, size, out);
    return 0;
}

static herr_t disk_truncate(H5FD_t *base, hid_t list, hbool_t closing) {
    (void)list, (void)closing;
    handle *file = (handle *)base;
    lyc__h5_disk *disk = file->disk;
    if (file->eoa == file->eof) return 0;
    while (disk->error == 0 && ftruncate(disk->fd, (off_t)file->eoa) != 0)
        if (errno != EINTR) disk->error = errno;
    file->eof = file->eoa;
    return 0;
}

/* As `sec2`, so that nobody opens a file before SWMR has started, when HDF5 unlocks it. A file system without
 * locks is no reason to fail. (Without these two HDF5 would not mark the file as being written either.) */
static herr_t disk_lock(H5FD_t *base, hbool_t exclusive) {
    int fd = ((handle *)base)->disk->fd;
    return flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0 || errno == ENOSYS ? 0 : -1;
}

static herr_t disk_unlock(H5FD_t *base) {
    int fd = ((handle *)base)->disk->fd;
    return flock(fd, LOCK_UN) == 0 || errno == ENOSYS ? 0 : -1;
}

/* ---- the file --------------------------------------------------------------------------------------- */

static H5FD_t *disk_open(const char *name, unsigned flags, hid_t access, haddr_t limit) {
    (void)limit;
    const settings *given = H5Pget_driver_info(access);
    struct stat info;
    /* Where HDF5 fails to open a file it tries again in other ways; memory that was out is no reason for
     * that. */
    if (given == NULL || given->disk->fd >= 0 || given->disk->error == ENOMEM) return NULL;
    int how = O_CLOEXEC | ((flags & H5F_ACC_RDWR) ? O_RDWR : O_RDONLY) |
              ((flags & H5F_ACC_TRUNC) ? O_TRUNC : 0) | ((flags & H5F_ACC_CREAT) ? O_CREAT : 0) |
              ((flags & H5F_ACC_EXCL) ? O_EXCL : 0);
    handle *file = lyc_calloc(1, sizeof *file);
    if (file == NULL) {
        given->disk->error = ENOMEM;
        return NULL;
    }
    file->disk = given->disk;
    file->disk->fd = open(name, how, 0666);
    if (file->disk->fd < 0 || fstat(file->disk->fd, &info) != 0) {
        file->disk->error = errno;
        lyc_free(file);
        return NULL;
    }
    file->disk->error = 0; /* HDF5 tries more cautious ways to open a file first */
    file->eof = (haddr_t)info.st_size;
    return &file->base;
}

static herr_t disk_close(H5FD_t *base) {
    handle *file = (handle *)base;
    lyc__h5_disk *disk = file->disk;
    if (close(disk->fd) != 0 && disk->error == 0) disk->error = errno;
    disk->fd = -1;
    lyc_free(file);
    return 0;
}

static int disk_compare(const H5FD_t *a, const H5FD_t *b) {
    const handle *left = (const handle *)a, *right = (const handle *)b;
    return (left->disk > right->disk) - (left->disk < right->disk);
}

/* As `sec2`. */
static herr_t disk_query(const H5FD_t *base, unsigned long *flags) {
    (void)base;
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
             H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_POSIX_COMPAT_HANDLE | H5FD_FEAT_SUPPORTS_SWMR_IO |
             H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
    return 0;
}

static haddr_t disk_get_eoa(const H5FD_t *base, H5FD_mem_t type) {
    (void)type;
    return ((const handle *)base)->eoa;
}

static herr_t disk_set_eoa(H5FD_t *base, H5FD_mem_t type, haddr_t address) {
    (void)type;
    ((handle *)base)->eoa = address;
    return 0;
}

static haddr_t disk_get_eof(const H5FD_t *base, H5FD_mem_t type) {
    (void)type;
    return ((const handle *)base)->eof;
}

static herr_t disk_get_handle(H5FD_t *base, hid_t access, void **out) {
    (void)access;
    *out = &((handle *)base)->disk->fd;
    return 0;
}

static const H5FD_class_t driver_class = {
#if H5_VERSION_GE(1, 13, 0)
    .version = H5FD_CLASS_VERSION,
    .value = (H5FD_class_value_t)600, /* of the range that HDF5 leaves to others */
#endif
    .name = "lyceum-disk",
    .maxaddr = ((haddr_t)1 << 62),
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof(settings),
    .open = disk_open,
    .close = disk_close,
    .cmp = disk_compare,
    .query = disk_query,
    .get_eoa = disk_get_eoa,
    .set_eoa = disk_set_eoa,
    .get_eof = disk_get_eof,
    .get_handle = disk_get_handle,
    .read = disk_read,
    .write = disk_write,
    .truncate = disk_truncate,
    .lock = disk_lock,
    .unlock = disk_unlock,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

/* ---- what the rest of src/io sees -----------------------------------------------------------------------
 */

lyc_status lyc__h5_disk_open(lyc__h5_disk **out, hid_t *access, lyc_error *err) {
    lyc__h5_disk *disk;
    *out = NULL;
    *access = LYC__H5_NONE;
    lyc__h5_quiet();
    LYC_TRY(lyc_allocate((void **)&disk, 1, sizeof *disk, "a file driver", err));
    disk->fd = -1;
    disk->last = &disk->first;
    disk->driver = H5FDregister(&driver_class);
    const settings given = {disk};
    *access = H5Pcreate(H5P_FILE_ACCESS);
    if (disk->driver < 0 || *access < 0 || H5Pset_driver(*access, disk->driver, &given) < 0 ||
        H5Pset_libver_bounds(*access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST) < 0 ||
        H5Pset_fclose_degree(*access, H5F_CLOSE_STRONG) < 0) {
        char reason[LYC__H5_REASON_SIZE];
        lyc_status status =
            LYC_ERROR(err, LYC_EINTERNAL, "HDF5 does not take the file driver (%s)", lyc__h5_reason(reason));
        lyc__h5_release(access);
        lyc__h5_disk_close(disk);
        return status;
    }
    *out = disk;
    return LYC_OK;
}

void lyc__h5_disk_close(lyc__h5_disk *disk) {
    if (disk == NULL) return;
    if (disk->driver >= 0) (void)H5FDunregister(disk->driver);
    for (patch *kept = disk->first, *next; kept != NULL; kept = next) {
        next = kept->next;
        lyc_free(kept);
    }
    lyc_free(disk);
}

int lyc__h5_disk_error(const lyc__h5_disk *disk) {
    return disk->error;
}

int lyc__h5_disk_sync(lyc__h5_disk *disk) {
    if (disk->error == 0 && disk->fd >= 0 && fdatasync(disk->fd) != 0 && errno != EINVAL) disk->error = errno;
    return disk->error;
}

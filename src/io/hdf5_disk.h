/* A file driver under which HDF5 never sees a write fail.
 *
 * When a write fails while HDF5 flushes or closes a file (a full disk), HDF5 1.10 is left with objects that
 * it can neither write nor close, and crashes when the process ends. This driver does what HDF5's own one
 * (`sec2`) does, until a write fails. From then on the file on disk is left as it is, what HDF5 writes is
 * kept in memory, and HDF5 can close everything in peace. Whoever writes asks lyc__h5_disk_error after each
 * sequence of calls and reports it.
 *
 *     lyc__h5_disk *disk; hid_t access;
 *     lyc__h5_disk_open(&disk, &access, &err);
 *     lyc__h5_create(&file, path, access, &err);   // H5Fcreate or H5Fopen with `access`
 *     ... H5Fflush(file, ...); reason = lyc__h5_disk_error(disk);
 *     lyc__h5_release(&file); lyc__h5_release(&access); lyc__h5_disk_close(disk);
 *
 * Files are those of the default driver, locks and SWMR included. One file per driver object, one thread.
 */
#ifndef LYC_IO_HDF5_DISK_H
#define LYC_IO_HDF5_DISK_H

#include <hdf5.h>

#include "lyceum/error.h"

typedef struct lyc__h5_disk lyc__h5_disk;

/* *access is a file access property list with this driver and the latest format; the caller releases it. */
LYC_MUST_USE lyc_status lyc__h5_disk_open(lyc__h5_disk **out, hid_t *access, lyc_error *err);
/* After the file and the property list are closed. NULL is fine. */
void lyc__h5_disk_close(lyc__h5_disk *disk);

/* errno of the first write that failed; 0 while all is well. */
int lyc__h5_disk_error(const lyc__h5_disk *disk);
/* Everything that HDF5 has flushed survives a power cut; errno, or 0. A failed write counts. */
int lyc__h5_disk_sync(lyc__h5_disk *disk);

#endif

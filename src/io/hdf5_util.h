/* What every reader and writer of HDF5 files in src/io shares: opening with clear errors, attributes, data
 * sets with checked types and sizes.
 *
 * Errors name the file (and the object inside it), what was wanted, and HDF5's own innermost reason. HDF5
 * prints its errors by itself unless told otherwise, thread by thread: lyc__h5_quiet turns that off for the
 * calling thread; every function here calls it. Call it before HDF5 functions of your own on a new thread.
 *
 * Identifiers: start them at LYC__H5_NONE and hand them to lyc__h5_release at the single `done:` exit; it
 * ignores what was never opened. Files that were written to are closed with lyc__h5_close, which reports what
 * a full disk did to the last flush.
 *
 * Thread-safety: single calls of HDF5 are (Debian's library holds one lock), sequences of calls on one file
 * are not: one thread, or a lock of yours, owns a file.
 */
#ifndef LYC_IO_HDF5_UTIL_H
#define LYC_IO_HDF5_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hdf5.h>

#include "lyceum/error.h"

#define LYC__H5_NONE        ((hid_t)-1)
#define LYC__H5_MAX_RANK    4
#define LYC__H5_REASON_SIZE 512

/* ---- errors ------------------------------------------------------------------------------------- */

void lyc__h5_quiet(void);

/* HDF5's innermost reason for the last call of this thread that failed ("No such file or directory ..."),
 * written to out[LYC__H5_REASON_SIZE] and returned; "" when there is none. Empties HDF5's stack. */
const char *lyc__h5_reason(char *out);

/* "FILE: OBJECT: text (HDF5: reason)". `where` is any open identifier of the file (a file, a group, a data
 * set), from which both names come. Returns `code`. */
lyc_status lyc__h5_fail(lyc_error *err, lyc_status code, hid_t where, const char *format, ...)
    LYC_PRINTF(4, 5);

/* ---- files (hdf5_util.c) ------------------------------------------------------------------------ */

/* Opens an existing file; `what` says what it should be ("data set", "model"). `flags` are HDF5's
 * (H5F_ACC_RDONLY ...), `access` a property list or H5P_DEFAULT. LYC_EIO: absent, a directory, no permission.
 * LYC_EFORMAT: not HDF5, truncated, damaged. LYC_EBUSY: a writer holds it. */
LYC_MUST_USE lyc_status lyc__h5_open(hid_t *out, const char *path, const char *what, unsigned flags,
                                     hid_t access, lyc_error *err);
/* Creates or empties a file. With access = H5P_DEFAULT its structures carry checksums (the format of
 * HDF5 1.8, which every tool reads), so that damage is an error and not another value; attributes may exceed
 * 64 KiB. */
LYC_MUST_USE lyc_status lyc__h5_create(hid_t *out, const char *path, hid_t access, lyc_error *err);
/* Flushes and closes a file, sets *file to LYC__H5_NONE either way. */
LYC_MUST_USE lyc_status lyc__h5_close(hid_t *file, lyc_error *err);
/* Closes an identifier of any kind, silently; LYC__H5_NONE is fine. Sets it to LYC__H5_NONE. */
void lyc__h5_release(hid_t *id);

/* A name beside `path` for the file while it is being written (lyc__replace_file of base/fileio.h then moves
 * it); the caller frees it with lyc_free. */
LYC_MUST_USE lyc_status lyc__file_temporary(char **out, const char *path, lyc_error *err);

/* ---- attributes (hdf5_attribute.c, text in hdf5_text.c) ----------------------------------------- */

bool lyc__h5_has_attribute(hid_t object, const char *name);

/* Text is written as UTF-8 of fixed length, padded with zeros (h5py reads bytes: text.decode()), and read in
 * fixed and variable length. */
LYC_MUST_USE lyc_status lyc__h5_write_text_attribute(hid_t object, const char *name, const char *text,
                                                     lyc_error *err);
LYC_MUST_USE lyc_status lyc__h5_write_texts_attribute(hid_t object, const char *name,
                                                      const char *const *texts, size_t count, lyc_error *err);
/* Numbers of any type, as a list [count]; scalar = true writes a single one without dimensions. */
LYC_MUST_USE lyc_status lyc__h5_write_attribute(hid_t object, const char *name, hid_t type, const void *data,
                                                size_t count, bool scalar, lyc_error *err);

/* LYC_EFORMAT when the attribute is absent, of another type, has more than `limit` entries (or bytes, for a
 * single text), or a number does not fit. What is returned is the caller's (lyc_free). A scalar is a list
 * of 1. */
LYC_MUST_USE lyc_status lyc__h5_read_text_attribute(hid_t object, const char *name, size_t limit, char **out,
                                                    lyc_error *err);
/* One block: the array of pointers and behind it the texts; a single lyc_free releases all. */
LYC_MUST_USE lyc_status lyc__h5_read_texts_attribute(hid_t object, const char *name, size_t limit,
                                                     char ***out, size_t *count, lyc_error *err);
LYC_MUST_USE lyc_status lyc__h5_read_f64_attribute(hid_t object, const char *name, size_t limit, double **out,
                                                   size_t *count, lyc_error *err);
LYC_MUST_USE lyc_status lyc__h5_read_i64_attribute(hid_t object, const char *name, size_t limit,
                                                   int64_t **out, size_t *count, lyc_error *err);
LYC_MUST_USE lyc_status lyc__h5_read_u64_attribute(hid_t object, const char *name, uint64_t *out,
                                                   lyc_error *err);

/* ---- data sets (hdf5_dataset.c) ----------------------------------------------------------------- */

typedef struct lyc__h5_shape {
    H5T_class_t type; /* H5T_INTEGER, H5T_FLOAT, H5T_STRING, ... */
    size_t size;      /* bytes of one element in the file */
    bool is_signed;   /* integers */
    int rank;
    uint64_t dims[LYC__H5_MAX_RANK];
    uint64_t count; /* product of dims: known not to overflow, with `size` as well */
} lyc__h5_shape;

bool lyc__h5_has(hid_t location,
                 const char *name); /* is there a link of this name? `name` is one path step */

/* Opens data set `name` and describes it. LYC_EFORMAT: absent, not a data set, virtual, rank above
 * LYC__H5_MAX_RANK, or dimensions that the file cannot hold: more than 64 MiB and 1,100 times the size of the
 * file (the most that its compression reaches), so that a few bytes cannot ask for all memory. */
LYC_MUST_USE lyc_status lyc__h5_open_dataset(hid_t *out, lyc__h5_shape *shape, hid_t location,
                                             const char *name, lyc_error *err);
/* "floats", "text", ... for messages. */
const char *lyc__h5_class_name(H5T_class_t type);
/* LYC_EFORMAT unless the type's class is `type`, the rank `rank`, and every dimension equals dims[i]
 * (UINT64_MAX = any). The message shows both shapes. */
LYC_MUST_USE lyc_status lyc__h5_expect(hid_t dataset, const lyc__h5_shape *shape, H5T_class_t type, int rank,
                                       const uint64_t *dims, lyc_error *err);
/* The whole data set into out[shape.count], converted to `type` by HDF5. */
LYC_MUST_USE lyc_status lyc__h5_read(hid_t dataset, hid_t type, void *out, lyc_error *err);
/* Rows [first, first + count) of the first dimension, all of the others. */
LYC_MUST_USE lyc_status lyc__h5_read_rows(hid_t dataset, hid_t type, uint64_t first, uint64_t count,
                                          void *data, lyc_error *err);
LYC_MUST_USE lyc_status lyc__h5_write_rows(hid_t dataset, hid_t type, uint64_t first, uint64_t count,
                                           const void *data, lyc_error *err);

/* A contiguous data set, space allocated now; `zeroed` also fills it (else its content is undefined until
 * written). Groups in `name` ("params/fc1.weight") are created as needed. */
LYC_MUST_USE lyc_status lyc__h5_create_dataset(hid_t *out, hid_t location, const char *name, hid_t type,
                                               int rank, const uint64_t *dims, bool zeroed, lyc_error *err);
/* Creates with type `stored`, writes all of `data` (of type `type` in memory), closes. */
LYC_MUST_USE lyc_status lyc__h5_write_dataset(hid_t location, const char *name, hid_t stored, hid_t type,
                                              int rank, const uint64_t *dims, const void *data,
                                              lyc_error *err);
/* A text as a scalar data set. */
LYC_MUST_USE lyc_status lyc__h5_write_text(hid_t location, const char *name, const char *text,
                                           lyc_error *err);
LYC_MUST_USE lyc_status lyc__h5_read_text(hid_t location, const char *name, size_t limit, char **out,
                                          lyc_error *err);

#endif

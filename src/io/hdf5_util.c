/* Opening, closing and publishing HDF5 files, and what HDF5 has to say about a failure. */
#include "io/hdf5_util.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lyceum/memory.h"

/* ---- errors ------------------------------------------------------------------------------------- */

void lyc__h5_quiet(void) {
    static _Thread_local bool quiet = false;
    if (quiet) return;
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    quiet = true;
}

typedef struct reason_walk {
    char *out;
} reason_walk;

/* Walking upward meets the innermost entry first; the others only repeat who called whom. */
static herr_t take_innermost(unsigned n, const H5E_error2_t *entry, void *payload) {
    reason_walk *walk = payload;
    if (n == 0 && entry->desc) snprintf(walk->out, LYC__H5_REASON_SIZE, "%s", entry->desc);
    return 0;
}

const char *lyc__h5_reason(char *out) {
    lyc__h5_quiet();
    out[0] = '\0';
    reason_walk walk = {out};
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_innermost, &walk);
    H5Eclear2(H5E_DEFAULT);
    return out;
}

/* "FILE: OBJECT" of any identifier; the object's name is left out for the file itself and its root. */
static void name_of(hid_t where, char *out, size_t size) {
    char object[256] = "";
    if (H5Fget_name(where, out, size) < 0) snprintf(out, size, "(HDF5 file)");
    H5I_type_t kind = H5Iget_type(where);
    if (kind != H5I_FILE && H5Iget_name(where, object, sizeof object) > 0 && strcmp(object, "/") != 0) {
        size_t used = strlen(out);
        snprintf(out + used, size - used, ": %s", object);
    }
}

lyc_status lyc__h5_fail(lyc_error *err, lyc_status code, hid_t where, const char *format, ...) {
    char reason[LYC__H5_REASON_SIZE], name[1024], text[1024];
    lyc__h5_reason(reason); /* first: asking for names clears the stack */
    name_of(where, name, sizeof name);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (reason[0]) LYC_FAIL(err, code, "%s: %s (HDF5: %s)", name, text, reason);
    LYC_FAIL(err, code, "%s: %s", name, text);
}

/* ---- opening and closing ------------------------------------------------------------------------ */

static lyc_status check_regular_file(const char *path, const char *what, lyc_error *err) {
    struct stat about;
    if (stat(path, &about) != 0)
        LYC_FAIL(err, LYC_EIO, "%s: cannot open this %s: %s", path, what, strerror(errno));
    if (S_ISDIR(about.st_mode)) LYC_FAIL(err, LYC_EIO, "%s: is a directory; a %s is one file", path, what);
    if (!S_ISREG(about.st_mode))
        LYC_FAIL(err, LYC_EIO, "%s: is a pipe or a device; a %s is a file", path, what);
    if (about.st_size == 0)
        LYC_FAIL(err, LYC_EFORMAT, "%s: the file is empty; a %s was expected. Make it again", path, what);
    return LYC_OK;
}

static lyc_status explain_open(const char *path, const char *what, const char *reason, lyc_error *err) {
    if (strstr(reason, "errno = 13") || strstr(reason, "errno = 30"))
        LYC_FAIL(err, LYC_EIO, "%s: no permission to open this %s (HDF5: %s)", path, what, reason);
    if (strstr(reason, "unable to lock file"))
        LYC_FAIL(err, LYC_EBUSY,
                 "%s: another process is using this %s; wait until it has finished (HDF5: %s)", path, what,
                 reason);
    if (strstr(reason, "already open for"))
        LYC_FAIL(err, LYC_EBUSY, "%s: this %s is being written, or its writer was killed (HDF5: %s)", path,
                 what, reason);
    if (strstr(reason, "errno = "))
        LYC_FAIL(err, LYC_EIO, "%s: cannot open this %s (HDF5: %s)", path, what, reason);
    if (H5Fis_hdf5(path) <= 0) {
        H5Eclear2(H5E_DEFAULT);
        LYC_FAIL(err, LYC_EFORMAT, "%s: is not an HDF5 file; a %s of Lyceum was expected", path, what);
    }
    LYC_FAIL(err, LYC_EFORMAT, "%s: this %s is damaged or cut off; make it again (HDF5: %s)", path, what,
             reason);
}

lyc_status lyc__h5_open(hid_t *out, const char *path, const char *what, unsigned flags, hid_t access,
                        lyc_error *err) {
    *out = LYC__H5_NONE;
    lyc__h5_quiet();
    LYC_TRY(check_regular_file(path, what, err));
    hid_t file = H5Fopen(path, flags, access);
    if (file < 0) {
        char reason[LYC__H5_REASON_SIZE];
        return explain_open(path, what, lyc__h5_reason(reason), err);
    }
    /* Only the first look at a damaged header fails; later ones see what could be read and call the rest
     * absent. */
    if (H5Aexists(file, "format") < 0) {
        lyc_status status = lyc__h5_fail(err, LYC_EFORMAT, file, "this %s is damaged; make it again", what);
        lyc__h5_release(&file);
        return status;
    }
    *out = file;
    return LYC_OK;
}

lyc_status lyc__h5_create(hid_t *out, const char *path, hid_t access, lyc_error *err) {
    *out = LYC__H5_NONE;
    lyc__h5_quiet();
    hid_t own = access == H5P_DEFAULT ? H5Pcreate(H5P_FILE_ACCESS) : LYC__H5_NONE;
    if (own >= 0) H5Pset_libver_bounds(own, H5F_LIBVER_V18, H5F_LIBVER_LATEST);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, own >= 0 ? own : access);
    if (file < 0) {
        char reason[LYC__H5_REASON_SIZE];
        lyc__h5_reason(reason);
        lyc__h5_release(&own);
        LYC_FAIL(err, LYC_EIO, "%s: cannot create this file (HDF5: %s)", path, reason);
    }
    lyc__h5_release(&own);
    *out = file;
    return LYC_OK;
}

lyc_status lyc__h5_close(hid_t *file, lyc_error *err) {
    lyc_status status = LYC_OK;
    if (*file < 0) return LYC_OK;
    lyc__h5_quiet();
    if (H5Fflush(*file, H5F_SCOPE_GLOBAL) < 0)
        status = lyc__h5_fail(err, LYC_EIO, *file, "writing failed; is the disk full?");
    if (H5Fclose(*file) < 0 && status == LYC_OK) {
        char reason[LYC__H5_REASON_SIZE];
        status = LYC_ERROR(err, LYC_EIO, "closing a file failed; is the disk full? (HDF5: %s)",
                           lyc__h5_reason(reason));
    }
    H5Eclear2(H5E_DEFAULT);
    *file = LYC__H5_NONE;
    return status;
}

void lyc__h5_release(hid_t *id) {
    if (*id < 0) return;
    lyc__h5_quiet();
    H5Idec_ref(*id);
    H5Eclear2(H5E_DEFAULT);
    *id = LYC__H5_NONE;
}

lyc_status lyc__file_temporary(char **out, const char *path, lyc_error *err) {
    size_t size = strlen(path) + 32;
    LYC_TRY(lyc_allocate((void **)out, size, 1, "the name of a temporary file", err));
    snprintf(*out, size, "%s.part-%ld", path, (long)getpid());
    return LYC_OK;
}

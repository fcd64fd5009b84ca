/* A state and its file, seen from inside: state.c registers, state_save.c writes, state_load.c reads.
 *
 * The file is plain HDF5: /<name> a list of numbers, /require/<name> a text of fixed length; attributes of
 * the root: format, step, checksum. Nothing is compressed, nothing of variable length, and the
 * layout is the latest one, whose metadata HDF5 itself protects with checksums: a damaged file is refused,
 * not parsed.
 */
#ifndef LYC_IO_STATE_H
#define LYC_IO_STATE_H

#include <hdf5.h>
#include <stdbool.h>

#include "base/hash.h"
#include "lyceum/checkpoint.h"

#define LYC__STATE_FORMAT   "lyceum checkpoint 1"
#define LYC__STATE_REQUIRE  "require" /* group of the texts; not to be used by arrays */
#define LYC__STATE_NAME_MAX 512

typedef struct lyc__state_array {
    char *name;
    lyc_type type;
    void *data;
    size_t count;
} lyc__state_array;

typedef struct lyc__state_text {
    char *name, *value, *advice;
} lyc__state_text;

struct lyc_state {
    lyc__state_array *arrays;
    lyc__state_text *texts;
    size_t array_count, array_capacity, text_count, text_capacity;
    bool part; /* of what a file holds: it may hold more */
};

/* One thing that the file holds. `type` is a lyc_type or LYC__STATE_TEXT; part of the checksum, so of the
 * format: append only. */
#define LYC__STATE_TEXT 256
typedef struct lyc__state_item {
    const char *name; /* within the file: "student/params", "require/data" */
    int type;
    size_t count; /* numbers, or bytes of text without the terminator */
    const void *bytes;
} lyc__state_item;

/* Sorts the items by name and computes XXH3-128 over the step, then each item's name with its terminator,
 * type (u32), count (u64) and bytes; integers little-endian, as on every machine that this runs on. */
void lyc__state_checksum(lyc__state_item *items, size_t count, uint64_t step, char hex[LYC__HASH_HEX_SIZE]);

/* As lyc_state_save and lyc_state_load, with the step that the file carries. */
LYC_MUST_USE lyc_status lyc__state_write(const lyc_state *state, const char *path, uint64_t step,
                                         lyc_error *err);
LYC_MUST_USE lyc_status lyc__state_read(lyc_state *state, const char *path, uint64_t *step, lyc_error *err);

/* "f32" */
const char *lyc__type_name(lyc_type type);
/* HDF5's type of the same numbers, in memory and (little-endian) in files; not to be closed. */
hid_t lyc__type_memory(lyc_type type);
hid_t lyc__type_file(lyc_type type);

#endif

/* Checkpoints: a list of named arrays, registered once by whoever owns state, saved and restored whole.
 *
 *     lyc_state *state; lyc_state_create(&state, &err);
 *     lyc_state_add(state, "student/params", LYC_TYPE_F32, params, n, &err);
 *     lyc_checkpoint_save(state, dir, step, keep, &err);   // dir/checkpoints/step-000001234.h5
 *
 * A file is written under a temporary name, synced, renamed, the directory synced; it ends with a checksum
 * (XXH3-128 over names, types, sizes and bytes). Loading takes the newest intact one; torn ones are named
 * in a warning and skipped. Layout for h5py: docs/files.md.
 *
 * Saving holds the state a second time in memory, loading likewise. Errors: LYC_EIO (a full disk: the files
 * that were there are untouched, no temporary one is left), LYC_EFORMAT (damaged, or no checkpoint at all),
 * LYC_EMISMATCH (whole, but of another run; names what differs), LYC_EINTERNAL (a name that is taken or no
 * name). Thread-safety: one thread at a time per state; one process per run directory.
 */
#ifndef LYCEUM_CHECKPOINT_H
#define LYCEUM_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "lyceum/error.h"

LYC_BEGIN_DECLS

typedef enum lyc_type { LYC_TYPE_F32, LYC_TYPE_F64, LYC_TYPE_I32, LYC_TYPE_U32, LYC_TYPE_I64, LYC_TYPE_U64, LYC_TYPE_U8 } lyc_type;
LYC_API size_t lyc_type_size(lyc_type type);

typedef struct lyc_state lyc_state;
LYC_API LYC_MUST_USE lyc_status lyc_state_create(lyc_state **out, lyc_error *err);
LYC_API void lyc_state_destroy(lyc_state *state);
/* `data` stays the owner's, must outlive the state and is read by save, written by load. Names are
 * "group/name", unique. */
LYC_API LYC_MUST_USE lyc_status lyc_state_add(lyc_state *state, const char *name, lyc_type type, void *data,
                                              size_t count, lyc_error *err);
/* Text that must be equal on loading, else LYC_EMISMATCH naming `name`, both values and `advice`:
 * the resolved config, data fingerprint, kernels, shard sizes. */
LYC_API LYC_MUST_USE lyc_status lyc_state_require(lyc_state *state, const char *name, const char *value,
                                                  const char *advice, lyc_error *err);

/* Keeps the newest `keep` files (0 = all) up to this step; what a kill left half written is removed. */
LYC_API LYC_MUST_USE lyc_status lyc_checkpoint_save(const lyc_state *state, const char *run_directory,
                                                    uint64_t step, int keep, lyc_error *err);
/* *found = 0 when there is none; LYC_EFORMAT when there are some and none is intact. Nothing of the state is
 * touched unless the file is whole and belongs to it. A mismatch is never passed over in favour of an older
 * file. */
LYC_API LYC_MUST_USE lyc_status lyc_checkpoint_load(lyc_state *state, const char *run_directory, int *found,
                                                    uint64_t *step, lyc_error *err);
/* Saves to / loads from one given file, with the same guarantees. */
LYC_API LYC_MUST_USE lyc_status lyc_state_save(const lyc_state *state, const char *path, lyc_error *err);
LYC_API LYC_MUST_USE lyc_status lyc_state_load(lyc_state *state, const char *path, lyc_error *err);

/* Loads what the state has from a checkpoint of whatever run: `path` is a file, or a run directory, whose newest intact
 * checkpoint is taken. What else the checkpoint holds is left alone; texts and sizes must agree as ever. LYC_EIO when
 * there is none. */
LYC_API LYC_MUST_USE lyc_status lyc_state_load_part(lyc_state *state, const char *path, lyc_error *err);

LYC_END_DECLS

#endif

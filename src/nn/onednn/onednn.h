/* What the files of this folder share: the engine, statuses, threads, memory. The rest of the engine sees
 * this folder only through nn/convolution.h and nn/versions.h.
 *
 * Debian's oneDNN is the OpenMP build, which would start threads of its own and cuts work by the number of
 * threads that the calling one may use. So whatever creates or runs primitives stands between
 * lyc__onednn_enter and lyc__onednn_leave, on every thread. And scratchpads are the caller's: the library's
 * own belong to the thread that created the primitive, and concurrent runs give wrong results. Primitives
 * made with lyc__onednn_attributes have it so. With both, primitives may be shared by threads; memory objects
 * and streams belong to one thread at a time. */
#ifndef NN_ONEDNN_ONEDNN_H
#define NN_ONEDNN_ONEDNN_H

#include <dnnl.h>
#include <stddef.h>

#include "lyceum/error.h"

/* ---- engine and statuses (engine.c) --------------------------------------------------------------- */

/* The CPU, one engine a process, never destroyed. LYC_EENVIRONMENT where this oneDNN cannot be held to one
 * thread. Thread-safe. */
LYC_MUST_USE lyc_status lyc__onednn_engine(dnnl_engine_t *out, lyc_error *err);

/* LYC_OK, or the error that corresponds: "oneDNN cannot WHAT: out of memory". */
LYC_MUST_USE lyc_status lyc__onednn_status(dnnl_status_t status, const char *what, lyc_error *err);

#define LYC__ONEDNN_TRY(call, what, err) LYC_TRY(lyc__onednn_status((call), (what), (err)))

/* ---- threads (threads.c) -------------------------------------------------------------------------- */

/* Holds OpenMP to one thread for work that this thread starts; returns what leave restores, so that a caller
 * who uses OpenMP himself finds it as it was. A few nanoseconds. */
int lyc__onednn_enter(void);
void lyc__onednn_leave(int before);

/* ---- memory and attributes (memory.c) --------------------------------------------------------------- */

/* The layouts of f32 tensors by oneDNN's logical dimensions: images [rows, channels, height, width]. */
LYC_MUST_USE lyc_status lyc__onednn_describe(dnnl_memory_desc_t *out, int rank, const dnnl_dim_t *dims,
                                             dnnl_data_type_t type, dnnl_format_tag_t tag, lyc_error *err);

/* A memory object without memory; point it somewhere with dnnl_memory_set_data_handle. */
LYC_MUST_USE lyc_status lyc__onednn_memory(dnnl_memory_t *out, const dnnl_memory_desc_t *desc,
                                           lyc_error *err);

/* Attributes whose scratchpad is the caller's; destroy them with dnnl_primitive_attr_destroy. */
LYC_MUST_USE lyc_status lyc__onednn_attributes(dnnl_primitive_attr_t *out, lyc_error *err);

/* Bytes of scratchpad that primitives of this description want with each run. */
size_t lyc__onednn_scratch_bytes(const_dnnl_primitive_desc_t desc);

/* ---- for people (engine.c) --------------------------------------------------------------------------- */

/* "jit:avx512_core", or "ref:any" where there is nothing better than loops; static. */
const char *lyc__onednn_implementation(const_dnnl_primitive_desc_t desc);

#endif

/* The kernels that this process computes with: OpenBLAS for matrix products, oneDNN for convolutions where
 * the build has it, vector code of our own.
 *
 * Three flavours of OpenBLAS share one library name, so that the user's system decides which is loaded.
 * Lyceum calls it from many threads at once and wants one thread per call; only the pthread flavour does
 * that: the serial one is silently wrong when called concurrently, and the OpenMP one ignores the setting
 * in other threads. An OpenBLAS that is older than the CPU may choose kernels for a far older one (a
 * quarter of the speed); lyc_blas_check then has it choose again, unless OPENBLAS_CORETYPE is set.
 *
 * The bits of a result depend on these kernels, so checkpoints store lyc_kernels().
 */
#ifndef LYCEUM_BLAS_H
#define LYCEUM_BLAS_H

#include "lyceum/error.h"

LYC_BEGIN_DECLS

/* Makes OpenBLAS single-threaded and picks its kernels, once a process; LYC_EENVIRONMENT with the command
 * that helps when the flavour is wrong. lyc_network_create calls it too, but call it yourself before you
 * start threads: it may set OPENBLAS_CORETYPE in the environment. Thread-safe. */
LYC_API LYC_MUST_USE lyc_status lyc_blas_check(lyc_error *err);

/* OpenBLAS takes 128 MiB of address space (little of it is ever touched) for each of `threads` threads that
 * multiply at the same time, and where it does not get them it tries again for ever: LYC_ENOMEM instead, when
 * they and as much again for the rest are not to be had now. Call it before you start threads. */
LYC_API LYC_MUST_USE lyc_status lyc_blas_check_memory(int threads, lyc_error *err);

/* "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH NO_AFFINITY SkylakeX MAX_THREADS=64"; static. */
LYC_API const char *lyc_blas_config(void);
/* Kernels in use after lyc_blas_check ("SkylakeX"), and those that OpenBLAS had chosen by itself; static. */
LYC_API const char *lyc_blas_core(void);
LYC_API const char *lyc_blas_core_chosen(void);
/* "pthread", "serial" or "OpenMP". */
LYC_API const char *lyc_blas_flavour(void);
/* Instruction set of our own vector code: "avx512", "avx2" or "baseline". */
LYC_API const char *lyc_vector_level(void);

/* All of it in one line, for checkpoints and reports, as "OpenBLAS SkylakeX, avx512 vectors, oneDNN 2.6.3
 * avx512_core" (without the last part in a build without oneDNN); static. */
LYC_API const char *lyc_kernels(void);

LYC_END_DECLS

#endif

/* Matrix products, single-threaded, row-major: the seam to OpenBLAS. */
#ifndef NN_BLAS_H
#define NN_BLAS_H

#include <stdbool.h>
#include <stddef.h>

#include "lyceum/error.h"

/* A matrix as it lies in memory, or its transpose: rows and columns are those of the operand as used;
 * `stride` floats lie between the stored rows. */
typedef struct lyc__matrix {
    const float *data;
    size_t stride;
    bool transposed;
} lyc__matrix;

/* c[m, n] = a[m, k] b[k, n], or c += a b with `add`. m, n, k and strides fit an int (checked where graphs
 * are compiled). Any thread. */
void lyc__gemm(size_t m, size_t n, size_t k, lyc__matrix a, lyc__matrix b, float *c, bool add);

/* What lyc_blas_check concludes from what OpenBLAS says of itself: `parallel` as openblas_get_parallel
 * gives it, and the number of threads it uses after being told to use one. */
lyc_status lyc__blas_judge(int parallel, int threads, lyc_error *err);

/* The kernels that OpenBLAS should use instead of `core` on a CPU with these instructions; NULL when
 * `core` is fine or nothing better is known. */
const char *lyc__blas_better_core(const char *core, bool avx2, bool avx512);

#endif

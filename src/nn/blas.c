#include "nn/blas.h"

#include <cblas.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lyceum/blas.h"
#include "lyceum/memory.h"
#include "nn/vector.h"
#include "nn/versions.h"

/* What OpenBLAS calls on loading, and once more by us. Absent from builds for a single CPU. */
extern void gotoblas_dynamic_init(void) __attribute__((weak));
extern void gotoblas_dynamic_quit(void) __attribute__((weak));

static pthread_once_t settled = PTHREAD_ONCE_INIT;
static char core_chosen[64], kernels[192];

static const char *const flavours[] = {"serial", "pthread", "OpenMP"};

static const char *flavour_name(int parallel) {
    return parallel >= 0 && parallel < 3 ? flavours[parallel] : "unknown";
}

const char *lyc__blas_better_core(const char *core, bool avx2, bool avx512) {
    static const char *const modern[] = {"Haswell", "Zen", "SkylakeX", "Cooperlake", "SapphireRapids"};
    for (size_t i = 0; i < sizeof modern / sizeof *modern; i++)
        if (strcmp(core, modern[i]) == 0) return NULL;
    if (avx512) return "SkylakeX";
    return avx2 ? "Haswell" : NULL;
}

/* OpenBLAS 0.3.21 takes CPUs that are newer than itself for a Prescott of 2004. */
static void choose_core(void) {
#if defined(__x86_64__)
    (void)snprintf(core_chosen, sizeof core_chosen, "%s", openblas_get_corename());
    if (gotoblas_dynamic_init == NULL || gotoblas_dynamic_quit == NULL) return;
    const char *better =
        lyc__blas_better_core(core_chosen, lyc__vectors_avx2->runs_here(), lyc__vectors_avx512->runs_here());
    if (better == NULL || setenv("OPENBLAS_CORETYPE", better, 0) != 0) return;
    gotoblas_dynamic_quit();
    gotoblas_dynamic_init();
#endif
}

static void settle(void) {
    char version[LYC__VERSION_SIZE];
    const char *isa = "";
    openblas_set_num_threads(1);
    choose_core();
    const bool onednn = lyc__onednn_version(version, &isa);
    (void)snprintf(kernels, sizeof kernels, "OpenBLAS %s, %s vectors%s%s%s%s", openblas_get_corename(),
                   lyc__vector()->name, onednn ? ", oneDNN " : "", version, onednn ? " " : "", isa);
}

#if defined(__x86_64__)
#define MULTIARCH "x86_64-linux-gnu"
#elif defined(__aarch64__)
#define MULTIARCH "aarch64-linux-gnu"
#else
#define MULTIARCH "$(gcc -print-multiarch)"
#endif

lyc_status lyc__blas_judge(int parallel, int threads, lyc_error *err) {
    if (parallel != 1)
        LYC_FAIL(err, LYC_EENVIRONMENT,
                 "OpenBLAS: the %s flavour is loaded, which %s; run: apt-get install libopenblas0-pthread && "
                 "update-alternatives --auto libopenblas.so.0-" MULTIARCH,
                 flavour_name(parallel),
                 parallel == 0 ? "computes wrong results when several threads use it"
                               : "does not keep to one thread when several threads use it");
    if (threads != 1)
        LYC_FAIL(err, LYC_EENVIRONMENT,
                 "OpenBLAS: it insists on %d threads; start the program with OPENBLAS_NUM_THREADS=1",
                 threads);
    return LYC_OK;
}

lyc_status lyc_blas_check(lyc_error *err) {
    pthread_once(&settled, settle);
    return lyc__blas_judge(openblas_get_parallel(), openblas_get_num_threads(), err);
}

#define BUFFER_BYTES ((size_t)128 << 20)
#define SPARE        1 /* buffers' worth for everything else */

lyc_status lyc_blas_check_memory(int threads, lyc_error *err) {
    size_t wanted = (size_t)threads + SPARE, got = 0;
    void **buffers;
    LYC_TRY(LYC_NEW_ARRAY(buffers, wanted, err));
    for (; got < wanted; got++) { /* one by one, as OpenBLAS does: the system judges each by itself */
        buffers[got] = mmap(NULL, BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (buffers[got] == MAP_FAILED) break;
    }
    for (size_t i = 0; i < got; i++) munmap(buffers[i], BUFFER_BYTES);
    lyc_free(buffers);
    if (got == wanted) return LYC_OK;
    LYC_FAIL(err, LYC_ENOMEM,
             "OpenBLAS: no memory for %d threads, which need %zu MiB of address space; use fewer threads, or "
             "raise "
             "the limit (ulimit -v)",
             threads, wanted * (BUFFER_BYTES >> 20));
}

const char *lyc_blas_config(void) {
    return openblas_get_config();
}

const char *lyc_blas_core(void) {
    return openblas_get_corename();
}

const char *lyc_blas_core_chosen(void) {
    pthread_once(&settled, settle);
    return core_chosen;
}

const char *lyc_blas_flavour(void) {
    return flavour_name(openblas_get_parallel());
}

const char *lyc_kernels(void) {
    pthread_once(&settled, settle);
    return kernels;
}

static void multiply(size_t m, size_t n, size_t k, lyc__matrix a, lyc__matrix b, float *c, bool add) {
    cblas_sgemm(CblasRowMajor, a.transposed ? CblasTrans : CblasNoTrans,
                b.transposed ? CblasTrans : CblasNoTrans, (blasint)m, (blasint)n, (blasint)k, 1.0F, a.data,
                (blasint)a.stride, b.data, (blasint)b.stride, add ? 1.0F : 0.0F, c, (blasint)n);
}

/* OpenBLAS multiplies matrices of up to a million products without packing them first, which is up to 1.8
 * times as fast; a few times that are better cut into such pieces. Returns the rows of a piece. */
static size_t piece_rows(size_t m, size_t n, size_t k, lyc__matrix b) {
    enum { UNPACKED = 1000000, PIECES = 4, VECTOR = 16 };
    const size_t row = n * k;
    if (b.transposed || n % VECTOR != 0 || row > UNPACKED / VECTOR) return m;
    if (m * row <= UNPACKED || m * row > (size_t)PIECES * UNPACKED) return m;
    return UNPACKED / row / VECTOR * VECTOR;
}

void lyc__gemm(size_t m, size_t n, size_t k, lyc__matrix a, lyc__matrix b, float *c, bool add) {
    const size_t rows = piece_rows(m, n, k, b);
    for (size_t i = 0; i < m; i += rows) {
        const lyc__matrix part = {a.data + (a.transposed ? i : i * a.stride), a.stride, a.transposed};
        multiply(m - i < rows ? m - i : rows, n, k, part, b, c + i * n, add);
    }
}

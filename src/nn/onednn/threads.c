/* Keeps oneDNN to the calling thread. Its OpenMP runtime is whichever the dynamic linker gave it, so the
 * functions are looked up where it found them rather than linked: linking would need that very runtime's
 * library, and could bring a second one into the process. */
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "nn/onednn/onednn.h"
#include "nn/versions.h"

static pthread_once_t found = PTHREAD_ONCE_INIT;
static void (*set_threads)(int);
static int (*get_threads)(void);

static void find(void) {
    void *set = dlsym(RTLD_DEFAULT, "omp_set_num_threads"), *get = dlsym(RTLD_DEFAULT, "omp_get_max_threads");
    /* POSIX has functions in a void *; ISO C has no conversion for it. */
    memcpy(&set_threads, &set, sizeof set);
    memcpy(&get_threads, &get, sizeof get);
}

lyc_status lyc__onednn_check(lyc_error *err) {
    const unsigned runtime = dnnl_version()->cpu_runtime;
    if (runtime == DNNL_RUNTIME_SEQ) return LYC_OK;
    if (runtime != DNNL_RUNTIME_OMP)
        LYC_FAIL(
            err, LYC_EENVIRONMENT,
            "oneDNN: the library that is loaded starts threads in a way that cannot be held to one; use a "
            "build with OpenMP, as Debian's libdnnl2 is");
    pthread_once(&found, find);
    if (set_threads == NULL || get_threads == NULL)
        LYC_FAIL(
            err, LYC_EENVIRONMENT,
            "oneDNN: no omp_set_num_threads in this process, so that its threads cannot be held to one; is "
            "it linked with an unusual OpenMP?");
    return LYC_OK;
}

int lyc__onednn_enter(void) {
    pthread_once(&found, find);
    if (set_threads == NULL || get_threads == NULL) return 1;
    const int before = get_threads();
    if (before != 1) set_threads(1);
    return before;
}

void lyc__onednn_leave(int before) {
    if (before != 1) set_threads(before);
}

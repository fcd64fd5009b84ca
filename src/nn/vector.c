/* Chooses the level of vector code for the CPU at hand. */
#include "nn/vector.h"

#include <stdatomic.h>

#include "lyceum/blas.h"

const lyc__vectors *lyc__vector_level(size_t index) {
    const lyc__vectors *const levels[] = {lyc__vectors_avx512, lyc__vectors_avx2, lyc__vectors_baseline};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        if (levels[i] == NULL) continue;
        if (index == 0) return levels[i];
        index--;
    }
    return NULL;
}

const lyc__vectors *lyc__vector(void) {
    /* Every thread would choose the same, so that a race is harmless. */
    static _Atomic(const lyc__vectors *) chosen;
    const lyc__vectors *level = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (level != NULL) return level;
    size_t index = 0;
    while (!lyc__vector_level(index)->runs_here()) index++;
    level = lyc__vector_level(index);
    atomic_store_explicit(&chosen, level, memory_order_relaxed);
    return level;
}

const char *lyc_vector_level(void) {
    return lyc__vector()->name;
}

size_t lyc__window_scratch(const lyc__window *window) {
    return (window->height + 2 * window->padding[0]) * (window->width + 2 * window->padding[1]) *
           window->channels;
}

size_t lyc__thin_scratch(const lyc__window *window, size_t outputs) {
    enum { MOST_LANES = 16 }; /* what the last store of the image writes too much */
    return lyc__window_scratch(window) * outputs + MOST_LANES;
}

size_t lyc__spread_run(const lyc__window *window) {
    enum { MOST_TOGETHER = 32 };
    return (window->kernel[1] * window->channels + MOST_TOGETHER - 1) / MOST_TOGETHER * MOST_TOGETHER;
}

/* Columns of tiles, up to whole vectors. */
static size_t pooled_wide(const lyc__window *window) {
    enum { MOST_LANES = 16 };
    return (window->out_width / 2 + MOST_LANES - 1) / MOST_LANES * MOST_LANES;
}

size_t lyc__pooled_scratch(const lyc__window *window, size_t outputs) {
    const size_t wide = pooled_wide(window), line = 2 * (wide + window->kernel[1] / 2 + 1);
    return (window->height + 2 * window->padding[0]) * line + window->out_height / 2 * outputs * wide;
}

size_t lyc__pooled_places(const lyc__window *window, size_t outputs) {
    return window->out_height / 2 * outputs * pooled_wide(window);
}

size_t lyc__norm_words(size_t columns) {
    return (columns + lyc__vector()->lanes - 1) / lyc__vector()->lanes;
}

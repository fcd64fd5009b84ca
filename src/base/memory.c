#include "lyceum/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void *allocate_aligned(void *payload, size_t size, size_t alignment) {
    (void)payload;
    /* aligned_alloc wants a multiple of the alignment; the caller made sure that this fits. */
    return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

static void release_aligned(void *payload, void *block) {
    (void)payload;
    free(block);
}

static const lyc_allocator standard = {allocate_aligned, release_aligned, NULL};
static lyc_allocator current = {allocate_aligned, release_aligned, NULL};

void lyc_allocator_set(const lyc_allocator *allocator) {
    current = allocator != NULL ? *allocator : standard;
}

void *lyc_calloc(size_t count, size_t size) {
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes)) return NULL;
    if (bytes > PTRDIFF_MAX - LYC_ALIGNMENT) return NULL; /* rounding up must not wrap */
    if (bytes == 0) bytes = 1;
    void *block = current.allocate(current.payload, bytes, LYC_ALIGNMENT);
    if (block != NULL) memset(block, 0, bytes);
    return block;
}

void lyc_free(void *block) {
    if (block != NULL) current.release(current.payload, block);
}

char *lyc_strdup(const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = lyc_calloc(size, 1);
    if (copy != NULL) memcpy(copy, text, size);
    return copy;
}

lyc_status lyc_allocate(void **out, size_t count, size_t size, const char *what, lyc_error *err) {
    *out = lyc_calloc(count, size);
    if (*out != NULL) return LYC_OK;
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes))
        LYC_FAIL(err, LYC_ENOMEM, "no memory for %zu times %zu bytes of %s: more than can be addressed",
                 count, size, what);
    LYC_FAIL(err, LYC_ENOMEM, "no memory for %zu bytes of %s", bytes, what);
}

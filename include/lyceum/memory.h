/* The hookable allocator and arenas.
 *
 * All heap memory of Lyceum comes from here (libraries have their own hooks, set to ours where they
 * offer them: cJSON). A test can install an allocator that fails the n-th request, or counts.
 */
#ifndef LYCEUM_MEMORY_H
#define LYCEUM_MEMORY_H

#include <stddef.h>

#include "lyceum/error.h"

LYC_BEGIN_DECLS

#define LYC_ALIGNMENT ((size_t)64) /* every block starts on a cache line, as vector kernels want */

/* `allocate` returns `size` bytes aligned to `alignment` (they need not be zeroed), or NULL; both may be
 * called from several threads at once. */
typedef struct lyc_allocator {
    void *(*allocate)(void *payload, size_t size, size_t alignment);
    void (*release)(void *payload, void *block);
    void *payload;
} lyc_allocator;

/* Replaces the process-wide allocator; NULL restores the default. Not thread-safe: call it before
 * anything else and only when no block of the former one is alive. */
LYC_API void lyc_allocator_set(const lyc_allocator *allocator);

/* count * size zeroed bytes, aligned to LYC_ALIGNMENT; NULL when memory is out or the product
 * overflows. A request for 0 bytes gives a block of 1. */
LYC_API LYC_MUST_USE void *lyc_calloc(size_t count, size_t size);
LYC_API LYC_MUST_USE char *lyc_strdup(const char *text);
LYC_API void lyc_free(void *block); /* NULL is fine */

/* As lyc_calloc, with the error filled in ("no memory for N bytes of WHAT"). `*out` is NULL on failure. */
LYC_API LYC_MUST_USE lyc_status lyc_allocate(void **out, size_t count, size_t size, const char *what,
                                             lyc_error *err);
#define LYC_NEW_ARRAY(pointer, count, err)                                                                   \
    lyc_allocate((void **)&(pointer), (count), sizeof *(pointer), #pointer, (err))

/* An arena hands out memory that lives until a mark is restored or the arena destroyed. Not
 * thread-safe. Grows by chunks of at least `chunk_size` bytes; `lyc_arena_alloc` returns zeroed, 64-byte
 * aligned memory or NULL. Restoring keeps the chunks for reuse, so marks must be restored in the reverse
 * order of their making. `lyc_arena_bytes` is what the arena holds from the allocator. */
typedef struct lyc_arena lyc_arena;
typedef struct lyc_arena_mark {
    void *chunk;
    size_t used;
} lyc_arena_mark;

LYC_API LYC_MUST_USE lyc_status lyc_arena_create(lyc_arena **out, size_t chunk_size, lyc_error *err);
LYC_API void lyc_arena_destroy(lyc_arena *arena);
LYC_API LYC_MUST_USE void *lyc_arena_alloc(lyc_arena *arena, size_t count, size_t size);
LYC_API LYC_MUST_USE char *lyc_arena_strdup(lyc_arena *arena, const char *text);
LYC_API lyc_arena_mark lyc_arena_save(const lyc_arena *arena);
LYC_API void lyc_arena_restore(lyc_arena *arena, lyc_arena_mark mark);
LYC_API size_t lyc_arena_bytes(const lyc_arena *arena);

LYC_END_DECLS

#endif

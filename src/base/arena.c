/* Arenas: a list of chunks that are filled one after the other. Restoring a mark keeps the chunks
 * behind it, so that a loop which marks and restores stops allocating after its first turn. */
#include "lyceum/memory.h"

#include <stdint.h>
#include <string.h>

typedef struct chunk {
    struct chunk *next;
    size_t capacity, used;
    unsigned char *bytes;
} chunk;

struct lyc_arena {
    chunk *first;
    chunk *current; /* NULL until the first allocation */
    size_t chunk_size;
    size_t held; /* capacity of all chunks */
};

static size_t rounded(size_t size) {
    return (size + LYC_ALIGNMENT - 1) / LYC_ALIGNMENT * LYC_ALIGNMENT;
}

lyc_status lyc_arena_create(lyc_arena **out, size_t chunk_size, lyc_error *err) {
    *out = NULL;
    if (chunk_size == 0 || chunk_size > PTRDIFF_MAX / 2)
        LYC_FAIL(err, LYC_EINTERNAL, "an arena cannot have chunks of %zu bytes", chunk_size);
    lyc_arena *arena = NULL;
    LYC_TRY(lyc_allocate((void **)&arena, 1, sizeof *arena, "an arena", err));
    arena->chunk_size = rounded(chunk_size);
    *out = arena;
    return LYC_OK;
}

void lyc_arena_destroy(lyc_arena *arena) {
    if (arena == NULL) return;
    for (chunk *here = arena->first; here != NULL;) {
        chunk *next = here->next;
        lyc_free(here->bytes);
        lyc_free(here);
        here = next;
    }
    lyc_free(arena);
}

static chunk *new_chunk(lyc_arena *arena, size_t capacity) {
    chunk *fresh = lyc_calloc(1, sizeof *fresh);
    if (fresh == NULL) return NULL;
    fresh->bytes = lyc_calloc(capacity, 1);
    if (fresh->bytes == NULL) {
        lyc_free(fresh);
        return NULL;
    }
    fresh->capacity = capacity;
    arena->held += capacity;
    return fresh;
}

/* A chunk with `size` free bytes behind the current one: an emptied one that is large enough, or else
 * a new one, put right behind the current one. */
static chunk *chunk_for(lyc_arena *arena, size_t size) {
    chunk **link = arena->current != NULL ? &arena->current->next : &arena->first;
    for (chunk *here = *link; here != NULL; here = here->next) here->used = 0;
    if (*link != NULL && (*link)->capacity >= size) return *link;
    chunk *fresh = new_chunk(arena, size > arena->chunk_size ? size : arena->chunk_size);
    if (fresh == NULL) return NULL;
    fresh->next = *link;
    *link = fresh;
    return fresh;
}

void *lyc_arena_alloc(lyc_arena *arena, size_t count, size_t size) {
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > PTRDIFF_MAX / 2) return NULL;
    bytes = rounded(bytes > 0 ? bytes : 1);
    if (arena->current == NULL || arena->current->capacity - arena->current->used < bytes) {
        chunk *next = chunk_for(arena, bytes);
        if (next == NULL) return NULL;
        arena->current = next;
    }
    void *block = arena->current->bytes + arena->current->used;
    arena->current->used += bytes;
    return memset(block, 0, bytes); /* the chunk may have been used before a mark was restored */
}

char *lyc_arena_strdup(lyc_arena *arena, const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = lyc_arena_alloc(arena, size, 1);
    if (copy != NULL) memcpy(copy, text, size);
    return copy;
}

lyc_arena_mark lyc_arena_save(const lyc_arena *arena) {
    chunk *here = arena->current;
    return (lyc_arena_mark){.chunk = here, .used = here != NULL ? here->used : 0};
}

void lyc_arena_restore(lyc_arena *arena, lyc_arena_mark mark) {
    arena->current = mark.chunk;
    if (arena->current != NULL) arena->current->used = mark.used;
}

size_t lyc_arena_bytes(const lyc_arena *arena) {
    return arena->held;
}

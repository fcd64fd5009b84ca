/* XXH3 checksums and fingerprints (not cryptographic). The values are those of `xxhsum -H2` (128 bits)
 * and `xxhsum -H3` (64 bits), the same on every machine. */
#ifndef LYC_BASE_HASH_H
#define LYC_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define XXH_STATIC_LINKING_ONLY /* makes the state a complete type, so that it can live on the stack */
#include <xxhash.h>

#define LYC__HASH_HEX_SIZE 33 /* 32 digits and the terminator */

typedef struct lyc__hash {
    XXH3_state_t state;
} lyc__hash;

/* 128 bits over everything given to update, in order: splitting it otherwise changes nothing.
 *     lyc__hash hash; char hex[LYC__HASH_HEX_SIZE];
 *     lyc__hash_start(&hash); lyc__hash_update(&hash, bytes, size); lyc__hash_finish_hex(&hash, hex); */
void lyc__hash_start(lyc__hash *hash);
void lyc__hash_update(lyc__hash *hash, const void *bytes, size_t size);
void lyc__hash_finish_hex(const lyc__hash *hash, char out[LYC__HASH_HEX_SIZE]);

/* 64 bits over one block of memory. */
uint64_t lyc__hash64(const void *bytes, size_t size);

#endif

#include "base/hash.h"

#include <inttypes.h>
#include <stdio.h>

void lyc__hash_start(lyc__hash *hash) {
    XXH3_128bits_reset(&hash->state);
}

void lyc__hash_update(lyc__hash *hash, const void *bytes, size_t size) {
    if (size > 0) XXH3_128bits_update(&hash->state, bytes, size);
}

void lyc__hash_finish_hex(const lyc__hash *hash, char out[LYC__HASH_HEX_SIZE]) {
    XXH128_hash_t value = XXH3_128bits_digest(&hash->state);
    snprintf(out, LYC__HASH_HEX_SIZE, "%016" PRIx64 "%016" PRIx64, (uint64_t)value.high64,
             (uint64_t)value.low64);
}

uint64_t lyc__hash64(const void *bytes, size_t size) {
    return XXH3_64bits(bytes, size);
}

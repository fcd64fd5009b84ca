#include "lyceum/random.h"

#include <assert.h>
#include <math.h>

#include <Random123/philox.h>

#include "base/uniform.h"

enum { EPOCH_BITS = 24 };

void lyc_random_block(const lyc_random_key *key, uint32_t block, uint32_t out[4]) {
    assert(key->epoch < (1U << EPOCH_BITS) && key->purpose < 256);
    const philox4x32_ctr_t counter = {
        {block, key->sample, key->step, key->purpose << EPOCH_BITS | key->epoch}};
    const philox4x32_key_t seed = {{(uint32_t)key->seed, (uint32_t)(key->seed >> 32)}};
    const philox4x32_ctr_t result = philox4x32_R(10, counter, seed);
    for (int i = 0; i < 4; i++) out[i] = result.v[i];
}

lyc_random lyc_random_start(lyc_random_key key) {
    return (lyc_random){.key = key};
}

uint32_t lyc_random_u32(lyc_random *random) {
    if (random->left == 0) {
        lyc_random_block(&random->key, random->block++, random->words);
        random->left = 4;
    }
    return random->words[4 - random->left--];
}

static uint64_t next_u64(lyc_random *random) {
    uint64_t low = lyc_random_u32(random);
    return (uint64_t)lyc_random_u32(random) << 32 | low;
}

/* Lemire 2019, "Fast random integer generation in an interval": the product's upper half is the
 * number, products whose lower half falls into the incomplete last interval are rejected. */
uint32_t lyc_random_below(lyc_random *random, uint32_t bound) {
    assert(bound > 0);
    if (bound == 0) return 0;
    uint64_t product = (uint64_t)lyc_random_u32(random) * bound;
    if ((uint32_t)product < bound) {
        uint32_t incomplete = (0U - bound) % bound;
        while ((uint32_t)product < incomplete) product = (uint64_t)lyc_random_u32(random) * bound;
    }
    return (uint32_t)(product >> 32);
}

float lyc_random_uniform_f32(lyc_random *random) {
    return (float)(lyc_random_u32(random) >> 8) * 0x1p-24F;
}

double lyc_random_uniform(lyc_random *random) {
    return lyc__uniform_from_bits(next_u64(random));
}

/* The sine twin is dropped: one normal is one block, whatever was drawn before. */
double lyc_random_normal(lyc_random *random) {
    const double two_pi = 6.283185307179586476925286766559;
    double radius = sqrt(-2.0 * log(lyc_random_uniform(random)));
    return radius * cos(two_pi * lyc_random_uniform(random));
}

void lyc_random_permutation(lyc_random_key key, uint32_t *out, uint32_t count) {
    lyc_random random = lyc_random_start(key);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t j = lyc_random_below(&random, i + 1);
        out[i] = out[j];
        out[j] = i;
    }
}

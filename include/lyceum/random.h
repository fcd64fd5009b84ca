/* Counter-based random numbers: Philox 4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy
 * as 1, 2, 3"), through the Random123 library.
 *
 * A number is a pure function of (seed, purpose, epoch, step, sample, draw): there is no state to
 * save, and nothing depends on the order of calls. Thread-safe.
 *
 * The seed is Philox's key (low word first); its counter is {block, sample, step, purpose << 24 | epoch}.
 */
#ifndef LYCEUM_RANDOM_H
#define LYCEUM_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "lyceum/export.h"

LYC_BEGIN_DECLS

/* What a stream of numbers is for; two purposes never share numbers. Values are part of the file
 * format (a resumed run must draw the same): append only. */
typedef enum lyc_purpose {
    LYC_PURPOSE_INIT = 1, /* initial parameters */
    LYC_PURPOSE_SHUFFLE,  /* order of samples in an epoch */
    LYC_PURPOSE_DROPOUT,
    LYC_PURPOSE_SPLIT,    /* which rows form reward and validation splits */
    LYC_PURPOSE_LABELLED, /* which rows keep their label */
    LYC_PURPOSE_VIEW,     /* augmentation */
    LYC_PURPOSE_POLICY_INIT,
    LYC_PURPOSE_ACTION,   /* actions the policy samples */
    LYC_PURPOSE_REWARD,   /* held-out samples a reward is measured on */
    LYC_PURPOSE_STRATEGY, /* fixed strategies that draw */
    LYC_PURPOSE_TEST,     /* tests only */
    LYC_PURPOSE_PLANT     /* what a planted teacher gets wrong */
} lyc_purpose;

typedef struct lyc_random_key {
    uint64_t seed;
    uint32_t purpose; /* lyc_purpose; below 256 */
    uint32_t epoch;   /* below 2^24 */
    uint32_t step;
    uint32_t sample; /* sample, parameter or teacher index; 0 where not needed */
} lyc_random_key;

/* Four 32-bit numbers: block number `block` of the stream `key`. */
LYC_API void lyc_random_block(const lyc_random_key *key, uint32_t block, uint32_t out[4]);

/* A cursor over one stream, for callers that draw several numbers in a row; lives on the stack. */
typedef struct lyc_random {
    lyc_random_key key;
    uint32_t block; /* next block to generate */
    uint32_t left;  /* unused words of `words` */
    uint32_t words[4];
} lyc_random;

LYC_API lyc_random lyc_random_start(lyc_random_key key);
LYC_API uint32_t lyc_random_u32(lyc_random *random);
LYC_API uint32_t lyc_random_below(lyc_random *random, uint32_t bound); /* unbiased, [0, bound), bound > 0 */
LYC_API float lyc_random_uniform_f32(lyc_random *random);              /* [0, 1), 24 bits */
LYC_API double lyc_random_uniform(lyc_random *random);                 /* (0, 1), 53 bits, never 0 or 1 */
/* Standard normal, Box-Muller; takes four words of the stream. */
LYC_API double lyc_random_normal(lyc_random *random);

/* A permutation of 0..count-1 (Fisher-Yates), written into `out[count]`. */
LYC_API void lyc_random_permutation(lyc_random_key key, uint32_t *out, uint32_t count);

LYC_END_DECLS

#endif

/* From 64 random bits to a double in the open interval (0, 1). */
#ifndef LYC_BASE_UNIFORM_H
#define LYC_BASE_UNIFORM_H

#include <stdint.h>

/* The upper 53 bits, as a multiple of 2^-53; zero becomes half a step. Adding half a step everywhere
 * would round the largest value up to 1, whose logarithm later code does not expect. */
static inline double lyc__uniform_from_bits(uint64_t bits) {
    uint64_t multiple = bits >> 11;
    return multiple > 0 ? (double)multiple * 0x1p-53 : 0x1p-54;
}

#endif

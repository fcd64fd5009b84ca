/* The sum of the shards' gradients. */
#ifndef NN_REDUCE_H
#define NN_REDUCE_H

#include <stddef.h>

#include "lyceum/pool.h"

/* out[size] = sum of `count` arrays that lie one after the other, `count` at most LYC__MAX_SHARDS, added in
 * one binary tree: ((0 + 1) + (2 + 3)) + ... The pool's threads take pieces of the arrays; each piece goes
 * through the whole tree while it is in the cache, so that memory is read once and only `out` is written. */
void lyc__reduce(const float *arrays, size_t count, size_t size, float *out, lyc_priority priority,
                 lyc_pool *pool);

#endif

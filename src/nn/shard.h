/* How a batch is cut into shards. */
#ifndef NN_SHARD_H
#define NN_SHARD_H

#include "nn/network.h"

/* No rule gives more shards. */
enum { LYC__MAX_SHARDS = 32 };

/* Of this many shards, how many one thread computes one after the other, so that LYC__MAX_SHARDS threads at most
 * are at work: 1 but for frozen networks. */
size_t lyc__shards_together(size_t shards);

size_t lyc__shard_count(const lyc_network *net, lyc_mode mode, size_t batch_rows);

/* The largest shard and the largest number of shards over all batches of 1 .. max_rows. */
void lyc__shard_limits(const lyc_network *net, lyc_mode mode, size_t max_rows, size_t *rows, size_t *count);

#endif

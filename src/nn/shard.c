/* The shard rule: a function of network, mode and batch, never of threads.
 *
 * Small shards give every thread work and keep activations in its cache. But each shard writes a gradient of
 * all parameters, which is then summed; where that costs more than the arithmetic (fully connected networks),
 * shards must be larger. With P parameters and F floating-point operations a row, a shard of n rows takes
 * time in proportion to n F + c P, c being what a parameter of one shard's gradient costs, in operations; n =
 * c P / (share F) keeps the second part to `share` of the first.
 *
 *     rows = c P / (share F), but at least max(4, B / 32) and at most max(32, B / 8)
 *
 * and then evened out, so that the last shard is no remnant and two threads have as many shards each: at
 * every barrier (batch norm has two) the threads wait for each other, so that 7 shards of 8 rows, of a batch
 * of 50, would leave one of them idle for a fifth of the time. Convolutions have so much arithmetic for each
 * parameter that the first bound decides, which suits them: what a shard touches between two barriers then
 * stays in the core's cache. ResNet-20, 128 rows, two threads: 122 ms a step with 8 rows a shard, 124 with
 * 16, 127 with 32, 130 with 64; in another hour 139 with 8 and 131 with 4, where a shard fits the
 * second-level cache. With fewer the sums of the gradients tell.
 *
 * In inference nothing is summed: as many rows as keep the largest pair of activations in the cache, within
 * the same bounds.
 *
 * Frozen networks are compiled for shards of one size, whatever the batch: a power of two, so that the last
 * shard of a chunk is no remnant, from 8 to 32, the largest that keeps that pair in a quarter of the
 * second-level cache. ResNet-20, 256 rows, two threads: 64 ms in f32 and 17 in bf16 with 8 rows a shard, 77
 * and 20 with 16. */
#include "nn/shard.h"

static const double operations_per_parameter = 64; /* c; measured with tests/benchmark/nn_step.c */
static const double share_of_sums = 0.1;
static const double cache_bytes = 1 << 20;

static const double frozen_cache_bytes = 1 << 19; /* measured with tests/benchmark/nn_inference.c */

enum { FEWEST_ROWS = 4, FEWEST_FROZEN_ROWS = 8, MANY_ROWS = 32, MOST_THREADS_BUSY = 8 };

static size_t divide_up(size_t a, size_t b) {
    return (a + b - 1) / b;
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

/* Bytes of the input and output of the most demanding node, for one row. */
static double activation_bytes(const lyc_network *net) {
    size_t most = 1;
    for (int i = 0; i < net->graph->node_count; i++) {
        const lyc__node *node = &net->graph->nodes[i];
        most = larger(most, lyc__shape_size(&node->in[0]) + lyc__shape_size(&node->out));
    }
    return (double)(most * sizeof(float));
}

static double wanted_rows(const lyc_network *net, lyc_mode mode) {
    if (mode == LYC_MODE_INFER) return cache_bytes / activation_bytes(net);
    return operations_per_parameter * (double)lyc_network_size(net) /
           (share_of_sums * (net->flops_train + 1));
}

/* Rows that go through the busier of two threads. */
static size_t busier_half(size_t batch_rows, size_t rows) {
    return divide_up(divide_up(batch_rows, rows), 2) * rows;
}

/* The same for all shards but the last, which is no remnant: of the sizes from `rows` down to three quarters
 * of that the one with which two threads are through first, the largest of equals. */
static size_t evened_out(size_t batch_rows, size_t rows) {
    size_t best = divide_up(batch_rows, divide_up(batch_rows, rows));
    const size_t least = larger(best - best / 4, divide_up(batch_rows, LYC__MAX_SHARDS));
    for (size_t here = best; here-- > least;)
        if (busier_half(batch_rows, here) < busier_half(batch_rows, best)) best = here;
    return best;
}

size_t lyc_shard_rows(const lyc_network *net, lyc_mode mode, size_t batch_rows) {
    if (batch_rows == 0) return 0;
    const size_t least = larger(FEWEST_ROWS, divide_up(batch_rows, LYC__MAX_SHARDS));
    const size_t most = larger(MANY_ROWS, divide_up(batch_rows, MOST_THREADS_BUSY));
    const double wanted = wanted_rows(net, mode);
    size_t rows = wanted >= (double)most ? most : (size_t)wanted;
    rows = larger(rows, least);
    return evened_out(batch_rows, rows);
}

size_t lyc_frozen_shard_rows(const lyc_network *net) {
    size_t rows = MANY_ROWS;
    while (rows > FEWEST_FROZEN_ROWS && (double)rows * activation_bytes(net) > frozen_cache_bytes) rows /= 2;
    return rows;
}

size_t lyc__shards_together(size_t shards) {
    return divide_up(shards, LYC__MAX_SHARDS);
}

size_t lyc__shard_count(const lyc_network *net, lyc_mode mode, size_t batch_rows) {
    return batch_rows == 0 ? 0 : divide_up(batch_rows, lyc_shard_rows(net, mode, batch_rows));
}

void lyc__shard_limits(const lyc_network *net, lyc_mode mode, size_t max_rows, size_t *rows, size_t *count) {
    *rows = 0;
    *count = 0;
    for (size_t batch = 1; batch <= max_rows; batch++) {
        *rows = larger(*rows, lyc_shard_rows(net, mode, batch));
        *count = larger(*count, lyc__shard_count(net, mode, batch));
    }
}

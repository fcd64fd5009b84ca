/* What a frozen network is inside the engine: a graph in which some nodes are fused layers, the parameters
 * that these fold, and kernels with what they packed. Creating one takes three steps: freeze.c rewrites the
 * graph, the kernels prepare for the shapes, and every update folds (freeze_fold.c) and packs. */
#ifndef NN_FROZEN_H
#define NN_FROZEN_H

#include "nn/network.h"

/* ---- kernels: the code that computes a fused layer ------------------------------------------------ */

/* One row of the table of a fused operator (op_frozen_*.c), in order of preference; the first that takes a
 * node computes it. Values are f32 or bf16 by their shapes' types, parameters always f32, accumulation too.
 */
typedef struct lyc__frozen_kernel lyc__frozen_kernel;

/* What a kernel prepares for a workspace begins with this; see lyc__preparation. */
typedef struct lyc__frozen_prepared {
    const lyc__frozen_kernel *kernel;
    size_t scratch_floats, bytes;
} lyc__frozen_prepared;

struct lyc__frozen_kernel {
    const char *name; /* "onednn" */
    bool (*takes)(const lyc__node *node, lyc_precision precision);
    /* (optional) Fills node->packed for shards of exactly frozen->shard_rows rows; `release` undoes it.
     * *taken = false leaves the node to the next kernel. */
    lyc_status (*prepare)(lyc__node *node, const lyc_frozen *frozen, bool *taken, lyc_error *err);
    void (*release)(lyc__node *node);
    /* (optional) Packs new parameters. Nobody runs the layer meanwhile. */
    void (*pack)(const lyc__node *node, const float *params);
    /* (optional) As in lyc__preparation: what calls of one workspace need. */
    lyc_status (*open)(const lyc__setup *setup, lyc__frozen_prepared **out, lyc_error *err);
    void (*close)(lyc__frozen_prepared *prepared);
    void (*forward)(const lyc__call *call);
    size_t (*scratch_floats)(const lyc__node *node, size_t rows); /* (optional) */
};

/* conv2d with bias, and then: the sum with input 1 (frozen_conv2d_add), ReLU where the attribute says so.
 * Linear likewise, on images too. Never in the table of operators: they have no backward. */
extern const lyc__operator lyc__op_frozen_conv2d, lyc__op_frozen_conv2d_add, lyc__op_frozen_linear;

/* Rows of the operators' tables, `reference` last. In a build without oneDNN its rows take nothing. */
extern const lyc__frozen_kernel lyc__frozen_conv2d_reference, lyc__frozen_linear_reference;
extern const lyc__frozen_kernel lyc__frozen_conv2d_thin;     /* images with one channel, before all others */
extern const lyc__frozen_kernel lyc__frozen_conv2d_winograd; /* 3 x 3, before oneDNN's */
extern const lyc__frozen_kernel lyc__frozen_conv2d_onednn, lyc__frozen_linear_onednn;

/* What the three operators do: what their node's kernel does. */
void lyc__frozen_forward(const lyc__call *call);
size_t lyc__frozen_scratch(const lyc__node *node, size_t rows);
extern const lyc__preparation lyc__frozen_preparation;

/* LYC_OK, or why this build on this CPU does not compute in bf16. */
lyc_status lyc__frozen_check_bf16(lyc_error *err);

/* Whether a conv2d can take a sum along, with every kernel. */
bool lyc__frozen_adds(const lyc__node *conv2d);

/* ---- the rewrite ------------------------------------------------------------------------------------ */

/* Where a node's parameters come from: nodes of the graph that was frozen. */
typedef struct lyc__origin {
    int layer;
    int norm; /* batch norm folded into it; -1 = none */
} lyc__origin;

/* *out is a graph with the same logits in inference; *origins [nodes] says where its parameters come from.
 * Both are the caller's (lyc__graph_destroy, lyc_free). */
lyc_status lyc__freeze(lyc__graph **out, lyc__origin **origins, const lyc__graph *source,
                       lyc_precision precision, lyc_error *err);

/* Fills the parameters of node `index` of a frozen graph. */
void lyc__fold(const lyc__graph *frozen, int index, const lyc__origin *origin, const lyc__graph *source,
               const float *from, float *params);

struct lyc_frozen {
    const lyc_network *source;
    lyc_network *net; /* of the rewritten graph */
    lyc_precision precision;
    size_t max_rows, shard_rows;
    lyc__origin *origins; /* [nodes] */
    float *params;        /* [lyc_network_size(net)] folded */
};

#endif

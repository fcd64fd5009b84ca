/* Operators: what a node of a network computes. One file an operator, one row of the table each.
 *
 * An operator sees one shard: some rows of the batch, on one thread. It knows nothing of batches, threads
 * and memory: the graph gives it shapes, the plan gives it memory, the workspace runs it. Conventions:
 *   - activations are row-major, images NHWC; a row of a tensor is a sample (a token in packed text, which
 *     is why each tensor carries its own number of rows);
 *   - backward *overwrites* the gradients it is asked for; where a value has several users, the workspace
 *     sums; where a gradient is not wanted, its tensor has no data;
 *   - a function may be called from several threads at once, on different shards.
 */
#ifndef NN_OPERATOR_H
#define NN_OPERATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lyceum/network.h"
#include "nn/vector.h"

enum { LYC__MAX_INPUTS = 4, LYC__MAX_PARAMS = 5 };

/* ---- shapes ----------------------------------------------------------------------------------- */

typedef enum lyc__type { LYC__F32, LYC__I32, LYC__BF16 } lyc__type;

/* Of one row of a value. */
typedef struct lyc__shape {
    lyc__type type;
    int rank; /* 1: [features], 3: [height, width, channels] */
    size_t dims[3];
    size_t flat[3]; /* height, width, channels that a flatten laid end to end; zeros otherwise */
} lyc__shape;

size_t lyc__shape_size(const lyc__shape *shape);  /* elements of a row */
size_t lyc__shape_bytes(const lyc__shape *shape); /* ... and their bytes */
lyc__shape lyc__features(size_t count);
lyc__shape lyc__image(size_t height, size_t width, size_t channels);
lyc__shape lyc__ids(size_t count);

/* ---- nodes ------------------------------------------------------------------------------------ */

/* U(-bound, bound); bound itself; N(0, bound^2) */
typedef enum lyc__law { LYC__LAW_UNIFORM, LYC__LAW_CONSTANT, LYC__LAW_NORMAL } lyc__law;

typedef struct lyc__param {
    const char *suffix; /* "weight": the file's name is "<node>.weight" */
    int rank;           /* in files */
    int64_t dims[4];
    size_t size;
    size_t offset; /* in the parameter block; set by the graph: what trains first, state behind it */
    lyc__law law;
    double bound;
    struct {
        size_t first, count;
    } blank; /* floats that start as zeros all the same */
    bool decays;
    bool state; /* running statistics: moved by forward in training, never by an optimiser */
    /* Files hold [outer, channels, height, width], the block [height, width, channels, outer]. */
    struct {
        size_t outer, channels, height, width;
    } layout;
} lyc__param;

typedef struct lyc__attributes {
    size_t outputs;                          /* features or channels to produce */
    size_t kernel[2], stride[2], padding[2]; /* vertical, horizontal */
    size_t dilation[2];                      /* steps between the kernel's pixels; 0 = 1 */
    size_t groups;                           /* of channels that do not mix; 0 = 1 */
    bool without_bias;
    size_t entries; /* of an embedding's table */
    bool pads;      /* one of them, `padding_id`, stands for nothing */
    int32_t padding_id;
    bool approximate; /* GELU by tanh */
    double rate;      /* of dropout; slope of LeakyReLU */
    double temperature;
    double momentum, epsilon; /* of normalisations */
    bool relu;                /* of batch norms and frozen layers: ends with a ReLU */
    bool narrow;              /* of frozen layers: writes bf16 */
} lyc__attributes;

typedef struct lyc__operator lyc__operator;

typedef struct lyc__node {
    const lyc__operator *op;
    const char *name; /* "fc1" */
    lyc__attributes attributes;
    int input_count;
    int inputs[LYC__MAX_INPUTS]; /* values */
    lyc__shape in[LYC__MAX_INPUTS], out;
    lyc__window window; /* of operators that have windows */
    size_t dilation[2]; /* of windows, at least 1; the vector code takes windows without, 1 */
    size_t groups;      /* of a convolution, at least 1 */
    int param_count;
    lyc__param params[LYC__MAX_PARAMS];
    uint32_t stream; /* its place in the graph: which random numbers it draws */
    bool learns;     /* a parameter is here or behind it, so that the gradient of its output matters */
    const struct lyc__frozen_kernel *kernel; /* of a frozen layer (frozen.h) */
    void *packed;                            /* what that made of shapes and weights */
} lyc__node;

/* Called by an operator's `infer` for each of its parameters, in the order of the files. In files rank 0 is
 * one number, rank 1 [outer], rank 2 [outer, channels * height * width], rank 4 all of them. Returns NULL
 * when that is more than memory can address. */
lyc__param *lyc__node_declare(lyc__node *node, const char *suffix, int rank, size_t outer, size_t channels,
                              size_t height, size_t width);

/* Sets node->window from the attributes' kernel, stride, padding and dilation and from input 0; fails when no
 * window fits. */
lyc_status lyc__node_place_window(lyc__node *node, lyc_error *err);

/* Where tap (i, j) of output pixel (p, q) meets the image: false when that is in the border of zeros. */
static inline bool lyc__tap_meets(const lyc__node *node, size_t p, size_t q, size_t i, size_t j,
                                  size_t *pixel) {
    const lyc__window *w = &node->window;
    const size_t y = p * w->stride[0] + i * node->dilation[0], x = q * w->stride[1] + j * node->dilation[1];
    if (y < w->padding[0] || y >= w->height + w->padding[0]) return false;
    if (x < w->padding[1] || x >= w->width + w->padding[1]) return false;
    *pixel = (y - w->padding[0]) * w->width + x - w->padding[1];
    return true;
}

/* ---- running ---------------------------------------------------------------------------------- */

typedef struct lyc__tensor {
    void *data; /* float, or int32_t for LYC__I32 */
    size_t rows;
} lyc__tensor;

/* Keys of random draws: row r of the shard is row first_row + r of the batch. */
typedef struct lyc__draw {
    uint64_t seed;
    uint32_t epoch, step;
    size_t first_row;
} lyc__draw;

typedef struct lyc__call {
    const lyc__node *node;
    lyc_mode mode;
    bool first; /* shard: it alone gives what is known of the whole batch */
    bool relu;  /* forward: apply max(., 0) as well (for LYC__TAKES_RELU) */
    bool onto;  /* forward: add to what `out` holds (of a convolution, on im2col) */
    lyc__tensor in[LYC__MAX_INPUTS], out;
    lyc__tensor d_in[LYC__MAX_INPUTS], d_out;
    const float *param[LYC__MAX_PARAMS];
    float *d_param[LYC__MAX_PARAMS]; /* of this shard; state has none: not to be written */
    void *saved;                     /* from forward to backward */
    float *scratch;                  /* during this call */
    void *prepared;                  /* what op->preparation made for the workspace; NULL = nothing */
    size_t lane;                     /* no two calls at the same time have the same */
    const double *total, *d_total;   /* what a barrier combined over all shards */
    lyc__draw draw;
} lyc__call;

/* The same in double precision, one shard, for gradient checks. Parameters in the block's order. */
typedef struct lyc__reference {
    const lyc__node *node;
    lyc_mode mode;
    size_t rows;
    const double *in[LYC__MAX_INPUTS];
    const double *param[LYC__MAX_PARAMS];
    double *out;
    lyc__draw draw;
} lyc__reference;

/* Work that needs the whole batch: each shard contributes a partial result of `size` doubles, these are
 * combined in one fixed binary tree, and forward (backward) of every shard then sees the total. Training
 * only; in inference a barrier operator works row by row. */
typedef struct lyc__barrier {
    size_t (*size)(const lyc__node *node);
    void (*gather)(const lyc__call *call, double *partial);
    void (*combine)(const lyc__node *node, double *into, const double *from);
    /* May look at call->total, and change the gradient of the output, which backward then sees. */
    void (*gather_backward)(const lyc__call *call, double *partial);
    void (*combine_backward)(const lyc__node *node, double *into, const double *from);
    /* (optional) Moves the state by what forward combined, once a training forward. */
    void (*settle)(const lyc__node *node, const double *total, float *const *param);
} lyc__barrier;

/* What a workspace is going to ask of a node. */
typedef struct lyc__setup {
    const lyc__node *node;
    lyc_mode mode;
    size_t rows;  /* of the largest shard; every smaller number may come too */
    size_t lanes; /* calls that may run at the same time */
    bool relu;    /* call->relu */
    bool d_in;    /* backward will be asked for the gradient of input 0 */
} lyc__setup;

/* Work that is done once a workspace (kernels compiled for the shapes), or once a pass (weights packed for
 * them) rather than once a shard. */
typedef struct lyc__preparation {
    /* Leaves NULL in *out where there is nothing to prepare. */
    lyc_status (*create)(const lyc__setup *setup, void **out, lyc_error *err);
    void (*destroy)(void *prepared);
    size_t (*scratch_floats)(const void *prepared); /* in place of op->scratch_floats */
    size_t (*bytes)(const void *prepared);          /* of memory that it holds */
    /* Before the shards run forward or backward with these parameters; one thread a node. */
    void (*refresh)(void *prepared, const float *const *param, bool backward);
} lyc__preparation;

typedef enum lyc__trait {
    LYC__IN_PLACE = 1,            /* forward may write its output over input 0 */
    LYC__GRADIENT_IN_PLACE = 2,   /* backward may write the gradient of input 0 over that of the output */
    LYC__NEEDS_INPUT = 4,         /* backward reads the inputs */
    LYC__NEEDS_OUTPUT = 8,        /* backward reads the output */
    LYC__IDENTITY = 16,           /* the output is input 0, bit by bit */
    LYC__IDENTITY_INFERRING = 32, /* so in inference */
    LYC__TAKES_RELU = 64,         /* forward can apply a ReLU that follows in the same pass */
    LYC__IN_PLACE_1 = 128,        /* forward may write its output over input 1 */
    LYC__MOVES = 256,             /* forward only moves elements, of whatever type */
    LYC__NEEDS_INPUT_0 = 512,     /* backward reads input 0, and no other */
    LYC__PASSES_GRADIENT = 1024,  /* input 1 has the gradient of the output, as gather_backward leaves it */
    LYC__REMAKES = 2048           /* forward is so cheap that backward has it run again rather than keep the
                                     output; it reads nothing but input 0, which backward needs too */
} lyc__trait;

struct lyc__operator {
    const char *name; /* "linear" */
    const char *doc;
    int inputs;
    int most_inputs;    /* (optional) where it takes more than `inputs` */
    unsigned constants; /* bit i: backward takes input i for a constant */
    unsigned ids;       /* bit i: input i is of type LYC__I32; all others are not */
    unsigned traits;
    /* Checks attributes and input shapes, sets the output's shape, declares parameters. Messages do not
     * name the node: the graph puts that in front. */
    lyc_status (*infer)(lyc__node *node, lyc_error *err);
    void (*forward)(const lyc__call *call);
    void (*backward)(const lyc__call *call);
    void (*reference)(const lyc__reference *call);
    double (*flops)(const lyc__node *node);                       /* (optional) forward, one row */
    size_t (*saved_bytes)(const lyc__node *node, size_t rows);    /* (optional) */
    size_t (*scratch_floats)(const lyc__node *node, size_t rows); /* (optional) */
    const lyc__barrier *barrier;                                  /* (optional) */
    const lyc__preparation *preparation;                          /* (optional) */
};

/* The table; NULL past the end. */
const lyc__operator *lyc__operator_at(size_t index);

extern const lyc__operator lyc__op_linear, lyc__op_conv2d, lyc__op_relu, lyc__op_max_pool, lyc__op_dropout,
    lyc__op_flatten, lyc__op_add, lyc__op_batch_norm, lyc__op_batch_norm_add, lyc__op_tanh, lyc__op_sigmoid,
    lyc__op_leaky_relu, lyc__op_gelu, lyc__op_softmax, lyc__op_avg_pool, lyc__op_subsample,
    lyc__op_cross_entropy, lyc__op_kl, lyc__op_layer_norm, lyc__op_concatenate, lyc__op_embedding,
    lyc__op_conv2d_pool;

#endif

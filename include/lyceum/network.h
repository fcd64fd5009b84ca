/* Networks: an immutable architecture, parameters in one contiguous block, and workspaces that hold
 * the activations of one user of it. The engine's unit is the shard (docs/architecture.md).
 *
 *     lyc_network *net;  lyc_network_create(&net, &spec, &err);
 *     float *params = ...lyc_network_size(net)...;  lyc_network_init(net, seed, params);
 *     lyc_workspace *ws; lyc_workspace_create(&ws, net, LYC_MODE_TRAIN, 128, &err);
 *     lyc_workspace_forward(ws, params, &pass, pool);          // logits [rows, classes]
 *     lyc_workspace_backward(ws, params, gradient, fn, payload, pool);
 *
 * A network is read-only after creation and shared freely; a workspace serves one caller at a time.
 */
#ifndef LYCEUM_NETWORK_H
#define LYCEUM_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lyceum/error.h"
#include "lyceum/pool.h"

LYC_BEGIN_DECLS

#define LYC_MAX_HIDDEN 16
#define LYC_MAX_BLOCKS 32

/* How a residual path changes its shape: every second pixel and channels of zeros, or a 1 x 1 convolution with
 * batch norm. */
typedef enum lyc_shortcut { LYC_SHORTCUT_PAD, LYC_SHORTCUT_PROJECT } lyc_shortcut;

/* Convolution with a border of kernel / 2, batch norm, ReLU, max pooling, dropout. */
typedef struct lyc_block {
    int channels;
    int kernel;      /* odd */
    int stride;
    bool batch_norm; /* the convolution then has no bias */
    int pool;        /* side of the pooling window; 1 = none */
    double dropout;  /* in [0, 1) */
} lyc_block;

typedef struct lyc_network_spec {
    const char *arch;           /* a row of the table of architectures: "mlp", "lenet5", "resnet", "convnet" */
    int channels, height, width;
    int classes;
    int hidden[LYC_MAX_HIDDEN]; /* mlp: widths of the hidden layers; hidden_count 0 = the arch's default */
    int hidden_count;
    double dropout;             /* in [0, 1), after each hidden fully connected layer (resnet, convnet: before
                                   the only one); 0 = none */
    int depth;                  /* resnet: 6 n + 2 layers; 0 = the default */
    lyc_shortcut shortcut;      /* resnet */
    lyc_block blocks[LYC_MAX_BLOCKS]; /* convnet; block_count 0 = the default */
    size_t block_count;
} lyc_network_spec;

typedef struct lyc_network lyc_network;

LYC_API LYC_MUST_USE lyc_status lyc_network_create(lyc_network **out, const lyc_network_spec *spec, lyc_error *err);
LYC_API void lyc_network_destroy(lyc_network *net);
LYC_API const lyc_network_spec *lyc_network_get_spec(const lyc_network *net);

/* Table of architectures: name and one-line description; NULL past the end. */
LYC_API const char *lyc_network_arch_name(size_t index);
LYC_API const char *lyc_network_arch_doc(size_t index);

/* Parameters. `size` counts floats of the block: what trains, `trainable` floats of it, comes first, then the
 * state that training moves by itself (running statistics of batch norm; counters as floats). The block holds Lyceum's own order (linear layers that
 * follow a flatten have their columns in HWC order), files hold PyTorch's: use export and import. */
typedef struct lyc_parameter {
    const char *name;   /* as PyTorch names it: "fc1.weight" */
    int rank;           /* 0: one number */
    int64_t dims[4];    /* as in the file: linear [out, in], convolution OIHW */
    size_t offset;      /* first float in the block */
    size_t size;
    int decays;         /* 0 for biases, norms and state */
    int trains;         /* 0 for state, which optimisers leave alone */
} lyc_parameter;
LYC_API size_t lyc_network_size(const lyc_network *net);
LYC_API size_t lyc_network_trainable(const lyc_network *net);
LYC_API size_t lyc_network_parameter_count(const lyc_network *net);
LYC_API const lyc_parameter *lyc_network_parameter(const lyc_network *net, size_t index);
LYC_API void lyc_network_export(const lyc_network *net, size_t index, const float *block, float *file_order);
LYC_API void lyc_network_import(const lyc_network *net, size_t index, const float *file_order, float *block);
/* PyTorch's default initialisation of each layer, drawn with Philox (same law, not the same numbers). */
LYC_API void lyc_network_init(const lyc_network *net, uint64_t seed, float *block);

/* Multiply-adds x 2 of one row: forward, and forward + backward. */
LYC_API double lyc_network_flops_forward(const lyc_network *net);
LYC_API double lyc_network_flops_train(const lyc_network *net);

/* ---- workspaces -------------------------------------------------------------------------------- */

typedef enum lyc_mode { LYC_MODE_TRAIN, LYC_MODE_INFER } lyc_mode;
typedef struct lyc_workspace lyc_workspace;

/* Rows of a shard: a function of the network, the mode and the number of rows of the batch, never of
 * threads. Stored in checkpoints and banks. */
LYC_API size_t lyc_shard_rows(const lyc_network *net, lyc_mode mode, size_t batch_rows);

/* LYC_EMISMATCH when one of `count` ids is not one that the network has an entry for: tokenizer and network do not
 * belong together. To be called where ids enter, once; what runs the network does not look at each of them
 * again (an id that it does not know turns into NaN there). Networks of images take no ids: LYC_EMISMATCH. */
LYC_API LYC_MUST_USE lyc_status lyc_network_check_ids(const lyc_network *net, const int32_t *ids, size_t count,
                                                      lyc_error *err);

/* Writes the input of rows [first, first + rows) of the batch, NHWC, into `out` (for a network of ids: int32_t);
 * called once per shard, on the thread that will use it. */
typedef void (*lyc_input_fn)(void *payload, size_t first, size_t rows, float *out);

typedef struct lyc_pass {
    size_t rows;        /* 1 .. max_rows of the workspace */
    lyc_input_fn input;
    void *input_payload;
    uint64_t seed;      /* dropout (training mode only) is keyed by seed, epoch, step, row in batch */
    uint32_t epoch, step;
    lyc_priority priority;
} lyc_pass;

LYC_API LYC_MUST_USE lyc_status lyc_workspace_create(lyc_workspace **out, const lyc_network *net, lyc_mode mode,
                                                     size_t max_rows, lyc_error *err);
LYC_API void lyc_workspace_destroy(lyc_workspace *workspace);
LYC_API size_t lyc_workspace_bytes(const lyc_workspace *workspace);

/* Runs the network on a batch; afterwards `lyc_workspace_logits` is [rows, classes], borrowed until the
 * next forward. In training the state in `params` (running statistics) moves, once a call; in inference
 * `params` is only read, and may be shared. pool may be NULL. Allocates nothing. */
LYC_API void lyc_workspace_forward(lyc_workspace *workspace, float *params, const lyc_pass *pass, lyc_pool *pool);
LYC_API const float *lyc_workspace_logits(const lyc_workspace *workspace);

/* Gradient of the loss in the logits of rows [first, first + rows): fills grad[rows, classes]. Shard index
 * `shard` lets the callee keep partial sums of losses to combine in a fixed order. */
typedef void (*lyc_logit_gradient_fn)(void *payload, size_t shard, size_t first, size_t rows, const float *logits,
                                      float *gradient);

/* After a training-mode forward: the gradient of the whole batch, summed over shards in a fixed binary
 * tree, overwrites gradient[lyc_network_size]; that of state is 0. */
LYC_API void lyc_workspace_backward(lyc_workspace *workspace, const float *params, float *gradient,
                                    lyc_logit_gradient_fn fn, void *payload, lyc_pool *pool);

/* ---- frozen networks --------------------------------------------------------------------------- */

/* A network whose parameters stay, rewritten for inference: batch norm folded into the layer in front (in double
 * precision, rounded once), bias, residual sum and ReLU in one pass with their layer, no dropout, weights packed
 * for the kernels. In f32 its logits are those of an inference workspace up to rounding.
 *
 *     lyc_frozen *frozen;  lyc_frozen_create(&frozen, net, params, LYC_PRECISION_F32, 256, &err);
 *     lyc_workspace *ws;   lyc_workspace_create_frozen(&ws, frozen, &err);
 *     lyc_workspace_forward(ws, NULL, &pass, pool);           // up to 256 rows, as with any workspace
 *
 * Batches of any size are cut into shards of lyc_frozen_shard_rows(net) rows, and what the last one lacks is made up
 * for: a row's logits depend neither on how many rows are asked for nor on what the others hold. bf16: values between layers and products in bfloat16, sums in f32; on oneDNN and AVX-512 only
 * (emulated on CPUs without AVX512_BF16: correct, but slower than f32). */
typedef enum lyc_precision { LYC_PRECISION_F32, LYC_PRECISION_BF16 } lyc_precision;
/* "f32" and "bf16"; LYC_ECONFIG for another name, which lists them. */
LYC_API const char *lyc_precision_name(lyc_precision precision);
LYC_API LYC_MUST_USE lyc_status lyc_precision_named(lyc_precision *out, const char *name, lyc_error *err);

/* A function of the network alone. */
LYC_API size_t lyc_frozen_shard_rows(const lyc_network *net);

typedef struct lyc_frozen lyc_frozen;
/* The network must outlive it; `params` is only read during the call. Read-only afterwards and shared freely.
 * LYC_EENVIRONMENT: this build or CPU does not compute in bf16. */
LYC_API LYC_MUST_USE lyc_status lyc_frozen_create(lyc_frozen **out, const lyc_network *net, const float *params,
                                                  lyc_precision precision, size_t max_rows, lyc_error *err);
LYC_API void lyc_frozen_destroy(lyc_frozen *frozen); /* NULL is fine; its workspaces go first */
/* As though created with these parameters; for networks that are still learning. None of its workspaces may run
 * meanwhile. Allocates nothing. */
LYC_API void lyc_frozen_update(lyc_frozen *frozen, const float *params);
LYC_API LYC_MUST_USE lyc_status lyc_workspace_create_frozen(lyc_workspace **out, const lyc_frozen *frozen,
                                                            lyc_error *err);

/* How far logits[rows, classes] lie from exact[rows, classes]. */
typedef struct lyc_logit_error {
    size_t rows;
    double largest, mean; /* of the absolute differences of all logits */
    double changed;       /* share of rows whose largest logit is another class */
} lyc_logit_error;
LYC_API void lyc_logit_error_measure(lyc_logit_error *out, const float *logits, const float *exact, size_t rows,
                                     size_t classes);

/* ---- optimisers -------------------------------------------------------------------------------- */

/* Which parameters shrink: all, as PyTorch has it, or all but biases and norms (lyc_parameter.decays). */
typedef enum lyc_decay { LYC_DECAY_ALL, LYC_DECAY_WEIGHTS } lyc_decay;

typedef struct lyc_optimizer_options {
    const char *kind; /* "sgd", "adam", "adamw" */
    double momentum, beta1, beta2, epsilon, weight_decay; /* PyTorch's meaning of each */
    bool nesterov;    /* sgd with momentum only */
    lyc_decay decay;
    double clip_norm; /* bound on the norm of the whole gradient (torch.nn.utils.clip_grad_norm_); 0 = none */
} lyc_optimizer_options;

typedef struct lyc_optimizer lyc_optimizer;
LYC_API LYC_MUST_USE lyc_status lyc_optimizer_create(lyc_optimizer **out, const lyc_network *net,
                                                     const lyc_optimizer_options *options, lyc_error *err);
LYC_API void lyc_optimizer_destroy(lyc_optimizer *optimizer);
/* One update of params[] with gradient[], which is finite; lr is the scheduled rate. Bit-identical for any
 * pool. Allocates nothing. */
LYC_API void lyc_optimizer_step(lyc_optimizer *optimizer, float *params, const float *gradient, double lr,
                                lyc_priority priority, lyc_pool *pool);
/* Divides direction[lyc_network_trainable] by what the last update divided the gradient by: sqrt(v) + epsilon,
 * bias-corrected, for Adam; nothing for SGD, and before the first update. */
LYC_API void lyc_optimizer_precondition(const lyc_optimizer *optimizer, float *direction);
/* Euclidean norm of the gradient of the last update, before clipping; NAN without clip_norm, which does not
 * measure it, and before the first update. */
LYC_API double lyc_optimizer_gradient_norm(const lyc_optimizer *optimizer);
/* The state that a checkpoint or a clone needs: `moments` floats (count multiples of the network size) and
 * the number of steps taken. */
LYC_API float *lyc_optimizer_moments(lyc_optimizer *optimizer, size_t *count);
LYC_API uint64_t lyc_optimizer_steps(const lyc_optimizer *optimizer);
LYC_API void lyc_optimizer_set_steps(lyc_optimizer *optimizer, uint64_t steps);
/* dst becomes a copy of src (same network, same options). */
LYC_API void lyc_optimizer_copy(lyc_optimizer *dst, const lyc_optimizer *src);

/* Table of optimisers: name and one-line description; NULL past the end. */
LYC_API const char *lyc_optimizer_name(size_t index);
LYC_API const char *lyc_optimizer_doc(size_t index);

/* Table of schedules, likewise. */
LYC_API const char *lyc_schedule_name(size_t index);
LYC_API const char *lyc_schedule_doc(size_t index);
typedef struct lyc_schedule_options {
    const char *kind;
    double warmup;       /* share of the steps in which the rate rises linearly first, 0..1 */
    double final;        /* cosine, linear: share of the rate that it falls towards, 0..1 */
    double *milestones;  /* step: shares of all steps, ascending, in (0, 1), none in the warm-up; borrowed */
    size_t milestone_count;
    double gamma;        /* step: what the rate is multiplied by at each milestone, in (0, 1] */
} lyc_schedule_options;
/* LYC_ECONFIG names the key at fault. */
LYC_API LYC_MUST_USE lyc_status lyc_schedule_check(const lyc_schedule_options *options, lyc_error *err);
/* Factor in (0,1] of step `step` (0-based) of `total`, with linear warm-up over the first floor(warmup * total)
 * steps. Without warm-up they are PyTorch's CosineAnnealingLR and LinearLR over `total` steps, with eta_min and
 * end_factor `final`, and MultiStepLR with milestones round(milestone * total). NAN for a kind that is not in the
 * table; else options that lyc_schedule_check accepts. */
LYC_API double lyc_schedule_factor(const lyc_schedule_options *options, uint64_t step, uint64_t total);

/* ---- elementary losses on logits (rows of the operator table, kernels exposed) ------------------- */

/* out[rows, classes] = softmax(logits / temperature), max-subtracted. in == out is fine. */
LYC_API void lyc_softmax(const float *logits, float temperature, size_t rows, size_t classes, float *out);
LYC_API void lyc_log_softmax(const float *logits, float temperature, size_t rows, size_t classes, float *out);
/* Cross-entropy at T = 1 of each row against its label; rows with label -1 give 0. */
LYC_API void lyc_cross_entropy(const float *logits, const int32_t *labels, size_t rows, size_t classes, float *out);

/* The same losses together with their gradients, in one pass over the logits. loss[row] (may be NULL) is
 * overwritten with the unweighted loss of each row; weight times its gradient in the logits is *added* to
 * gradient[rows, classes].
 *   cross-entropy: log sum exp(s) - s[label]; nothing for rows with label -1
 *   KL:            T^2 * sum_c p (log p - log q), q = softmax(s / T), p = targets[rows, classes], each row of
 *                  which sums to 1 (0 log 0 = 0); its gradient is T (q - p) (Hinton, Vinyals, Dean 2015) */
LYC_API void lyc_cross_entropy_gradient(const float *logits, const int32_t *labels, float weight, size_t rows,
                                        size_t classes, float *loss, float *gradient);
LYC_API void lyc_kl_gradient(const float *logits, const float *targets, float temperature, float weight, size_t rows,
                             size_t classes, float *loss, float *gradient);

LYC_END_DECLS

#endif

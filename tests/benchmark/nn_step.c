/* Times one training step (forward, cross-entropy, backward, update) of one network with 1 and 2 threads, and
 * the kernels in it alone: the same matrix products and convolutions on the same memory, back to back. The
 * two are measured in turn, so that both meet the same machine. nn_step.py runs it beside PyTorch.
 *
 *     benchmark-nn_step NETWORK [SECONDS]      one of those in `cases`; seconds in all, 8 unless told
 *
 * Prints "key value" lines: core, kernels, gflop (of a step), and for each number of threads "step" and
 * "bare" (microseconds); "allocations" (of a steady step, the libraries' and ours), "memory" (MiB at the
 * most). */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lyceum/blas.h"
#include "lyceum/log.h"
#include "lyceum/memory.h"
#include "nn/blas.h"
#include "nn/convolution.h"
#include "nn/network.h"
#include "nn/workspace.h"

enum { ROUNDS = 12, MOST_THREADS = 2, COUNTED_STEPS = 10 };

static void give_up(const lyc_error *err) {
    (void)fprintf(stderr, "%s\n", err->message);
    exit(1);
}

static void *block(size_t count, size_t size) {
    void *memory = lyc_calloc(count, size);
    if (memory == NULL) exit(1);
    return memory;
}

/* ---- every allocation of the process, ours and the libraries' -------------------------------------- */

#if !defined(__GLIBC__)
#error "allocations are counted by way of glibc's names"
#endif
#pragma GCC visibility push(default) /* else libraries would not call these */

static atomic_size_t allocations;

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static void count_one(void) {
    atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
}
void *malloc(size_t size) {
    count_one();
    return __libc_malloc(size);
}
void *calloc(size_t count, size_t size) {
    count_one();
    return __libc_calloc(count, size);
}
void *realloc(void *old, size_t size) {
    count_one();
    return __libc_realloc(old, size);
}
void *aligned_alloc(size_t alignment, size_t size) {
    count_one();
    return __libc_memalign(alignment, size);
}
void *memalign(size_t alignment, size_t size) {
    count_one();
    return __libc_memalign(alignment, size);
}
int posix_memalign(void **out, size_t alignment, size_t size) {
    count_one();
    *out = __libc_memalign(alignment, size);
    return *out == NULL ? ENOMEM : 0;
}

#pragma GCC visibility pop

/* ---- the step --------------------------------------------------------------------------------- */

typedef struct trainer {
    lyc_network *net;
    lyc_workspace *workspace;
    lyc_optimizer *optimizer;
    lyc_pool *pool;
    size_t rows, row_size;
    float *images, *params, *gradient;
    int32_t *labels;
} trainer;

static void give_images(void *payload, size_t first, size_t rows, float *out) {
    const trainer *t = payload;
    memcpy(out, t->images + first * t->row_size, rows * t->row_size * sizeof *out);
}

static void give_gradient(void *payload, size_t shard, size_t first, size_t rows, const float *logits,
                          float *gradient) {
    (void)shard;
    const trainer *t = payload;
    memset(gradient, 0, rows * 10 * sizeof *gradient);
    lyc_cross_entropy_gradient(logits, t->labels + first, 1.0F / (float)t->rows, rows, 10, NULL, gradient);
}

static void train_step(trainer *t) {
    const lyc_pass pass = {.rows = t->rows, .input = give_images, .input_payload = t};
    lyc_workspace_forward(t->workspace, t->params, &pass, t->pool);
    lyc_workspace_backward(t->workspace, t->params, t->gradient, give_gradient, t, t->pool);
    lyc_optimizer_step(t->optimizer, t->params, t->gradient, 1e-3, LYC_PRIORITY_STUDENT, t->pool);
}

static void open_trainer(trainer *t, const lyc_network_spec *spec, size_t rows, int threads) {
    lyc_error err = {0};
    const lyc_optimizer_options adam = {.kind = "adam", .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
    *t = (trainer){.rows = rows, .row_size = (size_t)(spec->channels * spec->height * spec->width)};
    if (lyc_network_create(&t->net, spec, &err) != LYC_OK ||
        lyc_workspace_create(&t->workspace, t->net, LYC_MODE_TRAIN, rows, &err) != LYC_OK ||
        lyc_optimizer_create(&t->optimizer, t->net, &adam, &err) != LYC_OK ||
        lyc_pool_create(&t->pool, threads, &err) != LYC_OK)
        give_up(&err);
    t->images = block(rows * t->row_size, sizeof(float));
    t->params = block(lyc_network_size(t->net), sizeof(float));
    t->gradient = block(lyc_network_size(t->net), sizeof(float));
    t->labels = block(rows, sizeof(int32_t));
    for (size_t i = 0; i < rows * t->row_size; i++) t->images[i] = (float)(i * 7919 % 1000) / 500 - 1;
    for (size_t i = 0; i < rows; i++) t->labels[i] = (int32_t)(i % 10);
    lyc_network_init(t->net, 1, t->params);
}

static void close_trainer(trainer *t) {
    lyc_workspace_destroy(t->workspace);
    lyc_optimizer_destroy(t->optimizer);
    lyc_pool_destroy(t->pool);
    lyc_network_destroy(t->net);
    lyc_free(t->images);
    lyc_free(t->params);
    lyc_free(t->gradient);
    lyc_free(t->labels);
}

/* ---- its kernels alone ------------------------------------------------------------------------- */

/* The program of a step without all that is no matrix product or convolution: the same calls in the same
 * order with the same operands in the same memory. */
typedef struct kernels {
    const trainer *t;
    size_t rows, shards;         /* of a shard; how many */
    size_t patches;              /* floats that one image's patches want at the most */
    float *memory[MOST_THREADS]; /* two times as much */
    const lyc__segment *segment; /* the one that runs */
    bool backward;
} kernels;

/* One layer of one shard. */
typedef struct layer {
    const lyc__node *node;
    lyc__call call;
    bool backward;
    float *patches, *other; /* of images, for convolutions by way of products */
} layer;

static void *locate(const kernels *k, lyc__slot slot, size_t shard, int lane) {
    const lyc_workspace *workspace = k->t->workspace;
    if (slot.place == LYC__IN_SHARD)
        return workspace->shards + shard * workspace->plan->shard_bytes + slot.offset;
    if (slot.place == LYC__IN_LANE)
        return workspace->lanes + (size_t)lane * workspace->plan->lane_bytes + slot.offset;
    return slot.place == LYC__IN_LOGITS ? workspace->logits + shard * k->rows * workspace->classes : NULL;
}

static layer enter(const kernels *k, int index, size_t shard, int slot) {
    const lyc_workspace *workspace = k->t->workspace;
    const lyc__plan *plan = workspace->plan;
    const lyc__node *node = &plan->graph->nodes[index];
    layer l = {.node = node,
               .backward = k->backward,
               .patches = k->memory[slot],
               .other = k->memory[slot] + k->patches};
    l.call = (lyc__call){
        .node = node,
        .relu = plan->nodes[index].relu,
        .in = {{locate(k, plan->values[node->inputs[0]], shard, slot), k->rows}},
        .out = {locate(k, plan->values[index + 1], shard, slot), k->rows},
        .d_in = {{locate(k, plan->nodes[index].d_in[0], shard, slot), k->rows}},
        .d_out = {locate(k, plan->gradients[index + 1], shard, slot), k->rows},
        .saved = locate(k, plan->nodes[index].saved, shard, slot),
        .scratch = (float *)(void *)(workspace->lanes + (size_t)slot * plan->lane_bytes + plan->scratch),
        .prepared = plan->nodes[index].prepared,
        .lane = (size_t)slot};
    for (int i = 0; i < node->param_count; i++) {
        l.call.param[i] = k->t->params + node->params[i].offset;
        l.call.d_param[i] =
            (workspace->gradients != NULL ? workspace->gradients + shard * lyc_network_trainable(k->t->net)
                                          : k->t->gradient) +
            node->params[i].offset;
    }
    return l;
}

/* The products of a layer [m, k] [k, n]: forward; gradients of the weights and of the input. */
static void run_products(const layer *l, size_t m, size_t n, size_t k, const float *in, float *out,
                         const float *d_out, float *d_in, bool planar) {
    const lyc__matrix weights = {l->call.param[0], n, false};
    if (!l->backward) {
        lyc__gemm(m, n, k, (lyc__matrix){in, planar ? m : k, planar}, weights, out, false);
        return;
    }
    lyc__gemm(k, n, m, (lyc__matrix){in, planar ? m : k, !planar}, (lyc__matrix){d_out, n, false},
              l->call.d_param[0], false);
    if (d_in != NULL)
        lyc__gemm(m, k, n, (lyc__matrix){d_out, n, false}, (lyc__matrix){weights.data, n, true}, d_in, false);
}

static void run_linear(const layer *l) {
    run_products(l, l->call.in[0].rows, l->node->out.dims[0], l->node->in[0].dims[0], l->call.in[0].data,
                 l->call.out.data, l->call.d_out.data, l->call.d_in[0].data, false);
}

/* Convolutions that have no kernel of their own: the products over the patches, image by image. */
static void run_patches(const layer *l) {
    const lyc__window *w = &l->node->window;
    const size_t pixels = w->out_height * w->out_width, n = l->node->out.dims[2];
    float *out = l->call.out.data;
    const float *d_out = l->call.d_out.data;
    for (size_t row = 0; row < l->call.in[0].rows; row++)
        run_products(l, pixels, n, w->kernel[0] * w->kernel[1] * w->channels, l->patches,
                     l->backward ? NULL : out + row * pixels * n,
                     l->backward ? d_out + row * pixels * n : NULL,
                     l->call.d_in[0].data != NULL ? l->other : NULL, w->channels <= 4);
}

static void run_shard(void *payload, size_t shard, int slot) {
    const kernels *k = payload;
    const lyc__plan *plan = k->t->workspace->plan;
    const lyc__program *program = k->backward ? &plan->backward : &plan->forward;
    for (int i = 0; i < k->segment->count; i++) {
        const lyc__step step = program->steps[k->segment->first + i];
        const lyc__node *node = &plan->graph->nodes[step.node];
        const bool pools = node->op == &lyc__op_conv2d_pool;
        if (node->op != &lyc__op_linear && node->op != &lyc__op_conv2d && !pools) continue;
        const layer l = enter(k, step.node, shard, slot);
        if (node->op == &lyc__op_linear) run_linear(&l);
        else if (l.call.prepared == NULL && !pools) run_patches(&l);
        else if (k->backward) node->op->backward(&l.call);
        else node->op->forward(&l.call);
    }
}

static void run_kernels(kernels *k) {
    const lyc__plan *plan = k->t->workspace->plan;
    for (int pass = 0; pass < 2; pass++) {
        k->backward = pass == 1;
        const lyc__program *program = k->backward ? &plan->backward : &plan->forward;
        for (int i = 0; i < program->segment_count; i++) {
            k->segment = &program->segments[i];
            lyc_pool_run(k->t->pool, LYC_PRIORITY_STUDENT, k->shards, run_shard, k);
        }
    }
}

static void open_kernels(kernels *k, const trainer *t) {
    *k = (kernels){.t = t, .rows = lyc_shard_rows(t->net, LYC_MODE_TRAIN, t->rows), .patches = 1};
    k->shards = (t->rows + k->rows - 1) / k->rows;
    const lyc__graph *graph = t->workspace->plan->graph;
    for (int i = 0; i < graph->node_count; i++) {
        const lyc__window *w = &graph->nodes[i].window;
        const size_t patches = w->out_height * w->out_width * w->kernel[0] * w->kernel[1] * w->channels;
        if (patches > k->patches) k->patches = patches;
    }
    for (int i = 0; i < MOST_THREADS; i++) k->memory[i] = block(2 * k->patches, sizeof(float));
}

static void close_kernels(kernels *k) {
    for (int i = 0; i < MOST_THREADS; i++) lyc_free(k->memory[i]);
}

/* ---- measuring --------------------------------------------------------------------------------- */

/* Steps and their kernels in turn for about so long; the least seconds of each over all windows, since what
 * disturbs a measurement only ever adds. The kernels find in memory what the step left there: run again and
 * again by themselves they would soon multiply denormal numbers, which takes long. */
static void time_window(trainer *t, kernels *k, double length, double *step, double *bare) {
    double spent[2] = {0, 0};
    size_t runs = 0;
    for (; runs == 0 || spent[0] + spent[1] < length; runs++) {
        const double start = lyc_seconds();
        train_step(t);
        const double between = lyc_seconds();
        run_kernels(k);
        spent[0] += between - start;
        spent[1] += lyc_seconds() - between;
    }
    if (spent[0] / (double)runs < *step) *step = spent[0] / (double)runs;
    if (spent[1] / (double)runs < *bare) *bare = spent[1] / (double)runs;
}

static size_t peak_mebibytes(void) {
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    size_t kilobytes = 0;
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "VmHWM:", 6) == 0) kilobytes = strtoul(line + 6, NULL, 10);
    if (file != NULL) (void)fclose(file);
    return kilobytes / 1024;
}

static void report_memory(trainer *t) {
    train_step(t);
    train_step(t);
    const size_t before = atomic_load(&allocations);
    for (int i = 0; i < COUNTED_STEPS; i++) train_step(t);
    printf("allocations %.1f\n", (double)(atomic_load(&allocations) - before) / COUNTED_STEPS);
    printf("memory %zu\n", peak_mebibytes());
}

static void measure(const lyc_network_spec *spec, size_t rows, double seconds) {
    trainer trainers[MOST_THREADS];
    kernels bare[MOST_THREADS];
    double step_least[MOST_THREADS], bare_least[MOST_THREADS];
    for (int i = 0; i < MOST_THREADS; i++) {
        open_trainer(&trainers[i], spec, rows, i + 1);
        if (i == 0) report_memory(&trainers[0]);
        train_step(&trainers[i]);
        open_kernels(&bare[i], &trainers[i]);
        step_least[i] = bare_least[i] = 1e9;
    }
    const double length = seconds / (MOST_THREADS * ROUNDS);
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < MOST_THREADS; i++)
            time_window(&trainers[i], &bare[i], length, &step_least[i], &bare_least[i]);
    printf("gflop %.9f\n", (double)rows * lyc_network_flops_train(trainers[0].net) * 1e-9);
    for (int i = 0; i < MOST_THREADS; i++) {
        printf("step%d %.2f\nbare%d %.2f\n", i + 1, step_least[i] * 1e6, i + 1, bare_least[i] * 1e6);
        close_kernels(&bare[i]);
        close_trainer(&trainers[i]);
    }
}

typedef struct experiment {
    const char *name;
    lyc_network_spec spec;
    size_t rows;
} experiment;

#define IMAGES(c, side) .channels = (c), .height = (side), .width = (side), .classes = 10

static const experiment cases[] = {
    {"mlp-64-128-10", {.arch = "mlp", IMAGES(1, 8), .hidden = {128}, .hidden_count = 1}, 64},
    {"mlp-784-64-10", {.arch = "mlp", IMAGES(1, 28), .hidden = {64}, .hidden_count = 1}, 128},
    {"lenet5", {.arch = "lenet5", IMAGES(1, 28)}, 128},
    {"resnet20", {.arch = "resnet", IMAGES(3, 32), .depth = 20}, 128},
};

int main(int count, char **arguments) {
    const double seconds = count > 2 ? strtod(arguments[2], NULL) : 8;
    lyc_error err = {0};
    if (lyc_blas_check(&err) != LYC_OK) give_up(&err);
    for (size_t i = 0; count > 1 && i < sizeof cases / sizeof *cases; i++)
        if (strcmp(cases[i].name, arguments[1]) == 0) {
            printf("core %s\nkernels %s\n", lyc_blas_core(), lyc_kernels());
            measure(&cases[i].spec, cases[i].rows, seconds);
            return 0;
        }
    (void)fprintf(stderr, "usage: benchmark-nn_step NETWORK [SECONDS]; networks:");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) (void)fprintf(stderr, " %s", cases[i].name);
    (void)fprintf(stderr, "\n");
    return 2;
}

/* Times one training step (forward, cross-entropy, backward, update) of one network with 1 and 2 threads, and
 * the kernels in it alone: the same matrix products and convolutions, on shards of the same size, back to
 * back. The two are measured in turn, so that both meet the same machine. nn_step.py runs it beside PyTorch.
 *
 *     benchmark-nn_step NETWORK [SECONDS]      one of those in `cases`; seconds in all, 8 unless told
 *
 * Prints "key value" lines: core, floor (GFLOP of a step), and for each number of threads "step" and "bare"
 * (microseconds); "allocations" (of a steady step, the libraries' and ours), "memory" (MiB at the most). */
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

static void train_step(void *payload) {
    trainer *t = payload;
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

/* One thread's operands: large enough for any layer's shard. */
typedef struct operands {
    float *in, *out, *d_in, *d_out, *d_param[2], *scratch;
} operands;

typedef struct kernels {
    const trainer *t;
    size_t rows, shards; /* of a shard; how many */
    operands of[MOST_THREADS];
} kernels;

static void multiply(const operands *o, size_t m, size_t n, size_t k, bool transpose_a, bool transpose_b,
                     float *c) {
    lyc__gemm(m, n, k, (lyc__matrix){o->in, transpose_a ? m : k, transpose_a},
              (lyc__matrix){o->d_out, transpose_b ? k : n, transpose_b}, c, false);
}

/* Forward, gradient of the weights, gradient of the input: the products of a layer. */
static void run_products(const operands *o, size_t m, size_t n, size_t k, bool planar, bool learns) {
    multiply(o, m, n, k, planar, false, o->out);
    multiply(o, k, n, m, !planar, false, o->d_param[0]);
    if (learns) multiply(o, m, k, n, false, true, o->d_in);
}

static void run_prepared(const kernels *k, const operands *o, int index, int slot, bool learns) {
    const lyc__plan *plan = k->t->workspace->plan;
    const lyc__node *node = &plan->graph->nodes[index];
    lyc__call call = {.node = node,
                      .relu = plan->nodes[index].relu,
                      .in = {{o->in, k->rows}},
                      .out = {o->out, k->rows},
                      .d_in = {{learns ? o->d_in : NULL, k->rows}},
                      .d_out = {o->d_out, k->rows},
                      .scratch = o->scratch,
                      .prepared = plan->nodes[index].prepared,
                      .lane = (size_t)slot};
    for (int i = 0; i < node->param_count; i++) {
        call.param[i] = k->t->params + node->params[i].offset;
        call.d_param[i] = o->d_param[i];
    }
    node->op->forward(&call);
    node->op->backward(&call);
}

static void run_shard(void *payload, size_t shard, int slot) {
    (void)shard;
    const kernels *k = payload;
    const operands *o = &k->of[slot];
    const lyc__plan *plan = k->t->workspace->plan;
    for (int i = 0; i < plan->graph->node_count; i++) {
        const lyc__node *node = &plan->graph->nodes[i];
        const lyc__window *w = &node->window;
        const bool learns = lyc__graph_needs_gradient(plan->graph, node->inputs[0]);
        if (node->op == &lyc__op_linear)
            run_products(o, k->rows, node->out.dims[0], node->in[0].dims[0], false, learns);
        else if (node->op == &lyc__op_conv2d && plan->nodes[i].prepared != NULL)
            run_prepared(k, o, i, slot, learns);
        else if (node->op == &lyc__op_conv2d)
            for (size_t row = 0; row < k->rows; row++)
                run_products(o, w->out_height * w->out_width, node->out.dims[2],
                             w->kernel[0] * w->kernel[1] * w->channels, w->channels <= 4, learns);
    }
}

static void run_kernels(void *payload) {
    kernels *k = payload;
    lyc_pool_run(k->t->pool, LYC_PRIORITY_STUDENT, k->shards, run_shard, k);
}

/* Floats that any operand of any layer needs: activations of a shard, patches of an image, weights. */
static size_t operand_floats(const kernels *k) {
    const lyc__plan *plan = k->t->workspace->plan;
    size_t most = plan->lane_bytes / sizeof(float) + 1;
    for (int i = 0; i < plan->graph->node_count; i++) {
        const lyc__node *node = &plan->graph->nodes[i];
        const lyc__window *w = &node->window;
        const size_t sizes[] = {k->rows * lyc__shape_size(&node->in[0]),
                                k->rows * lyc__shape_size(&node->out),
                                w->out_height * w->out_width * w->kernel[0] * w->kernel[1] * w->channels,
                                node->param_count > 0 ? node->params[0].size : 0};
        for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++)
            if (sizes[j] > most) most = sizes[j];
    }
    return most;
}

static void open_kernels(kernels *k, const trainer *t) {
    *k = (kernels){.t = t, .rows = lyc_shard_rows(t->net, LYC_MODE_TRAIN, t->rows)};
    k->shards = (t->rows + k->rows - 1) / k->rows;
    const size_t size = operand_floats(k);
    for (int i = 0; i < MOST_THREADS; i++) {
        float **const all[] = {&k->of[i].in,         &k->of[i].out,        &k->of[i].d_in,   &k->of[i].d_out,
                               &k->of[i].d_param[0], &k->of[i].d_param[1], &k->of[i].scratch};
        for (size_t j = 0; j < sizeof all / sizeof *all; j++) *all[j] = block(size, sizeof(float));
        for (size_t j = 0; j < size; j++) k->of[i].in[j] = k->of[i].d_out[j] = (float)(j % 17) * 1e-3F;
    }
}

static void close_kernels(kernels *k) {
    for (int i = 0; i < MOST_THREADS; i++) {
        float *const all[] = {k->of[i].in,         k->of[i].out,        k->of[i].d_in,   k->of[i].d_out,
                              k->of[i].d_param[0], k->of[i].d_param[1], k->of[i].scratch};
        for (size_t j = 0; j < sizeof all / sizeof *all; j++) lyc_free(all[j]);
    }
}

/* ---- measuring --------------------------------------------------------------------------------- */

/* Seconds a run, at least one, for about so long. What disturbs a measurement only ever adds: of several, the
 * least counts. */
static void time_window(void (*run)(void *payload), void *payload, double length, double *least) {
    const double start = lyc_seconds();
    double now = start;
    size_t runs = 0;
    for (; runs == 0 || now - start < length; runs++) {
        run(payload);
        now = lyc_seconds();
    }
    if ((now - start) / (double)runs < *least) *least = (now - start) / (double)runs;
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
    const double length = seconds / (2 * MOST_THREADS * ROUNDS);
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < MOST_THREADS; i++) {
            time_window(train_step, &trainers[i], length, &step_least[i]);
            time_window(run_kernels, &bare[i], length, &bare_least[i]);
        }
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

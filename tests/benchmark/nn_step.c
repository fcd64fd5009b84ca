/* Times one training step (forward, cross-entropy, backward, Adam) of three networks with 1 and 2 threads,
 * and the matrix products in it alone. Prints a line each: network, threads, microseconds a step, samples a
 * second, GFLOP/s, and the share of the step that the bare products take on as many threads. nn_step.py runs
 * it beside PyTorch. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lyceum/blas.h"
#include "lyceum/log.h"
#include "lyceum/memory.h"
#include "nn/blas.h"
#include "nn/network.h"

enum { WINDOWS = 12 };
static const double window_seconds = 0.15;

static void give_up(const lyc_error *err) {
    (void)fprintf(stderr, "%s\n", err->message);
    exit(1);
}

static void *block(size_t count, size_t size) {
    void *memory = lyc_calloc(count, size);
    if (memory == NULL) exit(1);
    return memory;
}

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

/* The best of several windows: what disturbs a measurement only ever adds. */
static double time_best(void (*run)(void *payload), void *payload) {
    double best = 1e9;
    for (int i = 0; i < WINDOWS; i++) {
        const double start = lyc_seconds();
        double now = start;
        size_t runs = 0;
        for (; now - start < window_seconds; runs++) {
            run(payload);
            now = lyc_seconds();
        }
        if ((now - start) / (double)runs < best) best = (now - start) / (double)runs;
    }
    return best;
}

/* ---- the matrix products alone ----------------------------------------------------------------- */

typedef struct product {
    size_t m, n, k;
    bool transpose_a, transpose_b;
} product;

enum { MOST_PRODUCTS = 64 };

typedef struct products {
    size_t count;
    struct {
        product shape;
        size_t times;
    } entries[MOST_PRODUCTS]; /* of one shard */
    size_t shards;
    float *a, *b, *c;
    lyc_pool *pool;
} products;

static void add_product(products *p, product shape, size_t times) {
    p->entries[p->count].shape = shape;
    p->entries[p->count++].times = times;
}

/* Forward, gradient of the weights, gradient of the input. */
static void add_layer(products *p, size_t m, size_t n, size_t k, size_t times, bool planar, bool learns) {
    add_product(p, (product){m, n, k, planar, false}, times);
    add_product(p, (product){k, n, m, !planar, false}, times);
    if (learns) add_product(p, (product){m, k, n, false, true}, times);
}

static void collect(products *p, const trainer *t) {
    const lyc__graph *graph = t->net->graph;
    const size_t rows = lyc_shard_rows(t->net, LYC_MODE_TRAIN, t->rows);
    p->shards = (t->rows + rows - 1) / rows;
    for (int i = 0; i < graph->node_count; i++) {
        const lyc__node *node = &graph->nodes[i];
        const bool learns = lyc__graph_needs_gradient(graph, node->inputs[0]);
        const lyc__window *w = &node->window;
        if (node->op == &lyc__op_linear)
            add_layer(p, rows, node->out.dims[0], node->in[0].dims[0], 1, false, learns);
        if (node->op == &lyc__op_conv2d)
            add_layer(p, w->out_height * w->out_width, node->out.dims[2],
                      w->kernel[0] * w->kernel[1] * w->channels, rows, w->channels <= 4, learns);
    }
}

static void multiply_shard(void *payload, size_t shard, int slot) {
    (void)shard;
    const products *p = payload;
    for (size_t i = 0; i < p->count; i++) {
        const product *s = &p->entries[i].shape;
        for (size_t j = 0; j < p->entries[i].times; j++)
            lyc__gemm(s->m, s->n, s->k, (lyc__matrix){p->a, s->transpose_a ? s->m : s->k, s->transpose_a},
                      (lyc__matrix){p->b, s->transpose_b ? s->k : s->n, s->transpose_b},
                      p->c + (size_t)slot * (1 << 20), false);
    }
}

static void multiply(void *payload) {
    products *p = payload;
    lyc_pool_run(p->pool, LYC_PRIORITY_STUDENT, p->shards, multiply_shard, p);
}

static double time_products(const trainer *t) {
    products p = {.pool = t->pool,
                  .a = block(1 << 20, sizeof(float)),
                  .b = block(1 << 20, sizeof(float)),
                  .c = block((size_t)lyc_pool_threads(t->pool) << 20, sizeof(float))};
    collect(&p, t);
    const double seconds = time_best(multiply, &p);
    lyc_free(p.a);
    lyc_free(p.b);
    lyc_free(p.c);
    return seconds;
}

int main(void) {
    const struct {
        const char *name;
        lyc_network_spec spec;
        size_t rows;
    } cases[] = {
        {"mlp-64-128-10-b64",
         {.arch = "mlp",
          .channels = 1,
          .height = 8,
          .width = 8,
          .classes = 10,
          .hidden = {128},
          .hidden_count = 1},
         64},
        {"mlp-784-64-10-b128",
         {.arch = "mlp",
          .channels = 1,
          .height = 28,
          .width = 28,
          .classes = 10,
          .hidden = {64},
          .hidden_count = 1},
         128},
        {"lenet5-b128", {.arch = "lenet5", .channels = 1, .height = 28, .width = 28, .classes = 10}, 128},
    };
    lyc_error err = {0};
    if (lyc_blas_check(&err) != LYC_OK) give_up(&err);
    printf("# %s\n# network\tthreads\tmicroseconds\tsamples/s\tGFLOP/s\tshare of bare products\n",
           lyc_kernels());
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int threads = 1; threads <= 2; threads++) {
            trainer t;
            open_trainer(&t, &cases[i].spec, cases[i].rows, threads);
            const double seconds = time_best(train_step, &t), bare = time_products(&t), rows = (double)t.rows;
            printf("%s\t%d\t%.1f\t%.0f\t%.1f\t%.2f\n", cases[i].name, threads, seconds * 1e6, rows / seconds,
                   rows * lyc_network_flops_train(t.net) / seconds * 1e-9, bare / seconds);
            (void)fflush(stdout);
            close_trainer(&t);
        }
    return 0;
}

/* Times inference with 1 and 2 threads: networks as they are (workspace), and frozen in f32 and bf16. Prints
 * a line each: case, form, threads, microseconds a batch, samples a second, GFLOP/s. nn_inference.py runs it
 * beside PyTorch. An argument names the only case to run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lyceum/blas.h"
#include "lyceum/log.h"
#include "lyceum/memory.h"
#include "lyceum/network.h"

enum { WINDOWS = 5 };
static const double window_seconds = 0.2;

static void give_up(const lyc_error *err) {
    (void)fprintf(stderr, "%s\n", err->message);
    exit(1);
}

static float *floats(size_t count) {
    float *memory = lyc_calloc(count, sizeof *memory);
    if (memory == NULL) exit(1);
    return memory;
}

typedef struct subject {
    lyc_network *net;
    lyc_frozen *frozen; /* NULL: the network as it is */
    lyc_workspace *workspace;
    lyc_pool *pool;
    size_t rows, row_size;
    float *images, *params;
} subject;

static void give_images(void *payload, size_t first, size_t rows, float *out) {
    const subject *s = payload;
    memcpy(out, s->images + first * s->row_size, rows * s->row_size * sizeof *out);
}

static void run(const subject *s) {
    const lyc_pass pass = {.rows = s->rows, .input = give_images, .input_payload = (void *)s};
    lyc_workspace_forward(s->workspace, s->frozen != NULL ? NULL : s->params, &pass, s->pool);
}

/* The best of several windows: what disturbs a measurement only ever adds. */
static double time_best(const subject *s) {
    double best = 1e9;
    for (int i = 0; i < WINDOWS; i++) {
        const double start = lyc_seconds();
        double now = start;
        size_t runs = 0;
        for (; now - start < window_seconds; runs++) {
            run(s);
            now = lyc_seconds();
        }
        if ((now - start) / (double)runs < best) best = (now - start) / (double)runs;
    }
    return best;
}

static const char *const forms[] = {"workspace", "frozen-f32", "frozen-bf16"};

static void open_subject(subject *s, const lyc_network_spec *spec, size_t rows, int form, int threads) {
    lyc_error err = {0};
    *s = (subject){.rows = rows, .row_size = (size_t)(spec->channels * spec->height * spec->width)};
    if (lyc_network_create(&s->net, spec, &err) != LYC_OK) give_up(&err);
    s->images = floats(rows * s->row_size);
    s->params = floats(lyc_network_size(s->net));
    for (size_t i = 0; i < rows * s->row_size; i++) s->images[i] = (float)(i * 7919 % 1000) / 500 - 1;
    lyc_network_init(s->net, 1, s->params);
    if (form > 0 &&
        lyc_frozen_create(&s->frozen, s->net, s->params, form > 1 ? LYC_PRECISION_BF16 : LYC_PRECISION_F32,
                          rows, &err) != LYC_OK)
        give_up(&err);
    const lyc_status status = s->frozen != NULL
                                  ? lyc_workspace_create_frozen(&s->workspace, s->frozen, &err)
                                  : lyc_workspace_create(&s->workspace, s->net, LYC_MODE_INFER, rows, &err);
    if (status != LYC_OK || lyc_pool_create(&s->pool, threads, &err) != LYC_OK) give_up(&err);
}

static void close_subject(subject *s) {
    lyc_workspace_destroy(s->workspace);
    lyc_frozen_destroy(s->frozen);
    lyc_pool_destroy(s->pool);
    lyc_network_destroy(s->net);
    lyc_free(s->images);
    lyc_free(s->params);
}

static void measure(const char *name, const lyc_network_spec *spec, size_t rows) {
    for (int form = 0; form < 3; form++)
        for (int threads = 1; threads <= 2; threads++) {
            subject s;
            open_subject(&s, spec, rows, form, threads);
            run(&s);
            const double seconds = time_best(&s), count = (double)rows;
            printf("%s\t%s\t%d\t%.1f\t%.0f\t%.1f\n", name, forms[form], threads, seconds * 1e6,
                   count / seconds, count * lyc_network_flops_forward(s.net) / seconds * 1e-9);
            (void)fflush(stdout);
            close_subject(&s);
        }
}

int main(int argc, char **argv) {
    static const lyc_network_spec lenet5 = {
        .arch = "lenet5", .channels = 1, .height = 28, .width = 28, .classes = 10};
    static const lyc_network_spec resnet20 = {
        .arch = "resnet", .channels = 3, .height = 32, .width = 32, .classes = 10, .depth = 20};
    static const lyc_network_spec mlp = {.arch = "mlp",
                                         .channels = 1,
                                         .height = 28,
                                         .width = 28,
                                         .classes = 10,
                                         .hidden = {256},
                                         .hidden_count = 1};
    const struct {
        const char *name;
        const lyc_network_spec *spec;
        size_t rows;
    } cases[] = {{"mlp-784-256-10-b256", &mlp, 256},
                 {"lenet5-b128", &lenet5, 128},
                 {"lenet5-b256", &lenet5, 256},
                 {"resnet20-b128", &resnet20, 128},
                 {"resnet20-b256", &resnet20, 256}};
    lyc_error err = {0};
    if (lyc_blas_check(&err) != LYC_OK) give_up(&err);
    printf("# %s\n# case\tform\tthreads\tmicroseconds\tsamples/s\tGFLOP/s\n", lyc_kernels());
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (argc < 2 || strcmp(argv[1], cases[i].name) == 0)
            measure(cases[i].name, cases[i].spec, cases[i].rows);
    return 0;
}

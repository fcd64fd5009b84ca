/* oneDNN's traps: Debian's build starts OpenMP's threads, and primitives that threads share keep scratch
 * memory of one of them. Many calls from four threads must give the bits of one. */
#include "harness.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdatomic.h>

#include "lyceum/pool.h"
#include "nn/convolution.h"
#include "nn/versions.h"

enum { THREADS = 4, LAYERS = 5, CALLS = 4000, FOREIGN = 3 };

static void skip_without_onednn(void) {
    char version[LYC__VERSION_SIZE];
    const char *isa = NULL;
    if (!lyc__onednn_version(version, &isa)) skip();
}

/* ---- layers, and the results of one thread ---------------------------------------------------------- */

typedef struct layer {
    harness one;             /* what one thread computes */
    harness copies[THREADS]; /* inputs and outputs of each thread; one's preparation is shared */
} layer;

typedef struct crowd {
    layer layers[LAYERS];
    atomic_size_t wrong;
    atomic_int lost; /* settings of OpenMP that were not what they were before */
} crowd;

/* Among them kernels that want a scratchpad, and such that do not. */
static const struct {
    size_t rows, side, channels, outputs, kernel, stride, padding, groups;
} sizes[LAYERS] = {
    {8, 16, 16, 32, 3, 1, 1, 1}, {5, 12, 32, 32, 3, 2, 1, 1},  {8, 14, 6, 16, 5, 1, 0, 1},
    {4, 16, 32, 64, 1, 2, 0, 1}, {8, 10, 32, 32, 3, 1, 1, 32},
};

static void open_copy(harness *h, size_t i) {
    const lyc__attributes a = {.outputs = sizes[i].outputs,
                               .kernel = {sizes[i].kernel, sizes[i].kernel},
                               .stride = {sizes[i].stride, sizes[i].stride},
                               .padding = {sizes[i].padding, sizes[i].padding},
                               .groups = sizes[i].groups};
    const lyc__shape in = lyc__image(sizes[i].side, sizes[i].side, sizes[i].channels);
    harness_open(h, &lyc__op_conv2d, &a, &in, sizes[i].rows);
    fill_random(h->in[0], harness_in_count(h, 0), -1, 1, 1);
    fill_random(h->params, h->param_size, -1, 1, 2);
    fill_random(h->d_out, harness_out_count(h), -1, 1, 3);
}

static void open_layer(layer *l, size_t i) {
    const lyc__preparation *preparation = lyc__op_conv2d.preparation;
    lyc_error err = {0};
    open_copy(&l->one, i);
    const lyc__setup setup = {
        .node = &l->one.node, .mode = LYC_MODE_TRAIN, .rows = sizes[i].rows, .lanes = THREADS, .d_in = true};
    assert_int_equal(preparation->create(&setup, &l->one.prepared, &err), LYC_OK);
    assert_non_null(l->one.prepared);
    const size_t scratch = preparation->scratch_floats(l->one.prepared);
    lyc_free(l->one.scratch);
    l->one.scratch = harness_floats(scratch);
    for (size_t t = 0; t < THREADS; t++) {
        open_copy(&l->copies[t], i);
        lyc_free(l->copies[t].scratch);
        l->copies[t].scratch = harness_floats(scratch);
    }
    harness_forward(&l->one);
    harness_backward(&l->one);
}

static void close_layer(layer *l) {
    for (size_t t = 0; t < THREADS; t++) harness_close(&l->copies[t]);
    harness_close(&l->one);
}

static bool same(const float *a, const float *b, size_t count) {
    return memcmp(a, b, count * sizeof *a) == 0;
}

/* ---- OpenMP as a program around us might use it ------------------------------------------------------ */

static int call_openmp(const char *name, int argument) {
    void *symbol = dlsym(RTLD_DEFAULT, name);
    if (symbol == NULL) return -1;
    int (*get)(void) = NULL;
    void (*set)(int) = NULL;
    if (argument == 0) {
        memcpy(&get, &symbol, sizeof symbol);
        return get();
    }
    memcpy(&set, &symbol, sizeof symbol);
    set(argument);
    return argument;
}

static int get_threads(void) {
    return call_openmp("omp_get_max_threads", 0);
}

static void set_threads(int threads) {
    (void)call_openmp("omp_set_num_threads", threads);
}

/* Threads of this process. */
static size_t count_tasks(void) {
    size_t count = 0;
    DIR *folder = opendir("/proc/self/task");
    assert_non_null(folder);
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
        count += entry->d_name[0] != '.';
    (void)closedir(folder);
    return count;
}

/* ---- the tests ---------------------------------------------------------------------------------------- */

static void compute(void *payload, size_t item, int slot) {
    crowd *c = payload;
    layer *l = &c->layers[item % LAYERS];
    harness *mine = &l->copies[slot];
    set_threads(FOREIGN);
    lyc__call call = harness_call(mine);
    call.prepared = l->one.prepared;
    call.lane = (size_t)slot;
    lyc__op_conv2d.forward(&call);
    lyc__op_conv2d.backward(&call);
    const bool right = same(mine->out, l->one.out, harness_out_count(mine)) &&
                       same(mine->d_in[0], l->one.d_in[0], harness_in_count(mine, 0)) &&
                       same(mine->d_params, l->one.d_params, mine->param_size);
    if (!right) c->wrong++;
    if (get_threads() != FOREIGN) c->lost++;
}

static void four_threads_have_the_bits_of_one(void **state) {
    (void)state;
    skip_without_onednn();
    lyc_error err = {0};
    lyc_pool *pool = NULL;
    crowd *c = lyc_calloc(1, sizeof *c);
    assert_non_null(c);
    assert_int_equal(lyc_pool_create(&pool, THREADS, &err), LYC_OK);
    for (size_t i = 0; i < LAYERS; i++) open_layer(&c->layers[i], i);
    const size_t tasks = count_tasks();
    lyc_pool_run(pool, LYC_PRIORITY_STUDENT, CALLS, compute, c);
    assert_int_equal(c->wrong, 0);
    assert_int_equal(c->lost, 0);
    assert_int_equal(count_tasks(), tasks);
    lyc_pool_destroy(pool);
    for (size_t i = 0; i < LAYERS; i++) close_layer(&c->layers[i]);
    lyc_free(c);
}

/* Kernels are cut for the threads that there are when they are compiled. */
static void compiling_keeps_to_one_thread(void **state) {
    (void)state;
    skip_without_onednn();
    harness alone, crowded;
    open_copy(&alone, 0);
    assert_true(harness_prepare(&alone));
    harness_forward(&alone);
    harness_backward(&alone);
    set_threads(FOREIGN);
    const size_t tasks = count_tasks();
    open_copy(&crowded, 0);
    assert_true(harness_prepare(&crowded));
    harness_forward(&crowded);
    harness_backward(&crowded);
    assert_int_equal(get_threads(), FOREIGN);
    assert_int_equal(count_tasks(), tasks);
    assert_true(same(crowded.d_params, alone.d_params, alone.param_size));
    harness_close(&alone);
    harness_close(&crowded);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compiling_keeps_to_one_thread),
        cmocka_unit_test(four_threads_have_the_bits_of_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

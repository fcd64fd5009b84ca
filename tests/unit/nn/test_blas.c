/* The seam to OpenBLAS: the right flavour, the right kernels, right products also from many threads. */
#include "harness.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "lyceum/blas.h"
#include "lyceum/pool.h"
#include "nn/blas.h"
#include "nn/versions.h"

static void this_machine_passes(void **state) {
    (void)state;
    lyc_error err = {0};
    if (lyc_blas_check(&err) != LYC_OK) fail_msg("%s", err.message);
    assert_int_equal(lyc_blas_check(NULL), LYC_OK); /* again */
    assert_string_equal(lyc_blas_flavour(), "pthread");
    assert_non_null(strstr(lyc_blas_config(), "OpenBLAS"));
    assert_true(strlen(lyc_blas_core_chosen()) > 0);
    char expected[192], version[LYC__VERSION_SIZE];
    const char *isa = NULL;
    (void)snprintf(expected, sizeof expected, "OpenBLAS %s, %s vectors", lyc_blas_core(), lyc_vector_level());
    if (lyc__onednn_version(version, &isa)) {
        assert_true(strlen(version) >= 5 && strlen(isa) >= 3);
        const size_t used = strlen(expected);
        (void)snprintf(expected + used, sizeof expected - used, ", oneDNN %s %s", version, isa);
    }
    assert_string_equal(lyc_kernels(), expected);
}

/* On an x86-64 with AVX2 no product may run on kernels from before it, unless the user asked for them. */
static void modern_kernels_are_used(void **state) {
    if (*state != NULL) skip(); /* the user asked for other kernels */
    assert_int_equal(lyc_blas_check(NULL), LYC_OK);
    const bool avx512 = strcmp(lyc_vector_level(), "avx512") == 0;
    const bool avx2 = avx512 || strcmp(lyc_vector_level(), "avx2") == 0;
    if (strcmp(lyc_blas_core(), lyc_blas_core_chosen()) != 0)
        assert_non_null(lyc__blas_better_core(lyc_blas_core_chosen(), avx2, avx512));
    assert_null(lyc__blas_better_core(lyc_blas_core(), avx2, avx512));
}

static void better_cores(void **state) {
    (void)state;
    assert_string_equal(lyc__blas_better_core("Prescott", true, true), "SkylakeX");
    assert_string_equal(lyc__blas_better_core("Nehalem", true, false), "Haswell");
    assert_null(lyc__blas_better_core("Prescott", false, false));
    assert_null(lyc__blas_better_core("SkylakeX", true, true));
    assert_null(lyc__blas_better_core("Zen", true, true));
}

static void other_flavours_are_refused(void **state) {
    (void)state;
    lyc_error err = {0};
    assert_int_equal(lyc__blas_judge(1, 1, &err), LYC_OK);
    assert_int_equal(lyc__blas_judge(0, 1, &err), LYC_EENVIRONMENT);
    assert_non_null(strstr(err.message, "the serial flavour is loaded, which computes wrong results"));
    assert_non_null(
        strstr(err.message, "apt-get install libopenblas0-pthread && update-alternatives --auto"));
    assert_int_equal(lyc__blas_judge(2, 1, &err), LYC_EENVIRONMENT);
    assert_non_null(strstr(err.message, "the OpenMP flavour is loaded, which does not keep to one thread"));
    assert_int_equal(lyc__blas_judge(1, 4, &err), LYC_EENVIRONMENT);
    assert_non_null(
        strstr(err.message, "it insists on 4 threads; start the program with OPENBLAS_NUM_THREADS=1"));
}

/* ---- products --------------------------------------------------------------------------------- */

typedef struct product {
    size_t m, n, k;
    bool transpose_a, transpose_b, add;
    float *a, *b, *c, *expected;
} product;

static void product_open(product *p, size_t m, size_t n, size_t k, unsigned kind) {
    *p = (product){m,
                   n,
                   k,
                   (kind & 1) != 0,
                   (kind & 2) != 0,
                   (kind & 4) != 0,
                   harness_floats(m * k),
                   harness_floats(k * n),
                   harness_floats(m * n),
                   harness_floats(m * n)};
    fill_random(p->a, m * k, -1, 1, 1);
    fill_random(p->b, k * n, -1, 1, 2);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = p->add ? 7 : 0;
            for (size_t l = 0; l < k; l++)
                sum += (double)p->a[p->transpose_a ? l * m + i : i * k + l] *
                       (double)p->b[p->transpose_b ? j * k + l : l * n + j];
            p->expected[i * n + j] = (float)sum;
        }
}

static void product_run(const product *p, float *c) {
    for (size_t i = 0; i < p->m * p->n; i++) c[i] = 7;
    lyc__gemm(p->m, p->n, p->k, (lyc__matrix){p->a, p->transpose_a ? p->m : p->k, p->transpose_a},
              (lyc__matrix){p->b, p->transpose_b ? p->k : p->n, p->transpose_b}, c, p->add);
}

static void product_close(product *p) {
    lyc_free(p->a);
    lyc_free(p->b);
    lyc_free(p->c);
    lyc_free(p->expected);
}

static void products(void **state) {
    (void)state;
    const size_t sizes[][3] = {{1, 1, 1},      {2, 3, 4},     {17, 5, 33},    {784, 6, 25},
                               {100, 16, 150}, {64, 64, 784}, {130, 140, 150}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (unsigned kind = 0; kind < 8; kind++) {
            product p;
            product_open(&p, sizes[i][0], sizes[i][1], sizes[i][2], kind);
            product_run(&p, p.c);
            assert_close("product", p.c, p.expected, p.m * p.n, 1e-5);
            product_close(&p);
        }
}

typedef struct crowd {
    product products[8];
    float *first[8]; /* what one thread computes */
    atomic_size_t wrong;
} crowd;

static void compute_again(void *payload, size_t item, int slot) {
    (void)slot;
    crowd *c = payload;
    const product *p = &c->products[item % 8];
    float *out = malloc(p->m * p->n * sizeof *out);
    product_run(p, out);
    if (memcmp(out, c->first[item % 8], p->m * p->n * sizeof *out) != 0) c->wrong++;
    free(out);
}

/* Where the serial flavour goes wrong, by as much as the values themselves. */
static void products_from_many_threads(void **state) {
    (void)state;
    lyc_error err = {0};
    lyc_pool *pool = NULL;
    crowd c = {.wrong = 0};
    const size_t sizes[][3] = {{130, 140, 150}, {64, 64, 784}, {16, 120, 400}, {200, 10, 84}};
    assert_int_equal(lyc_blas_check(&err), LYC_OK);
    assert_int_equal(lyc_pool_create(&pool, 8, &err), LYC_OK);
    for (size_t i = 0; i < 8; i++) {
        product_open(&c.products[i], sizes[i % 4][0], sizes[i % 4][1], sizes[i % 4][2], i < 4 ? 0 : 2);
        c.first[i] = c.products[i].c;
        product_run(&c.products[i], c.first[i]);
    }
    lyc_pool_run(pool, LYC_PRIORITY_STUDENT, 4000, compute_again, &c);
    assert_int_equal(c.wrong, 0);
    for (size_t i = 0; i < 8; i++) product_close(&c.products[i]);
    lyc_pool_destroy(pool);
}

int main(void) {
    char *asked = getenv("OPENBLAS_CORETYPE"); /* before lyc_blas_check may set it */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_machine_passes),
        cmocka_unit_test_prestate(modern_kernels_are_used, asked),
        cmocka_unit_test(better_cores),
        cmocka_unit_test(other_flavours_are_refused),
        cmocka_unit_test(products),
        cmocka_unit_test(products_from_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

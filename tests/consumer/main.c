/* What a user's program does with the installed library; the expected version is the only argument. */
#include <lyceum/lyceum.h>

#include <stdio.h>
#include <string.h>

static void square(void *payload, size_t item, int slot) {
    (void)slot;
    ((size_t *)payload)[item] = item * item;
}

int main(int argc, char **argv) {
    lyc_error err = {0};
    if (argc != 2 || strcmp(argv[1], lyc_version()) != 0) {
        fprintf(stderr, "version %s, expected %s\n", lyc_version(), argc == 2 ? argv[1] : "one argument");
        return 1;
    }
    if (lyc_blas_check(&err) != LYC_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    lyc_pool *pool = NULL;
    if (lyc_pool_create(&pool, 2, &err) != LYC_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    size_t squares[100] = {0};
    lyc_pool_run(pool, LYC_PRIORITY_STUDENT, 100, square, squares);
    lyc_pool_destroy(pool);
    for (size_t i = 0; i < 100; i++)
        if (squares[i] != i * i) return 1;
    printf("lyceum %s, OpenBLAS flavour %s\n", lyc_version(), lyc_blas_flavour());
    return 0;
}

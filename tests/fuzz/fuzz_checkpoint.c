/* What a checkpoint may hold, read into a state with an array of every type; a refused one must leave it
 * alone. */
#include <stdlib.h>
#include <string.h>

#include "lyceum/checkpoint.h"
#include "tests/fuzz/container.h"

typedef struct numbers {
    float f32[3];
    double f64[2];
    int32_t i32[2];
    uint32_t u32[1];
    int64_t i64[2];
    uint64_t u64[1];
    uint8_t u8[4];
} numbers;

static lyc_status describe(lyc_state *state, numbers *n, lyc_error *err) {
    LYC_TRY(lyc_state_add(state, "a/f32", LYC_TYPE_F32, n->f32, 3, err));
    LYC_TRY(lyc_state_add(state, "a/f64", LYC_TYPE_F64, n->f64, 2, err));
    LYC_TRY(lyc_state_add(state, "b/i32", LYC_TYPE_I32, n->i32, 2, err));
    LYC_TRY(lyc_state_add(state, "b/u32", LYC_TYPE_U32, n->u32, 1, err));
    LYC_TRY(lyc_state_add(state, "b/i64", LYC_TYPE_I64, n->i64, 2, err));
    LYC_TRY(lyc_state_add(state, "u64", LYC_TYPE_U64, n->u64, 1, err));
    LYC_TRY(lyc_state_add(state, "u8", LYC_TYPE_U8, n->u8, 4, err));
    return lyc_state_require(state, "config", "{\n  \"name\": \"a\"\n}\n", "start again", err);
}

static lyc_status load(const uint8_t *data, size_t size, const char *sum, lyc_error *err) {
    fuzz_file file;
    lyc_state *state = NULL;
    numbers now, before;
    memset(&now, 0x5a, sizeof now);
    before = now;
    if (lyc_state_create(&state, err) != LYC_OK || describe(state, &now, err) != LYC_OK) abort();
    container_open(&file, data, size, sum ? "checksum" : NULL, sum);
    lyc_status status = lyc_state_load(state, file.path, err);
    fuzz_check(status, err);
    if (status != LYC_OK && memcmp(&now, &before, sizeof now) != 0) abort();
    lyc_state_destroy(state);
    fuzz_close(&file);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    lyc_error err = {0};
    char sum[33];
    if (load(data, size, NULL, &err) == LYC_OK || !container_sum(&err, "its content gives ", sum)) return 0;
    err = (lyc_error){0};
    (void)load(data, size, sum, &err);
    return 0;
}

/* The file that describes an ablation; the same bytes as result.json of a run. */
#include "config/ablation_file.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const keys[] = {"test.accuracy", "seconds"};
    fuzz_file file;
    lyc_arena *arena = NULL;
    lyc__ablation_file found;
    double numbers[2];
    lyc_error err = {0};
    fuzz_open(&file, data, size);
    if (lyc_arena_create(&arena, 4096, &err) == LYC_OK)
        fuzz_check(lyc__ablation_file_read(&found, file.path, arena, &err), &err);
    lyc_arena_destroy(arena);
    err = (lyc_error){0};
    fuzz_check(lyc__json_numbers(file.path, keys, 2, numbers, &err), &err);
    fuzz_close(&file);
    return 0;
}

/* What a bank may hold: opened by the key below, every block read. */
#include <stdio.h>
#include <unistd.h>

#include "io/bank_file.h"
#include "lyceum/memory.h"
#include "tests/fuzz/container.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const lyc__bank_key key = {.data_fingerprint = "0123456789abcdef0123456789abcdef",
                                      .teacher_fingerprint = "fedcba9876543210fedcba9876543210",
                                      .view_key = "clean",
                                      .precision = "f32",
                                      .views = 2,
                                      .rows = 5,
                                      .classes = 3,
                                      .block_rows = 2};
    static const uint64_t ids[5] = {0, 1, 2, 3, 4};
    static const lyc__bank_about about = {.teacher = "a", .ids = ids};
    fuzz_file file;
    lyc__bank_file *bank = NULL;
    lyc_error err = {0};
    float values[2 * 3];
    char lock[sizeof file.path + 8];
    uint64_t filled = 0;
    container_open(&file, data, size, NULL, NULL);
    lyc_status status = lyc__bank_file_open(&bank, file.path, &key, &about, &err);
    if (status == LYC_OK) status = lyc__bank_file_filled(bank, &filled, &err);
    for (uint64_t i = 0; i < key.views * lyc__bank_file_blocks(&key) && status == LYC_OK; i++) {
        lyc__bank_block found;
        status = lyc__bank_file_read(bank, i % key.views, i / key.views, values, &found, &err);
    }
    fuzz_check(status, &err);
    if (lyc__bank_file_close(bank, NULL) != LYC_OK) fuzz_use(0);
    (void)snprintf(lock, sizeof lock, "%s.lock", file.path);
    (void)unlink(lock);
    fuzz_close(&file);
    return 0;
}

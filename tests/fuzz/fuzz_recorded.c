/* What a file of recorded logits may hold. The first byte says how many views are asked for. */
#include "io/recorded_file.h"
#include "tests/fuzz/container.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_file file;
    lyc__recorded_file recorded;
    lyc_error err = {0};
    double sum = 0;
    if (size == 0) return 0;
    container_open(&file, data + 1, size - 1, NULL, NULL);
    lyc_status status = lyc__recorded_file_read(&recorded, file.path, 1 + data[0] % 3, &err);
    fuzz_check(status, &err);
    for (int view = 0; status == LYC_OK && view < recorded.views; view++) /* every logit is there */
        for (size_t i = 0; i < recorded.rows * (size_t)recorded.classes; i++)
            sum += (double)recorded.logits[view][i];
    fuzz_use(sum > 0);
    lyc__recorded_file_release(&recorded);
    fuzz_close(&file);
    return 0;
}

/* What a data-set file may hold, up to the splits made of it. */
#include "lyceum/dataset.h"
#include "tests/fuzz/container.h"

static lyc_status open_and_split(const uint8_t *data, size_t size, const char *sum, lyc_error *err) {
    fuzz_file file;
    lyc_dataset *dataset = NULL;
    lyc_splits *splits = NULL;
    const lyc_split_options options = {.reward_fraction = 0.2, .valid_fraction = 0.2};
    container_open(&file, data, size, sum ? "fingerprint" : NULL, sum);
    lyc_status status = lyc_dataset_open(&dataset, file.path, err);
    if (status == LYC_OK) status = lyc_splits_create(&splits, dataset, &options, err);
    fuzz_check(status, err);
    lyc_splits_destroy(splits);
    lyc_dataset_close(dataset);
    fuzz_close(&file);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    lyc_error err = {0};
    char sum[33];
    if (open_and_split(data, size, NULL, &err) == LYC_OK ||
        !container_sum(&err, "the content has fingerprint ", sum))
        return 0;
    err = (lyc_error){0};
    (void)open_and_split(data, size, sum, &err);
    return 0;
}

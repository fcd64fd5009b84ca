/* CIFAR records, plain or gzipped. The first byte chooses how many label bytes there are. */
#include "io/cifar.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_file file;
    lyc__cifar cifar = {0};
    lyc_error err = {0};
    uint8_t labels[2], pixels[LYC__CIFAR_PIXELS];
    bool found = true;
    if (size == 0) return 0;
    fuzz_open(&file, data + 1, size - 1);
    lyc_status status = lyc__cifar_open(&cifar, file.path, 1 + data[0] % 2, &err);
    while (status == LYC_OK && found) status = lyc__cifar_next(&cifar, labels, pixels, &found, &err);
    fuzz_check(status, &err);
    lyc__cifar_close(&cifar);
    fuzz_close(&file);
    return 0;
}

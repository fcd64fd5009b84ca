/* PNG and JPEG images. */
#include "io/image.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_file file;
    lyc__image image;
    lyc_error err = {0};
    unsigned sum = 0;
    fuzz_open(&file, data, size);
    lyc_status status = lyc__image_read(&image, file.path, &err);
    fuzz_check(status, &err);
    if (status == LYC_OK) /* every pixel is there */
        for (size_t i = 0; i < (size_t)image.channels * (size_t)image.height * (size_t)image.width; i++)
            sum += image.pixels[i];
    fuzz_use(sum);
    lyc__image_release(&image);
    fuzz_close(&file);
    return 0;
}

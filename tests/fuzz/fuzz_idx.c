/* idx files, plain or gzipped. */
#include "io/idx.h"
#include "lyceum/memory.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_file file;
    lyc__idx *idx = NULL;
    lyc__idx_shape shape;
    lyc_error err = {0};
    fuzz_open(&file, data, size);
    lyc_status status = lyc__idx_open(&idx, file.path, &shape, &err);
    if (status == LYC_OK && shape.row_bytes <= (1u << 20)) {
        uint8_t *row = lyc_calloc(shape.row_bytes, 1);
        for (uint64_t i = 0; row && status == LYC_OK && i < shape.dims[0]; i++)
            status = lyc__idx_read(idx, 1, row, &err);
        lyc_free(row);
    }
    fuzz_check(status, &err);
    lyc__idx_close(idx);
    fuzz_close(&file);
    return 0;
}

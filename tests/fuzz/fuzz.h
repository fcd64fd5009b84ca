/* What fuzz targets share. A target is one file, fuzz_<name>.c, with LLVMFuzzerTestOneInput; its corpus is
 * corpus/<name>. libFuzzer drives it (scripts/fuzz), or replay.c in ctest. */
#ifndef LYC_TEST_FUZZ_H
#define LYC_TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "lyceum/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes as a file that has a path, in memory; the path is valid until fuzz_close. */
typedef struct fuzz_file {
    int descriptor;
    char path[64];
} fuzz_file;
void fuzz_open(fuzz_file *out, const uint8_t *data, size_t size);
void fuzz_close(fuzz_file *file);

/* Stops the process unless a failure has a message and a success has not touched it. */
void fuzz_check(lyc_status status, const lyc_error *err);

#endif

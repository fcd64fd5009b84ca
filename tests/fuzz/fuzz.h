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
    int descriptor; /* -1: a file on disk, which fuzz_close removes */
    char path[512];
} fuzz_file;
void fuzz_open(fuzz_file *out, const uint8_t *data, size_t size);
void fuzz_close(fuzz_file *file);

/* Stops the process unless a failure has a message and a success has not touched it. With FUZZ_SHOW in the
 * environment the message is printed. */
void fuzz_check(lyc_status status, const lyc_error *err);

/* Keeps the compiler from dropping the reads behind a number. */
void fuzz_use(unsigned number);

/* Until the program ends no single request may be larger than this: memory that an input makes a reader ask
 * for is refused as on a small machine, and no input takes seconds only because of its size. */
#define FUZZ_MOST_MEMORY ((size_t)256 << 20)

#endif

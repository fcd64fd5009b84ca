#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void fuzz_open(fuzz_file *out, const uint8_t *data, size_t size) {
    out->descriptor = memfd_create("fuzz", MFD_CLOEXEC);
    if (out->descriptor < 0 || write(out->descriptor, data, size) != (ssize_t)size) abort();
    (void)snprintf(out->path, sizeof out->path, "/proc/self/fd/%d", out->descriptor);
}

void fuzz_close(fuzz_file *file) {
    (void)close(file->descriptor);
}

void fuzz_check(lyc_status status, const lyc_error *err) {
    if ((status == LYC_OK) != (err->message[0] == '\0')) abort();
}

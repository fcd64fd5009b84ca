#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lyceum/memory.h"

static void *take_little(void *payload, size_t size, size_t alignment) {
    (void)payload;
    if (size > FUZZ_MOST_MEMORY) return NULL;
    return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

static void give_back(void *payload, void *block) {
    (void)payload;
    free(block);
}

__attribute__((constructor)) static void limit_memory(void) {
    lyc_allocator_set(&(lyc_allocator){take_little, give_back, NULL});
}

void fuzz_open(fuzz_file *out, const uint8_t *data, size_t size) {
    out->descriptor = memfd_create("fuzz", MFD_CLOEXEC);
    if (out->descriptor < 0 || write(out->descriptor, data, size) != (ssize_t)size) abort();
    (void)snprintf(out->path, sizeof out->path, "/proc/self/fd/%d", out->descriptor);
}

void fuzz_close(fuzz_file *file) {
    if (file->descriptor >= 0) (void)close(file->descriptor);
    else (void)unlink(file->path);
}

void fuzz_check(lyc_status status, const lyc_error *err) {
    if (getenv("FUZZ_SHOW")) fprintf(stderr, "%d %s\n", (int)status, err->message);
    if ((status == LYC_OK) != (err->message[0] == '\0')) abort();
}

void fuzz_use(unsigned number) {
    __asm__ volatile("" : : "r"(number));
}

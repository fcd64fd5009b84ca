/* What a run file may hold, and all that `lyceum inspect` shows of it. The first byte chooses the window. */
#include <stdlib.h>

#include "lyceum/inspect.h"
#include "lyceum/memory.h"
#include "tests/fuzz/container.h"

static lyc_status swallow(void *payload, const char *text, size_t size, lyc_error *err) {
    unsigned *sum = payload;
    (void)err;
    for (size_t i = 0; i < size; i++) *sum += (unsigned char)text[i];
    return LYC_OK;
}

static void show(const lyc_inspection *run, int columns) {
    const lyc_inspect_style style = {.utf8 = columns % 2 == 0, .columns = columns};
    char *text = NULL, *json = NULL;
    lyc_error err = {0};
    fuzz_check(lyc_inspect_text(run, &style, &text, &err), &err);
    err = (lyc_error){0};
    fuzz_check(lyc_inspect_json(run, &json, &err), &err);
    lyc_free(text);
    lyc_free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_file file;
    lyc_inspection *run = NULL;
    lyc_error err = {0};
    unsigned sum = 0;
    if (size == 0) return 0;
    container_open(&file, data + 1, size - 1, NULL, NULL);
    const lyc_status status = lyc_inspect_open(&run, file.path, data[0] % 8, &err);
    fuzz_check(status, &err);
    if (status == LYC_OK) show(run, data[0]);
    lyc_inspect_close(run);
    err = (lyc_error){0};
    fuzz_check(lyc_inspect_csv(file.path, swallow, &sum, &err), &err);
    fuzz_use(sum);
    fuzz_close(&file);
    return 0;
}

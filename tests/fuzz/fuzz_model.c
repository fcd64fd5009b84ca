/* What a model file may hold; a network that is accepted must also run. */
#include <string.h>

#include "lyceum/memory.h"
#include "lyceum/model.h"
#include "tests/fuzz/container.h"

enum { ROWS = 3, MOST_VALUES = 1 << 14 };

static void give_zeros(void *payload, size_t first, size_t rows, float *out) {
    const lyc_network_spec *spec = payload;
    (void)first;
    memset(out, 0, rows * (size_t)spec->channels * (size_t)spec->height * (size_t)spec->width * sizeof *out);
}

/* Of a size that takes no time. */
static void run(const lyc_model *model) {
    const lyc_network_spec *spec = lyc_network_get_spec(model->network);
    const size_t values = (size_t)spec->channels * (size_t)spec->height * (size_t)spec->width;
    lyc_error err = {0};
    lyc_workspace *workspace = NULL;
    if (values > MOST_VALUES || lyc_network_size(model->network) > 64 * MOST_VALUES) return;
    lyc_status status = lyc_workspace_create(&workspace, model->network, LYC_MODE_INFER, ROWS, &err);
    fuzz_check(status, &err);
    const lyc_pass pass = {.rows = ROWS, .input = give_zeros, .input_payload = (void *)spec};
    if (status == LYC_OK) lyc_workspace_forward(workspace, model->params, &pass, NULL);
    lyc_workspace_destroy(workspace);
}

static lyc_status load_and_run(const uint8_t *data, size_t size, const char *sum, lyc_error *err) {
    fuzz_file file;
    lyc_model *model = NULL;
    container_open(&file, data, size, sum ? "fingerprint" : NULL, sum);
    lyc_status status = lyc_model_load(&model, file.path, err);
    fuzz_check(status, err);
    if (status == LYC_OK) run(model);
    lyc_model_destroy(model);
    fuzz_close(&file);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    lyc_error err = {0};
    char sum[33];
    if (load_and_run(data, size, NULL, &err) == LYC_OK ||
        !container_sum(&err, "the content has fingerprint ", sum))
        return 0;
    err = (lyc_error){0};
    (void)load_and_run(data, size, sum, &err);
    return 0;
}

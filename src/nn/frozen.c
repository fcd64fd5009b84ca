/* The life of a frozen network. */
#include "nn/frozen.h"

#include <math.h>
#include <string.h>

#include "base/argmax.h"
#include "lyceum/memory.h"
#include "nn/workspace.h"

/* ---- precisions --------------------------------------------------------------------------------------- */

static const char *const precisions[] = {[LYC_PRECISION_F32] = "f32", [LYC_PRECISION_BF16] = "bf16"};

const char *lyc_precision_name(lyc_precision precision) {
    return precisions[precision];
}

lyc_status lyc_precision_named(lyc_precision *out, const char *name, lyc_error *err) {
    for (size_t i = 0; name != NULL && i < sizeof precisions / sizeof *precisions; i++)
        if (strcmp(name, precisions[i]) == 0) {
            *out = (lyc_precision)i;
            return LYC_OK;
        }
    LYC_FAIL(err, LYC_ECONFIG, "there is no precision \"%s\"; there are: f32, bf16",
             name != NULL ? name : "");
}

/* ---- kernels ------------------------------------------------------------------------------------------ */

static const lyc__frozen_kernel *const convolutions[] = {
    &lyc__frozen_conv2d_thin, &lyc__frozen_conv2d_winograd, &lyc__frozen_conv2d_onednn,
    &lyc__frozen_conv2d_reference};
static const lyc__frozen_kernel *const linears[] = {&lyc__frozen_linear_onednn,
                                                    &lyc__frozen_linear_reference};

void lyc__frozen_forward(const lyc__call *call) {
    call->node->kernel->forward(call);
}

size_t lyc__frozen_scratch(const lyc__node *node, size_t rows) {
    return node->kernel->scratch_floats != NULL ? node->kernel->scratch_floats(node, rows) : 0;
}

static lyc_status open_kernel(const lyc__setup *setup, void **out, lyc_error *err) {
    const lyc__frozen_kernel *kernel = setup->node->kernel;
    *out = NULL;
    if (kernel->open == NULL) return LYC_OK;
    lyc__frozen_prepared *prepared = NULL;
    LYC_TRY(kernel->open(setup, &prepared, err));
    *out = prepared;
    return LYC_OK;
}

static void close_kernel(void *payload) {
    lyc__frozen_prepared *prepared = payload;
    prepared->kernel->close(prepared);
}

static size_t opened_scratch(const void *payload) {
    return ((const lyc__frozen_prepared *)payload)->scratch_floats;
}

static size_t opened_bytes(const void *payload) {
    return ((const lyc__frozen_prepared *)payload)->bytes;
}

/* Weights are packed already. */
const lyc__preparation lyc__frozen_preparation = {
    .create = open_kernel,
    .destroy = close_kernel,
    .scratch_floats = opened_scratch,
    .bytes = opened_bytes,
};

/* Sets node->kernel to the first that computes the layer. */
static lyc_status choose_kernel(const lyc_frozen *frozen, lyc__node *node, lyc_error *err) {
    const bool linear = node->op == &lyc__op_frozen_linear;
    for (const lyc__frozen_kernel *const *k = linear ? linears : convolutions; *k != NULL; k++) {
        bool taken = true;
        if (!(*k)->takes(node, frozen->precision)) continue;
        if ((*k)->prepare != NULL) LYC_TRY((*k)->prepare(node, frozen, &taken, err));
        if (!taken) continue;
        node->kernel = *k;
        return LYC_OK;
    }
    LYC_FAIL(err, LYC_EUNSUPPORTED, "there is no code for it in %s; use f32",
             lyc_precision_name(frozen->precision));
}

static lyc_status choose_kernels(const lyc_frozen *frozen, lyc_error *err) {
    lyc__graph *graph = frozen->net->graph;
    for (int i = 0; i < graph->node_count; i++) {
        lyc__node *node = &graph->nodes[i];
        if (node->op->forward != lyc__frozen_forward) continue;
        const lyc_status status = choose_kernel(frozen, node, err);
        if (status == LYC_OK) continue;
        lyc_error_prefix(err, "layer %s", node->name);
        return status;
    }
    return LYC_OK;
}

/* ---- life --------------------------------------------------------------------------------------------- */

static lyc_status fill(lyc_frozen *frozen, lyc_error *err) {
    lyc__graph *graph = NULL;
    LYC_TRY(lyc__freeze(&graph, &frozen->origins, frozen->source->graph, frozen->precision, err));
    LYC_TRY(lyc__network_of_graph(&frozen->net, graph, &frozen->source->spec, err));
    LYC_TRY(choose_kernels(frozen, err));
    return lyc_allocate((void **)&frozen->params, lyc_network_size(frozen->net), sizeof *frozen->params,
                        "a frozen network", err);
}

lyc_status lyc_frozen_create(lyc_frozen **out, const lyc_network *net, const float *params,
                             lyc_precision precision, size_t max_rows, lyc_error *err) {
    *out = NULL;
    LYC_TRY(lyc__check_rows(max_rows, err));
    if (precision == LYC_PRECISION_BF16) LYC_TRY(lyc__frozen_check_bf16(err));
    lyc_frozen *frozen = NULL;
    LYC_TRY(lyc_allocate((void **)&frozen, 1, sizeof *frozen, "a frozen network", err));
    frozen->source = net;
    frozen->precision = precision;
    frozen->max_rows = max_rows;
    frozen->shard_rows = lyc_frozen_shard_rows(net);
    lyc_status status = fill(frozen, err);
    if (status != LYC_OK) {
        lyc_frozen_destroy(frozen);
        return status;
    }
    lyc_frozen_update(frozen, params);
    *out = frozen;
    return LYC_OK;
}

void lyc_frozen_destroy(lyc_frozen *frozen) {
    if (frozen == NULL) return;
    for (int i = 0; frozen->net != NULL && i < frozen->net->graph->node_count; i++) {
        lyc__node *node = &frozen->net->graph->nodes[i];
        if (node->kernel != NULL && node->kernel->release != NULL) node->kernel->release(node);
    }
    lyc_network_destroy(frozen->net);
    lyc_free(frozen->origins);
    lyc_free(frozen->params);
    lyc_free(frozen);
}

void lyc_frozen_update(lyc_frozen *frozen, const float *params) {
    const lyc__graph *graph = frozen->net->graph;
    for (int i = 0; i < graph->node_count; i++) {
        const lyc__node *node = &graph->nodes[i];
        lyc__fold(graph, i, &frozen->origins[i], frozen->source->graph, params, frozen->params);
        if (node->kernel != NULL && node->kernel->pack != NULL) node->kernel->pack(node, frozen->params);
    }
}

/* ---- measuring ---------------------------------------------------------------------------------------- */

void lyc_logit_error_measure(lyc_logit_error *out, const float *logits, const float *exact, size_t rows,
                             size_t classes) {
    double sum = 0;
    size_t changed = 0;
    *out = (lyc_logit_error){.rows = rows};
    for (size_t r = 0; r < rows; r++) {
        const float *mine = logits + r * classes, *other = exact + r * classes;
        for (size_t c = 0; c < classes; c++) {
            const double difference = fabs((double)mine[c] - (double)other[c]);
            out->largest = fmax(out->largest, difference);
            sum += difference;
        }
        changed += lyc__argmax(mine, (int)classes) != lyc__argmax(other, (int)classes);
    }
    if (rows == 0) return;
    out->mean = sum / (double)(rows * classes);
    out->changed = (double)changed / (double)rows;
}

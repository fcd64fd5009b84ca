#include "nn/network.h"

#include <stdio.h>
#include <string.h>

#include "lyceum/blas.h"
#include "lyceum/memory.h"
#include "nn/arch.h"

enum { MOST_SIDE = 1 << 14, MOST_CHANNELS = 1 << 12, MOST_CLASSES = 1 << 20 };

/* ---- making one ------------------------------------------------------------------------------- */

static lyc_status check_range(const char *key, int value, int most, lyc_error *err) {
    if (value < 1 || value > most)
        LYC_FAIL(err, LYC_ECONFIG, "network: %s is %d, not between 1 and %d", key, value, most);
    return LYC_OK;
}

static lyc_status check_spec(const lyc_network_spec *spec, lyc_error *err) {
    LYC_TRY(check_range("channels", spec->channels, MOST_CHANNELS, err));
    LYC_TRY(check_range("height", spec->height, MOST_SIDE, err));
    LYC_TRY(check_range("width", spec->width, MOST_SIDE, err));
    LYC_TRY(check_range("classes", spec->classes, MOST_CLASSES, err));
    if (spec->hidden_count < 0 || spec->hidden_count > LYC_MAX_HIDDEN)
        LYC_FAIL(err, LYC_ECONFIG, "network: hidden has %d entries, not between 0 and %d", spec->hidden_count,
                 LYC_MAX_HIDDEN);
    if (spec->block_count > LYC_MAX_BLOCKS)
        LYC_FAIL(err, LYC_ECONFIG, "network: blocks has %zu entries, not between 0 and %d", spec->block_count,
                 LYC_MAX_BLOCKS);
    if (!(spec->dropout >= 0 && spec->dropout < 1))
        LYC_FAIL(err, LYC_ECONFIG, "network: dropout is %g, not in [0, 1)", spec->dropout);
    return LYC_OK;
}

static lyc_status find_arch(const lyc__arch **out, const char *name, lyc_error *err) {
    *out = lyc__arch_named(name);
    if (*out != NULL) return LYC_OK;
    char known[256] = "";
    size_t used = 0;
    for (size_t i = 0; lyc__arch_at(i) != NULL && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i > 0 ? ", " : "",
                                 lyc__arch_at(i)->name);
    LYC_FAIL(err, LYC_ECONFIG, "network: there is no arch \"%s\"; there are: %s", name != NULL ? name : "",
             known);
}

lyc_status lyc_network_create(lyc_network **out, const lyc_network_spec *spec, lyc_error *err) {
    *out = NULL;
    LYC_TRY(lyc_blas_check(err));
    LYC_TRY(check_spec(spec, err));
    const lyc__arch *arch = NULL;
    LYC_TRY(find_arch(&arch, spec->arch, err));
    lyc__graph *graph = NULL;
    LYC_TRY(lyc__graph_create(
        &graph, lyc__image((size_t)spec->height, (size_t)spec->width, (size_t)spec->channels), err));
    lyc_status status = arch->build(spec, graph, err);
    if (status != LYC_OK) {
        lyc__graph_destroy(graph);
        lyc_error_prefix(err, "network %s", arch->name);
        return status;
    }
    return lyc__network_of_graph(out, graph, spec, err);
}

/* Backward costs as much as forward for the parameters, and again for the input where that is wanted. */
static void count_flops(lyc_network *net) {
    for (int i = 0; i < net->graph->node_count; i++) {
        const lyc__node *node = &net->graph->nodes[i];
        if (node->op->flops == NULL) continue;
        const double forward = node->op->flops(node);
        net->flops_forward += forward;
        net->flops_train += forward * (1 + (node->param_count > 0 ? 1 : 0) +
                                       (lyc__graph_needs_gradient(net->graph, node->inputs[0]) ? 1 : 0));
    }
}

static lyc_status describe_parameter(lyc_network *net, const lyc__node *node, const lyc__param *param,
                                     lyc_error *err) {
    const size_t size = strlen(node->name) + 1 + strlen(param->suffix) + 1;
    char *name = NULL;
    LYC_TRY(lyc_allocate((void **)&name, size, 1, "a parameter's name", err));
    (void)snprintf(name, size, "%s.%s", node->name, param->suffix);
    lyc_parameter *entry = &net->parameters[net->parameter_count];
    *entry = (lyc_parameter){.name = name,
                             .rank = param->rank,
                             .offset = param->offset,
                             .size = param->size,
                             .decays = param->decays,
                             .trains = !param->state};
    memcpy(entry->dims, param->dims, sizeof entry->dims);
    net->params[net->parameter_count++] = param;
    return LYC_OK;
}

static lyc_status fill(lyc_network *net, const lyc_network_spec *spec, lyc_error *err) {
    net->spec = *spec;
    net->arch = lyc_strdup(spec->arch);
    if (net->arch == NULL) LYC_FAIL(err, LYC_ENOMEM, "no memory for a network");
    net->spec.arch = net->arch;
    const lyc__graph *graph = net->graph;
    size_t count = 0;
    for (int i = 0; i < graph->node_count; i++) count += (size_t)graph->nodes[i].param_count;
    LYC_TRY(lyc_allocate((void **)&net->parameters, count, sizeof *net->parameters, "a network's parameters",
                         err));
    LYC_TRY(lyc_allocate((void **)&net->params, count, sizeof *net->params, "a network's parameters", err));
    for (int i = 0; i < graph->node_count; i++)
        for (int j = 0; j < graph->nodes[i].param_count; j++)
            LYC_TRY(describe_parameter(net, &graph->nodes[i], &graph->nodes[i].params[j], err));
    count_flops(net);
    return LYC_OK;
}

lyc_status lyc__network_of_graph(lyc_network **out, lyc__graph *graph, const lyc_network_spec *spec,
                                 lyc_error *err) {
    *out = NULL;
    lyc_network *net = NULL;
    lyc_status status = lyc_allocate((void **)&net, 1, sizeof *net, "a network", err);
    if (status != LYC_OK) {
        lyc__graph_destroy(graph);
        return status;
    }
    net->graph = graph;
    status = fill(net, spec, err);
    if (status == LYC_OK) *out = net;
    else lyc_network_destroy(net);
    return status;
}

void lyc_network_destroy(lyc_network *net) {
    if (net == NULL) return;
    for (size_t i = 0; i < net->parameter_count; i++) lyc_free((void *)net->parameters[i].name);
    lyc_free(net->parameters);
    lyc_free(net->params);
    lyc__graph_destroy(net->graph);
    lyc_free(net->arch);
    lyc_free(net);
}

/* ---- looking at it ---------------------------------------------------------------------------- */

const lyc_network_spec *lyc_network_get_spec(const lyc_network *net) {
    return &net->spec;
}

size_t lyc_network_size(const lyc_network *net) {
    return net->graph->size;
}

size_t lyc_network_trainable(const lyc_network *net) {
    return net->graph->trainable;
}

size_t lyc_network_parameter_count(const lyc_network *net) {
    return net->parameter_count;
}

const lyc_parameter *lyc_network_parameter(const lyc_network *net, size_t index) {
    return index < net->parameter_count ? &net->parameters[index] : NULL;
}

double lyc_network_flops_forward(const lyc_network *net) {
    return net->flops_forward;
}

double lyc_network_flops_train(const lyc_network *net) {
    return net->flops_train;
}

/* Entries of the smallest table that the input goes to, and its layer; 0 for a network of numbers. */
static size_t entries_of(const lyc__graph *graph, const char **layer) {
    size_t fewest = 0;
    for (int i = 0; i < graph->node_count; i++) {
        const lyc__node *node = &graph->nodes[i];
        if (node->op != &lyc__op_embedding || node->inputs[0] != lyc__graph_input(graph)) continue;
        if (fewest > 0 && node->attributes.entries >= fewest) continue;
        fewest = node->attributes.entries;
        *layer = node->name;
    }
    return fewest;
}

lyc_status lyc_network_check_ids(const lyc_network *net, const int32_t *ids, size_t count, lyc_error *err) {
    const char *layer = "";
    const size_t entries = entries_of(net->graph, &layer);
    if (entries == 0) LYC_FAIL(err, LYC_EMISMATCH, "network %s takes numbers, not ids", net->arch);
    for (size_t i = 0; i < count; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= entries)
            LYC_FAIL(err, LYC_EMISMATCH,
                     "id %d (number %zu) is none of the %zu entries of layer %s; the tokenizer is not the one that"
                     " the network was made with",
                     (int)ids[i], i, entries, layer);
    return LYC_OK;
}

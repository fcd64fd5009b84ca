#include "nn/graph.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lyceum/memory.h"

/* So that a row's elements, its pixels and a shard of rows fit the int that OpenBLAS counts with. */
static const size_t most_elements = (size_t)1 << 26;
/* 8 GiB of parameters; every array of their size can be addressed. */
static const size_t most_parameters = (size_t)1 << 31;

lyc_status lyc__graph_create(lyc__graph **out, lyc__shape input, lyc_error *err) {
    LYC_TRY(lyc_allocate((void **)out, 1, sizeof **out, "a network's graph", err));
    (*out)->input = input;
    return LYC_OK;
}

void lyc__graph_destroy(lyc__graph *graph) {
    if (graph == NULL) return;
    for (int i = 0; i < graph->node_count; i++) lyc_free((void *)graph->nodes[i].name);
    lyc_free(graph->nodes);
    lyc_free(graph);
}

/* ---- adding nodes ----------------------------------------------------------------------------- */

static lyc_status reserve(lyc__graph *graph) {
    if (graph->node_count < graph->node_capacity) return LYC_OK;
    const int capacity = graph->node_capacity > 0 ? 2 * graph->node_capacity : 16;
    lyc__node *nodes = NULL;
    LYC_TRY(
        lyc_allocate((void **)&nodes, (size_t)capacity, sizeof *nodes, "a network's nodes", &graph->error));
    if (graph->node_count > 0) memcpy(nodes, graph->nodes, (size_t)graph->node_count * sizeof *nodes);
    lyc_free(graph->nodes);
    graph->nodes = nodes;
    graph->node_capacity = capacity;
    return LYC_OK;
}

/* The size of a row, or 0 when it is too large to compute with. */
static size_t checked_size(const lyc__shape *shape) {
    size_t size = 1;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dims[i] < 1 || shape->dims[i] > most_elements / size) return 0;
        size *= shape->dims[i];
    }
    return size;
}

static lyc_status check_type(const lyc__node *node, int input, lyc_error *err) {
    const bool given = node->in[input].type == LYC__I32, wanted = (node->op->ids >> input & 1) != 0;
    if (given && !wanted)
        LYC_FAIL(err, LYC_ECONFIG, "input %d holds ids, not numbers; put an embedding in front", input);
    if (wanted && !given) LYC_FAIL(err, LYC_ECONFIG, "input %d holds numbers, not ids", input);
    return LYC_OK;
}

static lyc_status check_node(lyc__graph *graph, lyc__node *node) {
    lyc_error *err = &graph->error;
    const int most = node->op->most_inputs > 0 ? node->op->most_inputs : node->op->inputs;
    if (node->input_count < node->op->inputs || node->input_count > most)
        LYC_FAIL(err, LYC_EINTERNAL, "%d inputs where %s takes %d to %d", node->input_count, node->op->name,
                 node->op->inputs, most);
    for (int i = 0; i < node->input_count; i++) {
        if (node->inputs[i] < 0 || node->inputs[i] > graph->node_count)
            LYC_FAIL(err, LYC_EINTERNAL, "input %d is no value of this graph", i);
        if ((node->op->constants >> i & 1) != 0 && lyc__graph_needs_gradient(graph, node->inputs[i]))
            LYC_FAIL(err, LYC_EINTERNAL, "%s has no gradient in its input %d, which depends on parameters",
                     node->op->name, i);
        node->in[i] = *lyc__graph_shape(graph, node->inputs[i]);
        LYC_TRY(check_type(node, i, err));
        node->learns = node->learns || lyc__graph_needs_gradient(graph, node->inputs[i]);
        if (checked_size(&node->in[i]) == 0)
            LYC_FAIL(err, LYC_ECONFIG, "the input has no elements, or more than %zu a row", most_elements);
    }
    LYC_TRY(node->op->infer(node, err));
    node->learns = node->learns || node->param_count > 0;
    if (checked_size(&node->out) == 0)
        LYC_FAIL(err, LYC_ECONFIG, "the output has no elements, or more than %zu a row", most_elements);
    return LYC_OK;
}

static lyc_status place_params(lyc__graph *graph, lyc__node *node) {
    for (int i = 0; i < node->param_count; i++) {
        lyc__param *param = &node->params[i];
        param->offset =
            param->state ? graph->size - graph->trainable : graph->trainable; /* see place_state */
        graph->size += param->size;
        if (!param->state) graph->trainable += param->size;
        if (graph->size > most_parameters)
            LYC_FAIL(&graph->error, LYC_ECONFIG, "the network has more than %zu parameters", most_parameters);
    }
    return LYC_OK;
}

static lyc_status append(lyc__graph *graph, lyc__node *node, const char *name) {
    LYC_TRY(check_node(graph, node));
    LYC_TRY(place_params(graph, node));
    LYC_TRY(reserve(graph));
    node->name = lyc_strdup(name);
    if (node->name == NULL) LYC_FAIL(&graph->error, LYC_ENOMEM, "no memory for its name");
    graph->nodes[graph->node_count++] = *node;
    return LYC_OK;
}

int lyc__graph_add(lyc__graph *graph, const lyc__operator *op, const char *name,
                   const lyc__attributes *attributes, const int *inputs, int input_count) {
    if (graph->status != LYC_OK) return 0;
    lyc__node node = {.op = op, .input_count = input_count, .stream = (uint32_t)graph->node_count};
    if (attributes != NULL) node.attributes = *attributes;
    for (int i = 0; i < input_count && i < LYC__MAX_INPUTS; i++) node.inputs[i] = inputs[i];
    char automatic[64];
    (void)snprintf(automatic, sizeof automatic, "%s%d", op->name, graph->node_count);
    if (name == NULL) name = automatic;
    graph->status = append(graph, &node, name);
    if (graph->status != LYC_OK) lyc_error_prefix(&graph->error, "layer %s", name);
    return graph->node_count;
}

int lyc__graph_input(const lyc__graph *graph) {
    (void)graph;
    return 0;
}

int lyc__linear(lyc__graph *graph, int x, const char *name, size_t outputs) {
    const lyc__attributes attributes = {.outputs = outputs};
    return lyc__graph_add(graph, &lyc__op_linear, name, &attributes, &x, 1);
}

int lyc__conv2d(lyc__graph *graph, int x, const char *name, size_t outputs, size_t kernel, size_t stride,
                size_t padding) {
    const lyc__attributes attributes = {.outputs = outputs,
                                        .kernel = {kernel, kernel},
                                        .stride = {stride, stride},
                                        .padding = {padding, padding}};
    return lyc__graph_add(graph, &lyc__op_conv2d, name, &attributes, &x, 1);
}

int lyc__conv2d_plain(lyc__graph *graph, int x, const char *name, size_t outputs, size_t kernel,
                      size_t stride, size_t padding) {
    const lyc__attributes attributes = {.outputs = outputs,
                                        .kernel = {kernel, kernel},
                                        .stride = {stride, stride},
                                        .padding = {padding, padding},
                                        .without_bias = true};
    return lyc__graph_add(graph, &lyc__op_conv2d, name, &attributes, &x, 1);
}

int lyc__batch_norm(lyc__graph *graph, int x, const char *name) {
    const lyc__attributes attributes = {.momentum = 0.1, .epsilon = 1e-5};
    return lyc__graph_add(graph, &lyc__op_batch_norm, name, &attributes, &x, 1);
}

int lyc__relu(lyc__graph *graph, int x) {
    return lyc__graph_add(graph, &lyc__op_relu, NULL, NULL, &x, 1);
}

int lyc__max_pool(lyc__graph *graph, int x, size_t kernel) {
    const lyc__attributes attributes = {.kernel = {kernel, kernel}, .stride = {kernel, kernel}};
    return lyc__graph_add(graph, &lyc__op_max_pool, NULL, &attributes, &x, 1);
}

int lyc__dropout(lyc__graph *graph, int x, double rate) {
    if (rate == 0) return x;
    const lyc__attributes attributes = {.rate = rate};
    return lyc__graph_add(graph, &lyc__op_dropout, NULL, &attributes, &x, 1);
}

int lyc__avg_pool(lyc__graph *graph, int x, size_t kernel, size_t stride, size_t padding) {
    const lyc__attributes attributes = {
        .kernel = {kernel, kernel}, .stride = {stride, stride}, .padding = {padding, padding}};
    return lyc__graph_add(graph, &lyc__op_avg_pool, NULL, &attributes, &x, 1);
}

int lyc__global_avg_pool(lyc__graph *graph, int x) {
    if (graph->status != LYC_OK) return 0;
    const size_t *dims = lyc__graph_shape(graph, x)->dims;
    const lyc__attributes attributes = {.kernel = {dims[0], dims[1]}, .stride = {1, 1}};
    return lyc__flatten(graph, lyc__graph_add(graph, &lyc__op_avg_pool, NULL, &attributes, &x, 1));
}

int lyc__subsample(lyc__graph *graph, int x, size_t outputs, size_t stride) {
    const lyc__attributes attributes = {.outputs = outputs, .stride = {stride, stride}};
    return lyc__graph_add(graph, &lyc__op_subsample, NULL, &attributes, &x, 1);
}

int lyc__flatten(lyc__graph *graph, int x) {
    return lyc__graph_add(graph, &lyc__op_flatten, NULL, NULL, &x, 1);
}

int lyc__layer_norm(lyc__graph *graph, int x, const char *name) {
    return lyc__graph_add(graph, &lyc__op_layer_norm, name, &(lyc__attributes){.epsilon = 1e-5}, &x, 1);
}

int lyc__concatenate(lyc__graph *graph, const int *values, int count) {
    return lyc__graph_add(graph, &lyc__op_concatenate, NULL, NULL, values, count);
}

int lyc__embedding(lyc__graph *graph, int ids, const char *name, size_t entries, size_t width,
                   const int32_t *padding) {
    const lyc__attributes attributes = {.entries = entries,
                                        .outputs = width,
                                        .pads = padding != NULL,
                                        .padding_id = padding != NULL ? *padding : 0};
    return lyc__graph_add(graph, &lyc__op_embedding, name, &attributes, &ids, 1);
}

int lyc__add(lyc__graph *graph, int a, int b) {
    const int inputs[] = {a, b};
    return lyc__graph_add(graph, &lyc__op_add, NULL, NULL, inputs, 2);
}

/* State lies behind all that trains. */
static void place_state(lyc__graph *graph) {
    for (int i = 0; i < graph->node_count; i++)
        for (int j = 0; j < graph->nodes[i].param_count; j++)
            if (graph->nodes[i].params[j].state) graph->nodes[i].params[j].offset += graph->trainable;
}

/* A value that nobody uses would have no gradient. */
static bool is_used(const lyc__graph *graph, int value) {
    for (int i = value; i < graph->node_count; i++)
        for (int j = 0; j < graph->nodes[i].input_count; j++)
            if (graph->nodes[i].inputs[j] == value) return true;
    return false;
}

lyc_status lyc__graph_finish(lyc__graph *graph, int output, lyc_error *err) {
    if (graph->status != LYC_OK) {
        if (err != NULL) *err = graph->error;
        return graph->status;
    }
    if (output < 1 || output > graph->node_count || lyc__graph_shape(graph, output)->rank != 1)
        LYC_FAIL(err, LYC_EINTERNAL, "the output of a network must be a row of features that a node makes");
    for (int value = 1; value <= graph->node_count; value++)
        if (value != output && !is_used(graph, value))
            LYC_FAIL(err, LYC_EINTERNAL, "layer %s leads nowhere", graph->nodes[value - 1].name);
    place_state(graph);
    graph->output = output;
    graph->finished = true;
    return LYC_OK;
}

/* ---- values ----------------------------------------------------------------------------------- */

const lyc__shape *lyc__graph_shape(const lyc__graph *graph, int value) {
    return value == 0 ? &graph->input : &graph->nodes[value - 1].out;
}

bool lyc__graph_needs_gradient(const lyc__graph *graph, int value) {
    return value > 0 && graph->nodes[value - 1].learns;
}

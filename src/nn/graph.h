/* Graphs: nodes in the order in which they run. Value 0 is the input of the network; node i makes value i
 * + 1.
 *
 * An architecture builds its graph with the functions below, each of which returns the value it makes. They
 * can be chained without looking: the graph keeps the first error, later calls do nothing, and
 * lyc__graph_finish reports it.
 *
 *     int x = lyc__graph_input(graph);
 *     x = lyc__relu(graph, lyc__linear(graph, x, "fc1", 128));
 *     lyc__graph_finish(graph, lyc__linear(graph, x, "fc2", 10), err);
 */
#ifndef NN_GRAPH_H
#define NN_GRAPH_H

#include "nn/operator.h"

typedef struct lyc__graph {
    lyc_status status; /* of building */
    lyc_error error;
    lyc__shape input;
    int node_count, node_capacity;
    lyc__node *nodes;
    int output;       /* value that holds the logits */
    size_t size;      /* floats of all parameters */
    size_t trainable; /* those that train, which come first; the rest is state */
    bool finished;
} lyc__graph;

lyc_status lyc__graph_create(lyc__graph **out, lyc__shape input, lyc_error *err);
void lyc__graph_destroy(lyc__graph *graph);

/* The general form. `name` is copied; NULL makes one from the operator's, for nodes without parameters. */
int lyc__graph_add(lyc__graph *graph, const lyc__operator *op, const char *name,
                   const lyc__attributes *attributes, const int *inputs, int input_count);

int lyc__graph_input(const lyc__graph *graph);
int lyc__linear(lyc__graph *graph, int x, const char *name, size_t outputs);
int lyc__conv2d(lyc__graph *graph, int x, const char *name, size_t outputs, size_t kernel, size_t stride,
                size_t padding);
int lyc__relu(lyc__graph *graph, int x);
int lyc__max_pool(lyc__graph *graph, int x, size_t kernel);
int lyc__dropout(lyc__graph *graph, int x, double rate); /* nothing for a rate of 0 */
int lyc__avg_pool(lyc__graph *graph, int x, size_t kernel, size_t stride, size_t padding);
int lyc__global_avg_pool(lyc__graph *graph, int x); /* mean over all pixels, as a row of features */
int lyc__subsample(lyc__graph *graph, int x, size_t outputs, size_t stride);
int lyc__flatten(lyc__graph *graph, int x);
int lyc__add(lyc__graph *graph, int a, int b);
int lyc__conv2d_plain(lyc__graph *graph, int x, const char *name, size_t outputs, size_t kernel,
                      size_t stride, size_t padding);            /* without bias */
int lyc__batch_norm(lyc__graph *graph, int x, const char *name); /* PyTorch's momentum 0.1, epsilon 1e-5 */
int lyc__layer_norm(lyc__graph *graph, int x, const char *name); /* PyTorch's epsilon 1e-5 */
int lyc__concatenate(lyc__graph *graph, const int *values, int count); /* at most LYC__MAX_INPUTS */
/* `ids` is an input of type LYC__I32; padding, the id of an entry that stays zeros, or NULL. */
int lyc__embedding(lyc__graph *graph, int ids, const char *name, size_t entries, size_t width,
                   const int32_t *padding);

/* Closes the graph: `output` must be a row of features. Parameters get their places in the block. */
lyc_status lyc__graph_finish(lyc__graph *graph, int output, lyc_error *err);

const lyc__shape *lyc__graph_shape(const lyc__graph *graph, int value);
/* Whether a parameter lies behind it, so that its gradient matters. */
bool lyc__graph_needs_gradient(const lyc__graph *graph, int value);

#endif

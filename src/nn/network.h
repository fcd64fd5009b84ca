/* What a network is inside the engine. */
#ifndef NN_NETWORK_H
#define NN_NETWORK_H

#include "lyceum/network.h"
#include "nn/graph.h"

struct lyc_network {
    lyc_network_spec spec;
    char *arch; /* what spec.arch points to */
    lyc__graph *graph;
    size_t parameter_count;
    lyc_parameter *parameters;
    const lyc__param **params;         /* [parameter_count], in the graph's nodes */
    double flops_forward, flops_train; /* of one row */
};

/* A network of any graph that is finished, which it takes over (also when it fails). The spec is copied. */
lyc_status lyc__network_of_graph(lyc_network **out, lyc__graph *graph, const lyc_network_spec *spec,
                                 lyc_error *err);

#endif

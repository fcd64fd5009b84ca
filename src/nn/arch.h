/* Architectures: functions that build a graph from a spec. One file an architecture, one row of the table. */
#ifndef NN_ARCH_H
#define NN_ARCH_H

#include "nn/graph.h"

typedef struct lyc__arch {
    const char *name; /* as written in a config */
    const char *doc;
    /* Checks what is particular to it (the sizes of the input and the number of classes are checked) and
     * builds up to lyc__graph_finish. */
    lyc_status (*build)(const lyc_network_spec *spec, lyc__graph *graph, lyc_error *err);
} lyc__arch;

/* NULL past the end; NULL for an unknown name. */
const lyc__arch *lyc__arch_at(size_t index);
const lyc__arch *lyc__arch_named(const char *name);

extern const lyc__arch lyc__arch_mlp, lyc__arch_lenet5, lyc__arch_resnet, lyc__arch_convnet;

#endif

/* Rewrites a graph for inference. Every conv2d and linear starts a chain, to which what follows is joined
 * where nobody else reads the value between: batch norm, then (conv2d) a sum, then a ReLU, then
 * (conv2d of images with one channel) the pooling. A chain becomes one node, in the place of its last, when
 * all that it reads is there. Dropout is left out, and so is a flatten before linear layers, which take
 * images as they are. Everything else stays. */
#include <string.h>

#include "lyceum/memory.h"
#include "nn/convolution.h"
#include "nn/frozen.h"

typedef struct chain {
    int layer, norm, add, relu, pool; /* nodes; -1 = none */
    int residual;                     /* value; the other one of the sum */
    int tail;                         /* the last of its nodes */
} chain;

typedef struct rewrite {
    const lyc__graph *source;
    lyc_precision precision;
    int *same;     /* [values] the value itself, or the one that it is equal to */
    int *readers;  /* [values] places where it, or one equal to it, is read; the output counts as one */
    chain *chains; /* [nodes] at the chain's layer */
    int *chain_of; /* [values] the layer whose chain ends with it; -1 = none */
    bool *narrow;  /* [values] kept in bf16 */
    int *made;     /* [values] its number in the new graph */
    lyc__origin *origins;
} rewrite;

static bool is_layer(const lyc__node *node) {
    return node->op == &lyc__op_conv2d || node->op == &lyc__op_linear;
}

/* ---- what is left out ------------------------------------------------------------------------------- */

/* Whether all that reads the value, directly or through what is the identity, are linear layers. */
static bool only_linear_reads(const lyc__graph *graph, int value) {
    for (int i = value; i < graph->node_count; i++) {
        const lyc__node *node = &graph->nodes[i];
        for (int j = 0; j < node->input_count; j++) {
            if (node->inputs[j] != value || node->op == &lyc__op_linear) continue;
            if ((node->op->traits & (LYC__IDENTITY | LYC__IDENTITY_INFERRING)) == 0) return false;
            if (i + 1 == graph->output || !only_linear_reads(graph, i + 1)) return false;
        }
    }
    return true;
}

static bool is_left_out(const lyc__graph *graph, int index) {
    const lyc__node *node = &graph->nodes[index];
    if (index + 1 == graph->output) return false;
    if ((node->op->traits & (LYC__IDENTITY | LYC__IDENTITY_INFERRING)) == 0) return false;
    return node->in[0].rank == node->out.rank || only_linear_reads(graph, index + 1);
}

static void count_readers(rewrite *r) {
    const lyc__graph *graph = r->source;
    r->same[0] = 0;
    for (int i = 0; i < graph->node_count; i++)
        r->same[i + 1] = is_left_out(graph, i) ? r->same[graph->nodes[i].inputs[0]] : i + 1;
    for (int i = 0; i < graph->node_count; i++)
        if (r->same[i + 1] == i + 1)
            for (int j = 0; j < graph->nodes[i].input_count; j++)
                r->readers[r->same[graph->nodes[i].inputs[j]]]++;
    r->readers[r->same[graph->output]]++;
}

/* ---- chains ----------------------------------------------------------------------------------------- */

/* The chain that ends with this value, if the reader at hand is the only one and its ReLU is still to come.
 */
static chain *open_chain(const rewrite *r, int value) {
    const int layer = r->chain_of[value];
    if (layer < 0 || r->readers[value] != 1 || r->chains[layer].relu >= 0) return NULL;
    return &r->chains[layer];
}

static void extend(rewrite *r, chain *c, int index) {
    r->chain_of[c->tail + 1] = -1;
    c->tail = index;
    r->chain_of[index + 1] = c->layer;
}

static void join_norm(rewrite *r, int index) {
    chain *c = open_chain(r, r->same[r->source->nodes[index].inputs[0]]);
    if (c == NULL || c->norm >= 0 || c->add >= 0) return;
    c->norm = index;
    extend(r, c, index);
}

/* Of two chains the later one takes the sum: the other value is then there, to be added to in place. */
static void join_sum(rewrite *r, int index) {
    const lyc__node *node = &r->source->nodes[index];
    chain *best = NULL;
    for (int j = 0; j < 2; j++) {
        chain *c = open_chain(r, r->same[node->inputs[j]]);
        if (c == NULL || c->add >= 0 || !lyc__frozen_adds(&r->source->nodes[c->layer])) continue;
        if (best != NULL && c->tail < best->tail) continue;
        best = c;
        best->residual = r->same[node->inputs[1 - j]];
    }
    if (best == NULL) return;
    best->add = index;
    extend(r, best, index);
}

static void join_relu(rewrite *r, int index) {
    chain *c = open_chain(r, r->same[r->source->nodes[index].inputs[0]]);
    if (c == NULL) return;
    c->relu = index;
    extend(r, c, index);
}

/* Only f32 has code for it. */
static void join_pool(rewrite *r, int index) {
    const lyc__node *node = &r->source->nodes[index];
    const int value = r->same[node->inputs[0]], layer = r->chain_of[value];
    if (layer < 0 || r->readers[value] != 1 || r->precision != LYC_PRECISION_F32) return;
    chain *c = &r->chains[layer];
    if (c->relu < 0 || c->add >= 0 || r->source->nodes[layer].op != &lyc__op_conv2d) return;
    if (!lyc__convolution_pools(&r->source->nodes[layer], node)) return;
    c->pool = index;
    extend(r, c, index);
}

static void find_chains(rewrite *r) {
    const lyc__graph *graph = r->source;
    for (int value = 0; value <= graph->node_count; value++) r->chain_of[value] = -1;
    for (int i = 0; i < graph->node_count; i++) {
        const lyc__node *node = &graph->nodes[i];
        if (is_layer(node)) {
            r->chains[i] =
                (chain){.layer = i, .norm = -1, .add = -1, .relu = -1, .pool = -1, .residual = -1, .tail = i};
            r->chain_of[i + 1] = i;
        } else if (node->op == &lyc__op_batch_norm) {
            join_norm(r, i);
        } else if (node->op == &lyc__op_add) {
            join_sum(r, i);
        } else if (node->op == &lyc__op_relu) {
            join_relu(r, i);
        } else if (node->op == &lyc__op_max_pool) {
            join_pool(r, i);
        }
    }
}

/* Whether the node is part of a chain that goes on behind it. */
static bool is_inside(const rewrite *r, int index) {
    for (int i = 0; i <= index; i++) {
        const chain *c = &r->chains[i];
        if (is_layer(&r->source->nodes[i]) && c->tail > index &&
            (c->layer == index || c->norm == index || c->add == index || c->relu == index))
            return true;
    }
    return false;
}

/* ---- bf16 ------------------------------------------------------------------------------------------- */

static bool moves(const lyc__node *node) {
    return (node->op->traits & LYC__MOVES) != 0;
}

/* Whether the node works on bf16 as well as on f32. A node inside a chain reads what the chain reads. */
static bool reads_narrow(const rewrite *r, int index) {
    const lyc__node *node = &r->source->nodes[index];
    return is_layer(node) || moves(node) || r->chain_of[index + 1] >= 0 || is_inside(r, index);
}

/* In bf16 lie the values that layers make and only layers, or what moves such values, read. */
static void choose_narrow(rewrite *r) {
    const lyc__graph *graph = r->source;
    if (r->precision != LYC_PRECISION_BF16) return;
    for (int value = 1; value <= graph->node_count; value++)
        r->narrow[value] =
            value != r->same[graph->output] && (r->chain_of[value] >= 0 || moves(&graph->nodes[value - 1]));
    for (bool again = true; again;) {
        again = false;
        for (int i = 0; i < graph->node_count; i++) {
            const lyc__node *node = &graph->nodes[i];
            if (r->same[i + 1] != i + 1) continue;
            for (int j = 0; j < node->input_count; j++) {
                bool *in = &r->narrow[r->same[node->inputs[j]]], *out = &r->narrow[i + 1];
                const bool keep = reads_narrow(r, i), tied = moves(node) && *in != *out;
                if (*in && (!keep || tied)) *in = false, again = true;
                if (*out && tied) *out = false, again = true;
            }
        }
    }
}

/* ---- the new graph ---------------------------------------------------------------------------------- */

static lyc__attributes attributes_of(const rewrite *r, const chain *c) {
    lyc__attributes attributes = r->source->nodes[c->layer].attributes;
    attributes.without_bias = false;
    attributes.relu = c->relu >= 0;
    attributes.narrow = r->narrow[c->tail + 1];
    return attributes;
}

static int add_chain(const rewrite *r, lyc__graph *graph, const chain *c) {
    const lyc__node *layer = &r->source->nodes[c->layer];
    const lyc__attributes attributes = attributes_of(r, c);
    int inputs[2] = {r->made[r->same[layer->inputs[0]]], 0};
    if (c->add >= 0) inputs[1] = r->made[c->residual];
    const lyc__operator *op = layer->op == &lyc__op_linear ? &lyc__op_frozen_linear
                              : c->add >= 0                ? &lyc__op_frozen_conv2d_add
                              : c->pool >= 0               ? &lyc__op_conv2d_pool
                                                           : &lyc__op_frozen_conv2d;
    return lyc__graph_add(graph, op, layer->name, &attributes, inputs, c->add >= 0 ? 2 : 1);
}

static int copy_node(const rewrite *r, lyc__graph *graph, int index) {
    const lyc__node *node = &r->source->nodes[index];
    int inputs[LYC__MAX_INPUTS] = {0};
    for (int j = 0; j < node->input_count; j++) inputs[j] = r->made[r->same[node->inputs[j]]];
    return lyc__graph_add(graph, node->op, node->name, &node->attributes, inputs, node->input_count);
}

static void add_nodes(rewrite *r, lyc__graph *graph) {
    int count = 0;
    for (int i = 0; i < r->source->node_count; i++) {
        if (r->same[i + 1] != i + 1 || is_inside(r, i)) continue;
        const int layer = r->chain_of[i + 1];
        const chain *c = layer >= 0 ? &r->chains[layer] : NULL;
        r->origins[count++] = c != NULL ? (lyc__origin){c->layer, c->norm} : (lyc__origin){i, -1};
        r->made[i + 1] = c != NULL ? add_chain(r, graph, c) : copy_node(r, graph, i);
    }
}

static lyc_status allocate(rewrite *r, lyc_error *err) {
    const size_t nodes = (size_t)r->source->node_count, values = nodes + 1;
    LYC_TRY(lyc_allocate((void **)&r->same, values, sizeof *r->same, "a frozen network", err));
    LYC_TRY(lyc_allocate((void **)&r->readers, values, sizeof *r->readers, "a frozen network", err));
    LYC_TRY(lyc_allocate((void **)&r->chains, nodes, sizeof *r->chains, "a frozen network", err));
    LYC_TRY(lyc_allocate((void **)&r->chain_of, values, sizeof *r->chain_of, "a frozen network", err));
    LYC_TRY(lyc_allocate((void **)&r->narrow, values, sizeof *r->narrow, "a frozen network", err));
    LYC_TRY(lyc_allocate((void **)&r->made, values, sizeof *r->made, "a frozen network", err));
    return lyc_allocate((void **)&r->origins, nodes, sizeof *r->origins, "a frozen network", err);
}

static lyc_status build(rewrite *r, lyc__graph *graph, lyc_error *err) {
    LYC_TRY(allocate(r, err));
    count_readers(r);
    find_chains(r);
    choose_narrow(r);
    add_nodes(r, graph);
    return lyc__graph_finish(graph, r->made[r->same[r->source->output]], err);
}

lyc_status lyc__freeze(lyc__graph **out, lyc__origin **origins, const lyc__graph *source,
                       lyc_precision precision, lyc_error *err) {
    *out = NULL;
    *origins = NULL;
    lyc__graph *graph = NULL;
    rewrite r = {.source = source, .precision = precision};
    LYC_TRY(lyc__graph_create(&graph, source->input, err));
    lyc_status status = build(&r, graph, err);
    if (status == LYC_OK) {
        *out = graph;
        *origins = r.origins;
    } else {
        lyc__graph_destroy(graph);
        lyc_free(r.origins);
    }
    lyc_free(r.same);
    lyc_free(r.readers);
    lyc_free(r.chains);
    lyc_free(r.chain_of);
    lyc_free(r.narrow);
    lyc_free(r.made);
    return status;
}

/* Rewrites a graph for training: a batch norm takes along the sum and the ReLU behind it, where nobody else
 * reads the values between. The new node stands where the sum stood, since the other summand is there by
 * then. A convolution of images with one channel takes along the ReLU and the pooling behind it.
 * Architectures are written plainly; what passes over memory this saves is the plan's business. */
#include "lyceum/memory.h"
#include "nn/convolution.h"
#include "nn/plan.h"

enum { NONE = -1 };

/* What becomes of a node. */
typedef struct fate {
    int add, relu, pool; /* of a batch norm or a convolution: the nodes that it takes along */
    int taken_by;        /* of those: by which node */
    int made;            /* value of the new graph */
} fate;

/* The node that alone reads the value, and once. */
static int only_reader(const lyc__graph *graph, int value) {
    int reader = NONE;
    if (value == graph->output) return NONE;
    for (int i = value; i < graph->node_count; i++)
        for (int j = 0; j < graph->nodes[i].input_count; j++) {
            if (graph->nodes[i].inputs[j] != value) continue;
            if (reader != NONE) return NONE;
            reader = i;
        }
    return reader;
}

/* Of two batch norms that meet in a sum the first takes it. */
static void choose(const lyc__graph *graph, fate *fates, int norm) {
    int reader = only_reader(graph, norm + 1);
    if (reader != NONE && graph->nodes[reader].op == &lyc__op_add && fates[reader].taken_by == NONE) {
        fates[norm].add = reader;
        fates[reader].taken_by = norm;
        reader = only_reader(graph, reader + 1);
    }
    if (reader == NONE || graph->nodes[reader].op != &lyc__op_relu) return;
    fates[norm].relu = reader;
    fates[reader].taken_by = norm;
}

/* Only of the first layer, whose images want no gradient. */
static void choose_pool(const lyc__graph *graph, fate *fates, int conv) {
    if (lyc__graph_needs_gradient(graph, graph->nodes[conv].inputs[0])) return;
    const int relu = only_reader(graph, conv + 1);
    if (relu == NONE || graph->nodes[relu].op != &lyc__op_relu) return;
    const int pool = only_reader(graph, relu + 1);
    if (pool == NONE || graph->nodes[pool].op != &lyc__op_max_pool) return;
    if (!lyc__convolution_pools(&graph->nodes[conv], &graph->nodes[pool])) return;
    fates[conv].relu = relu;
    fates[conv].pool = pool;
    fates[relu].taken_by = fates[pool].taken_by = conv;
}

static void append(lyc__graph *graph, const lyc__node *node, const fate *fates) {
    lyc__node *mine = &graph->nodes[graph->node_count++];
    *mine = *node;
    for (int i = 0; i < mine->input_count; i++)
        if (mine->inputs[i] > 0) mine->inputs[i] = fates[mine->inputs[i] - 1].made;
}

/* The batch norm with the sum, at the place of the sum. */
static lyc__node with_sum(const lyc__graph *graph, int norm, int add) {
    lyc__node node = graph->nodes[norm];
    const int other = graph->nodes[add].inputs[0] == norm + 1 ? 1 : 0;
    node.op = &lyc__op_batch_norm_add;
    node.input_count = 2;
    node.inputs[1] = graph->nodes[add].inputs[other];
    node.in[1] = graph->nodes[add].in[other];
    return node;
}

static lyc__node with_pool(const lyc__graph *graph, int conv, int pool) {
    lyc__node node = graph->nodes[conv];
    node.op = &lyc__op_conv2d_pool;
    node.out = graph->nodes[pool].out;
    return node;
}

static void rewrite(const lyc__graph *graph, fate *fates, lyc__graph *fused) {
    for (int i = 0; i < graph->node_count; i++) {
        const lyc__node *node = &graph->nodes[i];
        const int taker = fates[i].taken_by != NONE ? fates[i].taken_by : i;
        const fate *mine = &fates[taker];
        if (i == mine->relu || i == mine->pool) {
            fates[i].made = fates[taker].made;
            continue;
        }
        if (i == taker && mine->add != NONE) continue;
        lyc__node copy = i == mine->add ? with_sum(graph, taker, i) : *node;
        if (mine->pool != NONE) copy = with_pool(graph, i, mine->pool);
        copy.attributes.relu = copy.attributes.relu || mine->relu != NONE;
        append(fused, &copy, fates);
        fates[i].made = fates[taker].made = fused->node_count;
    }
    fused->output = fates[graph->output - 1].made;
}

lyc_status lyc__plan_fuse(lyc__plan *plan, lyc_error *err) {
    const lyc__graph *graph = plan->graph;
    const size_t nodes = (size_t)graph->node_count;
    fate *fates = NULL;
    if (plan->mode != LYC_MODE_TRAIN) return LYC_OK;
    plan->fused = *graph;
    plan->fused.nodes = NULL;
    plan->fused.node_count = 0;
    LYC_TRY(lyc_allocate((void **)&plan->fused.nodes, nodes, sizeof *graph->nodes, "a plan", err));
    LYC_TRY(lyc_allocate((void **)&fates, nodes, sizeof *fates, "a plan", err));
    for (size_t i = 0; i < nodes; i++) fates[i] = (fate){NONE, NONE, NONE, NONE, 0};
    for (int i = 0; i < graph->node_count; i++) {
        if (graph->nodes[i].op == &lyc__op_batch_norm) choose(graph, fates, i);
        if (graph->nodes[i].op == &lyc__op_conv2d) choose_pool(graph, fates, i);
    }
    rewrite(graph, fates, &plan->fused);
    plan->graph = &plan->fused;
    lyc_free(fates);
    return LYC_OK;
}

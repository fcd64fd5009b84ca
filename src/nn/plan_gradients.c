/* Where gradients lie in backward. */
#include "lyceum/memory.h"
#include "nn/plan.h"

/* What is known of the gradients that share a place, kept at the root. */
typedef struct group {
    int root;     /* of this value's gradient; -1 = it has none (yet) */
    int first;    /* moment in which it is written first */
    int last;     /* node that reads it last, the one that makes the value */
    int segment;  /* of backward, in which it is written first */
    bool crosses; /* a barrier stands within its life */
} group;

typedef struct builder {
    lyc__draft *draft;
    lyc__plan *plan;
    group *groups; /* [values] */
} builder;

/* The node that makes `value` reads its gradient, which lies where that of `root` does. */
static void join(builder *b, int value, int root) {
    group *mine = &b->groups[root];
    const int producer = value - 1;
    b->groups[value].root = root;
    if (producer < mine->last) mine->last = producer;
    mine->crosses = mine->crosses || mine->segment != b->plan->backward.segment_of[producer];
}

/* Written first in backward of `node`; by the caller of the network, if that is the node count. */
static void found(builder *b, int value, int node) {
    const bool given = node == b->plan->graph->node_count;
    b->groups[value] = (group){.first = lyc__plan_backward_moment(b->plan, node),
                               .last = value - 1,
                               .segment = given ? 0 : b->plan->backward.segment_of[node]};
    join(b, value, value);
}

/* A further user of a value: its share of the gradient gets a place of its own for one moment, unless it lies
 * where the gradient of the output does. */
static void add_share(builder *b, int index, int input, bool passes) {
    const int now = lyc__plan_backward_moment(b->plan, index);
    lyc__node_plan *mine = &b->plan->nodes[index];
    mine->add[input] = true;
    if (!passes)
        lyc__draft_add(b->draft, &mine->d_in[input], LYC__IN_LANE, now, now,
                       lyc__plan_value_bytes(b->plan, b->plan->graph->nodes[index].inputs[input]));
}

static void group_input(builder *b, int index, int input) {
    const lyc__node *node = &b->plan->graph->nodes[index];
    const int value = node->inputs[input];
    if (!lyc__graph_needs_gradient(b->plan->graph, value)) return;
    const bool passes = input == 1 && (node->op->traits & LYC__PASSES_GRADIENT) != 0;
    const bool in_place = input == 0 && (node->op->traits & LYC__GRADIENT_IN_PLACE) != 0;
    if (b->groups[value].root >= 0) {
        add_share(b, index, input, passes);
    } else if (passes || in_place) {
        join(b, value, b->groups[index + 1].root);
        if (in_place) b->plan->nodes[index].skip_backward = (node->op->traits & LYC__IDENTITY) != 0;
    } else {
        found(b, value, index);
    }
}

static void group_gradients(builder *b) {
    const lyc__graph *graph = b->plan->graph;
    for (int value = 0; value <= graph->node_count; value++) b->groups[value].root = -1;
    found(b, graph->output, graph->node_count);
    for (int i = graph->node_count - 1; i >= 0; i--)
        for (int j = 0; graph->nodes[i].learns && j < graph->nodes[i].input_count; j++) group_input(b, i, j);
}

static void place_gradients(builder *b) {
    lyc__plan *plan = b->plan;
    for (int value = 0; value <= plan->graph->node_count; value++) {
        const group *mine = &b->groups[value];
        b->draft->gradient_roots[value] = mine->root;
        if (mine->root == value)
            lyc__draft_add(b->draft, &plan->gradients[value], mine->crosses ? LYC__IN_SHARD : LYC__IN_LANE,
                           mine->first, lyc__plan_backward_moment(plan, mine->last),
                           lyc__plan_value_bytes(plan, value));
    }
}

lyc_status lyc__plan_gradients(lyc__draft *draft, lyc_error *err) {
    lyc__plan *plan = draft->plan;
    if (plan->mode != LYC_MODE_TRAIN) {
        for (int value = 0; value <= plan->graph->node_count; value++) draft->gradient_roots[value] = -1;
        return LYC_OK;
    }
    builder b = {.draft = draft, .plan = plan};
    LYC_TRY(lyc_allocate((void **)&b.groups, (size_t)plan->graph->node_count + 1, sizeof *b.groups, "a plan",
                         err));
    group_gradients(&b);
    place_gradients(&b);
    lyc_free(b.groups);
    return LYC_OK;
}

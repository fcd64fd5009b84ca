/* Where gradients lie in backward. Time runs backwards here: step t of an interval is node count - 1 - t, and
 * the gradient of the logits is there before the first step. */
#include "lyceum/memory.h"
#include "nn/plan.h"

/* What is known of the gradients that share a place, kept at the root. */
typedef struct group {
    int root;        /* of this value's gradient; -1 = it has none (yet) */
    int first, last; /* steps of its life */
    bool crosses;    /* a barrier stands within its life */
} group;

typedef struct builder {
    lyc__plan *plan;
    group *groups;            /* [values] */
    lyc__interval *intervals; /* [values], then one for each gradient that is added */
    lyc__slot **slots;        /* where the latter's places go */
    int count;                /* of intervals */
} builder;

static int time_of(const lyc__plan *plan, int node) {
    return plan->graph->node_count - 1 - node;
}

static size_t value_bytes(const lyc__plan *plan, int value) {
    return plan->rows * lyc__shape_size(lyc__graph_shape(plan->graph, value)) * sizeof(float);
}

/* `node` (or whoever comes before the first step, -1) writes the gradient of `value`. */
static void note_life(builder *b, int value, int node) {
    const lyc__program *program = &b->plan->backward;
    group *root = &b->groups[b->groups[value].root];
    const int producer = value - 1, written_in = node >= 0 ? program->segment_of[node] : 0;
    if (time_of(b->plan, producer) > root->last) root->last = time_of(b->plan, producer);
    root->crosses = root->crosses || written_in != program->segment_of[producer];
}

/* A second user of a value: its share of the gradient gets a place of its own for one step. */
static void add_share(builder *b, int value, int node, int input) {
    const int now = time_of(b->plan, node);
    b->plan->nodes[node].add[input] = true;
    b->slots[b->count] = &b->plan->nodes[node].d_in[input];
    b->intervals[b->count++] =
        (lyc__interval){.first = now, .last = now, .bytes = value_bytes(b->plan, value)};
}

static void group_input(builder *b, int index, int input) {
    const lyc__node *node = &b->plan->graph->nodes[index];
    const int value = node->inputs[input];
    if (!lyc__graph_needs_gradient(b->plan->graph, value)) return;
    group *mine = &b->groups[value];
    if (mine->root >= 0) {
        add_share(b, value, index, input);
    } else if (input == 0 && (node->op->traits & LYC__GRADIENT_IN_PLACE) != 0) {
        mine->root = b->groups[index + 1].root;
        b->plan->nodes[index].skip_backward = (node->op->traits & LYC__IDENTITY) != 0;
    } else {
        *mine = (group){.root = value, .first = time_of(b->plan, index)};
    }
    note_life(b, value, index);
}

static void group_gradients(builder *b) {
    const lyc__graph *graph = b->plan->graph;
    for (int value = 0; value <= graph->node_count; value++) b->groups[value].root = -1;
    b->groups[graph->output] = (group){.root = graph->output, .first = -1};
    note_life(b, graph->output, -1);
    for (int i = graph->node_count - 1; i >= 0; i--)
        for (int j = 0; graph->nodes[i].learns && j < graph->nodes[i].input_count; j++) group_input(b, i, j);
}

static void place_gradients(builder *b) {
    lyc__plan *plan = b->plan;
    const int values = plan->graph->node_count + 1;
    for (int value = 0; value < values; value++) {
        const group *mine = &b->groups[value];
        if (mine->root != value) continue;
        if (mine->crosses) {
            plan->gradients[value] = (lyc__slot){LYC__IN_SHARD, plan->shard_bytes};
            plan->shard_bytes += lyc__plan_round(value_bytes(plan, value));
        } else {
            b->intervals[value] =
                (lyc__interval){.first = mine->first, .last = mine->last, .bytes = value_bytes(plan, value)};
        }
    }
    const size_t bytes = lyc__plan_pack(b->intervals, b->count);
    if (bytes > plan->lane_bytes) plan->lane_bytes = bytes;
    for (int value = 0; value < values; value++)
        if (b->groups[value].root == value && !b->groups[value].crosses)
            plan->gradients[value] = (lyc__slot){LYC__IN_LANE, b->intervals[value].offset};
    for (int value = 0; value < values; value++)
        if (b->groups[value].root >= 0) plan->gradients[value] = plan->gradients[b->groups[value].root];
    for (int i = values; i < b->count; i++) *b->slots[i] = (lyc__slot){LYC__IN_LANE, b->intervals[i].offset};
}

/* Where backward of each node writes what is not added afterwards. */
static void point_nodes(lyc__plan *plan) {
    for (int i = 0; i < plan->graph->node_count; i++) {
        const lyc__node *node = &plan->graph->nodes[i];
        for (int j = 0; j < node->input_count; j++)
            if (!plan->nodes[i].add[j]) plan->nodes[i].d_in[j] = plan->gradients[node->inputs[j]];
    }
}

lyc_status lyc__plan_gradients(lyc__plan *plan, lyc_error *err) {
    if (plan->mode != LYC_MODE_TRAIN) return LYC_OK;
    const size_t values = (size_t)plan->graph->node_count + 1, most = values * (1 + LYC__MAX_INPUTS);
    builder b = {.plan = plan, .count = (int)values};
    lyc_status status = LYC_OK;
    LYC_TRY_GOTO(lyc_allocate((void **)&b.groups, values, sizeof *b.groups, "a plan", err));
    LYC_TRY_GOTO(lyc_allocate((void **)&b.intervals, most, sizeof *b.intervals, "a plan", err));
    LYC_TRY_GOTO(lyc_allocate((void **)&b.slots, most, sizeof(lyc__slot *), "a plan", err));
    group_gradients(&b);
    place_gradients(&b);
    point_nodes(plan);
done:
    lyc_free((void *)b.slots);
    lyc_free(b.intervals);
    lyc_free(b.groups);
    return status;
}

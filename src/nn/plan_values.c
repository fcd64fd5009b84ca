/* Where values lie. Values that share memory form a group, named by the value that came
 * first, its root. */
#include "lyceum/memory.h"
#include "nn/plan.h"

/* What is known of a group, kept at its root. */
typedef struct group {
    int root;        /* of this value */
    int first, last; /* steps of its life */
    bool needed;     /* backward reads it */
    bool crosses;    /* a barrier stands within its life */
} group;

static size_t value_bytes(const lyc__plan *plan, int value) {
    return plan->rows * lyc__shape_size(lyc__graph_shape(plan->graph, value)) * sizeof(float);
}

static bool is_identity(const lyc__plan *plan, const lyc__node *node) {
    if ((node->op->traits & LYC__IDENTITY) != 0) return true;
    return plan->mode == LYC_MODE_INFER && (node->op->traits & LYC__IDENTITY_INFERRING) != 0;
}

/* Whether backward reads this very value. */
static bool backward_reads(const lyc__plan *plan, int value) {
    const lyc__graph *graph = plan->graph;
    if (plan->mode != LYC_MODE_TRAIN) return false;
    if (value > 0 && graph->nodes[value - 1].learns &&
        (graph->nodes[value - 1].op->traits & LYC__NEEDS_OUTPUT) != 0)
        return true;
    for (int i = value; i < graph->node_count; i++)
        for (int j = 0; j < graph->nodes[i].input_count; j++)
            if (graph->nodes[i].inputs[j] == value && graph->nodes[i].learns &&
                (graph->nodes[i].op->traits & LYC__NEEDS_INPUT) != 0)
                return true;
    return false;
}

/* The last node that reads this very value, or else the one that makes it (of the output). */
static int last_reader(const lyc__graph *graph, int value) {
    int last = value - 1;
    for (int i = value; i < graph->node_count; i++)
        for (int j = 0; j < graph->nodes[i].input_count; j++)
            if (graph->nodes[i].inputs[j] == value) last = i;
    return last;
}

/* Whether node `index` may write over input 0: nobody reads that group afterwards. */
static bool may_overwrite(const lyc__graph *graph, const group *groups, int index) {
    const lyc__node *node = &graph->nodes[index];
    if ((node->op->traits & LYC__IN_PLACE) == 0) return false;
    const group *mine = &groups[groups[node->inputs[0]].root];
    for (int j = 1; j < node->input_count; j++)
        if (groups[node->inputs[j]].root == mine->root) return false;
    return mine->last <= index && !mine->needed;
}

/* Whether the node in front can take this ReLU along: it writes over the same place, for nobody else. */
static bool may_take_along(const lyc__graph *graph, int index) {
    const lyc__node *node = &graph->nodes[index];
    return node->op == &lyc__op_relu && node->inputs[0] == index &&
           (graph->nodes[index - 1].op->traits & LYC__TAKES_RELU) != 0;
}

/* The input (node -1) is there from the start. */
static int forward_segment(const lyc__plan *plan, int node) {
    return node >= 0 ? plan->forward.segment_of[node] : 0;
}

/* Fills groups[], value after value, and what the nodes may skip. */
static void group_values(lyc__plan *plan, group *groups) {
    const lyc__graph *graph = plan->graph;
    for (int value = 0; value <= graph->node_count; value++) {
        const int index = value - 1;
        int root = value;
        if (index >= 0) {
            const lyc__node *node = &graph->nodes[index];
            const bool identity = is_identity(plan, node);
            if (identity || may_overwrite(graph, groups, index)) {
                root = groups[node->inputs[0]].root;
                if (!identity && index > 0 && may_take_along(graph, index))
                    plan->nodes[index - 1].relu = true;
                plan->nodes[index].skip_forward = identity || (index > 0 && plan->nodes[index - 1].relu);
            }
        }
        if (root == value) groups[value] = (group){.first = index, .last = index};
        groups[value].root = root;
        group *mine = &groups[root];
        const int last = last_reader(graph, value);
        if (last > mine->last) mine->last = last;
        mine->needed = mine->needed || backward_reads(plan, value);
        mine->crosses = mine->crosses || forward_segment(plan, last) > forward_segment(plan, root - 1);
    }
}

/* Gives a place to the root of every group; the lane's part comes from the intervals. */
static void place_values(lyc__plan *plan, const group *groups, lyc__interval *intervals) {
    const lyc__graph *graph = plan->graph;
    const int output_root = groups[graph->output].root;
    for (int value = 0; value <= graph->node_count; value++) {
        intervals[value] = (lyc__interval){.first = groups[value].first, .last = groups[value].last};
        if (groups[value].root != value) continue;
        lyc__slot *slot = &plan->values[value];
        if (value == output_root) {
            slot->place = LYC__IN_LOGITS;
        } else if (groups[value].needed || groups[value].crosses) {
            *slot = (lyc__slot){LYC__IN_SHARD, plan->shard_bytes};
            plan->shard_bytes += lyc__plan_round(value_bytes(plan, value));
        } else {
            slot->place = LYC__IN_LANE;
            intervals[value].bytes = value_bytes(plan, value);
        }
    }
}

static void place_saved(lyc__plan *plan) {
    for (int i = 0; i < plan->graph->node_count; i++) {
        const lyc__node *node = &plan->graph->nodes[i];
        if (node->op->saved_bytes == NULL || plan->nodes[i].skip_forward) continue;
        plan->nodes[i].saved = (lyc__slot){LYC__IN_SHARD, plan->shard_bytes};
        plan->shard_bytes += lyc__plan_round(node->op->saved_bytes(node, plan->rows));
    }
}

static void keep_most(size_t *most, size_t bytes) {
    if (bytes > *most) *most = bytes;
}

lyc_status lyc__plan_values(lyc__plan *plan, lyc_error *err) {
    const size_t count = (size_t)plan->graph->node_count + 1;
    group *groups = NULL;
    lyc__interval *intervals = NULL;
    lyc_status status = LYC_OK;
    LYC_TRY_GOTO(lyc_allocate((void **)&groups, count, sizeof *groups, "a plan", err));
    LYC_TRY_GOTO(lyc_allocate((void **)&intervals, count, sizeof *intervals, "a plan", err));
    group_values(plan, groups);
    place_values(plan, groups, intervals);
    keep_most(&plan->lane_bytes, lyc__plan_pack(intervals, (int)count));
    for (size_t value = 0; value < count; value++) {
        const int root = groups[value].root;
        if (plan->values[root].place == LYC__IN_LANE) plan->values[root].offset = intervals[root].offset;
        plan->values[value] = plan->values[root];
    }
    place_saved(plan);
done:
    lyc_free(intervals);
    lyc_free(groups);
    return status;
}

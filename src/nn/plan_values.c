/* Where values lie. Values that share memory form a group, named by the value that came
 * first, its root. */
#include "lyceum/memory.h"
#include "nn/plan.h"

/* What is known of a group, kept at its root. */
typedef struct group {
    int root;     /* of this value */
    int last;     /* forward node that reads it last, or else makes it */
    int needed;   /* backward node that reads it last; -1 = none does */
    bool crosses; /* a barrier stands within its forward life */
    int members;  /* values */
} group;

static bool is_identity(const lyc__plan *plan, const lyc__node *node) {
    if ((node->op->traits & LYC__IDENTITY) != 0) return true;
    return plan->mode == LYC_MODE_INFER && (node->op->traits & LYC__IDENTITY_INFERRING) != 0;
}

static bool has_trait(const lyc__node *node, unsigned traits) {
    return (node->op->traits & traits) != 0;
}

/* Whether backward of `node` reads input `input`. */
static bool backward_needs(const lyc__node *node, int input) {
    return node->learns &&
           has_trait(node, input == 0 ? LYC__NEEDS_INPUT | LYC__NEEDS_INPUT_0 : LYC__NEEDS_INPUT);
}

/* The node whose backward reads this very value last, the first in the graph's order; -1 = none does. */
static int backward_reader(const lyc__plan *plan, int value) {
    const lyc__graph *graph = plan->graph;
    if (plan->mode != LYC_MODE_TRAIN) return -1;
    if (value > 0 && graph->nodes[value - 1].learns && has_trait(&graph->nodes[value - 1], LYC__NEEDS_OUTPUT))
        return value - 1;
    for (int i = value; i < graph->node_count; i++) {
        const lyc__node *node = &graph->nodes[i];
        for (int j = 0; j < node->input_count; j++)
            if (node->inputs[j] == value && backward_needs(node, j)) return i;
    }
    return -1;
}

/* The last node that reads this very value, or else the one that makes it (of the output). */
static int last_reader(const lyc__graph *graph, int value) {
    int last = value - 1;
    for (int i = value; i < graph->node_count; i++)
        for (int j = 0; j < graph->nodes[i].input_count; j++)
            if (graph->nodes[i].inputs[j] == value) last = i;
    return last;
}

/* The input that a node's operator may write over; -1 = none. */
static int input_below(const lyc__node *node) {
    if ((node->op->traits & LYC__IN_PLACE) != 0) return 0;
    return (node->op->traits & LYC__IN_PLACE_1) != 0 ? 1 : -1;
}

/* Whether node `index` may write over that input: nobody reads its group afterwards. */
static bool may_overwrite(const lyc__graph *graph, const group *groups, int index) {
    const lyc__node *node = &graph->nodes[index];
    const int below = input_below(node);
    if (below < 0 || node->in[below].type != node->out.type) return false;
    const group *mine = &groups[groups[node->inputs[below]].root];
    for (int j = 0; j < node->input_count; j++)
        if (j != below && groups[node->inputs[j]].root == mine->root) return false;
    return mine->last <= index && mine->needed < 0;
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
                root = groups[node->inputs[identity ? 0 : input_below(node)]].root;
                if (!identity && index > 0 && may_take_along(graph, index))
                    plan->nodes[index - 1].relu = true;
                plan->nodes[index].skip_forward = identity || (index > 0 && plan->nodes[index - 1].relu);
            }
        }
        if (root == value) groups[value] = (group){.last = index, .needed = -1};
        groups[value].root = root;
        group *mine = &groups[root];
        mine->members++;
        const int last = last_reader(graph, value), needed = backward_reader(plan, value);
        if (last > mine->last) mine->last = last;
        if (needed >= 0 && (mine->needed < 0 || needed < mine->needed)) mine->needed = needed;
        mine->crosses = mine->crosses || forward_segment(plan, last) > forward_segment(plan, root - 1);
    }
}

/* Has a value made again before backward reads it, rather than kept from forward, where that is cheap and all
 * who read it in backward are in one segment, as their input 0. */
static bool remake(lyc__draft *draft, int value, const group *mine) {
    lyc__plan *plan = draft->plan;
    const lyc__graph *graph = plan->graph;
    if (mine->needed < 0 || mine->members > 1 || value == 0) return false;
    if (!has_trait(&graph->nodes[value - 1], LYC__REMAKES) || mine->needed < value) return false;
    int first = mine->needed; /* in backward */
    for (int i = value; i < graph->node_count; i++)
        for (int j = 0; j < graph->nodes[i].input_count; j++) {
            if (graph->nodes[i].inputs[j] != value || !backward_needs(&graph->nodes[i], j)) continue;
            if (j > 0 || plan->backward.segment_of[i] != plan->backward.segment_of[mine->needed])
                return false;
            first = i;
        }
    plan->nodes[first].remake = true;
    lyc__draft_add(draft, &plan->remade[value], LYC__IN_LANE, lyc__plan_backward_moment(plan, first),
                   lyc__plan_backward_moment(plan, mine->needed), lyc__plan_value_bytes(plan, value));
    return true;
}

/* Says in which memory each group lies, and how long. */
static void place_values(lyc__draft *draft, const group *groups) {
    lyc__plan *plan = draft->plan;
    const int output_root = groups[plan->graph->output].root;
    for (int value = 0; value <= plan->graph->node_count; value++) {
        const group *mine = &groups[value];
        draft->value_roots[value] = mine->root;
        if (mine->root != value) continue;
        if (value == output_root) {
            plan->values[value].place = LYC__IN_LOGITS;
            continue;
        }
        const bool kept = mine->needed >= 0 && !remake(draft, value, mine);
        const int last =
            kept ? lyc__plan_backward_moment(plan, mine->needed) : lyc__plan_forward_moment(mine->last);
        lyc__draft_add(draft, &plan->values[value], kept || mine->crosses ? LYC__IN_SHARD : LYC__IN_LANE,
                       lyc__plan_forward_moment(value - 1), last, lyc__plan_value_bytes(plan, value));
    }
}

/* Where there is no backward, what forward saves for it is nothing but scratch. */
static void place_saved(lyc__draft *draft) {
    lyc__plan *plan = draft->plan;
    for (int i = 0; i < plan->graph->node_count; i++) {
        const lyc__node *node = &plan->graph->nodes[i];
        if (node->op->saved_bytes == NULL || plan->nodes[i].skip_forward) continue;
        const bool lasts = plan->mode == LYC_MODE_TRAIN && node->learns;
        const int now = lyc__plan_forward_moment(i), then = lyc__plan_backward_moment(plan, i);
        lyc__draft_add(draft, &plan->nodes[i].saved, lasts ? LYC__IN_SHARD : LYC__IN_LANE, now,
                       lasts ? then : now, node->op->saved_bytes(node, plan->rows));
    }
}

lyc_status lyc__plan_values(lyc__draft *draft, lyc_error *err) {
    group *groups = NULL;
    LYC_TRY(lyc_allocate((void **)&groups, (size_t)draft->plan->graph->node_count + 1, sizeof *groups,
                         "a plan", err));
    group_values(draft->plan, groups);
    place_values(draft, groups);
    place_saved(draft);
    lyc_free(groups);
    return LYC_OK;
}

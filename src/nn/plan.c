#include "nn/plan.h"

#include "lyceum/memory.h"

/* ---- while it is made ------------------------------------------------------------------------- */

int lyc__plan_forward_moment(int node) {
    return node + 1;
}

int lyc__plan_backward_moment(const lyc__plan *plan, int node) {
    return 2 * plan->graph->node_count + 1 - node;
}

size_t lyc__plan_value_bytes(const lyc__plan *plan, int value) {
    return plan->rows * lyc__shape_bytes(lyc__graph_shape(plan->graph, value));
}

void lyc__draft_add(lyc__draft *draft, lyc__slot *slot, lyc__place place, int first, int last, size_t bytes) {
    if (bytes == 0) return;
    slot->place = place;
    draft->intervals[draft->interval_count++] =
        (lyc__interval){.slot = slot, .first = first, .last = last, .bytes = lyc__plan_round(bytes)};
}

/* Everybody gets the place of their root. */
static void spread(const lyc__draft *draft) {
    lyc__plan *plan = draft->plan;
    for (int value = 0; value <= plan->graph->node_count; value++) {
        const int root = draft->gradient_roots[value];
        plan->values[value] = plan->values[draft->value_roots[value]];
        if (root >= 0) plan->gradients[value] = plan->gradients[root];
    }
    for (int i = 0; i < plan->graph->node_count; i++) {
        const lyc__node *node = &plan->graph->nodes[i];
        for (int j = 0; j < node->input_count; j++)
            if (!plan->nodes[i].add[j]) plan->nodes[i].d_in[j] = plan->gradients[node->inputs[j]];
            else if (plan->nodes[i].d_in[j].place == LYC__NOWHERE)
                plan->nodes[i].d_in[j] = plan->gradients[i + 1]; /* it passes the gradient on */
    }
}

static lyc_status place(lyc__draft *draft, lyc_error *err) {
    const size_t nodes = (size_t)draft->plan->graph->node_count, values = nodes + 1;
    /* Each value, made again, and its gradient; each node's saved bytes and shares of gradients. */
    const size_t most = 3 * values + nodes * (1 + LYC__MAX_INPUTS);
    LYC_TRY(lyc_allocate((void **)&draft->value_roots, values, sizeof(int), "a plan", err));
    LYC_TRY(lyc_allocate((void **)&draft->gradient_roots, values, sizeof(int), "a plan", err));
    LYC_TRY(lyc_allocate((void **)&draft->intervals, most, sizeof *draft->intervals, "a plan", err));
    LYC_TRY(lyc__plan_values(draft, err));
    LYC_TRY(lyc__plan_gradients(draft, err));
    draft->plan->shard_bytes = lyc__plan_pack(draft, LYC__IN_SHARD);
    draft->plan->lane_bytes = lyc__plan_pack(draft, LYC__IN_LANE);
    spread(draft);
    return LYC_OK;
}

static lyc_status fill(lyc__plan *plan, lyc_error *err) {
    LYC_TRY(lyc__plan_fuse(plan, err));
    const size_t nodes = (size_t)plan->graph->node_count;
    LYC_TRY(lyc_allocate((void **)&plan->values, nodes + 1, sizeof *plan->values, "a plan", err));
    LYC_TRY(lyc_allocate((void **)&plan->gradients, nodes + 1, sizeof *plan->gradients, "a plan", err));
    LYC_TRY(lyc_allocate((void **)&plan->remade, nodes + 1, sizeof *plan->remade, "a plan", err));
    LYC_TRY(lyc_allocate((void **)&plan->nodes, nodes, sizeof *plan->nodes, "a plan", err));
    LYC_TRY(lyc__plan_order(plan, err));
    lyc__draft draft = {.plan = plan};
    const lyc_status status = place(&draft, err);
    lyc_free(draft.value_roots);
    lyc_free(draft.gradient_roots);
    lyc_free(draft.intervals);
    return status;
}

/* ---- life ------------------------------------------------------------------------------------- */

lyc_status lyc__plan_create(lyc__plan **out, const lyc__graph *graph, lyc_mode mode, size_t rows,
                            lyc_error *err) {
    *out = NULL;
    lyc__plan *plan = NULL;
    LYC_TRY(lyc_allocate((void **)&plan, 1, sizeof *plan, "a plan", err));
    *plan = (lyc__plan){.graph = graph, .mode = mode, .rows = rows};
    lyc_status status = fill(plan, err);
    if (status == LYC_OK) *out = plan;
    else lyc__plan_destroy(plan);
    return status;
}

static void free_program(lyc__program *program) {
    lyc_free(program->steps);
    lyc_free(program->segments);
    lyc_free(program->segment_of);
}

void lyc__plan_destroy(lyc__plan *plan) {
    if (plan == NULL) return;
    for (size_t i = 0; i < plan->prepared_count; i++)
        plan->graph->nodes[plan->prepared[i]].op->preparation->destroy(
            plan->nodes[plan->prepared[i]].prepared);
    lyc_free(plan->prepared);
    free_program(&plan->forward);
    free_program(&plan->backward);
    lyc_free(plan->values);
    lyc_free(plan->gradients);
    lyc_free(plan->remade);
    lyc_free(plan->nodes);
    lyc_free(plan->fused.nodes);
    lyc_free(plan);
}

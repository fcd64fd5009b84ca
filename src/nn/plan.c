#include "nn/plan.h"

#include "lyceum/memory.h"

/* Scratch lies behind the values of a lane: an operator uses it while it runs. */
static void place_scratch(lyc__plan *plan) {
    size_t most = 0;
    for (int i = 0; i < plan->graph->node_count; i++) {
        const lyc__node *node = &plan->graph->nodes[i];
        const size_t floats =
            node->op->scratch_floats != NULL ? node->op->scratch_floats(node, plan->rows) : 0;
        if (floats > most) most = floats;
    }
    plan->scratch = plan->lane_bytes;
    plan->lane_bytes += lyc__plan_round(most * sizeof(float));
}

static lyc_status fill(lyc__plan *plan, lyc_error *err) {
    const size_t nodes = (size_t)plan->graph->node_count;
    LYC_TRY(lyc_allocate((void **)&plan->values, nodes + 1, sizeof *plan->values, "a plan", err));
    LYC_TRY(lyc_allocate((void **)&plan->gradients, nodes + 1, sizeof *plan->gradients, "a plan", err));
    LYC_TRY(lyc_allocate((void **)&plan->nodes, nodes, sizeof *plan->nodes, "a plan", err));
    LYC_TRY(lyc__plan_order(plan, err));
    LYC_TRY(lyc__plan_values(plan, err));
    LYC_TRY(lyc__plan_gradients(plan, err));
    place_scratch(plan);
    return LYC_OK;
}

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
    free_program(&plan->forward);
    free_program(&plan->backward);
    lyc_free(plan->values);
    lyc_free(plan->gradients);
    lyc_free(plan->nodes);
    lyc_free(plan);
}

#include "nn/plan.h"

#include "lyceum/memory.h"

static lyc_status fill(lyc__plan *plan, lyc_error *err) {
    const size_t nodes = (size_t)plan->graph->node_count;
    LYC_TRY(lyc_allocate((void **)&plan->values, nodes + 1, sizeof *plan->values, "a plan", err));
    LYC_TRY(lyc_allocate((void **)&plan->gradients, nodes + 1, sizeof *plan->gradients, "a plan", err));
    LYC_TRY(lyc_allocate((void **)&plan->nodes, nodes, sizeof *plan->nodes, "a plan", err));
    LYC_TRY(lyc__plan_order(plan, err));
    LYC_TRY(lyc__plan_values(plan, err));
    return lyc__plan_gradients(plan, err);
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
    for (size_t i = 0; i < plan->prepared_count; i++)
        plan->graph->nodes[plan->prepared[i]].op->preparation->destroy(plan->nodes[plan->prepared[i]].prepared);
    lyc_free(plan->prepared);
    free_program(&plan->forward);
    free_program(&plan->backward);
    lyc_free(plan->values);
    lyc_free(plan->gradients);
    lyc_free(plan->nodes);
    lyc_free(plan);
}

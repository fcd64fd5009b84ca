/* In which order nodes run, and where the barriers cut. */
#include "lyceum/memory.h"
#include "nn/plan.h"

static bool is_barrier(const lyc__plan *plan, int node) {
    return plan->mode == LYC_MODE_TRAIN && plan->graph->nodes[node].op->barrier != NULL;
}

static lyc_status allocate(lyc__program *program, int nodes, lyc_error *err) {
    const size_t count = (size_t)nodes;
    LYC_TRY(lyc_allocate((void **)&program->steps, 2 * count, sizeof *program->steps, "a plan", err));
    LYC_TRY(lyc_allocate((void **)&program->segments, count + 1, sizeof *program->segments, "a plan", err));
    LYC_TRY(lyc_allocate((void **)&program->segment_of, count, sizeof *program->segment_of, "a plan", err));
    for (int i = 0; i < nodes; i++) program->segment_of[i] = -1;
    program->segment_count = 1;
    program->segments[0].barrier = -1;
    return LYC_OK;
}

static void add_step(lyc__program *program, int node, bool gather) {
    program->steps[program->step_count++] = (lyc__step){node, gather};
    lyc__segment *segment = &program->segments[program->segment_count - 1];
    segment->count++;
    if (!gather) {
        program->segment_of[node] = program->segment_count - 1;
        return;
    }
    segment->barrier = node;
    program->segments[program->segment_count++] = (lyc__segment){.first = program->step_count, .barrier = -1};
}

/* Barriers gather from a value as soon as it is there, while it is in the cache. */
static void gather_from(lyc__plan *plan, int value) {
    const lyc__graph *graph = plan->graph;
    for (int i = value; i < graph->node_count; i++) {
        if (!is_barrier(plan, i) || graph->nodes[i].inputs[0] != value) continue;
        add_step(&plan->forward, i, true);
        plan->nodes[i].partial = plan->partial_count;
        plan->partial_count += 2 * graph->nodes[i].op->barrier->size(&graph->nodes[i]);
    }
}

lyc_status lyc__plan_order(lyc__plan *plan, lyc_error *err) {
    const lyc__graph *graph = plan->graph;
    LYC_TRY(allocate(&plan->forward, graph->node_count, err));
    LYC_TRY(allocate(&plan->backward, graph->node_count, err));
    gather_from(plan, 0);
    for (int i = 0; i < graph->node_count; i++) {
        add_step(&plan->forward, i, false);
        gather_from(plan, i + 1);
    }
    if (plan->mode != LYC_MODE_TRAIN) return LYC_OK;
    for (int i = graph->node_count - 1; i >= 0; i--) {
        if (!graph->nodes[i].learns) continue;
        if (is_barrier(plan, i)) add_step(&plan->backward, i, true);
        add_step(&plan->backward, i, false);
    }
    return LYC_OK;
}

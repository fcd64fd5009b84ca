/* What operators make ahead, and the scratch memory that they want. */
#include "lyceum/memory.h"
#include "lyceum/pool.h"
#include "nn/plan.h"

static lyc_status prepare_node(lyc__plan *plan, int index, size_t lanes, lyc_error *err) {
    const lyc__node *node = &plan->graph->nodes[index];
    lyc__node_plan *mine = &plan->nodes[index];
    const lyc__setup setup = {
        .node = node,
        .mode = plan->mode,
        .rows = plan->rows,
        .lanes = lanes,
        .relu = mine->relu,
        .d_in = mine->d_in[0].place != LYC__NOWHERE,
    };
    if (node->op->preparation == NULL) return LYC_OK;
    LYC_TRY(node->op->preparation->create(&setup, &mine->prepared, err));
    if (mine->prepared != NULL) plan->prepared[plan->prepared_count++] = index;
    return LYC_OK;
}

static size_t scratch_of(const lyc__plan *plan, int index) {
    const lyc__operator *op = plan->graph->nodes[index].op;
    if (plan->nodes[index].prepared != NULL)
        return op->preparation->scratch_floats(plan->nodes[index].prepared);
    return op->scratch_floats != NULL ? op->scratch_floats(&plan->graph->nodes[index], plan->rows) : 0;
}

/* Scratch lies behind the values of a lane: an operator uses it while it runs. */
lyc_status lyc__plan_prepare(lyc__plan *plan, size_t lanes, size_t *bytes, lyc_error *err) {
    const int nodes = plan->graph->node_count;
    LYC_TRY(lyc_allocate((void **)&plan->prepared, (size_t)nodes, sizeof *plan->prepared, "a plan", err));
    size_t most = 0;
    *bytes = 0;
    for (int i = 0; i < nodes; i++) {
        LYC_TRY(prepare_node(plan, i, lanes, err));
        const size_t floats = scratch_of(plan, i);
        if (floats > most) most = floats;
        if (plan->nodes[i].prepared != NULL)
            *bytes += plan->graph->nodes[i].op->preparation->bytes(plan->nodes[i].prepared);
    }
    plan->scratch = plan->lane_bytes;
    plan->lane_bytes += lyc__plan_round(most * sizeof(float));
    return LYC_OK;
}

typedef struct refresh_job {
    const lyc__plan *plan;
    const float *params;
    bool backward;
} refresh_job;

static void refresh_node(void *payload, size_t item, int slot) {
    (void)slot;
    const refresh_job *job = payload;
    const int index = job->plan->prepared[item];
    const lyc__node *node = &job->plan->graph->nodes[index];
    const float *param[LYC__MAX_PARAMS] = {0};
    for (int i = 0; i < node->param_count; i++) param[i] = job->params + node->params[i].offset;
    node->op->preparation->refresh(job->plan->nodes[index].prepared, param, job->backward);
}

void lyc__plan_refresh(const lyc__plan *plan, const float *params, bool backward, lyc_priority priority,
                       lyc_pool *pool) {
    refresh_job job = {.plan = plan, .params = params, .backward = backward};
    if (plan->prepared_count > 0) lyc_pool_run(pool, priority, plan->prepared_count, refresh_node, &job);
}

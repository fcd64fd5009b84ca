/* Runs the nodes of a segment on one shard. */
#include <string.h>

#include "nn/workspace.h"

/* ---- lanes ------------------------------------------------------------------------------------ */

/* There is a lane for every shard, so one is always free; the lowest is the likeliest to be in a cache. */
static unsigned claim_lane(lyc_workspace *workspace) {
    unsigned before = atomic_load_explicit(&workspace->free_lanes, memory_order_relaxed), lowest = 0;
    do lowest = before & ~(before - 1);
    while (!atomic_compare_exchange_weak_explicit(&workspace->free_lanes, &before, before & ~lowest,
                                                  memory_order_acquire, memory_order_relaxed));
    return lowest;
}

static void release_lane(lyc_workspace *workspace, unsigned lane) {
    atomic_fetch_or_explicit(&workspace->free_lanes, lane, memory_order_release);
}

/* ---- one shard -------------------------------------------------------------------------------- */

typedef struct shard {
    lyc_workspace *workspace;
    size_t index, first;
    size_t rows;  /* computed */
    size_t given; /* of them rows of the batch; the last shard of a frozen network may have fewer */
    unsigned char *memory, *lane;
    size_t lane_index;
} shard;

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

static shard enter(lyc_workspace *workspace, size_t index, unsigned lane) {
    const size_t first = index * workspace->shard_rows, left = workspace->pass.rows - first;
    const size_t given = smaller(left, workspace->shard_rows);
    const size_t place = (size_t)__builtin_ctz(lane);
    const lyc__plan *plan = workspace->plan;
    return (shard){.workspace = workspace,
                   .index = index,
                   .first = first,
                   .rows = workspace->frozen != NULL ? workspace->shard_rows : given,
                   .given = given,
                   .memory = workspace->shards + index * plan->shard_bytes,
                   .lane = workspace->lanes + place * plan->lane_bytes,
                   .lane_index = place};
}

static void *locate(const shard *s, lyc__slot slot) {
    switch (slot.place) {
    case LYC__IN_SHARD:
        return s->memory + slot.offset;
    case LYC__IN_LANE:
        return s->lane + slot.offset;
    case LYC__IN_LOGITS:
        return s->workspace->logits + s->first * s->workspace->classes;
    case LYC__NOWHERE:
        break;
    }
    return NULL;
}

static double *partial_of(const lyc_workspace *workspace, size_t shard_index, int node, bool backward) {
    const lyc__plan *plan = workspace->plan;
    const lyc__barrier *barrier = plan->graph->nodes[node].op->barrier;
    if (barrier == NULL || plan->partial_count == 0) return NULL;
    return workspace->partials + shard_index * plan->partial_count + plan->nodes[node].partial +
           (backward ? barrier->size(&plan->graph->nodes[node]) : 0);
}

static void fill_call(const shard *s, int index, const float *params, lyc__call *call) {
    const lyc_workspace *workspace = s->workspace;
    const lyc__plan *plan = workspace->plan;
    const lyc__node *node = &plan->graph->nodes[index];
    call->node = node;
    call->mode = workspace->mode;
    call->first = s->index == 0;
    call->relu = plan->nodes[index].relu;
    for (int i = 0; i < node->input_count; i++)
        call->in[i] = (lyc__tensor){locate(s, plan->values[node->inputs[i]]), s->rows};
    call->out = (lyc__tensor){locate(s, plan->values[index + 1]), s->rows};
    for (int i = 0; i < node->param_count; i++) call->param[i] = params + node->params[i].offset;
    call->saved = locate(s, plan->nodes[index].saved);
    call->scratch = (float *)(void *)(s->lane + plan->scratch);
    call->prepared = plan->nodes[index].prepared;
    call->lane = s->lane_index;
    call->total = partial_of(workspace, 0, index, false);
    call->draw = (lyc__draw){workspace->pass.seed, workspace->pass.epoch, workspace->pass.step, s->first};
}

/* ---- forward ---------------------------------------------------------------------------------- */

static void forward_steps(const shard *s, const lyc__job *job) {
    const lyc__plan *plan = s->workspace->plan;
    for (int i = 0; i < job->segment->count; i++) {
        const lyc__step step = plan->forward.steps[job->segment->first + i];
        if (plan->nodes[step.node].skip_forward) continue;
        lyc__call call = {0};
        fill_call(s, step.node, job->params, &call);
        const lyc__operator *op = call.node->op;
        if (step.gather) op->barrier->gather(&call, partial_of(s->workspace, s->index, step.node, false));
        else op->forward(&call);
    }
}

/* Rows that nobody asked for are zeros. */
static void give_input(const shard *s) {
    const lyc_workspace *workspace = s->workspace;
    const size_t size = lyc__shape_size(&workspace->plan->graph->input);
    float *input = locate(s, workspace->plan->values[0]);
    workspace->pass.input(workspace->pass.input_payload, s->first, s->given, input);
    memset(input + s->given * size, 0, (s->rows - s->given) * size * sizeof *input);
}

void lyc__run_forward(void *payload, size_t index, int slot) {
    (void)slot;
    const lyc__job *job = payload;
    lyc_workspace *workspace = job->workspace;
    const unsigned lane = claim_lane(workspace);
    const size_t first = index * workspace->together;
    for (size_t i = first; i < smaller(first + workspace->together, workspace->shard_count); i++) {
        const shard s = enter(workspace, i, lane);
        if (job->first) give_input(&s);
        forward_steps(&s, job);
    }
    release_lane(workspace, lane);
}

/* ---- backward --------------------------------------------------------------------------------- */

static void fill_backward_call(const shard *s, int index, const lyc__job *job, lyc__call *call) {
    const lyc__plan *plan = s->workspace->plan;
    fill_call(s, index, job->params, call);
    for (int i = 0; i < call->node->input_count; i++) {
        const lyc__slot remade = plan->remade[call->node->inputs[i]];
        if (remade.place != LYC__NOWHERE) call->in[i].data = locate(s, remade);
    }
    call->d_out = (lyc__tensor){locate(s, plan->gradients[index + 1]), s->rows};
    for (int i = 0; i < call->node->input_count; i++)
        call->d_in[i] = (lyc__tensor){locate(s, plan->nodes[index].d_in[i]), s->rows};
    float *gradient = job->gradient != NULL
                          ? job->gradient
                          : s->workspace->gradients + s->index * lyc_network_trainable(s->workspace->net);
    for (int i = 0; i < call->node->param_count; i++)
        if (!call->node->params[i].state) call->d_param[i] = gradient + call->node->params[i].offset;
    call->d_total = partial_of(s->workspace, 0, index, true);
}

/* Adds the shares of values that have several users. */
static void add_shares(const shard *s, int index, const lyc__call *call) {
    const lyc__plan *plan = s->workspace->plan;
    for (int i = 0; i < call->node->input_count; i++) {
        if (!plan->nodes[index].add[i]) continue;
        float *sum = locate(s, plan->gradients[call->node->inputs[i]]);
        lyc__vector()->add(sum, call->d_in[i].data, s->rows * lyc__shape_size(&call->node->in[i]), sum);
    }
}

/* Forward of the node that makes input 0 of node `index`, once more. */
static void remake(const shard *s, int index, const lyc__job *job) {
    const lyc__plan *plan = s->workspace->plan;
    const int value = plan->graph->nodes[index].inputs[0];
    lyc__call call = {0};
    fill_call(s, value - 1, job->params, &call);
    call.out.data = locate(s, plan->remade[value]);
    call.node->op->forward(&call);
}

static void backward_steps(const shard *s, const lyc__job *job) {
    const lyc__plan *plan = s->workspace->plan;
    for (int i = 0; i < job->segment->count; i++) {
        const lyc__step step = plan->backward.steps[job->segment->first + i];
        if (plan->nodes[step.node].skip_backward) continue;
        lyc__call call = {0};
        fill_backward_call(s, step.node, job, &call);
        const lyc__operator *op = call.node->op;
        if (step.gather) {
            op->barrier->gather_backward(&call, partial_of(s->workspace, s->index, step.node, true));
            continue;
        }
        if (plan->nodes[step.node].remake) remake(s, step.node, job);
        op->backward(&call);
        add_shares(s, step.node, &call);
    }
}

void lyc__run_backward(void *payload, size_t index, int slot) {
    (void)slot;
    const lyc__job *job = payload;
    lyc_workspace *workspace = job->workspace;
    const unsigned lane = claim_lane(workspace);
    const shard s = enter(workspace, index, lane);
    if (job->first) {
        const int output = workspace->plan->graph->output;
        job->fn(job->payload, index, s.first, s.rows, workspace->logits + s.first * workspace->classes,
                locate(&s, workspace->plan->gradients[output]));
    }
    backward_steps(&s, job);
    release_lane(workspace, lane);
}

/* ---- barriers --------------------------------------------------------------------------------- */

void lyc__combine(lyc_workspace *workspace, int index, bool backward) {
    const lyc__node *node = &workspace->plan->graph->nodes[index];
    const lyc__barrier *barrier = node->op->barrier;
    for (size_t reach = 1; reach < workspace->shard_count; reach *= 2)
        for (size_t i = 0; i + reach < workspace->shard_count; i += 2 * reach) {
            double *into = partial_of(workspace, i, index, backward);
            const double *from = partial_of(workspace, i + reach, index, backward);
            if (backward) barrier->combine_backward(node, into, from);
            else barrier->combine(node, into, from);
        }
}

void lyc__settle(lyc_workspace *workspace, int index, float *params) {
    const lyc__node *node = &workspace->plan->graph->nodes[index];
    if (node->op->barrier->settle == NULL) return;
    float *places[LYC__MAX_PARAMS] = {0};
    for (int i = 0; i < node->param_count; i++) places[i] = params + node->params[i].offset;
    node->op->barrier->settle(node, partial_of(workspace, 0, index, false), places);
}

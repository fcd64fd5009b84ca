#include "nn/workspace.h"

#include <assert.h>
#include <string.h>

#include "lyceum/memory.h"
#include "nn/frozen.h"
#include "nn/reduce.h"
#include "nn/shard.h"

enum { MOST_ROWS = 1 << 20 };

static size_t divide_up(size_t a, size_t b) {
    return (a + b - 1) / b;
}

lyc_status lyc__check_rows(size_t rows, lyc_error *err) {
    if (rows < 1 || rows > MOST_ROWS)
        LYC_FAIL(err, LYC_ECONFIG, "a batch of %zu rows is not between 1 and %d", rows, MOST_ROWS);
    return LYC_OK;
}

static lyc_status take(lyc_workspace *workspace, void **out, size_t count, size_t size, const char *what,
                       lyc_error *err) {
    LYC_TRY(lyc_allocate(out, count, size, what, err));
    workspace->bytes += count * size;
    return LYC_OK;
}

static lyc_status fill(lyc_workspace *workspace, lyc_error *err) {
    size_t rows = 0, logit_rows = workspace->max_rows;
    if (workspace->frozen != NULL) {
        rows = workspace->frozen->shard_rows;
        const size_t count = divide_up(workspace->max_rows, rows);
        logit_rows = count * rows; /* the last shard is computed whole */
        workspace->max_shards = count < LYC__MAX_SHARDS ? count : LYC__MAX_SHARDS;
    } else {
        lyc__shard_limits(workspace->net, workspace->mode, workspace->max_rows, &rows,
                          &workspace->max_shards);
    }
    LYC_TRY(lyc__plan_create(&workspace->plan, workspace->net->graph, workspace->mode, rows, err));
    const lyc__plan *plan = workspace->plan;
    const size_t shards = workspace->max_shards;
    size_t prepared = 0;
    LYC_TRY(lyc__plan_prepare(workspace->plan, shards, &prepared, err));
    workspace->bytes += prepared;
    atomic_init(&workspace->free_lanes, UINT32_MAX >> (LYC__MAX_SHARDS - shards));
    LYC_TRY(take(workspace, (void **)&workspace->shards, shards, plan->shard_bytes, "activations", err));
    LYC_TRY(take(workspace, (void **)&workspace->lanes, shards, plan->lane_bytes, "activations", err));
    LYC_TRY(take(workspace, (void **)&workspace->logits, logit_rows, workspace->classes * sizeof(float),
                 "logits", err));
    if (workspace->mode == LYC_MODE_TRAIN && shards > 1)
        LYC_TRY(take(workspace, (void **)&workspace->gradients, shards,
                     lyc_network_trainable(workspace->net) * sizeof(float), "gradients", err));
    if (plan->partial_count > 0)
        LYC_TRY(take(workspace, (void **)&workspace->partials, shards, plan->partial_count * sizeof(double),
                     "batch statistics", err));
    return LYC_OK;
}

static lyc_status create(lyc_workspace **out, const lyc_network *net, const lyc_frozen *frozen, lyc_mode mode,
                         size_t max_rows, lyc_error *err) {
    *out = NULL;
    LYC_TRY(lyc__check_rows(max_rows, err));
    lyc_workspace *workspace = NULL;
    LYC_TRY(lyc_allocate((void **)&workspace, 1, sizeof *workspace, "a workspace", err));
    workspace->net = net;
    workspace->frozen = frozen;
    workspace->mode = mode;
    workspace->max_rows = max_rows;
    workspace->classes = lyc__graph_shape(net->graph, net->graph->output)->dims[0];
    workspace->bytes = sizeof *workspace;
    lyc_status status = fill(workspace, err);
    if (status == LYC_OK) *out = workspace;
    else lyc_workspace_destroy(workspace);
    return status;
}

lyc_status lyc_workspace_create(lyc_workspace **out, const lyc_network *net, lyc_mode mode, size_t max_rows,
                                lyc_error *err) {
    return create(out, net, NULL, mode, max_rows, err);
}

lyc_status lyc_workspace_create_frozen(lyc_workspace **out, const lyc_frozen *frozen, lyc_error *err) {
    return create(out, frozen->net, frozen, LYC_MODE_INFER, frozen->max_rows, err);
}

void lyc_workspace_destroy(lyc_workspace *workspace) {
    if (workspace == NULL) return;
    lyc__plan_destroy(workspace->plan);
    lyc_free(workspace->shards);
    lyc_free(workspace->lanes);
    lyc_free(workspace->logits);
    lyc_free(workspace->gradients);
    lyc_free(workspace->partials);
    lyc_free(workspace);
}

size_t lyc_workspace_bytes(const lyc_workspace *workspace) {
    return workspace->bytes;
}

const float *lyc_workspace_logits(const lyc_workspace *workspace) {
    return workspace->logits;
}

static void run_program(lyc__job *job, const lyc__program *program, lyc_pool_fn fn, bool backward,
                        lyc_pool *pool) {
    lyc_workspace *workspace = job->workspace;
    for (int i = 0; i < program->segment_count; i++) {
        job->segment = &program->segments[i];
        job->first = i == 0;
        lyc_pool_run(pool, workspace->pass.priority, divide_up(workspace->shard_count, workspace->together),
                     fn, job);
        if (job->segment->barrier >= 0) lyc__combine(workspace, job->segment->barrier, backward);
    }
}

/* The state moves by what the barriers combined. */
static void settle(lyc_workspace *workspace, float *params) {
    const lyc__program *program = &workspace->plan->forward;
    for (int i = 0; i < program->segment_count; i++)
        if (program->segments[i].barrier >= 0) lyc__settle(workspace, program->segments[i].barrier, params);
}

void lyc_workspace_forward(lyc_workspace *workspace, float *params, const lyc_pass *pass, lyc_pool *pool) {
    const lyc_frozen *frozen = workspace->frozen;
    assert(pass->rows >= 1 && pass->rows <= workspace->max_rows);
    assert(frozen == NULL || params == NULL);
    workspace->pass = *pass;
    workspace->shard_rows =
        frozen != NULL ? frozen->shard_rows : lyc_shard_rows(workspace->net, workspace->mode, pass->rows);
    workspace->shard_count = divide_up(pass->rows, workspace->shard_rows);
    workspace->together = lyc__shards_together(workspace->shard_count);
    lyc__job job = {.workspace = workspace, .params = frozen != NULL ? frozen->params : params};
    if (frozen == NULL) lyc__plan_refresh(workspace->plan, job.params, false, pass->priority, pool);
    run_program(&job, &workspace->plan->forward, lyc__run_forward, false, pool);
    settle(workspace, params);
}

void lyc_workspace_backward(lyc_workspace *workspace, const float *params, float *gradient,
                            lyc_logit_gradient_fn fn, void *payload, lyc_pool *pool) {
    assert(workspace->mode == LYC_MODE_TRAIN && workspace->shard_count > 0);
    const bool single = workspace->shard_count == 1;
    const size_t trainable = lyc_network_trainable(workspace->net);
    lyc__job job = {.workspace = workspace,
                    .params = params,
                    .gradient = single ? gradient : NULL,
                    .fn = fn,
                    .payload = payload};
    lyc__plan_refresh(workspace->plan, params, true, workspace->pass.priority, pool);
    run_program(&job, &workspace->plan->backward, lyc__run_backward, true, pool);
    if (!single)
        lyc__reduce(workspace->gradients, workspace->shard_count, trainable, gradient,
                    workspace->pass.priority, pool);
    memset(gradient + trainable, 0, (lyc_network_size(workspace->net) - trainable) * sizeof *gradient);
}

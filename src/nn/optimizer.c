#include "nn/optimizer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lyceum/memory.h"

/* Small networks are updated before another thread has looked up. */
enum { PIECE = 8192, WORTH_SHARING = 1 << 15 };

static const lyc__optimizer_kind *const table[] = {&lyc__optimizer_sgd, &lyc__optimizer_adam,
                                                   &lyc__optimizer_adamw};

struct lyc_optimizer {
    const lyc__optimizer_kind *kind;
    lyc_optimizer_options options; /* options.kind points to the table */
    size_t size;                   /* parameters */
    int moment_count;
    float *moments; /* [moment_count, size] */
    uint64_t steps;
};

static const lyc__optimizer_kind *at(size_t index) {
    return index < sizeof table / sizeof *table ? table[index] : NULL;
}

const char *lyc_optimizer_name(size_t index) {
    return at(index) != NULL ? at(index)->name : NULL;
}

const char *lyc_optimizer_doc(size_t index) {
    return at(index) != NULL ? at(index)->doc : NULL;
}

static lyc_status find_kind(const lyc__optimizer_kind **out, const char *name, lyc_error *err) {
    char known[256] = "";
    size_t used = 0;
    for (size_t i = 0; at(i) != NULL && used < sizeof known; i++) {
        if (name != NULL && strcmp(at(i)->name, name) == 0) {
            *out = at(i);
            return LYC_OK;
        }
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i > 0 ? ", " : "", at(i)->name);
    }
    LYC_FAIL(err, LYC_ECONFIG, "optimizer: there is no kind \"%s\"; there are: %s", name != NULL ? name : "",
             known);
}

lyc_status lyc_optimizer_create(lyc_optimizer **out, const lyc_network *net,
                                const lyc_optimizer_options *options, lyc_error *err) {
    *out = NULL;
    const lyc__optimizer_kind *kind = NULL;
    LYC_TRY(find_kind(&kind, options->kind, err));
    if (!(options->weight_decay >= 0 && isfinite(options->weight_decay)))
        LYC_FAIL(err, LYC_ECONFIG, "optimizer %s: weight_decay is %g, not a number from 0 on", kind->name,
                 options->weight_decay);
    LYC_TRY(kind->check(options, err));
    lyc_optimizer *optimizer = NULL;
    LYC_TRY(lyc_allocate((void **)&optimizer, 1, sizeof *optimizer, "an optimizer", err));
    optimizer->kind = kind;
    optimizer->options = *options;
    optimizer->options.kind = kind->name;
    optimizer->size = lyc_network_size(net);
    optimizer->moment_count = kind->moments(options);
    lyc_status status =
        lyc_allocate((void **)&optimizer->moments, (size_t)optimizer->moment_count * optimizer->size,
                     sizeof(float), "an optimizer's moments", err);
    if (status == LYC_OK) *out = optimizer;
    else lyc_optimizer_destroy(optimizer);
    return status;
}

void lyc_optimizer_destroy(lyc_optimizer *optimizer) {
    if (optimizer == NULL) return;
    lyc_free(optimizer->moments);
    lyc_free(optimizer);
}

typedef struct job {
    const lyc_optimizer *optimizer;
    float *params;
    const float *gradient;
    double rate;
} job;

static void update_piece(void *payload, size_t item, int slot) {
    (void)slot;
    const job *task = payload;
    const lyc_optimizer *optimizer = task->optimizer;
    const size_t first = item * PIECE, left = optimizer->size - first;
    lyc__update update = {.params = task->params + first,
                          .gradient = task->gradient + first,
                          .count = left < PIECE ? left : PIECE,
                          .rate = task->rate,
                          .step = optimizer->steps};
    for (int i = 0; i < optimizer->moment_count; i++)
        update.moments[i] = optimizer->moments + (size_t)i * optimizer->size + first;
    optimizer->kind->update(&optimizer->options, &update);
}

void lyc_optimizer_step(lyc_optimizer *optimizer, float *params, const float *gradient, double lr,
                        lyc_priority priority, lyc_pool *pool) {
    optimizer->steps++;
    job task = {optimizer, params, gradient, lr};
    const size_t pieces = (optimizer->size + PIECE - 1) / PIECE;
    lyc_pool_run(optimizer->size >= WORTH_SHARING ? pool : NULL, priority, pieces, update_piece, &task);
}

float *lyc_optimizer_moments(lyc_optimizer *optimizer, size_t *count) {
    *count = (size_t)optimizer->moment_count * optimizer->size;
    return optimizer->moments;
}

uint64_t lyc_optimizer_steps(const lyc_optimizer *optimizer) {
    return optimizer->steps;
}

void lyc_optimizer_set_steps(lyc_optimizer *optimizer, uint64_t steps) {
    optimizer->steps = steps;
}

void lyc_optimizer_copy(lyc_optimizer *dst, const lyc_optimizer *src) {
    dst->steps = src->steps;
    memcpy(dst->moments, src->moments, (size_t)src->moment_count * src->size * sizeof *src->moments);
}

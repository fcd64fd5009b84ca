#include "nn/optimizer.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lyceum/memory.h"

/* Small networks are updated before another thread has looked up. */
enum { PIECE = 8192, WORTH_SHARING = 1 << 15, SUMS = 8 };

static const lyc__optimizer_kind *const table[] = {&lyc__optimizer_sgd, &lyc__optimizer_adam,
                                                   &lyc__optimizer_adamw};

/* Neighbouring parameters that are treated alike. */
typedef struct stretch {
    size_t end; /* in the block; it begins where the one before ends */
    double decay;
} stretch;

struct lyc_optimizer {
    const lyc__optimizer_kind *kind;
    lyc_optimizer_options options; /* options.kind points to the table */
    size_t size, trainable;        /* parameters; those that are updated */
    int moment_count;
    float *moments; /* [moment_count, size] */
    uint64_t steps;
    stretch *stretches;
    double *squares; /* [pieces]: sums of squares; NULL without clip_norm */
    double norm;     /* of the last gradient */
};

static size_t pieces_of(const lyc_optimizer *optimizer) {
    return (optimizer->trainable + PIECE - 1) / PIECE;
}

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

/* Fills in `stretches`, of which there is room for one a parameter. */
static void find_stretches(lyc_optimizer *optimizer, const lyc_network *net) {
    const double decay = optimizer->options.weight_decay;
    const bool all = optimizer->options.decay == LYC_DECAY_ALL;
    size_t count = 0;
    for (size_t i = 0; i < lyc_network_parameter_count(net); i++) {
        const lyc_parameter *parameter = lyc_network_parameter(net, i);
        if (!parameter->trains) continue;
        const double own = all || parameter->decays ? decay : 0;
        if (count == 0 || optimizer->stretches[count - 1].decay != own)
            optimizer->stretches[count++].decay = own;
        optimizer->stretches[count - 1].end = parameter->offset + parameter->size;
    }
}

static lyc_status allocate_state(lyc_optimizer *optimizer, const lyc_network *net, lyc_error *err) {
    LYC_TRY(lyc_allocate((void **)&optimizer->moments, (size_t)optimizer->moment_count * optimizer->size,
                         sizeof(float), "an optimizer's moments", err));
    LYC_TRY(LYC_NEW_ARRAY(optimizer->stretches, lyc_network_parameter_count(net), err));
    find_stretches(optimizer, net);
    if (optimizer->options.clip_norm == 0) return LYC_OK;
    return LYC_NEW_ARRAY(optimizer->squares, pieces_of(optimizer), err);
}

lyc_status lyc_optimizer_create(lyc_optimizer **out, const lyc_network *net,
                                const lyc_optimizer_options *options, lyc_error *err) {
    *out = NULL;
    const lyc__optimizer_kind *kind = NULL;
    LYC_TRY(find_kind(&kind, options->kind, err));
    if (!(options->weight_decay >= 0 && isfinite(options->weight_decay)))
        LYC_FAIL(err, LYC_ECONFIG, "optimizer %s: weight_decay is %g, not a number from 0 on", kind->name,
                 options->weight_decay);
    if (!(options->clip_norm >= 0 && isfinite(options->clip_norm)))
        LYC_FAIL(err, LYC_ECONFIG, "optimizer %s: clip_norm is %g, not a number from 0 on", kind->name,
                 options->clip_norm);
    LYC_TRY(kind->check(options, err));
    lyc_optimizer *optimizer = NULL;
    LYC_TRY(lyc_allocate((void **)&optimizer, 1, sizeof *optimizer, "an optimizer", err));
    optimizer->kind = kind;
    optimizer->options = *options;
    optimizer->options.kind = kind->name;
    optimizer->size = lyc_network_size(net);
    optimizer->trainable = lyc_network_trainable(net);
    optimizer->moment_count = kind->moments(options);
    optimizer->norm = NAN;
    lyc_status status = allocate_state(optimizer, net, err);
    if (status == LYC_OK) *out = optimizer;
    else lyc_optimizer_destroy(optimizer);
    return status;
}

void lyc_optimizer_destroy(lyc_optimizer *optimizer) {
    if (optimizer == NULL) return;
    lyc_free(optimizer->squares);
    lyc_free(optimizer->stretches);
    lyc_free(optimizer->moments);
    lyc_free(optimizer);
}

typedef struct job {
    const lyc_optimizer *optimizer;
    float *params;
    const float *gradient;
    double rate, clip;
} job;

static size_t piece_end(const lyc_optimizer *optimizer, size_t piece) {
    const size_t first = piece * PIECE, left = optimizer->trainable - first;
    return first + (left < PIECE ? left : PIECE);
}

/* Squares of floats neither overflow nor vanish in a double. */
static void square_piece(void *payload, size_t item, int slot) {
    (void)slot;
    const job *task = payload;
    double sums[SUMS] = {0};
    const size_t first = item * PIECE, end = piece_end(task->optimizer, item);
    for (size_t i = first; i < end; i++)
        sums[i % SUMS] += (double)task->gradient[i] * (double)task->gradient[i];
    for (size_t i = 1; i < SUMS; i++) sums[0] += sums[i];
    task->optimizer->squares[item] = sums[0];
}

/* The norm of the gradient, summed in one fixed binary tree over the pieces. */
static double measure_norm(job *task, lyc_priority priority, lyc_pool *pool) {
    double *squares = task->optimizer->squares;
    const size_t pieces = pieces_of(task->optimizer);
    lyc_pool_run(pool, priority, pieces, square_piece, task);
    for (size_t width = 1; width < pieces; width *= 2)
        for (size_t i = 0; i + width < pieces; i += 2 * width) squares[i] += squares[i + width];
    return sqrt(squares[0]);
}

static void update_part(const job *task, size_t first, size_t end, double decay) {
    const lyc_optimizer *optimizer = task->optimizer;
    lyc__update update = {.params = task->params + first,
                          .gradient = task->gradient + first,
                          .count = end - first,
                          .rate = task->rate,
                          .decay = decay,
                          .clip = task->clip,
                          .step = optimizer->steps};
    for (int i = 0; i < optimizer->moment_count; i++)
        update.moments[i] = optimizer->moments + (size_t)i * optimizer->size + first;
    optimizer->kind->update(&optimizer->options, &update);
}

static void update_piece(void *payload, size_t item, int slot) {
    (void)slot;
    const job *task = payload;
    const size_t end = piece_end(task->optimizer, item);
    const stretch *at = task->optimizer->stretches;
    for (size_t first = item * PIECE; first < end; at++) {
        if (at->end <= first) continue;
        const size_t last = at->end < end ? at->end : end;
        update_part(task, first, last, at->decay);
        first = last;
    }
}

void lyc_optimizer_step(lyc_optimizer *optimizer, float *params, const float *gradient, double lr,
                        lyc_priority priority, lyc_pool *pool) {
    optimizer->steps++;
    if (optimizer->size < WORTH_SHARING) pool = NULL;
    job task = {optimizer, params, gradient, lr, 1};
    const double most = optimizer->options.clip_norm;
    if (most > 0) {
        optimizer->norm = measure_norm(&task, priority, pool);
        task.clip = fmin(1, most / (optimizer->norm + 1e-6)); /* PyTorch's guard against a norm of 0 */
    }
    lyc_pool_run(pool, priority, pieces_of(optimizer), update_piece, &task);
}

void lyc_optimizer_precondition(const lyc_optimizer *optimizer, float *direction) {
    if (optimizer->kind->precondition == NULL || optimizer->steps == 0) return;
    optimizer->kind->precondition(&optimizer->options, optimizer->moments + optimizer->size, optimizer->steps,
                                  optimizer->trainable, direction);
}

double lyc_optimizer_gradient_norm(const lyc_optimizer *optimizer) {
    return optimizer->norm;
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
    dst->norm = src->norm;
    memcpy(dst->moments, src->moments, (size_t)src->moment_count * src->size * sizeof *src->moments);
}

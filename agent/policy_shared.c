/* `shared`: one MLP (tanh) scores every teacher from its own features, the mean and the maximum of each
 * feature over all teachers, and the global features. The same parameters serve any number of teachers, in
 * any order.
 *
 * Parameters: w [hidden, own + mean + max + global], b [hidden], then for each of the two heads v [hidden]
 * and c.
 *
 * Rows are computed together, with w transposed, so that vectors run along the hidden units whatever the
 * number of teachers; the bias is one more input of what they have in common, whose value is 1. */
#include <math.h>
#include <string.h>

#include "agent/policy.h"
#include "lyceum/random.h"
#include "nn/vector.h"

#define HEADS        2
#define COMMON_SCALE 0.25
#define HEAD_INIT    0.01 /* small: a fresh policy is close to p = 1/2 and equal weights */

/* Where the pieces of the parameter block start. */
typedef struct layout {
    size_t own, common, inputs, hidden, teachers;
    size_t bias, head[HEADS], size;
} layout;

static layout layout_of(const lyc__policy_shape *shape) {
    layout at = {.own = (size_t)shape->own,
                 .common = 2 * (size_t)shape->own + (size_t)shape->global,
                 .hidden = (size_t)shape->hidden,
                 .teachers = (size_t)shape->teachers};
    at.inputs = at.own + at.common;
    at.bias = at.hidden * at.inputs;
    at.head[0] = at.bias + at.hidden;
    at.head[1] = at.head[0] + at.hidden + 1;
    at.size = at.head[1] + at.hidden + 1;
    return at;
}

static size_t size(const lyc__policy_shape *shape) {
    return layout_of(shape).size;
}

/* The pieces of a workspace, of `rows` rows of `pairs` = rows teachers. */
typedef struct work {
    double *own_weights;    /* [own, hidden] */
    double *common_weights; /* [common + 1, hidden]: the bias last */
    double *head_weights;   /* [HEADS, hidden] */
    double *own;            /* [pairs, own] */
    double *common;         /* [rows, common + 1] */
    double *shared;  /* [rows, hidden]: what the teachers have in common gives to each unit, or takes back */
    double *hidden;  /* [pairs, hidden]: activations */
    double *slope;   /* [pairs, hidden] */
    double *outputs; /* [pairs, HEADS] */
    double *end;
} work;

static work work_of(const layout *at, size_t rows, double *room) {
    const size_t pairs = rows * at->teachers;
    work w = {.own_weights = room};
    w.common_weights = w.own_weights + at->own * at->hidden;
    w.head_weights = w.common_weights + (at->common + 1) * at->hidden;
    w.own = w.head_weights + HEADS * at->hidden;
    w.common = w.own + pairs * at->own;
    w.shared = w.common + rows * (at->common + 1);
    w.hidden = w.shared + rows * at->hidden;
    w.slope = w.hidden + pairs * at->hidden;
    w.outputs = w.slope + pairs * at->hidden;
    w.end = w.outputs + pairs * HEADS;
    return w;
}

static size_t workspace_size(const lyc__policy_shape *shape, size_t rows) {
    layout at = layout_of(shape);
    const work w = work_of(&at, rows, NULL);
    return (size_t)(w.end - w.own_weights);
}

static void init(const lyc__policy_shape *shape, uint64_t seed, double *params) {
    layout at = layout_of(shape);
    lyc_random random = lyc_random_start((lyc_random_key){.seed = seed, .purpose = LYC_PURPOSE_POLICY_INIT});
    memset(params, 0, at.size * sizeof *params);
    double deviation = 1.0 / sqrt((double)at.own + COMMON_SCALE * COMMON_SCALE * (double)at.common);
    for (size_t i = 0; i < at.bias; i++) params[i] = deviation * lyc_random_normal(&random);
    for (int head = 0; head < HEADS; head++)
        for (size_t j = 0; j < at.hidden; j++)
            params[at.head[head] + j] = HEAD_INIT * lyc_random_normal(&random);
}

/* What a forward takes of the parameters, transposed. */
static void lay_out_weights(const layout *at, const double *params, work *w) {
    for (size_t j = 0; j < at->hidden; j++) {
        const double *unit = params + j * at->inputs;
        for (size_t i = 0; i < at->own; i++) w->own_weights[i * at->hidden + j] = unit[i];
        for (size_t i = 0; i < at->common; i++) w->common_weights[i * at->hidden + j] = unit[at->own + i];
    }
    memcpy(w->common_weights + at->common * at->hidden, params + at->bias, at->hidden * sizeof *params);
}

static void lay_out_inputs(const layout *at, const lyc__policy_shape *shape, const double *observations,
                           size_t rows, work *w) {
    const size_t size = lyc__policy_observation_size(shape), own = at->teachers * at->own;
    for (size_t row = 0; row < rows; row++) {
        double *common = w->common + row * (at->common + 1);
        memcpy(w->own + row * own, observations + row * size, own * sizeof *observations);
        lyc__policy_pool(shape, observations + row * size, common);
        for (size_t i = 0; i < at->common; i++) common[i] *= COMMON_SCALE;
        common[at->common] = 1.0;
    }
}

static void forward(const lyc__policy_shape *shape, const double *params, const double *observations,
                    size_t rows, double *workspace, lyc__heads *out) {
    const lyc__vectors *v = lyc__vector();
    const layout at = layout_of(shape);
    const size_t pairs = rows * at.teachers;
    work w = work_of(&at, rows, workspace);
    lay_out_weights(&at, params, &w);
    lay_out_inputs(&at, shape, observations, rows, &w);
    memset(w.shared, 0, rows * at.hidden * sizeof *w.shared);
    v->double_products(w.common, rows, at.common + 1, w.common_weights, at.hidden, w.shared);
    for (size_t pair = 0; pair < pairs; pair++)
        memcpy(w.hidden + pair * at.hidden, w.shared + pair / at.teachers * at.hidden,
               at.hidden * sizeof *w.hidden);
    v->double_products(w.own, pairs, at.own, w.own_weights, at.hidden, w.hidden);
    v->double_tanh(w.hidden, pairs * at.hidden, w.hidden);
    for (size_t head = 0; head < HEADS; head++) {
        double *sums = w.outputs + head * pairs;
        v->double_dots(w.hidden, pairs, params + at.head[head], at.hidden, sums);
        for (size_t pair = 0; pair < pairs; pair++) {
            lyc__heads *heads = &out[pair / at.teachers];
            double *outputs = head == 0 ? heads->select : heads->score;
            outputs[pair % at.teachers] = params[at.head[head] + at.hidden] + sums[pair];
        }
    }
}

/* gradient += what w holds of it, transposed back: own_weights and common_weights, head_weights. */
static void add_gradient(const layout *at, const work *w, double *gradient) {
    for (size_t j = 0; j < at->hidden; j++) {
        double *unit = gradient + j * at->inputs;
        for (size_t i = 0; i < at->own; i++) unit[i] += w->own_weights[i * at->hidden + j];
        for (size_t i = 0; i < at->common; i++) unit[at->own + i] += w->common_weights[i * at->hidden + j];
        gradient[at->bias + j] += w->common_weights[at->common * at->hidden + j];
        for (size_t head = 0; head < HEADS; head++)
            gradient[at->head[head] + j] += w->head_weights[head * at->hidden + j];
    }
}

/* The gradient in what goes into tanh, of each pair and summed over the teachers. */
static void slopes(const layout *at, const double *params, const lyc__heads *heads, size_t rows, work *w) {
    const lyc__vectors *v = lyc__vector();
    const size_t pairs = rows * at->teachers;
    double ones[LYC_MAX_TEACHERS];
    for (size_t k = 0; k < at->teachers; k++) ones[k] = 1.0;
    for (size_t head = 0; head < HEADS; head++)
        memcpy(w->head_weights + head * at->hidden, params + at->head[head], at->hidden * sizeof *params);
    for (size_t pair = 0; pair < pairs; pair++) {
        const lyc__heads *of = &heads[pair / at->teachers];
        w->outputs[pair * HEADS] = of->select[pair % at->teachers];
        w->outputs[pair * HEADS + 1] = of->score[pair % at->teachers];
    }
    memset(w->slope, 0, pairs * at->hidden * sizeof *w->slope);
    v->double_products(w->outputs, pairs, HEADS, w->head_weights, at->hidden, w->slope);
    v->double_tanh_backward(w->hidden, w->slope, pairs * at->hidden, w->slope);
    memset(w->shared, 0, rows * at->hidden * sizeof *w->shared);
    for (size_t row = 0; row < rows; row++)
        v->double_products(ones, 1, at->teachers, w->slope + row * at->teachers * at->hidden, at->hidden,
                           w->shared + row * at->hidden);
}

/* What the forward pass laid out of the weights makes room for their gradient. */
static void backward(const lyc__policy_shape *shape, const double *params, const double *observations,
                     size_t rows, double *workspace, const lyc__heads *heads, double *gradient) {
    (void)observations; /* they lie in the workspace */
    const lyc__vectors *v = lyc__vector();
    const layout at = layout_of(shape);
    const size_t pairs = rows * at.teachers;
    work w = work_of(&at, rows, workspace);
    slopes(&at, params, heads, rows, &w);
    memset(w.own_weights, 0, (size_t)(w.own - w.own_weights) * sizeof *w.own_weights);
    v->double_outer(w.own, w.slope, pairs, at.own, at.hidden, w.own_weights);
    v->double_outer(w.common, w.shared, rows, at.common + 1, at.hidden, w.common_weights);
    v->double_outer(w.outputs, w.hidden, pairs, HEADS, at.hidden, w.head_weights);
    add_gradient(&at, &w, gradient);
    for (size_t pair = 0; pair < pairs; pair++)
        for (size_t head = 0; head < HEADS; head++)
            gradient[at.head[head] + at.hidden] += w.outputs[pair * HEADS + head];
}

const lyc__policy_kind lyc__policy_shared = {
    .name = "shared",
    .doc = "one MLP scores every teacher; any number of teachers",
    .size = size,
    .workspace = workspace_size,
    .init = init,
    .forward = forward,
    .backward = backward,
};

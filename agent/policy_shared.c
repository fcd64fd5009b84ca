/* `shared`: one MLP (tanh) scores every teacher from its own features, the mean and the maximum of each
 * feature over all teachers, and the global features. The same parameters serve any number of teachers, in
 * any order.
 *
 * Parameters: w [hidden, own + mean + max + global], b [hidden], then for each of the two heads v [hidden]
 * and c. Workspace: what the teachers have in common [2 own + global], and the activations [teachers,
 * hidden]. */
#include <math.h>
#include <string.h>

#include "agent/policy.h"
#include "lyceum/random.h"

#define HEADS        2
#define COMMON_SCALE 0.25
#define HEAD_INIT    0.01 /* small: a fresh policy is close to p = 1/2 and equal weights */

/* Where the pieces of the parameter block start. */
typedef struct layout {
    size_t own, common, inputs, hidden;
    size_t bias, head[HEADS], size;
} layout;

static layout layout_of(const lyc__policy_shape *shape) {
    layout at = {.own = (size_t)shape->own,
                 .common = 2 * (size_t)shape->own + (size_t)shape->global,
                 .hidden = (size_t)shape->hidden};
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

static size_t workspace_size(const lyc__policy_shape *shape) {
    layout at = layout_of(shape);
    return at.common + (size_t)shape->teachers * at.hidden;
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

static double dot(const double *a, const double *b, size_t count) {
    double sum = 0.0;
    for (size_t i = 0; i < count; i++) sum += a[i] * b[i];
    return sum;
}

static void forward(const lyc__policy_shape *shape, const double *params, const double *observation,
                    double *workspace, lyc__heads *out) {
    layout at = layout_of(shape);
    double *common = workspace, *hidden = workspace + at.common;
    lyc__policy_pool(shape, observation, common);
    for (size_t i = 0; i < at.common; i++) common[i] *= COMMON_SCALE;
    for (size_t j = 0; j < at.hidden; j++) {
        const double *w = params + j * at.inputs;
        double shared = params[at.bias + j] + dot(w + at.own, common, at.common);
        for (size_t k = 0; k < (size_t)shape->teachers; k++)
            hidden[k * at.hidden + j] = tanh(shared + dot(w, observation + k * at.own, at.own));
    }
    for (size_t k = 0; k < (size_t)shape->teachers; k++) {
        const double *h = hidden + k * at.hidden;
        out->select[k] = params[at.head[0] + at.hidden] + dot(params + at.head[0], h, at.hidden);
        out->score[k] = params[at.head[1] + at.hidden] + dot(params + at.head[1], h, at.hidden);
    }
}

static void add_scaled(double *to, const double *from, double scale, size_t count) {
    for (size_t i = 0; i < count; i++) to[i] += scale * from[i];
}

static void backward(const lyc__policy_shape *shape, const double *params, const double *observation,
                     const double *workspace, const lyc__heads *heads, double *gradient) {
    layout at = layout_of(shape);
    const double *common = workspace;
    for (size_t k = 0; k < (size_t)shape->teachers; k++) {
        const double *h = workspace + at.common + k * at.hidden;
        const double out[HEADS] = {heads->select[k], heads->score[k]};
        for (int head = 0; head < HEADS; head++) {
            add_scaled(gradient + at.head[head], h, out[head], at.hidden);
            gradient[at.head[head] + at.hidden] += out[head];
        }
        for (size_t j = 0; j < at.hidden; j++) {
            double back =
                (1.0 - h[j] * h[j]) * (out[0] * params[at.head[0] + j] + out[1] * params[at.head[1] + j]);
            double *row = gradient + j * at.inputs;
            add_scaled(row, observation + k * at.own, back, at.own);
            add_scaled(row + at.own, common, back, at.common);
            gradient[at.bias + j] += back;
        }
    }
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

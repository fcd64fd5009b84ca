/* `logits`: two free numbers a teacher and nothing else. It looks at no observation, so it can neither tell
 * batches apart nor move to another ensemble; what it learns, it learns a teacher at a time.
 *
 * Parameters: l [teachers], mu [teachers]; all 0 at first, which is p = 1/2 and equal weights. */
#include <string.h>

#include "agent/policy.h"

static size_t size(const lyc__policy_shape *shape) {
    return 2 * (size_t)shape->teachers;
}

static size_t workspace_size(const lyc__policy_shape *shape, size_t rows) {
    (void)shape;
    (void)rows;
    return 0;
}

static void init(const lyc__policy_shape *shape, uint64_t seed, double *params) {
    (void)seed;
    memset(params, 0, size(shape) * sizeof *params);
}

static void forward(const lyc__policy_shape *shape, const double *params, const double *observations,
                    size_t rows, double *workspace, lyc__heads *out) {
    (void)observations;
    (void)workspace;
    size_t teachers = (size_t)shape->teachers;
    for (size_t row = 0; row < rows; row++) {
        memcpy(out[row].select, params, teachers * sizeof *params);
        memcpy(out[row].score, params + teachers, teachers * sizeof *params);
    }
}

static void backward(const lyc__policy_shape *shape, const double *params, const double *observations,
                     size_t rows, double *workspace, const lyc__heads *heads, double *gradient) {
    (void)params;
    (void)observations;
    (void)workspace;
    size_t teachers = (size_t)shape->teachers;
    for (size_t row = 0; row < rows; row++)
        for (size_t k = 0; k < teachers; k++) {
            gradient[k] += heads[row].select[k];
            gradient[teachers + k] += heads[row].score[k];
        }
}

const lyc__policy_kind lyc__policy_logits = {
    .name = "logits",
    .doc = "two free numbers a teacher, whatever the batch; this ensemble only",
    .size = size,
    .workspace = workspace_size,
    .init = init,
    .forward = forward,
    .backward = backward,
};

#include "distill/influence.h"

#include <math.h>
#include <string.h>

#include "lyceum/memory.h"

/* Of a difference, in lengths of the parameters: the cube root of what a float rounds off, where the errors
 * of rounding and of curvature are alike. */
#define STEP 5e-3

struct lyc__influence {
    lyc__influence_options options;
    size_t size, trainable, first; /* u is zero before `first` */
    float *direction;              /* u [trainable] */
    float *gradient;               /* [trainable], of one chunk */
    float *ahead;                  /* [batch, classes] logits, then V */
    float *p, *q;                  /* [batch, classes] */
    float *values;                 /* [batch, teachers] */
};

/* Where the parameters of the last layer begin: those that share the name of the last one but for its end. */
static size_t last_layer(const lyc_network *network) {
    const lyc_parameter *last = lyc_network_parameter(network, 0);
    for (size_t i = 0; i < lyc_network_parameter_count(network); i++)
        if (lyc_network_parameter(network, i)->trains) last = lyc_network_parameter(network, i);
    const char *dot = strrchr(last->name, '.');
    size_t stem = dot != NULL ? (size_t)(dot - last->name) + 1 : strlen(last->name), first = last->offset;
    for (size_t i = 0; i < lyc_network_parameter_count(network); i++) {
        const lyc_parameter *other = lyc_network_parameter(network, i);
        if (other->trains && strncmp(other->name, last->name, stem) == 0 && other->offset < first)
            first = other->offset;
    }
    return first;
}

static lyc_status allocate(lyc__influence *it, lyc_error *err) {
    size_t matrix = it->options.batch * (size_t)it->options.classes;
    LYC_TRY(LYC_NEW_ARRAY(it->direction, it->trainable, err));
    LYC_TRY(LYC_NEW_ARRAY(it->gradient, it->trainable, err));
    LYC_TRY(LYC_NEW_ARRAY(it->ahead, matrix, err));
    LYC_TRY(LYC_NEW_ARRAY(it->p, matrix, err));
    LYC_TRY(LYC_NEW_ARRAY(it->q, matrix, err));
    return LYC_NEW_ARRAY(it->values, it->options.batch * (size_t)it->options.teachers, err);
}

lyc_status lyc__influence_create(lyc__influence **out, const lyc__influence_options *options,
                                 lyc_error *err) {
    lyc__influence *it = NULL;
    *out = NULL;
    lyc_status status = lyc_allocate((void **)&it, 1, sizeof *it, "the measurement of influence", err);
    if (status != LYC_OK) {
        lyc_student_destroy(options->measured);
        return status;
    }
    it->options = *options;
    it->size = lyc_network_size(options->network);
    it->trainable = lyc_network_trainable(options->network);
    it->first = options->form == LYC_INFLUENCE_LAST ? last_layer(options->network) : 0;
    status = allocate(it, err);
    if (status == LYC_OK) *out = it;
    else lyc__influence_destroy(it);
    return status;
}

void lyc__influence_destroy(lyc__influence *it) {
    if (it == NULL) return;
    lyc_student_destroy(it->options.measured);
    lyc_free(it->direction);
    lyc_free(it->gradient);
    lyc_free(it->ahead);
    lyc_free(it->p);
    lyc_free(it->q);
    lyc_free(it->values);
    lyc_free(it);
}

lyc_status lyc__influence_register(lyc__influence *it, lyc_state *state, lyc_error *err) {
    return lyc_state_add(state, "run/influence", LYC_TYPE_F32, it->direction, it->trainable, err);
}

/* ---- the held-out gradient ---------------------------------------------------------------------------- */

static lyc_status add_chunk(lyc__influence *it, const uint32_t *rows, uint32_t count, const lyc_batch *place,
                            uint64_t *labelled, lyc_pool *pool, lyc_error *err) {
    lyc_student *measured = it->options.measured;
    lyc_batch chunk = {.epoch = place->epoch, .step = place->step, .view = 0, .count = count, .rows = rows};
    uint32_t found;
    (void)lyc_student_forward(measured, &chunk, LYC_PRIORITY_STUDENT, pool);
    LYC_TRY(lyc_student_gradient(measured, it->gradient, &found, LYC_PRIORITY_STUDENT, pool, err));
    for (size_t i = it->first; i < it->trainable; i++) it->direction[i] += (float)found * it->gradient[i];
    *labelled += found;
    return LYC_OK;
}

lyc_status lyc__influence_renew(lyc__influence *it, const lyc_student *student, const uint32_t *rows,
                                uint32_t count, const lyc_batch *place, lyc_pool *pool, lyc_error *err) {
    uint64_t labelled = 0;
    lyc_student_copy(it->options.measured, student);
    memset(it->direction, 0, it->trainable * sizeof *it->direction);
    for (uint32_t first = 0; first < count; first += it->options.batch) {
        uint32_t size = count - first < it->options.batch ? count - first : it->options.batch;
        LYC_TRY(add_chunk(it, rows + first, size, place, &labelled, pool, err));
    }
    for (size_t i = it->first; i < it->trainable && labelled > 0; i++) it->direction[i] /= (float)labelled;
    lyc_student_precondition(student, it->direction);
    return LYC_OK;
}

/* ---- a batch ------------------------------------------------------------------------------------------ */

static double length(const float *values, size_t first, size_t end) {
    double sum = 0.0;
    for (size_t i = first; i < end; i++) sum += (double)values[i] * (double)values[i];
    return sqrt(sum);
}

/* Logits with the parameters moved along u; state, such as running statistics, comes from the student each
 * time. */
static const float *forward_at(lyc__influence *it, lyc_student *student, const lyc_batch *batch,
                               double distance, lyc_pool *pool) {
    float *params = lyc_student_params(it->options.measured);
    memcpy(params, lyc_student_params(student), it->size * sizeof *params);
    for (size_t i = it->first; i < it->trainable; i++) params[i] += (float)distance * it->direction[i];
    return lyc_student_forward(it->options.measured, batch, LYC_PRIORITY_STUDENT, pool);
}

/* V into it->ahead; zero where the gradient is. */
static void differentiate(lyc__influence *it, lyc_student *student, const lyc_batch *batch, lyc_pool *pool) {
    size_t cells = batch->count * (size_t)it->options.classes;
    double along = length(it->direction, it->first, it->trainable);
    double distance = STEP * length(lyc_student_params(student), it->first, it->trainable) / along;
    if (!(along > 0.0) || !isfinite(distance) || distance == 0.0) {
        memset(it->ahead, 0, cells * sizeof *it->ahead);
        return;
    }
    memcpy(it->ahead, forward_at(it, student, batch, distance, pool), cells * sizeof *it->ahead);
    const float *behind = forward_at(it, student, batch, -distance, pool);
    for (size_t i = 0; i < cells; i++)
        it->ahead[i] = (float)(((double)it->ahead[i] - (double)behind[i]) / (2.0 * distance));
}

void lyc__influence_measure(lyc__influence *it, lyc_student *student, const lyc_batch *batch,
                            const float *logits, const float *const *teacher_logits, double temperature,
                            lyc_pool *pool, const float **out) {
    size_t classes = (size_t)it->options.classes, teachers = (size_t)it->options.teachers;
    differentiate(it, student, batch, pool);
    lyc_softmax(logits, (float)temperature, batch->count, classes, it->q);
    for (size_t k = 0; k < teachers; k++) {
        lyc_softmax(teacher_logits[k], (float)temperature, batch->count, classes, it->p);
        for (size_t i = 0; i < batch->count; i++) {
            double sum = 0.0;
            for (size_t c = i * classes; c < (i + 1) * classes; c++)
                sum += ((double)it->q[c] - (double)it->p[c]) * (double)it->ahead[c];
            it->values[i * teachers + k] = (float)sum;
        }
    }
    *out = it->values;
}

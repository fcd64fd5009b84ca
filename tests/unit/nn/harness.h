/* Runs one operator on one shard, outside any network. */
#ifndef NN_TEST_HARNESS_H
#define NN_TEST_HARNESS_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lyceum/memory.h"
#include "lyceum/random.h"
#include "nn/operator.h"

typedef struct harness {
    lyc__node node;
    size_t rows, param_size;
    lyc_mode mode;
    float *in[LYC__MAX_INPUTS], *d_in[LYC__MAX_INPUTS]; /* int32_t for LYC__I32 */
    float *out, *d_out, *params, *d_params, *scratch;
    double *total, *d_total;
    void *saved, *prepared;
    lyc__draw draw;
} harness;

static inline float *harness_floats(size_t count) {
    float *block = lyc_calloc(count, sizeof *block);
    assert_non_null(block);
    return block;
}

static inline size_t harness_in_count(const harness *h, int i) {
    return h->rows * lyc__shape_size(&h->node.in[i]);
}

static inline size_t harness_out_count(const harness *h) {
    return h->rows * lyc__shape_size(&h->node.out);
}

static inline lyc_status harness_infer(harness *h, const lyc__operator *op, const lyc__attributes *attributes,
                                       const lyc__shape *in, lyc_error *err) {
    int inputs = op->inputs;
    while (inputs < op->most_inputs && in[inputs].rank > 0) inputs++;
    *h = (harness){.node = {.op = op, .name = "layer", .input_count = inputs}};
    h->node.attributes = *attributes;
    memcpy(h->node.in, in, (size_t)inputs * sizeof *in);
    return op->infer(&h->node, err);
}

static inline void harness_open(harness *h, const lyc__operator *op, const lyc__attributes *attributes,
                                const lyc__shape *in, size_t rows) {
    lyc_error err = {0};
    if (harness_infer(h, op, attributes, in, &err) != LYC_OK) fail_msg("%s: %s", op->name, err.message);
    h->rows = rows;
    h->draw = (lyc__draw){.seed = 11, .epoch = 2, .step = 3, .first_row = 5};
    for (int i = 0; i < h->node.param_count; i++) {
        h->node.params[i].offset = h->param_size;
        h->param_size += h->node.params[i].size;
    }
    for (int i = 0; i < h->node.input_count; i++) {
        h->in[i] = harness_floats(harness_in_count(h, i));
        h->d_in[i] = harness_floats(harness_in_count(h, i));
    }
    h->out = harness_floats(harness_out_count(h));
    h->d_out = harness_floats(harness_out_count(h));
    h->params = harness_floats(h->param_size);
    h->d_params = harness_floats(h->param_size);
    h->saved = lyc_calloc(op->saved_bytes != NULL ? op->saved_bytes(&h->node, rows) : 0, 1);
    h->scratch = harness_floats(op->scratch_floats != NULL ? op->scratch_floats(&h->node, rows) : 0);
    const size_t partials = op->barrier != NULL ? op->barrier->size(&h->node) : 0;
    h->total = lyc_calloc(partials, sizeof(double));
    h->d_total = lyc_calloc(partials, sizeof(double));
}

/* Lets the operator prepare for these rows, as a workspace does; false where it has nothing to prepare. */
static inline bool harness_prepare(harness *h) {
    const lyc__preparation *preparation = h->node.op->preparation;
    const lyc__setup setup = {
        .node = &h->node, .mode = LYC_MODE_TRAIN, .rows = h->rows, .lanes = 1, .d_in = true};
    lyc_error err = {0};
    if (preparation == NULL) return false;
    if (preparation->create(&setup, &h->prepared, &err) != LYC_OK) fail_msg("%s", err.message);
    if (h->prepared == NULL) return false;
    lyc_free(h->scratch);
    h->scratch = harness_floats(preparation->scratch_floats(h->prepared));
    return true;
}

static inline void harness_refresh(const harness *h, bool backward) {
    const float *param[LYC__MAX_PARAMS] = {0};
    for (int i = 0; i < h->node.param_count; i++) param[i] = h->params + h->node.params[i].offset;
    if (h->prepared != NULL) h->node.op->preparation->refresh(h->prepared, param, backward);
}

static inline void harness_close(harness *h) {
    if (h->prepared != NULL) h->node.op->preparation->destroy(h->prepared);
    for (int i = 0; i < h->node.input_count; i++) {
        lyc_free(h->in[i]);
        lyc_free(h->d_in[i]);
    }
    lyc_free(h->out);
    lyc_free(h->d_out);
    lyc_free(h->params);
    lyc_free(h->d_params);
    lyc_free(h->saved);
    lyc_free(h->scratch);
    lyc_free(h->total);
    lyc_free(h->d_total);
}

static inline lyc__call harness_call(harness *h) {
    lyc__call call = {.node = &h->node,
                      .mode = h->mode,
                      .first = true,
                      .saved = h->saved,
                      .prepared = h->prepared,
                      .scratch = h->scratch,
                      .draw = h->draw};
    call.total = h->total;
    call.d_total = h->d_total;
    for (int i = 0; i < h->node.input_count; i++) {
        call.in[i] = (lyc__tensor){h->in[i], h->rows};
        const bool wanted = (h->node.op->constants >> i & 1) == 0;
        call.d_in[i] = (lyc__tensor){wanted ? h->d_in[i] : NULL, h->rows};
    }
    call.out = (lyc__tensor){h->out, h->rows};
    call.d_out = (lyc__tensor){h->d_out, h->rows};
    for (int i = 0; i < h->node.param_count; i++) {
        call.param[i] = h->params + h->node.params[i].offset;
        if (!h->node.params[i].state) call.d_param[i] = h->d_params + h->node.params[i].offset;
    }
    return call;
}

/* Operators write all of their results, and do not count on zeros. */
static inline void harness_spoil(float *x, size_t count) {
    for (size_t i = 0; i < count; i++) x[i] = NAN;
}

static inline void harness_forward(harness *h) {
    lyc__call call = harness_call(h);
    harness_spoil(h->out, harness_out_count(h));
    harness_refresh(h, false);
    const lyc__barrier *barrier = h->node.op->barrier;
    if (barrier != NULL && h->mode == LYC_MODE_TRAIN) barrier->gather(&call, h->total);
    h->node.op->forward(&call);
}

static inline void harness_backward(harness *h) {
    lyc__call call = harness_call(h);
    harness_spoil(h->d_params, h->param_size);
    for (int i = 0; i < h->node.input_count; i++) harness_spoil(h->d_in[i], harness_in_count(h, i));
    const size_t bytes = harness_out_count(h) * sizeof(float);
    float *given = harness_floats(harness_out_count(h));
    memcpy(given, h->d_out, bytes); /* backward may write over it */
    harness_refresh(h, true);
    if (h->node.op->barrier != NULL) h->node.op->barrier->gather_backward(&call, h->d_total);
    h->node.op->backward(&call);
    memcpy(h->d_out, given, bytes);
    lyc_free(given);
}

/* max |a - b| <= tolerance * max |b| */
static inline void assert_close(const char *what, const float *a, const float *b, size_t count,
                                double tolerance) {
    double worst = 0, largest = 0;
    for (size_t i = 0; i < count; i++) {
        const double difference = fabs((double)a[i] - (double)b[i]);
        if (!(difference <= worst)) worst = difference; /* also NaN */
        largest = fmax(largest, fabs((double)b[i]));
    }
    if (!(worst <= tolerance * largest))
        fail_msg("%s: off by %g where the largest value is %g (%zu values)", what, worst, largest, count);
}

/* Uniform in [low, high), a different stream for each `sample`. */
static inline void fill_random(float *x, size_t count, double low, double high, uint32_t sample) {
    lyc_random random = lyc_random_start((lyc_random_key){1, LYC_PURPOSE_TEST, 0, 0, sample});
    for (size_t i = 0; i < count; i++) x[i] = (float)(low + (high - low) * lyc_random_uniform(&random));
}

#endif

/* Walks the table of operators: forward against the reference in double precision, backward against central
 * differences of it. An operator without a case here fails. */
#include "harness.h"

typedef enum values { SMOOTH, SPREAD, LABELS, IDS, PROBABILITIES } values;

typedef struct check {
    const char *op;
    const char *what;
    size_t rows;
    lyc__attributes attributes;
    lyc__shape in[LYC__MAX_INPUTS];
    values values[LYC__MAX_INPUTS];
} check;

#define FLAT(n)                                                                                              \
    {                                                                                                        \
        .rank = 1, .dims = { n }                                                                             \
    }
#define IMAGE(h, w, c)                                                                                       \
    {                                                                                                        \
        .rank = 3, .dims = { h, w, c }                                                                       \
    }
#define LABEL                                                                                                \
    {                                                                                                        \
        .type = LYC__I32, .rank = 1, .dims = { 1 }                                                           \
    }
#define TOKENS(n)                                                                                            \
    {                                                                                                        \
        .type = LYC__I32, .rank = 1, .dims = { n }                                                           \
    }
#define WINDOW(kh, kw, sh, sw, ph, pw) .kernel = {kh, kw}, .stride = {sh, sw}, .padding = {ph, pw}

static const check checks[] = {
    {"linear", "small", 3, {.outputs = 4}, {FLAT(5)}, {SMOOTH}},
    {"linear", "one", 1, {.outputs = 1}, {FLAT(1)}, {SMOOTH}},
    {"linear", "wide", 2, {.outputs = 19}, {FLAT(33)}, {SMOOTH}},
    {"conv2d", "few channels", 2, {.outputs = 3, WINDOW(3, 3, 1, 1, 1, 1)}, {IMAGE(5, 6, 2)}, {SMOOTH}},
    {"conv2d", "many channels", 2, {.outputs = 3, WINDOW(3, 2, 1, 1, 0, 1)}, {IMAGE(5, 4, 6)}, {SMOOTH}},
    {"conv2d", "strides", 2, {.outputs = 2, WINDOW(3, 2, 2, 3, 2, 1)}, {IMAGE(6, 7, 3)}, {SMOOTH}},
    {"conv2d", "vertical stride", 1, {.outputs = 2, WINDOW(2, 3, 2, 1, 1, 1)}, {IMAGE(5, 5, 1)}, {SMOOTH}},
    {"conv2d",
     "no bias",
     2,
     {.outputs = 5, .without_bias = true, WINDOW(3, 3, 1, 1, 1, 1)},
     {IMAGE(4, 3, 5)},
     {SMOOTH}},
    {"conv2d",
     "dilation",
     2,
     {.outputs = 3, .dilation = {2, 3}, WINDOW(3, 2, 2, 1, 2, 1)},
     {IMAGE(6, 7, 3)},
     {SMOOTH}},
    {"conv2d",
     "groups",
     2,
     {.outputs = 6, .groups = 2, WINDOW(3, 3, 2, 1, 1, 1)},
     {IMAGE(5, 4, 4)},
     {SMOOTH}},
    {"conv2d",
     "depthwise",
     2,
     {.outputs = 5, .groups = 5, WINDOW(3, 3, 2, 1, 1, 1)},
     {IMAGE(5, 4, 5)},
     {SMOOTH}},
    {"conv2d",
     "depthwise, dilated, no bias",
     1,
     {.outputs = 3, .groups = 3, .dilation = {2, 1}, .without_bias = true, WINDOW(3, 2, 1, 2, 2, 0)},
     {IMAGE(5, 6, 3)},
     {SMOOTH}},
    {"conv2d",
     "depth multiplier",
     1,
     {.outputs = 6, .groups = 3, WINDOW(3, 3, 1, 1, 1, 1)},
     {IMAGE(4, 4, 3)},
     {SMOOTH}},
    {"conv2d", "pointwise", 2, {.outputs = 4, WINDOW(1, 1, 1, 1, 0, 0)}, {IMAGE(3, 2, 5)}, {SMOOTH}},
    {"relu", "flat", 3, {0}, {FLAT(17)}, {SPREAD}},
    {"max_pool", "tiles", 2, {WINDOW(2, 2, 2, 2, 0, 0)}, {IMAGE(4, 6, 3)}, {SPREAD}},
    {"max_pool", "overlap", 2, {WINDOW(3, 3, 2, 1, 1, 1)}, {IMAGE(5, 4, 2)}, {SPREAD}},
    {"max_pool", "many channels", 1, {WINDOW(2, 2, 2, 2, 0, 0)}, {IMAGE(2, 4, 19)}, {SPREAD}},
    {"dropout", "half", 3, {.rate = 0.5}, {FLAT(37)}, {SMOOTH}},
    {"dropout", "little", 4, {.rate = 0.1}, {IMAGE(2, 3, 5)}, {SMOOTH}},
    {"flatten", "image", 2, {0}, {IMAGE(2, 3, 4)}, {SMOOTH}},
    {"add", "image", 2, {0}, {IMAGE(2, 3, 3), IMAGE(2, 3, 3)}, {SMOOTH, SMOOTH}},
    {"batch_norm", "image", 3, {.momentum = 0.1, .epsilon = 1e-5}, {IMAGE(3, 2, 5)}, {SMOOTH}},
    {"batch_norm", "many channels", 2, {.momentum = 0.1, .epsilon = 0.1}, {IMAGE(5, 5, 37)}, {SMOOTH}},
    {"batch_norm", "flat", 7, {.momentum = 1, .epsilon = 1e-3}, {FLAT(16)}, {SMOOTH}},
    {"batch_norm", "ReLU", 4, {.momentum = 0.1, .epsilon = 1e-5, .relu = true}, {IMAGE(3, 3, 21)}, {SMOOTH}},
    {"batch_norm_add",
     "image",
     3,
     {.momentum = 0.1, .epsilon = 1e-5},
     {IMAGE(3, 2, 5), IMAGE(3, 2, 5)},
     {SMOOTH, SMOOTH}},
    {"batch_norm_add",
     "ReLU",
     3,
     {.momentum = 0.1, .epsilon = 1e-3, .relu = true},
     {IMAGE(3, 4, 35), IMAGE(3, 4, 35)},
     {SMOOTH, SMOOTH}},
    {"conv2d_pool", "3x3", 3, {.outputs = 7, WINDOW(3, 3, 1, 1, 1, 1)}, {IMAGE(6, 8, 1)}, {SMOOTH}},
    {"conv2d_pool",
     "5x5, no bias",
     2,
     {.outputs = 13, .without_bias = true, WINDOW(5, 5, 1, 1, 1, 0)},
     {IMAGE(8, 42, 1)},
     {SMOOTH}},
    {"avg_pool", "tiles", 2, {WINDOW(2, 2, 2, 2, 0, 0)}, {IMAGE(4, 6, 3)}, {SMOOTH}},
    {"avg_pool", "overlap", 2, {WINDOW(3, 2, 2, 1, 1, 1)}, {IMAGE(5, 4, 2)}, {SMOOTH}},
    {"avg_pool", "whole", 2, {WINDOW(3, 4, 1, 1, 0, 0)}, {IMAGE(3, 4, 17)}, {SMOOTH}},
    {"subsample", "even", 2, {.outputs = 7, .stride = {2, 2}}, {IMAGE(4, 6, 3)}, {SMOOTH}},
    {"subsample", "odd", 1, {.outputs = 2, .stride = {2, 3}}, {IMAGE(5, 7, 2)}, {SMOOTH}},
    {"tanh", "flat", 3, {0}, {FLAT(17)}, {SMOOTH}},
    {"sigmoid", "flat", 3, {0}, {FLAT(17)}, {SMOOTH}},
    {"leaky_relu", "image", 2, {.rate = 0.01}, {IMAGE(2, 3, 5)}, {SPREAD}},
    {"gelu", "erf", 3, {0}, {FLAT(301)}, {SMOOTH}},
    {"gelu", "tanh", 3, {.approximate = true}, {IMAGE(2, 3, 50)}, {SMOOTH}},
    {"softmax", "narrow", 5, {0}, {FLAT(3)}, {SMOOTH}},
    {"softmax", "wide", 2, {0}, {FLAT(70)}, {SMOOTH}},
    {"layer_norm", "tokens", 7, {.epsilon = 1e-5}, {FLAT(37)}, {SMOOTH}},
    {"layer_norm", "pixels", 3, {.epsilon = 0.1}, {IMAGE(4, 5, 16)}, {SMOOTH}},
    {"layer_norm", "one column", 2, {.epsilon = 1e-2}, {FLAT(1)}, {SMOOTH}},
    {"concatenate", "one", 3, {0}, {FLAT(5)}, {SMOOTH}},
    {"concatenate", "features", 3, {0}, {FLAT(5), FLAT(17), FLAT(1)}, {SMOOTH, SMOOTH, SMOOTH}},
    {"concatenate",
     "channels",
     2,
     {0},
     {IMAGE(2, 3, 4), IMAGE(2, 3, 1), IMAGE(2, 3, 2), IMAGE(2, 3, 3)},
     {SMOOTH, SMOOTH, SMOOTH, SMOOTH}},
    {"embedding", "tokens", 19, {.entries = 7, .outputs = 5}, {TOKENS(1)}, {IDS}},
    {"embedding", "sequences", 3, {.entries = 11, .outputs = 17}, {TOKENS(9)}, {IDS}},
    {"cross_entropy", "ten classes", 7, {0}, {FLAT(10), LABEL}, {SMOOTH, LABELS}},
    {"cross_entropy", "more rows than a vector", 19, {0}, {FLAT(3), LABEL}, {SMOOTH, LABELS}},
    {"cross_entropy", "many classes", 3, {0}, {FLAT(70), LABEL}, {SMOOTH, LABELS}},
    {"kl", "temperature 4", 7, {.temperature = 4}, {FLAT(10), FLAT(10)}, {SMOOTH, PROBABILITIES}},
    {"kl", "temperature 0.5", 18, {.temperature = 0.5}, {FLAT(5), FLAT(5)}, {SMOOTH, PROBABILITIES}},
    {"kl", "many classes", 3, {.temperature = 2}, {FLAT(70), FLAT(70)}, {SMOOTH, PROBABILITIES}},
};

static const lyc__operator *operator_named(const char *name) {
    for (size_t i = 0; lyc__operator_at(i) != NULL; i++)
        if (strcmp(lyc__operator_at(i)->name, name) == 0) return lyc__operator_at(i);
    fail_msg("there is no operator %s", name);
    return NULL;
}

/* Values that lie apart from each other and from 0, so that a small step meets no kink. */
static void fill_spread(float *x, size_t count) {
    uint32_t *order = lyc_calloc(count, sizeof *order);
    assert_non_null(order);
    lyc_random_permutation((lyc_random_key){3, LYC_PURPOSE_TEST, 0, 0, 0}, order, (uint32_t)count);
    for (size_t i = 0; i < count; i++) x[i] = ((float)order[i] - (float)count / 2 + 0.25F) / 16;
    lyc_free(order);
}

static void fill_input(harness *h, int i, values kind) {
    const size_t count = harness_in_count(h, i), width = count / h->rows;
    if (kind == SPREAD) fill_spread(h->in[i], count);
    else fill_random(h->in[i], count, kind == SMOOTH ? -2 : 0.1, 2, (uint32_t)i);
    if (kind == LABELS) {
        int32_t *labels = (int32_t *)(void *)h->in[i];
        const int classes = (int)lyc__shape_size(&h->node.in[0]);
        for (size_t r = 0; r < h->rows; r++) labels[r] = r == 1 ? -1 : (int)(r * 7) % classes;
    }
    for (size_t j = 0; kind == IDS && j < count; j++)
        ((int32_t *)(void *)h->in[i])[j] = (int32_t)(j * 5 % h->node.attributes.entries);
    for (size_t r = 0; kind == PROBABILITIES && r < h->rows; r++) {
        float *row = h->in[i] + r * width, sum = 0;
        if (r == 0) row[0] = 0;
        for (size_t c = 0; c < width; c++) sum += row[c];
        for (size_t c = 0; c < width; c++) row[c] /= sum;
    }
}

/* ---- the reference ---------------------------------------------------------------------------- */

typedef struct doubles {
    double *in[LYC__MAX_INPUTS], *param[LYC__MAX_PARAMS], *out;
} doubles;

static double *to_double(const float *x, size_t count, bool integers) {
    double *copy = lyc_calloc(count, sizeof *copy);
    assert_non_null(copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = integers ? (double)((const int32_t *)(const void *)x)[i] : (double)x[i];
    return copy;
}

static doubles doubles_of(const harness *h) {
    doubles d = {.out = to_double(h->out, harness_out_count(h), false)};
    for (int i = 0; i < h->node.input_count; i++)
        d.in[i] = to_double(h->in[i], harness_in_count(h, i), h->node.in[i].type == LYC__I32);
    for (int i = 0; i < h->node.param_count; i++)
        d.param[i] = to_double(h->params + h->node.params[i].offset, h->node.params[i].size, false);
    return d;
}

static void doubles_free(doubles *d) {
    for (int i = 0; i < LYC__MAX_INPUTS; i++) lyc_free(d->in[i]);
    for (int i = 0; i < LYC__MAX_PARAMS; i++) lyc_free(d->param[i]);
    lyc_free(d->out);
}

static void run_reference(const harness *h, doubles *d) {
    lyc__reference call = {
        .node = &h->node, .mode = h->mode, .rows = h->rows, .out = d->out, .draw = h->draw};
    for (int i = 0; i < h->node.input_count; i++) call.in[i] = d->in[i];
    for (int i = 0; i < h->node.param_count; i++) call.param[i] = d->param[i];
    h->node.op->reference(&call);
}

/* sum of d_out * out */
static double objective(const harness *h, doubles *d) {
    run_reference(h, d);
    double sum = 0;
    for (size_t i = 0; i < harness_out_count(h); i++) sum += (double)h->d_out[i] * d->out[i];
    return sum;
}

static void check_slope(const harness *h, doubles *d, double *x, size_t count, const float *gradient,
                        const char *what) {
    const double step = 1e-5;
    float *expected = harness_floats(count);
    for (size_t i = 0; i < count; i++) {
        const double here = x[i];
        x[i] = here + step;
        const double above = objective(h, d);
        x[i] = here - step;
        const double below = objective(h, d);
        x[i] = here;
        expected[i] = (float)((above - below) / (2 * step));
    }
    assert_close(what, gradient, expected, count, 1e-5);
    lyc_free(expected);
}

static void check_forward(harness *h, doubles *d, const char *what) {
    run_reference(h, d);
    float *expected = harness_floats(harness_out_count(h));
    for (size_t i = 0; i < harness_out_count(h); i++) expected[i] = (float)d->out[i];
    assert_close(what, h->out, expected, harness_out_count(h), 1e-5);
    lyc_free(expected);
}

static void run_check(const check *c) {
    const lyc__operator *op = operator_named(c->op);
    harness h;
    char what[128];
    harness_open(&h, op, &c->attributes, c->in, c->rows);
    for (int i = 0; i < h.node.input_count; i++) fill_input(&h, i, c->values[i]);
    fill_random(h.params, h.param_size, -1, 1, 8);
    for (int i = 0; i < h.node.param_count; i++)
        if (strcmp(h.node.params[i].suffix, "running_var") == 0)
            fill_random(h.params + h.node.params[i].offset, h.node.params[i].size, 0.3, 2, 10);
    fill_random(h.d_out, harness_out_count(&h), -1, 1, 9);
    doubles d = doubles_of(&h);
    h.mode = LYC_MODE_INFER;
    harness_forward(&h);
    (void)snprintf(what, sizeof what, "%s (%s), inference", c->op, c->what);
    check_forward(&h, &d, what);
    h.mode = LYC_MODE_TRAIN;
    harness_forward(&h);
    (void)snprintf(what, sizeof what, "%s (%s), training", c->op, c->what);
    check_forward(&h, &d, what);
    harness_backward(&h);
    for (int i = 0; i < h.node.input_count; i++) {
        (void)snprintf(what, sizeof what, "%s (%s), gradient of input %d", c->op, c->what, i);
        if ((op->constants >> i & 1) == 0)
            check_slope(&h, &d, d.in[i], harness_in_count(&h, i), h.d_in[i], what);
    }
    for (int i = 0; i < h.node.param_count; i++) {
        (void)snprintf(what, sizeof what, "%s (%s), gradient of %s", c->op, c->what, h.node.params[i].suffix);
        if (!h.node.params[i].state)
            check_slope(&h, &d, d.param[i], h.node.params[i].size, h.d_params + h.node.params[i].offset,
                        what);
    }
    doubles_free(&d);
    harness_close(&h);
}

static void every_operator_has_a_case(void **state) {
    (void)state;
    for (size_t i = 0; lyc__operator_at(i) != NULL; i++) {
        const lyc__operator *op = lyc__operator_at(i);
        assert_non_null(op->name);
        assert_true(op->doc != NULL && op->doc[0] != '\0');
        size_t cases = 0;
        for (size_t j = 0; j < sizeof checks / sizeof *checks; j++)
            cases += strcmp(checks[j].op, op->name) == 0;
        if (cases == 0) fail_msg("operator %s has no gradient check", op->name);
    }
}

static void gradients_are_slopes(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) run_check(&checks[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operator_has_a_case),
        cmocka_unit_test(gradients_are_slopes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

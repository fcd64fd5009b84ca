/* Every operator, forward and backward, against PyTorch (nn_operators.bin). */
#include "harness.h"

#include "golden.h"
#include "nn/network.h"

static const double tolerance = 1e-5;

typedef struct shape_case {
    lyc__attributes attributes;
    lyc__shape in[LYC__MAX_INPUTS];
} shape_case;

static size_t number(const float *spec, size_t index) {
    return (size_t)spec[index];
}

static lyc__shape image_of(const float *spec) {
    return lyc__image(number(spec, 2), number(spec, 3), number(spec, 1));
}

static void read_window(const float *spec, lyc__attributes *attributes) {
    for (size_t i = 0; i < 2; i++) {
        attributes->kernel[i] = number(spec, i);
        attributes->stride[i] = number(spec, 2 + i);
        attributes->padding[i] = number(spec, 4 + i);
    }
}

static shape_case linear_case(const float *spec) {
    return (shape_case){{.outputs = number(spec, 2)}, {lyc__features(number(spec, 1))}};
}

static shape_case conv2d_case(const float *spec) {
    shape_case c = {{.outputs = number(spec, 4)}, {image_of(spec)}};
    read_window(spec + 5, &c.attributes);
    return c;
}

static shape_case max_pool_case(const float *spec) {
    shape_case c = {.in = {image_of(spec)}};
    read_window(spec + 4, &c.attributes);
    return c;
}

static shape_case plain_case(const float *spec) {
    const lyc__shape shape = lyc__features(number(spec, 1));
    return (shape_case){.in = {shape, shape}};
}

static shape_case label_case(const float *spec) {
    shape_case c = plain_case(spec);
    c.in[1] = (lyc__shape){.type = LYC__I32, .rank = 1, .dims = {1}};
    return c;
}

static shape_case kl_case(const float *spec) {
    shape_case c = plain_case(spec);
    c.attributes.temperature = (double)spec[2];
    return c;
}

/* Parameters in files and in the block: [outer, channel, pixel] and [pixel, channel, outer]. */
static void permute(const lyc__param *param, const float *file, float *block) {
    const size_t pixels = param->layout.height * param->layout.width, channels = param->layout.channels;
    for (size_t o = 0; o < param->layout.outer; o++)
        for (size_t c = 0; c < channels; c++)
            for (size_t p = 0; p < pixels; p++)
                block[(p * channels + c) * param->layout.outer + o] = file[(o * channels + c) * pixels + p];
}

static void load_inputs(harness *h, const golden *g, const char *name) {
    char field[32];
    for (int i = 0; i < h->node.input_count; i++) {
        (void)snprintf(field, sizeof field, "x%d", i);
        const float *x = golden_get(g, name, field, harness_in_count(h, i));
        for (size_t j = 0; j < harness_in_count(h, i); j++) {
            if (h->node.in[i].type == LYC__I32) ((int32_t *)(void *)h->in[i])[j] = (int32_t)x[j];
            else h->in[i][j] = x[j];
        }
    }
    for (int i = 0; i < h->node.param_count; i++) {
        (void)snprintf(field, sizeof field, "p%d", i);
        const lyc__param *param = &h->node.params[i];
        permute(param, golden_get(g, name, field, param->size), h->params + param->offset);
    }
    memcpy(h->d_out, golden_get(g, name, "dy", harness_out_count(h)), harness_out_count(h) * sizeof(float));
}

static void compare(const harness *h, const golden *g, const char *name) {
    char field[16], what[96];
    (void)snprintf(what, sizeof what, "%s forward", name);
    assert_close(what, h->out, golden_get(g, name, "y", harness_out_count(h)), harness_out_count(h),
                 tolerance);
    for (int i = 0; i < h->node.input_count; i++) {
        if ((h->node.op->constants >> i & 1) != 0) continue;
        (void)snprintf(field, sizeof field, "dx%d", i);
        (void)snprintf(what, sizeof what, "%s %s", name, field);
        assert_close(what, h->d_in[i], golden_get(g, name, field, harness_in_count(h, i)),
                     harness_in_count(h, i), tolerance);
    }
    for (int i = 0; i < h->node.param_count; i++) {
        (void)snprintf(field, sizeof field, "dp%d", i);
        (void)snprintf(what, sizeof what, "%s %s", name, field);
        const lyc__param *param = &h->node.params[i];
        float *expected = harness_floats(param->size);
        permute(param, golden_get(g, name, field, param->size), expected);
        assert_close(what, h->d_params + param->offset, expected, param->size, tolerance);
        lyc_free(expected);
    }
}

static void check_operator(const lyc__operator *op, shape_case (*read)(const float *spec), size_t cases) {
    golden *g = golden_open("nn_operators.bin");
    size_t found = 0;
    for (;; found++) {
        char name[64];
        (void)snprintf(name, sizeof name, "%s/%zu", op->name, found);
        const float *spec = golden_find(g, name, "spec", NULL);
        if (spec == NULL) break;
        const shape_case c = read(spec);
        harness h;
        harness_open(&h, op, &c.attributes, c.in, number(spec, 0));
        load_inputs(&h, g, name);
        harness_forward(&h);
        harness_backward(&h);
        compare(&h, g, name);
        harness_close(&h);
    }
    assert_int_equal(found, cases);
    golden_close(g);
}

static void linear(void **state) {
    (void)state;
    check_operator(&lyc__op_linear, linear_case, 4);
}

static void conv2d(void **state) {
    (void)state;
    check_operator(&lyc__op_conv2d, conv2d_case, 11);
}

static void max_pool(void **state) {
    (void)state;
    check_operator(&lyc__op_max_pool, max_pool_case, 5);
}

static void relu(void **state) {
    (void)state;
    check_operator(&lyc__op_relu, plain_case, 1);
}

static void add(void **state) {
    (void)state;
    check_operator(&lyc__op_add, plain_case, 1);
}

static void cross_entropy(void **state) {
    (void)state;
    check_operator(&lyc__op_cross_entropy, label_case, 6);
}

static void kl(void **state) {
    (void)state;
    check_operator(&lyc__op_kl, kl_case, 7);
}

/* ---- flatten: a whole network, since the layer behind it has to permute its weights ------------- */

static lyc_network *flattening_network(void) {
    lyc_error err = {0};
    lyc__graph *graph = NULL;
    assert_int_equal(lyc__graph_create(&graph, lyc__image(4, 6, 3), &err), LYC_OK);
    int x = lyc__conv2d(graph, lyc__graph_input(graph), "conv", 4, 3, 1, 1);
    x = lyc__flatten(graph, lyc__max_pool(graph, lyc__relu(graph, x), 2));
    assert_int_equal(lyc__graph_finish(graph, lyc__linear(graph, x, "fc", 5), &err), LYC_OK);
    lyc_network *net = NULL;
    const lyc_network_spec spec = {.arch = "test", .channels = 3, .height = 4, .width = 6, .classes = 5};
    assert_int_equal(lyc__network_of_graph(&net, graph, &spec, &err), LYC_OK);
    return net;
}

static void give_input(void *payload, size_t first, size_t rows, float *out) {
    memcpy(out, (const float *)payload + first * 72, rows * 72 * sizeof *out);
}

static void give_gradient(void *payload, size_t shard, size_t first, size_t rows, const float *logits,
                          float *out) {
    (void)shard;
    (void)logits;
    memcpy(out, (const float *)payload + first * 5, rows * 5 * sizeof *out);
}

static void flatten(void **state) {
    (void)state;
    golden *g = golden_open("nn_operators.bin");
    lyc_network *net = flattening_network();
    float *params = harness_floats(lyc_network_size(net)), *gradient = harness_floats(lyc_network_size(net));
    char field[32];
    for (size_t i = 0; i < lyc_network_parameter_count(net); i++) {
        (void)snprintf(field, sizeof field, "p%zu", i);
        lyc_network_import(net, i, golden_get(g, "flatten/0", field, lyc_network_parameter(net, i)->size),
                           params);
    }
    lyc_workspace *workspace = NULL;
    lyc_error err = {0};
    assert_int_equal(lyc_workspace_create(&workspace, net, LYC_MODE_TRAIN, 3, &err), LYC_OK);
    float x[216], dy[15];
    memcpy(x, golden_get(g, "flatten/0", "x0", 216), sizeof x);
    memcpy(dy, golden_get(g, "flatten/0", "dy", 15), sizeof dy);
    const lyc_pass pass = {.rows = 3, .input = give_input, .input_payload = x};
    lyc_workspace_forward(workspace, params, &pass, NULL);
    assert_close("logits", lyc_workspace_logits(workspace), golden_get(g, "flatten/0", "y", 15), 15,
                 tolerance);
    lyc_workspace_backward(workspace, params, gradient, give_gradient, dy, NULL);
    for (size_t i = 0; i < lyc_network_parameter_count(net); i++) {
        const lyc_parameter *param = lyc_network_parameter(net, i);
        float *in_file = harness_floats(param->size);
        lyc_network_export(net, i, gradient, in_file);
        (void)snprintf(field, sizeof field, "dp%zu", i);
        assert_close(param->name, in_file, golden_get(g, "flatten/0", field, param->size), param->size,
                     tolerance);
        lyc_free(in_file);
    }
    lyc_workspace_destroy(workspace);
    lyc_network_destroy(net);
    lyc_free(params);
    lyc_free(gradient);
    golden_close(g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear), cmocka_unit_test(conv2d),  cmocka_unit_test(max_pool),
        cmocka_unit_test(relu),   cmocka_unit_test(add),     cmocka_unit_test(cross_entropy),
        cmocka_unit_test(kl),     cmocka_unit_test(flatten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

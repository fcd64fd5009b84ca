/* Every operator, forward and backward, against PyTorch (nn_operators.bin). */
#include "pytorch.h"

#include "nn/network.h"

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

static void linear(void **state) {
    (void)state;
    check_operator("nn_operators.bin", &lyc__op_linear, linear_case, 4);
}

static void conv2d(void **state) {
    (void)state;
    check_operator("nn_operators.bin", &lyc__op_conv2d, conv2d_case, 11);
}

static void max_pool(void **state) {
    (void)state;
    check_operator("nn_operators.bin", &lyc__op_max_pool, max_pool_case, 5);
}

static void relu(void **state) {
    (void)state;
    check_operator("nn_operators.bin", &lyc__op_relu, plain_case, 1);
}

static void add(void **state) {
    (void)state;
    check_operator("nn_operators.bin", &lyc__op_add, plain_case, 1);
}

static void cross_entropy(void **state) {
    (void)state;
    check_operator("nn_operators.bin", &lyc__op_cross_entropy, label_case, 6);
}

static void kl(void **state) {
    (void)state;
    check_operator("nn_operators.bin", &lyc__op_kl, kl_case, 7);
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

/* The layers of convolutional networks, forward and backward, against PyTorch (nn_layers.bin). */
#include "pytorch.h"

static shape_case conv2d_case(const float *spec) {
    shape_case c = {{.outputs = number(spec, 4)}, {image_of(spec)}};
    read_window(spec + 5, &c.attributes);
    c.attributes.dilation[0] = number(spec, 11);
    c.attributes.dilation[1] = number(spec, 12);
    c.attributes.groups = number(spec, 13);
    c.attributes.without_bias = spec[14] == 0;
    return c;
}

static void conv2d(void **state) {
    (void)state;
    check_operator("nn_layers.bin", &lyc__op_conv2d, conv2d_case, 8);
}

static shape_case batch_norm_case(const float *spec) {
    return (shape_case){{.momentum = 0.1, .epsilon = 1e-5}, {image_of(spec)}};
}

static void batch_norm(void **state) {
    (void)state;
    check_operator("nn_layers.bin", &lyc__op_batch_norm, batch_norm_case, 4);
}

/* Running statistics after one batch, cut into shards in every way. */
static void running_statistics(void **state) {
    (void)state;
    golden *g = golden_open("nn_layers.bin");
    const char *name = "batch_norm/1";
    const float *spec = golden_get(g, name, "spec", 4);
    const lyc__attributes attributes = {.momentum = 0.1, .epsilon = 1e-5};
    const lyc__shape shape = image_of(spec);
    const size_t channels = shape.dims[2];
    const lyc__barrier *barrier = lyc__op_batch_norm.barrier;
    for (size_t shard = 1; shard <= number(spec, 0); shard++) {
        harness h;
        harness_open(&h, &lyc__op_batch_norm, &attributes, &shape, number(spec, 0));
        load_inputs(&h, g, name);
        double *part = lyc_calloc(barrier->size(&h.node), sizeof *part);
        for (size_t first = 0; first < h.rows; first += shard) {
            lyc__call call = harness_call(&h);
            call.in[0].rows = h.rows - first < shard ? h.rows - first : shard;
            call.in[0].data = h.in[0] + first * lyc__shape_size(&shape);
            barrier->gather(&call, first == 0 ? h.total : part);
            if (first > 0) barrier->combine(&h.node, h.total, part);
        }
        float *param[LYC__MAX_PARAMS];
        for (int i = 0; i < h.node.param_count; i++) param[i] = h.params + h.node.params[i].offset;
        barrier->settle(&h.node, h.total, param);
        assert_close("running mean", param[2], golden_get(g, name, "mean", channels), channels, tolerance);
        assert_close("running variance", param[3], golden_get(g, name, "var", channels), channels, tolerance);
        assert_true(param[4][0] == golden_get(g, name, "p4", 1)[0] + 1);
        lyc_free(part);
        harness_close(&h);
    }
    golden_close(g);
}

static shape_case batch_norm_add_case(const float *spec) {
    return (shape_case){{.momentum = 0.1, .epsilon = 1e-5, .relu = spec[4] == 1},
                        {image_of(spec), image_of(spec)}};
}

static void batch_norm_add(void **state) {
    (void)state;
    check_operator("nn_layers.bin", &lyc__op_batch_norm_add, batch_norm_add_case, 3);
}

/* rows, features; or channels, height, width behind the rows */
static shape_case layer_norm_case(const float *spec, size_t count) {
    return (shape_case){{.epsilon = 1e-5}, {count == 2 ? lyc__features(number(spec, 1)) : image_of(spec)}};
}

static void layer_norm(void **state) {
    (void)state;
    check_operator_sized("nn_layers.bin", &lyc__op_layer_norm, layer_norm_case, 5);
}

/* rows, height, width, then the channels of each input */
static shape_case concatenate_case(const float *spec, size_t count) {
    shape_case c = {.attributes = {0}};
    for (size_t i = 3; i < count; i++)
        c.in[i - 3] = lyc__image(number(spec, 1), number(spec, 2), number(spec, i));
    return c;
}

static void concatenate(void **state) {
    (void)state;
    check_operator_sized("nn_layers.bin", &lyc__op_concatenate, concatenate_case, 3);
}

static shape_case embedding_case(const float *spec) {
    return (shape_case){{.entries = number(spec, 2),
                         .outputs = number(spec, 3),
                         .pads = spec[4] == 1,
                         .padding_id = (int32_t)spec[5]},
                        {lyc__ids(number(spec, 1))}};
}

static void embedding(void **state) {
    (void)state;
    check_operator("nn_layers.bin", &lyc__op_embedding, embedding_case, 4);
}

static shape_case avg_pool_case(const float *spec) {
    shape_case c = {.in = {image_of(spec)}};
    read_window(spec + 4, &c.attributes);
    return c;
}

static void avg_pool(void **state) {
    (void)state;
    check_operator("nn_layers.bin", &lyc__op_avg_pool, avg_pool_case, 4);
}

static shape_case subsample_case(const float *spec) {
    return (shape_case){{.outputs = number(spec, 4), .stride = {2, 2}}, {image_of(spec)}};
}

static void subsample(void **state) {
    (void)state;
    check_operator("nn_layers.bin", &lyc__op_subsample, subsample_case, 2);
}

/* rows, features, then a slope or whether to approximate */
static shape_case activation_case(const float *spec) {
    return (shape_case){{.rate = (double)spec[2], .approximate = spec[2] == 1},
                        {lyc__features(number(spec, 1))}};
}

static void tanh_layer(void **state) {
    (void)state;
    check_operator("nn_layers.bin", &lyc__op_tanh, activation_case, 1);
}

static void sigmoid_layer(void **state) {
    (void)state;
    check_operator("nn_layers.bin", &lyc__op_sigmoid, activation_case, 1);
}

static void leaky_relu_layer(void **state) {
    (void)state;
    check_operator("nn_layers.bin", &lyc__op_leaky_relu, activation_case, 2);
}

static void gelu_layer(void **state) {
    (void)state;
    check_operator("nn_layers.bin", &lyc__op_gelu, activation_case, 2);
}

static void softmax_layer(void **state) {
    (void)state;
    check_operator("nn_layers.bin", &lyc__op_softmax, activation_case, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv2d),
        cmocka_unit_test(batch_norm),
        cmocka_unit_test(running_statistics),
        cmocka_unit_test(batch_norm_add),
        cmocka_unit_test(layer_norm),
        cmocka_unit_test(concatenate),
        cmocka_unit_test(embedding),
        cmocka_unit_test(avg_pool),
        cmocka_unit_test(subsample),
        cmocka_unit_test(tanh_layer),
        cmocka_unit_test(sigmoid_layer),
        cmocka_unit_test(leaky_relu_layer),
        cmocka_unit_test(gelu_layer),
        cmocka_unit_test(softmax_layer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Architectures: names and shapes as in PyTorch, initial values, files and block, what is refused. */
#include "batch.h"

#include "nn/arch.h"

typedef struct expectation {
    const char *name;
    int rank;
    int64_t dims[4];
} expectation;

static void check_parameters(const lyc_network *net, const expectation *expected, size_t count) {
    assert_int_equal(lyc_network_parameter_count(net), count);
    size_t offset = 0;
    for (size_t i = 0; i < count; i++) {
        const lyc_parameter *p = lyc_network_parameter(net, i);
        assert_string_equal(p->name, expected[i].name);
        assert_int_equal(p->rank, expected[i].rank);
        size_t size = 1;
        for (int j = 0; j < p->rank; j++) {
            assert_int_equal(p->dims[j], expected[i].dims[j]);
            size *= (size_t)p->dims[j];
        }
        assert_int_equal(p->size, size);
        assert_int_equal(p->offset, offset);
        assert_int_equal(p->decays, strstr(p->name, "weight") != NULL);
        offset += size;
    }
    assert_int_equal(lyc_network_size(net), offset);
    assert_null(lyc_network_parameter(net, count));
}

static void mlp(void **state) {
    (void)state;
    const lyc_network_spec spec = {.arch = "mlp",
                                   .channels = 3,
                                   .height = 4,
                                   .width = 5,
                                   .classes = 7,
                                   .hidden = {11, 6},
                                   .hidden_count = 2,
                                   .dropout = 0.5};
    const expectation expected[] = {{"fc1.weight", 2, {11, 60}}, {"fc1.bias", 1, {11}},
                                    {"fc2.weight", 2, {6, 11}},  {"fc2.bias", 1, {6}},
                                    {"fc3.weight", 2, {7, 6}},   {"fc3.bias", 1, {7}}};
    lyc_network *net = network_create(&spec);
    check_parameters(net, expected, 6);
    assert_true(lyc_network_flops_forward(net) == 2.0 * (60 * 11 + 11 * 6 + 6 * 7));
    assert_true(lyc_network_flops_train(net) == 2.0 * (2 * 60 * 11 + 3 * 11 * 6 + 3 * 6 * 7));
    assert_ptr_not_equal(lyc_network_get_spec(net)->arch, spec.arch);
    assert_string_equal(lyc_network_get_spec(net)->arch, "mlp");
    lyc_network_destroy(net);
}

static void mlp_by_default(void **state) {
    (void)state;
    const lyc_network_spec spec = {.arch = "mlp", .channels = 1, .height = 8, .width = 8, .classes = 10};
    const expectation expected[] = {{"fc1.weight", 2, {128, 64}},
                                    {"fc1.bias", 1, {128}},
                                    {"fc2.weight", 2, {10, 128}},
                                    {"fc2.bias", 1, {10}}};
    lyc_network *net = network_create(&spec);
    check_parameters(net, expected, 4);
    lyc_network_destroy(net);
}

static void lenet5(void **state) {
    (void)state;
    for (int side = 28; side <= 32; side += 4) {
        const lyc_network_spec spec = {
            .arch = "lenet5", .channels = 3, .height = side, .width = side, .classes = 10};
        const expectation expected[] = {{"conv1.weight", 4, {6, 3, 5, 5}},  {"conv1.bias", 1, {6}},
                                        {"conv2.weight", 4, {16, 6, 5, 5}}, {"conv2.bias", 1, {16}},
                                        {"fc1.weight", 2, {120, 400}},      {"fc1.bias", 1, {120}},
                                        {"fc2.weight", 2, {84, 120}},       {"fc2.bias", 1, {84}},
                                        {"fc3.weight", 2, {10, 84}},        {"fc3.bias", 1, {10}}};
        lyc_network *net = network_create(&spec);
        check_parameters(net, expected, 10);
        lyc_network_destroy(net);
    }
}

/* As many layers and parameters as the paper says; names as the usual PyTorch code has them. */
static void resnet(void **state) {
    (void)state;
    const struct {
        int depth;
        lyc_shortcut shortcut;
        size_t trainable;
    } known[] = {{8, LYC_SHORTCUT_PAD, 75290},      {20, LYC_SHORTCUT_PAD, 269722},
                 {0, LYC_SHORTCUT_PAD, 269722},     {32, LYC_SHORTCUT_PAD, 464154},
                 {44, LYC_SHORTCUT_PAD, 658586},    {56, LYC_SHORTCUT_PAD, 853018},
                 {20, LYC_SHORTCUT_PROJECT, 272474}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const lyc_network_spec spec = {.arch = "resnet",
                                       .channels = 3,
                                       .height = 32,
                                       .width = 32,
                                       .classes = 10,
                                       .depth = known[i].depth,
                                       .shortcut = known[i].shortcut};
        lyc_network *net = network_create(&spec);
        const size_t norms = (lyc_network_parameter_count(net) - 2) / 6;
        assert_int_equal(lyc_network_trainable(net), known[i].trainable);
        assert_int_equal(6 * norms + 2, lyc_network_parameter_count(net));
        assert_string_equal(lyc_network_parameter(net, 0)->name, "conv1.weight");
        assert_string_equal(lyc_network_parameter(net, 5)->name, "bn1.num_batches_tracked");
        assert_string_equal(lyc_network_parameter(net, 6)->name, "layer1.0.conv1.weight");
        assert_string_equal(lyc_network_parameter(net, 13)->name, "layer1.0.bn2.weight");
        assert_string_equal(lyc_network_parameter(net, 6 * norms)->name, "linear.weight");
        lyc_network_destroy(net);
    }
}

static void convnet(void **state) {
    (void)state;
    const lyc_network_spec spec = {
        .arch = "convnet",
        .channels = 3,
        .height = 17,
        .width = 12,
        .classes = 5,
        .blocks = {{.channels = 6, .kernel = 3, .stride = 2, .batch_norm = true, .pool = 2, .dropout = 0.1},
                   {.channels = 4, .kernel = 5, .stride = 1, .pool = 1}},
        .block_count = 2};
    const char *names[] = {"conv1.weight",     "bn1.weight",      "bn1.bias",
                           "bn1.running_mean", "bn1.running_var", "bn1.num_batches_tracked",
                           "conv2.weight",     "conv2.bias",      "linear.weight",
                           "linear.bias"};
    lyc_network *net = network_create(&spec);
    assert_int_equal(lyc_network_parameter_count(net), sizeof names / sizeof *names);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_string_equal(lyc_network_parameter(net, i)->name, names[i]);
    assert_int_equal(lyc_network_parameter(net, 8)->dims[1], 4);
    lyc_network_destroy(net);
}

/* Files hold channel, height, width; the block height, width, channel, and outputs last. */
static void import_and_export(void **state) {
    (void)state;
    const lyc_network_spec spec = {.arch = "lenet5", .channels = 2, .height = 28, .width = 28, .classes = 3};
    lyc_network *net = network_create(&spec);
    float *block = harness_floats(lyc_network_size(net)), *file = harness_floats(lyc_network_size(net)),
          *back = harness_floats(lyc_network_size(net));
    for (size_t i = 0; i < lyc_network_parameter_count(net); i++) {
        const lyc_parameter *p = lyc_network_parameter(net, i);
        for (size_t j = 0; j < p->size; j++) file[p->offset + j] = (float)j;
        lyc_network_import(net, i, file + p->offset, block);
        lyc_network_export(net, i, block, back + p->offset);
    }
    assert_memory_equal(file, back, lyc_network_size(net) * sizeof *file);
    const lyc_parameter *conv = lyc_network_parameter(net, 2), *fc = lyc_network_parameter(net, 4);
    /* conv2.weight[o = 7][i = 4][y = 3][x = 2] */
    assert_true(block[conv->offset + ((3 * 5 + 2) * 6 + 4) * 16 + 7] ==
                (float)(((7 * 6 + 4) * 5 + 3) * 5 + 2));
    /* fc1.weight[o = 9][c = 8, y = 3, x = 1] behind the flatten of 16 x 5 x 5 */
    assert_true(block[fc->offset + ((3 * 5 + 1) * 16 + 8) * 120 + 9] ==
                (float)(9 * 400 + (8 * 5 + 3) * 5 + 1));
    lyc_network_destroy(net);
    lyc_free(block);
    lyc_free(file);
    lyc_free(back);
}

/* U(-1/sqrt(fan in), 1/sqrt(fan in)) for weights and biases: what PyTorch does by default. */
static void initial_values(void **state) {
    (void)state;
    const lyc_network_spec spec = {.arch = "lenet5", .channels = 1, .height = 28, .width = 28, .classes = 10};
    const double fan_in[] = {25, 150, 400, 120, 84};
    lyc_network *net = network_create(&spec);
    float *block = harness_floats(lyc_network_size(net)), *again = harness_floats(lyc_network_size(net));
    lyc_network_init(net, 5, block);
    for (size_t i = 0; i < lyc_network_parameter_count(net); i++) {
        const lyc_parameter *p = lyc_network_parameter(net, i);
        const double bound = 1 / sqrt(fan_in[i / 2]), n = (double)p->size;
        double sum = 0, squares = 0, most = 0;
        for (size_t j = 0; j < p->size; j++) {
            const double value = (double)block[p->offset + j];
            sum += value;
            squares += value * value;
            most = fmax(most, fabs(value));
        }
        assert_true(most <= bound * 1.000001);
        /* Five standard errors: of the mean bound / sqrt(3 n), of the mean square bound^2 sqrt(4 / 45 / n).
         */
        assert_true(fabs(sum / n) <= 5 * bound / sqrt(3 * n));
        assert_true(fabs(squares / n - bound * bound / 3) <= 5 * bound * bound * sqrt(4.0 / 45 / n));
        if (p->size > 1000) assert_true(most > 0.99 * bound);
    }
    lyc_network_init(net, 5, again);
    assert_memory_equal(block, again, lyc_network_size(net) * sizeof *block);
    lyc_network_init(net, 6, again);
    for (size_t i = 0; i < lyc_network_parameter_count(net); i++) {
        const lyc_parameter *p = lyc_network_parameter(net, i);
        assert_memory_not_equal(block + p->offset, again + p->offset, p->size * sizeof *block);
    }
    lyc_network_destroy(net);
    lyc_free(block);
    lyc_free(again);
}

static void dropout_drops(void **state) {
    (void)state;
    const lyc_network_spec spec = {.arch = "mlp",
                                   .channels = 1,
                                   .height = 1,
                                   .width = 4,
                                   .classes = 2,
                                   .hidden = {2000, 1000},
                                   .hidden_count = 2,
                                   .dropout = 0.3};
    lyc_network *net = network_create(&spec);
    int found = 0;
    for (int i = 0; i < net->graph->node_count; i++) {
        const lyc__node *node = &net->graph->nodes[i];
        if (node->op != &lyc__op_dropout) continue;
        harness h;
        harness_open(&h, node->op, &node->attributes, node->in, 3);
        h.node.stream = node->stream;
        for (size_t j = 0; j < harness_in_count(&h, 0); j++) h.in[0][j] = 1;
        harness_forward(&h);
        double kept = 0;
        const double count = (double)harness_in_count(&h, 0);
        for (size_t j = 0; j < harness_in_count(&h, 0); j++) {
            assert_true(h.out[j] == 0 || fabs((double)h.out[j] - 1 / 0.7) < 1e-6);
            kept += h.out[j] > 0;
        }
        assert_true(fabs(kept / count - 0.7) < 5 * sqrt(0.21 / count));
        /* Other rows, layers and steps drop others. */
        float *before = harness_floats(harness_in_count(&h, 0));
        memcpy(before, h.out, harness_in_count(&h, 0) * sizeof *before);
        const size_t width = harness_in_count(&h, 0) / 3;
        assert_memory_not_equal(before, before + width, width * sizeof *before);
        h.draw.step++;
        harness_forward(&h);
        assert_memory_not_equal(before, h.out, width * sizeof *before);
        h.draw.step--;
        h.node.stream++;
        harness_forward(&h);
        assert_memory_not_equal(before, h.out, width * sizeof *before);
        /* Row 5 is row 5, whichever shard it is in. */
        h.node.stream--;
        h.draw.first_row++;
        harness_forward(&h);
        assert_memory_equal(before + width, h.out, width * sizeof *before);
        lyc_free(before);
        harness_close(&h);
        found++;
    }
    assert_int_equal(found, 2);
    lyc_network_destroy(net);
}

static void the_table(void **state) {
    (void)state;
    size_t count = 0;
    for (; lyc_network_arch_name(count) != NULL; count++)
        assert_true(lyc_network_arch_doc(count) != NULL && lyc_network_arch_doc(count)[0] != '\0');
    assert_int_equal(count, 4);
    assert_null(lyc_network_arch_doc(count));
    assert_ptr_equal(lyc__arch_named("lenet5"), &lyc__arch_lenet5);
    assert_null(lyc__arch_named("lenet"));
}

static void wrong_specs(void **state) {
    (void)state;
    const struct {
        lyc_network_spec spec;
        const char *message;
    } wrong[] = {
        {{.arch = "vgg", .channels = 1, .height = 28, .width = 28, .classes = 10},
         "there is no arch \"vgg\"; there are: mlp, lenet5, resnet, convnet"},
        {{.arch = "resnet", .channels = 3, .height = 32, .width = 32, .classes = 10, .depth = 18},
         "depth is 18, not 6 n + 2"},
        {{.arch = "mlp", .channels = 3, .height = 32, .width = 32, .classes = 10, .depth = 8},
         "depth, shortcut and blocks are for other architectures"},
        {{.arch = "convnet", .channels = 3, .height = 32, .width = 32, .classes = 10, .block_count = 1},
         "channels of block 1 is 0"},
        {{.arch = "convnet", .channels = 3, .height = 32, .width = 32, .classes = 10, .block_count = 33},
         "blocks has 33 entries"},
        {{.channels = 1, .height = 28, .width = 28, .classes = 10}, "there is no arch \"\""},
        {{.arch = "mlp", .channels = 0, .height = 28, .width = 28, .classes = 10},
         "channels is 0, not between 1 and"},
        {{.arch = "mlp", .channels = 1, .height = -1, .width = 28, .classes = 10}, "height is -1"},
        {{.arch = "mlp", .channels = 1, .height = 28, .width = 1 << 30, .classes = 10},
         "width is 1073741824"},
        {{.arch = "mlp", .channels = 1, .height = 28, .width = 28, .classes = 0}, "classes is 0"},
        {{.arch = "mlp", .channels = 4096, .height = 16384, .width = 16384, .classes = 10},
         "layer flatten0: the input has no elements, or more than"},
        {{.arch = "mlp", .channels = 1, .height = 28, .width = 28, .classes = 10, .hidden_count = 17},
         "hidden has 17 entries"},
        {{.arch = "mlp",
          .channels = 1,
          .height = 28,
          .width = 28,
          .classes = 10,
          .hidden = {5, 0},
          .hidden_count = 2},
         "hidden: width 0 of layer 2 is not between 1 and"},
        {{.arch = "mlp", .channels = 1, .height = 28, .width = 28, .classes = 10, .dropout = 1},
         "dropout is 1, not in"},
        {{.arch = "mlp", .channels = 1, .height = 28, .width = 28, .classes = 10, .dropout = NAN},
         "dropout is nan"},
        {{.arch = "lenet5", .channels = 1, .height = 20, .width = 20, .classes = 10},
         "lenet5 takes images of 28 x 28 or 32 x 32 pixels, not 20 x 20"},
        {{.arch = "lenet5", .channels = 1, .height = 28, .width = 32, .classes = 10}, "not 28 x 32"},
        {{.arch = "lenet5",
          .channels = 1,
          .height = 28,
          .width = 28,
          .classes = 10,
          .hidden = {5},
          .hidden_count = 1},
         "the widths of lenet5 are fixed"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        lyc_error err = {0};
        lyc_network *net = NULL;
        assert_int_equal(lyc_network_create(&net, &wrong[i].spec, &err), LYC_ECONFIG);
        assert_null(net);
        if (strstr(err.message, wrong[i].message) == NULL)
            fail_msg("\"%s\" lacks \"%s\"", err.message, wrong[i].message);
    }
}

static void wrong_layers(void **state) {
    (void)state;
    const struct {
        const lyc__operator *op;
        lyc__attributes attributes;
        lyc__shape in[2];
        const char *message;
    } wrong[] = {
        {&lyc__op_linear, {0}, {{.rank = 1, .dims = {3}}}, "the number of outputs must be at least 1"},
        {&lyc__op_conv2d,
         {.outputs = 1},
         {{.rank = 1, .dims = {3}}},
         "the input must be an image, but is flat"},
        {&lyc__op_conv2d,
         {.outputs = 1, .kernel = {3, 3}},
         {{.rank = 3, .dims = {5, 5, 1}}},
         "stride must be at least 1"},
        {&lyc__op_conv2d,
         {.kernel = {3, 3}, .stride = {1, 1}},
         {{.rank = 3, .dims = {5, 5, 1}}},
         "output channels must be"},
        {&lyc__op_max_pool,
         {.kernel = {17, 1}, .stride = {1, 1}},
         {{.rank = 3, .dims = {20, 20, 1}}},
         "a window may be 16 x 15 pixels at most"},
        {&lyc__op_max_pool,
         {.kernel = {3, 3}, .stride = {1, 1}, .padding = {2, 0}},
         {{.rank = 3, .dims = {5, 5, 1}}},
         "padding may be half the kernel at most"},
        {&lyc__op_conv2d,
         {.outputs = 4, .kernel = {1, 1}, .stride = {1, 1}, .groups = 3},
         {{.rank = 3, .dims = {5, 5, 6}}},
         "6 input and 4 output channels cannot both be cut into 3 equal groups"},
        {&lyc__op_max_pool,
         {.kernel = {2, 2}, .stride = {1, 1}, .dilation = {1, 2}},
         {{.rank = 3, .dims = {5, 5, 6}}},
         "takes no dilation"},
        {&lyc__op_dropout, {.rate = 1}, {{.rank = 1, .dims = {3}}}, "the rate 1 is not in [0, 1)"},
        {&lyc__op_dropout,
         {.rate = 0.5},
         {{.rank = 1, .dims = {(1 << 22) + 1}}},
         "no random numbers to drop with"},
        {&lyc__op_cross_entropy,
         {0},
         {{.rank = 1, .dims = {3}}, {.rank = 1, .dims = {1}}},
         "and one whole number"},
        {&lyc__op_kl,
         {.temperature = 1},
         {{.rank = 1, .dims = {3}}, {.rank = 1, .dims = {2}}},
         "as many target"},
        {&lyc__op_kl,
         {0},
         {{.rank = 1, .dims = {3}}, {.rank = 1, .dims = {3}}},
         "the temperature 0 is not above 0"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        lyc_error err = {0};
        harness h;
        assert_int_equal(harness_infer(&h, wrong[i].op, &wrong[i].attributes, wrong[i].in, &err),
                         LYC_ECONFIG);
        if (strstr(err.message, wrong[i].message) == NULL)
            fail_msg("\"%s\" lacks \"%s\"", err.message, wrong[i].message);
    }
}

static void wrong_workspaces(void **state) {
    (void)state;
    const lyc_network_spec spec = {.arch = "mlp", .channels = 1, .height = 1, .width = 2, .classes = 2};
    lyc_network *net = network_create(&spec);
    const size_t rows[] = {0, ((size_t)1 << 20) + 1, SIZE_MAX};
    for (size_t i = 0; i < 3; i++) {
        lyc_error err = {0};
        lyc_workspace *workspace = NULL;
        assert_int_equal(lyc_workspace_create(&workspace, net, LYC_MODE_TRAIN, rows[i], &err), LYC_ECONFIG);
        assert_null(workspace);
        assert_non_null(strstr(err.message, "is not between 1 and 1048576"));
    }
    lyc_network_destroy(net);
    lyc_network_destroy(NULL);
    lyc_workspace_destroy(NULL);
    lyc_optimizer_destroy(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mlp),
        cmocka_unit_test(mlp_by_default),
        cmocka_unit_test(lenet5),
        cmocka_unit_test(resnet),
        cmocka_unit_test(convnet),
        cmocka_unit_test(import_and_export),
        cmocka_unit_test(initial_values),
        cmocka_unit_test(dropout_drops),
        cmocka_unit_test(the_table),
        cmocka_unit_test(wrong_specs),
        cmocka_unit_test(wrong_layers),
        cmocka_unit_test(wrong_workspaces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

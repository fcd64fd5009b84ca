/* What the plan of a residual network promises: what runs as one node, where statistics are gathered, and how
 * much memory a shard takes, counted by hand. */
#include "batch.h"

#include "nn/plan.h"

enum { ROWS = 8 };
static const size_t kibibyte = 1024;

static lyc_network *resnet(int depth, lyc_shortcut shortcut) {
    return network_create(&(lyc_network_spec){.arch = "resnet",
                                              .channels = 3,
                                              .height = 32,
                                              .width = 32,
                                              .classes = 10,
                                              .depth = depth,
                                              .shortcut = shortcut});
}

static lyc__plan *plan_of(const lyc_network *net, lyc_mode mode) {
    lyc_error err = {0};
    lyc__plan *plan = NULL;
    assert_int_equal(lyc__plan_create(&plan, net->graph, mode, ROWS, &err), LYC_OK);
    return plan;
}

static size_t count(const lyc__graph *graph, const lyc__operator *op, bool relu) {
    size_t found = 0;
    for (int i = 0; i < graph->node_count; i++)
        found += graph->nodes[i].op == op && graph->nodes[i].attributes.relu == relu;
    return found;
}

/* resnet8: a norm at the start, two in each of three blocks; a projection adds one to two blocks. */
static void sums_and_activations_are_fused(void **state) {
    (void)state;
    for (int projects = 0; projects < 2; projects++) {
        lyc_network *net = resnet(8, projects ? LYC_SHORTCUT_PROJECT : LYC_SHORTCUT_PAD);
        lyc__plan *training = plan_of(net, LYC_MODE_TRAIN), *inference = plan_of(net, LYC_MODE_INFER);
        assert_int_equal(count(training->graph, &lyc__op_relu, false), 0);
        assert_int_equal(count(training->graph, &lyc__op_add, false), 0);
        assert_int_equal(count(training->graph, &lyc__op_batch_norm_add, true), 3);
        assert_int_equal(count(training->graph, &lyc__op_batch_norm, true), 4);
        assert_int_equal(count(training->graph, &lyc__op_batch_norm, false), projects ? 2 : 0);
        assert_int_equal(training->forward.segment_count, projects ? 10 : 8);
        assert_ptr_equal(inference->graph, net->graph);
        lyc__plan_destroy(training);
        lyc__plan_destroy(inference);
        lyc_network_destroy(net);
    }
}

static void statistics_follow_their_input(void **state) {
    (void)state;
    lyc_network *net = resnet(8, LYC_SHORTCUT_PROJECT);
    lyc__plan *plan = plan_of(net, LYC_MODE_TRAIN);
    for (int i = 1; i < plan->forward.step_count; i++) {
        const lyc__step step = plan->forward.steps[i], before = plan->forward.steps[i - 1];
        if (step.gather) assert_int_equal(plan->graph->nodes[step.node].inputs[0], before.node + 1);
    }
    lyc__plan_destroy(plan);
    lyc_network_destroy(net);
}

/* Of LeNet-5 the first layer takes ReLU and pooling along; the second has more channels than one. */
static void the_first_layer_pools(void **state) {
    (void)state;
    lyc_network *net = network_create(
        &(lyc_network_spec){.arch = "lenet5", .channels = 1, .height = 28, .width = 28, .classes = 10});
    lyc__plan *plan = plan_of(net, LYC_MODE_TRAIN);
    assert_int_equal(count(plan->graph, &lyc__op_conv2d_pool, true), 1);
    assert_int_equal(count(plan->graph, &lyc__op_conv2d, false), 1);
    assert_int_equal(count(plan->graph, &lyc__op_max_pool, false), 1);
    assert_int_equal(plan->graph->node_count, net->graph->node_count - 2);
    lyc__plan_destroy(plan);
    lyc_network_destroy(net);
}

/* A ReLU with another reader; images that want a gradient. */
static void not_every_layer_pools(void **state) {
    (void)state;
    lyc_error err = {0};
    lyc__graph *graph = NULL;
    lyc__plan *plan = NULL;
    assert_int_equal(lyc__graph_create(&graph, lyc__image(32, 32, 1), &err), LYC_OK);
    const int x = lyc__relu(graph, lyc__conv2d(graph, 0, "a", 1, 3, 1, 1));
    const int y = lyc__max_pool(graph, lyc__relu(graph, lyc__conv2d(graph, x, "b", 4, 3, 1, 1)), 2);
    const int z = lyc__linear(graph, lyc__flatten(graph, lyc__max_pool(graph, x, 2)), "c", 4);
    const int sum = lyc__add(graph, z, lyc__linear(graph, lyc__flatten(graph, y), "d", 4));
    assert_int_equal(lyc__graph_finish(graph, sum, &err), LYC_OK);
    assert_int_equal(lyc__plan_create(&plan, graph, LYC_MODE_TRAIN, ROWS, &err), LYC_OK);
    assert_int_equal(count(plan->graph, &lyc__op_conv2d_pool, true), 0);
    lyc__plan_destroy(plan);
    lyc__graph_destroy(graph);
}

/* Values with other readers stay as they are: a norm that two read, a sum that two read, a norm added to
 * itself. */
static int untouched(lyc__graph *graph) {
    const int x = lyc__batch_norm(graph, lyc__conv2d_plain(graph, 0, "a", 3, 3, 1, 1), "n");
    const int y = lyc__add(graph, lyc__relu(graph, x), x);
    const int z = lyc__batch_norm(graph, lyc__conv2d_plain(graph, y, "b", 3, 3, 1, 1), "o");
    const int sum = lyc__add(graph, z, y);
    const int self = lyc__batch_norm(graph, lyc__conv2d_plain(graph, sum, "c", 3, 3, 1, 1), "p");
    const int last = lyc__add(graph, lyc__add(graph, self, self), lyc__relu(graph, sum));
    return lyc__linear(graph, lyc__flatten(graph, last), "d", 4);
}

static void what_others_read_is_not_fused(void **state) {
    (void)state;
    lyc_error err = {0};
    lyc__graph *graph = NULL;
    lyc__plan *plan = NULL;
    assert_int_equal(lyc__graph_create(&graph, lyc__image(4, 4, 2), &err), LYC_OK);
    assert_int_equal(lyc__graph_finish(graph, untouched(graph), &err), LYC_OK);
    assert_int_equal(lyc__plan_create(&plan, graph, LYC_MODE_TRAIN, ROWS, &err), LYC_OK);
    assert_int_equal(count(plan->graph, &lyc__op_batch_norm, false), 2);
    assert_int_equal(count(plan->graph, &lyc__op_batch_norm_add, false), 1); /* the sum z + y, without ReLU */
    assert_int_equal(count(plan->graph, &lyc__op_relu, false), 2);
    assert_int_equal(count(plan->graph, &lyc__op_add, false), 3);
    lyc__plan_destroy(plan);
    lyc__graph_destroy(graph);
}

/* A value of 16, 32, 64 channels has 64, 32, 16 KiB an image. Kept from forward to backward are the images,
 * the outputs of 19 convolutions, a bit for each of their elements, and the sums that convolutions read, 8 of
 * 9 (the last goes to the pooling). Outputs of the other norms are made again. When backward begins, one
 * gradient of the last stage is there as well; later ones lie where forward's values were. */
static void memory_of_resnet20(void **state) {
    (void)state;
    lyc_network *net = resnet(20, LYC_SHORTCUT_PAD);
    lyc__plan *plan = plan_of(net, LYC_MODE_TRAIN);
    const size_t stage[] = {64 * kibibyte, 32 * kibibyte, 16 * kibibyte}, channels[] = {16, 32, 64};
    const size_t convolutions[] = {7, 6, 6}, sums[] = {3, 3, 2};
    size_t image = 3 * 32 * 32 * sizeof(float) + stage[2];
    for (int i = 0; i < 3; i++) {
        const size_t pixels = stage[i] / sizeof(float) / channels[i];
        image += (convolutions[i] + sums[i]) * stage[i];
        image += convolutions[i] * pixels * lyc__norm_words(channels[i]) * sizeof(uint16_t);
    }
    assert_int_equal(plan->shard_bytes, ROWS * image);
    /* In a lane: what a convolution reads, its gradient, and the share that is added to that of a sum. */
    assert_true(plan->lane_bytes <= 3 * ROWS * stage[0]);
    lyc__plan_destroy(plan);
    lyc_network_destroy(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_and_activations_are_fused), cmocka_unit_test(statistics_follow_their_input),
        cmocka_unit_test(what_others_read_is_not_fused),  cmocka_unit_test(the_first_layer_pools),
        cmocka_unit_test(not_every_layer_pools),          cmocka_unit_test(memory_of_resnet20),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

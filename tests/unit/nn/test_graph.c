/* Whole graphs, with values that several nodes use, values that share memory, and barriers: logits and
 * gradients against the references in double precision. */
#include "batch.h"

#include "nn/plan.h"
#include "nn/shard.h"

/* ---- an operator with barriers: out = in - mean of in over the batch --------------------------- */

static lyc_status center_infer(lyc__node *node, lyc_error *err) {
    (void)err;
    node->out = node->in[0];
    return LYC_OK;
}

static size_t center_size(const lyc__node *node) {
    return lyc__shape_size(&node->in[0]) + 1;
}

static void sum_columns(const lyc__node *node, lyc__tensor x, double *partial) {
    const size_t size = lyc__shape_size(&node->in[0]);
    const float *data = x.data;
    memset(partial, 0, (size + 1) * sizeof *partial);
    for (size_t r = 0; r < x.rows; r++)
        for (size_t i = 0; i < size; i++) partial[i] += (double)data[r * size + i];
    partial[size] = (double)x.rows;
}

static void center_gather(const lyc__call *call, double *partial) {
    sum_columns(call->node, call->in[0], partial);
}

static void center_gather_backward(const lyc__call *call, double *partial) {
    sum_columns(call->node, call->d_out, partial);
}

static void center_combine(const lyc__node *node, double *into, const double *from) {
    for (size_t i = 0; i < center_size(node); i++) into[i] += from[i];
}

static void subtract_mean(const lyc__node *node, lyc__tensor from, const double *total, float *to) {
    const size_t size = lyc__shape_size(&node->in[0]);
    const float *data = from.data;
    for (size_t r = 0; r < from.rows; r++)
        for (size_t i = 0; i < size; i++)
            to[r * size + i] = (float)((double)data[r * size + i] - total[i] / total[size]);
}

static void center_forward(const lyc__call *call) {
    if (call->mode == LYC_MODE_TRAIN) subtract_mean(call->node, call->in[0], call->total, call->out.data);
}

static void center_backward(const lyc__call *call) {
    subtract_mean(call->node, call->d_out, call->d_total, call->d_in[0].data);
}

static void center_reference(const lyc__reference *call) {
    const size_t size = lyc__shape_size(&call->node->in[0]);
    for (size_t i = 0; i < size; i++) {
        double sum = 0;
        for (size_t r = 0; r < call->rows; r++) sum += call->in[0][r * size + i];
        for (size_t r = 0; r < call->rows; r++)
            call->out[r * size + i] = call->in[0][r * size + i] - sum / (double)call->rows;
    }
}

static const lyc__barrier center_barrier = {.size = center_size,
                                            .gather = center_gather,
                                            .combine = center_combine,
                                            .gather_backward = center_gather_backward,
                                            .combine_backward = center_combine};

static const lyc__operator center = {
    .name = "center",
    .doc = "subtracts the mean of the batch",
    .inputs = 1,
    .traits = LYC__IN_PLACE | LYC__GRADIENT_IN_PLACE,
    .infer = center_infer,
    .forward = center_forward,
    .backward = center_backward,
    .reference = center_reference,
    .barrier = &center_barrier,
};

static int deep(lyc__graph *graph);

static int center_of(lyc__graph *graph, int x) {
    return lyc__graph_add(graph, &center, NULL, NULL, &x, 1);
}

/* ---- graphs ----------------------------------------------------------------------------------- */

/* x -> a, twice b(a) + a, with sums of sums and a value that four nodes use. */
static int residual(lyc__graph *graph) {
    int x = lyc__relu(graph, lyc__linear(graph, lyc__flatten(graph, 0), "a", 12));
    int y = lyc__relu(graph, lyc__linear(graph, x, "b", 12));
    y = lyc__relu(graph, lyc__add(graph, lyc__linear(graph, y, "c", 12), x));
    const int z = lyc__add(graph, y, y);
    return lyc__linear(graph, lyc__add(graph, lyc__add(graph, z, x), lyc__add(graph, x, y)), "d", 4);
}

static int convolutional(lyc__graph *graph) {
    int x = lyc__relu(graph, lyc__conv2d(graph, 0, "a", 5, 3, 1, 1));
    int y = lyc__conv2d(graph, x, "b", 5, 3, 1, 1);
    x = lyc__relu(graph, lyc__add(graph, x, lyc__dropout(graph, y, 0.3)));
    x = lyc__max_pool(graph, lyc__avg_pool(graph, x, 3, 1, 1), 2);
    x = lyc__dropout(graph, lyc__relu(graph, lyc__linear(graph, lyc__flatten(graph, x), "c", 9)), 0.5);
    return lyc__linear(graph, x, "d", 4);
}

/* Barriers after, before and between others; values that only the barrier makes live long, and others. */
static int with_barriers(lyc__graph *graph) {
    int x = lyc__max_pool(graph, center_of(graph, lyc__conv2d(graph, 0, "conv", 3, 3, 1, 1)), 2);
    x = center_of(graph, lyc__linear(graph, lyc__flatten(graph, x), "a", 11));
    x = lyc__relu(graph, x);
    int y = center_of(graph, center_of(graph, lyc__linear(graph, x, "b", 11)));
    y = lyc__relu(graph, lyc__add(graph, y, x));
    return center_of(graph, lyc__linear(graph, lyc__add(graph, y, center_of(graph, x)), "c", 4));
}

/* A residual block, with the norms' state in the block, and a norm of features. */
static int normalized(lyc__graph *graph) {
    const int x = lyc__relu(graph, lyc__batch_norm(graph, lyc__conv2d_plain(graph, 0, "a", 3, 3, 1, 1), "n"));
    int y = lyc__relu(graph, lyc__batch_norm(graph, lyc__conv2d_plain(graph, x, "b", 3, 3, 1, 1), "o"));
    y = lyc__batch_norm(graph, lyc__conv2d_plain(graph, y, "c", 3, 3, 1, 1), "p");
    y = lyc__relu(graph, lyc__add(graph, y, x));
    y = lyc__max_pool(graph, lyc__add(graph, y, x), 2); /* whose gradient x has before that of the residual */
    y = lyc__batch_norm(graph, lyc__linear(graph, lyc__flatten(graph, y), "d", 7), "q");
    return lyc__linear(graph, lyc__relu(graph, y), "e", 4);
}

/* Everything in place, to the very logits. */
static int in_place(lyc__graph *graph) {
    const int x = lyc__relu(graph, lyc__relu(graph, lyc__linear(graph, lyc__flatten(graph, 0), "a", 4)));
    return lyc__flatten(graph, lyc__dropout(graph, lyc__flatten(graph, x), 0.25));
}

enum { ENTRIES = 7, IDS = 2 };

/* Ids, looked up in two tables; normal rows, side by side with a convolution of them. */
static int text(lyc__graph *graph) {
    const int x = lyc__layer_norm(graph, lyc__embedding(graph, 0, "words", ENTRIES, 3, NULL), "norm");
    const int parts[] = {lyc__relu(graph, lyc__conv2d(graph, x, "conv", 2, 3, 1, 1)), x,
                         lyc__embedding(graph, 0, "more", ENTRIES + 2, 2, NULL), x};
    const int y = lyc__flatten(graph, lyc__concatenate(graph, parts, 4));
    return lyc__linear(graph, lyc__layer_norm(graph, lyc__linear(graph, y, "a", 5), "last"), "b", 4);
}

/* One id a row. */
static int tokens(lyc__graph *graph) {
    const int32_t padding = 2;
    const int x = lyc__embedding(graph, 0, "words", ENTRIES, 6, &padding);
    return lyc__linear(graph, lyc__layer_norm(graph, x, "norm"), "a", 4);
}

static lyc_network *build_on(lyc__shape input, int (*body)(lyc__graph *graph)) {
    lyc_error err = {0};
    lyc__graph *graph = NULL;
    lyc_network *net = NULL;
    const lyc_network_spec spec = {.arch = "test", .channels = 2, .height = 4, .width = 4, .classes = 4};
    assert_int_equal(lyc__graph_create(&graph, input, &err), LYC_OK);
    if (lyc__graph_finish(graph, body(graph), &err) != LYC_OK) fail_msg("%s", err.message);
    assert_int_equal(lyc__network_of_graph(&net, graph, &spec, &err), LYC_OK);
    return net;
}

static lyc_network *build(int (*body)(lyc__graph *graph)) {
    return build_on(lyc__image(4, 4, 2), body);
}

/* Ids instead of pixels. */
static void fill_ids(batch *b) {
    int32_t *ids = (int32_t *)(void *)b->images;
    for (size_t i = 0; i < b->rows * b->row_size; i++) ids[i] = (int32_t)(i * i % ENTRIES);
}

/* ---- the whole graph in double precision ------------------------------------------------------- */

typedef struct reference {
    const batch *b;
    size_t rows;
    double *params;
    double **values; /* [nodes + 1] */
} reference;

static double *doubles(size_t count) {
    double *block = lyc_calloc(count, sizeof *block);
    assert_non_null(block);
    return block;
}

static void reference_open(reference *r, const batch *b, size_t rows) {
    const lyc__graph *graph = b->net->graph;
    *r = (reference){b, rows, doubles(graph->size),
                     lyc_calloc((size_t)graph->node_count + 1, sizeof(double *))};
    assert_non_null(r->values);
    for (size_t i = 0; i < graph->size; i++) r->params[i] = (double)b->params[i];
    for (int v = 0; v <= graph->node_count; v++)
        r->values[v] = doubles(rows * lyc__shape_size(lyc__graph_shape(graph, v)));
    const int32_t *ids = (const int32_t *)(const void *)b->images;
    for (size_t i = 0; i < rows * b->row_size; i++)
        r->values[0][i] = graph->input.type == LYC__I32 ? (double)ids[i] : (double)b->images[i];
}

static void reference_close(reference *r) {
    for (int v = 0; v <= r->b->net->graph->node_count; v++) lyc_free(r->values[v]);
    lyc_free(r->values);
    lyc_free(r->params);
}

static const double *reference_run(const reference *r, lyc_mode mode) {
    const lyc__graph *graph = r->b->net->graph;
    for (int i = 0; i < graph->node_count; i++) {
        const lyc__node *node = &graph->nodes[i];
        lyc__reference call = {.node = node, .mode = mode, .rows = r->rows, .out = r->values[i + 1]};
        call.draw = (lyc__draw){.seed = 4, .epoch = 1, .step = 6};
        for (int j = 0; j < node->input_count; j++) call.in[j] = r->values[node->inputs[j]];
        for (int j = 0; j < node->param_count; j++) call.param[j] = r->params + node->params[j].offset;
        node->op->reference(&call);
    }
    return r->values[graph->output];
}

/* Half the mean cross-entropy and half the mean divergence, as batch_gradient has it. */
static double reference_loss(const reference *r) {
    const double *logits = reference_run(r, LYC_MODE_TRAIN);
    const size_t classes = r->b->classes;
    double loss = 0;
    for (size_t row = 0; row < r->rows; row++) {
        const double *s = logits + row * classes;
        const float *p = r->b->targets + row * classes;
        double sum = 0, soft_sum = 0;
        for (size_t c = 0; c < classes; c++) {
            sum += exp(s[c]);
            soft_sum += exp(s[c] / 4);
        }
        if (r->b->labels[row] >= 0) loss += log(sum) - s[r->b->labels[row]];
        for (size_t c = 0; c < classes; c++)
            loss += 16 * (double)p[c] * (log((double)p[c]) - (s[c] / 4 - log(soft_sum)));
    }
    return loss * 0.5 / (double)r->b->rows;
}

static void check_logits(batch *b, lyc_workspace *workspace, const reference *r, lyc_mode mode,
                         lyc_pool *pool) {
    const size_t count = r->rows * b->classes;
    const lyc_pass pass = {
        .rows = r->rows, .input = batch_give, .input_payload = b, .seed = 4, .epoch = 1, .step = 6};
    lyc_workspace_forward(workspace, b->params, &pass, pool);
    const double *exact = reference_run(r, mode);
    float *expected = harness_floats(count);
    for (size_t i = 0; i < count; i++) expected[i] = (float)exact[i];
    assert_close(mode == LYC_MODE_TRAIN ? "training logits" : "inference logits",
                 lyc_workspace_logits(workspace), expected, count, 1e-5);
    lyc_free(expected);
}

static void check_gradient(batch *b, reference *r) {
    const size_t size = lyc_network_size(b->net);
    const double step = 1e-6;
    float *expected = harness_floats(size);
    for (size_t i = 0; i < size; i++) {
        const double here = r->params[i];
        r->params[i] = here + step;
        const double above = reference_loss(r);
        r->params[i] = here - step;
        const double below = reference_loss(r);
        r->params[i] = here;
        expected[i] = (float)((above - below) / (2 * step));
    }
    assert_close("gradient", b->gradient, expected, size, 2e-5);
    lyc_free(expected);
}

static void check_network(lyc_network *net, bool infers) {
    lyc_error err = {0};
    lyc_pool *pool = NULL;
    assert_int_equal(lyc_pool_create(&pool, 3, &err), LYC_OK);
    batch b;
    batch_open(&b, net, 170, 2); /* many shards, the last of them smaller */
    if (net->graph->input.type == LYC__I32) fill_ids(&b);
    assert_true(lyc__shard_count(net, LYC_MODE_TRAIN, b.rows) > 5);
    reference r;
    reference_open(&r, &b, b.rows);
    lyc_workspace *training = workspace_of(net, LYC_MODE_TRAIN, b.rows);
    check_logits(&b, training, &r, LYC_MODE_TRAIN, pool);
    batch_run(&b, training, b.rows, 6, pool);
    check_gradient(&b, &r);
    for (size_t i = 0; i < net->graph->size; i++) r.params[i] = (double)b.params[i]; /* state has moved */
    if (infers) {
        lyc_workspace *inference = workspace_of(net, LYC_MODE_INFER, b.rows);
        check_logits(&b, inference, &r, LYC_MODE_INFER, pool);
        lyc_workspace_destroy(inference);
    }
    lyc_workspace_destroy(training);
    reference_close(&r);
    batch_close(&b);
    lyc_pool_destroy(pool);
    lyc_network_destroy(net);
}

static void check_graph(int (*body)(lyc__graph *graph), bool infers) {
    check_network(build(body), infers);
}

static void values_with_several_users(void **state) {
    (void)state;
    check_graph(residual, true);
}

static void convolutions_and_dropout(void **state) {
    (void)state;
    check_graph(convolutional, true);
}

static void barriers(void **state) {
    (void)state;
    check_graph(with_barriers, false);
}

static void batch_norms(void **state) {
    (void)state;
    check_graph(normalized, true);
}

static void ids_and_layer_norms(void **state) {
    (void)state;
    check_network(build_on(lyc__ids(IDS), text), true);
}

/* The padding's entry starts as zeros and stays; an id without an entry is NaN, and touches no memory. */
static void padding_and_unknown_ids(void **state) {
    (void)state;
    lyc_network *net = build_on(lyc__ids(1), tokens);
    batch b;
    batch_open(&b, net, 40, 2);
    fill_ids(&b);
    int32_t *ids = (int32_t *)(void *)b.images;
    lyc_workspace *training = workspace_of(net, LYC_MODE_TRAIN, b.rows);
    batch_run(&b, training, b.rows, 0, NULL);
    for (size_t i = 0; i < (size_t)ENTRIES * 6; i++) {
        const bool blank = i / 6 == 2,
                   seen = i / 6 == 0 || i / 6 == 1 || i / 6 == 4; /* the squares modulo 7 */
        assert_true((b.params[i] == 0) == blank);
        assert_true((b.gradient[i] != 0) == seen);
    }
    lyc_error err = {0};
    assert_int_equal(lyc_network_check_ids(net, ids, b.rows, &err), LYC_OK);
    const int32_t unknown[] = {ENTRIES, -1, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < 4; i++) {
        ids[33] = unknown[i];
        assert_int_equal(lyc_network_check_ids(net, ids, b.rows, &err), LYC_EMISMATCH);
        assert_non_null(strstr(err.message, "(number 33) is none of the 7 entries of layer words"));
        batch_run(&b, training, b.rows, 0, NULL);
        for (size_t j = 0; j < b.rows * b.classes; j++)
            assert_int_equal(isnan(lyc_workspace_logits(training)[j]) != 0, j / b.classes == 33);
    }
    lyc_workspace_destroy(training);
    batch_close(&b);
    lyc_network_destroy(net);
    net = build(deep);
    assert_int_equal(lyc_network_check_ids(net, unknown, 4, &err), LYC_EMISMATCH);
    lyc_network_destroy(net);
}

/* State follows all that trains; a training forward moves it, and nothing else does. */
static void state_moves(void **state) {
    (void)state;
    lyc_error err = {0};
    lyc_network *net = build(normalized);
    lyc_optimizer *optimizer = NULL;
    const lyc_optimizer_options options = {
        .kind = "adamw", .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .weight_decay = 0.5};
    assert_int_equal(lyc_optimizer_create(&optimizer, net, &options, &err), LYC_OK);
    batch b;
    batch_open(&b, net, 60, 2);
    const size_t size = lyc_network_size(net), trainable = lyc_network_trainable(net);
    assert_int_equal(size - trainable, 2 * (3 + 3 + 3 + 7) + 4);
    float *before = harness_floats(size);
    memcpy(before, b.params, size * sizeof *before);
    lyc_workspace *training = workspace_of(net, LYC_MODE_TRAIN, b.rows),
                  *inference = workspace_of(net, LYC_MODE_INFER, b.rows);
    const lyc_pass pass = {.rows = b.rows, .input = batch_give, .input_payload = &b};
    lyc_workspace_forward(inference, b.params, &pass, NULL);
    assert_memory_equal(b.params, before, size * sizeof *before);
    batch_run(&b, training, b.rows, 0, NULL);
    assert_memory_equal(b.params, before, trainable * sizeof *before);
    for (size_t i = trainable; i < size; i++) assert_true(b.params[i] != before[i] && b.gradient[i] == 0);
    memcpy(before, b.params, size * sizeof *before);
    lyc_optimizer_step(optimizer, b.params, b.gradient, 0.1, LYC_PRIORITY_STUDENT, NULL);
    assert_memory_equal(b.params + trainable, before + trainable, (size - trainable) * sizeof *before);
    assert_memory_not_equal(b.params, before, trainable * sizeof *before);
    for (size_t i = 0; i < lyc_network_parameter_count(net); i++) {
        const lyc_parameter *p = lyc_network_parameter(net, i);
        const bool is_state = strstr(p->name, "running") != NULL || strstr(p->name, "tracked") != NULL;
        assert_int_equal(p->trains, !is_state);
        assert_true(is_state ? p->offset >= trainable : p->offset + p->size <= trainable);
        if (strstr(p->name, "tracked") != NULL) assert_true(p->rank == 0 && b.params[p->offset] == 1);
    }
    lyc_workspace_destroy(training);
    lyc_workspace_destroy(inference);
    lyc_optimizer_destroy(optimizer);
    batch_close(&b);
    lyc_free(before);
    lyc_network_destroy(net);
}

static void all_in_place(void **state) {
    (void)state;
    check_graph(in_place, true);
}

/* ---- what the plan promises ------------------------------------------------------------------- */

static lyc__plan *plan_of(const lyc_network *net, lyc_mode mode) {
    lyc_error err = {0};
    lyc__plan *plan = NULL;
    assert_int_equal(lyc__plan_create(&plan, net->graph, mode, 16, &err), LYC_OK);
    return plan;
}

static int deep(lyc__graph *graph) {
    static char name[16];
    int x = lyc__flatten(graph, 0);
    for (int i = 0; i < 20; i++) {
        (void)snprintf(name, sizeof name, "fc%d", i);
        x = lyc__relu(graph, lyc__linear(graph, x, name, 64));
    }
    return lyc__linear(graph, x, "last", 4);
}

/* However deep the network, inference needs room for the largest two values. */
static void inference_reuses_memory(void **state) {
    (void)state;
    lyc_network *net = build(deep);
    lyc__plan *plan = plan_of(net, LYC_MODE_INFER), *training = plan_of(net, LYC_MODE_TRAIN);
    assert_int_equal(plan->shard_bytes, 0);
    assert_int_equal(plan->lane_bytes, 2 * 16 * 64 * sizeof(float));
    assert_int_equal(training->shard_bytes, (20 * 64 + 32) * 16 * sizeof(float));
    assert_int_equal(training->lane_bytes, 2 * 16 * 64 * sizeof(float)); /* gradients */
    lyc__plan_destroy(plan);
    lyc__plan_destroy(training);
    lyc_network_destroy(net);
}

static void activations_are_fused(void **state) {
    (void)state;
    lyc_network *net = build(convolutional);
    lyc__plan *plan = plan_of(net, LYC_MODE_TRAIN);
    for (int i = 0; i + 1 < net->graph->node_count; i++) {
        const lyc__node *node = &net->graph->nodes[i], *next = node + 1;
        const bool fuses =
            next->op == &lyc__op_relu &&
            (node->op == &lyc__op_linear || node->op == &lyc__op_conv2d || node->op == &lyc__op_add);
        assert_int_equal(plan->nodes[i].relu, fuses);
        assert_int_equal(plan->nodes[i + 1].skip_forward, fuses || next->op == &lyc__op_flatten);
    }
    lyc__plan_destroy(plan);
    lyc_network_destroy(net);
}

static void barriers_cut_segments(void **state) {
    (void)state;
    lyc_network *net = build(with_barriers);
    lyc__plan *plan = plan_of(net, LYC_MODE_TRAIN);
    assert_int_equal(plan->forward.segment_count, 7);
    assert_int_equal(plan->backward.segment_count, 7);
    for (int i = 0; i < 6; i++) {
        assert_ptr_equal(net->graph->nodes[plan->forward.segments[i].barrier].op, &center);
        assert_ptr_equal(net->graph->nodes[plan->backward.segments[i].barrier].op, &center);
    }
    assert_int_equal(plan->forward.segments[6].barrier, -1);
    lyc__plan_destroy(plan);
    plan = plan_of(net, LYC_MODE_INFER);
    assert_int_equal(plan->forward.segment_count, 1);
    lyc__plan_destroy(plan);
    lyc_network_destroy(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_with_several_users),
        cmocka_unit_test(convolutions_and_dropout),
        cmocka_unit_test(barriers),
        cmocka_unit_test(batch_norms),
        cmocka_unit_test(ids_and_layer_norms),
        cmocka_unit_test(padding_and_unknown_ids),
        cmocka_unit_test(state_moves),
        cmocka_unit_test(all_in_place),
        cmocka_unit_test(inference_reuses_memory),
        cmocka_unit_test(activations_are_fused),
        cmocka_unit_test(barriers_cut_segments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

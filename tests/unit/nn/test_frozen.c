/* Frozen networks: the same logits as the network they were made of, however it was built. */
#include "batch.h"
#include "golden.h"

#include "nn/frozen.h"
#include "nn/shard.h"

enum { ROWS = 40, CLASSES = 10 };

/* ---- numbers that nn_frozen_goldens.py makes too ------------------------------------------------- */

static uint32_t mix(uint32_t x) {
    for (int i = 0; i < 2; i++) x = (x ^ x >> 16) * 0x45d9f3bU;
    return x ^ x >> 16;
}

static double uniform(const char *name, size_t place) {
    uint32_t seed = 2166136261U;
    for (const char *c = name; *c != '\0'; c++) seed = (seed ^ (unsigned char)*c) * 16777619U;
    return (double)mix(seed + (uint32_t)place * 2654435761U) / 4294967296.0;
}

static bool ends_with(const char *name, const char *end) {
    const size_t length = strlen(name), tail = strlen(end);
    return length >= tail && strcmp(name + length - tail, end) == 0;
}

static double number_of(const lyc_parameter *p, size_t place) {
    const double u = uniform(p->name, place);
    double fan_in = 1;
    for (int i = 1; i < p->rank; i++) fan_in *= (double)p->dims[i];
    if (ends_with(p->name, "running_var")) return 0.25 + 4 * u;
    if (ends_with(p->name, "running_mean")) return 4 * u - 2;
    if (p->rank == 1 && ends_with(p->name, "weight")) return 0.5 + u;
    if (p->rank <= 1) return u - 0.5;
    return (2 * u - 1) * sqrt(6 / fan_in);
}

static void make_params(const lyc_network *net, float *params) {
    float *file = harness_floats(lyc_network_size(net));
    for (size_t i = 0; i < lyc_network_parameter_count(net); i++) {
        const lyc_parameter *p = lyc_network_parameter(net, i);
        for (size_t j = 0; j < p->size; j++) file[j] = (float)number_of(p, j);
        lyc_network_import(net, i, file, params);
    }
    lyc_free(file);
}

/* ---- architectures ------------------------------------------------------------------------------- */

static const lyc_network_spec mlp = {.arch = "mlp",
                                     .channels = 3,
                                     .height = 5,
                                     .width = 7,
                                     .classes = CLASSES,
                                     .hidden = {64, 33},
                                     .hidden_count = 2,
                                     .dropout = 0.5};
static const lyc_network_spec lenet5 = {
    .arch = "lenet5", .channels = 1, .height = 28, .width = 28, .classes = CLASSES, .dropout = 0.2};
static const lyc_network_spec convnet = {
    .arch = "convnet",
    .channels = 3,
    .height = 12,
    .width = 10,
    .classes = CLASSES,
    .dropout = 0.3,
    .blocks = {{.channels = 9, .kernel = 5, .stride = 1, .batch_norm = true, .pool = 2, .dropout = 0.1},
               {.channels = 20, .kernel = 3, .stride = 2, .pool = 1},
               {.channels = 16, .kernel = 1, .stride = 1, .batch_norm = true, .pool = 1}},
    .block_count = 3};
static const lyc_network_spec pad = {
    .arch = "resnet", .channels = 3, .height = 8, .width = 6, .classes = CLASSES, .depth = 8};
static const lyc_network_spec project = {.arch = "resnet",
                                         .channels = 3,
                                         .height = 8,
                                         .width = 6,
                                         .classes = CLASSES,
                                         .depth = 14,
                                         .shortcut = LYC_SHORTCUT_PROJECT,
                                         .dropout = 0.1};
static const struct {
    const lyc_network_spec *spec;
    int nodes; /* that are left of it */
} architectures[] = {
    {&mlp, 3}, {&lenet5, 6}, {&convnet, 6}, {&pad, 11}, {&project, 17},
};
enum { ARCHITECTURES = sizeof architectures / sizeof *architectures };

/* ---- running ------------------------------------------------------------------------------------- */

static lyc_frozen *freeze(const batch *b, lyc_precision precision, size_t max_rows) {
    lyc_error err = {0};
    lyc_frozen *frozen = NULL;
    if (lyc_frozen_create(&frozen, b->net, b->params, precision, max_rows, &err) != LYC_OK)
        fail_msg("%s", err.message);
    return frozen;
}

static lyc_workspace *workspace_for(const lyc_frozen *frozen) {
    lyc_error err = {0};
    lyc_workspace *workspace = NULL;
    if (lyc_workspace_create_frozen(&workspace, frozen, &err) != LYC_OK) fail_msg("%s", err.message);
    return workspace;
}

/* Logits of the first `rows` rows; params NULL for a frozen network. */
static void run(batch *b, lyc_workspace *workspace, float *params, size_t rows, lyc_pool *pool, float *out) {
    const lyc_pass pass = {.rows = rows, .input = batch_give, .input_payload = b};
    lyc_workspace_forward(workspace, params, &pass, pool);
    memcpy(out, lyc_workspace_logits(workspace), rows * b->classes * sizeof *out);
}

typedef struct fixture {
    lyc_network *net;
    batch b;
    float *expected; /* [ROWS, CLASSES], the network as it is */
} fixture;

static void open_fixture(fixture *f, const lyc_network_spec *spec) {
    f->net = network_create(spec);
    batch_open(&f->b, f->net, ROWS, 5);
    make_params(f->net, f->b.params);
    f->expected = harness_floats((size_t)ROWS * CLASSES);
    lyc_workspace *workspace = workspace_of(f->net, LYC_MODE_INFER, ROWS);
    run(&f->b, workspace, f->b.params, ROWS, NULL, f->expected);
    lyc_workspace_destroy(workspace);
}

static void close_fixture(fixture *f) {
    batch_close(&f->b);
    lyc_free(f->expected);
    lyc_network_destroy(f->net);
}

/* ---- the logits ---------------------------------------------------------------------------------- */

static void equals_the_network(void **state) {
    (void)state;
    for (size_t i = 0; i < ARCHITECTURES; i++) {
        fixture f;
        open_fixture(&f, architectures[i].spec);
        lyc_frozen *frozen = freeze(&f.b, LYC_PRECISION_F32, ROWS);
        lyc_workspace *workspace = workspace_for(frozen);
        float *logits = harness_floats((size_t)ROWS * CLASSES);
        run(&f.b, workspace, NULL, ROWS, NULL, logits);
        assert_close(architectures[i].spec->arch, logits, f.expected, (size_t)ROWS * CLASSES, 1e-5);
        assert_int_equal(frozen->net->graph->node_count, architectures[i].nodes);
        lyc_free(logits);
        lyc_workspace_destroy(workspace);
        lyc_frozen_destroy(frozen);
        close_fixture(&f);
    }
}

static void equals_pytorch(void **state) {
    (void)state;
    const struct {
        const char *name;
        lyc_shortcut shortcut;
    } cases[] = {{"resnet8-pad", LYC_SHORTCUT_PAD}, {"resnet8-project", LYC_SHORTCUT_PROJECT}};
    golden *g = golden_open("nn_frozen.bin");
    for (size_t i = 0; i < 2; i++) {
        lyc_network_spec spec = pad;
        spec.shortcut = cases[i].shortcut;
        enum { IMAGES = 5 };
        float logits[IMAGES * CLASSES];
        fixture f;
        open_fixture(&f, &spec);
        for (size_t j = 0; j < IMAGES * f.b.row_size; j++)
            f.b.images[j] = (float)(uniform("images", j) - 0.5);
        lyc_frozen *frozen = freeze(&f.b, LYC_PRECISION_F32, IMAGES);
        lyc_workspace *workspace = workspace_for(frozen);
        run(&f.b, workspace, NULL, IMAGES, NULL, logits);
        assert_close(cases[i].name, logits, golden_get(g, cases[i].name, "logits", IMAGES * CLASSES),
                     IMAGES * CLASSES, 1e-5);
        lyc_workspace_destroy(workspace);
        lyc_frozen_destroy(frozen);
        close_fixture(&f);
    }
    golden_close(g);
}

/* Values that several nodes read stay what they are: nothing is folded over their heads. */
static void keeps_what_others_read(void **state) {
    (void)state;
    lyc_error err = {0};
    lyc__graph *graph = NULL;
    lyc_network *net = NULL;
    assert_int_equal(lyc__graph_create(&graph, lyc__image(6, 5, 4), &err), LYC_OK);
    const int norm_first = lyc__relu(graph, lyc__batch_norm(graph, lyc__graph_input(graph), "before"));
    const int conv = lyc__conv2d(graph, norm_first, "conv", 4, 3, 1, 1);
    const int norm = lyc__batch_norm(graph, conv, "norm"), both = lyc__add(graph, conv, norm);
    const int twice = lyc__add(graph, both, both), positive = lyc__relu(graph, twice);
    const int again = lyc__conv2d_plain(graph, positive, "again", 4, 3, 1, 1);
    const int sum = lyc__relu(graph, lyc__add(graph, lyc__relu(graph, again), positive));
    /* A residual that is read again afterwards must not be written over. */
    const int third = lyc__add(graph, positive, lyc__conv2d(graph, sum, "third", 4, 1, 1, 0));
    const int fourth = lyc__add(graph, third, positive);
    const lyc__attributes leaky = {.rate = 0.1};
    const int slope = lyc__graph_add(graph, &lyc__op_leaky_relu, NULL, &leaky, &fourth, 1);
    const int flat = lyc__dropout(graph, lyc__flatten(graph, slope), 0.5);
    const int hidden = lyc__linear(graph, flat, "fc1", 12);
    const int normed = lyc__relu(graph, lyc__batch_norm(graph, hidden, "norm1"));
    const int last = lyc__dropout(graph, lyc__linear(graph, normed, "fc2", CLASSES), 0.5);
    if (lyc__graph_finish(graph, last, &err) != LYC_OK) fail_msg("%s", err.message);
    const lyc_network_spec spec = {.arch = "odd", .channels = 4, .height = 6, .width = 5, .classes = CLASSES};
    assert_int_equal(lyc__network_of_graph(&net, graph, &spec, &err), LYC_OK);
    fixture f = {.net = net};
    batch_open(&f.b, net, ROWS, 6);
    make_params(net, f.b.params);
    f.expected = harness_floats((size_t)ROWS * CLASSES);
    float *logits = harness_floats((size_t)ROWS * CLASSES);
    lyc_workspace *plain = workspace_of(net, LYC_MODE_INFER, ROWS);
    run(&f.b, plain, f.b.params, ROWS, NULL, f.expected);
    const lyc_precision last_here =
        lyc__frozen_check_bf16(NULL) == LYC_OK ? LYC_PRECISION_BF16 : LYC_PRECISION_F32;
    for (lyc_precision precision = LYC_PRECISION_F32; precision <= last_here; precision++) {
        lyc_frozen *frozen = freeze(&f.b, precision, ROWS);
        lyc_workspace *workspace = workspace_for(frozen);
        run(&f.b, workspace, NULL, ROWS, NULL, logits);
        assert_close(lyc_precision_name(precision), logits, f.expected, (size_t)ROWS * CLASSES,
                     precision == LYC_PRECISION_F32 ? 1e-5 : 0.02);
        lyc_workspace_destroy(workspace);
        lyc_frozen_destroy(frozen);
    }
    lyc_free(logits);
    lyc_workspace_destroy(plain);
    close_fixture(&f);
}

/* ---- bits ---------------------------------------------------------------------------------------- */

/* A row's logits are the same with any threads, any rows beside it, any room. */
static void check_bits(const lyc_network_spec *spec, lyc_precision precision) {
    const int threads[] = {1, 2, 3, 8};
    const size_t counts[] = {ROWS, 1, 7, 33};
    fixture f;
    open_fixture(&f, spec);
    float *expected = harness_floats((size_t)ROWS * CLASSES),
          *logits = harness_floats((size_t)ROWS * CLASSES);
    lyc_frozen *frozen = freeze(&f.b, precision, ROWS);
    lyc_workspace *workspace = workspace_for(frozen);
    run(&f.b, workspace, NULL, ROWS, NULL, expected);
    for (size_t i = 0; i < 4; i++) {
        lyc_error err = {0};
        lyc_pool *pool = NULL;
        assert_int_equal(lyc_pool_create(&pool, threads[i], &err), LYC_OK);
        lyc_frozen *roomy = freeze(&f.b, precision, ROWS + 100 * i);
        lyc_workspace *other = workspace_for(roomy);
        for (size_t j = 0; j < 4; j++) {
            run(&f.b, other, NULL, counts[j], pool, logits);
            assert_memory_equal(logits, expected, counts[j] * CLASSES * sizeof *logits);
        }
        lyc_workspace_destroy(other);
        lyc_frozen_destroy(roomy);
        lyc_pool_destroy(pool);
    }
    lyc_free(logits);
    lyc_free(expected);
    lyc_workspace_destroy(workspace);
    lyc_frozen_destroy(frozen);
    close_fixture(&f);
}

/* More shards than may be at work together, and just as many. */
static void many_shards(void **state) {
    (void)state;
    enum { MANY = 17 * 32 };
    const lyc_network_spec spec = {
        .arch = "resnet", .channels = 1, .height = 5, .width = 4, .depth = 8, .classes = CLASSES};
    lyc_error err = {0};
    lyc_pool *pool = NULL;
    lyc_network *net = network_create(&spec);
    batch b;
    batch_open(&b, net, MANY, 8);
    assert_int_equal(lyc_pool_create(&pool, 8, &err), LYC_OK);
    assert_int_equal(lyc_frozen_shard_rows(net), MANY / 17);
    lyc_frozen *frozen = freeze(&b, LYC_PRECISION_F32, MANY);
    lyc_workspace *alone = workspace_for(frozen), *together = workspace_for(frozen);
    float *expected = harness_floats((size_t)MANY * CLASSES),
          *logits = harness_floats((size_t)MANY * CLASSES);
    run(&b, alone, NULL, MANY, NULL, expected);
    for (size_t rows = MANY - 64; rows <= MANY; rows += 32) {
        run(&b, together, NULL, rows, pool, logits);
        assert_memory_equal(logits, expected, rows * CLASSES * sizeof *logits);
    }
    lyc_free(logits);
    lyc_free(expected);
    lyc_workspace_destroy(alone);
    lyc_workspace_destroy(together);
    lyc_frozen_destroy(frozen);
    lyc_pool_destroy(pool);
    batch_close(&b);
    lyc_network_destroy(net);
}

static void has_the_same_bits(void **state) {
    (void)state;
    for (size_t i = 0; i < ARCHITECTURES; i++) check_bits(architectures[i].spec, LYC_PRECISION_F32);
}

/* An update with other parameters, and back, leaves what creation made. */
static void update_is_creation(void **state) {
    (void)state;
    for (size_t i = 0; i < ARCHITECTURES; i++) {
        fixture f;
        open_fixture(&f, architectures[i].spec);
        float *first = harness_floats((size_t)ROWS * CLASSES),
              *second = harness_floats((size_t)ROWS * CLASSES),
              *other = harness_floats(lyc_network_size(f.net));
        lyc_network_init(f.net, 77, other);
        lyc_frozen *frozen = freeze(&f.b, LYC_PRECISION_F32, ROWS);
        lyc_workspace *workspace = workspace_for(frozen);
        run(&f.b, workspace, NULL, ROWS, NULL, first);
        lyc_frozen_update(frozen, other);
        run(&f.b, workspace, NULL, ROWS, NULL, second);
        assert_memory_not_equal(first, second, ROWS * CLASSES * sizeof *first);
        lyc_frozen_update(frozen, f.b.params);
        run(&f.b, workspace, NULL, ROWS, NULL, second);
        assert_memory_equal(first, second, ROWS * CLASSES * sizeof *first);
        lyc_free(first);
        lyc_free(second);
        lyc_free(other);
        lyc_workspace_destroy(workspace);
        lyc_frozen_destroy(frozen);
        close_fixture(&f);
    }
}

/* ---- bf16 ---------------------------------------------------------------------------------------- */

/* Whether this build and CPU compute in bf16; where not, that they say so. */
static bool has_bf16(void) {
    lyc_error err = {0};
    if (lyc__frozen_check_bf16(&err) == LYC_OK) return true;
    lyc_frozen *frozen = NULL;
    fixture f;
    open_fixture(&f, &mlp);
    assert_int_equal(lyc_frozen_create(&frozen, f.net, f.b.params, LYC_PRECISION_BF16, ROWS, &err),
                     LYC_EENVIRONMENT);
    assert_non_null(strstr(err.message, "use f32"));
    assert_null(frozen);
    close_fixture(&f);
    return false;
}

/* bfloat16 has 8 bits: products of rounded factors are off by 2^-8 at most, sums of them by less. */
static void bf16_is_near(void **state) {
    (void)state;
    if (!has_bf16()) return;
    for (size_t i = 0; i < ARCHITECTURES; i++) {
        fixture f;
        open_fixture(&f, architectures[i].spec);
        lyc_frozen *frozen = freeze(&f.b, LYC_PRECISION_BF16, ROWS);
        lyc_workspace *workspace = workspace_for(frozen);
        float *logits = harness_floats((size_t)ROWS * CLASSES);
        run(&f.b, workspace, NULL, ROWS, NULL, logits);
        assert_close(architectures[i].spec->arch, logits, f.expected, (size_t)ROWS * CLASSES, 0.02);
        lyc_logit_error error;
        lyc_logit_error_measure(&error, logits, f.expected, ROWS, CLASSES);
        assert_true(error.largest > 0); /* it is not f32 */
        lyc_free(logits);
        lyc_workspace_destroy(workspace);
        lyc_frozen_destroy(frozen);
        close_fixture(&f);
    }
}

static void bf16_has_the_same_bits(void **state) {
    (void)state;
    if (!has_bf16()) return;
    for (size_t i = 0; i < ARCHITECTURES; i++) check_bits(architectures[i].spec, LYC_PRECISION_BF16);
}

/* Between layers lies bf16, wherever only layers look. */
static void bf16_lies_between_layers(void **state) {
    (void)state;
    lyc__graph *graph = NULL;
    lyc__origin *origins = NULL;
    lyc_error err = {0};
    lyc_network *net = network_create(&pad);
    assert_int_equal(lyc__freeze(&graph, &origins, net->graph, LYC_PRECISION_BF16, &err), LYC_OK);
    for (int i = 0; i < graph->node_count; i++) {
        const lyc__node *node = &graph->nodes[i];
        const bool last = i >= graph->node_count - 3; /* the last sum, the mean over pixels, the logits */
        assert_int_equal(node->out.type, last ? LYC__F32 : LYC__BF16);
    }
    lyc_free(origins);
    lyc__graph_destroy(graph);
    lyc_network_destroy(net);
}

/* ---- what is refused, and measuring ---------------------------------------------------------------- */

static void precisions_have_names(void **state) {
    (void)state;
    lyc_error err = {0};
    lyc_precision precision = LYC_PRECISION_F32;
    for (int i = LYC_PRECISION_F32; i <= LYC_PRECISION_BF16; i++) {
        assert_int_equal(lyc_precision_named(&precision, lyc_precision_name((lyc_precision)i), &err), LYC_OK);
        assert_int_equal(precision, i);
    }
    const char *const bad[] = {"", "f16", "F32", "bf16 "};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(lyc_precision_named(&precision, bad[i], &err), LYC_ECONFIG);
        assert_non_null(strstr(err.message, "f32, bf16"));
        assert_non_null(strstr(err.message, bad[i]));
    }
    assert_int_equal(lyc_precision_named(&precision, NULL, &err), LYC_ECONFIG);
}

static void rows_are_checked(void **state) {
    (void)state;
    lyc_error err = {0};
    lyc_frozen *frozen = NULL;
    fixture f;
    open_fixture(&f, &mlp);
    const size_t rows[] = {0, (size_t)1 << 30};
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(lyc_frozen_create(&frozen, f.net, f.b.params, LYC_PRECISION_F32, rows[i], &err),
                         LYC_ECONFIG);
    lyc_frozen_destroy(NULL);
    close_fixture(&f);
}

static void errors_are_measured(void **state) {
    (void)state;
    const float exact[] = {1, 2, 3, 0, 5, 4, -1, -2, -3}, near[] = {1, 2.5F, 3, 0, 4, 4.5F, -1, -2, -3};
    lyc_logit_error error;
    lyc_logit_error_measure(&error, near, exact, 3, 3);
    assert_int_equal(error.rows, 3);
    assert_true(error.largest == 1 && fabs(error.mean - 2.0 / 9) < 1e-15);
    assert_true(fabs(error.changed - 1.0 / 3) < 1e-15);
    lyc_logit_error_measure(&error, exact, exact, 3, 3);
    assert_true(error.largest == 0 && error.mean == 0 && error.changed == 0);
    lyc_logit_error_measure(&error, exact, exact, 0, 3);
    assert_true(error.rows == 0 && error.mean == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_the_network),
        cmocka_unit_test(equals_pytorch),
        cmocka_unit_test(keeps_what_others_read),
        cmocka_unit_test(has_the_same_bits),
        cmocka_unit_test(update_is_creation),
        cmocka_unit_test(precisions_have_names),
        cmocka_unit_test(rows_are_checked),
        cmocka_unit_test(errors_are_measured),
        cmocka_unit_test(bf16_is_near),
        cmocka_unit_test(bf16_has_the_same_bits),
        cmocka_unit_test(bf16_lies_between_layers),
        cmocka_unit_test(many_shards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

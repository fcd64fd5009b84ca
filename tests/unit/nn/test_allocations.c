/* Steady steps allocate nothing, and an allocation that fails is an error without a leak. */
#include "batch.h"

#include <stdlib.h>

typedef struct counter {
    size_t made, alive;
    size_t failing; /* this request fails; 0 = none */
} counter;

static counter counted;

static void *count_allocate(void *payload, size_t size, size_t alignment) {
    counter *c = payload;
    if (++c->made == c->failing) return NULL;
    c->alive++;
    return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

static void count_release(void *payload, void *block) {
    ((counter *)payload)->alive--;
    free(block);
}

static const lyc_allocator counting = {count_allocate, count_release, &counted};

static const lyc_network_spec mlp = {.arch = "mlp",
                                     .channels = 1,
                                     .height = 28,
                                     .width = 28,
                                     .classes = 10,
                                     .hidden = {64},
                                     .hidden_count = 1,
                                     .dropout = 0.1};
static const lyc_network_spec lenet5 = {
    .arch = "lenet5", .channels = 1, .height = 28, .width = 28, .classes = 10};
static const lyc_network_spec resnet8 = {.arch = "resnet",
                                         .channels = 3,
                                         .height = 12,
                                         .width = 12,
                                         .classes = 10,
                                         .dropout = 0.1,
                                         .depth = 8,
                                         .shortcut = LYC_SHORTCUT_PROJECT};
static const lyc_optimizer_options adam = {.kind = "adam", .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};

static void check_steps(const lyc_network_spec *spec) {
    lyc_error err = {0};
    lyc_pool *pool = NULL;
    lyc_optimizer *optimizer = NULL;
    lyc_network *net = network_create(spec);
    assert_int_equal(lyc_pool_create(&pool, 2, &err), LYC_OK);
    assert_int_equal(lyc_optimizer_create(&optimizer, net, &adam, &err), LYC_OK);
    batch b;
    batch_open(&b, net, 128, 1);
    lyc_workspace *training = workspace_of(net, LYC_MODE_TRAIN, 128),
                  *inference = workspace_of(net, LYC_MODE_INFER, 128);
    assert_true(lyc_workspace_bytes(training) > lyc_workspace_bytes(inference));
    const size_t before = counted.made;
    assert_true(before > 0);
    for (uint32_t step = 0; step < 5; step++) {
        batch_run(&b, training, 128 - 13 * step, step, pool);
        lyc_optimizer_step(optimizer, b.params, b.gradient, 1e-3, LYC_PRIORITY_STUDENT, pool);
        const lyc_pass pass = {.rows = 100 + step, .input = batch_give, .input_payload = &b};
        lyc_workspace_forward(inference, b.params, &pass, pool);
    }
    assert_int_equal(counted.made, before);
    lyc_workspace_destroy(training);
    lyc_workspace_destroy(inference);
    batch_close(&b);
    lyc_optimizer_destroy(optimizer);
    lyc_pool_destroy(pool);
    lyc_network_destroy(net);
}

static void steady_steps_allocate_nothing(void **state) {
    (void)state;
    counted = (counter){0};
    lyc_allocator_set(&counting);
    check_steps(&mlp);
    check_steps(&lenet5);
    check_steps(&resnet8);
    assert_int_equal(counted.alive, 0);
    lyc_allocator_set(NULL);
}

/* Makes everything there is to make; the first status that is not LYC_OK. */
static lyc_status make_everything(const lyc_network_spec *spec, lyc_error *err) {
    lyc_network *net = NULL;
    lyc_workspace *training = NULL, *inference = NULL;
    lyc_optimizer *optimizer = NULL;
    lyc_status status = lyc_network_create(&net, spec, err);
    if (status == LYC_OK) status = lyc_workspace_create(&training, net, LYC_MODE_TRAIN, 40, err);
    if (status == LYC_OK) status = lyc_workspace_create(&inference, net, LYC_MODE_INFER, 40, err);
    if (status == LYC_OK) status = lyc_optimizer_create(&optimizer, net, &adam, err);
    lyc_optimizer_destroy(optimizer);
    lyc_workspace_destroy(inference);
    lyc_workspace_destroy(training);
    lyc_network_destroy(net);
    return status;
}

static void check_failures(const lyc_network_spec *spec) {
    for (size_t failing = 1;; failing++) {
        assert_true(failing < 1000);
        counted = (counter){.failing = failing};
        lyc_error err = {0};
        const lyc_status status = make_everything(spec, &err);
        assert_int_equal(counted.alive, 0);
        if (status == LYC_OK) {
            assert_true(counted.made < failing && failing > 20);
            return;
        }
        assert_int_equal(status, LYC_ENOMEM);
        assert_non_null(strstr(err.message, "no memory for"));
    }
}

static void failing_allocations(void **state) {
    (void)state;
    lyc_allocator_set(&counting);
    check_failures(&mlp);
    check_failures(&lenet5);
    check_failures(&resnet8);
    lyc_allocator_set(NULL);
}

/* ---- frozen networks ------------------------------------------------------------------------- */

static lyc_status freeze(const batch *b, lyc_frozen **frozen, lyc_workspace **workspace, lyc_error *err) {
    *workspace = NULL;
    LYC_TRY(lyc_frozen_create(frozen, b->net, b->params, LYC_PRECISION_F32, 128, err));
    return lyc_workspace_create_frozen(workspace, *frozen, err);
}

static void thaw(lyc_frozen *frozen, lyc_workspace *workspace) {
    lyc_workspace_destroy(workspace);
    lyc_frozen_destroy(frozen);
}

static void check_frozen(const lyc_network_spec *spec) {
    lyc_network *net = network_create(spec);
    lyc_frozen *frozen = NULL;
    lyc_workspace *workspace = NULL;
    lyc_error err = {0};
    batch b;
    batch_open(&b, net, 128, 1);
    assert_int_equal(freeze(&b, &frozen, &workspace, &err), LYC_OK);
    const size_t before = counted.made;
    for (size_t step = 0; step < 3; step++) {
        const lyc_pass pass = {.rows = 100 + step, .input = batch_give, .input_payload = &b};
        lyc_frozen_update(frozen, b.params);
        lyc_workspace_forward(workspace, NULL, &pass, NULL);
    }
    assert_int_equal(counted.made, before);
    thaw(frozen, workspace);
    const size_t alive = counted.alive, most = counted.made;
    for (size_t failing = 1;; failing++) {
        assert_true(failing < most);
        counted.made = 0;
        counted.failing = failing;
        const lyc_status status = freeze(&b, &frozen, &workspace, &err);
        thaw(frozen, workspace);
        assert_int_equal(counted.alive, alive);
        if (status == LYC_OK) break;
        assert_int_equal(status, LYC_ENOMEM);
    }
    counted.failing = 0;
    batch_close(&b);
    lyc_network_destroy(net);
}

static void frozen_networks(void **state) {
    (void)state;
    counted = (counter){0};
    lyc_allocator_set(&counting);
    check_frozen(&mlp);
    check_frozen(&lenet5);
    check_frozen(&resnet8);
    assert_int_equal(counted.alive, 0);
    lyc_allocator_set(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steady_steps_allocate_nothing),
        cmocka_unit_test(failing_allocations),
        cmocka_unit_test(frozen_networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

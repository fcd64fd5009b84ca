/* The same bits for any number of threads, and the rule that makes it so. */
#include "batch.h"

#include "nn/reduce.h"
#include "nn/shard.h"

static const lyc_network_spec mlp = {.arch = "mlp",
                                     .channels = 1,
                                     .height = 28,
                                     .width = 28,
                                     .classes = 10,
                                     .hidden = {64, 48},
                                     .hidden_count = 2,
                                     .dropout = 0.2};
static const lyc_network_spec lenet5 = {
    .arch = "lenet5", .channels = 1, .height = 28, .width = 28, .classes = 10, .dropout = 0.2};

/* ---- bits ------------------------------------------------------------------------------------- */

typedef struct result {
    float *params, *logits;
} result;

/* A few steps on batches of different sizes, then inference. */
static result train(const lyc_network *net, const size_t *sizes, size_t count, size_t most, int threads) {
    const size_t size = lyc_network_size(net);
    lyc_error err = {0};
    lyc_pool *pool = NULL;
    lyc_optimizer *optimizer = NULL;
    const lyc_optimizer_options options = {
        .kind = "adamw", .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .weight_decay = 0.01};
    if (threads > 0) assert_int_equal(lyc_pool_create(&pool, threads, &err), LYC_OK);
    assert_int_equal(lyc_optimizer_create(&optimizer, net, &options, &err), LYC_OK);
    batch b;
    batch_open(&b, net, most, 3);
    lyc_workspace *training = workspace_of(net, LYC_MODE_TRAIN, most),
                  *inference = workspace_of(net, LYC_MODE_INFER, most);
    for (size_t i = 0; i < count; i++) {
        batch_run(&b, training, sizes[i], (uint32_t)i, pool);
        lyc_optimizer_step(optimizer, b.params, b.gradient, 1e-3, LYC_PRIORITY_STUDENT, pool);
    }
    const lyc_pass pass = {.rows = most, .input = batch_give, .input_payload = &b};
    lyc_workspace_forward(inference, b.params, &pass, pool);
    result out = {harness_floats(size), harness_floats(most * 10)};
    memcpy(out.params, b.params, size * sizeof(float));
    memcpy(out.logits, lyc_workspace_logits(inference), most * 10 * sizeof(float));
    lyc_workspace_destroy(training);
    lyc_workspace_destroy(inference);
    batch_close(&b);
    lyc_optimizer_destroy(optimizer);
    lyc_pool_destroy(pool);
    return out;
}

static void check_bits(const lyc_network_spec *spec) {
    const size_t sizes[] = {128, 128, 101, 7, 128, 33, 1}, most = 128;
    const int threads[] = {1, 2, 3, 8};
    lyc_network *net = network_create(spec);
    const result expected = train(net, sizes, 7, most, 0);
    for (size_t i = 0; i < 4; i++) {
        const result r = train(net, sizes, 7, most, threads[i]);
        assert_memory_equal(r.params, expected.params, lyc_network_size(net) * sizeof(float));
        assert_memory_equal(r.logits, expected.logits, most * 10 * sizeof(float));
        lyc_free(r.params);
        lyc_free(r.logits);
    }
    lyc_free(expected.params);
    lyc_free(expected.logits);
    lyc_network_destroy(net);
}

static void mlp_has_the_same_bits(void **state) {
    (void)state;
    check_bits(&mlp);
}

static void lenet5_has_the_same_bits(void **state) {
    (void)state;
    check_bits(&lenet5);
}

static void resnet8_has_the_same_bits(void **state) {
    (void)state;
    check_bits(&(lyc_network_spec){.arch = "resnet",
                                   .channels = 3,
                                   .height = 16,
                                   .width = 16,
                                   .classes = 10,
                                   .depth = 8,
                                   .dropout = 0.2});
}

static void projections_have_the_same_bits(void **state) {
    (void)state;
    check_bits(&(lyc_network_spec){.arch = "resnet",
                                   .channels = 3,
                                   .height = 12,
                                   .width = 12,
                                   .classes = 10,
                                   .depth = 8,
                                   .dropout = 0.2,
                                   .shortcut = LYC_SHORTCUT_PROJECT});
}

/* A workspace made for more rows gives the same bits. */
static void room_changes_nothing(void **state) {
    (void)state;
    lyc_network *net = network_create(&lenet5);
    const size_t size = 50;
    const result tight = train(net, &size, 1, size, 0);
    batch b;
    batch_open(&b, net, size, 3);
    lyc_workspace *roomy = workspace_of(net, LYC_MODE_INFER, 500);
    memcpy(b.params, tight.params, lyc_network_size(net) * sizeof(float));
    const lyc_pass pass = {.rows = size, .input = batch_give, .input_payload = &b};
    lyc_workspace_forward(roomy, b.params, &pass, NULL);
    assert_memory_equal(lyc_workspace_logits(roomy), tight.logits, size * 10 * sizeof(float));
    lyc_workspace_destroy(roomy);
    batch_close(&b);
    lyc_free(tight.params);
    lyc_free(tight.logits);
    lyc_network_destroy(net);
}

/* ---- the shard rule --------------------------------------------------------------------------- */

static void check_rule(const lyc_network *net, lyc_mode mode) {
    size_t most_rows = 0, most_shards = 0;
    for (size_t rows = 1; rows <= 3000; rows++) {
        const size_t shard = lyc_shard_rows(net, mode, rows), count = lyc__shard_count(net, mode, rows);
        assert_true(shard >= 1 && shard <= rows);
        assert_true(count >= 1 && count <= LYC__MAX_SHARDS);
        assert_true((count - 1) * shard < rows && rows <= count * shard);
        if (rows >= 256) assert_true(count >= 8);
        if (shard < 4) assert_true(rows < 4 * (count + 1)); /* only by evening out */
        if (shard > most_rows) most_rows = shard;
        if (count > most_shards) most_shards = count;
        size_t limit_rows = 0, limit_shards = 0;
        if (rows % 250 != 0) continue;
        lyc__shard_limits(net, mode, rows, &limit_rows, &limit_shards);
        assert_int_equal(limit_rows, most_rows);
        assert_int_equal(limit_shards, most_shards);
    }
    assert_int_equal(lyc_shard_rows(net, mode, 0), 0);
}

static void shards(void **state) {
    (void)state;
    lyc_network *dense = network_create(&mlp), *convolutional = network_create(&lenet5);
    check_rule(dense, LYC_MODE_TRAIN);
    check_rule(dense, LYC_MODE_INFER);
    check_rule(convolutional, LYC_MODE_TRAIN);
    check_rule(convolutional, LYC_MODE_INFER);
    /* Stored in checkpoints: a change here is a change of results. */
    assert_int_equal(lyc_shard_rows(dense, LYC_MODE_TRAIN, 64), 32);
    assert_int_equal(lyc_shard_rows(dense, LYC_MODE_TRAIN, 256), 32);
    assert_int_equal(lyc_shard_rows(dense, LYC_MODE_TRAIN, 1024), 128);
    assert_int_equal(lyc_shard_rows(convolutional, LYC_MODE_TRAIN, 128), 16);
    assert_int_equal(lyc_shard_rows(convolutional, LYC_MODE_TRAIN, 1024), 32);
    lyc_network *residual = network_create(&(lyc_network_spec){
        .arch = "resnet", .channels = 3, .height = 32, .width = 32, .classes = 10, .depth = 20});
    check_rule(residual, LYC_MODE_TRAIN);
    assert_int_equal(lyc_shard_rows(residual, LYC_MODE_TRAIN, 128), 4);
    /* Two threads have as much to do: rows of the batch, and those that the busier one has. */
    const size_t halves[][2] = {{17, 9},  {24, 12}, {33, 18},  {50, 27},
                                {72, 36}, {88, 44}, {100, 52}, {200, 105}};
    for (size_t i = 0; i < sizeof halves / sizeof *halves; i++) {
        const size_t shards = lyc__shard_count(residual, LYC_MODE_TRAIN, halves[i][0]);
        assert_int_equal((shards + 1) / 2 * lyc_shard_rows(residual, LYC_MODE_TRAIN, halves[i][0]),
                         halves[i][1]);
    }
    size_t rows = 0, count = 0; /* and no more memory than for the whole batch */
    lyc__shard_limits(residual, LYC_MODE_TRAIN, 128, &rows, &count);
    assert_true(rows == 4 && count == 32);
    lyc_network_destroy(residual);
    lyc_network_destroy(dense);
    lyc_network_destroy(convolutional);
}

/* ---- the sum of gradients --------------------------------------------------------------------- */

/* The tree, written down once more. */
static float sum_between(const float *arrays, size_t size, size_t place, size_t first, size_t count) {
    if (count == 1) return arrays[first * size + place];
    size_t left = 1;
    while (2 * left < count) left *= 2;
    return sum_between(arrays, size, place, first, left) +
           sum_between(arrays, size, place, first + left, count - left);
}

static void reduction(void **state) {
    (void)state;
    lyc_error err = {0};
    lyc_pool *pool = NULL;
    assert_int_equal(lyc_pool_create(&pool, 3, &err), LYC_OK);
    const size_t sizes[] = {1, 1023, 1025, 8192, 20011};
    for (size_t s = 0; s < 5; s++)
        for (size_t count = 1; count <= LYC__MAX_SHARDS; count++) {
            const size_t size = sizes[s];
            float *arrays = harness_floats(count * size), *out = harness_floats(size + 1);
            fill_random(arrays, count * size, -1, 1, (uint32_t)count);
            out[size] = 5;
            lyc__reduce(arrays, count, size, out, LYC_PRIORITY_STUDENT, pool);
            for (size_t i = 0; i < size; i++) assert_true(out[i] == sum_between(arrays, size, i, 0, count));
            assert_true(out[size] == 5);
            lyc_free(arrays);
            lyc_free(out);
        }
    lyc_pool_destroy(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mlp_has_the_same_bits),
        cmocka_unit_test(lenet5_has_the_same_bits),
        cmocka_unit_test(resnet8_has_the_same_bits),
        cmocka_unit_test(projections_have_the_same_bits),
        cmocka_unit_test(room_changes_nothing),
        cmocka_unit_test(shards),
        cmocka_unit_test(reduction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Optimisers against PyTorch over 20 steps (nn_optimizers.bin; clipping, Nesterov and decay on weights only
 * in optimizer.bin), schedules, and what they refuse. */
#include "harness.h"

#include "golden.h"

enum { SIZE = 44, STEPS = 20 };

typedef struct setting {
    const char *name;
    lyc_optimizer_options options;
} setting;

static const setting settings[] = {
    {"sgd", {.kind = "sgd"}},
    {"sgd-decay", {.kind = "sgd", .weight_decay = 0.05}},
    {"sgd-momentum", {.kind = "sgd", .momentum = 0.9}},
    {"sgd-momentum-decay", {.kind = "sgd", .momentum = 0.8, .weight_decay = 0.05}},
    {"adam", {.kind = "adam", .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8}},
    {"adam-decay", {.kind = "adam", .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-6, .weight_decay = 0.05}},
    {"adamw", {.kind = "adamw", .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8}},
    {"adamw-decay", {.kind = "adamw", .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-6, .weight_decay = 0.05}},
    {"nesterov", {.kind = "sgd", .momentum = 0.9, .nesterov = true}},
    {"nesterov-decay", {.kind = "sgd", .momentum = 0.8, .nesterov = true, .weight_decay = 0.05}},
    {"sgd-weights", {.kind = "sgd", .momentum = 0.9, .weight_decay = 0.05, .decay = LYC_DECAY_WEIGHTS}},
    {"adam-weights",
     {.kind = "adam",
      .beta1 = 0.9,
      .beta2 = 0.999,
      .epsilon = 1e-6,
      .weight_decay = 0.05,
      .decay = LYC_DECAY_WEIGHTS}},
    {"adamw-weights",
     {.kind = "adamw",
      .beta1 = 0.9,
      .beta2 = 0.999,
      .epsilon = 1e-6,
      .weight_decay = 0.05,
      .decay = LYC_DECAY_WEIGHTS}},
    {"sgd-clip", {.kind = "sgd", .clip_norm = 6.5}},
    {"nesterov-clip",
     {.kind = "sgd",
      .momentum = 0.9,
      .nesterov = true,
      .weight_decay = 0.05,
      .decay = LYC_DECAY_WEIGHTS,
      .clip_norm = 6.5}},
    {"adamw-clip",
     {.kind = "adamw", .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-6, .weight_decay = 0.05, .clip_norm = 3}},
};
enum { SETTINGS = sizeof settings / sizeof *settings, PLAIN = 8 }; /* the plain ones stand first */

static lyc_network *network_of(int hidden) {
    lyc_error err = {0};
    lyc_network *net = NULL;
    const lyc_network_spec spec = {.arch = "mlp",
                                   .channels = 1,
                                   .height = 1,
                                   .width = 3,
                                   .classes = 4,
                                   .hidden = {hidden},
                                   .hidden_count = 1};
    assert_int_equal(lyc_network_create(&net, &spec, &err), LYC_OK);
    return net;
}

static lyc_optimizer *optimizer_of(const lyc_network *net, const lyc_optimizer_options *options) {
    lyc_error err = {0};
    lyc_optimizer *optimizer = NULL;
    if (lyc_optimizer_create(&optimizer, net, options, &err) != LYC_OK) fail_msg("%s", err.message);
    return optimizer;
}

static double rate_at(size_t step) {
    return 0.1 * (1 - (double)step / 40);
}

static void check_norm(const golden *g, const char *name, size_t step, const lyc_optimizer *optimizer) {
    const float *norms = golden_find(g, name, "norms", NULL);
    const double norm = lyc_optimizer_gradient_norm(optimizer);
    if (norms == NULL) assert_true(isnan(norm));
    else if (!(fabs(norm - (double)norms[step]) < 1e-6 * norm))
        fail_msg("%s, step %zu: norm %g", name, step, norm);
}

static void compare_steps(const char *file, size_t from, size_t to) {
    golden *g = golden_open(file);
    lyc_network *net = network_of(5);
    assert_int_equal(lyc_network_size(net), SIZE);
    const float *start = golden_get(g, "all", "start", SIZE);
    const float *gradients = golden_get(g, "all", "gradients", (size_t)SIZE * STEPS);
    for (size_t i = from; i < to; i++) {
        lyc_optimizer *optimizer = optimizer_of(net, &settings[i].options);
        float params[SIZE];
        memcpy(params, start, sizeof params);
        for (size_t step = 0; step < STEPS; step++) {
            lyc_optimizer_step(optimizer, params, gradients + step * SIZE, rate_at(step),
                               LYC_PRIORITY_STUDENT, NULL);
            check_norm(g, settings[i].name, step, optimizer);
            if (step == 0)
                assert_close(settings[i].name, params, golden_get(g, settings[i].name, "first", SIZE), SIZE,
                             1e-6);
        }
        assert_close(settings[i].name, params, golden_get(g, settings[i].name, "last", SIZE), SIZE, 1e-6);
        assert_int_equal(lyc_optimizer_steps(optimizer), STEPS);
        lyc_optimizer_destroy(optimizer);
    }
    lyc_network_destroy(net);
    golden_close(g);
}

static void twenty_steps(void **state) {
    (void)state;
    compare_steps("nn_optimizers.bin", 0, PLAIN);
}

static void twenty_steps_with_options(void **state) {
    (void)state;
    compare_steps("optimizer.bin", PLAIN, SETTINGS);
}

/* What a checkpoint keeps is enough to go on with the same bits, and so is a copy. */
static void state_is_complete(void **state) {
    (void)state;
    lyc_network *net = network_of(5);
    float gradient[SIZE], params[3][SIZE];
    fill_random(gradient, SIZE, -1, 1, 1);
    for (size_t i = 0; i < SETTINGS; i++) {
        lyc_optimizer *one = optimizer_of(net, &settings[i].options),
                      *restored = optimizer_of(net, &settings[i].options),
                      *copied = optimizer_of(net, &settings[i].options);
        fill_random(params[0], SIZE, -1, 1, 2);
        for (size_t step = 0; step < 3; step++) lyc_optimizer_step(one, params[0], gradient, 0.1, 0, NULL);
        size_t count = 0, same = 0;
        const float *from = lyc_optimizer_moments(one, &count);
        float *to = lyc_optimizer_moments(restored, &same);
        assert_int_equal(count, same);
        assert_int_equal(count % SIZE, 0);
        memcpy(to, from, count * sizeof *to);
        lyc_optimizer_set_steps(restored, lyc_optimizer_steps(one));
        lyc_optimizer_copy(copied, one);
        memcpy(params[1], params[0], sizeof params[0]);
        memcpy(params[2], params[0], sizeof params[0]);
        lyc_optimizer_step(one, params[0], gradient, 0.1, 0, NULL);
        lyc_optimizer_step(restored, params[1], gradient, 0.1, 0, NULL);
        lyc_optimizer_step(copied, params[2], gradient, 0.1, 0, NULL);
        assert_memory_equal(params[0], params[1], sizeof params[0]);
        assert_memory_equal(params[0], params[2], sizeof params[0]);
        lyc_optimizer_destroy(one);
        lyc_optimizer_destroy(restored);
        lyc_optimizer_destroy(copied);
    }
    lyc_network_destroy(net);
}

/* Moments of parameters that no gradient reaches any more fade to zeros, never to numbers so small that the
 * CPU is slow with them; what is no number stays none. */
static void fading_moments_end_at_zero(void **state) {
    (void)state;
    lyc_network *net = network_of(5);
    const lyc_optimizer_options options[] = {
        {.kind = "sgd", .momentum = 0.5}, {.kind = "adamw", .beta1 = 0.5, .beta2 = 0.999, .epsilon = 1e-8}};
    float gradient[SIZE], params[SIZE];
    for (size_t i = 0; i < 2; i++) {
        lyc_optimizer *optimizer = optimizer_of(net, &options[i]);
        fill_random(gradient, SIZE, -1, 1, 1);
        fill_random(params, SIZE, -1, 1, 2);
        lyc_optimizer_step(optimizer, params, gradient, 0.1, 0, NULL);
        memset(gradient, 0, sizeof gradient);
        size_t count = 0;
        float *first = lyc_optimizer_moments(optimizer, &count);
        assert_true(count >= SIZE);
        for (size_t step = 0; step < 200; step++) {
            lyc_optimizer_step(optimizer, params, gradient, 0.1, 0, NULL);
            for (size_t j = 0; j < SIZE; j++) assert_true(first[j] == 0 || isnormal(first[j]));
        }
        for (size_t j = 0; j < SIZE; j++) assert_true(first[j] == 0 && isfinite(params[j]));
        first[3] = NAN;
        lyc_optimizer_step(optimizer, params, gradient, 0.1, 0, NULL);
        assert_true(isnan(first[3]));
        lyc_optimizer_destroy(optimizer);
    }
    lyc_network_destroy(net);
}

/* A network large enough to be updated in pieces by several threads. */
static void threads_change_nothing(void **state) {
    (void)state;
    lyc_error err = {0};
    lyc_network *net = network_of(5001);
    const size_t size = lyc_network_size(net);
    assert_true(size > 1 << 15);
    float *gradient = harness_floats(size), *params[2] = {harness_floats(size), harness_floats(size)};
    const int threads[] = {0, 1, 2, 3, 8}; /* 0: no pool */
    lyc_pool *pools[5] = {NULL};
    for (int i = 1; i < 5; i++) assert_int_equal(lyc_pool_create(&pools[i], threads[i], &err), LYC_OK);
    fill_random(gradient, size, -1, 1, 1);
    for (size_t i = 0; i < SETTINGS; i++) {
        for (int j = 0; j < 5; j++) {
            float *block = params[j == 0 ? 0 : 1];
            lyc_optimizer *optimizer = optimizer_of(net, &settings[i].options);
            fill_random(block, size, -1, 1, 2);
            for (int step = 0; step < 3; step++)
                lyc_optimizer_step(optimizer, block, gradient, 0.1, 0, pools[j]);
            lyc_optimizer_destroy(optimizer);
            assert_memory_equal(params[0], block, size * sizeof(float));
        }
    }
    for (int i = 1; i < 5; i++) lyc_pool_destroy(pools[i]);
    lyc_network_destroy(net);
    lyc_free(gradient);
    lyc_free(params[0]);
    lyc_free(params[1]);
}

static void wrong_options(void **state) {
    (void)state;
    const struct {
        lyc_optimizer_options options;
        const char *message;
    } wrong[] = {
        {{.kind = "adagrad"}, "there is no kind \"adagrad\"; there are: sgd, adam, adamw"},
        {{.kind = NULL}, "there is no kind \"\""},
        {{.kind = "sgd", .momentum = 1}, "optimizer sgd: momentum is 1, not in [0, 1)"},
        {{.kind = "sgd", .weight_decay = -1}, "optimizer sgd: weight_decay is -1"},
        {{.kind = "sgd", .clip_norm = -1}, "optimizer sgd: clip_norm is -1"},
        {{.kind = "sgd", .clip_norm = INFINITY}, "optimizer sgd: clip_norm is inf"},
        {{.kind = "sgd", .nesterov = true}, "optimizer sgd: nesterov needs a momentum above 0"},
        {{.kind = "adam", .beta1 = 0.9, .beta2 = 0.9, .epsilon = 1e-8, .nesterov = true},
         "nesterov is for sgd"},
        {{.kind = "adam", .beta1 = 1, .beta2 = 0.9, .epsilon = 1e-8}, "optimizer adam: beta1 is 1"},
        {{.kind = "adamw", .beta1 = 0.9, .beta2 = -1, .epsilon = 1e-8}, "optimizer adamw: beta2 is -1"},
        {{.kind = "adamw", .beta1 = 0.9, .beta2 = 0.9}, "optimizer adamw: epsilon is 0"},
    };
    lyc_network *net = network_of(5);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        lyc_error err = {0};
        lyc_optimizer *optimizer = NULL;
        assert_int_equal(lyc_optimizer_create(&optimizer, net, &wrong[i].options, &err), LYC_ECONFIG);
        assert_null(optimizer);
        if (strstr(err.message, wrong[i].message) == NULL) fail_msg("%s", err.message);
    }
    lyc_network_destroy(net);
}

/* ---- schedules -------------------------------------------------------------------------------- */

static double half_and_three_quarters[] = {0.5, 0.75}, quarters[] = {0.25, 0.5, 0.75};

static void assert_factor(const char *kind, double warmup, uint64_t step, uint64_t total, double expected) {
    const lyc_schedule_options options = {.kind = kind,
                                          .warmup = warmup,
                                          .milestones = half_and_three_quarters,
                                          .milestone_count = 2,
                                          .gamma = 0.1};
    const double factor = lyc_schedule_factor(&options, step, total);
    if (!(fabs(factor - expected) < 1e-12))
        fail_msg("%s, warm-up %g, step %llu of %llu: %g, not %g", kind, warmup, (unsigned long long)step,
                 (unsigned long long)total, factor, expected);
}

static void schedules(void **state) {
    (void)state;
    assert_factor("constant", 0, 0, 100, 1);
    assert_factor("constant", 0, 99, 100, 1);
    assert_factor("constant", 0.1, 0, 100, 0.1);
    assert_factor("constant", 0.1, 9, 100, 1);
    assert_factor("cosine", 0, 0, 100, 1);
    assert_factor("cosine", 0, 50, 100, 0.5);
    assert_factor("cosine", 0.2, 19, 100, 1);
    assert_factor("cosine", 0.2, 20, 100, 1);
    assert_factor("cosine", 0.2, 60, 100, 0.5);
    assert_factor("cosine", 0.05, 0, 10, 1); /* a warm-up of half a step is none */
    assert_factor("linear", 0.2, 20, 100, 1);
    assert_factor("linear", 0.2, 60, 100, 0.5);
    assert_factor("linear", 0, 99, 100, 0.01);
    assert_factor("step", 0.2, 9, 100, 0.5); /* milestones are shares of the whole run */
    assert_factor("step", 0.2, 49, 100, 1);
    assert_factor("step", 0.2, 50, 100, 0.1);
    assert_factor("step", 0.2, 75, 100, 0.01);
    assert_true(isnan(lyc_schedule_factor(&(lyc_schedule_options){.kind = "staircase"}, 0, 10)));
}

static void schedules_are_pytorchs(void **state) {
    (void)state;
    enum { RUN = 40 };
    const struct {
        const char *name;
        lyc_schedule_options options;
    } cases[] = {
        {"step", {.kind = "step", .milestones = half_and_three_quarters, .milestone_count = 2, .gamma = 0.1}},
        {"third", {.kind = "step", .milestones = quarters, .milestone_count = 3, .gamma = 0.5}},
        {"linear", {.kind = "linear", .final = 0.2}},
        {"cosine", {.kind = "cosine", .final = 0.1}},
    };
    golden *g = golden_open("optimizer.bin");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lyc_error err = {0};
        assert_int_equal(lyc_schedule_check(&cases[i].options, &err), LYC_OK);
        const float *factors = golden_get(g, cases[i].name, "factors", RUN);
        float ours[RUN];
        for (uint64_t step = 0; step < RUN; step++)
            ours[step] = (float)lyc_schedule_factor(&cases[i].options, step, RUN);
        assert_close(cases[i].name, ours, factors, RUN, 1e-6);
    }
    golden_close(g);
}

static void wrong_schedules(void **state) {
    (void)state;
    double outside[] = {0.5, 1}, zero[] = {0}, equal[] = {0.5, 0.5};
    const struct {
        lyc_schedule_options options;
        const char *message;
    } wrong[] = {
        {{.kind = "stairs"}, "no schedule \"stairs\"; choose one of: constant, cosine, linear, step"},
        {{.kind = NULL}, "no schedule \"\""},
        {{.kind = "constant", .warmup = 1.5}, "schedule.warmup is 1.5"},
        {{.kind = "linear", .final = -0.1}, "schedule.final is -0.1"},
        {{.kind = "step", .gamma = 0.1}, "schedule.milestones is empty"},
        {{.kind = "step", .milestones = quarters, .milestone_count = 3}, "schedule.gamma is 0"},
        {{.kind = "step", .milestones = outside, .milestone_count = 2, .gamma = 1}, "milestones[1] is 1"},
        {{.kind = "step", .milestones = zero, .milestone_count = 1, .gamma = 1}, "milestones[0] is 0"},
        {{.kind = "step", .milestones = equal, .milestone_count = 2, .gamma = 1}, "milestones ascend"},
        {{.kind = "step", .milestones = quarters, .milestone_count = 3, .gamma = 1, .warmup = 0.3},
         "follow the warm-up"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        lyc_error err = {0};
        assert_int_equal(lyc_schedule_check(&wrong[i].options, &err), LYC_ECONFIG);
        if (strstr(err.message, wrong[i].message) == NULL) fail_msg("%s", err.message);
    }
}

static void schedules_stay_above_zero(void **state) {
    (void)state;
    for (size_t i = 0; lyc_schedule_name(i) != NULL; i++) {
        assert_true(lyc_schedule_doc(i) != NULL && lyc_schedule_doc(i)[0] != '\0');
        for (int w = 0; w <= 10; w++)
            for (uint64_t total = 1; total <= 40; total++)
                for (uint64_t step = 0; step <= total; step++) { /* also one step too many */
                    const lyc_schedule_options options = {.kind = lyc_schedule_name(i),
                                                          .warmup = w / 10.0,
                                                          .milestones = quarters,
                                                          .milestone_count = 3,
                                                          .gamma = 0.1};
                    const double factor = lyc_schedule_factor(&options, step, total);
                    assert_true(factor > 0 && factor <= 1);
                }
    }
}

static void tables_are_documented(void **state) {
    (void)state;
    size_t count = 0;
    for (; lyc_optimizer_name(count) != NULL; count++)
        assert_true(lyc_optimizer_doc(count) != NULL && lyc_optimizer_doc(count)[0] != '\0');
    assert_int_equal(count, 3);
    assert_null(lyc_optimizer_doc(count));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twenty_steps),
        cmocka_unit_test(twenty_steps_with_options),
        cmocka_unit_test(state_is_complete),
        cmocka_unit_test(fading_moments_end_at_zero),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(wrong_options),
        cmocka_unit_test(schedules),
        cmocka_unit_test(schedules_are_pytorchs),
        cmocka_unit_test(wrong_schedules),
        cmocka_unit_test(schedules_stay_above_zero),
        cmocka_unit_test(tables_are_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

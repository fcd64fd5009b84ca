/* Twenty training steps of both networks, cross-entropy mixed with distillation, against PyTorch
 * (nn_training.bin). Parameters and images are drawn here as the script draws them. */
#include "harness.h"

#include "golden.h"

enum { BATCH = 40, BATCHES = 3, CLASSES = 10, STEPS = 20, SAMPLE = 101 };
static const float alpha = 0.3F, temperature = 4;
static const double tolerance = 1e-4;

static void draw(uint32_t *generator, float *out, size_t count) {
    for (size_t i = 0; i < count; i++) {
        *generator = *generator * 1664525U + 1013904223U;
        out[i] = (float)(*generator >> 8) / 8388608.0F - 1;
    }
}

typedef struct lesson {
    const lyc_network *net;
    lyc_workspace *workspace;
    float *params, *gradient, *images, *in_file;
    const float *targets;
    int32_t labels[BATCHES * BATCH];
    size_t first; /* row of the batch */
    float ce[BATCH], kd[BATCH];
} lesson;

static void give_images(void *payload, size_t first, size_t rows, float *out) {
    const lesson *l = payload;
    const lyc_network_spec *spec = lyc_network_get_spec(l->net);
    const size_t pixels = (size_t)spec->height * (size_t)spec->width, channels = (size_t)spec->channels;
    const float *from = l->images + (l->first + first) * pixels * channels;
    for (size_t r = 0; r < rows; r++, from += pixels * channels)
        for (size_t p = 0; p < pixels; p++)
            for (size_t c = 0; c < channels; c++) *out++ = from[c * pixels + p];
}

static void give_gradient(void *payload, size_t shard, size_t first, size_t rows, const float *logits,
                          float *gradient) {
    (void)shard;
    lesson *l = payload;
    memset(gradient, 0, rows * CLASSES * sizeof *gradient);
    lyc_cross_entropy_gradient(logits, l->labels + l->first + first, alpha / BATCH, rows, CLASSES,
                               l->ce + first, gradient);
    lyc_kl_gradient(logits, l->targets + (l->first + first) * CLASSES, temperature, (1 - alpha) / BATCH, rows,
                    CLASSES, l->kd + first, gradient);
}

static void open_lesson(lesson *l, const golden *g, const char *name, const lyc_network *net) {
    lyc_error err = {0};
    *l = (lesson){.net = net};
    assert_int_equal(lyc_workspace_create(&l->workspace, net, LYC_MODE_TRAIN, BATCH, &err), LYC_OK);
    const size_t size = lyc_network_size(net);
    l->params = harness_floats(size);
    l->gradient = harness_floats(size);
    l->in_file = harness_floats(size);
    lyc_network_init(net, 1, l->params); /* also state */
    uint32_t generator = 7;
    for (size_t i = 0; i < lyc_network_parameter_count(net); i++) {
        const lyc_parameter *param = lyc_network_parameter(net, i);
        const size_t fan_in = param->rank > 1 ? param->size / (size_t)param->dims[0] : 64;
        if (!param->trains) continue;
        draw(&generator, l->in_file, param->size);
        const float base = param->rank == 1 && strstr(param->name, ".weight") != NULL ? 1 : 0; /* of norms */
        for (size_t j = 0; j < param->size; j++)
            l->in_file[j] = base + l->in_file[j] * (float)(1 / sqrt((double)fan_in));
        lyc_network_import(net, i, l->in_file, l->params);
    }
    const lyc_network_spec *spec = lyc_network_get_spec(net);
    const size_t pixels = (size_t)(spec->channels * spec->height * spec->width) * BATCHES * BATCH;
    l->images = harness_floats(pixels);
    draw(&generator, l->images, pixels);
    l->targets = golden_get(g, name, "targets", (size_t)BATCHES * BATCH * CLASSES);
    for (size_t r = 0; r < BATCHES * BATCH; r++)
        for (int32_t c = 1; c < CLASSES; c++)
            if (l->targets[r * CLASSES + (size_t)c] > l->targets[r * CLASSES + (size_t)l->labels[r]])
                l->labels[r] = c;
}

static void close_lesson(lesson *l) {
    lyc_workspace_destroy(l->workspace);
    lyc_free(l->params);
    lyc_free(l->gradient);
    lyc_free(l->images);
    lyc_free(l->in_file);
}

static float train_step(lesson *l, size_t step, lyc_optimizer *optimizer, double rate) {
    l->first = step % BATCHES * BATCH;
    const lyc_pass pass = {.rows = BATCH, .input = give_images, .input_payload = l};
    lyc_workspace_forward(l->workspace, l->params, &pass, NULL);
    lyc_workspace_backward(l->workspace, l->params, l->gradient, give_gradient, l, NULL);
    lyc_optimizer_step(optimizer, l->params, l->gradient, rate, LYC_PRIORITY_STUDENT, NULL);
    double loss = 0;
    for (size_t r = 0; r < BATCH; r++) loss += (double)(alpha * l->ce[r] + (1 - alpha) * l->kd[r]) / BATCH;
    return (float)loss;
}

/* Every SAMPLE-th parameter of all files laid end to end. */
static void check_params(lesson *l, const golden *g, const char *name) {
    size_t place = 0, found = 0;
    for (size_t i = 0; i < lyc_network_parameter_count(l->net); i++) {
        if (!lyc_network_parameter(l->net, i)->trains) continue;
        lyc_network_export(l->net, i, l->params, l->in_file);
        for (size_t j = 0; j < lyc_network_parameter(l->net, i)->size; j++, place++)
            if (place % SAMPLE == 0) l->gradient[found++] = l->in_file[j];
    }
    assert_close("parameters", l->gradient, golden_get(g, name, "params", found), found, tolerance);
}

/* Running statistics, file after file. */
static void check_state(lesson *l, const golden *g, const char *name) {
    const size_t trainable = lyc_network_trainable(l->net), count = lyc_network_size(l->net) - trainable;
    if (count > 0)
        assert_close("state", l->params + trainable, golden_get(g, name, "state", count), count, tolerance);
}

static void check_training(const char *file, const char *name, const lyc_network_spec *spec,
                           const lyc_optimizer_options *options, double rate) {
    lyc_error err = {0};
    golden *g = golden_open(file);
    lyc_network *net = NULL;
    lyc_optimizer *optimizer = NULL;
    assert_int_equal(lyc_network_create(&net, spec, &err), LYC_OK);
    assert_int_equal(lyc_optimizer_create(&optimizer, net, options, &err), LYC_OK);
    lesson l;
    open_lesson(&l, g, name, net);
    float losses[STEPS];
    for (size_t step = 0; step < STEPS; step++) losses[step] = train_step(&l, step, optimizer, rate);
    assert_close("losses", losses, golden_get(g, name, "losses", STEPS), STEPS, tolerance);
    assert_true(losses[STEPS - 1] < losses[1]); /* it did learn */
    check_params(&l, g, name);
    check_state(&l, g, name);
    l.first = 0;
    lyc_workspace *inference = NULL;
    assert_int_equal(lyc_workspace_create(&inference, net, LYC_MODE_INFER, BATCH, &err), LYC_OK);
    const lyc_pass pass = {.rows = BATCH, .input = give_images, .input_payload = &l};
    lyc_workspace_forward(inference, l.params, &pass, NULL);
    assert_close("logits", lyc_workspace_logits(inference),
                 golden_get(g, name, "logits", (size_t)BATCH * CLASSES), (size_t)BATCH * CLASSES, tolerance);
    lyc_workspace_destroy(inference);
    close_lesson(&l);
    lyc_optimizer_destroy(optimizer);
    lyc_network_destroy(net);
    golden_close(g);
}

static const lyc_network_spec mlp = {.arch = "mlp",
                                     .channels = 3,
                                     .height = 9,
                                     .width = 7,
                                     .classes = CLASSES,
                                     .hidden = {48, 33},
                                     .hidden_count = 2};
static const lyc_network_spec lenet5 = {
    .arch = "lenet5", .channels = 1, .height = 28, .width = 28, .classes = CLASSES};
static const lyc_optimizer_options sgd = {.kind = "sgd", .momentum = 0.9, .weight_decay = 1e-4};
static const lyc_optimizer_options adamw = {
    .kind = "adamw", .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .weight_decay = 0.01};

static void mlp_with_sgd(void **state) {
    (void)state;
    check_training("nn_training.bin", "mlp-sgd", &mlp, &sgd, 0.02);
}

static void mlp_with_adamw(void **state) {
    (void)state;
    check_training("nn_training.bin", "mlp-adamw", &mlp, &adamw, 1e-3);
}

static void lenet5_with_sgd(void **state) {
    (void)state;
    check_training("nn_training.bin", "lenet5-sgd", &lenet5, &sgd, 0.02);
}

static void lenet5_with_adamw(void **state) {
    (void)state;
    check_training("nn_training.bin", "lenet5-adamw", &lenet5, &adamw, 1e-3);
}

static void resnet8(void **state) {
    (void)state;
    lyc_network_spec spec = {
        .arch = "resnet", .channels = 3, .height = 8, .width = 6, .classes = CLASSES, .depth = 8};
    check_training("nn_resnet.bin", "resnet8-pad", &spec, &sgd, 0.02);
    spec.shortcut = LYC_SHORTCUT_PROJECT;
    check_training("nn_resnet.bin", "resnet8-project", &spec, &adamw, 3e-4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mlp_with_sgd),    cmocka_unit_test(mlp_with_adamw),
        cmocka_unit_test(lenet5_with_sgd), cmocka_unit_test(lenet5_with_adamw),
        cmocka_unit_test(resnet8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Twenty training steps of both networks against PyTorch (tests/golden/student_goldens.py): the same initial
 * parameters, batches, labels and teachers. */
#include "fixture.h"
#include "golden.h"

#define STEPS   20
#define ROWS    48
#define BATCH   16
#define CLASSES 10

typedef struct parity {
    golden *golden;
    const char *arch;
    int side;
    size_t stride; /* of the parameters at the end that are stored */
    lyc_dataset *data;
    lyc_network *network;
    int32_t labels[ROWS];
    lyc_student_data source;
} parity;

static const struct {
    lyc_fusion fusion;
    lyc_optimizer_options optimizer;
    double learning_rate, alpha, temperature;
    bool per_row;
} settings[] = {
    {LYC_FUSION_PROBABILITY,
     {.kind = "adamw", .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-5, .weight_decay = 0.01},
     2e-3,
     0.1,
     4.0,
     false},
    {LYC_FUSION_LOGIT, {.kind = "sgd", .momentum = 0.9}, 0.02, 0.5, 2.0, true},
};

static void parity_open(parity *p, const char *arch, int side, size_t stride) {
    lyc_error err = {0};
    *p = (parity){.golden = golden_open("student.bin"), .arch = arch, .side = side, .stride = stride};
    size_t count = ROWS * (size_t)side * (size_t)side;
    const double *values = golden_get(p->golden, arch, "pixels", count);
    uint8_t *pixels = malloc(count);
    for (size_t i = 0; i < count; i++) pixels[i] = (uint8_t)values[i];
    p->data = fixture_data("parity.h5", side, ROWS, pixels, CLASSES);
    free(pixels);
    for (size_t i = 0; i < ROWS; i++) p->labels[i] = (int32_t)golden_get(p->golden, arch, "labels", ROWS)[i];
    lyc_network_spec spec = {.arch = arch, .channels = 1, .height = side, .width = side, .classes = CLASSES};
    if (strcmp(arch, "mlp") == 0) spec.hidden[spec.hidden_count++] = 32;
    must(lyc_network_create(&p->network, &spec, &err), &err);
    p->source = (lyc_student_data){.data = p->data,
                                   .labels = p->labels,
                                   .preprocess = {.channels = 1, .mean = {0.25F}, .std = {0.5F}},
                                   .recipe = {.views = 1}};
}

static void parity_close(parity *p) {
    lyc_network_destroy(p->network);
    lyc_dataset_close(p->data);
    golden_close(p->golden);
}

static void import_start(const parity *p, lyc_student *student) {
    for (size_t i = 0; i < lyc_network_parameter_count(p->network); i++) {
        const lyc_parameter *parameter = lyc_network_parameter(p->network, i);
        char field[64];
        (void)snprintf(field, sizeof field, "start/%s", parameter->name);
        float *values = malloc(parameter->size * sizeof *values);
        golden_floats(golden_get(p->golden, p->arch, field, parameter->size), parameter->size, values);
        lyc_network_import(p->network, i, values, lyc_student_params(student));
        free(values);
    }
}

/* max |a - b| <= 1e-5 max |b| */
static void assert_close(const char *what, const float *a, size_t stride, const double *b, size_t count) {
    double worst = 0.0, scale = 0.0;
    for (size_t i = 0; i < count; i++) {
        worst = fmax(worst, fabs((double)a[i * stride] - b[i]));
        scale = fmax(scale, fabs(b[i]));
    }
    if (!(worst <= 1e-5 * scale)) fail_msg("%s: off by %.3g of %.3g", what, worst, scale);
}

static void check_losses(const lyc_losses *losses, const double expected[3], size_t step) {
    const double got[3] = {losses->total, losses->ce, losses->kd};
    for (int i = 0; i < 3; i++)
        if (!(fabs(got[i] - expected[i]) <= 1e-5 * expected[i]))
            fail_msg("step %zu, loss %d: %.8g, not %.8g", step, i, got[i], expected[i]);
}

static void train(const parity *p, size_t setting, lyc_student *student, const double *expected) {
    const double *batches = golden_get(p->golden, p->arch, "batches", STEPS * BATCH);
    const double *weights = golden_get(p->golden, p->arch, "weights", STEPS * BATCH * 2);
    const double *teachers = golden_get(p->golden, p->arch, "teachers", 2 * ROWS * CLASSES);
    for (size_t step = 0; step < STEPS; step++) {
        uint32_t rows[BATCH];
        uint64_t ids[BATCH];
        float logits[2][BATCH * CLASSES], row_weights[BATCH * 2];
        const float *pointers[] = {logits[0], logits[1]};
        for (size_t i = 0; i < BATCH; i++) {
            rows[i] = (uint32_t)batches[step * BATCH + i];
            ids[i] = lyc_dataset_ids(p->data)[rows[i]];
            for (size_t k = 0; k < 2; k++)
                golden_floats(teachers + (k * ROWS + rows[i]) * CLASSES, CLASSES, logits[k] + i * CLASSES);
        }
        golden_floats(weights + step * BATCH * 2, BATCH * 2, row_weights);
        lyc_batch batch = {.step = (uint32_t)step, .count = BATCH, .rows = rows};
        lyc_lesson lesson = {.ids = ids,
                             .logits = pointers,
                             .teachers = 2,
                             .weights = row_weights,
                             .per_row = settings[setting].per_row};
        lyc_losses losses;
        lyc_error err = {0};
        (void)lyc_student_forward(student, &batch, LYC_PRIORITY_STUDENT, NULL);
        must(lyc_student_learn(student, &lesson, LYC_PRIORITY_STUDENT, NULL, &losses, &err), &err);
        check_losses(&losses, expected + 3 * step, step);
    }
}

static void check_end(const parity *p, const char *prefix, lyc_student *student) {
    uint32_t rows[ROWS];
    float logits[ROWS * CLASSES];
    for (uint32_t i = 0; i < ROWS; i++) rows[i] = i;
    lyc_student_logits(student, rows, ROWS, logits, LYC_PRIORITY_STUDENT, NULL);
    assert_close("logits", logits, 1, golden_get(p->golden, prefix, "logits", ROWS * CLASSES),
                 ROWS * CLASSES);
    for (size_t i = 0; i < lyc_network_parameter_count(p->network); i++) {
        const lyc_parameter *parameter = lyc_network_parameter(p->network, i);
        size_t count = (parameter->size + p->stride - 1) / p->stride;
        char field[64];
        (void)snprintf(field, sizeof field, "end/%s", parameter->name);
        float *values = malloc(parameter->size * sizeof *values);
        lyc_network_export(p->network, i, lyc_student_params(student), values);
        assert_close(parameter->name, values, p->stride, golden_get(p->golden, prefix, field, count), count);
        free(values);
    }
}

static void check_parity(const char *arch, int side, size_t stride) {
    parity p;
    parity_open(&p, arch, side, stride);
    for (size_t setting = 0; setting < 2; setting++) {
        lyc_student_options options = {
            .loss = {.alpha = settings[setting].alpha,
                     .temperature = settings[setting].temperature,
                     .fusion = settings[setting].fusion,
                     .term_count = 1,
                     .terms = {{.kind = "kd", .weight = 1.0}}},
            .optimizer = settings[setting].optimizer,
            .learning_rate = settings[setting].learning_rate,
            .schedule = {.kind = "constant"},
            .total_steps = STEPS,
            .batch = BATCH,
        };
        lyc_student *student;
        lyc_error err = {0};
        must(lyc_student_create(&student, p.network, &p.source, &options, &err), &err);
        import_start(&p, student);
        char prefix[32];
        (void)snprintf(prefix, sizeof prefix, "%s%zu", arch, setting);
        train(&p, setting, student, golden_get(p.golden, prefix, "losses", 3 * STEPS));
        check_end(&p, prefix, student);
        lyc_student_destroy(student);
    }
    parity_close(&p);
}

static void mlp_trains_as_with_pytorch(void **state) {
    (void)state;
    check_parity("mlp", 10, 1);
}

static void lenet5_trains_as_with_pytorch(void **state) {
    (void)state;
    check_parity("lenet5", 28, 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mlp_trains_as_with_pytorch),
        cmocka_unit_test(lenet5_trains_as_with_pytorch),
    };
    return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}

/* Influence against what really happens: the held-out loss after one step towards each teacher. */
#include "../student/fixture.h"
#include "distill/influence.h"
#include "student/student.h"

#define TEMPERATURE 4.0

static uint32_t held_out[FIXTURE_ROWS / 2];

/* An MLP without dropout that learns from the teachers alone; `kind` is its optimiser. */
static fixture *open_fixture(const char *kind, double rate) {
    fixture *f = fixture_open_with("mlp", 6, 0.0);
    f->options.loss.alpha = 0.0;
    f->options.optimizer.kind = kind;
    f->options.optimizer.weight_decay = 0.0;
    f->options.schedule = (lyc_schedule_options){.kind = "constant"};
    f->options.learning_rate = rate;
    for (uint32_t i = 0; i < FIXTURE_ROWS / 2; i++) held_out[i] = (i * 2 + 1) % FIXTURE_ROWS;
    return f;
}

static void train(const fixture *f, lyc_student *student, uint32_t steps) {
    static lesson_of lesson;
    lyc_losses losses;
    lyc_error err = {0};
    for (uint32_t step = 0; step < steps; step++) {
        fixture_lesson(f, step, &lesson);
        (void)lyc_student_forward(student, &lesson.batch, LYC_PRIORITY_STUDENT, NULL);
        must(lyc_student_learn(student, &lesson.lesson, LYC_PRIORITY_STUDENT, NULL, &losses, &err), &err);
    }
}

static double held_out_loss(const fixture *f, lyc_student *student) {
    int32_t labels[FIXTURE_ROWS / 2];
    for (size_t i = 0; i < FIXTURE_ROWS / 2; i++) labels[i] = f->labels[held_out[i]];
    return lyc_student_held_out_loss(student, held_out, labels, FIXTURE_ROWS / 2, LYC_PRIORITY_STUDENT, NULL);
}

static lyc__influence *open_influence(const fixture *f, lyc_influence form, const lyc_student *student) {
    lyc__influence *influence;
    lyc_error err = {0};
    lyc__influence_options options = {.network = f->network,
                                      .form = form,
                                      .measured = fixture_student(f),
                                      .batch = FIXTURE_BATCH,
                                      .teachers = FIXTURE_TEACHERS,
                                      .classes = FIXTURE_CLASSES};
    const lyc_batch place = {.epoch = 1, .step = 2};
    must(lyc__influence_create(&influence, &options, &err), &err);
    must(lyc__influence_renew(influence, student, held_out, FIXTURE_ROWS / 2, &place, NULL, &err), &err);
    return influence;
}

/* What the measurement says of a batch: rate * T / rows * the sum over its rows. */
static void predict(lyc__influence *influence, lyc_student *student, const lesson_of *of, double rate,
                    double out[FIXTURE_TEACHERS]) {
    const float *values;
    const float *logits = lyc_student_forward(student, &of->batch, LYC_PRIORITY_STUDENT, NULL);
    lyc__influence_measure(influence, student, &of->batch, logits, of->pointers, TEMPERATURE, NULL, &values);
    for (size_t k = 0; k < FIXTURE_TEACHERS; k++) out[k] = 0.0;
    for (size_t i = 0; i < of->batch.count * FIXTURE_TEACHERS; i++)
        out[i % FIXTURE_TEACHERS] += rate * TEMPERATURE / of->batch.count * (double)values[i];
}

/* A copy that has taken one step of plain SGD towards teacher k. */
static void step_towards(lyc_student *into, const lyc_student *student, lesson_of *of, size_t k) {
    lyc_losses losses;
    lyc_error err = {0};
    lyc_student_copy(into, student);
    for (size_t j = 0; j < FIXTURE_TEACHERS; j++) of->weights[j] = j == k ? 1.0F : 0.0F;
    (void)lyc_student_forward(into, &of->batch, LYC_PRIORITY_STUDENT, NULL);
    must(lyc_student_learn(into, &of->lesson, LYC_PRIORITY_STUDENT, NULL, &losses, &err), &err);
}

static void close_to(double got, double wanted, double share) {
    if (!(fabs(got - wanted) <= share * fabs(wanted) + 2e-6))
        fail_msg("predicted %g, it was %g", got, wanted);
}

/* Batches of 40 rows, and of 1: then it is the influence of an instance. */
static void it_is_what_one_step_of_sgd_does(void **state) {
    (void)state;
    const double rate = 0.004;
    fixture *f = open_fixture("sgd", rate);
    lyc_student *student = fixture_student(f), *after = fixture_student(f);
    train(f, student, 30);
    lyc__influence *influence = open_influence(f, LYC_INFLUENCE_FULL, student);
    double before = held_out_loss(f, student), predicted[FIXTURE_TEACHERS], largest = 0.0;
    static lesson_of of;
    for (uint32_t step = 0; step < 12; step++) {
        fixture_lesson(f, 50 + step, &of);
        if (step >= 4) of.batch.count = 1;
        predict(influence, student, &of, rate, predicted);
        for (size_t k = 0; k < FIXTURE_TEACHERS; k++) {
            step_towards(after, student, &of, k);
            close_to(predicted[k], before - held_out_loss(f, after), 0.04);
            largest = fmax(largest, fabs(predicted[k]));
        }
    }
    assert_true(largest > 1e-4); /* there was something to compare */
    lyc__influence_destroy(influence);
    lyc_student_destroy(after);
    lyc_student_destroy(student);
    fixture_close(f);
}

static size_t last_layer_of(const fixture *f) {
    for (size_t i = 0; i < lyc_network_parameter_count(f->network); i++)
        if (strcmp(lyc_network_parameter(f->network, i)->name, "fc2.weight") == 0)
            return lyc_network_parameter(f->network, i)->offset;
    fail_msg("no fc2.weight");
    return 0;
}

/* The same step, but of the last layer alone. */
static void the_last_layers_share_is_what_its_step_does(void **state) {
    (void)state;
    const double rate = 0.01;
    fixture *f = open_fixture("sgd", rate);
    lyc_student *student = fixture_student(f), *after = fixture_student(f);
    train(f, student, 30);
    lyc__influence *influence = open_influence(f, LYC_INFLUENCE_LAST, student);
    size_t first = last_layer_of(f);
    double before = held_out_loss(f, student), predicted[FIXTURE_TEACHERS];
    static lesson_of of;
    for (uint32_t step = 0; step < 6; step++) {
        fixture_lesson(f, 50 + step, &of);
        predict(influence, student, &of, rate, predicted);
        for (size_t k = 0; k < FIXTURE_TEACHERS; k++) {
            step_towards(after, student, &of, k);
            memcpy(lyc_student_params(after), lyc_student_params(student), first * sizeof(float));
            close_to(predicted[k], before - held_out_loss(f, after), 0.04);
        }
    }
    lyc__influence_destroy(influence);
    lyc_student_destroy(after);
    lyc_student_destroy(student);
    fixture_close(f);
}

/* The gradient towards a teacher, from a step of SGD; divided by sqrt(v / (1 - beta2^t)) + epsilon and taken
 * as a step, it does what is predicted with Adam's moments. */
static void adam_divides_by_its_second_moment(void **state) {
    (void)state;
    enum { STEPS = 30 };
    const double rate = 2e-5, sgd_rate = 0.5;
    fixture *f = open_fixture("adam", 0.003), *plain = open_fixture("sgd", sgd_rate);
    lyc_student *student = fixture_student(f), *after = fixture_student(f), *sgd = fixture_student(plain),
                *stepped = fixture_student(plain);
    train(f, student, STEPS);
    lyc__influence *influence = open_influence(f, LYC_INFLUENCE_FULL, student);
    size_t size = lyc_network_size(f->network), count;
    const float *moments = lyc_optimizer_moments(student->optimizer, &count);
    double before = held_out_loss(f, student), predicted[FIXTURE_TEACHERS];
    static lesson_of of;
    memcpy(lyc_student_params(sgd), lyc_student_params(student), size * sizeof(float));
    for (uint32_t step = 0; step < 4; step++) {
        fixture_lesson(f, 50 + step, &of);
        predict(influence, student, &of, rate, predicted);
        for (size_t k = 0; k < FIXTURE_TEACHERS; k++) {
            step_towards(stepped, sgd, &of, k);
            for (size_t i = 0; i < size; i++) {
                double g =
                    ((double)lyc_student_params(sgd)[i] - (double)lyc_student_params(stepped)[i]) / sgd_rate;
                double p = sqrt((double)moments[size + i] / (1 - pow(0.999, STEPS))) + 1e-8;
                lyc_student_params(after)[i] = (float)((double)lyc_student_params(student)[i] - rate * g / p);
            }
            close_to(predicted[k], before - held_out_loss(f, after), 0.06);
        }
    }
    lyc__influence_destroy(influence);
    lyc_student_destroy(stepped);
    lyc_student_destroy(sgd);
    lyc_student_destroy(after);
    lyc_student_destroy(student);
    fixture_close(plain);
    fixture_close(f);
}

static void without_labels_there_is_no_influence(void **state) {
    (void)state;
    fixture *f = open_fixture("sgd", 0.01);
    lyc_student *student = fixture_student(f);
    for (uint32_t i = 0; i < FIXTURE_ROWS / 2; i++) held_out[i] = 3 * (i % 100); /* every third row */
    lyc__influence *influence = open_influence(f, LYC_INFLUENCE_FULL, student);
    double predicted[FIXTURE_TEACHERS];
    static lesson_of of;
    fixture_lesson(f, 3, &of);
    predict(influence, student, &of, 1.0, predicted);
    for (size_t k = 0; k < FIXTURE_TEACHERS; k++) assert_true(predicted[k] == 0.0);
    lyc__influence_destroy(influence);
    lyc__influence_destroy(NULL);
    lyc_student_destroy(student);
    fixture_close(f);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, scratch_open, scratch_close)
    const struct CMUnitTest tests[] = {
        CASE(it_is_what_one_step_of_sgd_does),
        CASE(the_last_layers_share_is_what_its_step_does),
        CASE(adam_divides_by_its_second_moment),
        CASE(without_labels_there_is_no_influence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

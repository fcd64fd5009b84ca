/* A student's life: steps, clones, checkpoints, and what it refuses. */
#include "fixture.h"

#define MANY_STEPS 12

/* ---- learning -------------------------------------------------------------------------------------- */

static void it_learns_from_teachers_and_labels(void **state) {
    (void)state;
    fixture *f = fixture_open();
    uint32_t rows[FIXTURE_ROWS];
    for (uint32_t i = 0; i < FIXTURE_ROWS; i++) rows[i] = i;
    for (int labels_only = 0; labels_only < 2; labels_only++) {
        lyc_student *student = fixture_student(f);
        double before = lyc_student_held_out_loss(student, rows, lyc_dataset_labels(f->data), FIXTURE_ROWS,
                                                  LYC_PRIORITY_STUDENT, NULL);
        for (uint32_t step = 0; step < 40; step++) {
            lesson_of l;
            lyc_losses losses;
            lyc_error err = {0};
            fixture_lesson(f, step, &l);
            if (labels_only) l.lesson = (lyc_lesson){0};
            (void)lyc_student_forward(student, &l.batch, LYC_PRIORITY_STUDENT, NULL);
            must(lyc_student_learn(student, &l.lesson, LYC_PRIORITY_STUDENT, NULL, &losses, &err), &err);
            assert_true(losses.labelled > 0 && losses.labelled < l.batch.count);
            assert_true(labels_only ? losses.kd == 0.0 && losses.total == losses.ce : losses.kd > 0.0);
        }
        assert_int_equal(lyc_student_steps(student), 40);
        double after = lyc_student_held_out_loss(student, rows, lyc_dataset_labels(f->data), FIXTURE_ROWS,
                                                 LYC_PRIORITY_STUDENT, NULL);
        if (!(after < 0.5 * before)) fail_msg("held-out loss went from %g to %g", before, after);
        lyc_student_destroy(student);
    }
    fixture_close(f);
}

static void the_learning_rate_follows_the_schedule(void **state) {
    (void)state;
    fixture *f = fixture_open();
    lyc_student *student = fixture_student(f);
    for (uint32_t step = 0; step < MANY_STEPS; step++) {
        assert_true(lyc_student_lr_fraction(student) == lyc_schedule_factor(&f->options.schedule, step, 50));
        (void)fixture_step(f, student, step, NULL);
    }
    lyc_student_destroy(student);
    fixture_close(f);
}

/* SGD without momentum: the step is lr * factor * gradient, so that at half the factor it is half as long. */
static void the_scheduled_rate_is_what_the_optimiser_gets(void **state) {
    (void)state;
    fixture *f = fixture_open();
    f->options.optimizer = (lyc_optimizer_options){.kind = "sgd"};
    lyc_student *warming = fixture_student(f); /* 50 steps, warm-up 0.1: a fifth of the rate first */
    f->options.schedule = (lyc_schedule_options){.kind = "constant"};
    lyc_student *constant = fixture_student(f), *start = fixture_student(f);
    double factor = lyc_student_lr_fraction(warming);
    assert_true(factor > 0.0 && factor < 0.5);
    (void)fixture_step(f, warming, 0, NULL);
    (void)fixture_step(f, constant, 0, NULL);
    for (size_t i = 0; i < lyc_network_size(f->network); i++) {
        double long_step = (double)lyc_student_params(constant)[i] - (double)lyc_student_params(start)[i];
        double short_step = (double)lyc_student_params(warming)[i] - (double)lyc_student_params(start)[i];
        assert_true(fabs(short_step - factor * long_step) < 1e-7);
    }
    lyc_student_destroy(start);
    lyc_student_destroy(constant);
    lyc_student_destroy(warming);
    fixture_close(f);
}

/* ---- clones ---------------------------------------------------------------------------------------- */

static void a_clone_makes_the_same_update_and_touches_nothing_else(void **state) {
    (void)state;
    fixture *f = fixture_open(); /* with dropout: clones must see the same masks */
    lyc_student *student = fixture_student(f), *clone = fixture_student(f), *untouched = fixture_student(f);
    for (uint32_t step = 0; step < 5; step++) (void)fixture_step(f, student, step, NULL);
    lyc_student_copy(clone, student);
    lyc_student_copy(untouched, student);
    assert_int_equal(lyc_student_steps(clone), 5);
    for (uint32_t step = 5; step < 9; step++) (void)fixture_step(f, clone, step, NULL);
    assert_same_params(f, student, untouched);
    assert_int_equal(lyc_student_steps(student), 5);
    assert_false(same_params(f, student, clone));
    for (uint32_t step = 5; step < 9; step++) {
        lyc_losses here = fixture_step(f, student, step, NULL),
                   there = fixture_step(f, untouched, step, NULL);
        assert_memory_equal(&here.total, &there.total, sizeof(double));
    }
    assert_same_params(f, student, clone);
    assert_same_params(f, student, untouched);
    lyc_student_destroy(untouched);
    lyc_student_destroy(clone);
    lyc_student_destroy(student);
    fixture_close(f);
}

/* A probe happens between the real student's forward and its learn. */
static void copying_and_measuring_do_not_disturb_a_forward(void **state) {
    (void)state;
    fixture *f = fixture_open();
    lyc_student *disturbed = fixture_student(f), *alone = fixture_student(f), *clone = fixture_student(f);
    lesson_of l;
    lyc_losses losses[2];
    lyc_error err = {0};
    fixture_lesson(f, 0, &l);
    (void)lyc_student_forward(disturbed, &l.batch, LYC_PRIORITY_STUDENT, NULL);
    lyc_student_copy(clone, disturbed);
    (void)fixture_step(f, clone, 0, NULL);
    (void)lyc_student_held_out_loss(disturbed, l.rows, lyc_dataset_labels(f->data), 13, LYC_PRIORITY_STUDENT,
                                    NULL);
    must(lyc_student_learn(disturbed, &l.lesson, LYC_PRIORITY_STUDENT, NULL, &losses[0], &err), &err);
    (void)lyc_student_forward(alone, &l.batch, LYC_PRIORITY_STUDENT, NULL);
    must(lyc_student_learn(alone, &l.lesson, LYC_PRIORITY_STUDENT, NULL, &losses[1], &err), &err);
    assert_same_params(f, disturbed, alone);
    assert_same_params(f, clone, alone);
    lyc_student_destroy(clone);
    lyc_student_destroy(alone);
    lyc_student_destroy(disturbed);
    fixture_close(f);
}

/* ---- refusals -------------------------------------------------------------------------------------- */

typedef struct refusal {
    fixture *f;
    lyc_student *student, *before;
    lesson_of l;
} refusal;

static refusal refusal_open(void) {
    refusal r = {.f = fixture_open()};
    r.student = fixture_student(r.f);
    r.before = fixture_student(r.f);
    for (uint32_t step = 0; step < 3; step++) (void)fixture_step(r.f, r.student, step, NULL);
    lyc_student_copy(r.before, r.student);
    return r;
}

/* The lesson is refused with that message, nothing is updated, and the right lesson then goes as if nothing
 * had been. */
static void expect_refusal(refusal *r, lyc_status code, const char *text) {
    lyc_error err = {0};
    lyc_losses losses;
    r->l.lesson.logits = r->l.pointers;
    (void)lyc_student_forward(r->student, &r->l.batch, LYC_PRIORITY_STUDENT, NULL);
    assert_int_equal(lyc_student_learn(r->student, &r->l.lesson, LYC_PRIORITY_STUDENT, NULL, &losses, &err),
                     code);
    must_say(&err, code, text);
    assert_same_params(r->f, r->student, r->before);
    assert_int_equal(lyc_student_steps(r->student), lyc_student_steps(r->before));
    (void)fixture_step(r->f, r->student, 3, NULL);
    (void)fixture_step(r->f, r->before, 3, NULL);
    assert_same_params(r->f, r->student, r->before);
}

static void refusal_close(refusal *r) {
    lyc_student_destroy(r->before);
    lyc_student_destroy(r->student);
    fixture_close(r->f);
}

/* Points the lesson's arrays into `r` itself, which was moved since. */
static void refusal_lesson(refusal *r) {
    fixture_lesson(r->f, 3, &r->l);
}

static void shuffled_ids_are_caught(void **state) {
    (void)state;
    for (int with_weights = 0; with_weights < 2; with_weights++) {
        refusal r = refusal_open();
        refusal_lesson(&r);
        uint64_t seen = r.l.ids[17], other = r.l.ids[30];
        r.l.ids[17] = other;
        r.l.ids[30] = seen;
        if (!with_weights) r.l.lesson.weights = NULL;
        char text[200];
        (void)snprintf(
            text, sizeof text,
            "row 17 of the batch at epoch 0, step 3: the student sees sample %llu, the teachers' logits are "
            "of sample %llu",
            (unsigned long long)seen, (unsigned long long)other);
        expect_refusal(&r, LYC_EMISMATCH, text);
        refusal_close(&r);
    }
}

static void logits_that_are_not_finite_are_caught(void **state) {
    (void)state;
    const float bad[] = {NAN, INFINITY};
    for (int i = 0; i < 2; i++) {
        refusal r = refusal_open();
        refusal_lesson(&r);
        r.l.logits[1][9 * FIXTURE_CLASSES + 2] = bad[i];
        char text[100];
        (void)snprintf(text, sizeof text, "step 3: teacher 1's logit for class 2 of sample %llu is",
                       (unsigned long long)r.l.ids[9]);
        expect_refusal(&r, LYC_ENUMERIC, text);
        refusal_close(&r);
    }
}

static void weights_that_are_no_weights_are_caught(void **state) {
    (void)state;
    const struct {
        float first, second;
        lyc_status code;
        const char *text;
    } cases[] = {{NAN, 1.0F, LYC_ENUMERIC, "the weight of teacher 0 is not finite"},
                 {1.5F, -0.5F, LYC_EINTERNAL, "the weight of teacher 1 is -0.5"},
                 {0.5F, 0.4F, LYC_EINTERNAL, "sum to 0.9"}};
    for (size_t i = 0; i < 3; i++)
        for (int per_row = 0; per_row < 2; per_row++) {
            refusal r = refusal_open();
            refusal_lesson(&r);
            float weights[FIXTURE_BATCH * FIXTURE_TEACHERS];
            for (size_t j = 0; j < FIXTURE_BATCH * FIXTURE_TEACHERS; j++) weights[j] = 0.5F;
            size_t at = per_row ? 12 * FIXTURE_TEACHERS : 0;
            weights[at] = cases[i].first;
            weights[at + 1] = cases[i].second;
            r.l.lesson.weights = weights;
            r.l.lesson.per_row = per_row;
            expect_refusal(&r, cases[i].code, cases[i].text);
            refusal_close(&r);
        }
}

static void a_student_that_diverged_is_caught(void **state) {
    (void)state;
    fixture *f = fixture_open();
    lyc_student *student = fixture_student(f);
    for (size_t i = 0; i < lyc_network_size(f->network); i++) lyc_student_params(student)[i] = 1e30F;
    lesson_of l;
    lyc_losses losses;
    lyc_error err = {0};
    fixture_lesson(f, 0, &l);
    (void)lyc_student_forward(student, &l.batch, LYC_PRIORITY_STUDENT, NULL);
    assert_int_equal(lyc_student_learn(student, &l.lesson, LYC_PRIORITY_STUDENT, NULL, &losses, &err),
                     LYC_ENUMERIC);
    must_say(&err, LYC_ENUMERIC, "the student's logit");
    for (size_t i = 0; i < lyc_network_size(f->network); i++)
        assert_true(lyc_student_params(student)[i] == 1e30F);
    assert_int_equal(lyc_student_steps(student), 0);
    lyc_student_destroy(student);
    fixture_close(f);
}

static float *parameter_of(const fixture *f, lyc_student *student, size_t index, size_t *size) {
    const lyc_parameter *parameter = lyc_network_parameter(f->network, index);
    *size = parameter->size;
    return lyc_student_params(student) + parameter->offset;
}

/* The loss is finite but the gradient of the first layer overflows: output weights of 3e38 on activations of
 * 1e-37. */
static void a_gradient_that_overflows_is_caught(void **state) {
    (void)state;
    fixture *f = fixture_open_with("mlp", 6, 0.0);
    f->source.preprocess.std[0] = 1e-4F;
    lyc_student *student = fixture_student(f);
    size_t size;
    memset(lyc_student_params(student), 0, lyc_network_size(f->network) * sizeof(float));
    float *hidden_bias = parameter_of(f, student, 1, &size);
    hidden_bias[0] = 1e-37F;
    float *output_weight = parameter_of(f, student, 2, &size);
    output_weight[0] = 3e38F; /* class 0 from hidden unit 0 */
    lesson_of l;
    lyc_losses losses;
    lyc_error err = {0};
    fixture_lesson(f, 0, &l);
    const float *logits = lyc_student_forward(student, &l.batch, LYC_PRIORITY_STUDENT, NULL);
    assert_true(logits[0] > 29.0F && logits[0] < 31.0F);
    assert_int_equal(lyc_student_learn(student, &l.lesson, LYC_PRIORITY_STUDENT, NULL, &losses, &err),
                     LYC_ENUMERIC);
    assert_true(isfinite(losses.total));
    char text[100];
    (void)snprintf(text, sizeof text, "the gradient of %s is not finite",
                   lyc_network_parameter(f->network, 0)->name);
    must_say(&err, LYC_ENUMERIC, text);
    assert_true(output_weight[0] == 3e38F && lyc_student_steps(student) == 0);
    lyc_student_destroy(student);
    fixture_close(f);
}

static void a_lesson_needs_a_forward(void **state) {
    (void)state;
    refusal r = refusal_open();
    refusal_lesson(&r);
    lyc_error err = {0};
    lyc_losses losses;
    assert_int_equal(lyc_student_learn(r.student, &r.l.lesson, LYC_PRIORITY_STUDENT, NULL, &losses, &err),
                     LYC_EINTERNAL);
    must_say(&err, LYC_EINTERNAL, "without a forward");
    (void)lyc_student_forward(r.student, &r.l.batch, LYC_PRIORITY_STUDENT, NULL);
    lyc_student_copy(r.student, r.before); /* the forward was made with other parameters */
    assert_int_equal(lyc_student_learn(r.student, &r.l.lesson, LYC_PRIORITY_STUDENT, NULL, &losses, &err),
                     LYC_EINTERNAL);
    refusal_close(&r);
}

static void a_lesson_that_makes_no_sense_is_refused(void **state) {
    (void)state;
    refusal r = refusal_open();
    refusal_lesson(&r);
    r.l.lesson.ids = NULL;
    expect_refusal(&r, LYC_EINTERNAL, "needs ids");
    refusal_close(&r);
    fixture *f = fixture_open();
    f->options.loss.term_count = 0;
    lyc_student *student = fixture_student(f);
    lesson_of l;
    lyc_losses losses;
    lyc_error err = {0};
    fixture_lesson(f, 0, &l);
    (void)lyc_student_forward(student, &l.batch, LYC_PRIORITY_STUDENT, NULL);
    assert_int_equal(lyc_student_learn(student, &l.lesson, LYC_PRIORITY_STUDENT, NULL, &losses, &err),
                     LYC_ECONFIG);
    must_say(&err, LYC_ECONFIG, "loss.terms is empty");
    l.lesson.weights = NULL; /* labels alone need no term */
    must(lyc_student_learn(student, &l.lesson, LYC_PRIORITY_STUDENT, NULL, &losses, &err), &err);
    lyc_student_destroy(student);
    fixture_close(f);
}

/* ---- creation -------------------------------------------------------------------------------------- */

static void expect_no_student(const fixture *f, lyc_status code, const char *text) {
    lyc_student *student = (lyc_student *)f;
    lyc_error err = {0};
    assert_int_equal(lyc_student_create(&student, f->network, &f->source, &f->options, &err), code);
    assert_null(student);
    must_say(&err, code, text);
}

static void bad_options_are_refused(void **state) {
    (void)state;
    fixture *f = fixture_open();
    lyc_student_options good = f->options;
    f->options.schedule.kind = "stairs";
    expect_no_student(f, LYC_ECONFIG, "no schedule \"stairs\"; choose one of: constant, cosine");
    f->options = good;
    f->options.schedule.warmup = 1.5;
    expect_no_student(f, LYC_ECONFIG, "schedule.warmup");
    f->options = good;
    f->options.learning_rate = 0.0;
    expect_no_student(f, LYC_ECONFIG, "optimizer.lr");
    f->options = good;
    f->options.batch = 0;
    expect_no_student(f, LYC_ECONFIG, "train.batch");
    f->options = good;
    f->options.total_steps = 0;
    expect_no_student(f, LYC_ECONFIG, "no steps");
    f->options = good;
    f->options.loss.alpha = 2.0;
    expect_no_student(f, LYC_ECONFIG, "loss.alpha");
    f->options = good;
    f->options.ema_decay = 1.0;
    expect_no_student(f, LYC_ECONFIG, "train.ema_decay");
    f->options = good;
    f->options.loss.label_smoothing = 1.0;
    expect_no_student(f, LYC_ECONFIG, "loss.label_smoothing");
    f->options = good;
    fixture_close(f);
}

static void data_that_does_not_fit_is_refused(void **state) {
    (void)state;
    fixture *f = fixture_open();
    lyc_dataset *larger = fixture_data("larger.h5", 7, 50, NULL, FIXTURE_CLASSES);
    lyc_dataset *richer = fixture_data("richer.h5", 6, 50, NULL, FIXTURE_CLASSES + 1);
    f->source.data = larger;
    expect_no_student(f, LYC_EMISMATCH, "1x7x7");
    f->source.data = richer;
    expect_no_student(f, LYC_EMISMATCH, "5 classes");
    f->source.data = f->data;
    f->source.preprocess.channels = 3;
    expect_no_student(f, LYC_EMISMATCH, "preprocessing has 3");
    f->source.preprocess.channels = 1;
    f->labels[77] = FIXTURE_CLASSES;
    expect_no_student(f, LYC_EMISMATCH, "row 77 has label 4");
    lyc_dataset_close(richer);
    lyc_dataset_close(larger);
    fixture_close(f);
}

/* ---- checkpoints ----------------------------------------------------------------------------------- */

static lyc_state *state_of(lyc_student *student) {
    lyc_state *state;
    lyc_error err = {0};
    must(lyc_state_create(&state, &err), &err);
    must(lyc_student_register(student, state, &err), &err);
    return state;
}

static void a_restored_student_goes_on_bit_for_bit(void **state) {
    (void)state;
    const char *kinds[] = {"adamw", "sgd"};
    for (int kind = 0; kind < 2; kind++) {
        fixture *f = fixture_open();
        f->options.optimizer.kind = kinds[kind];
        lyc_error err = {0};
        lyc_student *student = fixture_student(f);
        for (uint32_t step = 0; step < 7; step++) (void)fixture_step(f, student, step, NULL);
        lyc_state *saved = state_of(student);
        must(lyc_state_save(saved, scratch_path("student.state"), &err), &err);
        for (uint32_t step = 7; step < MANY_STEPS; step++) (void)fixture_step(f, student, step, NULL);

        f->options.seed = 99; /* other initial parameters; dropout is keyed by it, so it goes back */
        lyc_student *other = fixture_student(f);
        f->options.seed = 11;
        lyc_student *restored = fixture_student(f);
        lyc_student_copy(restored, other);
        for (uint32_t step = 0; step < 2; step++) (void)fixture_step(f, restored, step, NULL);
        lyc_state *loaded = state_of(restored);
        must(lyc_state_load(loaded, scratch_path("student.state"), &err), &err);
        assert_int_equal(lyc_student_steps(restored), 7);
        for (uint32_t step = 7; step < MANY_STEPS; step++) (void)fixture_step(f, restored, step, NULL);
        assert_same_params(f, student, restored);

        f->options.batch = FIXTURE_BATCH * 10; /* other shards: other bits */
        lyc_student *sharded = fixture_student(f);
        lyc_state *refused = state_of(sharded);
        assert_int_equal(lyc_state_load(refused, scratch_path("student.state"), &err), LYC_EMISMATCH);
        must_say(&err, LYC_EMISMATCH, "shard_rows");
        lyc_state_destroy(refused);
        lyc_state_destroy(loaded);
        lyc_state_destroy(saved);
        lyc_student_destroy(sharded);
        lyc_student_destroy(restored);
        lyc_student_destroy(other);
        lyc_student_destroy(student);
        fixture_close(f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_learns_from_teachers_and_labels),
        cmocka_unit_test(the_learning_rate_follows_the_schedule),
        cmocka_unit_test(the_scheduled_rate_is_what_the_optimiser_gets),
        cmocka_unit_test(a_clone_makes_the_same_update_and_touches_nothing_else),
        cmocka_unit_test(copying_and_measuring_do_not_disturb_a_forward),
        cmocka_unit_test(shuffled_ids_are_caught),
        cmocka_unit_test(logits_that_are_not_finite_are_caught),
        cmocka_unit_test(weights_that_are_no_weights_are_caught),
        cmocka_unit_test(a_student_that_diverged_is_caught),
        cmocka_unit_test(a_gradient_that_overflows_is_caught),
        cmocka_unit_test(a_lesson_needs_a_forward),
        cmocka_unit_test(a_lesson_that_makes_no_sense_is_refused),
        cmocka_unit_test(bad_options_are_refused),
        cmocka_unit_test(data_that_does_not_fit_is_refused),
        cmocka_unit_test(a_restored_student_goes_on_bit_for_bit),
    };
    return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}

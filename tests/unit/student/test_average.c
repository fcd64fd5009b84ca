/* The moving average of the parameters: PyTorch's numbers, what is measured by it, clones, threads,
 * checkpoints. */
#include "fixture.h"
#include "golden.h"
#include "nn/network.h"

enum { STEPS = 12, GOLDEN_STEPS = 20, GOLDEN_SIZE = 44 };

static fixture *averaging(void) {
    fixture *f = fixture_open();
    f->options.ema_decay = 0.75;
    return f;
}

/* The parameters of each step are given, in place of an update's: an update of rate 1e-30 leaves them. */
static void it_is_pytorchs(void **state) {
    (void)state;
    golden *g = golden_open("optimizer.bin");
    fixture *f = averaging();
    f->options.ema_decay = 0.9;
    f->options.learning_rate = 1e-30;
    f->options.optimizer = (lyc_optimizer_options){.kind = "sgd"};
    assert_true(lyc_network_size(f->network) > GOLDEN_SIZE);
    lyc_student *student = fixture_student(f);
    const double *given = golden_get(g, "average", "params", GOLDEN_STEPS * GOLDEN_SIZE),
                 *expected = golden_get(g, "average", "after", GOLDEN_STEPS * GOLDEN_SIZE);
    for (uint32_t step = 0; step < GOLDEN_STEPS; step++) {
        golden_floats(given + step * GOLDEN_SIZE, GOLDEN_SIZE, lyc_student_params(student));
        (void)fixture_step(f, student, step, NULL);
        for (size_t i = 0; i < GOLDEN_SIZE; i++) {
            double mine = (double)lyc_student_result(student)[i], theirs = expected[step * GOLDEN_SIZE + i];
            if (!(fabs(mine - theirs) <= 2e-6)) fail_msg("step %u: %g, not %g", step, mine, theirs);
        }
    }
    lyc_student_destroy(student);
    fixture_close(f);
    golden_close(g);
}

static void it_is_what_is_evaluated_but_not_what_learns(void **state) {
    (void)state;
    fixture *f = averaging();
    lyc_student *with = fixture_student(f);
    f->options.ema_decay = 0.0;
    lyc_student *without = fixture_student(f), *averaged = fixture_student(f);
    assert_ptr_equal(lyc_student_result(without), lyc_student_params(without));
    assert_memory_equal(lyc_student_result(with), lyc_student_params(with),
                        lyc_network_size(f->network) * sizeof(float));
    for (uint32_t step = 0; step < STEPS; step++) {
        (void)fixture_step(f, with, step, NULL);
        (void)fixture_step(f, without, step, NULL);
    }
    assert_same_params(f, with, without); /* learning is as without an average */
    size_t bytes = lyc_network_size(f->network) * sizeof(float);
    assert_true(memcmp(lyc_student_result(with), lyc_student_params(with), bytes) != 0);
    memcpy(lyc_student_params(averaged), lyc_student_result(with), bytes);
    uint32_t rows[FIXTURE_ROWS];
    float logits[3][FIXTURE_ROWS * FIXTURE_CLASSES];
    lyc_student *students[] = {with, averaged, without};
    double loss[3];
    for (uint32_t i = 0; i < FIXTURE_ROWS; i++) rows[i] = i;
    for (size_t i = 0; i < 3; i++) {
        lyc_student_logits(students[i], rows, FIXTURE_ROWS, logits[i], LYC_PRIORITY_STUDENT, NULL);
        loss[i] =
            lyc_student_held_out_loss(students[i], rows, f->labels, FIXTURE_ROWS, LYC_PRIORITY_STUDENT, NULL);
    }
    assert_memory_equal(logits[0], logits[1], sizeof logits[0]);
    assert_true(memcmp(logits[0], logits[2], sizeof logits[0]) != 0);
    assert_true(loss[0] == loss[2] && loss[0] != loss[1]); /* held-out loss: of what learns */
    lyc_student_destroy(averaged);
    lyc_student_destroy(without);
    lyc_student_destroy(with);
    fixture_close(f);
}

static void a_copy_has_it_where_it_keeps_one(void **state) {
    (void)state;
    fixture *f = averaging();
    size_t bytes = lyc_network_size(f->network) * sizeof(float);
    lyc_student *student = fixture_student(f), *same = fixture_student(f);
    f->options.ema_decay = 0.0;
    lyc_student *probe = fixture_student(f);
    for (uint32_t step = 0; step < 5; step++) (void)fixture_step(f, student, step, NULL);
    lyc_student_copy(same, student);
    lyc_student_copy(probe, student);
    assert_ptr_equal(lyc_student_result(probe), lyc_student_params(probe));
    assert_same_params(f, probe, student);
    lyc_student *all[] = {student, same, probe};
    for (int i = 0; i < 3; i++) (void)fixture_step(f, all[i], 5, NULL);
    assert_memory_equal(lyc_student_result(same), lyc_student_result(student), bytes);
    assert_same_params(f, probe, student);
    lyc_student_copy(same, probe); /* which has none: the average starts from its parameters */
    assert_memory_equal(lyc_student_result(same), lyc_student_params(probe), bytes);
    lyc_student_destroy(probe);
    lyc_student_destroy(same);
    lyc_student_destroy(student);
    fixture_close(f);
}

/* Two blocks and a part of one, so that threads share the work. */
static void threads_change_nothing(void **state) {
    (void)state;
    fixture *f = fixture_open_with("mlp", 60, 0.25);
    f->options.ema_decay = 0.75;
    f->options.optimizer.clip_norm = 0.5;
    f->options.loss.label_smoothing = 0.1;
    size_t size = lyc_network_size(f->network);
    assert_true(size > 1 << 16);
    float *expected = malloc(size * sizeof *expected);
    const int threads[] = {0, 1, 2, 3, 8}; /* 0: no pool */
    for (int i = 0; i < 5; i++) {
        lyc_error err = {0};
        lyc_pool *pool = NULL;
        if (threads[i] > 0) must(lyc_pool_create(&pool, threads[i], &err), &err);
        lyc_student *student = fixture_student(f);
        for (uint32_t step = 0; step < 4; step++) (void)fixture_step(f, student, step, pool);
        if (i == 0) memcpy(expected, lyc_student_result(student), size * sizeof *expected);
        assert_memory_equal(expected, lyc_student_result(student), size * sizeof *expected);
        lyc_student_destroy(student);
        lyc_pool_destroy(pool);
    }
    free(expected);
    fixture_close(f);
}

/* A perceptron with batch norm, whose running statistics and counter no optimiser moves. */
static lyc_network *normalised(const lyc_network_spec *spec) {
    lyc_error err = {0};
    lyc__graph *graph;
    lyc_network *net;
    const lyc__shape input = lyc__image((size_t)spec->height, (size_t)spec->width, (size_t)spec->channels);
    must(lyc__graph_create(&graph, input, &err), &err);
    int x = lyc__linear(graph, lyc__flatten(graph, lyc__graph_input(graph)), "fc1", 24);
    x = lyc__relu(graph, lyc__batch_norm(graph, x, "bn1"));
    must(lyc__graph_finish(graph, lyc__linear(graph, x, "fc2", (size_t)spec->classes), &err), &err);
    must(lyc__network_of_graph(&net, graph, spec, &err), &err);
    return net;
}

static void statistics_are_averaged_and_counters_copied(void **state) {
    (void)state;
    fixture *f = averaging();
    lyc_network *plain = f->network;
    f->network = normalised(lyc_network_get_spec(plain));
    lyc_network_destroy(plain);
    lyc_student *student = fixture_student(f);
    for (uint32_t step = 0; step < STEPS; step++) (void)fixture_step(f, student, step, NULL);
    int seen = 0;
    for (size_t i = 0; i < lyc_network_parameter_count(f->network); i++) {
        const lyc_parameter *parameter = lyc_network_parameter(f->network, i);
        if (parameter->trains) continue;
        const float *now = lyc_student_params(student) + parameter->offset,
                    *kept = lyc_student_result(student) + parameter->offset;
        if (strcmp(parameter->name, "bn1.num_batches_tracked") == 0)
            assert_true(now[0] == STEPS && kept[0] == STEPS);
        else assert_true(memcmp(now, kept, parameter->size * sizeof *now) != 0);
        seen++;
    }
    assert_int_equal(seen, 3);
    lyc_student_destroy(student);
    fixture_close(f);
}

static lyc_state *state_of(lyc_student *student) {
    lyc_state *state;
    lyc_error err = {0};
    must(lyc_state_create(&state, &err), &err);
    must(lyc_student_register(student, state, &err), &err);
    return state;
}

static void a_checkpoint_holds_it(void **state) {
    (void)state;
    fixture *f = averaging();
    f->options.optimizer.clip_norm = 0.5;
    double milestones[] = {0.12, 0.2}; /* steps 6 and 10 of 50 */
    f->options.schedule = (lyc_schedule_options){
        .kind = "step", .warmup = 0.1, .milestones = milestones, .milestone_count = 2, .gamma = 0.5};
    lyc_error err = {0};
    lyc_student *student = fixture_student(f), *restored = fixture_student(f);
    milestones[0] = milestones[1] = NAN; /* a student keeps a list of its own */
    for (uint32_t step = 0; step < 7; step++) (void)fixture_step(f, student, step, NULL);
    assert_true(lyc_student_lr_fraction(student) == 0.5);
    lyc_state *saved = state_of(student), *loaded = state_of(restored);
    must(lyc_state_save(saved, scratch_path("average.state"), &err), &err);
    for (uint32_t step = 7; step < STEPS; step++) (void)fixture_step(f, student, step, NULL);
    must(lyc_state_load(loaded, scratch_path("average.state"), &err), &err);
    for (uint32_t step = 7; step < STEPS; step++) (void)fixture_step(f, restored, step, NULL);
    assert_same_params(f, student, restored);
    assert_memory_equal(lyc_student_result(student), lyc_student_result(restored),
                        lyc_network_size(f->network) * sizeof(float));
    assert_true(lyc_student_lr_fraction(student) == 0.25);
    lyc_state_destroy(loaded);
    lyc_state_destroy(saved);
    lyc_student_destroy(restored);
    lyc_student_destroy(student);
    fixture_close(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_pytorchs),
        cmocka_unit_test(it_is_what_is_evaluated_but_not_what_learns),
        cmocka_unit_test(a_copy_has_it_where_it_keeps_one),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(statistics_are_averaged_and_counters_copied),
        cmocka_unit_test(a_checkpoint_holds_it),
    };
    return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}

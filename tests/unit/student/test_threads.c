/* The same bits for any number of threads, and clones taught at the same time. */
#include "fixture.h"

#define STEPS 8

typedef struct outcome {
    float *params;
    lyc_losses losses[STEPS];
    double held_out;
} outcome;

static outcome teach(const fixture *f, int threads) {
    lyc_error err = {0};
    lyc_pool *pool = NULL;
    if (threads > 0) must(lyc_pool_create(&pool, threads, &err), &err);
    lyc_student *student = fixture_student(f);
    outcome out = {.params = malloc(lyc_network_size(f->network) * sizeof(float))};
    for (uint32_t step = 0; step < STEPS; step++) out.losses[step] = fixture_step(f, student, step, pool);
    uint32_t rows[FIXTURE_ROWS];
    for (uint32_t i = 0; i < FIXTURE_ROWS; i++) rows[i] = i;
    out.held_out = lyc_student_held_out_loss(student, rows, lyc_dataset_labels(f->data), FIXTURE_ROWS,
                                             LYC_PRIORITY_STUDENT, pool);
    memcpy(out.params, lyc_student_params(student), lyc_network_size(f->network) * sizeof(float));
    lyc_student_destroy(student);
    lyc_pool_destroy(pool);
    return out;
}

static void check_threads(const char *arch, int side) {
    fixture *f = fixture_open_with(arch, side, 0.2);
    outcome alone = teach(f, 0);
    const int threads[] = {1, 2, 3, 8};
    for (size_t i = 0; i < 4; i++) {
        outcome out = teach(f, threads[i]);
        assert_memory_equal(out.params, alone.params, lyc_network_size(f->network) * sizeof(float));
        for (size_t s = 0; s < STEPS; s++)
            assert_memory_equal(&out.losses[s].total, &alone.losses[s].total, sizeof(double));
        assert_memory_equal(&out.held_out, &alone.held_out, sizeof(double));
        free(out.params);
    }
    free(alone.params);
    fixture_close(f);
}

static void mlp_has_the_same_bits_for_any_number_of_threads(void **state) {
    (void)state;
    check_threads("mlp", 6);
}

static void lenet5_has_the_same_bits_for_any_number_of_threads(void **state) {
    (void)state;
    check_threads("lenet5", 28);
}

/* A probe: two clones follow virtual steps and are measured while a third item measures the student itself.
 */
typedef struct probe {
    fixture *f;
    lyc_student *student, *clones[2];
    lyc_pool *pool;
    double loss[3];
} probe;

static void probe_item(void *payload, size_t item, int slot) {
    (void)slot;
    probe *p = payload;
    lyc_student *measured = p->student;
    if (item < 2) {
        measured = p->clones[item];
        lyc_student_copy(measured, p->student);
        for (uint32_t step = 3; step < 6; step++) (void)fixture_step(p->f, measured, step, p->pool);
    }
    uint32_t rows[FIXTURE_ROWS];
    for (uint32_t i = 0; i < FIXTURE_ROWS; i++) rows[i] = i;
    p->loss[item] = lyc_student_held_out_loss(measured, rows, lyc_dataset_labels(p->f->data), FIXTURE_ROWS,
                                              LYC_PRIORITY_PROBE, p->pool);
}

static void clones_may_be_taught_at_the_same_time(void **state) {
    (void)state;
    double expected[3] = {0};
    for (int threads = 1; threads <= 8; threads *= 2) {
        probe p = {.f = fixture_open()};
        lyc_error err = {0};
        must(lyc_pool_create(&p.pool, threads, &err), &err);
        p.student = fixture_student(p.f);
        for (int i = 0; i < 2; i++) p.clones[i] = fixture_student(p.f);
        for (uint32_t step = 0; step < 3; step++) (void)fixture_step(p.f, p.student, step, p.pool);
        lyc_pool_run(p.pool, LYC_PRIORITY_PROBE, 3, probe_item, &p);
        assert_true(p.loss[0] == p.loss[1] && p.loss[0] != p.loss[2]);
        if (threads == 1) memcpy(expected, p.loss, sizeof expected);
        assert_memory_equal(p.loss, expected, sizeof expected);
        for (int i = 0; i < 2; i++) lyc_student_destroy(p.clones[i]);
        lyc_student_destroy(p.student);
        lyc_pool_destroy(p.pool);
        fixture_close(p.f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mlp_has_the_same_bits_for_any_number_of_threads),
        cmocka_unit_test(lenet5_has_the_same_bits_for_any_number_of_threads),
        cmocka_unit_test(clones_may_be_taught_at_the_same_time),
    };
    return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}

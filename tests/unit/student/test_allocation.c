/* Memory: a step takes none, and a creation that runs out of it leaves nothing behind. */
#include <stdatomic.h>
#include <stdlib.h>

#include "fixture.h"

static atomic_long allocations, alive,
    fail_at; /* fail_at: the allocation that fails, counted from 1; 0 = none */

static void *counting_allocate(void *payload, size_t size, size_t alignment) {
    (void)payload;
    long number = atomic_fetch_add(&allocations, 1) + 1;
    if (number == atomic_load(&fail_at)) return NULL;
    void *block = aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    if (block != NULL) atomic_fetch_add(&alive, 1);
    return block;
}

static void counting_release(void *payload, void *block) {
    (void)payload;
    if (block == NULL) return;
    atomic_fetch_sub(&alive, 1);
    free(block);
}

/* Whole steps, with all that may belong to one: views, dropout, lesson, optimiser, moving average; and what a
 * probe does to a clone. */
static void check_steps(fixture *f) {
    lyc_error err = {0};
    lyc_pool *pool;
    must(lyc_pool_create(&pool, 2, &err), &err);
    lyc_student *student = fixture_student(f), *clone = fixture_student(f);
    uint32_t rows[FIXTURE_ROWS];
    float *logits = malloc(sizeof(float) * FIXTURE_ROWS * FIXTURE_CLASSES);
    for (uint32_t i = 0; i < FIXTURE_ROWS; i++) rows[i] = i;
    long before = atomic_load(&allocations);
    for (uint32_t step = 0; step < 6; step++) {
        (void)fixture_step(f, student, step, pool);
        lyc_student_copy(clone, student);
        lyc_student_logits(clone, rows, FIXTURE_ROWS, logits, LYC_PRIORITY_PROBE, pool);
        (void)lyc_student_held_out_loss(clone, rows, f->labels, FIXTURE_ROWS, LYC_PRIORITY_PROBE, pool);
    }
    assert_int_equal(atomic_load(&allocations), before);
    free(logits);
    lyc_student_destroy(clone);
    lyc_student_destroy(student);
    lyc_pool_destroy(pool);
    fixture_close(f);
}

static void a_step_allocates_nothing(void **state) {
    (void)state;
    check_steps(fixture_open_with("mlp", 28, 0.2));
    check_steps(fixture_open_with("lenet5", 28, 0.2));
    fixture *resnet = fixture_open_with("resnet", 16, 0.2);
    resnet->source.recipe.flip = true;
    resnet->source.recipe.cutout = 4;
    resnet->options.optimizer = (lyc_optimizer_options){.kind = "sgd",
                                                        .momentum = 0.9,
                                                        .nesterov = true,
                                                        .weight_decay = 5e-4,
                                                        .decay = LYC_DECAY_WEIGHTS,
                                                        .clip_norm = 1};
    resnet->options.loss.label_smoothing = 0.1;
    resnet->options.ema_decay = 0.9;
    check_steps(resnet);
}

static void creation_survives_every_lack_of_memory(void **state) {
    (void)state;
    fixture *f = fixture_open();
    long before = atomic_load(&alive), failures = 0;
    for (long n = 1;; n++) {
        lyc_student *student = NULL;
        lyc_error err = {0};
        atomic_store(&fail_at, atomic_load(&allocations) + n);
        lyc_status status = lyc_student_create(&student, f->network, &f->source, &f->options, &err);
        atomic_store(&fail_at, 0);
        if (status == LYC_OK) {
            lyc_student_destroy(student);
            break;
        }
        failures++;
        assert_int_equal(status, LYC_ENOMEM);
        assert_null(student);
        assert_true(strstr(err.message, "memory") != NULL);
        assert_int_equal(atomic_load(&alive), before);
    }
    assert_true(failures > 10);
    assert_int_equal(atomic_load(&alive), before);
    fixture_close(f);
    assert_int_equal(atomic_load(&alive), 0);
}

int main(void) {
    const lyc_allocator counting = {counting_allocate, counting_release, NULL};
    lyc_allocator_set(&counting);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_allocates_nothing),
        cmocka_unit_test(creation_survives_every_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}

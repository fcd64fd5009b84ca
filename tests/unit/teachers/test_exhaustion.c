/* Every allocation in turn fails, and everything that was opened is given back: open, start, batches, banks.
 */
#include "fake.h"
#include "io/recorded_file.h"

typedef struct failing {
    atomic_llong left; /* requests until the one that fails; negative = none will */
    atomic_llong alive;
} failing;

static void *allocate(void *payload, size_t size, size_t alignment) {
    failing *plan = payload;
    if (atomic_fetch_sub(&plan->left, 1) == 0) return NULL;
    void *block = aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    if (block != NULL) atomic_fetch_add(&plan->alive, 1);
    return block;
}

static void release(void *payload, void *block) {
    if (block != NULL) atomic_fetch_sub(&((failing *)payload)->alive, 1);
    free(block);
}

static void write_recorded(const lyc_dataset *data, const char *path) {
    static float logits[FAKE_ROWS * FAKE_CLASSES];
    lyc_error err = {0};
    for (uint32_t i = 0; i < FAKE_ROWS; i++)
        logits[i * FAKE_CLASSES + (uint32_t)lyc_dataset_labels(data)[i]] = 3.0f;
    EXPECT_OK(lyc__recorded_file_write(path, logits, lyc_dataset_ids(data), NULL, FAKE_ROWS, FAKE_CLASSES,
                                       NULL, NULL, &err));
}

/* A few batches of a computing and a recorded teacher, with banks; LYC_OK only if nothing failed. */
static lyc_status run_once(const lyc_dataset *data, const char *recorded, const char *banks, lyc_pool *pool,
                           lyc_error *err) {
    static const lyc__teacher_kind *const kinds[2] = {&fake_kind, NULL};
    static const int32_t map[FAKE_CLASSES] = {2, 1, 0};
    static const lyc_view_recipe recipe = {.views = 1};
    uint32_t rows[300];
    for (uint32_t i = 0; i < 300; i++) rows[i] = i * 3;
    lyc_teacher_options teachers[2] = {fake_options("a", "0"),
                                       {.name = "b", .kind = "bank", .path = recorded}};
    teachers[0].class_map = map;
    teachers[0].class_map_count = FAKE_CLASSES;
    lyc_ensemble_options options = {
        .teachers = teachers, .teacher_count = 2, .bank_directory = banks, .min_ahead = 1};
    lyc_ensemble *ensemble;
    LYC_TRY(lyc__ensemble_open_kinds(&ensemble, &options, kinds, data, &recipe, pool, err));
    lyc_status status = lyc_ensemble_start(ensemble, rows, 300, 100, 1, 1, 1, 0, 0, err);
    for (int i = 0; status == LYC_OK && i < 3; i++) {
        const lyc_teacher_batch *batch;
        status = lyc_ensemble_batch(ensemble, 0, &batch, err);
        assert_true((status == LYC_OK) == (batch != NULL));
        lyc_ensemble_advance(ensemble);
    }
    lyc_ensemble_close(ensemble);
    return status;
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    static failing plan;
    const lyc_allocator allocator = {.allocate = allocate, .release = release, .payload = &plan};
    lyc_error err = {0};
    lyc_pool *pool;
    char recorded[SCRATCH_PATH], banks[SCRATCH_PATH];
    fake_reset();
    atomic_store(&plan.left, -1);
    lyc_allocator_set(&allocator);
    lyc_dataset *data = fake_dataset(scratch_path("data.h5"), 0);
    (void)snprintf(recorded, sizeof recorded, "%s", scratch_path("recorded.h5"));
    write_recorded(data, recorded);
    EXPECT_OK(lyc_pool_create(&pool, 2, &err));
    long long before = atomic_load(&plan.alive), requests = 0;
    lyc_status status;
    do {
        err = (lyc_error){0};
        (void)snprintf(banks, sizeof banks, "%s/%lld", scratch_path("banks"), requests);
        atomic_store(&plan.left, requests);
        status = run_once(data, recorded, banks, pool, &err);
        bool reached = atomic_load(&plan.left) < 0;
        atomic_store(&plan.left, -1);
        if (status != LYC_OK && status != LYC_ENOMEM) fail_msg("request %lld: %s", requests, err.message);
        assert_int_equal(status == LYC_ENOMEM, reached); /* none is swallowed */
        if (status == LYC_ENOMEM) assert_true(strlen(err.message) > 10);
        assert_int_equal(atomic_load(&plan.alive), before);
        requests++;
    } while (status == LYC_ENOMEM && requests < 10000);
    assert_true(requests > 30);
    assert_int_equal(atomic_load(&fake_plans[0].alive), 0);
    lyc_pool_destroy(pool);
    lyc_dataset_close(data);
    assert_int_equal(atomic_load(&plan.alive), 0);
    lyc_allocator_set(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_allocation_may_fail, scratch_open, scratch_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

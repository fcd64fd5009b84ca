#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lyceum/memory.h"

static int aligned(const void *block) {
    return (uintptr_t)block % LYC_ALIGNMENT == 0;
}

static int all_zero(const unsigned char *block, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (block[i] != 0) return 0;
    return 1;
}

/* An allocator that hands out dirty memory, counts, and fails the request number `fail_at`. */
typedef struct counts {
    int asked, alive, fail_at;
} counts;

static void *count_allocate(void *payload, size_t size, size_t alignment) {
    counts *c = payload;
    if (++c->asked == c->fail_at) return NULL;
    size_t whole = (size + alignment - 1) / alignment * alignment;
    void *block = aligned_alloc(alignment, whole);
    assert_non_null(block);
    c->alive++;
    return memset(block, 0xA5, whole);
}

static void count_release(void *payload, void *block) {
    ((counts *)payload)->alive--;
    free(block);
}

static counts count;

static int install(void **state) {
    (void)state;
    count = (counts){0};
    lyc_allocator_set(&(lyc_allocator){count_allocate, count_release, &count});
    return 0;
}

static int restore(void **state) {
    (void)state;
    lyc_allocator_set(NULL);
    return count.alive == 0 ? 0 : -1;
}

static void test_calloc_is_zeroed_and_aligned(void **state) {
    (void)state;
    for (size_t size = 0; size < 300; size += 7) {
        unsigned char *block = lyc_calloc(size, 3);
        assert_non_null(block);
        assert_true(aligned(block));
        assert_true(all_zero(block, size * 3));
        lyc_free(block);
    }
    lyc_free(NULL);
}

static void test_default_allocator_is_aligned_too(void **state) {
    (void)state;
    unsigned char *block = lyc_calloc(1, 100);
    assert_non_null(block);
    assert_true(aligned(block));
    assert_true(all_zero(block, 100));
    lyc_free(block);
}

static void test_overflow_is_refused(void **state) {
    (void)state;
    /* The wrapped product would be 2 bytes. */
    assert_null(lyc_calloc(SIZE_MAX / 2 + 2, 2));
    assert_null(lyc_calloc(1, SIZE_MAX));
    assert_null(lyc_calloc(1, SIZE_MAX - LYC_ALIGNMENT / 2));
    assert_int_equal(count.asked, 0);
    lyc_error err = {0};
    void *block = &err;
    assert_int_equal(lyc_allocate(&block, SIZE_MAX / 2 + 2, 2, "rows", &err), LYC_ENOMEM);
    assert_null(block);
    assert_non_null(strstr(err.message, "rows"));
    assert_non_null(strstr(err.message, "more than can be addressed"));
}

static void test_failure_names_bytes_and_purpose(void **state) {
    (void)state;
    count.fail_at = 1;
    lyc_error err = {0};
    float *logits = (float *)&err;
    assert_int_equal(LYC_NEW_ARRAY(logits, 25, &err), LYC_ENOMEM);
    assert_null(logits);
    assert_string_equal(err.message, "no memory for 100 bytes of logits");
    assert_int_equal(LYC_NEW_ARRAY(logits, 25, &err), LYC_OK);
    assert_true(all_zero((unsigned char *)logits, 100));
    lyc_free(logits);
}

static void test_strdup(void **state) {
    (void)state;
    char *copy = lyc_strdup("Alexandria");
    assert_string_equal(copy, "Alexandria");
    lyc_free(copy);
    count.fail_at = count.asked + 1;
    assert_null(lyc_strdup("lost"));
}

static void test_arena_memory_is_zeroed_aligned_and_distinct(void **state) {
    (void)state;
    lyc_arena *arena = NULL;
    assert_int_equal(lyc_arena_create(&arena, 1000, NULL), LYC_OK);
    unsigned char *blocks[40];
    for (size_t i = 0; i < 40; i++) {
        blocks[i] = lyc_arena_alloc(arena, i, 9);
        assert_non_null(blocks[i]);
        assert_true(aligned(blocks[i]));
        assert_true(all_zero(blocks[i], i * 9));
        memset(blocks[i], (int)i + 1, i * 9);
    }
    for (size_t i = 0; i < 40; i++)
        for (size_t j = 0; j < i * 9; j++) assert_int_equal(blocks[i][j], i + 1);
    assert_string_equal(lyc_arena_strdup(arena, "stoa"), "stoa");
    assert_true(lyc_arena_bytes(arena) >= 40 * 39 / 2 * 9);
    lyc_arena_destroy(arena);
    lyc_arena_destroy(NULL);
}

static void test_arena_restore_reuses_without_allocating(void **state) {
    (void)state;
    lyc_arena *arena = NULL;
    assert_int_equal(lyc_arena_create(&arena, 256, NULL), LYC_OK);
    lyc_arena_mark empty = lyc_arena_save(arena);
    unsigned char *kept = lyc_arena_alloc(arena, 100, 1);
    memset(kept, 7, 100);
    lyc_arena_mark mark = lyc_arena_save(arena);
    unsigned char *first = NULL;
    int asked = 0;
    size_t bytes = 0;
    for (int turn = 0; turn < 5; turn++) {
        for (size_t i = 1; i <= 10; i++) {
            unsigned char *block = lyc_arena_alloc(arena, 60 * i, 1);
            assert_non_null(block);
            assert_true(all_zero(block, 60 * i));
            memset(block, 0xEE, 60 * i);
            if (i == 1 && turn == 0) first = block;
            if (i == 1) assert_ptr_equal(block, first);
        }
        lyc_arena_restore(arena, mark);
        if (turn == 0) asked = count.asked, bytes = lyc_arena_bytes(arena);
    }
    assert_int_equal(count.asked, asked);
    assert_int_equal(lyc_arena_bytes(arena), bytes);
    for (int i = 0; i < 100; i++) assert_int_equal(kept[i], 7);
    lyc_arena_restore(arena, empty);
    assert_ptr_equal(lyc_arena_alloc(arena, 1, 1), kept);
    lyc_arena_destroy(arena);
}

static void test_arena_failures_leave_it_usable(void **state) {
    (void)state;
    lyc_arena *arena = NULL;
    lyc_error err = {0};
    assert_int_equal(lyc_arena_create(&arena, 0, &err), LYC_EINTERNAL);
    assert_null(arena);
    count.fail_at = count.asked + 1;
    assert_int_equal(lyc_arena_create(&arena, 64, &err), LYC_ENOMEM);
    assert_null(arena);
    assert_int_equal(lyc_arena_create(&arena, 64, &err), LYC_OK);
    /* A chunk is two requests; either may fail. */
    for (int which = 1; which <= 2; which++) {
        count.fail_at = count.asked + which;
        assert_null(lyc_arena_alloc(arena, 1000, 1));
        assert_int_equal(lyc_arena_bytes(arena), 0);
    }
    assert_null(lyc_arena_alloc(arena, SIZE_MAX / 2 + 2, 2));
    assert_null(lyc_arena_alloc(arena, SIZE_MAX - 8, 1));
    assert_non_null(lyc_arena_alloc(arena, 1000, 1));
    lyc_arena_destroy(arena);
}

#define WITH_COUNTS(test) cmocka_unit_test_setup_teardown(test, install, restore)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_COUNTS(test_calloc_is_zeroed_and_aligned),
        cmocka_unit_test(test_default_allocator_is_aligned_too),
        WITH_COUNTS(test_overflow_is_refused),
        WITH_COUNTS(test_failure_names_bytes_and_purpose),
        WITH_COUNTS(test_strdup),
        WITH_COUNTS(test_arena_memory_is_zeroed_aligned_and_distinct),
        WITH_COUNTS(test_arena_restore_reuses_without_allocating),
        WITH_COUNTS(test_arena_failures_leave_it_usable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

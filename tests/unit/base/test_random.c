#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/uniform.h"
#include "lyceum/random.h"

/* The philox4x32-10 rows of `kat_vectors` in the Random123 distribution: counter, key, result. */
static const struct {
    uint32_t counter[4], key[2], result[4];
} known_answers[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

static void test_known_answers(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof known_answers / sizeof *known_answers; i++) {
        const uint32_t *counter = known_answers[i].counter, *key = known_answers[i].key;
        lyc_random_key stream = {.seed = (uint64_t)key[1] << 32 | key[0],
                                 .purpose = counter[3] >> 24,
                                 .epoch = counter[3] & 0xffffff,
                                 .step = counter[2],
                                 .sample = counter[1]};
        uint32_t result[4];
        lyc_random_block(&stream, counter[0], result);
        assert_memory_equal(result, known_answers[i].result, sizeof result);
    }
}

static const lyc_random_key base_key = {
    .seed = 5, .purpose = LYC_PURPOSE_TEST, .epoch = 3, .step = 9, .sample = 2};

static void test_every_part_of_the_key_counts(void **state) {
    (void)state;
    lyc_random_key keys[] = {base_key, base_key, base_key, base_key, base_key, base_key, base_key};
    keys[1].seed ^= 1;
    keys[2].seed ^= 1ULL << 40;
    keys[3].purpose = LYC_PURPOSE_INIT;
    keys[4].epoch++;
    keys[5].step++;
    keys[6].sample++;
    uint32_t blocks[8][4];
    for (size_t i = 0; i < 7; i++) lyc_random_block(&keys[i], 0, blocks[i]);
    lyc_random_block(&base_key, 1, blocks[7]);
    for (size_t i = 0; i < 8; i++)
        for (size_t j = 0; j < i; j++) assert_memory_not_equal(blocks[i], blocks[j], sizeof blocks[i]);
}

static void test_cursor_walks_the_blocks_in_order(void **state) {
    (void)state;
    lyc_random random = lyc_random_start(base_key);
    for (uint32_t block = 0; block < 3; block++) {
        uint32_t words[4];
        lyc_random_block(&base_key, block, words);
        for (int i = 0; i < 4; i++) assert_int_equal(lyc_random_u32(&random), words[i]);
    }
}

static void test_below_is_in_range_and_even(void **state) {
    (void)state;
    lyc_random random = lyc_random_start(base_key);
    enum { BOUND = 7, DRAWS = 70000 };
    int counts[BOUND] = {0};
    for (int i = 0; i < DRAWS; i++) {
        uint32_t number = lyc_random_below(&random, BOUND);
        assert_true(number < BOUND);
        counts[number]++;
    }
    double chi_squared = 0, expected = (double)DRAWS / BOUND;
    for (int i = 0; i < BOUND; i++) chi_squared += (counts[i] - expected) * (counts[i] - expected) / expected;
    assert_true(chi_squared < 22.46); /* 0.999 quantile, 6 degrees of freedom */
    assert_int_equal(lyc_random_below(&random, 1), 0);
}

/* With a bound of 3 * 2^30, a method without rejection (modulo, or a plain product) is visibly uneven:
 * modulo would put half of the draws into the lowest third, a product into every third number. */
static void test_below_is_unbiased_for_large_bounds(void **state) {
    (void)state;
    const uint32_t bound = 3U << 30;
    lyc_random random = lyc_random_start(base_key);
    enum { DRAWS = 60000 };
    int thirds[3] = {0}, residues[3] = {0};
    for (int i = 0; i < DRAWS; i++) {
        uint32_t number = lyc_random_below(&random, bound);
        assert_true(number < bound);
        thirds[number >> 30]++;
        residues[number % 3]++;
    }
    for (int i = 0; i < 3; i++) {
        assert_true(abs(thirds[i] - DRAWS / 3) < 500); /* 4.3 standard deviations */
        assert_true(abs(residues[i] - DRAWS / 3) < 500);
    }
}

static void test_uniform_stays_inside(void **state) {
    (void)state;
    assert_true(lyc__uniform_from_bits(0) > 0);
    assert_true(lyc__uniform_from_bits(UINT64_MAX) < 1);
    assert_true(lyc__uniform_from_bits(1ULL << 63) == 0.5);
    lyc_random random = lyc_random_start(base_key);
    double sum = 0, sum_f32 = 0;
    enum { DRAWS = 40000 };
    for (int i = 0; i < DRAWS; i++) {
        double wide = lyc_random_uniform(&random);
        float narrow = lyc_random_uniform_f32(&random);
        assert_true(wide > 0 && wide < 1 && narrow >= 0 && narrow < 1);
        sum += wide;
        sum_f32 += (double)narrow;
    }
    assert_true(fabs(sum / DRAWS - 0.5) < 0.006 && fabs(sum_f32 / DRAWS - 0.5) < 0.006);
}

static void test_uniform_uses_all_its_bits(void **state) {
    (void)state;
    lyc_random random = lyc_random_start(base_key);
    uint64_t seen = 0;
    uint32_t seen_f32 = 0;
    for (int i = 0; i < 200; i++) {
        seen |= (uint64_t)(lyc_random_uniform(&random) * 0x1p53);
        seen_f32 |= (uint32_t)(lyc_random_uniform_f32(&random) * 0x1p24F);
    }
    assert_int_equal(seen, (1ULL << 53) - 1);
    assert_int_equal(seen_f32, (1U << 24) - 1);
}

static void test_normal_has_the_right_moments(void **state) {
    (void)state;
    lyc_random random = lyc_random_start(base_key);
    enum { DRAWS = 100000 };
    double sum = 0, squares = 0, cubes = 0, fourths = 0;
    int beyond_two = 0;
    for (int i = 0; i < DRAWS; i++) {
        double x = lyc_random_normal(&random);
        sum += x;
        squares += x * x;
        cubes += x * x * x;
        fourths += x * x * x * x;
        beyond_two += fabs(x) > 2;
    }
    assert_true(fabs(sum / DRAWS) < 0.015);
    assert_true(fabs(squares / DRAWS - 1) < 0.02);
    assert_true(fabs(cubes / DRAWS) < 0.06);
    assert_true(fabs(fourths / DRAWS - 3) < 0.15);
    assert_true(fabs((double)beyond_two / DRAWS - 0.0455) < 0.003);
    /* Four words each, so that the n-th normal can be found without drawing the others. */
    assert_int_equal(random.block, DRAWS);
    assert_int_equal(random.left, 0);
}

static void test_permutation_is_one_and_even(void **state) {
    (void)state;
    enum { COUNT = 5, TURNS = 20000 };
    int where[COUNT][COUNT] = {{0}};
    lyc_random_key key = base_key;
    for (uint32_t turn = 0; turn < TURNS; turn++) {
        key.step = turn;
        uint32_t order[COUNT];
        lyc_random_permutation(key, order, COUNT);
        unsigned seen = 0;
        for (int i = 0; i < COUNT; i++) {
            seen |= 1U << order[i];
            where[i][order[i]]++;
        }
        assert_int_equal(seen, (1U << COUNT) - 1);
    }
    for (int i = 0; i < COUNT; i++)
        for (int j = 0; j < COUNT; j++)
            assert_true(abs(where[i][j] - TURNS / COUNT) < 250); /* 4.4 standard deviations */
    uint32_t one = 9;
    lyc_random_permutation(key, &one, 0);
    assert_int_equal(one, 9);
    lyc_random_permutation(key, &one, 1);
    assert_int_equal(one, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_every_part_of_the_key_counts),
        cmocka_unit_test(test_cursor_walks_the_blocks_in_order),
        cmocka_unit_test(test_below_is_in_range_and_even),
        cmocka_unit_test(test_below_is_unbiased_for_large_bounds),
        cmocka_unit_test(test_uniform_stays_inside),
        cmocka_unit_test(test_uniform_uses_all_its_bits),
        cmocka_unit_test(test_normal_has_the_right_moments),
        cmocka_unit_test(test_permutation_is_one_and_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

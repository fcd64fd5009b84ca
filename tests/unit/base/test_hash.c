#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"

/* Values of `xxhsum -H2` and `xxhsum -H3` (xxHash 0.8). */
static void test_known_values(void **state) {
    (void)state;
    lyc__hash hash;
    char hex[LYC__HASH_HEX_SIZE];
    lyc__hash_start(&hash);
    lyc__hash_finish_hex(&hash, hex);
    assert_string_equal(hex, "99aa06d3014798d86001c324468d497f");
    assert_true(lyc__hash64("", 0) == 0x2d06800538d394c2ULL);
    lyc__hash_start(&hash);
    lyc__hash_update(&hash, "abc", 3);
    lyc__hash_finish_hex(&hash, hex);
    assert_string_equal(hex, "06b05ab6733a618578af5f94892f3950");
    assert_true(lyc__hash64("abc", 3) == 0x78af5f94892f3950ULL);
}

static void test_pieces_do_not_matter(void **state) {
    (void)state;
    unsigned char bytes[3000];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)(i * 131 >> 3);
    char whole[LYC__HASH_HEX_SIZE], pieces[LYC__HASH_HEX_SIZE], other[LYC__HASH_HEX_SIZE];
    lyc__hash hash;
    lyc__hash_start(&hash);
    lyc__hash_update(&hash, bytes, sizeof bytes);
    lyc__hash_finish_hex(&hash, whole);
    lyc__hash_start(&hash);
    for (size_t at = 0, size = 0; at < sizeof bytes; at += size, size++) {
        if (size > sizeof bytes - at) size = sizeof bytes - at;
        lyc__hash_update(&hash, bytes + at, size);
    }
    lyc__hash_finish_hex(&hash, pieces);
    assert_string_equal(whole, pieces);
    assert_int_equal(strlen(whole), 32);
    bytes[1700] ^= 1;
    lyc__hash_start(&hash);
    lyc__hash_update(&hash, bytes, sizeof bytes);
    lyc__hash_finish_hex(&hash, other);
    assert_string_not_equal(whole, other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_values),
        cmocka_unit_test(test_pieces_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

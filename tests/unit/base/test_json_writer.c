#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_writer.h"
#include "base/utf8.h"
#include "lyceum/memory.h"

static void expect(lyc__json *json, const char *wanted) {
    char *text = NULL;
    assert_int_equal(lyc__json_finish(json, &text, NULL), LYC_OK);
    assert_string_equal(text, wanted);
    lyc_free(text);
}

static void compact_text_has_no_spaces(void **state) {
    (void)state;
    lyc__json json;
    lyc__json_start(&json, false);
    lyc__json_object(&json, NULL);
    lyc__json_text(&json, "a", "b");
    lyc__json_array(&json, "c");
    lyc__json_integer(&json, NULL, INT64_MIN);
    lyc__json_unsigned(&json, NULL, UINT64_MAX);
    lyc__json_bool(&json, NULL, true);
    lyc__json_bool(&json, NULL, false);
    lyc__json_text(&json, NULL, NULL);
    lyc__json_raw(&json, NULL, "{\"raw\":1}");
    lyc__json_end(&json);
    lyc__json_object(&json, "empty");
    lyc__json_end(&json);
    lyc__json_end(&json);
    expect(&json,
           "{\"a\":\"b\",\"c\":[-9223372036854775808,18446744073709551615,true,false,null,{\"raw\":1}],"
           "\"empty\":{}}");
}

static void pretty_text_is_indented_and_ends_with_a_newline(void **state) {
    (void)state;
    lyc__json json;
    lyc__json_start(&json, true);
    lyc__json_object(&json, NULL);
    lyc__json_array_inline(&json, "numbers");
    lyc__json_number(&json, NULL, 1);
    lyc__json_object(&json, NULL);
    lyc__json_number(&json, "k", 2);
    lyc__json_end(&json);
    lyc__json_end(&json);
    lyc__json_array(&json, "lines");
    lyc__json_null(&json, NULL);
    lyc__json_null(&json, NULL);
    lyc__json_end(&json);
    lyc__json_array(&json, "none");
    lyc__json_end(&json);
    lyc__json_end(&json);
    expect(
        &json,
        "{\n  \"numbers\": [1, {\"k\": 2}],\n  \"lines\": [\n    null,\n    null\n  ],\n  \"none\": []\n}\n");
}

static void text_is_escaped(void **state) {
    (void)state;
    lyc__json json;
    lyc__json_start(&json, false);
    lyc__json_text(&json, NULL, "\" \\ / \n\t\r\x01\x1f\x7f \xc3\xa9 \xf0\x9f\x98\x80 \xff \xc3");
    expect(&json, "\"\\\" \\\\ / \\n\\t\\r\\u0001\\u001f\\u007f \xc3\xa9 \xf0\x9f\x98\x80 \xef\xbf\xbd "
                  "\xef\xbf\xbd\"");
}

static void keys_are_escaped(void **state) {
    (void)state;
    lyc__json json;
    lyc__json_start(&json, false);
    lyc__json_object(&json, NULL);
    lyc__json_null(&json, "a\"b");
    lyc__json_end(&json);
    expect(&json, "{\"a\\\"b\":null}");
}

static void numbers_read_back_and_are_short(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0.1, "0.1"},
                 {100000, "100000"},
                 {-0.05, "-0.05"},
                 {1e300, "1e+300"},
                 {5e-324, "5e-324"},
                 {1.0 / 3.0, "0.3333333333333333"},
                 {0.1 + 0.2, "0.30000000000000004"},
                 {9007199254740991.0, "9007199254740991"},
                 {-0.0, "-0"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[LYC__NUMBER_SIZE];
        lyc__number_format(cases[i].value, text);
        assert_string_equal(text, cases[i].text);
        assert_true(lyc__number_parse(text, NULL) == cases[i].value);
    }
}

static void what_is_not_finite_is_null(void **state) {
    (void)state;
    lyc__json json;
    lyc__json_start(&json, false);
    lyc__json_array(&json, NULL);
    lyc__json_number(&json, NULL, (double)NAN);
    lyc__json_number(&json, NULL, (double)INFINITY);
    lyc__json_number(&json, NULL, (double)-INFINITY);
    lyc__json_end(&json);
    expect(&json, "[null,null,null]");
}

/* A locale with a decimal comma, compiled on the spot: few machines have one installed. */
static bool enter_comma_locale(char folder[]) {
    char command[256];
    if (!mkdtemp(folder)) return false;
    snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/comma >/dev/null 2>&1", folder);
    if (system(command) > 255) return false; /* warnings exit with 1 */
    setenv("LOCPATH", folder, 1);
    return setlocale(LC_NUMERIC, "comma") != NULL && strcmp(localeconv()->decimal_point, ",") == 0;
}

static void numbers_ignore_the_locale(void **state) {
    (void)state;
    char folder[] = "./lyceum-locale-XXXXXX", command[256];
    bool entered = enter_comma_locale(folder);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command) != 0 || !entered) skip();
    char text[LYC__NUMBER_SIZE];
    lyc__number_format(0.5, text);
    double back = lyc__number_parse("0.25", NULL);
    double plain = strtod("0,5", NULL);
    setlocale(LC_NUMERIC, "C");
    assert_string_equal(text, "0.5");
    assert_true(back == 0.25);
    assert_true(plain == 0.5); /* the locale is that of before */
}

static size_t allocations_left;
static void *allocate_some(void *payload, size_t size, size_t alignment) {
    (void)payload;
    if (allocations_left == 0) return NULL;
    allocations_left--;
    return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}
static void release(void *payload, void *block) {
    (void)payload;
    free(block);
}

static void no_memory_is_reported_at_the_end(void **state) {
    (void)state;
    lyc_allocator failing = {.allocate = allocate_some, .release = release};
    for (size_t allowed = 0; allowed < 2; allowed++) {
        lyc_allocator_set(&failing);
        allocations_left = allowed;
        lyc__json json;
        lyc__json_start(&json, false);
        lyc__json_array(&json, NULL);
        for (int i = 0; i < 64; i++)
            lyc__json_text(&json, NULL, "a text that makes the buffer grow more than once");
        lyc__json_end(&json);
        char *text = (char *)1;
        assert_int_equal(lyc__json_finish(&json, &text, NULL), LYC_ENOMEM);
        assert_null(text);
        lyc_allocator_set(NULL);
    }
}

static void utf8_is_strict(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t size, length;
    } cases[] = {{"a", 1, 1},
                 {"", 0, 0},
                 {"\x80", 1, 0},
                 {"\xc3\xa9", 2, 2},
                 {"\xc3\xa9", 1, 0},
                 {"\xc1\xbf", 2, 0},     /* overlong */
                 {"\xe0\x9f\xbf", 3, 0}, /* overlong */
                 {"\xed\xa0\x80", 3, 0}, /* surrogate */
                 {"\xe2\x82\xac", 3, 3},
                 {"\xe2\x82z", 3, 0},
                 {"\xf4\x8f\xbf\xbf", 4, 4}, /* U+10FFFF */
                 {"\xf4\x90\x80\x80", 4, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(lyc__utf8_length(cases[i].text, cases[i].size), cases[i].length);
    assert_int_equal(lyc__utf8_count("a\xc3\xa9\xff z"), 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compact_text_has_no_spaces),
        cmocka_unit_test(pretty_text_is_indented_and_ends_with_a_newline),
        cmocka_unit_test(text_is_escaped),
        cmocka_unit_test(keys_are_escaped),
        cmocka_unit_test(numbers_read_back_and_are_short),
        cmocka_unit_test(what_is_not_finite_is_null),
        cmocka_unit_test(numbers_ignore_the_locale),
        cmocka_unit_test(no_memory_is_reported_at_the_end),
        cmocka_unit_test(utf8_is_strict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

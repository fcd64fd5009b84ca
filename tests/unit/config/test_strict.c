/* The strict check in front of cJSON: what is refused, where and why; what is accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "config/strict.h"
#include "lyceum/memory.h"

typedef struct refusal {
    const char *name, *text;
    size_t line, column;
    const char *reason;
} refusal;

#define NINES "9999999999999999"

/* Each row fails in a check of its own. */
static const refusal refusals[] = {
    {"empty text", "", 1, 1, "the text ends where a value should stand"},
    {"only space", " \n ", 2, 2, "the text ends where a value should stand"},
    {"byte-order mark", "\xef\xbb\xbf{}", 1, 1,
     "the text starts with a byte-order mark; save it as UTF-8 without one"},
    {"trailing text", "{} x", 1, 4, "text behind the end of the JSON value"},
    {"comment", "{\n  // no\n}", 2, 3, "JSON has no comments; a key in double quotes should stand here"},
    {"single quotes", "{'a': 1}", 1, 2, "JSON uses double quotes; a key in double quotes should stand here"},
    {"bare key", "{a: 1}", 1, 2, "\"a\" where a key in double quotes should stand"},
    {"no colon", "{\"a\" 1}", 1, 6, "\"1\" where a colon should stand"},
    {"no comma between members", "{\"a\":1 \"b\":2}", 1, 8, "\"\"\" where a comma or } should stand"},
    {"no comma between entries", "[1 2]", 1, 4, "\"2\" where a comma or ] should stand"},
    {"comma behind the last entry", "[1, ]", 1, 3, "a comma behind the last entry"},
    {"no value", "[,]", 1, 2, "\",\" where a value should stand"},
    {"leading zero", "[01]", 1, 2, "a number must not start with 0"},
    {"minus alone", "[-]", 1, 3, "\"]\" where a digit should stand"},
    {"point without digits", "[1.]", 1, 4, "\"]\" where a digit behind the point should stand"},
    {"exponent without digits", "[1e+]", 1, 5, "\"]\" where a digit of the exponent should stand"},
    {"plus sign", "[+1]", 1, 2, "\"+\" where a value should stand"},
    {"overflow", "[1e999]", 1, 2, "1e999 is too large for a number"},
    {"underflow", "[1e-999]", 1, 2, "1e-999 is too small for a number"},
    {"long number", "[0." NINES NINES NINES NINES "]", 1, 2,
     "a number of 66 characters; at most 63 are read"},
    {"NaN", "[NaN]", 1, 2, "NaN is no JSON value; texts need double quotes"},
    {"word", "[True]", 1, 2, "True is no JSON value; texts need double quotes"},
    {"unclosed text", "[\"abc", 1, 2, "this text has no closing quote"},
    {"control character in a text", "[\"a\nb\"]", 1, 4,
     "a line break or control character inside a text; write it as \\n or \\u000a"},
    {"unknown escape", "[\"C:\\data\"]", 1, 5, "unknown escape; a backslash itself is written \\\\"},
    {"short code", "[\"\\u12g4\"]", 1, 3, "\\u must be followed by four hexadecimal digits"},
    {"zero byte escaped", "[\"a\\u0000b\"]", 1, 4, "\\u0000 cannot be part of a text here"},
    {"lone surrogate", "[\"\\ud800x\"]", 1, 3, "half of a surrogate pair stands alone"},
    {"bad UTF-8 in a text", "[\"\xc3\xa9\xff\"]", 1, 4, "byte 0xff is not UTF-8; save the file as UTF-8"},
    {"too deep", "[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", 1, 17, "nested deeper than 16 levels"},
};

static void refuses(void **state) {
    const refusal *row = *state;
    lyc__fault fault;
    assert_false(lyc__strict_check(row->text, strlen(row->text), &fault));
    assert_string_equal(fault.reason, row->reason);
    assert_int_equal(fault.line, row->line);
    assert_int_equal(fault.column, row->column);
}

static void refuses_a_zero_byte(void **state) {
    (void)state;
    lyc__fault fault;
    assert_false(lyc__strict_check("[1,\0]", 5, &fault));
    assert_string_equal(fault.reason, "byte 0x00 where a value should stand");
    assert_int_equal(fault.column, 4);
}

static void refuses_more_than_a_mebibyte(void **state) {
    (void)state;
    char *text = lyc_calloc(LYC__CONFIG_BYTES + 2, 1);
    assert_non_null(text);
    memset(text, ' ', LYC__CONFIG_BYTES + 1);
    text[0] = '1';
    lyc__fault fault;
    assert_false(lyc__strict_check(text, LYC__CONFIG_BYTES + 1, &fault));
    assert_string_equal(fault.reason, "the text has 1048577 bytes; at most 1048576 are read");
    assert_true(lyc__strict_check(text, LYC__CONFIG_BYTES, &fault));
    lyc_free(text);
}

static void accepts(void **state) {
    (void)state;
    static const char *const texts[] = {"null",
                                        " [ ] ",
                                        "{}",
                                        "-0",
                                        "0",
                                        "0.5e-3",
                                        "1E+2",
                                        "\"\"",
                                        "[true, false, null]",
                                        "\"\\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u00e9 \\ud83d\\ude00\"",
                                        "{\"a\": {\"a\": [1, {\"b\": \"\xc3\xa9\"}]}}",
                                        "\r\n\t[1]\n",
                                        "5e-324",
                                        "1.7976931348623157e308",
                                        "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        lyc__fault fault = {0};
        bool accepted = lyc__strict_check(texts[i], strlen(texts[i]), &fault);
        if (!accepted) print_error("%s: %s\n", texts[i], fault.reason);
        assert_true(accepted);
    }
}

/* Whatever length is announced, no byte behind it is looked at (run under the address sanitizer). */
static void every_prefix_is_refused_in_bounds(void **state) {
    (void)state;
    static const char text[] = "{\"a\": [1.5e-3, \"\\ud83d\\ude00\\n\xc3\xa9\", true], \"b\": {}}";
    for (size_t size = 0; size < sizeof text - 1; size++) {
        char *copy = lyc_calloc(size + 1, 1);
        assert_non_null(copy);
        memcpy(copy, text, size);
        lyc__fault fault;
        assert_false(lyc__strict_check(copy, size, &fault));
        lyc_free(copy);
    }
}

int main(void) {
    enum { ROWS = sizeof refusals / sizeof *refusals };
    struct CMUnitTest tests[ROWS + 4] = {
        cmocka_unit_test(refuses_a_zero_byte), cmocka_unit_test(refuses_more_than_a_mebibyte),
        cmocka_unit_test(accepts), cmocka_unit_test(every_prefix_is_refused_in_bounds)};
    for (size_t i = 0; i < ROWS; i++)
        tests[4 + i] = (struct CMUnitTest){
            .name = refusals[i].name, .test_func = refuses, .initial_state = (void *)(uintptr_t)&refusals[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Parsing command lines: what is understood, and each way to be wrong with its message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "app/command.h"

typedef struct sample {
    lyc__common common;
    const char *data;
    double fraction;
} sample;

static const lyc__option options[] = {
    {"data", 'd', LYC__OPTION_TEXT, offsetof(sample, data), "FILE", "a file", 0, 0},
    {"fraction", 0, LYC__OPTION_NUMBER, offsetof(sample, fraction), "X", "a share", 0, 0.5},
    LYC__COMMON_THREADS,
    LYC__COMMON_SET,
    LYC__COMMON_QUIET,
    LYC__COMMON_HELP,
};
static const lyc__usage usage = {.command = "sample",
                                 .options = options,
                                 .option_count = sizeof options / sizeof *options,
                                 .least_arguments = 1,
                                 .most_arguments = 2,
                                 .argument = "the thing"};

#define MOST_WORDS 8
typedef struct wrong {
    const char *name;
    const char *words[MOST_WORDS];
    const char *message;
} wrong;

static lyc_status parse(const char *const words[MOST_WORDS], sample *out, lyc_error *err) {
    static char name[] = "sample";
    char *argv[MOST_WORDS + 1] = {name};
    int argc = 1;
    while (argc <= MOST_WORDS && words[argc - 1]) {
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
        argc++;
    }
    *out = (sample){0};
    return lyc__options_parse(&usage, argc, argv, out, err);
}

static const wrong rows[] = {
    {"unknown", {"x", "--zebra"}, "unknown option --zebra"},
    {"misspelt", {"x", "--thread=3"}, "unknown option --thread; did you mean --threads?"},
    {"one dash", {"x", "-data", "f"}, "unknown option -data; did you mean --data?"},
    {"unknown letter", {"x", "-z"}, "unknown option -z"},
    {"value missing at the end", {"x", "--data"}, "--data needs a value: --data FILE"},
    {"value missing before an option", {"x", "--data", "--quiet"}, "--data needs a value: --data FILE"},
    {"empty value", {"x", "--data="}, "--data needs a value: --data FILE"},
    {"value for a flag", {"x", "--quiet=yes"}, "--quiet takes no value"},
    {"twice", {"x", "--data", "a", "-d", "b"}, "--data is given twice"},
    {"count that is no number",
     {"x", "--threads", "two"},
     "--threads takes a whole number from 0 to 1024, not \"two\""},
    {"fraction for a count",
     {"x", "--threads", "2.5"},
     "--threads takes a whole number from 0 to 1024, not \"2.5\""},
    {"count too large",
     {"x", "--threads", "1025"},
     "--threads takes a whole number from 0 to 1024, not \"1025\""},
    {"count beyond 64 bits",
     {"x", "--threads", "99999999999999999999"},
     "--threads takes a whole number from 0 to 1024, not \"99999999999999999999\""},
    {"negative count", {"x", "--threads", "-1"}, "--threads takes a whole number from 0 to 1024, not \"-1\""},
    {"number with a tail",
     {"x", "--fraction", "0.1x"},
     "--fraction takes a number from 0 to 0.5, not \"0.1x\""},
    {"number too large", {"x", "--fraction", "0.6"}, "--fraction takes a number from 0 to 0.5, not \"0.6\""},
    {"not a number", {"x", "--fraction", "nan"}, "--fraction takes a number from 0 to 0.5, not \"nan\""},
    {"argument missing", {"--quiet"}, "the thing is missing"},
    {"argument too many", {"x", "y", "z"}, "one argument too many: \"z\""},
};
enum { ROWS = sizeof rows / sizeof *rows };

static void refuses(void **state) {
    const wrong *row = *state;
    sample out;
    lyc_error err = {0};
    assert_int_equal(parse(row->words, &out, &err), LYC_EUSAGE);
    assert_string_equal(err.message, row->message);
}

static void every_form_is_understood(void **state) {
    (void)state;
    static const char *const forms[][MOST_WORDS] = {
        {"x", "--data", "f.h5", "--threads", "3", "--quiet"},
        {"--data=f.h5", "--threads=3", "--quiet", "x"},
        {"-d", "f.h5", "-t3", "-q", "x"},
        {"-df.h5", "-t", "3", "x", "-q"},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        sample out;
        assert_int_equal(parse(forms[i], &out, NULL), LYC_OK);
        assert_string_equal(out.data, "f.h5");
        assert_int_equal(out.common.threads, 3);
        assert_true(out.common.quiet);
        assert_int_equal(out.common.arguments.count, 1);
        assert_string_equal(out.common.arguments.items[0], "x");
    }
}

static void lists_keep_their_order(void **state) {
    (void)state;
    sample out;
    assert_int_equal(parse((const char *const[MOST_WORDS]){"--set", "a=1", "x", "--set=b=--2"}, &out, NULL),
                     LYC_OK);
    assert_int_equal(out.common.sets.count, 2);
    assert_string_equal(out.common.sets.items[0], "a=1");
    assert_string_equal(out.common.sets.items[1], "b=--2");
}

static void too_long_a_list_is_refused(void **state) {
    (void)state;
    static char name[] = "sample", word[] = "--set=a=1";
    char *argv[LYC__TEXTS_MAX + 2] = {name};
    for (int i = 1; i < LYC__TEXTS_MAX + 2; i++) argv[i] = word;
    sample out = {0};
    lyc_error err = {0};
    assert_int_equal(lyc__options_parse(&usage, LYC__TEXTS_MAX + 2, argv, &out, &err), LYC_EUSAGE);
    assert_string_equal(err.message, "more than 64 values of one kind; write a config file");
}

static void two_dashes_end_the_options(void **state) {
    (void)state;
    sample out;
    assert_int_equal(parse((const char *const[MOST_WORDS]){"--quiet", "--", "--data", "-"}, &out, NULL),
                     LYC_OK);
    assert_int_equal(out.common.arguments.count, 2);
    assert_string_equal(out.common.arguments.items[0], "--data");
    assert_string_equal(out.common.arguments.items[1], "-");
    assert_null(out.data);
}

static void a_value_may_look_like_an_option_of_others(void **state) {
    (void)state;
    sample out;
    assert_int_equal(parse((const char *const[MOST_WORDS]){"x", "--data", "--zebra"}, &out, NULL), LYC_OK);
    assert_string_equal(out.data, "--zebra");
}

/* Whoever asks for help need not get the rest right. */
static void help_needs_no_arguments(void **state) {
    (void)state;
    sample out;
    assert_int_equal(parse((const char *const[MOST_WORDS]){"--help"}, &out, NULL), LYC_OK);
    assert_true(out.common.help);
}

static void unknown_names_list_the_known(void **state) {
    (void)state;
    static const char *const names[] = {"train", "valid"};
    lyc_error err = {0};
    assert_int_equal(lyc__unknown_name("split", "vald", names, 2, &err), LYC_EUSAGE);
    assert_string_equal(err.message, "unknown split \"vald\"; did you mean \"valid\"? known: train, valid");
    assert_int_equal(lyc__unknown_name("split", "x", names, 2, &err), LYC_EUSAGE);
    assert_string_equal(err.message, "unknown split \"x\"; known: train, valid");
}

int main(void) {
    enum { OTHERS = 7 };
    struct CMUnitTest tests[ROWS + OTHERS] = {cmocka_unit_test(every_form_is_understood),
                                              cmocka_unit_test(lists_keep_their_order),
                                              cmocka_unit_test(too_long_a_list_is_refused),
                                              cmocka_unit_test(two_dashes_end_the_options),
                                              cmocka_unit_test(a_value_may_look_like_an_option_of_others),
                                              cmocka_unit_test(help_needs_no_arguments),
                                              cmocka_unit_test(unknown_names_list_the_known)};
    for (size_t i = 0; i < ROWS; i++)
        tests[OTHERS + i] = (struct CMUnitTest){
            .name = rows[i].name, .test_func = refuses, .initial_state = (void *)(uintptr_t)&rows[i]};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

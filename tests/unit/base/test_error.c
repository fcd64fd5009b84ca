#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lyceum/error.h"
#include "lyceum/version.h"

static void test_set_fills_everything(void **state) {
    (void)state;
    lyc_error err = {0};
    int line = __LINE__ + 1;
    lyc_status status = LYC_ERROR(&err, LYC_EFORMAT, "%s: row %d is short", "a.h5", 7);
    assert_int_equal(status, LYC_EFORMAT);
    assert_int_equal(err.code, LYC_EFORMAT);
    assert_string_equal(err.message, "a.h5: row 7 is short");
    assert_non_null(strstr(err.file, "test_error.c"));
    assert_int_equal(err.line, line);
}

static void test_null_is_allowed(void **state) {
    (void)state;
    assert_int_equal(LYC_ERROR(NULL, LYC_EIO, "%s", "nobody listens"), LYC_EIO);
    lyc_error_prefix(NULL, "%s", "nobody listens");
}

static void test_message_may_quote_itself(void **state) {
    (void)state;
    lyc_error err = {0};
    LYC_ERROR(&err, LYC_EIO, "inner");
    LYC_ERROR(&err, LYC_ECONFIG, "outer (%s) again (%s)", err.message, err.message);
    assert_string_equal(err.message, "outer (inner) again (inner)");
    assert_int_equal(err.code, LYC_ECONFIG);
}

static void test_prefix_keeps_code_and_origin(void **state) {
    (void)state;
    lyc_error err = {0};
    LYC_ERROR(&err, LYC_EBUSY, "locked");
    const char *file = err.file;
    int line = err.line;
    lyc_error_prefix(&err, "bank %s", "b.h5");
    lyc_error_prefix(&err, "teacher %d", 2);
    assert_string_equal(err.message, "teacher 2: bank b.h5: locked");
    assert_int_equal(err.code, LYC_EBUSY);
    assert_ptr_equal(err.file, file);
    assert_int_equal(err.line, line);
}

static void test_long_messages_are_cut_with_a_mark(void **state) {
    (void)state;
    static char text[3 * LYC_ERROR_MESSAGE_SIZE];
    memset(text, 'x', sizeof text - 1);
    lyc_error err = {0};
    LYC_ERROR(&err, LYC_EIO, "%s", text);
    assert_int_equal(strlen(err.message), LYC_ERROR_MESSAGE_SIZE - 1);
    assert_string_equal(err.message + LYC_ERROR_MESSAGE_SIZE - 5, "x...");
    lyc_error_prefix(&err, "p");
    assert_int_equal(strlen(err.message), LYC_ERROR_MESSAGE_SIZE - 1);
    assert_int_equal(strncmp(err.message, "p: xx", 5), 0);
    assert_string_equal(err.message + LYC_ERROR_MESSAGE_SIZE - 4, "...");
    /* One character less than the room there is fits as it stands. */
    text[LYC_ERROR_MESSAGE_SIZE - 1] = '\0';
    LYC_ERROR(&err, LYC_EIO, "%s", text);
    assert_string_equal(err.message, text);
}

static void test_names(void **state) {
    (void)state;
    assert_string_equal(lyc_status_name(LYC_OK), "ok");
    assert_string_equal(lyc_status_name(LYC_ECONFIG), "config");
    assert_string_equal(lyc_status_meaning(LYC_EBUSY), "another process is using it");
    for (int s = 0; s < LYC_STATUS_COUNT; s++) {
        assert_true(strlen(lyc_status_name((lyc_status)s)) > 0);
        assert_true(strlen(lyc_status_meaning((lyc_status)s)) > 0);
    }
    assert_string_equal(lyc_status_name((lyc_status)LYC_STATUS_COUNT), "unknown");
    assert_non_null(lyc_status_meaning((lyc_status)-1));
}

static lyc_status try_and_count(lyc_status inner, int *reached) {
    LYC_TRY(inner);
    ++*reached;
    return LYC_OK;
}

static void test_try_returns_the_first_failure(void **state) {
    (void)state;
    int reached = 0;
    assert_int_equal(try_and_count(LYC_ENUMERIC, &reached), LYC_ENUMERIC);
    assert_int_equal(reached, 0);
    assert_int_equal(try_and_count(LYC_OK, &reached), LYC_OK);
    assert_int_equal(reached, 1);
}

static void test_version_is_the_project_version(void **state) {
    (void)state;
    int major = -1, minor = -1, patch = -1;
    assert_int_equal(sscanf(lyc_version(), "%d.%d.%d", &major, &minor, &patch), 3);
    assert_string_equal(lyc_version(), LYC_VERSION);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_fills_everything),
        cmocka_unit_test(test_null_is_allowed),
        cmocka_unit_test(test_message_may_quote_itself),
        cmocka_unit_test(test_prefix_keeps_code_and_origin),
        cmocka_unit_test(test_long_messages_are_cut_with_a_mark),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_try_returns_the_first_failure),
        cmocka_unit_test(test_version_is_the_project_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

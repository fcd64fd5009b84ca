/* CSV fields: what is read, and how each way of being wrong is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/csv.h"
#include "tests/unit/io/scratch.h"

/* Fields joined by '|', records by '/'. */
static lyc_status read_text(const char *text, size_t size, char *out, lyc_error *err) {
    lyc__csv *csv = NULL;
    bool found = true;
    out[0] = '\0';
    assert_true(scratch_write("t.csv", text, size));
    lyc_status status = lyc__csv_open(&csv, scratch_path("t.csv"), ',', err);
    while (status == LYC_OK && found) {
        lyc__csv_field field;
        status = lyc__csv_next(csv, &field, &found, err);
        if (status != LYC_OK || !found) continue;
        assert_int_equal(strlen(field.text), field.size);
        strcat(strcat(out, field.text), field.last ? "/" : "|");
    }
    lyc__csv_close(csv);
    return status;
}

static void test_fields_and_records(void **state) {
    (void)state;
    static const struct {
        const char *text, *wanted;
    } cases[] = {
        {"", ""},
        {"a", "a/"},
        {"a,b\nc,d\n", "a|b/c|d/"},
        {"a,b\r\nc,d\r\n", "a|b/c|d/"},
        {"\n\na,b\n\r\n\nc,d", "a|b/c|d/"},
        {"a,\n,b\n,\n", "a|/|b/|/"},
        {"\"a,\"\"b\"\"\",\"\"\n", "a,\"b\"|/"},
        {"\"two\nlines\",x\n", "two\nlines|x/"},
        {"\xEF\xBB\xBF\"a\",b\n", "a|b/"},
        {"\xEF\xBB\xBF", ""},
        {" a , b \n", " a | b /"},
        {"a,b\r", "a|b/"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[256];
        lyc_error err = {0};
        if (read_text(cases[i].text, strlen(cases[i].text), out, &err) != LYC_OK) fail_msg("%s", err.message);
        assert_string_equal(out, cases[i].wanted);
    }
}

static void test_each_fault_has_line_and_column(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
        size_t size; /* 0 = of the text */
    } cases[] = {
        {"a,b\nc,\"d", "t.csv: line 2, column 2: a quoted field that never ends", 0},
        {"a,b\nc\"d,e\n", "t.csv: line 2, column 1: a quote within a field", 0},
        {"\"a\nb\",\"c\"d\n", "t.csv: line 2, column 2: text behind a closing quote", 0},
        {"a,b\rc\n", "t.csv: line 1, column 2: a CR without a LF", 0},
        {"a,\0b\n", "t.csv: line 1, column 2: holds a zero byte", 5},
        {"\xFF\xFE"
         "a\0",
         "t.csv: line 1, column 1: holds a zero byte", 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[256];
        lyc_error err = {0};
        size_t size = cases[i].size ? cases[i].size : strlen(cases[i].text);
        assert_int_equal(read_text(cases[i].text, size, out, &err), LYC_EFORMAT);
        if (!strstr(err.message, cases[i].says))
            fail_msg("\"%s\" does not mention \"%s\"", err.message, cases[i].says);
    }
}

/* The longest field fits, one byte more does not; fields cross the reader's buffer anywhere. */
static void test_long_fields_and_files(void **state) {
    (void)state;
    static char text[600000], out[700000];
    lyc_error err = {0};
    memset(text, 'x', LYC__CSV_FIELD_BYTES);
    assert_int_equal(read_text(text, LYC__CSV_FIELD_BYTES - 1, out, &err), LYC_OK);
    assert_int_equal(strlen(out), LYC__CSV_FIELD_BYTES);
    assert_int_equal(read_text(text, LYC__CSV_FIELD_BYTES, out, &err), LYC_EFORMAT);
    assert_non_null(strstr(err.message, "a field of more than 1,023 bytes"));
    lyc__csv *csv = NULL;
    for (size_t i = 0; i < sizeof text; i++) text[i] = i % 7 == 6 ? '\n' : i % 7 == 3 ? ',' : 'a';
    assert_true(scratch_write("long.csv", text, sizeof text));
    assert_int_equal(lyc__csv_open(&csv, scratch_path("long.csv"), ',', &err), LYC_OK);
    bool found = true;
    uint64_t fields = 0;
    for (lyc__csv_field field; found; fields += found) {
        assert_int_equal(lyc__csv_next(csv, &field, &found, &err), LYC_OK);
        if (found && fields < 171428) assert_true(field.size == (field.column == 0 ? 3 : 2));
        if (found) assert_int_equal(field.line, fields / 2 + 1);
    }
    assert_int_equal(fields, 2 * (sizeof text / 7) + 1);
    lyc__csv_close(csv);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_and_records),
        cmocka_unit_test(test_each_fault_has_line_and_column),
        cmocka_unit_test(test_long_fields_and_files),
    };
    return cmocka_run_group_tests(tests, scratch_open, scratch_close);
}

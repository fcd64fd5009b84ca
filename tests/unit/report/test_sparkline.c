/* Curves in one line, and cells of tables. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lyceum/memory.h"
#include "report/cells.h"
#include "report/sparkline.h"

static void draws(const double *values, size_t count, double low, double high, size_t cells, bool utf8,
                  const char *wanted) {
    lyc__text text = {0};
    const lyc_series series = {count, values};
    char *drawn;
    lyc__sparkline(&text, &series, low, high, cells, utf8);
    assert_int_equal(lyc__text_finish(&text, &drawn, NULL), LYC_OK);
    assert_string_equal(drawn, wanted);
    lyc_free(drawn);
}

static void heights(void **state) {
    (void)state;
    static const double ramp[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    draws(ramp, 8, 0, 8, 8, true, "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588");
    draws(ramp, 8, 0, 8, 8, false, "_.:-=+*#");
    draws(ramp, 8, NAN, NAN, 8, false, "_.:-=+*#");
    draws(ramp, 8, 2, 4, 8, false, "___=####"); /* outside the range: its ends */
    draws(ramp, 2, 0, 8, 5, false, "_.   ");
    draws(ramp, 0, 0, 1, 3, false, "   ");
}

static void many_points_in_few_cells(void **state) {
    (void)state;
    static const double pairs[8] = {0, 2, 6, 8, NAN, 4, NAN, NAN};
    draws(pairs, 8, 0, 8, 4, false, ".#= "); /* means 1, 7, 4, none */
    static const double seven[7] = {0, 0, 0, 8, 8, 8, 8};
    draws(seven, 7, 0, 8, 3, false, "_=#"); /* cells of 2, 2 and 3 points */
}

static void flat_and_empty(void **state) {
    (void)state;
    static const double same[3] = {5, 5, 5}, none[3] = {NAN, INFINITY, NAN};
    draws(same, 3, NAN, NAN, 3, false, "___");
    draws(none, 3, NAN, NAN, 3, true, "   ");
    draws(none, 3, 0, 1, 4, false, "    ");
}

static void cell(void (*add)(lyc__text *, const char *, size_t), const char *word, size_t columns,
                 const char *wanted) {
    lyc__text text = {0};
    char *made;
    add(&text, word, columns);
    assert_int_equal(lyc__text_finish(&text, &made, NULL), LYC_OK);
    assert_string_equal(made, wanted);
    lyc_free(made);
}

static void cells(void **state) {
    (void)state;
    cell(lyc__cell_left, "ab", 4, "ab  ");
    cell(lyc__cell_right, "ab", 4, "  ab");
    cell(lyc__cell_left, "sch\u00f6n", 6, "sch\u00f6n ");
    cell(lyc__cell_right, "sch\u00f6n", 5, "sch\u00f6n");
    cell(lyc__cell_left, "\u00e4\u00f6\u00fc\u00e4\u00f6\u00fc", 4, "\u00e4\u00f6\u00fc~");
    cell(lyc__cell_right, "trousers", 4, "tro~");
    cell(lyc__cell_left, "x\xff\xfe", 3, "x\xff\xfe"); /* bytes that are no text count one each */
    cell(lyc__cell_left, "abc", 0, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(heights), cmocka_unit_test(many_points_in_few_cells),
                                       cmocka_unit_test(flat_and_empty), cmocka_unit_test(cells)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

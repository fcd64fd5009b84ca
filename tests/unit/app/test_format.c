#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "app/format.h"
#include "base/suggest.h"

static void counts(void **state) {
    (void)state;
    static const struct {
        uint64_t count;
        const char *text;
    } cases[] = {{0, "0"},
                 {999, "999"},
                 {1000, "1,000"},
                 {54000, "54,000"},
                 {UINT64_MAX, "18,446,744,073,709,551,615"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[LYC__SHORT];
        lyc__format_count(cases[i].count, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void rates(void **state) {
    (void)state;
    static const struct {
        double rate;
        const char *text;
    } cases[] = {{0.517, "0.52"}, {51.24, "51.2"}, {1240.4, "1,240"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[LYC__SHORT];
        lyc__format_rate(cases[i].rate, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void durations(void **state) {
    (void)state;
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {{-1, "0:00"}, {0.4, "0:00"}, {7, "0:07"}, {759.6, "12:40"}, {10930, "3:02:10"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[LYC__SHORT];
        lyc__format_duration(cases[i].seconds, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void bytes(void **state) {
    (void)state;
    static const struct {
        double bytes;
        const char *text;
    } cases[] = {{812, "812 B"}, {1536, "1.5 KiB"}, {10.0 * 1024 * 1024, "10 MiB"}, {3e15, "2728 TiB"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[LYC__SHORT];
        lyc__format_bytes(cases[i].bytes, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void percents(void **state) {
    (void)state;
    char text[LYC__SHORT];
    lyc__format_percent(0.88214, text);
    assert_string_equal(text, "88.21 %");
    lyc__format_percent((double)NAN, text);
    assert_string_equal(text, "-");
}

static void edit_distances(void **state) {
    (void)state;
    assert_int_equal(lyc__edit_distance("", "abc"), 3);
    assert_int_equal(lyc__edit_distance("epochs", "epochs"), 0);
    assert_int_equal(lyc__edit_distance("epoch", "epochs"), 1);
    assert_int_equal(lyc__edit_distance("ehoes", "epochs"), 3);
    assert_int_equal(lyc__edit_distance("tarin", "train"), 1); /* neighbours swapped */
    assert_int_equal(lyc__edit_distance("Train", "train"), 0);
    static const char *const names[] = {"train", "test", "valid"};
    assert_string_equal(lyc__nearest("tset", names, 3), "test");
    assert_null(lyc__nearest("reward", names, 3));
    assert_null(lyc__nearest("", names, 3));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts), cmocka_unit_test(rates),    cmocka_unit_test(durations),
        cmocka_unit_test(bytes),  cmocka_unit_test(percents), cmocka_unit_test(edit_distances),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Two runs side by side, and the keys in which two configurations part. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lyceum/inspect.h"
#include "report/config_lines.h"
#include "run_story.h"

/* ---- configurations ----------------------------------------------------------------------------------- */

static const char *const first = "{\n"
                                 "  \"name\": \"one\",\n"
                                 "  \"data\": {\n"
                                 "    \"labelled\": 6000,\n"
                                 "    \"augment\": {\n"
                                 "      \"views\": 1\n"
                                 "    }\n"
                                 "  },\n"
                                 "  \"teachers\": [\n"
                                 "    {\"name\": \"a\", \"model\": \"a.h5\"},\n"
                                 "    {\"name\": \"b\", \"model\": \"b.h5\"}\n"
                                 "  ],\n"
                                 "  \"hidden\": [64, 32],\n"
                                 "  \"old\": true\n"
                                 "}\n";
static const char *const second = "{\n"
                                  "  \"name\": \"two\",\n"
                                  "  \"data\": {\n"
                                  "    \"labelled\": 6000,\n"
                                  "    \"augment\": {\n"
                                  "      \"views\": 4,\n"
                                  "      \"new\": \"x\"\n"
                                  "    }\n"
                                  "  },\n"
                                  "  \"teachers\": [\n"
                                  "    {\"name\": \"a\", \"model\": \"a.h5\"},\n"
                                  "    {\"name\": \"c\", \"model\": \"c.h5\"},\n"
                                  "    {\"name\": \"d\", \"model\": \"d.h5\"}\n"
                                  "  ],\n"
                                  "  \"hidden\": [64]\n"
                                  "}\n";

static void expect_line(const lyc__config_line *line, const char *key, const char *a, const char *b) {
    const char *wanted[2] = {a, b};
    assert_string_equal(line->key, key);
    for (int i = 0; i < 2; i++) {
        if (wanted[i] == NULL) assert_null(line->values[i]);
        else assert_string_equal(line->values[i], wanted[i]);
    }
}

static void keys_that_part(void **state) {
    (void)state;
    lyc__config_line *lines;
    size_t count;
    lyc_error err = {0};
    assert_int_equal(lyc__config_differences(first, second, &lines, &count, &err), LYC_OK);
    assert_int_equal(count, 6);
    expect_line(&lines[0], "data.augment.views", "1", "4");
    expect_line(&lines[1], "teachers[1]", "{\"name\": \"b\", \"model\": \"b.h5\"}",
                "{\"name\": \"c\", \"model\": \"c.h5\"}");
    expect_line(&lines[2], "hidden", "[64, 32]", "[64]");
    expect_line(&lines[3], "old", "true", NULL);
    expect_line(&lines[4], "data.augment.new", NULL, "\"x\"");
    expect_line(&lines[5], "teachers[2]", NULL, "{\"name\": \"d\", \"model\": \"d.h5\"}");
    lyc__config_lines_free(lines, count);
    assert_int_equal(lyc__config_differences(first, first, &lines, &count, &err), LYC_OK);
    assert_int_equal(count, 0);
    lyc__config_lines_free(lines, count);
    assert_int_equal(lyc__config_differences("{}", "", &lines, &count, &err), LYC_OK);
    lyc__config_lines_free(lines, count);
    lyc__config_lines_free(NULL, 0);
}

/* ---- runs -----------------------------------------------------------------------------------------------
 */

static lyc_inspection *open_run(void) {
    lyc_inspection *run;
    lyc_error err = {0};
    if (lyc_inspect_open(&run, scratch_directory, 0, &err) != LYC_OK) fail_msg("%s", err.message);
    return run;
}

static void holds(const char *text, const char *wanted) {
    if (strstr(text, wanted) == NULL) fail_msg("no '%s' in:\n%s", wanted, text);
}

static void equal_weights(uint64_t row, float weight[STORY_TEACHERS]) {
    (void)row;
    for (int k = 0; k < 3; k++) weight[k] = 1.0F / 3.0F;
}

static void figures_side_by_side(void **state) {
    (void)state;
    lyc_error err = {0};
    char *text;
    story_write();
    lyc_inspection *a = open_run();
    lyc_run_facts facts = story_facts(3); /* without the last teacher, another strategy, nothing measured */
    facts.strategy = "uniform";
    facts.config = "{\n  \"agent\": {\n    \"strategy\": \"uniform\"\n  }\n}\n";
    lyc_runfile *file = story_create(&facts);
    for (uint64_t row = 0; row < 100; row++) story_append(file, row, equal_weights);
    story_close(file);
    lyc_inspection *b = open_run();

    assert_int_equal(lyc_inspect_compare_text(a, b, &(lyc_inspect_style){.columns = 80}, &text, &err),
                     LYC_OK);
    holds(text, "strategy learned, stopped\n");
    holds(text, "steps                                          400             100          -300\n");
    holds(text, "test: accuracy                             87.50 %               -             -\n");
    holds(text, "cnn-a: weight, last quarter                  0.730           0.333        -0.397\n");
    holds(text, "scrambled: weight                            0.070               -             -\n");
    holds(text, "agent.strategy                    (not there)  |  \"uniform\"\n");
    for (const char *line = text; *line; line = strchr(line, '\n') + 1)
        assert_true(strcspn(line, "\n") <= 81 || line[1] == ' '); /* in bytes; but for the paths */
    lyc_free(text);

    assert_int_equal(lyc_inspect_compare_csv(a, b, &text, &err), LYC_OK);
    holds(text, "figure,a,b\n\"steps\",400,100\n");
    holds(text, "\"mlp, small: weight, last quarter\",0.25,0.333");
    holds(text, "\"test: accuracy\",0.875,\n");
    lyc_free(text);

    assert_int_equal(lyc_inspect_compare_json(a, b, &text, &err), LYC_OK);
    holds(text, "{\"figure\": \"steps\", \"a\": 400, \"b\": 100}");
    holds(text, "{\"key\": \"agent.strategy\", \"a\": null, \"b\": \"\\\"uniform\\\"\"}");
    lyc_free(text);
    lyc_inspect_close(a);
    lyc_inspect_close(b);
}

int main(void) {
#define CASE(name) cmocka_unit_test_setup_teardown(name, scratch_open, scratch_close)
    const struct CMUnitTest tests[] = {CASE(keys_that_part), CASE(figures_side_by_side)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

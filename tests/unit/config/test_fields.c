/* The table itself: rows that are whole, texts that are generated from it, memory that runs out. */
#include "config_testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/fields.h"
#include "lyceum/memory.h"

static bool is_heading(const lyc__field *field) {
    return field->type == &lyc__type_group || field->element_size > 0;
}

static void rows_are_documented_and_unique(void **state) {
    (void)state;
    for (size_t i = 0; i < lyc__field_count; i++) {
        const lyc__field *field = &lyc__fields[i];
        if (!field->doc || strlen(field->doc) < 8 || field->doc[strlen(field->doc) - 1] != '.')
            fail_msg("%s has no sentence of documentation", field->path);
        assert_true(field->commands != 0);
        for (size_t k = 0; k < i; k++)
            if (strcmp(lyc__fields[k].path, field->path) == 0)
                fail_msg("%s stands twice in the table", field->path);
    }
}

/* The reference prints a heading and the rows under it: a row stands behind its object, with nothing between.
 */
static void rows_stand_under_their_object(void **state) {
    (void)state;
    const char *heading = "";
    for (size_t i = 0; i < lyc__field_count; i++) {
        const lyc__field *field = &lyc__fields[i];
        char parent[LYC__KEY_PATH_SIZE];
        snprintf(parent, sizeof parent, "%s%s", heading,
                 heading[0] && strncmp(field->path, heading, strlen(heading)) == 0 &&
                         field->path[strlen(heading)] == '['
                     ? "[]"
                     : "");
        if (is_heading(field)) heading = field->path;
        else if (!lyc__field_key(field->path, parent))
            fail_msg("%s stands under \"%s\"", field->path, parent);
    }
}

static void bounds_fit_what_stores_them(void **state) {
    (void)state;
    static const double least[] = {INT32_MIN, -LYC__MOST_EXACT, 0, 0};
    static const double most[] = {INT32_MAX, LYC__MOST_EXACT, UINT32_MAX, LYC__MOST_EXACT};
    for (size_t i = 0; i < lyc__field_count; i++) {
        const lyc__field *field = &lyc__fields[i];
        if (!field->type->is_bounded) continue;
        if (!(field->low < field->high)) fail_msg("%s has empty bounds", field->path);
        if (field->type == &lyc__type_integer_auto && field->low <= LYC__UNSET)
            fail_msg("%s allows the value that means none", field->path);
        if (field->type != &lyc__type_integer && field->type != &lyc__type_integer_auto) continue;
        if (field->low < least[field->storage] || field->high > most[field->storage])
            fail_msg("%s allows what it cannot store", field->path);
    }
}

static void compare(const char *file, lyc_status (*generate)(char **, lyc_error *)) {
    char path[1024];
    snprintf(path, sizeof path, "%s/../../%s", LYC_TEST_DATA, file);
    FILE *stream = fopen(path, "rb");
    if (!stream) fail_msg("%s is missing", path);
    char *kept = calloc(1 << 20, 1);
    assert_non_null(kept);
    size_t size = fread(kept, 1, (1 << 20) - 1, stream);
    fclose(stream);
    char *text = NULL;
    assert_int_equal(generate(&text, NULL), LYC_OK);
    bool equal = size == strlen(text) && memcmp(kept, text, size) == 0;
    lyc_free(text);
    free(kept);
    if (!equal) fail_msg("%s is not what the table says; write it again with `lyceum config`", file);
}

static void the_schema_is_up_to_date(void **state) {
    (void)state;
    compare("configs/schema.json", lyc_config_schema);
}

static void the_reference_is_up_to_date(void **state) {
    (void)state;
    compare("docs/configuration.md", lyc_config_reference);
}

static void help_lists_the_keys_of_a_command(void **state) {
    (void)state;
    for (int command = LYC_CONFIG_TRAIN; command <= LYC_CONFIG_DISTILL; command++) {
        char *text = NULL;
        assert_int_equal(lyc_config_help(&text, (lyc_config_command)command, NULL), LYC_OK);
        for (size_t i = 0; i < lyc__field_count; i++) {
            const lyc__field *field = &lyc__fields[i];
            bool mine = (field->commands >> command) & 1U;
            char line[LYC__KEY_PATH_SIZE];
            snprintf(line, sizeof line, "\n  %s ", field->path);
            bool listed = strstr(text, line) != NULL;
            if (listed != (mine && !is_heading(field)))
                fail_msg("%s in the help of %d", field->path, command);
        }
        lyc_free(text);
    }
}

/* ---- memory ------------------------------------------------------------------------------------- */

static size_t allowed, alive;
static void *allocate_some(void *payload, size_t size, size_t alignment) {
    (void)payload;
    if (allowed == 0) return NULL;
    allowed--;
    alive++;
    return aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}
static void release(void *payload, void *block) {
    (void)payload;
    if (block) alive--;
    free(block);
}

static lyc_status parse_and_resolve(char **text, lyc_error *err) {
    static const char *const sets[] = {"train.epochs=3",      "agent.strategy=static",
                                       "agent.weights=[1,2]", "teachers[0].class_map=[1,0]",
                                       "student.hidden=[3]",  "loss={\"terms\": [{\"kind\": \"kd\"}]}"};
    lyc_config *config = NULL;
    LYC_TRY(lyc_config_parse(&config, LYC_CONFIG_DISTILL, distill_text, "t.json", sets, 6, err));
    lyc_status status = lyc_config_resolved(config, text, err);
    lyc_config_destroy(config);
    return status;
}

static lyc_status help_of_distill(char **text, lyc_error *err) {
    return lyc_config_help(text, LYC_CONFIG_DISTILL, err);
}

/* Fails the first, the second, ... allocation until none fails: each time LYC_ENOMEM, nothing left behind. */
static size_t fail_each_allocation(lyc_status (*work)(char **, lyc_error *)) {
    lyc_allocator failing = {.allocate = allocate_some, .release = release};
    size_t failures = 0;
    for (;; failures++) {
        lyc_allocator_set(&failing);
        allowed = failures;
        char *text = NULL;
        lyc_error err = {0};
        lyc_status status = work(&text, &err);
        bool done = status == LYC_OK;
        assert_true(done == (text != NULL));
        lyc_free(text);
        lyc_allocator_set(NULL);
        assert_int_equal(alive, 0);
        if (done) return failures;
        if (status != LYC_ENOMEM) fail_msg("allocation %zu: %s", failures, err.message);
        if (!strstr(err.message, "no memory")) fail_msg("allocation %zu: %s", failures, err.message);
    }
}

static void no_memory_is_an_error_everywhere(void **state) {
    (void)state;
    assert_true(fail_each_allocation(parse_and_resolve) > 100);
    assert_true(fail_each_allocation(lyc_config_schema) > 5);
    assert_true(fail_each_allocation(lyc_config_reference) > 2);
    assert_true(fail_each_allocation(help_of_distill) > 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_documented_and_unique),
        cmocka_unit_test(rows_stand_under_their_object),
        cmocka_unit_test(bounds_fit_what_stores_them),
        cmocka_unit_test(the_schema_is_up_to_date),
        cmocka_unit_test(the_reference_is_up_to_date),
        cmocka_unit_test(help_lists_the_keys_of_a_command),
        cmocka_unit_test(no_memory_is_an_error_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

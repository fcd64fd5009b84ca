/* A configuration that is right, to be made wrong in one place by an override. */
#ifndef LYCEUM_TESTS_CONFIG_TESTING_H
#define LYCEUM_TESTS_CONFIG_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "lyceum/config.h"

static const char distill_text[] =
    "{\"output\": \"runs/x\", \"data\": {\"path\": \"d.h5\"}, \"student\": {\"arch\": \"mlp\"},"
    " \"teachers\": [{\"name\": \"a\", \"model\": \"a.h5\"}, {\"name\": \"b\", \"bank\": \"b.h5\"}]}";
static const char train_text[] =
    "{\"output\": \"runs/x\", \"data\": {\"path\": \"d.h5\"}, \"network\": {\"arch\": \"mlp\"}}";

/* A row of a table of wrong configurations. `text` NULL takes one of the above. */
typedef struct wrong {
    const char *name;
    lyc_config_command command;
    const char *text;
    const char *sets[4];
    const char *message;
} wrong;

static inline const char *text_of(lyc_config_command command, const char *text) {
    if (text) return text;
    return command == LYC_CONFIG_TRAIN ? train_text : distill_text;
}

/* The whole message is compared: exactly this check fired, and no other. */
static inline void expect_message(void **state) {
    const wrong *row = *state;
    size_t count = 0;
    while (count < 4 && row->sets[count]) count++;
    lyc_config *config = (lyc_config *)1;
    lyc_error err = {0};
    lyc_status status = lyc_config_parse(&config, row->command, text_of(row->command, row->text), "t.json",
                                         row->sets, count, &err);
    assert_string_equal(err.message, row->message);
    assert_int_equal(status, LYC_ECONFIG);
    assert_null(config);
}

static inline struct CMUnitTest test_of(const wrong *row) {
    return (struct CMUnitTest){
        .name = row->name, .test_func = expect_message, .initial_state = (void *)(uintptr_t)row};
}

#endif

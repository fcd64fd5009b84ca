/* The configuration offers exactly what the parts have: their tables lie above it, so only here can they
 * meet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "config/fields.h"
#include "lyceum/agent.h"
#include "lyceum/network.h"
#include "lyceum/student.h"

static bool offers(const lyc__field *field, const char *name) {
    for (size_t i = 0; field->names[i]; i++)
        if (strcmp(field->names[i], name) == 0) return true;
    return false;
}

static void compare(const char *path, lyc_config_command command, const char *(*name_of)(size_t)) {
    const lyc__field *field = lyc__field_find(path, command);
    assert_non_null(field);
    size_t offered = 0, existing = 0;
    while (field->names[offered]) offered++;
    for (; name_of(existing); existing++)
        if (!offers(field, name_of(existing))) fail_msg("%s does not offer \"%s\"", path, name_of(existing));
    if (offered != existing) fail_msg("%s offers %zu names, there are %zu", path, offered, existing);
}

static void architectures(void **state) {
    (void)state;
    compare("student.arch", LYC_CONFIG_DISTILL, lyc_network_arch_name);
    compare("network.arch", LYC_CONFIG_TRAIN, lyc_network_arch_name);
}

static void strategies(void **state) {
    (void)state;
    compare("agent.strategy", LYC_CONFIG_DISTILL, lyc_strategy_name);
}

static void loss_terms(void **state) {
    (void)state;
    compare("loss.terms[0].kind", LYC_CONFIG_DISTILL, lyc_loss_term_name);
}

static void optimisers(void **state) {
    (void)state;
    compare("optimizer.kind", LYC_CONFIG_TRAIN, lyc_optimizer_name);
}

static void schedules(void **state) {
    (void)state;
    compare("schedule.kind", LYC_CONFIG_TRAIN, lyc_schedule_name);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(architectures), cmocka_unit_test(strategies), cmocka_unit_test(loss_terms),
        cmocka_unit_test(optimisers),    cmocka_unit_test(schedules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Reads tests/golden/agent.txt: lines of a name, a count and the numbers. */
#ifndef TESTS_AGENT_GOLDEN_H
#define TESTS_AGENT_GOLDEN_H

#include "support.h"

#include <stdlib.h>

/* The numbers called `name`, at most `most` of them; fails the test when they are not there. */
static inline size_t golden(const char *name, double *out, size_t most) {
    char text[64];
    size_t count = 0;
    bool found = false;
    FILE *file = fopen(LYC_TEST_DATA "/agent.txt", "r");
    assert_non_null(file);
    while (!found && fscanf(file, "%63s %zu", text, &count) == 2) {
        found = strcmp(text, name) == 0;
        for (size_t i = 0; i < count; i++) {
            double value;
            assert_int_equal(fscanf(file, "%lf", &value), 1);
            if (found && i < most) out[i] = value;
        }
    }
    fclose(file);
    if (!found || count > most) fail_msg("golden %s: not there, or more than %zu numbers", name, most);
    return count;
}

#endif

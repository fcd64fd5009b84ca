/* A learned strategy over four teachers that differ, and batches for it. */
#ifndef TESTS_AGENT_LEARNERS_H
#define TESTS_AGENT_LEARNERS_H

#include "support.h"

enum { K = 4, ROWS = 12 };

static const lyc_action_mode modes[] = {LYC_ACTION_SELECT, LYC_ACTION_WEIGHT, LYC_ACTION_SELECT_WEIGHT};
enum { MODES = sizeof modes / sizeof modes[0] };

static inline void fill(test_batch *batch, lyc_random *random, int step) {
    fill_batch(batch, random, K, ROWS, (const double[K]){4.0, 2.0, 0.0, 1.0}, NULL);
    batch->labels[3] = LYC_UNLABELLED;
    batch->input.step = (uint32_t)step;
}

static inline lyc_strategy *make(lyc_action_mode action, lyc_teach_mode teach, lyc_credit_kind credit) {
    lyc_agent_options options = default_options("learned");
    options.action = action;
    options.teach = teach;
    options.credit.kind = credit;
    options.credit.steps = 3;
    return make_strategy(&options, K);
}

static inline void set_action(lyc_action *action, const uint8_t *select) {
    *action = (lyc_action){0};
    int count = 0;
    for (int k = 0; k < K; k++) count += select[k];
    for (int k = 0; k < K; k++) {
        action->select[k] = select[k];
        action->weight[k] = select[k] ? 1.0F / (float)count : 0.0F;
    }
}

#endif

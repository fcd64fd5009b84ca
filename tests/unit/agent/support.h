/* Shared by the agent's tests: brute-force references over all non-empty subsets, random batches, options. */
#ifndef TESTS_AGENT_SUPPORT_H
#define TESTS_AGENT_SUPPORT_H

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lyceum/agent.h"
#include "lyceum/dataset.h"
#include "lyceum/random.h"

static inline lyc_random test_random(uint64_t seed) {
    return lyc_random_start((lyc_random_key){.seed = seed, .purpose = LYC_PURPOSE_TEST});
}

static inline void fill_normal(lyc_random *random, double deviation, double *out, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = deviation * lyc_random_normal(random);
}

static inline void assert_near(double got, double expected, double tolerance) {
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("%.17g is not %.17g within %g", got, expected, tolerance);
}

static inline void mask_to_select(uint32_t mask, int teachers, uint8_t *select) {
    for (int k = 0; k < teachers; k++) select[k] = (uint8_t)(mask >> k & 1U);
}

/* The law by its other definition: a softmax over the non-empty subsets of the sum of the selected logits. */
static inline double subset_probability(const double *logit, int teachers, uint32_t mask) {
    double mine = 0.0, all = 0.0;
    for (uint32_t subset = 1; subset < 1U << teachers; subset++) {
        double sum = 0.0;
        for (int k = 0; k < teachers; k++) sum += subset >> k & 1U ? logit[k] : 0.0;
        all += exp(sum);
        if (subset == mask) mine = exp(sum);
    }
    return mine / all;
}

/* Row sums and so on of a fixed little ensemble. */
#define MAX_ROWS 64
#define CLASSES  10
typedef struct test_batch {
    float logits[LYC_MAX_TEACHERS][MAX_ROWS * CLASSES];
    float student[MAX_ROWS * CLASSES];
    int32_t labels[MAX_ROWS];
    float influence[MAX_ROWS * LYC_MAX_TEACHERS];
    const float *teachers[LYC_MAX_TEACHERS];
    lyc_decision_input input;
} test_batch;

/* Normal logits; the label's logit of teacher k is raised by sharpness[k], that of class label + 3 by
 * wrong[k]. */
static inline void fill_batch(test_batch *batch, lyc_random *random, int teachers, size_t rows,
                              const double *sharpness, const double *wrong) {
    for (size_t row = 0; row < rows; row++) batch->labels[row] = (int32_t)lyc_random_below(random, CLASSES);
    for (int k = 0; k < teachers; k++) {
        batch->teachers[k] = batch->logits[k];
        for (size_t i = 0; i < rows * CLASSES; i++) {
            int label = batch->labels[i / CLASSES], class_index = (int)(i % CLASSES);
            double value = lyc_random_normal(random);
            if (sharpness != NULL && class_index == label) value += sharpness[k];
            if (wrong != NULL && class_index == (label + 3) % CLASSES) value += wrong[k];
            batch->logits[k][i] = (float)value;
        }
    }
    for (size_t i = 0; i < rows * CLASSES; i++) batch->student[i] = (float)lyc_random_normal(random);
    /* From a stream of its own: the numbers of all who do not look at it stay what they are. */
    lyc_random apart = lyc_random_start((lyc_random_key){
        .seed = random->key.seed, .purpose = LYC_PURPOSE_TEST, .epoch = 1, .step = random->block});
    for (size_t i = 0; i < rows * (size_t)teachers; i++)
        batch->influence[i] = (float)lyc_random_normal(&apart);
    batch->input = (lyc_decision_input){.seed = 1,
                                        .rows = rows,
                                        .teacher_logits = batch->teachers,
                                        .student_logits = batch->student,
                                        .labels = batch->labels,
                                        .influence = batch->influence,
                                        .temperature = 4.0,
                                        .progress = 0.25,
                                        .lr_fraction = 1.0};
}

/* The shipped defaults. */
static inline lyc_agent_options default_options(const char *strategy) {
    return (lyc_agent_options){
        .strategy = strategy,
        .action = LYC_ACTION_SELECT,
        .teach = LYC_TEACH_MEAN,
        .hidden = 32,
        .learning_rate = 0.02,
        .entropy = 0.01,
        .exploration_floor = 0.04742587317756678,
        .sigma = 0.5,
        .clip = 4.0,
        .credit = {.kind = LYC_CREDIT_PROBE, .every = 24, .steps = 16, .samples = 2048},
        .on_policy = {.discount = 0.99, .lambda = 0.95, .clip = 0.2, .epochs = 4}};
}

static const char *const test_names[LYC_MAX_TEACHERS] = {
    "t0",  "t1",  "t2",  "t3",  "t4",  "t5",  "t6",  "t7",  "t8",  "t9",  "t10",
    "t11", "t12", "t13", "t14", "t15", "t16", "t17", "t18", "t19", "t20", "t21",
    "t22", "t23", "t24", "t25", "t26", "t27", "t28", "t29", "t30", "t31"};
static const double test_ce[LYC_MAX_TEACHERS] = {0.5, 2.3, 4.0, 0.7, 1.0, 1.2, 0.4, 0.9};
static const double test_accuracy[LYC_MAX_TEACHERS] = {0.9, 0.1, 0.05, 0.8, 0.7, 0.6, 0.85, 0.75};

enum { TEST_VALID_ROWS = 40 };

/* Log-probabilities of labels; every teacher is best on some row. */
static inline const float *test_log_prob(int teachers) {
    static float log_prob[TEST_VALID_ROWS * LYC_MAX_TEACHERS];
    lyc_random random = test_random(77);
    for (int i = 0; i < TEST_VALID_ROWS * teachers; i++)
        log_prob[i] = (float)log(lyc_random_uniform(&random));
    return log_prob;
}

static inline lyc_agent_facts test_facts(int teachers) {
    return (lyc_agent_facts){.teachers = teachers,
                             .classes = CLASSES,
                             .names = test_names,
                             .reward_ce = test_ce,
                             .reward_accuracy = test_accuracy,
                             .valid_ce = test_ce,
                             .valid_accuracy = test_accuracy,
                             .valid_rows = TEST_VALID_ROWS,
                             .valid_log_prob = test_log_prob(teachers)};
}

static inline lyc_strategy *make_strategy(const lyc_agent_options *options, int teachers) {
    lyc_strategy *strategy = NULL;
    lyc_error err = {0};
    lyc_agent_facts facts = test_facts(teachers);
    if (lyc_strategy_create(&strategy, options, &facts, 7, MAX_ROWS, &err) != LYC_OK)
        fail_msg("%s", err.message);
    return strategy;
}

static inline lyc_decision decide(lyc_strategy *strategy, const lyc_decision_input *input) {
    lyc_decision decision;
    lyc_error err = {0};
    if (lyc_strategy_decide(strategy, input, &decision, &err) != LYC_OK) fail_msg("%s", err.message);
    return decision;
}

#endif

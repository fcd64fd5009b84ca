/* Runs whose story is known: written with the recorder's own functions, so that what inspect says can be
 * computed by hand. */
#ifndef LYC_TEST_RUN_STORY_H
#define LYC_TEST_RUN_STORY_H

#include <math.h>
#include <stdint.h>

#include "../io/scratch.h"
#include "lyceum/memory.h"
#include "lyceum/run_layout.h"

#define STORY_TEACHERS 4
#define STORY_CLASSES  2
#define STORY_ROWS     400

static const char *const story_names[STORY_TEACHERS] = {"cnn-a", "mlp, small", "sp\u00e9cialist",
                                                        "scrambled"};
static const char *const story_kinds[STORY_TEACHERS] = {"model", "model", "bank", "model"};
static const char *const story_prints[STORY_TEACHERS] = {"aa", "bb", "cc", "dd"};
static const char *const story_precisions[STORY_TEACHERS] = {"f32", "bf16", "f32", "f32"};
static const double story_errors[STORY_TEACHERS] = {0, 0.125, 0, 0};
static const char *const story_classes[STORY_CLASSES] = {"shirt", "a very long name of a class"};
static const double story_ce[STORY_TEACHERS] = {0.25, 0.5, 0.75, 2.5};
static const double story_accuracy[STORY_TEACHERS] = {0.90625, 0.875, 0.5, 0.0625};

static inline lyc_run_facts story_facts(size_t teachers) {
    return (lyc_run_facts){.name = "fashion",
                           .strategy = "learned",
                           .config = "{}",
                           .total_steps = 1600,
                           .steps_per_epoch = 200,
                           .teachers = teachers,
                           .classes = STORY_CLASSES,
                           .teacher_names = story_names,
                           .teacher_kinds = story_kinds,
                           .teacher_fingerprints = story_prints,
                           .teacher_precisions = story_precisions,
                           .logit_error_largest = story_errors,
                           .logit_error_mean = story_errors,
                           .logit_error_changed = story_errors,
                           .reward_ce = story_ce,
                           .reward_accuracy = story_accuracy,
                           .valid_ce = story_ce,
                           .valid_accuracy = story_accuracy,
                           .class_names = story_classes};
}

/* The weights of batch `row`: equal until 100, then the last teacher is dropped but for one batch in 25. */
static inline void story_weights(uint64_t row, float weight[STORY_TEACHERS]) {
    static const float acts[3][STORY_TEACHERS] = {
        {0.25f, 0.25f, 0.25f, 0.25f}, {0.5f, 0.25f, 0.25f, 0}, {0.75f, 0.25f, 0, 0}};
    int act = row < 100 || row % 25 == 0 ? 0 : row < 300 ? 1 : 2;
    for (int k = 0; k < STORY_TEACHERS; k++) weight[k] = acts[act][k];
}

typedef void (*story_plot)(uint64_t row, float weight[STORY_TEACHERS]);

static inline void story_append(lyc_runfile *file, uint64_t row, story_plot plot) {
    float weight[STORY_TEACHERS] = {0};
    uint8_t select[STORY_TEACHERS];
    lyc_error err = {0};
    plot(row, weight);
    for (int k = 0; k < STORY_TEACHERS; k++) select[k] = weight[k] > 0;
    const lyc_trajectory_row values = {.step = row,
                                       .epoch = (uint32_t)(row / 200),
                                       .select = select,
                                       .weight = weight,
                                       .log_prob = -1.5,
                                       .reward = row % 16 == 0 ? 0.001 * (double)row : NAN,
                                       .baseline = NAN,
                                       .advantage = NAN,
                                       .entropy = 2.0 - (double)row / 400,
                                       .loss_total = 4.0 / (double)(row / 100 + 1),
                                       .loss_ce = 1.0,
                                       .loss_kd = 0.1,
                                       .labelled = 12,
                                       .seconds_student = 0.25f};
    if (lyc_run_append_trajectory(file, &values, &err) != LYC_OK) fail_msg("%s", err.message);
}

/* Six pairs. The last teacher differs in four of them, with credits -1, -2, 3 and -1: mean -0.25, squared
 * deviations 14.75, standard error sqrt(14.75 / 3 / 4). The first differs in two: 3 and 1. */
static inline void story_probes(lyc_runfile *file) {
    static const struct {
        uint8_t a[STORY_TEACHERS], b[STORY_TEACHERS];
        double difference;
    } pairs[] = {{{1, 1, 1, 1}, {1, 1, 1, 0}, -1}, {{1, 1, 1, 0}, {1, 1, 1, 1}, 2},
                 {{1, 0, 0, 1}, {0, 0, 0, 0}, 3},  {{1, 1, 1, 0}, {1, 1, 1, 0}, 9},
                 {{0, 1, 0, 1}, {1, 1, 0, 0}, -1}, {{0, 0, 1, 1}, {0, 0, 1, 1}, NAN}};
    lyc_error err = {0};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        float weight_a[STORY_TEACHERS] = {0.25f, 0.25f, 0.25f, 0.25f},
              weight_b[STORY_TEACHERS] = {0.5f, 0.25f, 0.125f, 0.125f};
        const lyc_probes_row values = {.step = i * 16,
                                       .select_a = pairs[i].a,
                                       .select_b = pairs[i].b,
                                       .weight_a = weight_a,
                                       .weight_b = weight_b,
                                       .reward_a = 0.5,
                                       .reward_b = 0.25,
                                       .advantage = pairs[i].difference,
                                       .gradient_norm = 1};
        if (lyc_run_append_probes(file, &values, &err) != LYC_OK) fail_msg("%s", err.message);
    }
}

/* Two epochs: class 0 with 10 and 30 rows, class 1 with 0 rows in the first. */
static inline void story_epochs(lyc_runfile *file) {
    static const float weight[2][STORY_TEACHERS * STORY_CLASSES] = {
        {0.25f, 0, 0.25f, 0, 0.25f, 0, 0.25f, 0}, {0.75f, 0.5f, 0.25f, 0.25f, 0, 0.5f, 0, 0}};
    static const float select[2][STORY_TEACHERS * STORY_CLASSES] = {{1, 0, 1, 0, 1, 0, 1, 0},
                                                                    {1, 1, 1, 1, 0, 1, 0, 0}};
    static const uint64_t rows[2][STORY_CLASSES] = {{10, 0}, {30, 20}};
    lyc_error err = {0};
    for (uint32_t e = 0; e < 2; e++) {
        const lyc_epochs_row values = {.epoch = e + 1,
                                       .loss_total = 3 - e,
                                       .loss_ce = 2 - e,
                                       .loss_kd = 1,
                                       .valid_accuracy = 0.8125 + 0.0625 * e,
                                       .valid_nll = 0.5,
                                       .reward_nll = 0.625,
                                       .reward_accuracy = 0.75,
                                       .lr = 0.001,
                                       .seconds = 12,
                                       .class_weight = weight[e],
                                       .class_select = select[e],
                                       .class_rows = rows[e]};
        if (lyc_run_append_epochs(file, &values, &err) != LYC_OK) fail_msg("%s", err.message);
    }
}

static inline void story_evaluation(lyc_runfile *file) {
    lyc_error err = {0};
    const lyc_evaluation_row values = {.split = 3,
                                       .rows = 10000,
                                       .accuracy = 0.875,
                                       .nll = 0.375,
                                       .brier = 0.25,
                                       .ece = 0.03125,
                                       .f1_macro = 0.8125,
                                       .matthews = 0.75,
                                       .epoch = 1,
                                       .touched = 1};
    if (lyc_run_append_evaluation(file, &values, &err) != LYC_OK) fail_msg("%s", err.message);
}

static inline lyc_runfile *story_create(const lyc_run_facts *facts) {
    lyc_runfile *file;
    lyc_error err = {0};
    if (lyc_run_create(&file, scratch_path("run.h5"), facts, &err) != LYC_OK) fail_msg("%s", err.message);
    return file;
}

static inline void story_close(lyc_runfile *file) {
    lyc_error err = {0};
    if (lyc_runfile_close(file, &err) != LYC_OK) fail_msg("%s", err.message);
}

/* The whole story. */
static inline void story_write(void) {
    lyc_run_facts facts = story_facts(STORY_TEACHERS);
    lyc_runfile *file = story_create(&facts);
    for (uint64_t row = 0; row < STORY_ROWS; row++) story_append(file, row, story_weights);
    story_probes(file);
    story_epochs(file);
    story_evaluation(file);
    story_close(file);
}

/* Only weights, to see what is said about them. */
static inline void story_tell(size_t teachers, uint64_t rows, story_plot plot) {
    lyc_run_facts facts = story_facts(teachers);
    lyc_runfile *file = story_create(&facts);
    for (uint64_t row = 0; row < rows; row++) story_append(file, row, plot);
    story_close(file);
}

#endif

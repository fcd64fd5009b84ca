/* A small data set on disk, its teachers' logits, and students of it. */
#ifndef LYC_TEST_FIXTURE_H
#define LYC_TEST_FIXTURE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../io/scratch.h"
#include "io/dataset_file.h"
#include "lyceum/memory.h"
#include "lyceum/random.h"
#include "lyceum/student.h"

#define FIXTURE_ROWS     400
#define FIXTURE_CLASSES  4
#define FIXTURE_TEACHERS 2
#define FIXTURE_BATCH    40

typedef struct fixture {
    lyc_dataset *data;
    lyc_network *network;
    int32_t labels[FIXTURE_ROWS]; /* every third row unlabelled */
    float teacher[FIXTURE_TEACHERS][FIXTURE_ROWS * FIXTURE_CLASSES];
    lyc_student_data source;
    lyc_student_options options;
} fixture;

/* One batch's lesson, gathered from the fixture. */
typedef struct lesson_of {
    uint32_t rows[FIXTURE_BATCH];
    uint64_t ids[FIXTURE_BATCH];
    float logits[FIXTURE_TEACHERS][FIXTURE_BATCH * FIXTURE_CLASSES];
    const float *pointers[FIXTURE_TEACHERS];
    float weights[FIXTURE_TEACHERS];
    lyc_batch batch;
    lyc_lesson lesson;
} lesson_of;

static inline void must(lyc_status status, const lyc_error *err) {
    if (status != LYC_OK) fail_msg("%s", err->message);
}

static inline void must_say(const lyc_error *err, lyc_status code, const char *text) {
    assert_int_equal(err->code, code);
    if (strstr(err->message, text) == NULL) fail_msg("\"%s\" does not say \"%s\"", err->message, text);
}

/* Images of noise around a picture of their class; ids are 1000 + 7 * row. */
static inline lyc_dataset *fixture_data(const char *name, int side, uint32_t rows, const uint8_t *pixels,
                                        int classes) {
    static char class_names[16][16];
    char *names[16];
    size_t values = (size_t)side * (size_t)side, count = rows * values;
    lyc__dataset_content about = {
        .rows = rows, .channels = 1, .height = side, .width = side, .class_count = classes};
    lyc_error err = {0};
    for (int c = 0; c < classes; c++) {
        (void)snprintf(class_names[c], sizeof class_names[c], "c%d", c);
        names[c] = class_names[c];
    }
    about.class_names = names;
    must(LYC_NEW_ARRAY(about.labels, rows, &err), &err);
    must(LYC_NEW_ARRAY(about.parts, rows, &err), &err);
    must(LYC_NEW_ARRAY(about.ids, rows, &err), &err);
    uint8_t *x = NULL;
    must(LYC_NEW_ARRAY(x, count, &err), &err);
    lyc_random random = lyc_random_start((lyc_random_key){.seed = 5, .purpose = LYC_PURPOSE_TEST});
    for (uint32_t r = 0; r < rows; r++) {
        about.labels[r] = (int32_t)(r % (uint32_t)classes);
        about.ids[r] = 1000 + 7 * (uint64_t)r;
        for (size_t i = 0; i < values; i++)
            x[r * values + i] = pixels != NULL
                                    ? pixels[r * values + i]
                                    : (uint8_t)(lyc_random_below(&random, 128) +
                                                (i % (size_t)classes == r % (size_t)classes ? 127 : 0));
    }
    lyc__dataset_writer *writer;
    must(lyc__dataset_writer_open(&writer, scratch_path(name), &about, NULL, NULL, &err), &err);
    must(lyc__dataset_writer_rows(writer, x, rows, &err), &err);
    must(lyc__dataset_writer_finish(writer, &about, &err), &err);
    lyc__dataset_writer_close(writer);
    lyc_free(x);
    lyc_free(about.labels);
    lyc_free(about.parts);
    lyc_free(about.ids);
    lyc_dataset *data;
    must(lyc_dataset_open(&data, scratch_path(name), &err), &err);
    return data;
}

static inline lyc_student_options fixture_options(void) {
    return (lyc_student_options){
        .loss = {.alpha = 0.3, .temperature = 4.0, .term_count = 1, .terms = {{.kind = "kd", .weight = 1.0}}},
        .optimizer = {.kind = "adamw", .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .weight_decay = 0.01},
        .learning_rate = 0.01,
        .schedule = {.kind = "cosine", .warmup = 0.1},
        .total_steps = 50,
        .batch = FIXTURE_BATCH,
        .seed = 11,
    };
}

static inline fixture *fixture_open_with(const char *arch, int side, double dropout) {
    fixture *f = calloc(1, sizeof *f);
    lyc_error err = {0};
    f->data = fixture_data("fixture.h5", side, FIXTURE_ROWS, NULL, FIXTURE_CLASSES);
    lyc_network_spec spec = {.arch = arch,
                             .channels = 1,
                             .height = side,
                             .width = side,
                             .classes = FIXTURE_CLASSES,
                             .dropout = dropout};
    if (strcmp(arch, "mlp") == 0) spec.hidden[spec.hidden_count++] = 24;
    if (strcmp(arch, "resnet") == 0) spec.depth = 8;
    must(lyc_network_create(&f->network, &spec, &err), &err);
    lyc_random random = lyc_random_start((lyc_random_key){.seed = 6, .purpose = LYC_PURPOSE_TEST});
    for (size_t k = 0; k < FIXTURE_TEACHERS; k++)
        for (size_t i = 0; i < FIXTURE_ROWS * FIXTURE_CLASSES; i++)
            f->teacher[k][i] = (float)lyc_random_normal(&random) +
                               ((i / FIXTURE_CLASSES) % FIXTURE_CLASSES == i % FIXTURE_CLASSES ? 4.0F : 0.0F);
    for (size_t i = 0; i < FIXTURE_ROWS; i++)
        f->labels[i] = i % 3 == 0 ? LYC_UNLABELLED : lyc_dataset_labels(f->data)[i];
    f->source = (lyc_student_data){
        .data = f->data, .labels = f->labels, .recipe = {.views = 2, .shift = 1, .seed = 1}};
    lyc_preprocess_of(f->data, &f->source.preprocess);
    f->options = fixture_options();
    return f;
}

static inline fixture *fixture_open(void) {
    return fixture_open_with("mlp", 6, 0.25);
}

static inline void fixture_close(fixture *f) {
    lyc_network_destroy(f->network);
    lyc_dataset_close(f->data);
    free(f);
}

static inline lyc_student *fixture_student(const fixture *f) {
    lyc_student *student;
    lyc_error err = {0};
    must(lyc_student_create(&student, f->network, &f->source, &f->options, &err), &err);
    return student;
}

/* The lesson of global step `step`: some 40 rows, the last one of every five steps only 13. */
static inline void fixture_lesson(const fixture *f, uint32_t step, lesson_of *out) {
    uint32_t count = step % 5 == 4 ? 13 : FIXTURE_BATCH;
    for (uint32_t i = 0; i < count; i++) {
        out->rows[i] = (step * 37 + i * 7) % FIXTURE_ROWS;
        out->ids[i] = lyc_dataset_ids(f->data)[out->rows[i]];
        for (size_t k = 0; k < FIXTURE_TEACHERS; k++)
            memcpy(out->logits[k] + i * FIXTURE_CLASSES,
                   f->teacher[k] + (size_t)out->rows[i] * FIXTURE_CLASSES, FIXTURE_CLASSES * sizeof(float));
    }
    for (size_t k = 0; k < FIXTURE_TEACHERS; k++) out->pointers[k] = out->logits[k];
    out->weights[0] = 0.25F;
    out->weights[1] = 0.75F;
    out->batch = (lyc_batch){
        .epoch = step / 5, .step = step % 5, .view = (int)(step % 2), .count = count, .rows = out->rows};
    out->lesson = (lyc_lesson){
        .ids = out->ids, .logits = out->pointers, .teachers = FIXTURE_TEACHERS, .weights = out->weights};
}

static inline lyc_losses fixture_step(const fixture *f, lyc_student *student, uint32_t step, lyc_pool *pool) {
    lesson_of l;
    lyc_losses losses;
    lyc_error err = {0};
    fixture_lesson(f, step, &l);
    assert_non_null(lyc_student_forward(student, &l.batch, LYC_PRIORITY_STUDENT, pool));
    must(lyc_student_learn(student, &l.lesson, LYC_PRIORITY_STUDENT, pool, &losses, &err), &err);
    return losses;
}

static inline void assert_same_params(const fixture *f, lyc_student *a, lyc_student *b) {
    assert_memory_equal(lyc_student_params(a), lyc_student_params(b),
                        lyc_network_size(f->network) * sizeof(float));
}

static inline bool same_params(const fixture *f, lyc_student *a, lyc_student *b) {
    return memcmp(lyc_student_params(a), lyc_student_params(b),
                  lyc_network_size(f->network) * sizeof(float)) == 0;
}

#endif

/* The student measured: frozen as it is at the moment, clean view, chunk by chunk. */
#include <math.h>

#include "student/student.h"

typedef struct chunk {
    const lyc_student *student;
    const uint32_t *rows;
} chunk_input;

static void fill_chunk(void *payload, size_t first, size_t rows, float *out) {
    const chunk_input *wanted = payload;
    const lyc_student_data *data = &wanted->student->data;
    lyc_dataset_fill(data->data, &data->preprocess, &data->recipe, 0, wanted->rows + first, rows, out);
}

/* Logits of `count` rows, at most a chunk, with the parameters of the last lyc_frozen_update. A row's depend
 * on its place in its shard and on nothing beside it. */
static const float *evaluate_chunk(lyc_student *student, const uint32_t *rows, size_t count,
                                   lyc_priority priority, lyc_pool *pool) {
    chunk_input wanted = {.student = student, .rows = rows};
    lyc_pass pass = {.rows = count, .input = fill_chunk, .input_payload = &wanted, .priority = priority};
    lyc_workspace_forward(student->evaluation, NULL, &pass, pool);
    return lyc_workspace_logits(student->evaluation);
}

static size_t chunk_at(size_t first, size_t count) {
    return count - first < LYC__EVALUATION_ROWS ? count - first : LYC__EVALUATION_ROWS;
}

static void logits_by(lyc_student *student, const float *params, const uint32_t *rows, size_t count,
                      float *out, lyc_priority priority, lyc_pool *pool) {
    lyc_frozen_update(student->frozen, params);
    for (size_t first = 0; first < count; first += LYC__EVALUATION_ROWS) {
        size_t chunk = chunk_at(first, count);
        const float *logits = evaluate_chunk(student, rows + first, chunk, priority, pool);
        for (size_t i = 0; i < chunk * student->classes; i++) out[first * student->classes + i] = logits[i];
    }
}

void lyc_student_logits(lyc_student *student, const uint32_t *rows, size_t count, float *out,
                        lyc_priority priority, lyc_pool *pool) {
    logits_by(student, lyc_student_result(student), rows, count, out, priority, pool);
}

void lyc_student_held_out_logits(lyc_student *student, const uint32_t *rows, size_t count, float *out,
                                 lyc_priority priority, lyc_pool *pool) {
    logits_by(student, student->params, rows, count, out, priority, pool);
}

double lyc_student_held_out_loss(lyc_student *student, const uint32_t *rows, const int32_t *labels,
                                 size_t count, lyc_priority priority, lyc_pool *pool) {
    double sum = 0.0;
    size_t labelled = 0;
    lyc_frozen_update(student->frozen, student->params);
    for (size_t first = 0; first < count; first += LYC__EVALUATION_ROWS) {
        size_t chunk = chunk_at(first, count);
        const float *logits = evaluate_chunk(student, rows + first, chunk, priority, pool);
        lyc_cross_entropy(logits, labels + first, chunk, student->classes, student->chunk_loss);
        for (size_t i = 0; i < chunk; i++) {
            if (labels[first + i] < 0) continue;
            sum += (double)student->chunk_loss[i];
            labelled++;
        }
    }
    return labelled > 0 ? sum / (double)labelled : NAN;
}

/* The student measured: evaluation mode, clean view, canonical chunks. */
#include <math.h>

#include "student/student.h"

static void fill_chunk(void *payload, size_t first, size_t rows, float *out) {
    const lyc_student *student = payload;
    lyc_dataset_fill(student->data.data, &student->data.preprocess, &student->data.recipe, 0,
                     student->chunk_rows + first, rows, out);
}

/* Logits of `count` rows, at most a chunk; the rest of the chunk repeats the last row. */
static const float *evaluate_chunk(lyc_student *student, float *params, const uint32_t *rows, size_t count,
                                   lyc_priority priority, lyc_pool *pool) {
    for (size_t i = 0; i < LYC__EVALUATION_ROWS; i++)
        student->chunk_rows[i] = rows[i < count ? i : count - 1];
    lyc_pass pass = {
        .rows = LYC__EVALUATION_ROWS, .input = fill_chunk, .input_payload = student, .priority = priority};
    lyc_workspace_forward(student->evaluation, params, &pass, pool);
    return lyc_workspace_logits(student->evaluation);
}

static size_t chunk_at(size_t first, size_t count) {
    return count - first < LYC__EVALUATION_ROWS ? count - first : LYC__EVALUATION_ROWS;
}

static void logits_by(lyc_student *student, float *params, const uint32_t *rows, size_t count, float *out,
                      lyc_priority priority, lyc_pool *pool) {
    for (size_t first = 0; first < count; first += LYC__EVALUATION_ROWS) {
        size_t chunk = chunk_at(first, count);
        const float *logits = evaluate_chunk(student, params, rows + first, chunk, priority, pool);
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
    for (size_t first = 0; first < count; first += LYC__EVALUATION_ROWS) {
        size_t chunk = chunk_at(first, count);
        const float *logits = evaluate_chunk(student, student->params, rows + first, chunk, priority, pool);
        lyc_cross_entropy(logits, labels + first, chunk, student->classes, student->chunk_loss);
        for (size_t i = 0; i < chunk; i++) {
            if (labels[first + i] < 0) continue;
            sum += (double)student->chunk_loss[i];
            labelled++;
        }
    }
    return labelled > 0 ? sum / (double)labelled : NAN;
}

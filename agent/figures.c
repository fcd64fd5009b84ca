#include "agent/figures.h"

#include "agent/observation.h"
#include "lyceum/dataset.h"

/* Of an item of the pool; and fewer logits than this are looked at before another thread has looked up. */
enum { BLOCK_ROWS = 32, WORTH_SHARING = 1 << 12, SUMS = 8 };

static const char *const names[] = {
#define LYC__FIGURE_NAME(name, plain) #name,
    LYC__OWN_FEATURES(LYC__FIGURE_NAME)
#undef LYC__FIGURE_NAME
};

size_t lyc__figures_room(int teachers, size_t rows) {
    return (1 + (size_t)teachers * LYC__ANSWER_FIGURES) * rows;
}

const float *lyc__figures_student_ce(const lyc__figures *self) {
    return self->values;
}

const float *lyc__figures_of(const lyc__figures *self, int teacher, int figure) {
    return self->values + (1 + (size_t)teacher * LYC__ANSWER_FIGURES + (size_t)figure) * self->rows;
}

double lyc__figures_sum(const float *values, size_t count) {
    double sums[SUMS] = {0};
    size_t i = 0;
    for (; i + SUMS <= count; i += SUMS)
        for (size_t j = 0; j < SUMS; j++) sums[j] += (double)values[i + j];
    for (; i < count; i++) sums[i % SUMS] += (double)values[i];
    for (size_t j = 1; j < SUMS; j++) sums[0] += sums[j];
    return sums[0];
}

typedef struct job {
    lyc__answers answers;
    float *values;
} job;

static void describe_block(void *payload, size_t item, int slot) {
    (void)slot;
    const job *task = payload;
    size_t first = item * BLOCK_ROWS, rest = task->answers.rows - first;
    lyc__vector()->describe_answers(&task->answers, first, rest < BLOCK_ROWS ? rest : BLOCK_ROWS,
                                    task->values);
}

static lyc_status blame(const lyc__figures *self, const lyc_agent_facts *facts, lyc_error *err) {
    for (int k = 0; k < facts->teachers; k++)
        for (int f = 0; f < LYC__ANSWER_FIGURES; f++)
            if (!lyc__vector()->all_finite(lyc__figures_of(self, k, f), self->rows))
                LYC_FAIL(err, LYC_ENUMERIC,
                         "teacher %s: its %s on a batch is not a number; its logits hold NaN or infinity, "
                         "or a row of them knows no class",
                         facts->names[k], names[f]);
    LYC_FAIL(err, LYC_EINTERNAL,
             "the student's cross-entropy on a batch is not a number though its logits are");
}

lyc_status lyc__figures_take(lyc__figures *out, const lyc_agent_facts *facts, const lyc_decision_input *input,
                             float *room, lyc_error *err) {
    size_t teachers = (size_t)facts->teachers, classes = (size_t)facts->classes, rows = input->rows;
    *out = (lyc__figures){.rows = rows, .labels = input->labels, .values = room};
    if (!lyc__vector()->all_finite(input->student_logits, rows * classes))
        LYC_FAIL(err, LYC_ENUMERIC,
                 "the student's logits are not finite at global step %llu; lower optimizer.lr",
                 (unsigned long long)input->global_step);
    for (size_t row = 0; row < rows; row++) out->labelled += input->labels[row] != LYC_UNLABELLED;
    job task = {.answers = {.rows = rows,
                            .classes = classes,
                            .teachers = teachers,
                            .student = input->student_logits,
                            .logits = input->teacher_logits,
                            .labels = input->labels,
                            .temperature = (float)input->temperature,
                            .limit = LYC__CE_LIMIT},
                .values = room};
    const bool shared = rows * classes * (1 + teachers) >= WORTH_SHARING;
    lyc_pool_run(shared ? input->pool : NULL, input->priority, (rows + BLOCK_ROWS - 1) / BLOCK_ROWS,
                 describe_block, &task);
    if (!lyc__vector()->all_finite(room, lyc__figures_room(facts->teachers, rows)))
        return blame(out, facts, err);
    return LYC_OK;
}

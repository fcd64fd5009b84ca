/* The moving average of the parameters, as torch.optim.swa_utils.AveragedModel keeps it (Polyak and Juditsky
 * 1992 in its exponential form): the first update is copied, each later one blended in. Running
 * statistics are averaged like weights, counters are copied. */
#include <string.h>

#include "student/student.h"

typedef struct blend {
    const float *params;
    float *average;
    size_t size;
    float kept, fresh;
} blend;

static void blend_block(void *payload, size_t block, int slot) {
    (void)slot;
    const blend *b = payload;
    size_t first = block * LYC__GRADIENT_BLOCK;
    size_t last = b->size - first < LYC__GRADIENT_BLOCK ? b->size : first + LYC__GRADIENT_BLOCK;
    for (size_t i = first; i < last; i++) b->average[i] = b->kept * b->average[i] + b->fresh * b->params[i];
}

static void copy_counters(lyc_student *student) {
    for (size_t i = 0; i < lyc_network_parameter_count(student->network); i++) {
        const lyc_parameter *parameter = lyc_network_parameter(student->network, i);
        if (!parameter->trains && parameter->rank == 0)
            student->average[parameter->offset] = student->params[parameter->offset];
    }
}

void lyc__average_update(lyc_student *student, lyc_priority priority, lyc_pool *pool) {
    if (student->average == NULL) return;
    size_t size = lyc_network_size(student->network);
    if (student->steps == 1) {
        memcpy(student->average, student->params, size * sizeof *student->average);
        return;
    }
    double decay = student->ema_decay;
    blend b = {student->params, student->average, size, (float)decay, (float)(1.0 - decay)};
    size_t blocks = (size + LYC__GRADIENT_BLOCK - 1) / LYC__GRADIENT_BLOCK;
    lyc_pool_run(blocks > 1 ? pool : NULL, priority, blocks, blend_block, &b);
    copy_counters(student);
}

float *lyc_student_result(lyc_student *student) {
    return student->average != NULL ? student->average : student->params;
}

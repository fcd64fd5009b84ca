/* What is measured of a batch, row by row: the teachers' answers beside the student's (nn/vector.h says what
 * each figure is; each row's cross-entropy is at most LYC__CE_LIMIT). Rows know nothing of each other. */
#ifndef LYC_AGENT_FIGURES_H
#define LYC_AGENT_FIGURES_H

#include "lyceum/agent.h"
#include "nn/vector.h"

/* A teacher that does not know the label has an infinite cross-entropy; 10 nats is a probability of 5e-5. */
#define LYC__CE_LIMIT 10.0F

typedef struct lyc__figures {
    size_t rows, labelled; /* of the batch; those with a label */
    const int32_t *labels;
    float *values; /* [1 + teachers LYC__ANSWER_FIGURES][rows] */
} lyc__figures;

/* Floats that a batch takes. */
size_t lyc__figures_room(int teachers, size_t rows);
/* Takes the figures of a batch into `room`; idle threads of its pool help. LYC_ENUMERIC, naming whoever it
 * is, when logits are not numbers. */
LYC_MUST_USE lyc_status lyc__figures_take(lyc__figures *out, const lyc_agent_facts *facts,
                                          const lyc_decision_input *input, float *room, lyc_error *err);
/* [rows]; 0 where there is no label. */
const float *lyc__figures_student_ce(const lyc__figures *self);
const float *lyc__figures_of(const lyc__figures *self, int teacher, int figure);
/* In an order that depends on nothing but `count`. */
double lyc__figures_sum(const float *values, size_t count);

#endif

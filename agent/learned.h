/* The learned strategy's parts, for its own file and for tests that look inside. */
#ifndef LYC_AGENT_LEARNED_H
#define LYC_AGENT_LEARNED_H

#include "agent/algorithm.h"
#include "agent/observation.h"

typedef struct lyc__learned {
    lyc__observation observe;
    lyc__learner learner;
    lyc_teach_mode teach;
    double warmup;       /* share of the run */
    double *observation; /* of the last decision, normalised */
} lyc__learned;

lyc__learned *lyc__learned_of(lyc_strategy *strategy);

#endif

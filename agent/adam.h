/* Adam (Kingma & Ba 2015, arXiv 1412.6980) in double precision for the few parameters of a policy. It
 * ascends. */
#ifndef LYC_AGENT_ADAM_H
#define LYC_AGENT_ADAM_H

#include <stddef.h>
#include <stdint.h>

typedef struct lyc__policy_adam {
    double *m, *v;   /* [size], the owner's; part of a checkpoint together with *steps */
    uint64_t *steps; /* updates made */
} lyc__policy_adam;

/* params += rate * m_hat / (sqrt(v_hat) + 1e-8), with beta 0.9 and 0.999. */
void lyc__policy_adam_ascend(lyc__policy_adam *adam, double *params, const double *gradient, size_t size,
                             double rate);

#endif

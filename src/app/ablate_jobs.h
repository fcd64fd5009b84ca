/* The runs of an ablation as processes of this program, several at once. */
#ifndef LYCEUM_APP_ABLATE_JOBS_H
#define LYCEUM_APP_ABLATE_JOBS_H

#include "lyceum/ablation.h"

typedef struct lyc__jobs_options {
    size_t jobs; /* at once */
    int threads; /* of all of them together */
    bool quiet;
    const volatile int *stop; /* see lyc__catch_stop: the runs are told, and waited for */
} lyc__jobs_options;

/* Cores that this process may use. */
int lyc__cores(void);

/* Fills the banks that open runs share, one `lyceum bank` after the other with all threads. A bank that
 * cannot be filled is a warning: the runs that need it say what is wrong. LYC_ECANCELLED when stopped. */
LYC_MUST_USE lyc_status lyc__fill_banks(const lyc_ablation *ablation, const lyc__jobs_options *options,
                                        lyc_error *err);

/* Runs `lyceum distill` for every open run. Afterwards each is finished, or failed with its message, or still
 * open (LYC_ECANCELLED: stopped on request after a checkpoint). What a run writes to stderr is kept in
 * <output>/logs/<run>.txt. No process outlives this one, however it ends. */
LYC_MUST_USE lyc_status lyc__run_jobs(lyc_ablation *ablation, const lyc__jobs_options *options,
                                      lyc_error *err);

#endif

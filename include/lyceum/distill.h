/* The jobs that join data, teachers, student and agent. */
#ifndef LYCEUM_DISTILL_H
#define LYCEUM_DISTILL_H

#include <stdbool.h>

#include "lyceum/config.h"
#include "lyceum/metrics.h"
#include "lyceum/pool.h"

LYC_BEGIN_DECLS

typedef struct lyc_run_options {
    bool resume;                              /* go on from the newest checkpoint in config->output */
    const volatile int *stop;                 /* set to non-zero (from a signal handler): checkpoint and return LYC_ECANCELLED */
} lyc_run_options;

typedef struct lyc_run_result {
    uint64_t steps;                           /* total steps of the run */
    uint32_t best_epoch;                      /* epochs completed by the student handed out: 1 is the first */
    lyc_metrics valid, test;                  /* of the network handed out */
    uint32_t test_touched;                    /* how often this run has looked at the test split: 1 */
    double greedy_valid_accuracy;             /* of the policy acting greedily; NAN for fixed strategies */
    double seconds;
    int threads;                              /* of the pool */
    double busy_least, busy_mean;             /* share of the loop's time that a thread had work: the least busy
                                                 one, and the mean; NAN when this call took no step */
    uint32_t split_rows[LYC_SPLIT_COUNT];     /* sizes of the splits */
    uint32_t labelled;                        /* rows of train that kept their label */
    char fingerprint[LYC_FINGERPRINT_SIZE];   /* of the model file */
} lyc_run_result;

/* Distils config->teachers into config->network; writes config->output/{run.h5,config.json,log.jsonl,
 * checkpoints/,student.h5}. The directory is locked while the run lasts (LYC_EBUSY). A directory that holds a
 * run is refused without `resume`; a finished one is reported, not repeated. */
LYC_API LYC_MUST_USE lyc_status lyc_distill_run(const lyc_config *config, const lyc_run_options *options, lyc_pool *pool,
                                                lyc_run_result *result, lyc_error *err);
/* Supervised training; writes model.h5 in the place of student.h5. */
LYC_API LYC_MUST_USE lyc_status lyc_train_run(const lyc_config *config, const lyc_run_options *options, lyc_pool *pool,
                                              lyc_run_result *result, lyc_error *err);

LYC_END_DECLS

#endif

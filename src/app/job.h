/* What the subcommands that read a configuration share. */
#ifndef LYCEUM_APP_JOB_H
#define LYCEUM_APP_JOB_H

#include "app/command.h"
#include "lyceum/distill.h"

/* Loads the config named by the only argument, with --set and its short forms applied. */
LYC_MUST_USE lyc_status lyc__load_config(lyc_config **out, lyc_config_command command,
                                         const lyc__common *common, lyc_error *err);

/* Checks the kernels, then starts the pool with --threads threads: in this order, see lyceum/blas.h. */
LYC_MUST_USE lyc_status lyc__start_pool(lyc_pool **out, const lyc__common *common, lyc_error *err);

/* From now on Ctrl-C and SIGTERM set the flag, which this returns; a second one ends the process at once. */
const volatile int *lyc__catch_stop(bool quiet);

/* After a stop: the same command line with --resume, on stderr. */
void lyc__say_how_to_resume(const lyc__common *common, int argc, char **argv);

/* The whole of `lyceum train` and `lyceum distill`, which differ in the function they call. */
typedef lyc_status (*lyc__job_fn)(const lyc_config *config, const lyc_run_options *options, lyc_pool *pool,
                                  lyc_run_result *result, lyc_error *err);
int lyc__run_job(const lyc__usage *usage, lyc_config_command command, lyc__job_fn run, int argc, char **argv);

/* The readable result of a run, on stdout (summary.c). */
LYC_MUST_USE lyc_status lyc__print_summary(const lyc_config *config, const lyc_run_result *result,
                                           lyc_error *err);
/* "accuracy   NLL ..." and one line of figures under it; shared with `lyceum eval`. */
void lyc__print_metrics_head(int indent);
void lyc__print_metrics(const char *label, int indent, const lyc_metrics *metrics);

#endif

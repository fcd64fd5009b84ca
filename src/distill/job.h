/* A run in progress: everything that the loop, the credit, the recorder and the evaluation share.
 *
 * Private to src/distill. Opened by lyc__job_open (setup.c) and closed by lyc__job_close; in between one
 * thread, the owner of the pool, uses it.
 */
#ifndef LYCEUM_DISTILL_JOB_H
#define LYCEUM_DISTILL_JOB_H

#include "distill/run_directory.h"
#include "lyceum/agent.h"
#include "lyceum/checkpoint.h"
#include "lyceum/config.h"
#include "lyceum/distill.h"
#include "lyceum/model.h"
#include "lyceum/run_layout.h"
#include "lyceum/student.h"
#include "lyceum/teacher.h"

/* Cross-entropies on a row are capped at that of probability 1e-6, so that a teacher that does not know a class stays
 * comparable with one that does. */
#define LYC__CROSS_ENTROPY_CAP 13.815510557964274

typedef struct lyc__influence lyc__influence; /* influence.h */
typedef struct lyc__credit lyc__credit; /* credit.h */

/* Where the run stands; all of it is in every checkpoint. Unsigned 64-bit values only, so that it can be
 * registered as one array. */
typedef struct lyc__cursor {
    uint64_t global_step;                /* updates of the student made */
    uint64_t table_rows[LYC_RUN_TABLES]; /* rows of run.h5 that belong to them */
    uint64_t log_bytes;                  /* length of log.jsonl then */
    uint64_t test_touched;
    uint64_t best_epoch;                 /* epochs completed when the best parameters were kept; 0 = none yet */
    uint64_t finished;                   /* 1 once the model file is written */
    uint64_t epoch_rows, epoch_labelled; /* of the current epoch so far */
} lyc__cursor;

/* Doubles only, for the same reason. */
typedef struct lyc__tally {
    double best_accuracy, best_nll;
    double last_valid;                   /* accuracy on the validation split after the last epoch */
    double on_policy_before;             /* what the student was worth at the start of the open interval */
    double on_policy_selected;           /* sum over its batches of the share of the teachers selected */
    double loss_total, loss_ce, loss_kd; /* sums over the epoch: rows (total, kd), labelled rows (ce) */
    double greedy_accuracy;
    double seconds;                      /* of all sessions of this run, up to the checkpoint */
    lyc_metrics result[LYC_SPLIT_COUNT]; /* of the network handed out; valid and test are filled */
} lyc__tally;

/* Per teacher, constants of the run. */
typedef struct lyc__facts {
    double reward_ce[LYC_MAX_TEACHERS], reward_accuracy[LYC_MAX_TEACHERS];
    double valid_ce[LYC_MAX_TEACHERS], valid_accuracy[LYC_MAX_TEACHERS];
    float *valid_log_prob;    /* [valid rows, teachers] as in lyc_agent_facts */
    double *reward_by_answer; /* [teachers, classes] cross-entropies and as many accuracies as there, and [classes] of scratch */
    const char *names[LYC_MAX_TEACHERS], *kinds[LYC_MAX_TEACHERS], *fingerprints[LYC_MAX_TEACHERS];
    const char *precisions[LYC_MAX_TEACHERS];
    double error_largest[LYC_MAX_TEACHERS], error_mean[LYC_MAX_TEACHERS], error_changed[LYC_MAX_TEACHERS];
} lyc__facts;

typedef struct lyc__job {
    const lyc_config *config;
    const lyc_run_options *options;
    lyc_config_command command;
    lyc_pool *pool;
    lyc__directory *directory;
    char *resolved;             /* the configuration as JSON */

    lyc_dataset *data;
    lyc_splits *splits;
    lyc_model *model;           /* what is handed out at the end; its params are the best so far */
    lyc_agent_options agent;    /* the config's, or `none` for supervised training */
    bool by_row;                /* a policy that decides per instance: its rows are recorded */
    lyc_ensemble *ensemble;     /* NULL when the strategy needs no teacher */
    lyc_sampler *sampler;       /* of batches, when there is no ensemble */
    int teachers, classes;      /* teachers: 0 without an ensemble */
    lyc__facts facts;
    lyc_student *student;
    lyc_strategy *strategy;
    lyc__credit *credit;        /* NULL unless the strategy learns */
    lyc__influence *influence;  /* NULL unless the strategy asks for it */
    uint32_t *influence_rows;   /* [reward rows] in the order in which they are drawn to measure it on */

    uint64_t steps_per_epoch, total_steps;
    lyc__cursor cursor;
    lyc__tally tally;
    int32_t *batch_labels;      /* [batch] what the student may see of the current batch */
    double *late_weight;        /* [teachers] sums over the batches of the last quarter of the run */
    double *class_weight;       /* [teachers, classes] sums over the labelled rows of the class, this epoch */
    double *class_select;
    uint64_t *class_rows;       /* [classes] */
    float *observation;         /* [observation size] of the row being recorded */
    uint64_t *row_id;           /* by row: [batch], [batch, teachers] of the batch being recorded */
    uint8_t *row_select;
    float *row_weight;
    float *class_scratch;       /* [2 * teachers * classes] */
    lyc_state *state;
    lyc_runfile *runfile;
    double started;             /* lyc_seconds() at which this session's share of tally.seconds began */
    double busy_least, busy_mean; /* see lyc_run_result */
    double waited_before;       /* seconds waited for teachers, at the last row */
} lyc__job;

/* setup.c */
LYC_MUST_USE lyc_status lyc__job_open(lyc__job *job, lyc_error *err);
LYC_MUST_USE lyc_status lyc__job_close_files(lyc__job *job, lyc_error *err); /* flushes and closes run.h5 */
void lyc__job_close(lyc__job *job);
/* job_influence.c: influence of the teachers, where the strategy asks for it; the held-out gradient is renewed every
 * agent.credit.every batches on agent.credit.samples rows. */
LYC_MUST_USE lyc_status lyc__job_influence_open(lyc__job *job, lyc_error *err);
void lyc__job_influence_close(lyc__job *job);
LYC_MUST_USE lyc_status lyc__job_influence(lyc__job *job, const lyc_batch *batch, lyc_decision_input *input, lyc_error *err);

/* students.c: a student of this run with its initial parameters: the real one, or a clone for probes, which keeps
 * no moving average. */
LYC_MUST_USE lyc_status lyc__job_student(lyc__job *job, lyc_student **out, lyc_error *err);
LYC_MUST_USE lyc_status lyc__job_clone(lyc__job *job, lyc_student **out, lyc_error *err);
/* A clone whose labels' loss is the plain cross-entropy, without smoothing. */
LYC_MUST_USE lyc_status lyc__job_measuring_clone(lyc__job *job, lyc_student **out, lyc_error *err);
/* state.c: what a checkpoint holds. */
LYC_MUST_USE lyc_status lyc__job_register(lyc__job *job, lyc_error *err);
/* Saves a checkpoint after everything recorded so far is on disk, and after what is in flight has come to its end. */
LYC_MUST_USE lyc_status lyc__job_checkpoint(lyc__job *job, lyc_error *err);
/* Goes back to the newest checkpoint, if there is one, and opens or makes run.h5 to match. */
LYC_MUST_USE lyc_status lyc__job_restore(lyc__job *job, bool holds_run, lyc_error *err);

/* What the student may see of the labels of `rows`, out[count]. */
void lyc__gather_labels(const lyc__job *job, const uint32_t *rows, uint32_t count, int32_t *out);
/* loop.c: from the cursor to the last step; LYC_ECANCELLED after a checkpoint when asked to stop. */
LYC_MUST_USE lyc_status lyc__job_loop(lyc__job *job, lyc_error *err);

/* evaluate.c */
LYC_MUST_USE lyc_status lyc__student_metrics(lyc__job *job, lyc_split split, lyc_metrics *out, lyc_error *err);
LYC_MUST_USE lyc_status lyc__teacher_facts(lyc__job *job, lyc_error *err);
/* Accuracy on the validation split of the teachers' mixture that the greedy policy makes; NAN for fixed rules. */
LYC_MUST_USE lyc_status lyc__greedy_accuracy(lyc__job *job, double *accuracy, lyc_error *err);

/* leave_one_out.c: the teachers' mixture on the reward split, whole and without each, to run.h5. */
LYC_MUST_USE lyc_status lyc__record_mixtures(lyc__job *job, lyc_error *err);

/* recorder.c: rows of run.h5 and lines of log.jsonl */
typedef struct lyc__step_record {
    uint32_t epoch;
    const lyc_batch *batch;
    const lyc_decision *decision;
    lyc_losses losses;
    double reward, advantage;            /* NAN where the step measured none */
    double seconds_teacher, seconds_decide, seconds_student, seconds_probe;
} lyc__step_record;
LYC_MUST_USE lyc_status lyc__record_step(lyc__job *job, const lyc__step_record *record, lyc_error *err);
/* A probe that began at global step `step` and has taught now. */
LYC_MUST_USE lyc_status lyc__record_probe(lyc__job *job, uint64_t step, const lyc_action actions[2],
                                          const double reward[2], const lyc_feedback *feedback, lyc_error *err);
LYC_MUST_USE lyc_status lyc__record_epoch(lyc__job *job, uint32_t epoch, const lyc_metrics *valid,
                                          const lyc_metrics *reward, double seconds, lyc_error *err);
LYC_MUST_USE lyc_status lyc__record_evaluation(lyc__job *job, lyc_split split, const lyc_metrics *metrics,
                                               lyc_error *err);
/* One line of log.jsonl: an event without figures. */
LYC_MUST_USE lyc_status lyc__record_event(lyc__job *job, const char *event, lyc_error *err);
void lyc__tally_step(lyc__job *job, const lyc_decision *decision, const lyc_losses *losses, const lyc_batch *batch);
void lyc__tally_reset(lyc__job *job);

#endif

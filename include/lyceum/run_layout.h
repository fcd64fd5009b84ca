/* The layout of run.h5: which tables, columns and constants a run records.
 *
 * The one place that names them. The loop writes through the row structs below, `inspect` and `report` read
 * by the names of the X-macros, and docs/files.md describes the same columns to users of h5py.
 *
 *     lyc_run_facts facts = {.name = "fashion", .strategy = "learned", .teachers = 4, ...};
 *     lyc_runfile *file;
 *     lyc_run_create(&file, "runs/fashion/run.h5", &facts, &err);
 *     lyc_run_append_trajectory(file, &(lyc_trajectory_row){.step = 0, .select = select, ...}, &err);
 *     lyc_runfile_flush(file, &err);   // before a checkpoint
 *     lyc_runfile_close(file, &err);
 *
 * Adding a column: one line in an X-macro, one field of the same name in the row struct.
 * Thread-safety: as lyc_runfile, one thread owns a file.
 */
#ifndef LYCEUM_RUN_LAYOUT_H
#define LYCEUM_RUN_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "lyceum/runfile.h"

LYC_BEGIN_DECLS

#define LYC_RUN_OBSERVATION_MAX 2048 /* the longest observation a row can hold: LYC_EUNSUPPORTED beyond */

/* X(table, name, chunk): tables in order of creation, the index of /committed, with the rows that they grow
 * by (0: many; short tables would reserve far more than they hold). Values of `lyc_run_table`. */
#define LYC_RUN_TABLE_MAP(X)                                                                                 \
    X(TRAJECTORY, trajectory, 0)                                                                             \
    X(PROBES, probes, 0)                                                                                     \
    X(EPOCHS, epochs, 64)                                                                                    \
    X(EVALUATION, evaluation, 8)                                                                             \
    X(MIXTURE, mixture, 8)

/* Bins of confidence: the mixture's largest probability, up to and with each edge; the last bin is above all.
 */
#define LYC_RUN_BINS 5
#define LYC_RUN_BIN_EDGES                                                                                    \
    { 0.5, 0.7, 0.9, 0.99 }

#define LYC_RUN_NO_ROW UINT64_MAX /* row_id past the last row of a batch that is not full */

/* X(table, column, type, shape, field, doc).
 *   type: a suffix of LYC_TYPE_; shape of one row: SCALAR, TEACHERS [K], OBSERVATION [D], CLASSES [C],
 *   TEACHERS_CLASSES [K, C], BINS [LYC_RUN_BINS], ROWS [B], ROWS_TEACHERS [B, K]; field: VALUE (the struct
 * holds the number) or ARRAY (it holds a pointer). */
#define LYC_TRAJECTORY_MAP(X)                                                                                \
    X(TRAJECTORY, step, U64, SCALAR, VALUE, "global step, from 0; one row per batch")                        \
    X(TRAJECTORY, epoch, U32, SCALAR, VALUE, "epoch, from 0")                                                \
    X(TRAJECTORY, observation, F32, OBSERVATION, ARRAY, "what the agent looked at, normalised")              \
    X(TRAJECTORY, select, U8, TEACHERS, ARRAY,                                                               \
      "1 where the teacher taught this batch (per instance: most of its rows)")                              \
    X(TRAJECTORY, weight, F32, TEACHERS, ARRAY, "its weight, mean over the rows; sums to 1")                 \
    X(TRAJECTORY, row_id, U64, ROWS, ARRAY, "per instance: the samples of the batch, 2^64 - 1 past its end") \
    X(TRAJECTORY, row_select, U8, ROWS_TEACHERS, ARRAY,                                                      \
      "per instance: 1 where the teacher taught the sample")                                                 \
    X(TRAJECTORY, row_weight, F32, ROWS_TEACHERS, ARRAY, "per instance: its weight there; sums to 1")        \
    X(TRAJECTORY, log_prob, F64, SCALAR, VALUE, "log-probability of the action; NaN where nothing is drawn") \
    X(TRAJECTORY, reward, F64, SCALAR, VALUE, "reward; NaN where none was measured")                         \
    X(TRAJECTORY, baseline, F64, SCALAR, VALUE, "the baseline's estimate; NaN where there is none")          \
    X(TRAJECTORY, advantage, F64, SCALAR, VALUE, "advantage the policy learnt from; NaN where none")         \
    X(TRAJECTORY, entropy, F64, SCALAR, VALUE, "entropy of the policy, nats; NaN for fixed strategies")      \
    X(TRAJECTORY, loss_total, F64, SCALAR, VALUE, "loss as optimised")                                       \
    X(TRAJECTORY, loss_ce, F64, SCALAR, VALUE, "cross-entropy on the labelled rows, unweighted")             \
    X(TRAJECTORY, loss_kd, F64, SCALAR, VALUE, "T^2 KL to the fused targets, unweighted")                    \
    X(TRAJECTORY, labelled, U32, SCALAR, VALUE, "rows of the batch with a label")                            \
    X(TRAJECTORY, seconds_teacher, F32, SCALAR, VALUE, "seconds waited for the teachers")                    \
    X(TRAJECTORY, seconds_decide, F32, SCALAR, VALUE, "seconds spent on the decision")                       \
    X(TRAJECTORY, seconds_student, F32, SCALAR, VALUE, "seconds of the student's step")                      \
    X(TRAJECTORY, seconds_probe, F32, SCALAR, VALUE, "seconds of beginning probes and waiting for them")

#define LYC_PROBES_MAP(X)                                                                                    \
    X(PROBES, step, U64, SCALAR, VALUE, "global step at which the pair was tried")                           \
    X(PROBES, select_a, U8, TEACHERS, ARRAY, "first action: 1 where selected")                               \
    X(PROBES, select_b, U8, TEACHERS, ARRAY, "second action: 1 where selected")                              \
    X(PROBES, weight_a, F32, TEACHERS, ARRAY, "first action: weights, sum 1")                                \
    X(PROBES, weight_b, F32, TEACHERS, ARRAY, "second action: weights, sum 1")                               \
    X(PROBES, reward_a, F64, SCALAR, VALUE, "reward of the first action")                                    \
    X(PROBES, reward_b, F64, SCALAR, VALUE, "reward of the second, same held-out samples")                   \
    X(PROBES, advantage, F64, SCALAR, VALUE, "reward_a - reward_b, normalised and clipped")                  \
    X(PROBES, gradient_norm, F64, SCALAR, VALUE, "norm of the policy's gradient")

#define LYC_EPOCHS_MAP(X)                                                                                    \
    X(EPOCHS, epoch, U32, SCALAR, VALUE, "epoch, from 0")                                                    \
    X(EPOCHS, loss_total, F64, SCALAR, VALUE, "mean loss as optimised, over the epoch's rows")               \
    X(EPOCHS, loss_ce, F64, SCALAR, VALUE, "mean cross-entropy of the labelled rows")                        \
    X(EPOCHS, loss_kd, F64, SCALAR, VALUE, "mean T^2 KL to the fused targets")                               \
    X(EPOCHS, valid_accuracy, F64, SCALAR, VALUE, "the student's accuracy on the validation split")          \
    X(EPOCHS, valid_nll, F64, SCALAR, VALUE, "and its mean negative log-likelihood, nats")                   \
    X(EPOCHS, reward_nll, F64, SCALAR, VALUE, "negative log-likelihood on the reward split")                 \
    X(EPOCHS, reward_accuracy, F64, SCALAR, VALUE, "accuracy on the reward split")                           \
    X(EPOCHS, lr, F64, SCALAR, VALUE, "learning rate of the epoch's last step")                              \
    X(EPOCHS, seconds, F64, SCALAR, VALUE, "duration")                                                       \
    X(EPOCHS, class_weight, F32, TEACHERS_CLASSES, ARRAY, "mean weight of each teacher by class of the row") \
    X(EPOCHS, class_select, F32, TEACHERS_CLASSES, ARRAY, "share of those rows that it taught")              \
    X(EPOCHS, class_rows, U64, CLASSES, ARRAY, "labelled rows of the class in this epoch")

#define LYC_EVALUATION_MAP(X)                                                                                \
    X(EVALUATION, split, U8, SCALAR, VALUE, "lyc_split: 0 train, 1 reward, 2 valid, 3 test")                 \
    X(EVALUATION, rows, U64, SCALAR, VALUE, "labelled rows measured")                                        \
    X(EVALUATION, accuracy, F64, SCALAR, VALUE, "share of right answers")                                    \
    X(EVALUATION, nll, F64, SCALAR, VALUE, "mean negative log-likelihood, nats")                             \
    X(EVALUATION, brier, F64, SCALAR, VALUE, "Brier score")                                                  \
    X(EVALUATION, ece, F64, SCALAR, VALUE, "expected calibration error, 15 bins")                            \
    X(EVALUATION, f1_macro, F64, SCALAR, VALUE, "macro F1")                                                  \
    X(EVALUATION, matthews, F64, SCALAR, VALUE, "Matthews correlation")                                      \
    X(EVALUATION, epoch, U32, SCALAR, VALUE, "epoch of the checkpoint measured")                             \
    X(EVALUATION, touched, U32, SCALAR, VALUE,                                                               \
      "how often this run has looked at the split, this time included")

/* The teachers' mixture on the reward split at the end of the run, with all of them and without each. */
#define LYC_MIXTURE_MAP(X)                                                                                   \
    X(MIXTURE, without, I32, SCALAR, VALUE, "index of the teacher left out; -1 = none")                      \
    X(MIXTURE, weight, F32, TEACHERS, ARRAY,                                                                 \
      "weights: means over the last quarter of the batches, renormalised")                                   \
    X(MIXTURE, accuracy, F64, SCALAR, VALUE, "share of right answers")                                       \
    X(MIXTURE, nll, F64, SCALAR, VALUE, "mean negative log-likelihood, nats; at most 13.8 a row")            \
    X(MIXTURE, class_rows, U64, CLASSES, ARRAY, "rows of each class")                                        \
    X(MIXTURE, class_accuracy, F64, CLASSES, ARRAY, "accuracy on them; NaN without rows")                    \
    X(MIXTURE, class_nll, F64, CLASSES, ARRAY, "and negative log-likelihood")                                \
    X(MIXTURE, bin_rows, U64, BINS, ARRAY, "rows by the confidence of the whole mixture")                    \
    X(MIXTURE, bin_accuracy, F64, BINS, ARRAY, "accuracy on them; NaN without rows")                         \
    X(MIXTURE, bin_nll, F64, BINS, ARRAY, "and negative log-likelihood")

/* lyc_run_table: LYC_RUN_TRAJECTORY, ...; columns: LYC_TRAJECTORY_step, ... */
#define LYC_RUN_TABLE_ENUM(code, name, chunk)                     LYC_RUN_##code,
#define LYC_RUN_COLUMN_ENUM(table, name, type, shape, field, doc) LYC_##table##_##name,
typedef enum lyc_run_table { LYC_RUN_TABLE_MAP(LYC_RUN_TABLE_ENUM) LYC_RUN_TABLES } lyc_run_table;
enum { LYC_TRAJECTORY_MAP(LYC_RUN_COLUMN_ENUM) LYC_TRAJECTORY_COLUMNS };
enum { LYC_PROBES_MAP(LYC_RUN_COLUMN_ENUM) LYC_PROBES_COLUMNS };
enum { LYC_EPOCHS_MAP(LYC_RUN_COLUMN_ENUM) LYC_EPOCHS_COLUMNS };
enum { LYC_EVALUATION_MAP(LYC_RUN_COLUMN_ENUM) LYC_EVALUATION_COLUMNS };
enum { LYC_MIXTURE_MAP(LYC_RUN_COLUMN_ENUM) LYC_MIXTURE_COLUMNS };
#undef LYC_RUN_COLUMN_ENUM
#undef LYC_RUN_TABLE_ENUM

/* ---- writing ------------------------------------------------------------------------------------ */

/* One row of each table: a field per column, same name. Array fields are borrowed for the call; their length
 * is the column's shape with the run's K, C and D, and NULL is fine where that is 0. */
#define LYC_RUN_CTYPE_F32                                   float
#define LYC_RUN_CTYPE_F64                                   double
#define LYC_RUN_CTYPE_I32                                   int32_t
#define LYC_RUN_CTYPE_U32                                   uint32_t
#define LYC_RUN_CTYPE_I64                                   int64_t
#define LYC_RUN_CTYPE_U64                                   uint64_t
#define LYC_RUN_CTYPE_U8                                    uint8_t
#define LYC_RUN_FIELD_VALUE(ctype, name)                    ctype name;
#define LYC_RUN_FIELD_ARRAY(ctype, name)                    const ctype *name;
#define LYC_RUN_FIELD(table, name, type, shape, field, doc) LYC_RUN_FIELD_##field(LYC_RUN_CTYPE_##type, name)
typedef struct lyc_trajectory_row {
    LYC_TRAJECTORY_MAP(LYC_RUN_FIELD)
} lyc_trajectory_row;
typedef struct lyc_probes_row {
    LYC_PROBES_MAP(LYC_RUN_FIELD)
} lyc_probes_row;
typedef struct lyc_epochs_row {
    LYC_EPOCHS_MAP(LYC_RUN_FIELD)
} lyc_epochs_row;
typedef struct lyc_evaluation_row {
    LYC_EVALUATION_MAP(LYC_RUN_FIELD)
} lyc_evaluation_row;
typedef struct lyc_mixture_row {
    LYC_MIXTURE_MAP(LYC_RUN_FIELD)
} lyc_mixture_row;
#undef LYC_RUN_FIELD

/* What is known before the first batch; written once, as constants. Everything is borrowed for the call.
 * teachers = 0 (supervised training) and observation = 0 (strategies that look at nothing) are fine. */
typedef struct lyc_run_facts {
    const char *name, *strategy;               /* /run/name, /run/strategy: texts of length 1 */
    const char *config;                        /* /run/config: the resolved configuration, JSON */
    uint64_t total_steps, steps_per_epoch;     /* /run/total_steps, /run/steps_per_epoch u64 [1] */
    size_t teachers, classes, observation;     /* K, C, D */
    size_t rows;                               /* B: of a batch; 0 unless decided per instance */
    const char *const *teacher_names;          /* [K] /teachers/name */
    const char *const *teacher_kinds;          /* [K] /teachers/kind */
    const char *const *teacher_fingerprints;   /* [K] /teachers/fingerprint */
    const char *const *teacher_precisions;     /* [K] /teachers/precision */
    /* [K] /teachers/logit_error_largest, _mean, _changed f64: lyc_logit_error; 0 in f32 */
    const double *logit_error_largest, *logit_error_mean, *logit_error_changed;
    const double *reward_ce, *reward_accuracy; /* [K] /teachers/reward_ce, /teachers/reward_accuracy f64 */
    const double *valid_ce, *valid_accuracy;   /* [K] /teachers/valid_ce, /teachers/valid_accuracy f64 */
    const char *const *observation_names;      /* [D] /observation_names */
    const char *const *class_names;            /* [C] /class_names */
} lyc_run_facts;

/* lyc_runfile_create and lyc_runfile_resume with this layout. rows[LYC_RUN_TABLES]: rows to keep. */
LYC_API LYC_MUST_USE lyc_status lyc_run_create(lyc_runfile **out, const char *path,
                                               const lyc_run_facts *facts, lyc_error *err);
LYC_API LYC_MUST_USE lyc_status lyc_run_resume(lyc_runfile **out, const char *path,
                                               const lyc_run_facts *facts,
                                               const uint64_t rows[LYC_RUN_TABLES], lyc_error *err);

/* Append one row; as lyc_runfile_append. LYC_EINTERNAL when an array that should have entries is NULL. */
LYC_API LYC_MUST_USE lyc_status lyc_run_append_trajectory(lyc_runfile *file, const lyc_trajectory_row *row,
                                                          lyc_error *err);
LYC_API LYC_MUST_USE lyc_status lyc_run_append_probes(lyc_runfile *file, const lyc_probes_row *row,
                                                      lyc_error *err);
LYC_API LYC_MUST_USE lyc_status lyc_run_append_epochs(lyc_runfile *file, const lyc_epochs_row *row,
                                                      lyc_error *err);
LYC_API LYC_MUST_USE lyc_status lyc_run_append_evaluation(lyc_runfile *file, const lyc_evaluation_row *row,
                                                          lyc_error *err);
LYC_API LYC_MUST_USE lyc_status lyc_run_append_mixture(lyc_runfile *file, const lyc_mixture_row *row,
                                                       lyc_error *err);

LYC_END_DECLS

#endif

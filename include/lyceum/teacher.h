/* Teachers: frozen classifiers, asked for the logits of samples in a view; banks, which keep the answers; the
 * ensemble, which runs all teachers ahead of the student. See docs/banks.md.
 *
 * Class map: an optional list map[C_teacher]: output j of the teacher is class map[j] of the data set. A
 * teacher may know fewer classes than the data set: the logits it returns are always [count, classes of the
 * data set], with -INFINITY for classes it does not know. Without a map the classes of teacher and data set must
 * be the same in the same order; where the names show that they are not, opening fails with the map that would
 * fix it. An index given twice or outside the data set's classes is an error.
 */
#ifndef LYCEUM_TEACHER_H
#define LYCEUM_TEACHER_H

#include <stdbool.h>

#include "lyceum/dataset.h"
#include "lyceum/network.h"
#include "lyceum/pool.h"

LYC_BEGIN_DECLS

typedef struct lyc_teacher_options {
    const char *name;
    const char *kind;           /* a row of the table of kinds (teachers/kinds.c): "model", "bank" */
    const char *path;
    const int32_t *class_map;   /* NULL = identity */
    size_t class_map_count;
    double delay_seconds;       /* recorded teachers: wait this long before each answer (stands in for a slow or
                                   remote teacher); such a teacher is `blocking`. LYC_ECONFIG for other kinds */
    lyc_precision precision;    /* models: what they are computed in. LYC_ECONFIG for kinds that compute nothing,
                                   where it is not f32 */
} lyc_teacher_options;

/* Which view of a sample the teachers answer for while the student learns from another one. */
typedef enum lyc_teacher_view {
    LYC_TEACHER_VIEW_SAME, /* the one that the student sees */
    LYC_TEACHER_VIEW_CLEAN /* always view 0: one answer a sample, whatever was done to the student's */
} lyc_teacher_view;
/* The recipe to open teachers and banks with when the student sees `recipe`: the same, or the one clean view,
 * whose key names no augmentation and no seed. */
LYC_API lyc_view_recipe lyc_teacher_recipe(const lyc_view_recipe *recipe, lyc_teacher_view view);

typedef struct lyc_teacher_info {
    const char *name, *kind;
    int classes;                /* of the data set */
    bool knows_all;             /* every class has a finite logit */
    bool blocking;              /* waits rather than computes: never asked on a thread of the pool */
    double flops_per_row;       /* 0 where it computes nothing */
    uint64_t changes_at;        /* step of a run from which it answers as another (recorded with /later); 0 = never. Such
                                   a teacher has no bank, and is measured as it is at first */
    lyc_precision precision;
    lyc_logit_error error;      /* in bf16: its own outputs against those in f32, on up to 512 rows evenly spread over
                                   the data set, view 0; rows = 0 in f32 */
    char fingerprint[LYC_FINGERPRINT_SIZE]; /* weights, preprocessing, class map, precision */
} lyc_teacher_info;

typedef struct lyc_teacher lyc_teacher;

/* The data set and recipe must outlive the teacher; `options` need not. LYC_ECONFIG: unknown kind, bad class map, delay
 * or precision. LYC_EENVIRONMENT: a precision that this build or CPU lacks. LYC_EMISMATCH: made for other inputs, classes, samples or views. LYC_EIO, LYC_EFORMAT: its file. */
LYC_API LYC_MUST_USE lyc_status lyc_teacher_open(lyc_teacher **out, const lyc_teacher_options *options,
                                                 const lyc_dataset *data, const lyc_view_recipe *recipe,
                                                 lyc_error *err);
LYC_API void lyc_teacher_close(lyc_teacher *teacher); /* NULL is fine */
LYC_API const lyc_teacher_info *lyc_teacher_get_info(const lyc_teacher *teacher);
/* out[count, classes]: exactly these rows, in this order, in view 0 .. recipe->views - 1. The pool (may be NULL)
 * computes shards; the bits of a row depend on the rows asked for with it (kernels choose by size), never on
 * the pool: what must have one value goes through a bank. Thread-safe, several calls at a time. NaN or infinite
 * logits are LYC_ENUMERIC naming the teacher and the id of the row. A teacher that changes answers as at first. */
LYC_API LYC_MUST_USE lyc_status lyc_teacher_logits(lyc_teacher *teacher, const uint32_t *rows, size_t count, int view,
                                                   float *out, lyc_pool *pool, lyc_error *err);

/* ---- the bank: frozen outputs, paid for once -------------------------------------------------------
 * One HDF5 file for a teacher, a data set, a view recipe and a seed (layout: docs/files.md):
 *   <directory>/<teacher name>-<first 12 of key>.h5, /logits/<view> f32 [N,C], /filled/<view> u8 [blocks],
 *   /checksum/<view> u64 [blocks], /id u64 [N]; attributes data_fingerprint, teacher_fingerprint, view_key,
 *   views, block_rows.
 * Rows are computed in canonical blocks of `block_rows` consecutive rows of one view, tail padded by
 * repeating the last row: a row has one value, whoever asks first. Survives a kill at any moment. One process
 * at a time fills a bank; others use what is there, compute what is missing and keep it to themselves. */
typedef struct lyc_bank lyc_bank;
/* Opens the bank of this teacher in `directory` (created if absent), or makes it. Teacher, data set and recipe
 * must outlive the bank. A teacher that changes during a run is LYC_ECONFIG. A file that holds something else is LYC_EMISMATCH, with both keys and what differs; a
 * damaged one LYC_EFORMAT; a full disk LYC_EIO. */
LYC_API LYC_MUST_USE lyc_status lyc_bank_open(lyc_bank **out, const char *directory, lyc_teacher *teacher,
                                              const lyc_dataset *data, const lyc_view_recipe *recipe, lyc_error *err);
/* Syncs what was added; reports a disk that could not take it. The bank is gone either way. NULL is fine. */
LYC_API LYC_MUST_USE lyc_status lyc_bank_close(lyc_bank *bank, lyc_error *err);
/* As lyc_teacher_logits; reads, or computes and stores, the blocks that are missing: in parallel on the pool (NULL:
 * one after the other), on the calling thread for a blocking teacher. A stored block whose checksum does not
 * match draws a warning and is computed again. Thread-safe; a block is either not there or whole. */
LYC_API LYC_MUST_USE lyc_status lyc_bank_logits(lyc_bank *bank, const uint32_t *rows, size_t count, int view, float *out,
                                                lyc_pool *pool, lyc_error *err);
LYC_API const char *lyc_bank_path(const lyc_bank *bank);
typedef struct lyc_bank_stats {
    uint64_t blocks;       /* of all views */
    uint64_t filled;       /* of them in the file */
    uint64_t computed_now; /* computed since it was opened, stored or not */
    bool writable;         /* false: another process fills it, or the file cannot be written */
} lyc_bank_stats;
LYC_API void lyc_bank_get_stats(lyc_bank *bank, lyc_bank_stats *out);

/* ---- the ensemble: all teachers, running ahead of the student ----------------------------------------
 * Every function is for the thread that owns the pool: while it waits it works. */

/* What the student gets for one batch. The ids travel with the logits and are compared again at fusion. */
typedef struct lyc_teacher_batch {
    uint32_t epoch, step;
    int view;
    uint32_t count;
    const uint32_t *rows;        /* [count] */
    const uint64_t *ids;         /* [count] */
    int teachers, classes;
    const float *const *logits;  /* [teachers] -> [count, classes] */
} lyc_teacher_batch;

typedef struct lyc_ensemble_options {
    const lyc_teacher_options *teachers;
    size_t teacher_count;
    const char *bank_directory;  /* NULL = no banks */
    size_t look_ahead_bytes;     /* bound on the logits and ids of batches computed ahead */
    size_t min_ahead;            /* but at least this many batches after the current one (probes need the next R) */
    size_t kept_behind;          /* what a batch holds stays for so many batches after it (probes that run beside the
                                    student go on with it); 0: until the next one */
    lyc_teacher_view view;       /* what teachers see; batches carry the student's view either way */
} lyc_ensemble_options;

typedef struct lyc_ensemble lyc_ensemble;
/* `recipe` is the student's and need not outlive the call. */
LYC_API LYC_MUST_USE lyc_status lyc_ensemble_open(lyc_ensemble **out, const lyc_ensemble_options *options,
                                                  const lyc_dataset *data, const lyc_view_recipe *recipe,
                                                  lyc_pool *pool, lyc_error *err);
/* Cancels what runs ahead, joins its threads, closes banks and teachers. A bank that could not be synced is a
 * warning in the log: nothing that was handed out is wrong. NULL is fine. */
LYC_API void lyc_ensemble_close(lyc_ensemble *ensemble);
LYC_API int lyc_ensemble_count(const lyc_ensemble *ensemble);
LYC_API const lyc_teacher_info *lyc_ensemble_info(const lyc_ensemble *ensemble, int index);

/* Logits of given rows in the clean view, out[count, classes] of teacher `index`, through its bank. */
LYC_API LYC_MUST_USE lyc_status lyc_ensemble_logits(lyc_ensemble *ensemble, int index, const uint32_t *rows, size_t count,
                                                    float *out, lyc_error *err);

/* The bank of teacher `index`; NULL without banks, and for a teacher that changes. */
LYC_API lyc_bank *lyc_ensemble_bank(lyc_ensemble *ensemble, int index);

/* Starts one driver thread per teacher on the batches of epochs 0 .. epochs - 1, from (first_epoch, first_step) on.
 * Rows, batch, views and seed as for lyc_sampler_create; `rows` is copied. A former start is cancelled. */
LYC_API LYC_MUST_USE lyc_status lyc_ensemble_start(lyc_ensemble *ensemble, const uint32_t *rows, uint32_t count, uint32_t batch,
                                                   int views, uint64_t seed, uint32_t epochs, uint32_t first_epoch,
                                                   uint32_t first_step, lyc_error *err);
/* The batch `offset` <= min_ahead ahead of the current one (0 = current); waits until it is there. Borrowed until
 * lyc_ensemble_advance moves past it; the rows, ids and logits it points to until kept_behind batches later (not the
 * list of the teachers' logits, which goes with the batch). *out is NULL past the last batch. A teacher that failed on this batch
 * or an earlier one is the error, with its name; LYC_EMISMATCH if teachers answered for different samples. */
LYC_API LYC_MUST_USE lyc_status lyc_ensemble_batch(lyc_ensemble *ensemble, uint32_t offset, const lyc_teacher_batch **out, lyc_error *err);
LYC_API void lyc_ensemble_advance(lyc_ensemble *ensemble);
/* Seconds that lyc_ensemble_batch waited since the start: 0 means that the student waits for nothing. */
LYC_API double lyc_ensemble_waited(const lyc_ensemble *ensemble);

LYC_END_DECLS

#endif

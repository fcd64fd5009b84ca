/* What a kind of teacher is, and what the files of this folder share. A kind answers with its own outputs in
 * its own order; teacher.c turns them into the data set's classes, checks them and makes the fingerprint. */
#ifndef LYC_TEACHERS_KIND_H
#define LYC_TEACHERS_KIND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lyceum/teacher.h"

/* What a kind opens with; outlives the opened state. */
typedef struct lyc__teacher_source {
    const lyc_teacher_options *options; /* only during `open` */
    const lyc_dataset *data;
    const lyc_view_recipe *recipe;
} lyc__teacher_source;

/* What an opened teacher says of itself; pointers live as long as its state. */
typedef struct lyc__teacher_traits {
    int classes;                    /* its own outputs */
    const char *const *class_names; /* [classes]; NULL if its file does not say */
    const uint8_t *known;           /* [classes] 0 where every answer is -INFINITY; NULL = knows all */
    bool blocking;
    double flops_per_row;
    lyc_precision precision;
    lyc_logit_error error; /* as in lyc_teacher_info */
    uint64_t changes_at;   /* step from which `logits_later` answers; 0 = never */
    char fingerprint[LYC_FINGERPRINT_SIZE]; /* whatever its answers depend on, but the class map */
} lyc__teacher_traits;

typedef struct lyc__teacher_kind {
    const char *name, *doc;
    lyc_status (*open)(void **state, const lyc__teacher_source *source, lyc_error *err);
    /* out[count, own classes] for rows and a view that exist. Re-entrant. Need not check for NaN. `pool` may
     * be NULL and must not change a bit. */
    lyc_status (*logits)(void *state, const uint32_t *rows, size_t count, int view, float *out,
                         lyc_pool *pool, lyc_error *err);
    /* (optional) The same from step `changes_at` of a run on. */
    lyc_status (*logits_later)(void *state, const uint32_t *rows, size_t count, int view, float *out,
                               lyc_pool *pool, lyc_error *err);
    void (*close)(void *state);
    void (*info)(const void *state, lyc__teacher_traits *out);
    /* (optional) stop = true: running and later calls of `logits` that wait return LYC_ECANCELLED soon;
     * false: wait again. Any thread. For kinds that block. */
    void (*interrupt)(void *state, bool stop);
} lyc__teacher_kind;

extern const lyc__teacher_kind lyc__teacher_kind_network;  /* network.c */
extern const lyc__teacher_kind lyc__teacher_kind_recorded; /* recorded.c */

/* kinds.c: the row called `name`; LYC_ECONFIG lists the valid ones. */
LYC_MUST_USE lyc_status lyc__teacher_kind_find(const lyc__teacher_kind **out, const char *name,
                                               lyc_error *err);

/* teacher.c: lyc_teacher_open with a kind that need not be in the table (options->kind is ignored). */
LYC_MUST_USE lyc_status lyc__teacher_open_kind(lyc_teacher **out, const lyc__teacher_kind *kind,
                                               const lyc_teacher_options *options, const lyc_dataset *data,
                                               const lyc_view_recipe *recipe, lyc_error *err);
/* LYC_EINTERNAL unless every row and the view exist. */
LYC_MUST_USE lyc_status lyc__teacher_check_request(const lyc_teacher *teacher, const uint32_t *rows,
                                                   size_t count, int view, lyc_error *err);
void lyc__teacher_interrupt(lyc_teacher *teacher, bool stop);
/* lyc_teacher_logits as of step `step` of a run. */
LYC_MUST_USE lyc_status lyc__teacher_logits_at(lyc_teacher *teacher, uint64_t step, const uint32_t *rows,
                                               size_t count, int view, float *out, lyc_pool *pool,
                                               lyc_error *err);
/* The data set and the view key that the teacher was opened with. */
const lyc_dataset *lyc__teacher_data(const lyc_teacher *teacher);
const lyc_view_recipe *lyc__teacher_recipe(const lyc_teacher *teacher);

/* bank.c: lyc_bank_logits that gives up with LYC_ECANCELLED between blocks once *cancel is true (NULL =
 * never). */
LYC_MUST_USE lyc_status lyc__bank_logits(lyc_bank *bank, const uint32_t *rows, size_t count, int view,
                                         float *out, lyc_pool *pool, const atomic_bool *cancel,
                                         lyc_error *err);

/* ensemble.c: lyc_ensemble_open where kinds[i], unless NULL, stands for teacher i's kind. */
LYC_MUST_USE lyc_status lyc__ensemble_open_kinds(lyc_ensemble **out, const lyc_ensemble_options *options,
                                                 const lyc__teacher_kind *const *kinds,
                                                 const lyc_dataset *data, const lyc_view_recipe *recipe,
                                                 lyc_pool *pool, lyc_error *err);

#endif

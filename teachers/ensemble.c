/* All teachers with their banks, and what runs ahead of the student. */
#include <pthread.h>
#include <string.h>

#include "lyceum/log.h"
#include "lyceum/memory.h"
#include "teachers/look_ahead.h"

struct lyc_ensemble {
    const lyc_dataset *data;
    lyc_view_recipe recipe; /* what teachers and banks are opened with */
    bool clean;
    lyc_pool *pool;
    size_t look_ahead_bytes, min_ahead, kept_behind;
    lyc__look_ahead_member *members;
    size_t count;           /* of members that are open */
    lyc__look_ahead *ahead; /* NULL before the start */
};

static lyc_status check_names(const lyc_ensemble_options *options, lyc_error *err) {
    if (options->teacher_count == 0) LYC_FAIL(err, LYC_ECONFIG, "an ensemble needs at least one teacher");
    for (size_t i = 0; i < options->teacher_count; i++)
        for (size_t j = 0; j < i; j++) {
            const char *a = options->teachers[i].name, *b = options->teachers[j].name;
            if (a != NULL && b != NULL && strcmp(a, b) == 0)
                LYC_FAIL(err, LYC_ECONFIG, "two teachers are called '%s'; give each its own name", a);
        }
    return LYC_OK;
}

static lyc_status open_member(lyc__look_ahead_member *member, const lyc_ensemble_options *options,
                              size_t index, const lyc__teacher_kind *kind, const lyc_dataset *data,
                              const lyc_view_recipe *recipe, lyc_error *err) {
    const lyc_teacher_options *teacher = &options->teachers[index];
    if (kind != NULL) LYC_TRY(lyc__teacher_open_kind(&member->teacher, kind, teacher, data, recipe, err));
    else LYC_TRY(lyc_teacher_open(&member->teacher, teacher, data, recipe, err));
    if (options->bank_directory == NULL || lyc_teacher_get_info(member->teacher)->changes_at > 0)
        return LYC_OK;
    return lyc_bank_open(&member->bank, options->bank_directory, member->teacher, data, recipe, err);
}

lyc_status lyc__ensemble_open_kinds(lyc_ensemble **out, const lyc_ensemble_options *options,
                                    const lyc__teacher_kind *const *kinds, const lyc_dataset *data,
                                    const lyc_view_recipe *recipe, lyc_pool *pool, lyc_error *err) {
    lyc_ensemble *ensemble;
    *out = NULL;
    LYC_TRY(check_names(options, err));
    LYC_TRY(lyc_allocate((void **)&ensemble, 1, sizeof *ensemble, "an ensemble", err));
    ensemble->data = data;
    ensemble->recipe = lyc_teacher_recipe(recipe, options->view);
    ensemble->clean = options->view == LYC_TEACHER_VIEW_CLEAN;
    ensemble->pool = pool;
    ensemble->look_ahead_bytes = options->look_ahead_bytes;
    ensemble->min_ahead = options->min_ahead;
    ensemble->kept_behind = options->kept_behind;
    lyc_status status = LYC_NEW_ARRAY(ensemble->members, options->teacher_count, err);
    for (size_t i = 0; status == LYC_OK && i < options->teacher_count; i++) {
        ensemble->count = i + 1;
        status = open_member(&ensemble->members[i], options, i, kinds != NULL ? kinds[i] : NULL, data,
                             &ensemble->recipe, err);
    }
    if (status == LYC_OK) *out = ensemble;
    else lyc_ensemble_close(ensemble);
    return status;
}

lyc_status lyc_ensemble_open(lyc_ensemble **out, const lyc_ensemble_options *options, const lyc_dataset *data,
                             const lyc_view_recipe *recipe, lyc_pool *pool, lyc_error *err) {
    return lyc__ensemble_open_kinds(out, options, NULL, data, recipe, pool, err);
}

void lyc_ensemble_close(lyc_ensemble *ensemble) {
    if (ensemble == NULL) return;
    lyc__look_ahead_stop(ensemble->ahead);
    for (size_t i = 0; i < ensemble->count; i++) {
        lyc_error error = {0};
        if (lyc_bank_close(ensemble->members[i].bank, &error) != LYC_OK)
            lyc_log(LYC_LOG_WARNING, "%s", error.message);
        lyc_teacher_close(ensemble->members[i].teacher);
    }
    lyc_free(ensemble->members);
    lyc_free(ensemble);
}

int lyc_ensemble_count(const lyc_ensemble *ensemble) {
    return (int)ensemble->count;
}

const lyc_teacher_info *lyc_ensemble_info(const lyc_ensemble *ensemble, int index) {
    return lyc_teacher_get_info(ensemble->members[index].teacher);
}

lyc_bank *lyc_ensemble_bank(lyc_ensemble *ensemble, int index) {
    return ensemble->members[index].bank;
}

lyc_status lyc_ensemble_logits(lyc_ensemble *ensemble, int index, const uint32_t *rows, size_t count,
                               float *out, lyc_error *err) {
    lyc__look_ahead_member *member = &ensemble->members[index];
    if (member->bank != NULL) return lyc_bank_logits(member->bank, rows, count, 0, out, ensemble->pool, err);
    return lyc_teacher_logits(member->teacher, rows, count, 0, out, ensemble->pool, err);
}

lyc_status lyc_ensemble_start(lyc_ensemble *ensemble, const uint32_t *rows, uint32_t count, uint32_t batch,
                              int views, uint64_t seed, uint32_t epochs, uint32_t first_epoch,
                              uint32_t first_step, lyc_error *err) {
    lyc__look_ahead_stop(ensemble->ahead);
    ensemble->ahead = NULL;
    lyc__look_ahead_options options = {
        .members = ensemble->members,
        .member_count = ensemble->count,
        .data = ensemble->data,
        .pool = ensemble->pool,
        .bytes = ensemble->look_ahead_bytes,
        .min_ahead = ensemble->min_ahead,
        .kept_behind = ensemble->kept_behind,
        .rows = rows,
        .row_count = count,
        .batch = batch,
        .views = views,
        .clean = ensemble->clean,
        .seed = seed,
        .epochs = epochs,
        .first_epoch = first_epoch,
        .first_step = first_step,
    };
    return lyc__look_ahead_start(&ensemble->ahead, &options, err);
}

lyc_status lyc_ensemble_batch(lyc_ensemble *ensemble, uint32_t offset, const lyc_teacher_batch **out,
                              lyc_error *err) {
    *out = NULL;
    if (ensemble->ahead == NULL)
        LYC_FAIL(err, LYC_EINTERNAL, "a batch was asked for before the teachers were started");
    return lyc__look_ahead_batch(ensemble->ahead, offset, out, err);
}

void lyc_ensemble_advance(lyc_ensemble *ensemble) {
    if (ensemble->ahead != NULL) lyc__look_ahead_advance(ensemble->ahead);
}

double lyc_ensemble_waited(const lyc_ensemble *ensemble) {
    return ensemble->ahead != NULL ? lyc__look_ahead_waited(ensemble->ahead) : 0.0;
}

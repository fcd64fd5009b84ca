/* What the whole ensemble answers on the test split, and how often a student gives the same answer. */
#include <math.h>
#include <string.h>

#include "distill/ablation.h"
#include "lyceum/memory.h"
#include "lyceum/metrics.h"

#define ROWS_AT_ONCE ((size_t)1024)

static size_t chunk_of(size_t total, size_t first) {
    return total - first < ROWS_AT_ONCE ? total - first : ROWS_AT_ONCE;
}

static lyc_status fill_mixture(lyc__ablation_teachers *teachers, lyc_ensemble *ensemble, float *scratch,
                               lyc_error *err) {
    size_t total = teachers->splits->count[LYC_SPLIT_TEST], classes = (size_t)teachers->classes;
    const float *logits[LYC_MAX_TEACHERS];
    for (size_t first = 0; first < total; first += ROWS_AT_ONCE) {
        size_t count = chunk_of(total, first);
        for (size_t k = 0; k < teachers->count; k++) {
            float *out = scratch + k * ROWS_AT_ONCE * classes;
            LYC_TRY(lyc_ensemble_logits(ensemble, (int)k, teachers->splits->rows[LYC_SPLIT_TEST] + first,
                                        count, out, err));
            logits[k] = out;
        }
        lyc_mixture_log_probabilities(logits, (int)teachers->count, count, teachers->classes,
                                      teachers->mixture + first * classes);
    }
    return LYC_OK;
}

static lyc_status ask_teachers(lyc__ablation_teachers *teachers, const lyc_config *config, lyc_error *err) {
    lyc_ensemble_options options = {.teachers = config->teachers,
                                    .teacher_count = config->teacher_count,
                                    .bank_directory = config->banks.enabled ? config->banks.directory : NULL,
                                    .look_ahead_bytes = (size_t)config->banks.look_ahead_mb << 20,
                                    .view = config->data.teacher_view};
    lyc_ensemble *ensemble = NULL;
    float *scratch = NULL;
    size_t classes = (size_t)teachers->classes, rows = teachers->splits->count[LYC_SPLIT_TEST];
    LYC_TRY(lyc_ensemble_open(&ensemble, &options, teachers->data, &config->data.view, teachers->pool, err));
    teachers->count = (size_t)lyc_ensemble_count(ensemble);
    for (size_t k = 0; k < teachers->count; k++)
        teachers->flops_per_row[k] = lyc_ensemble_info(ensemble, (int)k)->flops_per_row;
    lyc_status status = LYC_OK;
    if (rows > 0) {
        LYC_TRY_GOTO(LYC_NEW_ARRAY(teachers->mixture, rows * classes, err));
        LYC_TRY_GOTO(LYC_NEW_ARRAY(scratch, teachers->count * ROWS_AT_ONCE * classes, err));
        LYC_TRY_GOTO(fill_mixture(teachers, ensemble, scratch, err));
    }
done:
    lyc_free(scratch);
    lyc_ensemble_close(ensemble);
    return status;
}

lyc_status lyc__ablation_teachers_open(lyc__ablation_teachers *out, const lyc_config *config, lyc_pool *pool,
                                       lyc_error *err) {
    *out = (lyc__ablation_teachers){.pool = pool};
    LYC_TRY(lyc_dataset_open(&out->data, config->data.path, err));
    LYC_TRY(lyc_splits_create(&out->splits, out->data, &config->data.split, err));
    out->classes = lyc_dataset_classes(out->data);
    return config->teacher_count > 0 ? ask_teachers(out, config, err) : LYC_OK;
}

void lyc__ablation_teachers_close(lyc__ablation_teachers *teachers) {
    lyc_free(teachers->mixture);
    lyc_splits_destroy(teachers->splits);
    lyc_dataset_close(teachers->data);
    *teachers = (lyc__ablation_teachers){0};
}

/* A model is asked as a teacher is: with its own preprocessing, and refused where it does not fit the data.
 */
static lyc_status student_logits(const lyc__ablation_teachers *teachers, const char *path, float *out,
                                 lyc_error *err) {
    static const lyc_view_recipe clean = {.views = 1};
    lyc_teacher_options options = {.name = "student", .kind = "model", .path = path};
    lyc_teacher *student = NULL;
    LYC_TRY(lyc_teacher_open(&student, &options, teachers->data, &clean, err));
    size_t total = teachers->splits->count[LYC_SPLIT_TEST], classes = (size_t)teachers->classes;
    const uint32_t *rows = teachers->splits->rows[LYC_SPLIT_TEST];
    lyc_status status = LYC_OK;
    for (size_t first = 0; status == LYC_OK && first < total; first += ROWS_AT_ONCE)
        status = lyc_teacher_logits(student, rows + first, chunk_of(total, first), 0, out + first * classes,
                                    teachers->pool, err);
    lyc_teacher_close(student);
    return status;
}

lyc_status lyc__ablation_agreement(const lyc__ablation_teachers *teachers, const char *path, double *out,
                                   lyc_error *err) {
    *out = NAN;
    if (!teachers->mixture) return LYC_OK;
    size_t rows = teachers->splits->count[LYC_SPLIT_TEST];
    float *logits = NULL;
    LYC_TRY(LYC_NEW_ARRAY(logits, rows * (size_t)teachers->classes, err));
    lyc_status status = student_logits(teachers, path, logits, err);
    lyc_agreement agreement = {.agreement = NAN};
    if (status == LYC_OK)
        lyc_agreement_compute(&agreement, teachers->mixture, logits, rows, teachers->classes);
    *out = agreement.agreement;
    lyc_free(logits);
    return status;
}

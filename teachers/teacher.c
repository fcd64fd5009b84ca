/* A teacher of any kind: its kind's answers in the data set's classes, checked; its fingerprint. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "lyceum/log.h"
#include "lyceum/memory.h"
#include "teachers/class_map.h"
#include "teachers/kind.h"

struct lyc_teacher {
    const lyc__teacher_kind *kind;
    void *state;
    lyc__teacher_source source;
    lyc__teacher_traits traits;
    lyc_teacher_info info;
    char *name;
    int32_t *map;   /* [own classes] */
    bool identity;  /* map[j] == j and as many classes as the data set */
    uint8_t *known; /* [classes of the data set] */
};

static bool is_identity(const int32_t *map, int own, int classes) {
    for (int j = 0; j < own; j++)
        if (map[j] != j) return false;
    return own == classes;
}

/* Weights and preprocessing are the kind's; a map given that is the identity is the same as none. */
static void make_fingerprint(lyc_teacher *teacher) {
    lyc__hash hash;
    char text[256];
    lyc__hash_start(&hash);
    int length = snprintf(
        text, sizeof text,
        "lyceum teacher 1\nkind=%s\ncontent=%s\nprecision=%s\nclasses=%d\nmap=", teacher->kind->name,
        teacher->traits.fingerprint, lyc_precision_name(teacher->traits.precision), teacher->info.classes);
    lyc__hash_update(&hash, text, (size_t)length);
    for (int j = 0; j < teacher->traits.classes; j++) {
        length = snprintf(text, sizeof text, "%" PRId32 ",", teacher->map[j]);
        lyc__hash_update(&hash, text, (size_t)length);
    }
    lyc__hash_finish_hex(&hash, teacher->info.fingerprint);
}

static lyc_status fill_info(lyc_teacher *teacher, const lyc_teacher_options *options, lyc_error *err) {
    const lyc__teacher_traits *traits = &teacher->traits;
    int classes = lyc_dataset_classes(teacher->source.data);
    LYC_TRY(LYC_NEW_ARRAY(teacher->map, (size_t)traits->classes, err));
    LYC_TRY(lyc__class_map_resolve(teacher->map, options, traits, teacher->source.data, err));
    lyc__class_map_warn(teacher->map, teacher->name, traits, teacher->source.data);
    LYC_TRY(LYC_NEW_ARRAY(teacher->known, (size_t)classes, err));
    for (int j = 0; j < traits->classes; j++)
        teacher->known[teacher->map[j]] = traits->known == NULL || traits->known[j];
    bool knows_all = true;
    for (int c = 0; c < classes; c++) knows_all = knows_all && teacher->known[c];
    teacher->identity = is_identity(teacher->map, traits->classes, classes);
    teacher->info = (lyc_teacher_info){
        .name = teacher->name,
        .kind = teacher->kind->name,
        .classes = classes,
        .knows_all = knows_all,
        .blocking = traits->blocking,
        .flops_per_row = traits->flops_per_row,
        .precision = traits->precision,
        .error = traits->error,
        .changes_at = traits->changes_at,
    };
    make_fingerprint(teacher);
    return LYC_OK;
}

static void tell_error(const lyc_teacher_info *info) {
    const lyc_logit_error *error = &info->error;
    if (error->rows == 0) return;
    lyc_log(LYC_LOG_INFO,
            "'%s' in %s, against f32 on %zu rows: logits off by at most %.3g, %.2g on average; %.3g "
            "%% of "
            "the answers change",
            info->name, lyc_precision_name(info->precision), error->rows, error->largest, error->mean,
            100 * error->changed);
}

static lyc_status check_options(const lyc_teacher_options *options, lyc_error *err) {
    if (options->name == NULL || options->name[0] == '\0')
        LYC_FAIL(err, LYC_ECONFIG, "a teacher has no name; give each one its own \"name\"");
    if (options->path == NULL || options->path[0] == '\0')
        LYC_FAIL(err, LYC_ECONFIG, "teacher '%s' names no file; give the path of its file", options->name);
    if (!isfinite(options->delay_seconds) || options->delay_seconds < 0.0 || options->delay_seconds > 3600.0)
        LYC_FAIL(err, LYC_ECONFIG, "teacher '%s': a delay of %g seconds; give a number from 0 to 3600",
                 options->name, options->delay_seconds);
    return LYC_OK;
}

static lyc_status open_inside(lyc_teacher *teacher, const lyc_teacher_options *options, lyc_error *err) {
    teacher->name = lyc_strdup(options->name);
    if (teacher->name == NULL)
        LYC_FAIL(err, LYC_ENOMEM, "no memory for the name of teacher '%s'", options->name);
    LYC_TRY(teacher->kind->open(&teacher->state, &teacher->source, err));
    teacher->source.options = NULL;
    teacher->kind->info(teacher->state, &teacher->traits);
    if (options->delay_seconds > 0.0 && !teacher->traits.blocking)
        LYC_FAIL(err, LYC_ECONFIG,
                 "teacher '%s': kind '%s' takes no delay; only recorded logits can be delayed", options->name,
                 teacher->kind->name);
    if (options->precision != teacher->traits.precision)
        LYC_FAIL(err, LYC_ECONFIG,
                 "teacher '%s': kind '%s' computes nothing, so it has no precision; remove %s", options->name,
                 teacher->kind->name, lyc_precision_name(options->precision));
    LYC_TRY(fill_info(teacher, options, err));
    tell_error(&teacher->info);
    return LYC_OK;
}

lyc_status lyc__teacher_open_kind(lyc_teacher **out, const lyc__teacher_kind *kind,
                                  const lyc_teacher_options *options, const lyc_dataset *data,
                                  const lyc_view_recipe *recipe, lyc_error *err) {
    *out = NULL;
    LYC_TRY(check_options(options, err));
    lyc_teacher *teacher;
    LYC_TRY(lyc_allocate((void **)&teacher, 1, sizeof *teacher, "a teacher", err));
    teacher->kind = kind;
    teacher->source = (lyc__teacher_source){.options = options, .data = data, .recipe = recipe};
    lyc_status status = open_inside(teacher, options, err);
    if (status == LYC_OK) *out = teacher;
    else lyc_teacher_close(teacher);
    return status;
}

lyc_status lyc_teacher_open(lyc_teacher **out, const lyc_teacher_options *options, const lyc_dataset *data,
                            const lyc_view_recipe *recipe, lyc_error *err) {
    const lyc__teacher_kind *kind;
    *out = NULL;
    lyc_status status = lyc__teacher_kind_find(&kind, options->kind, err);
    if (status != LYC_OK) {
        lyc_error_prefix(err, "teacher '%s'", options->name != NULL ? options->name : "");
        return status;
    }
    return lyc__teacher_open_kind(out, kind, options, data, recipe, err);
}

void lyc_teacher_close(lyc_teacher *teacher) {
    if (teacher == NULL) return;
    if (teacher->state != NULL) teacher->kind->close(teacher->state);
    lyc_free(teacher->known);
    lyc_free(teacher->map);
    lyc_free(teacher->name);
    lyc_free(teacher);
}

const lyc_teacher_info *lyc_teacher_get_info(const lyc_teacher *teacher) {
    return &teacher->info;
}

const lyc_dataset *lyc__teacher_data(const lyc_teacher *teacher) {
    return teacher->source.data;
}

lyc_view_recipe lyc_teacher_recipe(const lyc_view_recipe *recipe, lyc_teacher_view view) {
    return view == LYC_TEACHER_VIEW_CLEAN ? (lyc_view_recipe){.views = 1} : *recipe;
}

const lyc_view_recipe *lyc__teacher_recipe(const lyc_teacher *teacher) {
    return teacher->source.recipe;
}

void lyc__teacher_interrupt(lyc_teacher *teacher, bool stop) {
    if (teacher->kind->interrupt != NULL) teacher->kind->interrupt(teacher->state, stop);
}

lyc_status lyc__teacher_check_request(const lyc_teacher *teacher, const uint32_t *rows, size_t count,
                                      int view, lyc_error *err) {
    if (view < 0 || view >= teacher->source.recipe->views)
        LYC_FAIL(err, LYC_EINTERNAL, "teacher '%s' was asked for view %d of %d", teacher->name, view,
                 teacher->source.recipe->views);
    size_t limit = lyc_dataset_rows(teacher->source.data);
    for (size_t i = 0; i < count; i++)
        if (rows[i] >= limit)
            LYC_FAIL(err, LYC_EINTERNAL, "teacher '%s' was asked for row %u of %zu", teacher->name, rows[i],
                     limit);
    return LYC_OK;
}

/* Finite where the class is known, -INFINITY where it is not. */
static lyc_status check_logits(const lyc_teacher *teacher, const uint32_t *rows, size_t count,
                               const float *logits, lyc_error *err) {
    size_t classes = (size_t)teacher->info.classes;
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < classes; c++) {
            float value = logits[i * classes + c];
            if (teacher->known[c] ? isfinite(value) : value == -INFINITY) continue;
            LYC_FAIL(err, LYC_ENUMERIC,
                     "teacher '%s' answered %g for class %zu of the sample with id %" PRIu64
                     " (row %u); its file is damaged or does not fit this data",
                     teacher->name, (double)value, c, lyc_dataset_ids(teacher->source.data)[rows[i]],
                     rows[i]);
        }
    return LYC_OK;
}

lyc_status lyc__teacher_logits_at(lyc_teacher *teacher, uint64_t step, const uint32_t *rows, size_t count,
                                  int view, float *out, lyc_pool *pool, lyc_error *err) {
    LYC_TRY(lyc__teacher_check_request(teacher, rows, count, view, err));
    if (count == 0) return LYC_OK;
    bool later = teacher->traits.changes_at > 0 && step >= teacher->traits.changes_at;
    LYC_TRY((later ? teacher->kind->logits_later : teacher->kind->logits)(teacher->state, rows, count, view,
                                                                          out, pool, err));
    if (!teacher->identity) {
        float *scratch;
        LYC_TRY(LYC_NEW_ARRAY(scratch, (size_t)teacher->traits.classes, err));
        lyc__class_map_apply(teacher->map, teacher->traits.classes, teacher->info.classes, count, out,
                             scratch);
        lyc_free(scratch);
    }
    return check_logits(teacher, rows, count, out, err);
}

lyc_status lyc_teacher_logits(lyc_teacher *teacher, const uint32_t *rows, size_t count, int view, float *out,
                              lyc_pool *pool, lyc_error *err) {
    return lyc__teacher_logits_at(teacher, 0, rows, count, view, out, pool, err);
}

#include "student/objective.h"

#include <math.h>
#include <string.h>

#include "lyceum/memory.h"
#include "student/hard_label.h"
#include "student/names.h"

#define SOFT_ARRAYS 3 /* target, q, log q */

/* ---- options ----------------------------------------------------------------------------------- */

static lyc_status unknown_term(const char *kind, size_t index, lyc_error *err) {
    char names[LYC__NAMES_SIZE];
    LYC_FAIL(err, LYC_ECONFIG, "loss.terms[%zu].kind: there is no loss term \"%s\"; choose one of: %s", index,
             kind, lyc__table_names(lyc_loss_term_name, names));
}

static lyc_status resolve_term(lyc__objective *objective, const struct lyc_loss_term *option, size_t index,
                               lyc_error *err) {
    const lyc__term *term = lyc__term_find(option->kind);
    if (term == NULL) return unknown_term(option->kind, index, err);
    for (size_t i = 0; i < index; i++)
        if (objective->terms[i] == term)
            LYC_FAIL(
                err, LYC_ECONFIG,
                "loss.terms[%zu].kind: \"%s\" is listed twice; list it once, with the sum of the weights",
                index, option->kind);
    if (!isfinite(option->weight) || option->weight < 0.0)
        LYC_FAIL(err, LYC_ECONFIG, "loss.terms[%zu].weight is %g; a term's weight is a number from 0 on",
                 index, option->weight);
    objective->terms[index] = term;
    objective->term_weight[index] = option->weight;
    return LYC_OK;
}

static lyc_status check_options(const lyc_loss_options *options, lyc_error *err) {
    if (!(options->alpha >= 0.0 && options->alpha <= 1.0))
        LYC_FAIL(err, LYC_ECONFIG, "loss.alpha is %g; it is the share of the labels' loss, from 0 to 1",
                 options->alpha);
    if (!(options->label_smoothing >= 0.0 && options->label_smoothing < 1.0))
        LYC_FAIL(err, LYC_ECONFIG, "loss.label_smoothing is %g; it is from 0 on and below 1",
                 options->label_smoothing);
    if (!(options->temperature > 0.0) || !isfinite(options->temperature))
        LYC_FAIL(err, LYC_ECONFIG, "loss.temperature is %g; it must be a number above 0",
                 options->temperature);
    if (lyc_fusion_name((size_t)options->fusion) == NULL)
        LYC_FAIL(err, LYC_ECONFIG, "loss.fusion is number %d of the table of fusion spaces, which is shorter",
                 (int)options->fusion);
    if (options->term_count > LYC_MAX_TERMS)
        LYC_FAIL(err, LYC_ECONFIG, "loss.terms lists %zu terms; at most %d are possible", options->term_count,
                 LYC_MAX_TERMS);
    return LYC_OK;
}

lyc_status lyc__objective_init(lyc__objective *objective, const lyc_loss_options *options, int classes,
                               size_t max_rows, lyc_error *err) {
    *objective = (lyc__objective){.alpha = options->alpha,
                                  .label_smoothing = options->label_smoothing,
                                  .temperature = options->temperature,
                                  .fusion = options->fusion,
                                  .term_count = options->term_count,
                                  .classes = (size_t)classes,
                                  .max_rows = max_rows};
    LYC_TRY(check_options(options, err));
    for (size_t i = 0; i < options->term_count; i++)
        LYC_TRY(resolve_term(objective, &options->terms[i], i, err));
    LYC_TRY(lyc_allocate((void **)&objective->soft, max_rows,
                         SOFT_ARRAYS * objective->classes * sizeof(float), "soft targets", err));
    LYC_TRY(LYC_NEW_ARRAY(objective->has_target, max_rows, err));
    return LYC_NEW_ARRAY(objective->partials, max_rows, err);
}

void lyc__objective_free(lyc__objective *objective) {
    lyc_free(objective->soft);
    lyc_free(objective->has_target);
    lyc_free(objective->partials);
    *objective = (lyc__objective){0};
}

/* ---- one batch --------------------------------------------------------------------------------- */

void lyc__objective_begin(lyc__objective *objective, const lyc_lesson *lesson, const int32_t *labels,
                          size_t rows) {
    objective->lesson = lesson;
    objective->labels = labels;
    objective->rows = rows;
    objective->labelled = lyc__labelled_count(labels, rows);
    objective->distils = lesson->weights != NULL;
    objective->ce_weight = objective->distils ? objective->alpha : 1.0;
    memset(objective->partials, 0, rows * sizeof *objective->partials);
}

static void fuse_shard(const lyc__objective *objective, size_t first, size_t rows, float *target,
                       uint8_t *has_target) {
    const lyc_lesson *lesson = objective->lesson;
    const float *logits[LYC_MAX_TEACHERS];
    for (int k = 0; k < lesson->teachers; k++) logits[k] = lesson->logits[k] + first * objective->classes;
    const float *weights = lesson->weights + (lesson->per_row ? first * (size_t)lesson->teachers : 0);
    lyc_fuse(logits, lesson->teachers, rows, (int)objective->classes, weights, lesson->per_row,
             objective->temperature, objective->fusion, objective->labels + first, target, has_target);
}

static void distil_shard(lyc__objective *objective, size_t first, size_t rows, const float *logits,
                         float *gradient, lyc__partial *partial) {
    size_t matrix = rows * objective->classes;
    float *target = objective->soft + SOFT_ARRAYS * first * objective->classes, *q = target + matrix,
          *log_q = q + matrix;
    fuse_shard(objective, first, rows, target, objective->has_target + first);
    float temperature = (float)objective->temperature;
    lyc_softmax(logits, temperature, rows, objective->classes, q);
    lyc_log_softmax(logits, temperature, rows, objective->classes, log_q);
    lyc__term_shard in = {.rows = rows,
                          .batch_rows = objective->rows,
                          .classes = objective->classes,
                          .temperature = objective->temperature,
                          .logits = logits,
                          .q = q,
                          .log_q = log_q,
                          .target = target,
                          .has_target = objective->has_target + first,
                          .labels = objective->labels + first};
    for (size_t i = 0; i < objective->term_count; i++)
        partial->terms[i] =
            objective->terms[i]->shard(&in, (1.0 - objective->alpha) * objective->term_weight[i], gradient);
}

void lyc__objective_shard(void *payload, size_t shard, size_t first, size_t rows, const float *logits,
                          float *gradient) {
    lyc__objective *objective = payload;
    lyc__partial *partial = &objective->partials[shard];
    float *scratch = objective->soft + SOFT_ARRAYS * first * objective->classes;
    memset(gradient, 0, rows * objective->classes * sizeof *gradient);
    partial->ce = lyc__hard_label_shard(logits, objective->labels + first, rows, objective->classes,
                                        objective->labelled, objective->label_smoothing, objective->ce_weight,
                                        scratch, gradient);
    if (objective->distils) distil_shard(objective, first, rows, logits, gradient, partial);
}

static void add_partial(lyc__partial *into, const lyc__partial *from, size_t term_count) {
    into->ce += from->ce;
    for (size_t i = 0; i < term_count; i++) into->terms[i] += from->terms[i];
}

void lyc__objective_end(lyc__objective *objective, lyc_losses *out) {
    lyc__partial *partials = objective->partials;
    for (size_t width = 1; width < objective->rows; width *= 2)
        for (size_t i = 0; i + width < objective->rows; i += 2 * width)
            add_partial(&partials[i], &partials[i + width], objective->term_count);
    *out = (lyc_losses){.ce = partials[0].ce, .labelled = objective->labelled};
    out->weighted_ce = objective->ce_weight * out->ce;
    out->total = out->weighted_ce;
    for (size_t i = 0; i < objective->term_count; i++) {
        out->terms[i] = partials[0].terms[i];
        out->weighted_terms[i] = (1.0 - objective->alpha) * objective->term_weight[i] * out->terms[i];
        out->total += out->weighted_terms[i];
        if (objective->terms[i] == &lyc__term_kd) out->kd = out->terms[i];
    }
    objective->lesson = NULL;
}

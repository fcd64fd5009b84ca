/* Planting: reading the source, applying a kind, writing the result. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/argmax.h"
#include "base/hash.h"
#include "base/json_writer.h"
#include "lyceum/memory.h"
#include "teachers/plant.h"
#include "teachers/recorded_order.h"

#define MOST_VIEWS 10000

/* ---- the table ------------------------------------------------------------------------------------- */

const char *lyc_plant_name(size_t index) {
    const lyc__plant_kind *kind = lyc__plant_kind_at(index);
    return kind != NULL ? kind->name : NULL;
}

const char *lyc_plant_doc(size_t index) {
    const lyc__plant_kind *kind = lyc__plant_kind_at(index);
    return kind != NULL ? kind->doc : NULL;
}

unsigned lyc_plant_takes(size_t index) {
    const lyc__plant_kind *kind = lyc__plant_kind_at(index);
    return kind != NULL ? kind->takes : 0;
}

static lyc_status find_kind(const lyc__plant_kind **out, const char *name, lyc_error *err) {
    char valid[256] = "";
    for (size_t i = 0; (*out = lyc__plant_kind_at(i)) != NULL; i++) {
        size_t used = strlen(valid);
        if (strcmp((*out)->name, name) == 0) return LYC_OK;
        (void)snprintf(valid + used, sizeof valid - used, "%s%s", i > 0 ? ", " : "", (*out)->name);
    }
    LYC_FAIL(err, LYC_EUSAGE, "nothing called \"%s\" can be planted; there are: %s", name, valid);
}

/* ---- reading --------------------------------------------------------------------------------------- */

/* What is planted speaks of the data set's classes, so the columns must be these. */
static lyc_status check_classes(const lyc__recorded_file *file, const char *path, const lyc_dataset *data,
                                lyc_error *err) {
    int classes = lyc_dataset_classes(data);
    bool same = file->classes == classes;
    for (int c = 0; same && file->class_names != NULL && c < classes; c++)
        same = strcmp(file->class_names[c], lyc_dataset_class_name(data, c)) == 0;
    if (same) return LYC_OK;
    LYC_FAIL(
        err, LYC_EMISMATCH,
        "%s: its %d columns are not the %d classes of %s in their order; a bank has them in order, even of "
        "a teacher with a class_map (lyceum bank --all)",
        path, file->classes, classes, lyc_dataset_path(data));
}

static lyc_status check_values(const lyc__recorded_file *file, const char *path, lyc_error *err) {
    size_t classes = (size_t)file->classes;
    for (int view = 0; view < file->views; view++)
        for (size_t i = 0; i < file->rows * classes; i++) {
            float value = file->logits[view][i];
            if (isfinite(value) || (value == -INFINITY && file->logits[0][i % classes] == -INFINITY))
                continue;
            LYC_FAIL(err, LYC_ENUMERIC,
                     "%s holds %g for the sample with id %" PRIu64
                     ", view %d, column %zu; logits are finite (or -inf in a whole column)",
                     path, (double)value, file->ids[i / classes], view, i % classes);
        }
    return LYC_OK;
}

/* The file will prove its order with /check, so the order is looked at before. */
static lyc_status check_order(const lyc__recorded_file *file, const char *path, const lyc_dataset *data,
                              lyc_error *err) {
    int32_t *map;
    if (file->checks != NULL || file->unrelated_is_fine) return LYC_OK;
    LYC_TRY(LYC_NEW_ARRAY(map, (size_t)file->classes, err));
    for (int c = 0; c < file->classes; c++) map[c] = c;
    lyc_status status =
        lyc__recorded_check_labels(file->logits[0], file->classes, map, "source", path, data, err);
    lyc_free(map);
    return status;
}

static lyc_status reorder(lyc__recorded_file *file, const uint32_t *order, lyc_error *err) {
    size_t classes = (size_t)file->classes;
    for (int view = 0; view < file->views; view++) {
        float *values;
        LYC_TRY(lyc_allocate((void **)&values, file->rows * classes, sizeof *values, "recorded logits", err));
        for (size_t row = 0; row < file->rows; row++)
            memcpy(values + row * classes, file->logits[view] + order[row] * classes,
                   classes * sizeof *values);
        lyc_free(file->logits[view]);
        file->logits[view] = values;
    }
    return LYC_OK;
}

static void make_fingerprint(const lyc__recorded_file *file, char out[LYC_FINGERPRINT_SIZE]) {
    lyc__hash hash;
    lyc__hash_start(&hash);
    lyc__hash_update(&hash, file->ids, file->rows * sizeof *file->ids);
    for (int view = 0; view < file->views; view++)
        lyc__hash_update(&hash, file->logits[view], file->rows * (size_t)file->classes * sizeof(float));
    lyc__hash_finish_hex(&hash, out);
}

static lyc_status arrange(lyc__recorded_file *file, const char *path, const lyc_dataset *data,
                          lyc_error *err) {
    size_t rows = lyc_dataset_rows(data);
    uint32_t *order;
    if (file->data_fingerprint != NULL && strcmp(file->data_fingerprint, lyc_dataset_fingerprint(data)) != 0)
        LYC_FAIL(err, LYC_EMISMATCH,
                 "%s was recorded for other data: its data_fingerprint is '%s', that of %s is '%s'", path,
                 file->data_fingerprint, lyc_dataset_path(data), lyc_dataset_fingerprint(data));
    if (file->changes_at > 0)
        LYC_FAIL(err, LYC_EMISMATCH, "%s changes at step %" PRIu64 "; plant into what it was made of", path,
                 file->changes_at);
    LYC_TRY(check_classes(file, path, data, err));
    LYC_TRY(check_values(file, path, err));
    LYC_TRY(LYC_NEW_ARRAY(order, rows, err));
    lyc_status status = lyc__recorded_match(order, file, path, data, err);
    if (status == LYC_OK) status = reorder(file, order, err);
    lyc_free(order);
    LYC_TRY(status);
    memcpy(file->ids, lyc_dataset_ids(data), rows * sizeof *file->ids);
    return check_order(file, path, data, err);
}

lyc_status lyc__plant_read(lyc__recorded_file *out, const char *path, const lyc_dataset *data,
                           char fingerprint[LYC_FINGERPRINT_SIZE], lyc_error *err) {
    LYC_TRY(lyc__recorded_file_read(out, path, MOST_VIEWS, err));
    lyc_status status = arrange(out, path, data, err);
    if (status == LYC_OK) make_fingerprint(out, fingerprint);
    else lyc__recorded_file_release(out);
    return status;
}

/* ---- before and after ------------------------------------------------------------------------------- */

static lyc_status find_truth(lyc__planting *planting, lyc_error *err) {
    const lyc__recorded_file *file = &planting->file;
    const int32_t *labels = lyc_dataset_labels(planting->data);
    LYC_TRY(LYC_NEW_ARRAY(planting->truth, file->rows, err));
    LYC_TRY(LYC_NEW_ARRAY(planting->known, (size_t)file->classes, err));
    for (size_t row = 0; row < file->rows; row++)
        planting->truth[row] =
            labels[row] >= 0 ? labels[row]
                             : lyc__argmax(file->logits[0] + row * (size_t)file->classes, file->classes);
    for (int32_t c = 0; c < file->classes; c++)
        if (file->logits[0][c] != -INFINITY) planting->known[planting->known_count++] = c;
    return LYC_OK;
}

static lyc_status remember_answers(const lyc__recorded_file *file, int32_t **out, lyc_error *err) {
    LYC_TRY(LYC_NEW_ARRAY(*out, file->rows, err));
    for (size_t row = 0; row < file->rows; row++)
        (*out)[row] = lyc__argmax(file->logits[0] + row * (size_t)file->classes, file->classes);
    return LYC_OK;
}

static void compare(const lyc__planting *planting, const int32_t *before, lyc_plant_report *report) {
    const lyc__recorded_file *file = &planting->file;
    const int32_t *labels = lyc_dataset_labels(planting->data);
    const float *logits = (file->later != NULL ? file->later : file->logits)[0];
    double right[2] = {0.0, 0.0}, labelled = 0.0;
    for (size_t row = 0; row < file->rows; row++) {
        int32_t after = lyc__argmax(logits + row * (size_t)file->classes, file->classes);
        report->changed += after != before[row];
        if (lyc_dataset_parts(planting->data)[row] != 0 || labels[row] < 0) continue;
        labelled += 1.0;
        right[0] += before[row] == labels[row];
        right[1] += after == labels[row];
    }
    report->rows = file->rows;
    report->views = file->views;
    report->accuracy_before = labelled > 0.0 ? right[0] / labelled : NAN;
    report->accuracy_after = labelled > 0.0 ? right[1] / labelled : NAN;
}

/* ---- writing ---------------------------------------------------------------------------------------- */

static void list_classes(lyc__json *json, const char *key, const int32_t *classes, size_t count) {
    lyc__json_array(json, key);
    for (size_t i = 0; i < count; i++) lyc__json_integer(json, NULL, classes[i]);
    lyc__json_end(json);
}

static void tell_parameters(lyc__json *json, const lyc__planting *planting, unsigned takes) {
    const lyc_plant_options *options = planting->options;
    if (takes & LYC_PLANT_TAKES_SHARE) lyc__json_number(json, "share", options->share);
    if (takes & LYC_PLANT_TAKES_MARGIN) lyc__json_number(json, "margin", options->margin);
    if (takes & LYC_PLANT_TAKES_ERRORS)
        lyc__json_text(json, "errors", options->errors == LYC_PLANT_HARD ? "hard" : "drawn");
    if (takes & LYC_PLANT_TAKES_CLASSES)
        list_classes(json, "classes", options->classes, options->class_count);
    if (takes & LYC_PLANT_TAKES_ELSEWHERE)
        lyc__json_text(json, "elsewhere", options->elsewhere == LYC_PLANT_CHANCE ? "chance" : "wrong");
    if (takes & LYC_PLANT_TAKES_UNTIL) lyc__json_unsigned(json, "until", options->until);
    if (planting->then_fingerprint[0] != '\0')
        lyc__json_text(json, "then_fingerprint", planting->then_fingerprint);
    if (takes & LYC_PLANT_TAKES_DELAY) lyc__json_number(json, "delay_seconds", options->delay_seconds);
    if (planting->permutation != NULL)
        list_classes(json, "permutation", planting->permutation, (size_t)planting->file.classes);
}

static lyc_status tell_provenance(lyc__planting *planting, const lyc__plant_kind *kind,
                                  const lyc_plant_report *report, lyc_error *err) {
    lyc__json json;
    lyc__json_start(&json, false);
    lyc__json_object(&json, NULL);
    lyc__json_text(&json, "planted", kind->name);
    lyc__json_text(&json, "source_fingerprint", report->source_fingerprint);
    lyc__json_unsigned(&json, "seed", planting->options->seed);
    tell_parameters(&json, planting, kind->takes);
    lyc__json_end(&json);
    lyc_free(planting->file.provenance);
    planting->file.provenance = NULL;
    return lyc__json_finish(&json, &planting->file.provenance, err);
}

static lyc_status store(lyc__planting *planting, lyc_error *err) {
    const lyc_dataset *data = planting->data;
    lyc__recorded_file *file = &planting->file, content = *file;
    uint64_t *checks = NULL;
    const char **names = NULL;
    lyc_status status;
    LYC_TRY_GOTO(LYC_NEW_ARRAY(checks, file->rows, err));
    LYC_TRY_GOTO(LYC_NEW_ARRAY(names, (size_t)file->classes, err));
    for (size_t row = 0; row < file->rows; row++) checks[row] = lyc_dataset_row_checksum(data, row);
    for (int c = 0; c < file->classes; c++) names[c] = lyc_dataset_class_name(data, c);
    content.checks = checks;
    content.class_names = (char **)names;
    content.data_fingerprint = (char *)lyc_dataset_fingerprint(data);
    content.unrelated_is_fine = false; /* the checksums prove the order */
    status = lyc__recorded_file_store(planting->options->output, &content, err);
done:
    lyc_free(names);
    lyc_free(checks);
    return status;
}

/* ---- planting --------------------------------------------------------------------------------------- */

static lyc_status plant(lyc__planting *planting, const lyc__plant_kind *kind, lyc_plant_report *report,
                        lyc_error *err) {
    int32_t *before = NULL;
    lyc_status status;
    LYC_TRY_GOTO(find_truth(planting, err));
    LYC_TRY_GOTO(remember_answers(&planting->file, &before, err));
    LYC_TRY_GOTO(kind->apply(planting, err));
    compare(planting, before, report);
    LYC_TRY_GOTO(tell_provenance(planting, kind, report, err));
    status = store(planting, err);
done:
    lyc_free(before);
    return status;
}

lyc_status lyc_plant(const lyc_plant_options *options, const lyc_dataset *data, lyc_plant_report *report,
                     lyc_error *err) {
    const lyc__plant_kind *kind;
    lyc__planting planting = {.options = options, .data = data};
    *report = (lyc_plant_report){0};
    LYC_TRY(find_kind(&kind, options->kind, err));
    LYC_TRY(lyc__recorded_file_check_target(options->output, err));
    LYC_TRY(lyc__plant_read(&planting.file, options->source, data, report->source_fingerprint, err));
    lyc_status status = plant(&planting, kind, report, err);
    lyc_free(planting.permutation);
    lyc_free(planting.known);
    lyc_free(planting.truth);
    lyc__recorded_file_release(&planting.file);
    return status;
}

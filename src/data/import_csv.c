/* CSV files of numbers -> data set. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/utf8.h"
#include "data/csv_table.h"
#include "data/import.h"
#include "lyceum/memory.h"

/* A distinct label; `index` counts them in the order of their appearance, `order` as classes. */
typedef struct label {
    char *text;
    int32_t index;
} label;

typedef struct reader {
    lyc__import import;
    const lyc_csv_options *csv;
    const lyc_import_options *options;
    const char *path; /* of the file being read */
    uint32_t features;
    const char *named;              /* the first file with a header, NULL = none yet */
    char names[LYC__HASH_HEX_SIZE]; /* of its columns */
    bool all_bytes;
    label *labels; /* [LYC__DATASET_MAX_CLASSES], sorted by their bytes */
    int label_count;
    int part;
    bool writing; /* the second pass */
} reader;

/* ---- labels -------------------------------------------------------------------------------------- */

static lyc_status fail_label(const reader *r, const lyc__csv_table *table, const char *reason,
                             lyc_error *err) {
    LYC_FAIL(err, LYC_EFORMAT, "%s: line %" PRIu64 ", column %" PRIu32 ": label \"%.60s\" %s", r->path,
             table->line, table->label_column + 1, table->label, reason);
}

static bool is_whole(const char *text) {
    const char *digits = text + (*text == '-');
    size_t length = strspn(digits, "0123456789");
    return length > 0 && length < 18 && digits[length] == '\0';
}

/* Where `text` stands among the sorted labels, or would stand. */
static int find_place(const reader *r, const char *text) {
    int low = 0, high = r->label_count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (strcmp(r->labels[middle].text, text) < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

static lyc_status class_by_name(const reader *r, const lyc__csv_table *table, int32_t *out, lyc_error *err) {
    const lyc_import_options *options = r->options;
    for (size_t i = 0; i < options->class_count; i++)
        if (strcmp(options->class_names[i], table->label) == 0) {
            *out = (int32_t)i;
            return LYC_OK;
        }
    long long number = is_whole(table->label) ? strtoll(table->label, NULL, 10) : -1;
    if (number < 0 || number >= (long long)options->class_count)
        return fail_label(r, table, "is neither the name of a class nor its number from 0; name every class",
                          err);
    *out = (int32_t)number;
    return LYC_OK;
}

static lyc_status class_by_value(reader *r, const lyc__csv_table *table, int32_t *out, lyc_error *err) {
    int place = find_place(r, table->label);
    if (place < r->label_count && strcmp(r->labels[place].text, table->label) == 0) {
        *out = r->labels[place].index;
        return LYC_OK;
    }
    if (r->label_count == LYC__DATASET_MAX_CLASSES)
        return fail_label(r, table, "is one too many: 32,768 classes are possible; is this the label column?",
                          err);
    for (const char *at = table->label; *at;) {
        size_t length = lyc__utf8_length(at, strlen(at));
        if (length == 0) return fail_label(r, table, "is not UTF-8; convert the file", err);
        at += length;
    }
    char *text = lyc_strdup(table->label);
    if (!text) LYC_FAIL(err, LYC_ENOMEM, "%s: no memory for the names of classes", r->path);
    memmove(r->labels + place + 1, r->labels + place, (size_t)(r->label_count - place) * sizeof *r->labels);
    *out = r->label_count++;
    r->labels[place] = (label){text, *out};
    return LYC_OK;
}

static lyc_status take_label(reader *r, const lyc__csv_table *table, lyc_error *err) {
    int32_t class_index = LYC_UNLABELLED;
    bool empty = table->label_column == table->columns || table->label[0] == '\0';
    if (!empty && r->options->class_names) LYC_TRY(class_by_name(r, table, &class_index, err));
    else if (!empty) LYC_TRY(class_by_value(r, table, &class_index, err));
    return lyc__import_label(&r->import, r->part, class_index, err);
}

static int by_number(const void *a, const void *b) {
    long long x = strtoll(((const label *)a)->text, NULL, 10),
              y = strtoll(((const label *)b)->text, NULL, 10);
    return x != y ? (x > y) - (x < y) : strcmp(((const label *)a)->text, ((const label *)b)->text);
}

/* Labels were counted as they came; from here on they are classes, in order. */
static lyc_status order_classes(reader *r, lyc_error *err) {
    const lyc_import_options *options = r->options;
    lyc_status status;
    const char **names = NULL;
    int32_t *class_of = NULL;
    bool whole = true;
    if (options->class_names)
        return lyc__import_classes(&r->import, options->class_names, options->class_count, err);
    if (r->label_count == 0)
        LYC_FAIL(err, LYC_EUSAGE, "%s: no row has a label; name the classes (--classes)", r->path);
    for (int i = 0; i < r->label_count; i++) whole = whole && is_whole(r->labels[i].text);
    if (whole) qsort(r->labels, (size_t)r->label_count, sizeof *r->labels, by_number);
    LYC_TRY_GOTO(LYC_NEW_ARRAY(names, (size_t)r->label_count, err));
    LYC_TRY_GOTO(LYC_NEW_ARRAY(class_of, (size_t)r->label_count, err));
    for (int i = 0; i < r->label_count; i++) {
        names[i] = r->labels[i].text;
        class_of[r->labels[i].index] = i;
    }
    for (uint32_t row = 0; row < r->import.content.rows; row++) {
        int32_t *at = &r->import.content.labels[row];
        if (*at != LYC_UNLABELLED) *at = class_of[*at];
    }
    status = lyc__import_classes(&r->import, names, (size_t)r->label_count, err);
done:
    lyc_free(names);
    lyc_free(class_of);
    return status;
}

/* ---- features ------------------------------------------------------------------------------------ */

static lyc_status take_features(reader *r, const lyc__csv_table *table, lyc_error *err) {
    void *slot = lyc__import_slot(&r->import);
    for (uint32_t i = 0; i < r->features; i++)
        if (r->import.content.is_float) ((float *)slot)[i] = table->values[i];
        else ((uint8_t *)slot)[i] = (uint8_t)table->values[i];
    return lyc__import_commit(&r->import, r->path, err);
}

/* Columns are told by their place, so the names at each place must agree between files. */
static lyc_status check_names(reader *r, const lyc__csv_table *table, lyc_error *err) {
    char names[LYC__HASH_HEX_SIZE];
    lyc__hash hash;
    if (!table->names) return LYC_OK;
    lyc__hash_start(&hash);
    for (uint32_t i = 0; i < table->columns; i++)
        lyc__hash_update(&hash, table->names[i], strlen(table->names[i]) + 1);
    lyc__hash_finish_hex(&hash, names);
    if (!r->named) {
        r->named = r->path;
        memcpy(r->names, names, sizeof names);
    }
    if (strcmp(names, r->names) == 0) return LYC_OK;
    LYC_FAIL(err, LYC_EFORMAT, "%s: its header names other columns than that of %s, or in another order",
             r->path, r->named);
}

static lyc_status read_rows(reader *r, lyc__csv_table *table, lyc_error *err) {
    LYC_TRY(check_names(r, table, err));
    uint32_t features = lyc__csv_table_features(table);
    bool found;
    if (r->features == 0) r->features = features;
    if (features != r->features)
        LYC_FAIL(err, LYC_EFORMAT, "%s: has %" PRIu32 " features a row, but the first file has %" PRIu32,
                 r->path, features, r->features);
    for (uint64_t row = 0;; row++) {
        LYC_TRY(lyc__csv_table_next(table, &found, err));
        if (!found && row == 0) LYC_FAIL(err, LYC_EFORMAT, "%s: holds a header and no row", r->path);
        if (!found) break;
        if (r->writing && !table->all_bytes && !r->import.content.is_float)
            LYC_FAIL(err, LYC_EFORMAT,
                     "%s: has changed while it was being read; try again when nobody writes it", r->path);
        LYC_TRY(r->writing ? take_features(r, table, err) : take_label(r, table, err));
    }
    r->all_bytes = r->all_bytes && table->all_bytes;
    return LYC_OK;
}

static lyc_status read_files(reader *r, const lyc_import_parts *files, lyc_error *err) {
    for (r->part = 0; r->part < 2; r->part++) {
        size_t count;
        const char *const *paths = lyc__import_part(files, r->part, &count);
        for (size_t i = 0; i < count; i++) {
            lyc__csv_table table;
            r->path = paths[i];
            LYC_TRY(lyc__csv_table_open(&table, r->path, r->csv, err));
            lyc_status status = read_rows(r, &table, err);
            lyc__csv_table_close(&table);
            if (status != LYC_OK) return status;
        }
    }
    return LYC_OK;
}

static lyc_status take_shape(reader *r, lyc_error *err) {
    const lyc_csv_options *csv = r->csv;
    lyc__dataset_content *content = &r->import.content;
    bool flat = csv->channels == 0 && csv->height == 0 && csv->width == 0;
    content->channels = flat ? 1 : csv->channels;
    content->height = flat ? 1 : csv->height;
    content->width = flat ? (int)r->features : csv->width;
    content->is_float = !r->all_bytes;
    if (content->channels < 1 || content->channels > LYC__DATASET_MAX_CHANNELS || content->height < 1 ||
        content->height > LYC__DATASET_MAX_SIDE || content->width < 1 ||
        content->width > LYC__DATASET_MAX_SIDE)
        LYC_FAIL(err, LYC_EUSAGE, "a shape of %d x %d x %d is not possible (1 to %d channels, sides 1 to %d)",
                 content->channels, content->height, content->width, LYC__DATASET_MAX_CHANNELS,
                 LYC__DATASET_MAX_SIDE);
    if (lyc__dataset_row_values(content) != r->features)
        LYC_FAIL(err, LYC_EFORMAT,
                 "%s: has %" PRIu32 " features a row, but a shape of %d x %d x %d needs %zu", r->path,
                 r->features, content->channels, content->height, content->width,
                 lyc__dataset_row_values(content));
    return LYC_OK;
}

lyc_status lyc_data_import_csv(const lyc_import_parts *files, const lyc_csv_options *csv,
                               const char *out_path, const lyc_import_options *options,
                               lyc_import_summary *out, lyc_error *err) {
    static const lyc_import_options defaults = {0};
    static const lyc_csv_options plain = {0};
    lyc_status status;
    reader r = {.csv = csv ? csv : &plain, .options = options ? options : &defaults, .all_bytes = true};
    LYC_TRY_GOTO(lyc__import_check(files, out_path, r.options, LYC__DATASET_MAX_CLASSES, err));
    LYC_TRY_GOTO(LYC_NEW_ARRAY(r.labels, LYC__DATASET_MAX_CLASSES, err));
    LYC_TRY_GOTO(read_files(&r, files, err));
    LYC_TRY_GOTO(take_shape(&r, err));
    LYC_TRY_GOTO(order_classes(&r, err));
    LYC_TRY_GOTO(lyc__import_begin(&r.import, out_path, r.options, "rows", err));
    r.writing = true;
    LYC_TRY_GOTO(read_files(&r, files, err));
    LYC_TRY_GOTO(lyc__import_end(&r.import, r.path, out, err));
done:
    for (int i = 0; i < r.label_count; i++) lyc_free(r.labels[i].text);
    lyc_free(r.labels);
    lyc__import_release(&r.import);
    return status;
}

#include "data/csv_table.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_writer.h"
#include "lyceum/memory.h"

static lyc_status fail_at(const lyc__csv_table *table, const lyc__csv_field *field, lyc_status status,
                          const char *reason, lyc_error *err) {
    const char *name = table->names && field->column < table->columns ? table->names[field->column] : NULL;
    LYC_FAIL(err, status, "%s: line %" PRIu64 ", column %" PRIu32 "%s%.80s%s: \"%.40s\" %s", table->path,
             field->line, field->column + 1, name ? " (\"" : "", name ? name : "", name ? "\")" : "",
             field->text, reason);
}

/* ---- numbers ------------------------------------------------------------------------------------- */

/* Most are the pixels of images: a few digits and nothing else. */
static bool parse_small(const lyc__csv_field *field, float *out) {
    int value = 0;
    if (field->size == 0 || field->size > 6) return false;
    for (size_t i = 0; i < field->size; i++) {
        if (field->text[i] < '0' || field->text[i] > '9') return false;
        value = 10 * value + (field->text[i] - '0');
    }
    *out = (float)value;
    return true;
}

/* Decimal numbers, with blanks around them; not what strtod takes besides: hexadecimals, "nan", "inf". */
static bool parse_number(const lyc__csv_field *field, float *out) {
    if (parse_small(field, out)) return true;
    const char *text = field->text + strspn(field->text, " \t");
    size_t length = strspn(text, "0123456789+-.eE");
    char *end = NULL;
    double value = lyc__number_parse(text, &end);
    *out = (float)value;
    return length > 0 && end == text + length && end[strspn(end, " \t")] == '\0';
}

static lyc_status take_value(lyc__csv_table *table, const lyc__csv_field *field, float *out, lyc_error *err) {
    if (field->size == 0)
        return fail_at(table, field, LYC_EFORMAT, "is empty; every feature needs a number", err);
    if (!parse_number(field, out)) return fail_at(table, field, LYC_EFORMAT, "is no number", err);
    if (!isfinite(*out)) return fail_at(table, field, LYC_EFORMAT, "is too large for a 32-bit float", err);
    table->all_bytes =
        table->all_bytes && *out >= 0.0f && *out <= 255.0f && *out == floorf(*out) && !signbit(*out);
    return LYC_OK;
}

/* ---- the first line ------------------------------------------------------------------------------ */

/* The texts of the first record, however many there are. */
static lyc_status add_name(lyc__csv_table *table, const char *text, lyc_error *err) {
    if (table->columns == LYC__CSV_MOST_COLUMNS)
        LYC_FAIL(err, LYC_EFORMAT, "%s: more than %" PRIu32 " columns", table->path, LYC__CSV_MOST_COLUMNS);
    if (table->columns == table->names_capacity) {
        size_t capacity = table->names_capacity ? 2 * table->names_capacity : 64;
        char **names = NULL;
        LYC_TRY(LYC_NEW_ARRAY(names, capacity, err));
        if (table->names) memcpy(names, table->names, table->columns * sizeof *names);
        lyc_free(table->names);
        table->names = names;
        table->names_capacity = capacity;
    }
    char *copy = lyc_strdup(text);
    if (!copy) LYC_FAIL(err, LYC_ENOMEM, "%s: no memory for its columns", table->path);
    table->names[table->columns++] = copy;
    return LYC_OK;
}

static lyc_status read_first(lyc__csv_table *table, lyc_error *err) {
    lyc__csv_field field = {0};
    for (bool found; !field.last;) {
        LYC_TRY(lyc__csv_next(table->csv, &field, &found, err));
        if (!found) LYC_FAIL(err, LYC_EFORMAT, "%s: is empty", table->path);
        LYC_TRY(add_name(table, field.text, err));
        table->line = field.line;
    }
    return LYC_OK;
}

static void forget_names(lyc__csv_table *table) {
    for (uint32_t i = 0; table->names && i < table->columns; i++) lyc_free(table->names[i]);
    lyc_free(table->names);
    table->names = NULL;
}

static bool parse_index(const char *text, uint32_t columns, uint32_t *out) {
    char *end = NULL;
    long value = strtol(text, &end, 10);
    if (end == text || *end) return false;
    if (value < 0) value += (long)columns;
    *out = (uint32_t)value;
    return value >= 0 && value < (long)columns;
}

static lyc_status find_label(lyc__csv_table *table, bool header, lyc_error *err) {
    const char *label = table->options->label ? table->options->label : "-1";
    uint32_t found = table->columns;
    table->label_column = table->columns;
    if (table->options->unlabelled) return LYC_OK;
    for (uint32_t i = 0; header && i < table->columns; i++) {
        if (strcmp(table->names[i], label) != 0) continue;
        if (found < table->columns)
            LYC_FAIL(err, LYC_EFORMAT,
                     "%s: columns %" PRIu32 " and %" PRIu32 " are both called '%s'; name the "
                     "label column by its number",
                     table->path, found + 1, i + 1, label);
        found = i;
    }
    if (found == table->columns && !parse_index(label, table->columns, &found))
        LYC_FAIL(err, LYC_EFORMAT,
                 "%s: has no label column '%.80s'%s; its %" PRIu32 " columns go from 0 ('%.40s') to %" PRIu32
                 " ('%.40s')",
                 table->path, label, header ? "" : " (and no header)", table->columns, table->names[0],
                 table->columns - 1, table->names[table->columns - 1]);
    table->label_column = found;
    return LYC_OK;
}

/* The label may be a word in any row; another word shows that these are names. The label column may itself be
 * known by its name only. Words among numbers may be names or a damaged row, which must not get lost. */
static lyc_status look_for_header(const lyc__csv_table *table, bool *header, lyc_error *err) {
    const lyc_csv_options *options = table->options;
    uint32_t label = table->columns, numbers = 0, word = table->columns;
    *header = options->header == LYC_CSV_HEADER_PRESENT;
    if (options->header != LYC_CSV_HEADER_AUTO) return LYC_OK;
    *header = true;
    if (!options->unlabelled && !parse_index(options->label ? options->label : "-1", table->columns, &label))
        return LYC_OK;
    for (uint32_t i = 0; i < table->columns; i++) {
        float unused;
        lyc__csv_field field = {.text = table->names[i], .size = strlen(table->names[i])};
        if (i == label || field.size == 0) continue;
        if (parse_number(&field, &unused)) numbers++;
        else word = i;
    }
    *header = word < table->columns;
    if (!*header || numbers == 0) return LYC_OK;
    LYC_FAIL(err, LYC_EUSAGE,
             "%s: line %" PRIu64 " holds numbers and, in column %" PRIu32
             ", \"%.40s\": is it a header? Say so (--header yes or no)",
             table->path, table->line, word + 1, table->names[word]);
}

/* Without a header the first record was data. */
static lyc_status take_first(lyc__csv_table *table, lyc_error *err) {
    char **texts = table->names;
    uint32_t at = 0;
    lyc_status status = LYC_OK;
    table->names = NULL;
    for (uint32_t i = 0; status == LYC_OK && i < table->columns; i++) {
        lyc__csv_field field = {.text = texts[i], .size = strlen(texts[i]), .line = table->line, .column = i};
        if (i == table->label_column) memcpy(table->label, field.text, field.size + 1);
        else status = take_value(table, &field, &table->values[at++], err);
    }
    table->pending = true;
    table->names = texts;
    forget_names(table);
    return status;
}

static lyc_status open_inside(lyc__csv_table *table, lyc_error *err) {
    char delimiter = table->options->delimiter ? table->options->delimiter : ',';
    if (strchr("\"\r\n0123456789+-.eE", delimiter))
        LYC_FAIL(err, LYC_EUSAGE, "'%c' cannot separate numbers; give another delimiter", delimiter);
    if (table->options->unlabelled && table->options->label)
        LYC_FAIL(err, LYC_EUSAGE, "a label column is named, and said to be absent; give one of both");
    LYC_TRY(lyc__csv_open(&table->csv, table->path, delimiter, err));
    LYC_TRY(read_first(table, err));
    bool header;
    LYC_TRY(look_for_header(table, &header, err));
    LYC_TRY(find_label(table, header, err));
    if (lyc__csv_table_features(table) == 0)
        LYC_FAIL(err, LYC_EFORMAT, "%s: has a single column, the label; are fields separated by '%c'?",
                 table->path, delimiter);
    LYC_TRY(LYC_NEW_ARRAY(table->values, table->columns, err));
    return header ? LYC_OK : take_first(table, err);
}

lyc_status lyc__csv_table_open(lyc__csv_table *out, const char *path, const lyc_csv_options *options,
                               lyc_error *err) {
    *out = (lyc__csv_table){.path = path, .options = options, .all_bytes = true};
    lyc_status status = open_inside(out, err);
    if (status != LYC_OK) lyc__csv_table_close(out);
    return status;
}

uint32_t lyc__csv_table_features(const lyc__csv_table *table) {
    return table->columns - (table->label_column < table->columns);
}

/* ---- records ------------------------------------------------------------------------------------- */

static lyc_status check_width(const lyc__csv_table *table, const lyc__csv_field *field, lyc_error *err) {
    if (field->column >= table->columns)
        LYC_FAIL(err, LYC_EFORMAT,
                 "%s: line %" PRIu64 " has more fields than the %" PRIu32 " of the first line", table->path,
                 table->line, table->columns);
    if (field->last && field->column + 1 < table->columns)
        LYC_FAIL(err, LYC_EFORMAT, "%s: line %" PRIu64 " has %" PRIu32 " field(s), the first line %" PRIu32,
                 table->path, table->line, field->column + 1, table->columns);
    return LYC_OK;
}

lyc_status lyc__csv_table_next(lyc__csv_table *table, bool *found, lyc_error *err) {
    lyc__csv_field field = {0};
    float *value = table->values;
    *found = true;
    if (table->pending) {
        table->pending = false;
        return LYC_OK;
    }
    while (!field.last) {
        LYC_TRY(lyc__csv_next(table->csv, &field, found, err));
        if (!*found) return LYC_OK;
        if (field.column == 0) table->line = field.line;
        LYC_TRY(check_width(table, &field, err));
        if (field.column == table->label_column) memcpy(table->label, field.text, field.size + 1);
        else LYC_TRY(take_value(table, &field, value++, err));
    }
    return LYC_OK;
}

void lyc__csv_table_close(lyc__csv_table *table) {
    forget_names(table);
    lyc_free(table->values);
    lyc__csv_close(table->csv);
    *table = (lyc__csv_table){0};
}
